"""What a trap is: a known way in which a detector loses objects without anyone noticing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trap:
    """A trap that was recognised.

    Attributes:
        name: key of its row in `traps.TRAPS`.
        title: two to four words, for a badge.
        sentence: what it is, with this trace's numbers, and what to do.
        count: how many objects, detections or levels it concerns; 0 when that makes no sense.
    """

    name: str
    title: str
    sentence: str
    count: int = 0
