"""One-stage detectors of torchvision (RetinaNet, FCOS): what is read from a running one, and a new one from a description."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.retinanet import RetinaNetHead

from fpn_viewer.core.detectors.parts.late_clipping import kinds
from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN

    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

#: by convention: no tensor tells it
_GROUPS = 32
_NORMS: dict[str, Callable[..., nn.Module] | None] = {"": None, "group": partial(nn.GroupNorm, _GROUPS)}


def describe_head(module: Any) -> dict[str, Any]:
    """The fields of `DetectorSpec` that are about the head and the extra levels."""
    head = getattr(module.head, "classification_head", module.head)
    tower = list(getattr(head, "conv", head).modules())
    extra = module.backbone.fpn.extra_blocks
    return {
        "rpn_depth": 0,
        "box_head": "",
        "box_features": 0,
        "num_classes": int(head.num_classes),
        "head_depth": sum(isinstance(layer, nn.Conv2d) for layer in tower),
        "head_norm": "group" if any(isinstance(layer, nn.GroupNorm) for layer in tower) else "",
        "extra_levels": ("P5" if extra.use_P5 else "C5") if hasattr(extra, "use_P5") else "pool",
    }


def build_dense(spec: DetectorSpec, backbone: BackboneWithFPN, anchors: AnchorGenerator) -> nn.Module:
    """A one-stage detector with random weights.

    Args:
        spec: of a one-stage family.
        backbone: with its pyramid.
        anchors: one row of sizes for each level.

    Raises:
        DetectorError: torchvision has no such detector, or its head's norms do not fit its width.
    """
    if spec.family not in _FAMILIES:
        raise DetectorError(
            f"{spec.name}: a detector of the family {spec.family} cannot be built from a description; "
            "make its module in Python and open that."
        )
    if spec.head_norm == "group" and spec.neck_channels % _GROUPS:
        raise DetectorError(
            f"{spec.name}: {spec.neck_channels} channels cannot be normed in the {_GROUPS} groups that such heads have."
        )
    module: nn.Module = _FAMILIES[spec.family](spec, backbone, anchors)
    return module


def dense_arguments(settings: Settings) -> dict[str, Any]:
    """`Settings` under the argument names of torchvision's `RetinaNet` and `FCOS`."""
    return {
        "min_size": settings.min_size,
        "max_size": settings.max_size,
        "image_mean": list(settings.image_mean),
        "image_std": list(settings.image_std),
        "score_thresh": settings.box_score_thresh,
        "nms_thresh": settings.box_nms_thresh,
        "detections_per_img": settings.box_detections_per_img,
        "topk_candidates": settings.topk_candidates,
    }


def _retinanet(spec: DetectorSpec, backbone: BackboneWithFPN, anchors: AnchorGenerator) -> nn.Module:
    per_cell = anchors.num_anchors_per_location()[0]
    head = RetinaNetHead(spec.neck_channels, per_cell, spec.num_classes, norm_layer=_NORMS[spec.head_norm])
    kind, _ = kinds(spec.conventions.clip_before_nms)
    module: nn.Module = kind(backbone, spec.num_classes, anchor_generator=anchors, head=head, **dense_arguments(spec.settings))
    return module


def _fcos(spec: DetectorSpec, backbone: BackboneWithFPN, anchors: AnchorGenerator) -> nn.Module:
    head = FCOSHead(spec.neck_channels, anchors.num_anchors_per_location()[0], spec.num_classes, num_convs=spec.head_depth)
    _, kind = kinds(spec.conventions.clip_before_nms)
    module: nn.Module = kind(backbone, spec.num_classes, anchor_generator=anchors, head=head, **dense_arguments(spec.settings))
    return module


_FAMILIES: Mapping[str, Callable[[DetectorSpec, BackboneWithFPN, AnchorGenerator], nn.Module]] = {
    "RetinaNet": _retinanet,
    "FCOS": _fcos,
}
