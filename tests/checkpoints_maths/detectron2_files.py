"""Random weights under detectron2's names, lively enough to answer; made without the program's help."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.checkpoints_maths import detectron2 as maths
from tests.checkpoints_maths.detectron2 import Config

Tensors = dict[str, torch.Tensor]
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
PICTURE = np.random.default_rng(7).integers(0, 256, (96, 128, 3), dtype=np.uint8)


class Writer:
    """Collects tensors by name."""

    def __init__(self, seed: int = 0, batch: bool = False) -> None:
        self.tensors: Tensors = {}
        self._random = torch.Generator().manual_seed(seed)
        self._batch = batch

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self._random)

    def conv(self, name: str, inputs: int, outputs: int, side: int, *, norm: float = 0.0, gain: float = 1.4) -> None:
        """A convolution; with `norm` its norm's scale, without one its bias."""
        self.tensors[f"{name}.weight"] = self.normal(outputs, inputs, side, side) * gain / (inputs * side * side) ** 0.5
        if norm:
            self.norm(f"{name}.norm", outputs, norm)
        else:
            self.tensors[f"{name}.bias"] = self.normal(outputs) * 0.1

    def norm(self, name: str, channels: int, scale: float) -> None:
        values = {
            "weight": scale * (1 + self.normal(channels) * 0.1),
            "bias": self.normal(channels) * 0.1,
            "running_mean": self.normal(channels) * 0.1,
            "running_var": 1 + self.normal(channels).abs() * 0.3,
        }
        self.tensors |= {f"{name}.{part}": value for part, value in values.items()}
        if self._batch:
            self.tensors[f"{name}.num_batches_tracked"] = torch.tensor(90_000)

    def linear(self, name: str, inputs: int, outputs: int, gain: float = 1.4) -> None:
        self.tensors[f"{name}.weight"] = self.normal(outputs, inputs) * gain / inputs**0.5
        self.tensors[f"{name}.bias"] = self.normal(outputs) * 0.1


