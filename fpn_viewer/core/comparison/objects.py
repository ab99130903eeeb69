"""The objects that two sides are compared by, those of the ground truth or what either detected, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fpn_viewer.core.analysis.assignment import on_picture_at_all
from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.annotations.labels import match_labels
from fpn_viewer.core.comparison.object_lines import Asked
from fpn_viewer.core.comparison.pairing import labels_between
from fpn_viewer.core.comparison.sides import endings
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.matching import Matching
    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.comparison.values import DetectionPair, Ended
    from fpn_viewer.core.tracing.record import Watcher

    Ends = tuple[Ended | None, Ended | None]

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


class Objects(Protocol):
    """The objects that two sides are compared by."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def statuses(self) -> tuple[str, ...]:
        """Of each a key of `STATUSES`, without life lines."""
        ...

    def asked(self, number: int) -> Asked:
        """What both sides are asked about one of them."""
        ...

    def ends(self, numbers: Sequence[int], watcher: Watcher | None = None) -> list[Ends]:
        """How some of them end in A and in B."""
        ...


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

    def asked(self, number: int) -> Asked:
        """What both sides are asked about one of them.

        Raises:
            IndexError: there is no such object.
        """
        number = range(len(self))[number]
        x1, y1, x2, y2 = self.truth.boxes_img[number].tolist()
        found_a, found_b = (_found(matching, number) for matching in self.matchings)
        return Asked(
            number=number,
            name=self.truth.names[number],
            box_img=(x1, y1, x2, y2),
            labels=(self.labels[0][number], self.labels[1][number]),
            status=self.statuses[number],
            untold=self._untold(number),
            detections=(found_a, found_b),
            scores=_scores(self.sides, (found_a, found_b)),
            others=self._others(number),
        )

    def ends(self, numbers: Sequence[int], watcher: Watcher | None = None) -> list[Ends]:
        """How some of them end in A and in B, each next to all the others.

        Args:
            numbers: which.
            watcher: may stop between two objects.
        """
        places, chosen = np.flatnonzero(self._sound), frozenset(numbers)
        boxes = self.truth.boxes_img[places]
        out: list[list[Ended | None]] = []
        for side, labels in zip(self.sides, self.labels, strict=True):
            wanted = [labels[place] if place in chosen and not self._untold(place) else None for place in places.tolist()]
            told = dict(zip(places.tolist(), endings(side, boxes, wanted, iou=self.iou, watcher=watcher), strict=True))
            out.append([told.get(number) for number in numbers])
        return list(zip(*out, strict=True))

    def _untold(self, number: int) -> str:
        """Why no detector is asked about an object; "" where both are."""
        return next((_UNTOLD[told] for told in (one.outcomes[number] for one in self.matchings) if told in _UNTOLD), "")

    def _others(self, number: int) -> NDArray[np.float64]:
        """The boxes that training would share its anchors with (N, 4)."""
        sound = self._sound.copy()
        sound[number] = False
        return self.truth.boxes_img[sound]

    @cached_property
    def _sound(self) -> NDArray[np.bool_]:
        """(G,) what training uses, and can be followed."""
        return np.array([not flaw for flaw in self.truth.flaws], np.bool_) & ~self.truth.crowd


def _found(matching: Matching, number: int) -> int | None:
    """Row of the detection that counts for an object; None without one."""
    return int(matching.detection[number]) if matching.outcomes[number] == "found" else None


def _scores(sides: tuple[Side, Side], rows: tuple[int | None, int | None]) -> tuple[float | None, float | None]:
    """Scores of A's and of B's detections; None without one."""
    first, second = (None if row is None else float(side.detections.scores[row]) for side, row in zip(sides, rows, strict=True))
    return first, second


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

    def asked(self, number: int) -> Asked:
        """What both sides are asked about one of them.

        Raises:
            IndexError: there is no such pair.
        """
        number = range(len(self))[number]
        pair = self.pairs[number]
        side, row = (self.sides[0], pair.a) if pair.a is not None else (self.sides[1], pair.b)
        x1, y1, x2, y2 = (float(v) for v in side.detections.boxes_img[row])
        box = (x1, y1, x2, y2)
        # what B calls otherwise does not count for what A calls it
        found = (pair.a, None if pair.kind == "relabelled" else pair.b)
        return Asked(
            number=number,
            name=side.spec.class_names[int(side.detections.labels[row])],
            box_img=box,
            labels=self._labels(pair),
            status=self.statuses[number],
            untold="" if on_picture_at_all(np.array([box]), side.image_size)[0] else _NO_AREA,
            detections=found,
            scores=_scores(self.sides, found),
            told=self._taken_for_another(pair) if pair.kind == "relabelled" else "",
        )

    def ends(self, numbers: Sequence[int], watcher: Watcher | None = None) -> list[Ends]:
        """How some of them end in A and in B; each is followed alone, because nobody says that there is anything else.

        Args:
            numbers: which.
            watcher: may stop between two of them.
        """
        out = []
        for asked in map(self.asked, numbers):
            box = np.array([asked.box_img])
            first, second = (
                endings(side, box, [label], iou=self.iou, watcher=watcher)[0]
                for side, label in zip(self.sides, asked.wanted, strict=True)
            )
            out.append((first, second))
        return out

    def _taken_for_another(self, pair: DetectionPair) -> str:
        names = [
            side.spec.class_names[int(side.detections.labels[row])] for side, row in zip(self.sides, (pair.a, pair.b), strict=True)
        ]
        scores = [significant(score) for score in (pair.score_a, pair.score_b) if score is not None]
        return f"A takes it for {names[0]} with score {scores[0]}, B for {names[1]} with score {scores[1]}."

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
