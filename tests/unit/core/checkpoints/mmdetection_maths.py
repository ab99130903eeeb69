"""mmdetection's inference as its papers and documents give it, on the tensors of a file in its own names.

Nothing of the program and nothing of torchvision is used: convolutions are torch's, all else is spelled out here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]
    Answer = tuple[Array, Array, NDArray[np.int64]]


@dataclass(frozen=True)
class Rules:
    """What the configuration says: the names are mmdetection's."""

    img_scale: tuple[int, int] = (160, 96)
    mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    std: tuple[float, ...] = (58.395, 57.12, 57.375)
    to_rgb: bool = True
    style: str = "pytorch"
    strides: tuple[int, ...] = (4, 8, 16, 32, 64)
    scales: tuple[float, ...] = (8.0,)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    nms_pre: int = 60
    rpn_nms: float = 0.7
    rpn_max: int = 50
    score_thr: float = 0.05
    nms: float = 0.5
    max_per_img: int = 40
    sampling_ratio: int = 0
    aligned: bool = True
    target_stds: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2)
    relu_before_extra_convs: bool = False
    center_offset: float = 0.0


# -- picture ------------------------------------------------------------------------------------------------------------


def rescaled_size(height: int, width: int, scale: tuple[int, int]) -> tuple[int, int]:
    """The longer side at most the larger number, the shorter at most the smaller; rounded to the nearest."""
    factor = min(max(scale) / max(height, width), min(scale) / min(height, width))
    return int(height * factor + 0.5), int(width * factor + 0.5)


def resized(picture: Array, size: tuple[int, int]) -> Array:
    """Bilinear with pixel centres in the middle and the border repeated (H, W, 3)."""
    out = picture
    for axis, length in enumerate(size):
        before = out.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * before / length - 0.5, 0, before - 1)
        low = np.minimum(at.astype(int), before - 1)
        high = np.minimum(low + 1, before - 1)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        out = out.take(low, axis) * (1 - share) + out.take(high, axis) * share
    return out


def prepared(picture: NDArray[np.uint8], rules: Rules) -> tuple[Tensor, tuple[int, int]]:
    """The padded, normalised input (1, 3, H', W') of an RGB picture, and its size before padding."""
    size = rescaled_size(*picture.shape[:2], rules.img_scale)
    pixels = resized(picture.astype(np.float64), size)
    ordered = pixels if rules.to_rgb else pixels[..., ::-1]
    normalised = (ordered - np.array(rules.mean)) / np.array(rules.std)
    height, width = (math.ceil(side / 32) * 32 for side in size)
    padded = np.zeros((height, width, 3))
    padded[: size[0], : size[1]] = normalised
    return torch.from_numpy(padded.transpose(2, 0, 1)[None].astype(np.float32)), size


# -- network ------------------------------------------------------------------------------------------------------------