def resnet(out: Writer, depth: int, width: int = 64, groups: int = 1, per_group: int = 0) -> list[int]:
    """A backbone; gives the channels of its four stages."""
    root, bottleneck = "backbone.bottom_up", depth >= 50
    # pictures come in grey levels
    out.conv(f"{root}.stem.conv1", 3, width, 7, norm=1.0, gain=0.03)
    inputs, channels = width, []
    for stage, blocks in enumerate(BLOCKS[depth]):
        inner, outputs = width * 2**stage, width * 2**stage * (4 if bottleneck else 1)
        middle = groups * (per_group or inner) * (2**stage if per_group else 1)
        for index in range(blocks):
            name = f"{root}.res{stage + 2}.{index}"
            if inputs != outputs or (stage and index == 0):
                out.conv(f"{name}.shortcut", inputs, outputs, 1, norm=1.0, gain=1.0)
            if bottleneck:
                out.conv(f"{name}.conv1", inputs, middle, 1, norm=1.0)
                out.conv(f"{name}.conv2", middle // groups, middle, 3, norm=1.0)
                out.conv(f"{name}.conv3", middle, outputs, 1, norm=0.3)
            else:
                out.conv(f"{name}.conv1", inputs, outputs, 3, norm=1.0)
                out.conv(f"{name}.conv2", outputs, outputs, 3, norm=0.4)
            inputs = outputs
        channels.append(outputs)
    return channels


def pyramid(out: Writer, stages: list[int], channels: int, first: int = 2, norm: float = 0.0) -> None:
    for stage in range(first, 6):
        out.conv(f"backbone.fpn_lateral{stage}", stages[stage - 2], channels, 1, norm=norm, gain=1.0)
        out.conv(f"backbone.fpn_output{stage}", channels, channels, 3, norm=norm, gain=1.0)


def scaled(tensors: Tensors, name: str, answers: torch.Tensor, spread: float, mean: float) -> None:
    """Gives the output `name`, which answered so, another spread and mean."""
    tensors[f"{name}.weight"] *= spread / answers.std()
    tensors[f"{name}.bias"] = tensors[f"{name}.bias"] * 0 + mean


def faster_rcnn(
    depth: int = 18,
    width: int = 8,
    channels: int = 16,
    classes: int = 4,
    *,
    agnostic: bool = False,
    hidden: int = 32,
    anchors: int = 3,
    convs: int = 0,
    rpn_convs: int = 1,
    norm: float = 0.0,
    seed: int = 0,
    config: Config | None = None,
    **writing: Any,
) -> Tensors:
    """A Faster R-CNN; `classes` without background, which is the last."""
    out = Writer(seed, writing.pop("batch", False))
    pyramid(out, resnet(out, depth, width, **writing), channels, norm=norm)
    rpn = "proposal_generator.rpn_head"
    for name in [f"{rpn}.conv"] if rpn_convs == 1 else [f"{rpn}.conv.conv{k}" for k in range(rpn_convs)]:
        out.conv(name, channels, channels, 3)
    out.conv(f"{rpn}.objectness_logits", channels, anchors, 1)
    out.conv(f"{rpn}.anchor_deltas", channels, 4 * anchors, 1)
    for index in range(convs):
        out.conv(f"roi_heads.box_head.conv{index + 1}", channels, channels, 3, norm=1.0)
    out.linear("roi_heads.box_head.fc1", channels * 49, hidden)
    if not convs:
        out.linear("roi_heads.box_head.fc2", hidden, hidden)
    out.linear("roi_heads.box_predictor.cls_score", hidden, classes + 1)
    out.linear("roi_heads.box_predictor.bbox_pred", hidden, 4 if agnostic else 4 * classes)
    with torch.inference_mode():
        _enliven_rpn(out.tensors, config or Config(min_size=96, max_size=192))
    return out.tensors


def _enliven_rpn(tensors: Tensors, config: Config) -> None:
    levels = _levels(tensors, config)
    name = "proposal_generator.rpn_head"
    first = f"{name}.conv" if f"{name}.conv.weight" in tensors else f"{name}.conv.conv0"
    x = maths.conv(tensors, first, levels[0], 1e-5).relu()
    if first.endswith("conv0"):
        x = maths.conv(tensors, f"{name}.conv.conv1", x, 1e-5).relu()
    for output, spread in (("objectness_logits", 1.0), ("anchor_deltas", 0.2)):
        scaled(tensors, f"{name}.{output}", maths.conv(tensors, f"{name}.{output}", x, 1e-5), spread, 0.0)
    rois = torch.rand(40, 4, generator=torch.Generator().manual_seed(1)) * 60
    rois[:, 2:] += rois[:, :2] + 4
    features = maths.box_features(tensors, levels, rois, config)
    for output, spread in (("cls_score", 1.5), ("bbox_pred", 1.0)):
        weight = tensors[f"roi_heads.box_predictor.{output}.weight"]
        scaled(tensors, f"roi_heads.box_predictor.{output}", features @ weight.T, spread, 0.0)


def _levels(tensors: Tensors, config: Config) -> list[torch.Tensor]:
    x, _ = maths.prepared(PICTURE, config)
    return maths.pyramid(tensors, maths.resnet(tensors, x, config), config)


def retinanet(
    depth: int = 18,
    width: int = 8,
    channels: int = 16,
    classes: int = 4,
    *,
    anchors: int = 9,
    seed: int = 0,
    config: Config | None = None,
    **writing: Any,
) -> Tensors:
    """A RetinaNet, whose P6 is made from C5."""
    out = Writer(seed, writing.pop("batch", False))
    stages = resnet(out, depth, width, **writing)
    pyramid(out, stages, channels, first=3)
    out.conv("backbone.top_block.p6", stages[-1], channels, 3, gain=1.0)
    out.conv("backbone.top_block.p7", channels, channels, 3, gain=1.0)
    for tower in ("cls_subnet", "bbox_subnet"):
        for index in (0, 2, 4, 6):
            out.conv(f"head.{tower}.{index}", channels, channels, 3)
    out.conv("head.cls_score", channels, anchors * classes, 3)
    out.conv("head.bbox_pred", channels, anchors * 4, 3)
    config = config or Config(min_size=96, max_size=192)
    with torch.inference_mode():
        levels = _levels(out.tensors, config)
        for tower, output, spread, mean in (("cls_subnet", "cls_score", 1.5, -4.0), ("bbox_subnet", "bbox_pred", 0.3, 0.0)):
            x = levels[0]
            for index in (0, 2, 4, 6):
                x = maths.conv(out.tensors, f"head.{tower}.{index}", x, 1e-5).relu()
            scaled(out.tensors, f"head.{output}", maths.conv(out.tensors, f"head.{output}", x, 1e-5), spread, mean)
    return out.tensors
