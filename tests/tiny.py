"""Small detectors with fixed random weights, for tests that need a real network but no real answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN

from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.detectors.build import build_module, inference_arguments
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.slim import SlimResNet18
from fpn_viewer.core.detectors.spec import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec

SETTINGS = Settings(
    anchor_sizes=((10,), (20,), (40,), (80,), (160,)),
    min_size=96,
    max_size=192,
    rpn_pre_nms_top_n=60,
    rpn_post_nms_top_n=80,
    box_score_thresh=0.05,
)
TINY = replace(SPEC, name="tiny", backbone_width=8, neck_channels=16, box_features=16, settings=SETTINGS, weights="random")


def tiny_module(spec: DetectorSpec = TINY, seed: int = 0) -> FasterRCNN:
    """A whole Faster R-CNN of 8 to 64 channels whose heads are lively enough to answer."""
    torch.manual_seed(seed)
    module = build_module(spec)
    with torch.no_grad():
        for head in (module.rpn.head, module.roi_heads.box_predictor):
            for parameter in head.parameters():
                parameter.normal_(0, 0.2)
        # torchvision starts the neck's biases at 0, where a lost one would not be noticed
        for name, parameter in module.backbone.fpn.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.2)
    return module


def tiny_detector(**settings: Any) -> Detector:
    """The tiny detector on the CPU."""
    return open_detector(tiny_module(), device="cpu", name="tiny", class_names=TINY.class_names, **settings)


def noise(height: int = 70, width: int = 101, seed: int = 0) -> NDArray[np.uint8]:
    """A random picture (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def subclassed(kind: type[FasterRCNN] = FasterRCNN) -> FasterRCNN:
    """A tiny detector made by the constructor of a subclass."""
    torch.manual_seed(0)
    backbone = BackboneWithFPN(SlimResNet18(8), {f"layer{k}": str(k - 1) for k in (1, 2, 3, 4)}, [8, 16, 32, 64], 16)
    anchors = AnchorGenerator(SETTINGS.anchor_sizes, (SETTINGS.aspect_ratios,) * 5)
    return kind(backbone, 6, rpn_anchor_generator=anchors, **inference_arguments(SETTINGS)).eval()
