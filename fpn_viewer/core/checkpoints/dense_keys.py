"""torchvision's RetinaNet and FCOS state_dicts to a DetectorSpec, from keys and shapes; what they cannot tell is marked assumed."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.presets import SETTINGS
from fpn_viewer.core.checkpoints.torchvision_keys import ASSUMED, FROM_SHAPES, count, resnet_of, todays
from fpn_viewer.core.detectors.families import made_up_names
from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

_CLASSES, _BOXES = "head.classification_head.cls_logits.weight", "head.regression_head.bbox_reg.weight"
_CENTERNESS = "head.regression_head.bbox_ctrness.weight"
_TOWER = "head.classification_head.conv."
_EXTRA = "backbone.fpn.extra_blocks.p6.weight"
_BASIC = frozenset({"resnet18", "resnet34", "slim_resnet18"})


def is_dense(tensors: dict[str, Tensor]) -> bool:
    """Whether these are the tensors of a one-stage detector."""
    return _CLASSES in tensors and _BOXES in tensors


def recognise_dense(name: str, tensors: dict[str, Tensor]) -> tuple[DetectorSpec, dict[str, Tensor]]:
    """The one-stage detector these tensors belong to, and the tensors under today's names.

    Raises:
        CheckpointError: they are of a kind that cannot be built.
    """
    tensors = todays(tensors)
    if "backbone.fpn.inner_blocks.0.0.weight" not in tensors:
        raise CheckpointError(
            f"{name} has a one-stage head but no FPN below it (backbone.fpn.inner_blocks); there is no pyramid to show."
        )
    family = "FCOS" if _CENTERNESS in tensors else "RetinaNet"
    backbone, width = resnet_of(name, tensors)
    per_cell = int(tensors[_BOXES].shape[0]) // 4
    classes = int(tensors[_CLASSES].shape[0]) // per_cell
    spec = DetectorSpec(
        name=name,
        family=family,
        backbone=backbone,
        backbone_width=width,
        norm="batch" if "backbone.body.bn1.num_batches_tracked" in tensors else "frozen",
        neck="fpn",
        neck_channels=int(tensors["backbone.fpn.layer_blocks.0.0.weight"].shape[0]),
        neck_norm="backbone.fpn.inner_blocks.0.1.running_mean" in tensors,
        levels=_levels(tensors, width * (1 if backbone in _BASIC else 4)),
        rpn_depth=0,
        box_head="",
        box_features=0,
        extra_levels=_extra_levels(tensors),
        head_depth=sum(key.startswith(_TOWER) and tensor.dim() == 4 for key, tensor in tensors.items()),
        head_norm="group" if any(key.startswith(_TOWER) and _is_norm(key, tensors) for key in tensors) else "",
        num_classes=classes,
        class_names=made_up_names(family, classes),
        settings=SETTINGS["torchvision", family],
        weights=f"from {name}",
        origins={**{f.name: ASSUMED for f in fields(Settings)}, "class_names": "made up", "backbone": FROM_SHAPES},
    )
    return spec, tensors


def _is_norm(key: str, tensors: dict[str, Tensor]) -> bool:
    return key.endswith(".weight") and tensors[key].dim() == 1


def _levels(tensors: dict[str, Tensor], first_stage: int) -> tuple[str, ...]:
    """Names of the levels: the first lateral's channels say which stage it reads."""
    first = 1 + (int(tensors["backbone.fpn.inner_blocks.0.0.weight"].shape[1]) // first_stage).bit_length()
    laterals = count(tensors, r"backbone\.fpn\.inner_blocks\.(\d+)\.")
    return tuple(f"P{number}" for number in range(first, first + laterals + (2 if _EXTRA in tensors else 1)))


def _extra_levels(tensors: dict[str, Tensor]) -> str:
    if _EXTRA not in tensors:
        return "pool"
    outputs, inputs = tensors[_EXTRA].shape[:2]
    return "P5" if inputs == outputs else "C5"