class Network:
    """Backbone, neck and heads as functions of a file's tensors."""

    def __init__(self, tensors: dict[str, Tensor], rules: Rules) -> None:
        """Keeps both."""
        self.t, self.rules = tensors, rules

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """A convolution that keeps the size but for its stride."""
        weight = self.t[f"{name}.weight"]
        return F.conv2d(x, weight, self.t.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """A batch norm at inference."""
        weight, bias, mean, var = (self.t[f"{name}.{n}"][:, None, None] for n in ("weight", "bias", "running_mean", "running_var"))
        return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias

    def backbone(self, x: Tensor) -> list[Tensor]:
        """C2 to C5."""
        x = F.relu(self.norm(self.conv(x, "backbone.conv1", 2), "backbone.bn1"))
        x = F.max_pool2d(x, 3, 2, 1)
        maps = []
        for stage in (1, 2, 3, 4):
            block = 0
            while f"backbone.layer{stage}.{block}.conv1.weight" in self.t:
                x = self.block(x, f"backbone.layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1)
                block += 1
            maps.append(x)
        return maps

    def block(self, x: Tensor, name: str, stride: int) -> Tensor:
        """A residual block; in style "caffe" a bottleneck's stride is in its first convolution."""
        count = 3 if f"{name}.conv3.weight" in self.t else 2
        strides = [1, stride, 1] if count == 3 and self.rules.style == "pytorch" else [stride, 1, 1]
        y = x
        for index in range(count):
            y = self.norm(self.conv(y, f"{name}.conv{index + 1}", strides[index]), f"{name}.bn{index + 1}")
            y = F.relu(y) if index + 1 < count else y
        if f"{name}.downsample.0.weight" in self.t:
            x = self.norm(self.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return F.relu(x + y)

    def neck(self, maps: list[Tensor]) -> list[Tensor]:
        """The pyramid; extra levels are convolved from the last backbone map, or from the last output, or every second cell."""
        laterals = sum(name.startswith("neck.lateral_convs") and name.endswith("weight") for name in self.t)
        used = maps[-laterals:]
        merged = [self.conv(x, f"neck.lateral_convs.{i}.conv") for i, x in enumerate(used)]
        for i in reversed(range(laterals - 1)):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], size=merged[i].shape[-2:], mode="nearest")
        outs = [self.conv(x, f"neck.fpn_convs.{i}.conv") for i, x in enumerate(merged)]
        if f"neck.fpn_convs.{laterals}.conv.weight" not in self.t:
            return [*outs, outs[-1][..., ::2, ::2]]
        wide = self.t[f"neck.fpn_convs.{laterals}.conv.weight"].shape[1]
        outs.append(self.conv(used[-1] if wide == used[-1].shape[1] else outs[-1], f"neck.fpn_convs.{laterals}.conv", 2))
        source = F.relu(outs[-1]) if self.rules.relu_before_extra_convs else outs[-1]
        return [*outs, self.conv(source, f"neck.fpn_convs.{laterals + 1}.conv", 2)]

    def tower(self, x: Tensor, name: str) -> Tensor:
        """Convolutions with a ReLU behind each."""
        index = 0
        while f"{name}.{index}.conv.weight" in self.t:
            x = F.relu(self.conv(x, f"{name}.{index}.conv"))
            index += 1
        return x


# -- boxes --------------------------------------------------------------------------------------------------------------


def anchors(height: int, width: int, level: int, rules: Rules) -> Array:
    """(h·w·A, 4): row by row, in a cell all scales of the first ratio, then of the next; centres on the cells' corners."""
    stride = rules.strides[level]
    cell = []
    for ratio in rules.ratios:
        for scale in rules.scales:
            w, h = stride * scale / math.sqrt(ratio), stride * scale * math.sqrt(ratio)
            cell.append([-w / 2, -h / 2, w / 2, h / 2])
    base = np.array(cell) + rules.center_offset * stride
    ys, xs = np.mgrid[:height, :width] * float(stride)
    shifts = np.stack([xs, ys, xs, ys], -1).reshape(-1, 1, 4)
    out: Array = (shifts + base).reshape(-1, 4)
    return out


def decoded(boxes: Array, deltas: Array, size: tuple[int, int], stds: Sequence[float]) -> Array:
    """Boxes moved by deltas of those standard deviations, and clipped to the picture (H, W)."""
    dx, dy, dw, dh = (deltas * np.array(stds)).T
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2 + dx * w, (boxes[:, 1] + boxes[:, 3]) / 2 + dy * h
    most = abs(math.log(16 / 1000))
    w, h = w * np.exp(np.clip(dw, -most, most)), h * np.exp(np.clip(dh, -most, most))
    out = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    return np.clip(out, 0, np.array([size[1], size[0], size[1], size[0]]))


def kept(boxes: Array, scores: Array, limit: float) -> list[int]:
    """Greedy NMS: best first, whoever overlaps a kept one by more than the limit goes."""
    out: list[int] = []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for row in np.argsort(-scores, kind="stable"):
        x1, y1 = np.maximum(boxes[row, :2], boxes[out, :2]).T
        x2, y2 = np.minimum(boxes[row, 2:], boxes[out, 2:]).T
        both = np.clip(x2 - x1, 0, None) * np.clip(y2 - y1, 0, None)
        if not (both > limit * (area[row] + area[out] - both)).any():
            out.append(int(row))
    return out


def by_class(boxes: Array, scores: Array, labels: NDArray[np.int64], limit: float, most: int) -> Answer:
    """NMS inside each class, then the best of all."""
    rows = [np.flatnonzero(labels == one) for one in np.unique(labels)]
    left = np.array([r for of_class in rows for r in of_class[kept(boxes[of_class], scores[of_class], limit)]], int)
    left = left[np.argsort(-scores[left], kind="stable")][:most]
    return boxes[left], scores[left], labels[left]


def flat(x: Tensor, width: int) -> Array:
    """A map (1, A·width, h, w) as rows (h·w·A, width)."""
    return x[0].permute(1, 2, 0).reshape(-1, width).double().numpy()


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^−x)."""
    return 1 / (1 + np.exp(-x))


# -- detectors ----------------------------------------------------------------------------------------------------------


def proposals(net: Network, pyramid: list[Tensor], size: tuple[int, int]) -> Array:
    """The RPN's boxes, best first."""
    boxes, scores = [], []
    for level, x in enumerate(pyramid):
        hidden = F.relu(net.conv(x, "rpn_head.rpn_conv"))
        score = sigmoid(flat(net.conv(hidden, "rpn_head.rpn_cls"), 1)[:, 0])
        deltas = flat(net.conv(hidden, "rpn_head.rpn_reg"), 4)
        best = np.argsort(-score, kind="stable")[: net.rules.nms_pre]
        of_level = decoded(anchors(*x.shape[-2:], level, net.rules)[best], deltas[best], size, (1, 1, 1, 1))
        whole = (of_level[:, 2] > of_level[:, 0]) & (of_level[:, 3] > of_level[:, 1])
        of_level, score = of_level[whole], score[best][whole]
        rows = kept(of_level, score, net.rules.rpn_nms)
        boxes.append(of_level[rows])
        scores.append(score[rows])
    order = np.argsort(-np.concatenate(scores), kind="stable")[: net.rules.rpn_max]
    return np.concatenate(boxes)[order]


