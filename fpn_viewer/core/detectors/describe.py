"""A torchvision module to its DetectorSpec: everything is read from the running object, nothing is assumed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import FrozenBatchNorm2d

from fpn_viewer.core.detectors import dense
from fpn_viewer.core.detectors.families import FAMILIES, family_of, made_up_names
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.detectors.slim import SlimResNet18
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.fpn import LateralPyramid

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEPTHS: dict[tuple[Any, tuple[int, ...]], str] = {
    (BasicBlock, (2, 2, 2, 2)): "resnet18",
    (BasicBlock, (3, 4, 6, 3)): "resnet34",
    (Bottleneck, (3, 4, 6, 3)): "resnet50",
    (Bottleneck, (3, 4, 23, 3)): "resnet101",
    (Bottleneck, (3, 8, 36, 3)): "resnet152",
}
_FAMILY_OF: dict[type[Any], str] = {FasterRCNN: "Faster R-CNN", RetinaNet: "RetinaNet", FCOS: "FCOS"}
#: what a one-stage detector needs beside a backbone with a pyramid
DENSE_PARTS = ("transform", "head", "anchor_generator", "box_coder", "postprocess_detections")
_LACKING = {
    "backbone": "its backbone has no feature pyramid to look at",
    **dict.fromkeys(DENSE_PARTS, "it is not made like torchvision's RetinaNet, so it cannot be followed"),
}
_READ = "read from the module"


def describe(module: FasterRCNN, name: str, levels: Sequence[str], weights: str, class_names: Sequence[str] = ()) -> DetectorSpec:
    """The spec of a detector that is already there.

    Args:
        module: a torchvision Faster R-CNN, RetinaNet or FCOS with an FPN.
        name: what the user calls it.
        levels: names of its pyramid levels, fine to coarse.
        weights: where they come from; "random" when untrained.
        class_names: by label with background first; made up ("class 1" …) when empty.

    Raises:
        DetectorError: it is not such a detector.
    """
    family = check_supported(module)
    body = module.backbone.body
    backbone, width = _backbone(body)
    head = (dense.describe_head if family_of(family).one_stage else _two_stage_head)(module)
    classes = head["num_classes"]
    norm = next((m for m in body.modules() if isinstance(m, (nn.BatchNorm2d, FrozenBatchNorm2d))), None)
    neck = module.backbone.fpn
    spec = DetectorSpec(
        name=name,
        family=family,
        backbone=backbone,
        backbone_width=width,
        norm="frozen" if isinstance(norm, FrozenBatchNorm2d) else "batch",
        norm_eps=float(norm.eps) if norm is not None else 1e-5,
        neck="fpn-no-top-down" if isinstance(neck, LateralPyramid) else "fpn",
        neck_channels=int(module.backbone.out_channels),
        neck_norm=any(isinstance(m, nn.BatchNorm2d) for m in neck.modules()),
        levels=tuple(levels),
        class_names=tuple(class_names) or made_up_names(family, classes),
        settings=read_settings(module),
        weights=weights,
        **head,
    )
    names = {} if class_names else {"class_names": "made up: the module has none"}
    return replace(spec, origins={"settings": _READ, "backbone": _READ, **names})


def _two_stage_head(module: FasterRCNN) -> dict[str, Any]:
    predictor = module.roi_heads.box_predictor.cls_score
    return {
        "rpn_depth": len(module.rpn.head.conv) if isinstance(module.rpn.head.conv, nn.Sequential) else 1,
        "box_head": "conv4" if isinstance(module.roi_heads.box_head, FastRCNNConvFCHead) else "mlp",
        "box_features": int(predictor.in_features),
        "num_classes": int(predictor.out_features),
    }


def check_supported(module: Any) -> str:
    """Refuses what cannot be traced, saying what is missing.

    A module of any class that is made like torchvision's RetinaNet (it has `DENSE_PARTS`) may say what it is by an attribute
    `family`. Its head gives "cls_logits" (1, N, K), "bbox_regression" (1, N, 4) and, where the class is only a part of the score,
    "bbox_ctrness" or "objectness" (1, N, 1). Where the `box_coder` is not one of torchvision's, the regression is the boxes.

    Returns:
        Its family, a key of `families.FAMILIES`.

    Raises:
        DetectorError: not one of torchvision's detectors over a feature pyramid.
    """
    declared = getattr(module, "family", None)
    of_class = next((name for kind, name in _FAMILY_OF.items() if isinstance(module, kind)), None)
    family = declared if isinstance(declared, str) and declared in FAMILIES else of_class
    if family is None:
        known = ", ".join(kind.__name__ for kind in _FAMILY_OF)
        raise DetectorError(
            f"a network of class {type(module).__name__} cannot be followed yet; torchvision's {known} (and subclasses) can."
        )
    for path in ("backbone.body", "backbone.fpn", *(DENSE_PARTS if family_of(family).one_stage else ())):
        owner: Any = module
        for part in path.split("."):
            owner = getattr(owner, part, None)
        if owner is None:
            raise DetectorError(f"this {type(module).__name__} has no {path}: {_LACKING[path.partition('.')[0]]}.")
    return family


def _backbone(body: nn.Module) -> tuple[str, int]:
    stages = [getattr(body, f"layer{k}", None) for k in (1, 2, 3, 4)]
    if all(isinstance(s, nn.Sequential) for s in stages):
        block = type(stages[0][0])  # type: ignore[index]
        width = int(body.conv1.out_channels)  # type: ignore[union-attr, arg-type]
        depths = tuple(len(s) for s in stages)  # type: ignore[arg-type]
        if (block, depths) == (BasicBlock, (2, 2, 2, 2)) and (width != 64 or isinstance(body, SlimResNet18)):
            return "slim_resnet18", width
        return _DEPTHS.get((block, depths), f"{block.__name__} {depths}"), width
    return ("mobilenet_v3_large" if "0" in dict(body.named_children()) else type(body).__name__), 64
