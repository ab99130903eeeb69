"""What became of every object in A and in B, with both life lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fpn_viewer.core.analysis.assignment import on_picture_at_all
from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.annotations.labels import match_labels
from fpn_viewer.core.comparison.pairing import labels_between
from fpn_viewer.core.comparison.sides import explained
from fpn_viewer.core.comparison.values import ObjectPair
from fpn_viewer.core.numbers import significant
from fpn_viewer.core.structures import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.analysis.matching import Matching
    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.comparison.values import DetectionPair
    from fpn_viewer.core.geometry import Box

#: status by whether A and B found an object
_STATUS: dict[tuple[bool, bool], str] = {
    (True, True): "both",
    (True, False): "only A",
    (False, True): "only B",
    (False, False): "neither",
}
#: outcomes of matching that say nothing about a detector
_UNTOLD: dict[str, str] = {
    "crowd": "A region of many objects, which is never missed.",
    "flawed": "Its box is broken, so that nothing can match it.",
}
_NO_AREA = "No part of its box lies on the picture, so that it cannot be followed."
#: stages of all families in one order: what only one-stage detectors have comes where they run it
_ORDER: tuple[str, ...] = tuple(stage for name in STAGES for stage in ((name, "top_k") if name == "class_score" else (name,)))


class Objects(Protocol):
    """The objects that two sides are compared by."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def statuses(self) -> tuple[str, ...]:
        """Of each a key of `STATUSES`, without life lines."""
        ...

    def pair(self, number: int) -> ObjectPair:
        """One of them with both life lines."""
        ...


@dataclass(frozen=True)
class _Asked:
    """An object that both sides are asked about.

    Attributes:
        number: its row.
        name: its class.
        box_img: xyxy image px.
        labels: A's and B's label for its class; None where it has none.
        status: a key of `STATUSES`.
        untold: why nothing can be said of it; "" where it can.
        scores: of the detections that count for it; None without one.
        others: the other objects.
    """

    number: int
    name: str
    box_img: Box
    labels: tuple[int | None, int | None]
    status: str
    untold: str
    scores: tuple[float | None, float | None]
    others: object = None


def _object_pair(sides: tuple[Side, Side], asked: _Asked, iou: float) -> ObjectPair:
    lines = [
        None if label is None or asked.untold else explained(side, asked.box_img, label, iou=iou, others=asked.others)
        for side, label in zip(sides, asked.labels, strict=True)
    ]
    sentence = asked.untold or _sentence(asked, lines)
    differs = differs_at(lines[0], lines[1]) if lines[0] is not None and lines[1] is not None else ""
    return ObjectPair(asked.number, asked.name, asked.box_img, asked.status, lines[0], lines[1], differs, sentence)


def differs_at(a: LifeLine, b: LifeLine) -> str:
    """The first stage that lost an object in one and not in the other; "" where both found it or lost it at the same one.

    Stages of a two-stage and of a one-stage detector have one order; one that only one of them has differs like any other.
    """
    if a.killer == b.killer:
        return ""
    return min((killer for killer in (a.killer, b.killer) if killer is not None), key=_ORDER.index)


def _sentence(asked: _Asked, lines: Sequence[LifeLine | None]) -> str:
    if asked.status == "unknown":
        who = [letter for letter, label in zip("AB", asked.labels, strict=True) if label is None]
        has = "has" if len(who) == 1 else "have"
        return f"{' and '.join(who)} {has} no class for {asked.name!r}, and cannot find it."
    killers = [line.killer if line is not None else None for line in lines]
    if asked.status == "neither" and killers[0] == killers[1] and killers[0] is not None:
        return f"Lost by both at {killers[0]}."
    parts = [_fate(letter, score, line) for letter, score, line in zip("AB", asked.scores, lines, strict=True)]
    return f"{parts[0]}; {parts[1]}."


def _fate(letter: str, score: float | None, line: LifeLine | None) -> str:
    if score is not None:
        return f"{letter} found it with score {significant(score)}"
    if line is None or line.killer is None:
        return f"{letter} has a detection here that counts for a neighbour"
    return f"{letter} lost it at {line.killer}"


