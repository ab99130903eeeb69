"""Both life lines of one object next to each other, whole or in short, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.comparison.sides import explained
from fpn_viewer.core.comparison.values import ObjectPair, ObjectRow
from fpn_viewer.core.numbers import significant
from fpn_viewer.core.structures import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.comparison.values import Ended
    from fpn_viewer.core.geometry import Box

    End = LifeLine | Ended

#: stages of all families in one order: what only one-stage detectors have comes where they run it
_ORDER: tuple[str, ...] = tuple(stage for name in STAGES for stage in ((name, "top_k") if name == "class_score" else (name,)))


@dataclass(frozen=True)
class Asked:
    """An object that both sides are asked about.

    Attributes:
        number: its row.
        name: its class.
        box_img: xyxy image px.
        labels: A's and B's label for its class; None where it has none.
        status: a key of `STATUSES`.
        untold: why nothing can be said of it; "" where it can.
        detections: rows of A's and B's detections that count for it; None without one.
        scores: of these.
        others: the other objects.
        told: what happened to it, where that is known without life lines.
    """

    number: int
    name: str
    box_img: Box
    labels: tuple[int | None, int | None]
    status: str
    untold: str
    detections: tuple[int | None, int | None]
    scores: tuple[float | None, float | None]
    others: object = None
    told: str = ""

    @property
    def wanted(self) -> tuple[int | None, int | None]:
        """The labels that A and B are asked about; None where one is not asked."""
        return (None, None) if self.untold else self.labels


def object_pair(sides: tuple[Side, Side], asked: Asked, iou: float) -> ObjectPair:
    """An object with both life lines.

    Raises:
        QuestionError: the box or the overlap cannot be asked about.
    """
    a, b = (
        None if label is None else explained(side, asked.box_img, label, iou=iou, others=asked.others)
        for side, label in zip(sides, asked.wanted, strict=True)
    )
    return ObjectPair(asked.number, asked.name, asked.box_img, asked.status, a, b, _parting(a, b), _sentence(asked, (a, b)))


def object_row(asked: Asked, ends: tuple[Ended | None, Ended | None] | None) -> ObjectRow:
    """An object in short; without ends it was not followed yet."""
    a, b = ends or (None, None)
    known = ends is not None or asked.wanted == (None, None)
    return ObjectRow(
        number=asked.number,
        name=asked.name,
        box_img=asked.box_img,
        status=asked.status,
        detections=asked.detections,
        followed=known,
        a=a,
        b=b,
        differs_at=_parting(a, b),
        sentence=_sentence(asked, (a, b)) if known or asked.status == "unknown" else "",
    )


def _parting(a: End | None, b: End | None) -> str:
    return differs_at(a, b) if a is not None and b is not None else ""


def differs_at(a: End, b: End) -> str:
    """The first stage that lost an object in one and not in the other; "" where both found it or lost it at the same one.

    Stages of a two-stage and of a one-stage detector have one order; one that only one of them has differs like any other.
    """
    if a.killer == b.killer:
        return ""
    return min((killer for killer in (a.killer, b.killer) if killer is not None), key=_ORDER.index)


def _sentence(asked: Asked, ends: Sequence[End | None]) -> str:
    if asked.untold or asked.told:
        return asked.untold or asked.told
    if asked.status == "unknown":
        who = [letter for letter, label in zip("AB", asked.labels, strict=True) if label is None]
        has = "has" if len(who) == 1 else "have"
        return f"{' and '.join(who)} {has} no class for {asked.name!r}, and cannot find it."
    killers = [end.killer if end is not None else None for end in ends]
    if asked.status == "neither" and killers[0] == killers[1] and killers[0] is not None:
        return f"Lost by both at {killers[0]}."
    parts = [_fate(letter, score, end) for letter, score, end in zip("AB", asked.scores, ends, strict=True)]
    return f"{parts[0]}; {parts[1]}."


def _fate(letter: str, score: float | None, end: End | None) -> str:
    if score is not None:
        return f"{letter} found it with score {significant(score)}"
    if end is None or end.killer is None:
        return f"{letter} has a detection here that counts for a neighbour"
    return f"{letter} lost it at {end.killer}"
