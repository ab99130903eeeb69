"""What the document says of itself: what it is doing, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunState:
    """What the worker is doing for the user.

    Attributes:
        kind: "empty" (no picture), "loading" (picture), "opening" (detector), "running", "ready", "cancelled", "failed".
        stage: what it is at: "backbone".
        fraction: share done, 0..1.
        text: one sentence for the status bar.
    """

    kind: str = "empty"
    stage: str = ""
    fraction: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """Something the user should read.

    Attributes:
        title: one sentence: what, which file, what to do.
        details: text for Copy; may be empty.
        checkpoint: the file that did not open, for a check-up; "" for everything else.
    """

    title: str
    details: str = ""
    checkpoint: str = ""
