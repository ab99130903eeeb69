"""The values a trace is made of: stages, candidates, detections. Arrays are read-only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.geometry import frozen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: every stage of a two-stage detector in order; `resize` and `anchors` inform and never kill
STAGES: tuple[str, ...] = (
    "resize",
    "anchors",
    "rpn_regression",
    "rpn_top_k",
    "rpn_min_size",
    "rpn_score",
    "rpn_nms",
    "rpn_cap",
    "box_regression",
    "class_score",
    "min_size",
    "nms",
    "cap",
    "detected",
)
STAGE: dict[str, int] = {name: index for index, name in enumerate(STAGES)}

#: every stage of a one-stage detector in order: all anchors are classified at once and there are no proposals
DENSE_STAGES: tuple[str, ...] = ("resize", "anchors", "box_regression", "class_score", "top_k", "nms", "cap", "detected")
DENSE_STAGE: dict[str, int] = {name: index for index, name in enumerate(DENSE_STAGES)}


class Table:
    """Mixin of frozen dataclasses of equally long arrays."""

    def __post_init__(self) -> None:
        lengths = set()
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            array = frozen(getattr(self, field.name))
            object.__setattr__(self, field.name, array)
            lengths.add(len(array))
        if len(lengths) > 1:
            raise ValueError(f"{type(self).__name__}: columns of different length {sorted(lengths)}")

    def __len__(self) -> int:
        first = dataclasses.fields(self)[0].name  # type: ignore[arg-type]
        return len(getattr(self, first))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        columns: list[NDArray[Any]] = [getattr(self, f.name) for f in dataclasses.fields(self)]  # type: ignore[arg-type]
        return sum(column.nbytes for column in columns)


@dataclass(frozen=True)
class Candidates(Table):
    """Every anchor, followed through the detector; row i is anchor i in torchvision's order (level, row, column, shape).

    In a one-stage detector `objectness` is the logit of the score of the anchor's best class, the box is the one the head
    regressed, and an anchor got as far as the best of its classes.

    Attributes:
        level: index into the trace's levels (N,).
        y: row of its cell (N,).
        x: column of its cell (N,).
        shape: which of the anchors of the cell (N,).
        objectness: logit (N,).
        box_net: (N, 4) xyxy net px, the anchor after the RPN's regression, clipped to the picture.
        alive_after: index into the trace's stages of the last stage survived (N,).
        suppressed_by: row of the candidate whose overlap removed it in the RPN's (one-stage: the head's) NMS, or -1 (N,).
        rank: place by objectness in its level, from 1 (N,).
    """

    level: NDArray[np.int16]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    shape: NDArray[np.int16]
    objectness: NDArray[np.float32]
    box_net: NDArray[np.float32]
    alive_after: NDArray[np.int8]
    suppressed_by: NDArray[np.int32]
    rank: NDArray[np.int32]


@dataclass(frozen=True)
class Proposals(Table):
    """What the RPN handed to the second stage, best first.

    Attributes:
        box_net: (R, 4) xyxy net px.
        score: sigmoid objectness (R,).
        candidate: row of `Candidates`, or -1 when the replay cannot follow (R,).
        roi_level: index into the trace's levels of the map it is read from (R,).
    """

    box_net: NDArray[np.float32]
    score: NDArray[np.float32]
    candidate: NDArray[np.int32]
    roi_level: NDArray[np.int16]


@dataclass(frozen=True)
class ClassBoxes(Table):
    """One row for every proposal and every class: the candidates of the second stage.

    A one-stage detector has a row for every anchor and class that its top-k let through: all of them would be millions.

    Attributes:
        proposal: row of `Proposals`; in a one-stage detector row of `Candidates` (M,).
        label: (M,), from 1; in a one-stage detector from 0.
        score: softmax probability; in a one-stage detector the head's own score (M,).
        box_net: (M, 4) xyxy net px, after the box head's regression, clipped to the picture.
        alive_after: index into the trace's stages of the last stage survived (M,).
        suppressed_by: row of this table whose overlap removed it in the head's NMS, or -1 (M,).
    """

    proposal: NDArray[np.int32]
    label: NDArray[np.int32]
    score: NDArray[np.float32]
    box_net: NDArray[np.float32]
    alive_after: NDArray[np.int8]
    suppressed_by: NDArray[np.int32]


@dataclass(frozen=True)
class Detections(Table):
    """The model's own output.

    Attributes:
        boxes_img: (N, 4) xyxy image px.
        scores: (N,), best first.
        labels: (N,), from 1; in a one-stage detector from 0.
        candidate: row of `Candidates` it grew from, or -1 when the replay cannot follow (N,).
    """

    boxes_img: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    candidate: NDArray[np.int32]


@dataclass(frozen=True)
class Divergence:
    """Where the replay stopped reproducing the model's own output.

    Attributes:
        stage: the first stage that differs, one of the trace's stages.
        why: one sentence.
    """

    stage: str
    why: str


@dataclass(frozen=True)
class StageTime:
    """Seconds one part of the forward took: "resize", "backbone", "neck", "RPN", "RoI heads" (one-stage: "head")."""

    name: str
    seconds: float


def as_numpy(tensor: Any) -> NDArray[Any]:
    """A tensor's values as an array of its own (a plain `.numpy()` would alias the tensor)."""
    return tensor.detach().cpu().numpy().copy()  # type: ignore[no-any-return]
