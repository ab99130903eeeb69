"""What a code base's own configurations set where a checkpoint says nothing: settings by preset and family."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.values import assumed
from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES, CONVENTIONS
from fpn_viewer.core.detectors.spec import Settings

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.conventions import Conventions

_TORCHVISION_RETINANET = Settings(
    anchor_sizes=tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3))) for x in (32, 64, 128, 256, 512)),
    box_detections_per_img=300,
)
_FCOS = Settings(anchor_sizes=((8,), (16,), (32,), (64,), (128,)), aspect_ratios=(1.0,), box_score_thresh=0.2, box_nms_thresh=0.6)
_OCTAVES = tuple(tuple(x * 2 ** (k / 3) for k in range(3)) for x in (32.0, 64.0, 128.0, 256.0, 512.0))
_MSRA: dict[str, Any] = {"image_mean": (103.53, 116.28, 123.675), "image_std": (1.0, 1.0, 1.0)}
_IMAGENET_255: dict[str, Any] = {"image_mean": (123.675, 116.28, 103.53), "image_std": (58.395, 57.12, 57.375)}
_RETINANET = Settings(anchor_sizes=_OCTAVES, box_detections_per_img=100)

#: (preset, family) to settings
SETTINGS: dict[tuple[str, str], Settings] = {
    ("torchvision", "Faster R-CNN"): Settings(),
    ("torchvision", "RetinaNet"): _TORCHVISION_RETINANET,
    ("torchvision", "FCOS"): _FCOS,
    ("detectron2", "Faster R-CNN"): replace(Settings(), **_MSRA),
    ("detectron2", "RetinaNet"): replace(_RETINANET, **_MSRA),
    ("mmdetection", "Faster R-CNN"): replace(Settings(), **_IMAGENET_255),
    ("mmdetection", "RetinaNet"): replace(_RETINANET, **_IMAGENET_255),
    ("mmdetection caffe", "Faster R-CNN"): replace(Settings(), **_MSRA),
    ("mmdetection caffe", "RetinaNet"): replace(_RETINANET, **_MSRA),
}
PRESETS: tuple[str, ...] = tuple(CONVENTIONS)


def preset(name: str, family: str) -> tuple[Settings, Conventions, dict[str, str]]:
    """Settings and conventions of a code base, and the origin of each.

    Args:
        name: one of `PRESETS`.
        family: "Faster R-CNN", "RetinaNet", "FCOS".

    Raises:
        KeyError: the code base has no such family here.
    """
    names = (*(f.name for f in fields(Settings)), *CONVENTION_NAMES, "norm_eps")
    return SETTINGS[name, family], CONVENTIONS[name], dict.fromkeys(names, assumed(name))
