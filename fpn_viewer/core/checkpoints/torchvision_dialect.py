"""torchvision's names for the tensors of a detector, and what they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.dense_keys import is_dense, recognise_dense
from fpn_viewer.core.checkpoints.torchvision_keys import recognise_two_stage
from fpn_viewer.core.checkpoints.values import Recognised

if TYPE_CHECKING:
    from collections.abc import Collection

    from fpn_viewer.core.checkpoints.values import Contents

_OWN = ("backbone.body.", "backbone.fpn.inner_blocks.", "rpn.head.", "roi_heads.box_predictor.", "head.classification_head.")
_BOXES = ("rpn.head.bbox_pred.weight", "head.regression_head.bbox_reg.weight")


def claims(names: Collection[str]) -> bool:
    """Whether these are names that torchvision's detectors give to their tensors."""
    return any(name.startswith(_OWN) for name in names)


def recognise(contents: Contents, _preset: str | None) -> Recognised:
    """The detector these tensors belong to.

    Raises:
        CheckpointError: they are of a kind that cannot be built.
    """
    tensors = dict(contents.tensors)
    of_family = recognise_dense if is_dense(tensors) else recognise_two_stage
    spec, tensors = of_family(contents.path.stem, tensors)
    per_cell = next((int(tensors[name].shape[0]) // 4 for name in _BOXES if name in tensors), 0)
    return Recognised(spec, tensors, anchors_per_cell=per_cell)
