"""What the selections worked on: the heads' answers and the model's own choice among them, as tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.tracing import replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpn_viewer.core.tracing.dense import DenseHead


_NO_ANSWERS = replay.Answers(torch.empty(0, 4), ())


@dataclass(frozen=True)
class RawSelection:
    """The tensors the selections worked on and what the model itself selected.

    Attributes:
        logits: per level (A, h, w), objectness.
        anchors: (N, 4) xyxy net px.
        boxes: (N, 4) anchors after regression, net px, not clipped.
        counts: anchors per level.
        proposals: (R, 4) net px, the model's own.
        proposal_scores: (R,).
        class_logits: (R, K).
        class_boxes: (R, K, 4) net px, not clipped.
        found: the model's own detections in net px: boxes, scores, labels.
        output: the same in image px.
        roi_levels: index of the first and last pyramid level that RoIs are read from.
        answers: what every selection starts with; a copy with other proposals goes on using it.
        dense: the answers of a one-stage head, which has no proposals; `logits` are then those of each anchor's best class.
        regression: (R, 4·K) what `class_boxes` were decoded from; empty in a trace from a file.
        inputs: the backbone's own names of its maps; empty in a trace from a file.
    """

    logits: tuple[Tensor, ...]
    anchors: Tensor
    boxes: Tensor
    counts: tuple[int, ...]
    proposals: Tensor
    proposal_scores: Tensor
    class_logits: Tensor
    class_boxes: Tensor
    found: Mapping[str, Tensor]
    output: Mapping[str, Tensor]
    roi_levels: tuple[int, int]
    answers: replay.Answers = field(default=_NO_ANSWERS, repr=False, compare=False)
    dense: DenseHead | None = field(default=None, repr=False)
    regression: Tensor = field(default_factory=lambda: torch.empty(0, 4), repr=False)
    inputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.answers.fits(self.boxes, self.logits):
            object.__setattr__(self, "answers", replay.Answers(self.boxes, self.logits))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What takes memory; some share it."""
        head = () if self.dense is None else (self.dense.class_logits, self.dense.quality, self.dense.regression)
        return (*self.logits, self.anchors, self.boxes, self.class_logits, self.class_boxes, self.regression, *head)
