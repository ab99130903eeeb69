"""What it costs to look at a checkpoint file and to open it, beside torch's and torchvision's own ways."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import torch
from torchvision.models import detection, resnet
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor

from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.detectors.detector import open_detector
from tests.benchmarks.measure import Row, at_most, milliseconds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

ROUNDS = 5


def checkpoints(folder: Path) -> list[Row]:
    """A file of more than 500 MB, and torchvision's usual one; both lie in the system's cache, as what was just copied does."""
    return [*_recognising(folder / "large.pth"), *_opening(folder / "usual.pth")]


def _large() -> nn.Module:
    """A Faster R-CNN on a Wide ResNet-101-2, whose weights take half a gigabyte and more."""
    backbone = resnet.wide_resnet101_2(weights=None)
    return FasterRCNN(_resnet_fpn_extractor(backbone, trainable_layers=5), num_classes=91)


def _recognising(path: Path) -> list[Row]:
    module = _large()
    torch.save({"model": module.state_dict(), "epoch": 12}, path)
    size = f"{path.stat().st_size / 1e6:.0f} MB"

    def plain() -> None:
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])

    read_checkpoint(path)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(milliseconds(partial(read_checkpoint, path)))
        theirs.append(milliseconds(plain))
    path.unlink()
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return [
        at_most(f"recognising a checkpoint of {size}", median(ours) / 1e3, 1, "s"),
        # torch's own memory-mapped load takes 0.45 of that: it is paid by tensor, not by byte
        at_most(f"the same beside torch.load and load_state_dict of {size}", ratio, 1, "×"),
    ]


def _opening(path: Path) -> list[Row]:
    torch.save(detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict(), path)

    def plain() -> None:
        module = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))

    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(milliseconds(partial(open_detector, path, device="cpu")))
        theirs.append(milliseconds(plain))
    path.unlink()
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return [
        Row("opening a checkpoint of fasterrcnn_resnet50_fpn", f"{median(ours):.0f} ms", "–", True),
        at_most("the same beside torchvision's builder with torch.load and load_state_dict", ratio, 1, "×"),
    ]
