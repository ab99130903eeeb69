"""What two runs of one picture differ in, as frozen values without tensors. Importing this loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.geometry import Box, Size

#: what became of an object in A and in B: key to one sentence
STATUSES: dict[str, str] = {
    "both": "found by both",
    "only A": "found by A and lost by B",
    "only B": "lost by A and found by B",
    "neither": "lost by both",
    "unknown": "a class that a detector does not know, or a box or region that nothing is matched with",
}
#: in which order they are read: what differs comes first
WHAT_DIFFERS_FIRST: tuple[str, ...] = ("only A", "only B", "neither", "both", "unknown")
#: what a detection of one is in the other: key to one sentence
PAIRS: dict[str, str] = {
    "same": "the same box, class and score in both",
    "rescored": "the same place and class, another score",
    "moved": "the same class, a box that was moved",
    "relabelled": "the same place, another class",
    "only A": "in A only",
    "only B": "in B only",
}


@dataclass(frozen=True)
class NodeDifference:
    """One map of the network in A and in B.

    Attributes:
        node: its name, the same in both.
        level: the level whose size it has, as in A.
        size_a: (h, w) cells.
        size_b: (h, w) cells.
        channels_a: how many.
        channels_b: how many.
        matched: how channels of A and B are put together: "by index" or "by correlation".
        resampled: True where the sizes differ and both were read at the same points of the picture.
        cka: linear centred kernel alignment over cells, 0..1; None where a map does not vary. Of fewer cells than channels it is
            high for any two maps.
        cosine: of all values; None where a map is zero.
        relative_l2: ‖B − A‖ / ‖A‖; None where A is zero and B is not, infinite where one has NaN and the other has not.
        largest: greatest |B − A|; infinite as above.
    """

    node: str
    level: str
    size_a: Size
    size_b: Size
    channels_a: int
    channels_b: int
    matched: str
    resampled: bool
    cka: float | None
    cosine: float | None
    relative_l2: float | None
    largest: float | None


@dataclass(frozen=True)
class ObjectPair:
    """One object in A and in B.

    Attributes:
        number: its place in the ground truth; where there is none, of the detection pair it stands for.
        name: its class.
        box_img: xyxy image px.
        status: a key of `STATUSES`.
        line_a: its life line in A; None where it cannot be asked about.
        line_b: the same in B.
        differs_at: the first stage that lost it in one and not in the other; "" where there is none.
        sentence: what happened to it, for a person.
    """

    number: int
    name: str
    box_img: Box
    status: str
    line_a: LifeLine | None
    line_b: LifeLine | None
    differs_at: str
    sentence: str


@dataclass(frozen=True)
class Ended:
    """How an object's way through one side ends: what `LifeLine` says of it, without the stages.

    Attributes:
        killer: the stage that lost it; None when it was found.
        outcome: a key of `analysis.line.OUTCOMES`.
        verdict: one sentence.
    """

    killer: str | None
    outcome: str
    verdict: str


@dataclass(frozen=True)
class ObjectRow:
    """One object in A and in B in short; `ObjectPair` has the stages as well.

    Attributes:
        number: as in `ObjectPair`.
        name: its class.
        box_img: xyxy image px.
        status: a key of `STATUSES`.
        detections: rows of A's and of B's detections that count for it; None without one.
        followed: whether what is below is known already.
        a: how it ends in A; None where A cannot be asked about it.
        b: the same in B.
        differs_at: the first stage that lost it in one and not in the other; "" where there is none.
        sentence: what happened to it, for a person.
    """

    number: int
    name: str
    box_img: Box
    status: str
    detections: tuple[int | None, int | None]
    followed: bool
    a: Ended | None = None
    b: Ended | None = None
    differs_at: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class DetectionPair:
    """Detections of A and B that are about the same thing.

    Attributes:
        kind: a key of `PAIRS`.
        a: row of A's detections, or None.
        b: row of B's detections, or None.
        iou: of the two boxes; 0 where one is missing.
        score_a: 0..1, or None.
        score_b: 0..1, or None.
    """

    kind: str
    a: int | None
    b: int | None
    iou: float
    score_a: float | None
    score_b: float | None


@dataclass(frozen=True)
class WeightChange:
    """How much one module's weights differ.

    Attributes:
        module: its path, the same in both, or in the one that has it.
        parameters: numbers in it (of A, or of B where A has none).
        relative: ‖B − A‖ / ‖A‖ over its own weights; None where they cannot be subtracted.
        note: "only in A", "only in B", "other shape", "all zero in A"; "" where they were subtracted.
    """

    module: str
    parameters: int
    relative: float | None
    note: str = ""
