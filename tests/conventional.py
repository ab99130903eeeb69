"""Tiny detectors that compute by the conventions of other code bases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.conventions import Conventions
from fpn_viewer.core.detectors.detector import open_detector
from tests.tiny import TINY, tiny_module
from tests.tiny_dense import dense_module

if TYPE_CHECKING:
    from torch import nn

    from fpn_viewer.core.detectors.detector import Detector

#: every convention as torchvision does not have it
ALL = Conventions(
    "BGR", 255.0, "antialias", "nearest", True, False, 0.5, "level", True, 0, p7_relu=False, fusion="avg", clip_before_nms=False
)
PIXELS: dict[str, Any] = {"image_mean": (103.53, 116.28, 123.675), "image_std": (58.0, 57.0, 57.5)}


def module_of(family: str, conventions: Conventions) -> nn.Module:
    if family == "Faster R-CNN":
        return tiny_module(replace(TINY, conventions=conventions))
    return dense_module(family, conventions=conventions)


def detector_of(family: str, conventions: Conventions) -> Detector:
    return open_detector(module_of(family, conventions), device="cpu", **PIXELS)
