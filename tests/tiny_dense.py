"""Small one-stage detectors with fixed random weights whose heads are lively enough to answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.spec import Settings
from tests.tiny import TINY

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec

NAMES = ("background", "car", "boat", "tree")
_SHARED: dict[str, Any] = {"min_size": 96, "max_size": 192, "topk_candidates": 60, "box_detections_per_img": 40}
SETTINGS: dict[str, Settings] = {
    "RetinaNet": Settings(
        anchor_sizes=((8, 12), (16, 24), (32, 48), (64, 96), (128, 192)), box_score_thresh=0.05, box_nms_thresh=0.5, **_SHARED
    ),
    "FCOS": Settings(
        anchor_sizes=((8,), (16,), (32,), (64,), (128,)), aspect_ratios=(1.0,), box_score_thresh=0.2, box_nms_thresh=0.6, **_SHARED
    ),
}
FAMILIES = tuple(SETTINGS)
#: convolution to the spread and mean of what it gives, and the head's name for that
OUTPUTS = {
    "RetinaNet": {"cls_logits": (1.5, -4.0), "bbox_reg": (0.3, 0.0)},
    "FCOS": {"cls_logits": (1.5, -4.0), "bbox_reg": (0.3, 1.5), "bbox_ctrness": (1.0, 1.0)},
}
ANSWERS = {"cls_logits": "cls_logits", "bbox_reg": "bbox_regression", "bbox_ctrness": "bbox_ctrness"}


def dense_spec(family: str = "RetinaNet", **changes: Any) -> DetectorSpec:
    """A tiny one-stage detector's description: P3 to P7, 96 channels (three for each group of its norms)."""
    values: dict[str, Any] = {
        "name": f"tiny {family}",
        "family": family,
        "levels": ("P3", "P4", "P5", "P6", "P7"),
        "neck_channels": 96,
        "rpn_depth": 0,
        "box_head": "",
        "box_features": 0,
        "num_classes": len(NAMES),
        "class_names": NAMES,
        "settings": SETTINGS[family],
        "extra_levels": "P5",
        "head_depth": 4,
        "head_norm": "group" if family == "FCOS" else "",
    }
    return replace(TINY, **{**values, **changes})


def dense_module(family: str = "RetinaNet", seed: int = 0, **changes: Any) -> nn.Module:
    """A tiny one-stage detector; some anchors are above the threshold, most are not."""
    torch.manual_seed(seed)
    module: Any = build_module(dense_spec(family, **changes))
    with torch.no_grad():
        for name, parameter in module.backbone.fpn.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.2)
        _enliven(module, OUTPUTS[family])
    return module


def _enliven(module: Any, outputs: dict[str, tuple[float, float]]) -> None:
    """Gives every output the spread and mean that its name asks for, over a picture of noise."""
    features = list(module.backbone(torch.randn(1, 3, 96, 96)).values())
    towers = module.head.classification_head, module.head.regression_head
    for layer in (layer for tower in towers for layer in tower.conv.modules()):
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    layers = {path.rpartition(".")[2]: layer for path, layer in module.head.named_modules()}
    for name, (spread, mean) in outputs.items():
        layers[name].bias.zero_()
        layers[name].weight.mul_(spread / module.head(features)[ANSWERS[name]].std())
        layers[name].bias.fill_(mean)


def dense_detector(family: str = "RetinaNet", **settings: Any) -> Detector:
    """The tiny one-stage detector on the CPU."""
    return open_detector(dense_module(family), device="cpu", name=f"tiny {family}", class_names=NAMES, **settings)