def sampled(start: float, side: float, cells: int, rules: Rules) -> Array:
    """How much of each cell of an axis each of 7 bins takes (7, cells)."""
    of_bin = side / 7
    count = rules.sampling_ratio or math.ceil(of_bin)
    out = np.zeros((7, cells))
    for index in range(7 * count):
        at = start + of_bin * (index // count) + (index % count + 0.5) * of_bin / count
        if -1 <= at <= cells:
            at = max(at, 0.0)
            low = min(int(at), cells - 1)
            share = at - low if low < cells - 1 else 0.0
            out[index // count, low] += (1 - share) / count
            out[index // count, min(low + 1, cells - 1)] += share / count
    return out


def roi_features(pyramid: list[Tensor], rois: Array, rules: Rules) -> Tensor:
    """(R, C, 7, 7), each RoI from the level of its size: up to 112 px the finest, twice that the next."""
    out = []
    for x1, y1, x2, y2 in rois:
        level = int(np.clip(np.floor(np.log2(math.sqrt((x2 - x1) * (y2 - y1)) / 56 + 1e-6)), 0, 3))
        x, scale, shift = pyramid[level][0].double().numpy(), 1 / rules.strides[level], 0.5 if rules.aligned else 0.0
        height, width = (side * scale if rules.aligned else max(side * scale, 1.0) for side in (y2 - y1, x2 - x1))
        rows = sampled(y1 * scale - shift, height, x.shape[1], rules)
        columns = sampled(x1 * scale - shift, width, x.shape[2], rules)
        out.append(np.einsum("chw,yh,xw->cyx", x, rows, columns))
    return torch.from_numpy(np.stack(out)).float()


def faster_rcnn(tensors: dict[str, Tensor], picture: NDArray[np.uint8], rules: Rules, head: str = "roi_head.bbox_head") -> Answer:
    """Boxes in the picture's px, scores and labels from 0, best first."""
    net = Network(tensors, rules)
    x, size = prepared(picture, rules)
    pyramid = net.neck(net.backbone(x))
    rois = proposals(net, pyramid, size)
    hidden = roi_features(pyramid, rois, rules).flatten(1)
    for index in (0, 1):
        hidden = F.relu(F.linear(hidden, tensors[f"{head}.shared_fcs.{index}.weight"], tensors[f"{head}.shared_fcs.{index}.bias"]))
    logits, deltas = (
        F.linear(hidden, tensors[f"{head}.{name}.weight"], tensors[f"{head}.{name}.bias"]).double() for name in ("fc_cls", "fc_reg")
    )
    scores = logits.softmax(1).numpy()[:, :-1]
    classes = scores.shape[1]
    each = deltas.numpy().reshape(len(rois), -1, 4)
    boxes = np.stack([decoded(rois, each[:, k if each.shape[1] > 1 else 0], size, rules.target_stds) for k in range(classes)], 1)
    rows, labels = np.nonzero(scores > rules.score_thr)
    return by_class(boxes[rows, labels] / back(picture, size), scores[rows, labels], labels, rules.nms, rules.max_per_img)


def retinanet(tensors: dict[str, Tensor], picture: NDArray[np.uint8], rules: Rules) -> Answer:
    """The same of a RetinaNet: the best pairs of anchor and class of each level, clipped as they are decoded."""
    net = Network(tensors, rules)
    pixels, size = prepared(picture, rules)
    of_levels = []
    for level, x in enumerate(net.neck(net.backbone(pixels))):
        deltas = flat(net.conv(net.tower(x, "bbox_head.reg_convs"), "bbox_head.retina_reg"), 4)
        logits = net.conv(net.tower(x, "bbox_head.cls_convs"), "bbox_head.retina_cls")
        scores = sigmoid(flat(logits, logits.shape[1] * x.shape[-2] * x.shape[-1] // len(deltas)))
        rows, labels = np.nonzero(scores > rules.score_thr)
        best = np.argsort(-scores[rows, labels], kind="stable")[: rules.nms_pre]
        rows, labels = rows[best], labels[best]
        boxes = decoded(anchors(*x.shape[-2:], level, rules)[rows], deltas[rows], size, (1, 1, 1, 1))
        of_levels.append((boxes, scores[rows, labels], labels))
    boxes, scores, labels = (np.concatenate(column) for column in zip(*of_levels, strict=True))
    return by_class(boxes / back(picture, size), scores, labels, rules.nms, rules.max_per_img)


def back(picture: NDArray[np.uint8], size: tuple[int, int]) -> Array:
    """What boxes are divided by on their way back to the picture."""
    height, width = size[0] / picture.shape[0], size[1] / picture.shape[1]
    return np.array([width, height, width, height])