@dataclass(frozen=True, eq=False)
class AnnotatedObjects:
    """The objects of the ground truth.

    Attributes:
        sides: A and B.
        truth: the objects.
        iou: overlap from which a detection counts.
        classes: a detector's class by a name of the ground truth, as the user said; None for one that is left out.
    """

    sides: tuple[Side, Side]
    truth: GroundTruth
    iou: float
    classes: Mapping[str, str | None]

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def labels(self) -> tuple[list[int | None], list[int | None]]:
        """For A and B the label of every object, by its class's name."""
        names = tuple(dict.fromkeys(self.truth.names))
        maps = [match_labels(names, side.spec.class_names, self.classes).labels for side in self.sides]
        first, second = ([labels[name] for name in self.truth.names] for labels in maps)
        return first, second

    @cached_property
    def matchings(self) -> tuple[Matching, Matching]:
        """What counts for what in A and in B."""
        first, second = (self._matched(side, labels) for side, labels in zip(self.sides, self.labels, strict=True))
        return first, second

    def _matched(self, side: Side, labels: list[int | None]) -> Matching:
        found = side.detections
        return match(self.truth, labels, found.boxes_img, found.scores, found.labels, iou=self.iou)

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """Of each a key of `STATUSES`."""
        first, second = (matching.outcomes for matching in self.matchings)
        return tuple(_status(a, b) for a, b in zip(first, second, strict=True))

    def pair(self, number: int) -> ObjectPair:
        """One of them with both life lines.

        Raises:
            IndexError: there is no such object.
        """
        number = range(len(self))[number]
        x1, y1, x2, y2 = self.truth.boxes_img[number].tolist()
        scores = [self._score(side, matching, number) for side, matching in zip(self.sides, self.matchings, strict=True)]
        asked = _Asked(
            number,
            self.truth.names[number],
            (x1, y1, x2, y2),
            (self.labels[0][number], self.labels[1][number]),
            self.statuses[number],
            self._untold(number),
            (scores[0], scores[1]),
            self._others(number),
        )
        return _object_pair(self.sides, asked, self.iou)

    def _untold(self, number: int) -> str:
        """Why no detector is asked about an object; "" where both are."""
        return next((_UNTOLD[told] for told in (one.outcomes[number] for one in self.matchings) if told in _UNTOLD), "")

    def _others(self, number: int) -> NDArray[np.float64]:
        """The boxes that training would share its anchors with (N, 4)."""
        sound = np.array([not flaw for flaw in self.truth.flaws], np.bool_) & ~self.truth.crowd
        sound[number] = False
        return self.truth.boxes_img[sound]

    def _score(self, side: Side, matching: Matching, number: int) -> float | None:
        found = matching.outcomes[number] == "found"
        return float(side.detections.scores[matching.detection[number]]) if found else None


def _status(a: str, b: str) -> str:
    if {a, b} & {*_UNTOLD, "unknown class"}:
        return "unknown"
    return _STATUS[a == "found", b == "found"]


@dataclass(frozen=True, eq=False)
class DetectedObjects:
    """Where there is no ground truth: what either of the two detected.

    Attributes:
        sides: A and B.
        pairs: their detections.
        iou: overlap from which a box is near an object.
    """

    sides: tuple[Side, Side]
    pairs: tuple[DetectionPair, ...]
    iou: float

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """Of each a key of `STATUSES`; what the two give other classes is found, as what it is called, by one only."""
        return tuple(self._status(pair) for pair in self.pairs)

    def _status(self, pair: DetectionPair) -> str:
        if None in self._labels(pair):
            return "unknown"
        if pair.kind == "relabelled":
            return "only A"
        return _STATUS[pair.a is not None, pair.b is not None]

    def pair(self, number: int) -> ObjectPair:
        """One of them with both life lines.

        Raises:
            IndexError: there is no such pair.
        """
        number = range(len(self))[number]
        pair = self.pairs[number]
        side, row = (self.sides[0], pair.a) if pair.a is not None else (self.sides[1], pair.b)
        x1, y1, x2, y2 = (float(v) for v in side.detections.boxes_img[row])
        name = side.spec.class_names[int(side.detections.labels[row])]
        relabelled = pair.kind == "relabelled"
        scores = (pair.score_a, None if relabelled else pair.score_b)
        box = (x1, y1, x2, y2)
        untold = "" if on_picture_at_all(np.array([box]), side.image_size)[0] else _NO_AREA
        asked = _Asked(number, name, box, self._labels(pair), self.statuses[number], untold, scores)
        found = _object_pair(self.sides, asked, self.iou)
        return found if untold or not relabelled else self._taken_for_another(found, pair)

    def _taken_for_another(self, found: ObjectPair, pair: DetectionPair) -> ObjectPair:
        names = [
            side.spec.class_names[int(side.detections.labels[row])] for side, row in zip(self.sides, (pair.a, pair.b), strict=True)
        ]
        scores = [significant(score) for score in (pair.score_a, pair.score_b) if score is not None]
        return replace(
            found, sentence=f"A takes it for {names[0]} with score {scores[0]}, B for {names[1]} with score {scores[1]}."
        )

    def _labels(self, pair: DetectionPair) -> tuple[int | None, int | None]:
        if pair.a is not None:
            own = int(self.sides[0].detections.labels[pair.a])
            return own, self._known[0].get(own)
        own = int(self.sides[1].detections.labels[pair.b])
        return self._known[1].get(own), own

    @cached_property
    def _known(self) -> tuple[Mapping[int, int | None], Mapping[int, int | None]]:
        """B's label for each of A, and A's for each of B."""
        a, b = (side.spec for side in self.sides)
        return labels_between(a, b), labels_between(b, a)
