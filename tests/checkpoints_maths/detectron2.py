"""detectron2's inference written out from its published formulas, on a file's own tensors under detectron2's names.

Nothing here is shared with the program: one picture, no batches, no modules. Boxes are xyxy.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
LARGEST_STEP = math.log(1000 / 16)


@dataclass
class Config:
    """The values of a configuration that the maths needs."""

    min_size: int = 800
    max_size: int = 1333
    mean: tuple[float, ...] = (103.53, 116.28, 123.675)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    bgr: bool = True
    stride_in_1x1: bool = True
    eps: float = 1e-5
    average: bool = False
    sizes: list[list[float]] = field(default_factory=lambda: [[32], [64], [128], [256], [512]])
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    offset: float = 0.0
    pre_nms: int = 1000
    post_nms: int = 1000
    rpn_nms: float = 0.7
    score: float = 0.05
    nms: float = 0.5
    cap: int = 100
    topk: int = 1000


# -- the picture --------------------------------------------------------------------------------------------------------


def shortest_edge(height: int, width: int, config: Config) -> tuple[int, int]:
    """Sides after the resize: first by the shorter edge, then once more when the longer is too long."""
    scale = config.min_size / min(height, width)
    new_h, new_w = (config.min_size, scale * width) if height < width else (scale * height, config.min_size)
    if max(new_h, new_w) > config.max_size:
        again = config.max_size / max(new_h, new_w)
        new_h, new_w = new_h * again, new_w * again
    return int(new_h + 0.5), int(new_w + 0.5)


def prepared(picture: np.ndarray, config: Config) -> tuple[Tensor, tuple[int, int]]:
    """The network's input (1, 3, H, W), and its size before padding."""
    height, width = shortest_edge(*picture.shape[:2], config)
    resized = np.asarray(Image.fromarray(picture).resize((width, height), Image.BILINEAR)).astype(np.float32)
    channels = resized[:, :, ::-1] if config.bgr else resized
    normal = (channels - np.float32(config.mean)) / np.float32(config.std)
    whole = np.zeros((3, math.ceil(height / 32) * 32, math.ceil(width / 32) * 32), np.float32)
    whole[:, :height, :width] = normal.transpose(2, 0, 1)
    return torch.from_numpy(whole)[None], (height, width)


# -- backbone and pyramid -----------------------------------------------------------------------------------------------


def conv(tensors: Tensors, name: str, x: Tensor, eps: float, stride: int = 1) -> Tensor:
    """A convolution with its norm, where it has one."""
    weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
    out = functional.conv2d(x, weight, bias, stride, weight.shape[-1] // 2, groups=x.shape[1] // weight.shape[1])
    if f"{name}.norm.weight" not in tensors:
        return out
    gamma, beta, mean, var = (tensors[f"{name}.norm.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / (var + eps).sqrt()
    return out * scale[:, None, None] + (beta - mean * scale)[:, None, None]


def block(tensors: Tensors, name: str, x: Tensor, stride: int, config: Config) -> Tensor:
    """A residual block."""
    shortcut = conv(tensors, f"{name}.shortcut", x, config.eps, stride) if f"{name}.shortcut.weight" in tensors else x
    if f"{name}.conv3.weight" not in tensors:
        out = conv(tensors, f"{name}.conv1", x, config.eps, stride).relu()
        return (conv(tensors, f"{name}.conv2", out, config.eps) + shortcut).relu()
    first, second = (stride, 1) if config.stride_in_1x1 else (1, stride)
    out = conv(tensors, f"{name}.conv1", x, config.eps, first).relu()
    out = conv(tensors, f"{name}.conv2", out, config.eps, second).relu()
    return (conv(tensors, f"{name}.conv3", out, config.eps) + shortcut).relu()


def resnet(tensors: Tensors, x: Tensor, config: Config) -> dict[int, Tensor]:
    """Number of the stage (2 to 5) to its map."""
    x = conv(tensors, "backbone.bottom_up.stem.conv1", x, config.eps, 2).relu()
    x = functional.max_pool2d(x, 3, 2, 1)
    maps = {}
    for stage in (2, 3, 4, 5):
        pattern = re.compile(rf"backbone\.bottom_up\.res{stage}\.(\d+)\.")
        blocks = {int(m.group(1)) for name in tensors if (m := pattern.match(name))}
        for index in sorted(blocks):
            x = block(tensors, f"backbone.bottom_up.res{stage}.{index}", x, 2 if index == 0 and stage > 2 else 1, config)
        maps[stage] = x
    return maps


def pyramid(tensors: Tensors, maps: dict[int, Tensor], config: Config) -> list[Tensor]:
    """P2 (or P3) to the last level."""
    stages = [stage for stage in sorted(maps) if f"backbone.fpn_lateral{stage}.weight" in tensors]
    out, above = [], None
    for stage in reversed(stages):
        merged = conv(tensors, f"backbone.fpn_lateral{stage}", maps[stage], config.eps)
        if above is not None:
            merged = merged + above.repeat_interleave(2, 2).repeat_interleave(2, 3)
            merged = merged / 2 if config.average else merged
        above = merged
        out.insert(0, conv(tensors, f"backbone.fpn_output{stage}", merged, config.eps))
    if "backbone.top_block.p6.weight" not in tensors:
        return [*out, out[-1][:, :, ::2, ::2]]
    p6 = conv(tensors, "backbone.top_block.p6", maps[5], config.eps, 2)
    return [*out, p6, conv(tensors, "backbone.top_block.p7", p6.relu(), config.eps, 2)]


# -- boxes --------------------------------------------------------------------------------------------------------------


def anchors(levels: list[Tensor], finest: int, config: Config) -> list[Tensor]:
    """Per level (h·w·A, 4): rows, columns, then all ratios of the first size, of the next, …"""
    out = []
    for index, (level, sizes) in enumerate(zip(levels, config.sizes, strict=True)):
        stride = finest * 2**index
        cell = []
        for size in sizes:
            for ratio in config.ratios:
                width = math.sqrt(size**2 / ratio)
                height = ratio * width
                cell.append([-width / 2, -height / 2, width / 2, height / 2])
        rows, columns = (np.arange(n) * stride + config.offset * stride for n in level.shape[-2:])
        centres = np.stack([*np.meshgrid(columns, rows)] * 2, -1).reshape(-1, 1, 4)
        out.append(torch.from_numpy((centres + np.array(cell)).reshape(-1, 4)).float())
    return out


def decoded(deltas: Tensor, boxes: Tensor, weights: tuple[float, ...] = (1, 1, 1, 1)) -> Tensor:
    """Boxes moved by deltas, (n, 4) each."""
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = boxes[:, 0] + w / 2, boxes[:, 1] + h / 2
    dx, dy, dw, dh = (deltas[:, k] / weights[k] for k in range(4))
    x, y = x + dx * w, y + dy * h
    w, h = w * dw.clamp(max=LARGEST_STEP).exp(), h * dh.clamp(max=LARGEST_STEP).exp()
    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)


def clipped(boxes: Tensor, size: tuple[float, float]) -> Tensor:
    """Boxes cut to a picture of (H, W)."""
    x, y = boxes[:, 0::2].clamp(0, size[1]), boxes[:, 1::2].clamp(0, size[0])
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)


def has_area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def suppressed(boxes: Tensor, scores: Tensor, groups: Tensor, limit: float) -> list[int]:
    """Rows that greedy suppression within groups keeps, best first."""
    b, kept = boxes.double().numpy(), []
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    gone = np.zeros(len(b), bool)
    for row in torch.sort(scores, descending=True, stable=True)[1].tolist():
        if gone[row]:
            continue
        kept.append(row)
        w = np.minimum(b[:, 2], b[row, 2]) - np.maximum(b[:, 0], b[row, 0])
        h = np.minimum(b[:, 3], b[row, 3]) - np.maximum(b[:, 1], b[row, 1])
        shared = np.maximum(w, 0) * np.maximum(h, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            gone |= (shared / (area + area[row] - shared) > limit) & (groups == groups[row]).numpy()
    return kept


def per_anchor(x: Tensor, numbers: int) -> Tensor:
    """(1, A·numbers, h, w) to (h·w·A, numbers)."""
    _, channels, h, w = x.shape
    return x.view(channels // numbers, numbers, h, w).permute(2, 3, 0, 1).reshape(-1, numbers)


# -- the two-stage detector ---------------------------------------------------------------------------------------------


def proposals(tensors: Tensors, levels: list[Tensor], size: tuple[int, int], config: Config) -> Tensor:
    """What the RPN hands over, (R, 4), best first."""
    head, boxes, scores, of = "proposal_generator.rpn_head", [], [], []
    several = f"{head}.conv.weight" not in tensors
    names = [f"{head}.conv.conv{k}" for k in range(2)] if several else [f"{head}.conv"]
    for index, (level, laid) in enumerate(zip(levels, anchors(levels, 4, config), strict=True)):
        x = level
        for name in names:
            x = conv(tensors, name, x, config.eps).relu()
        logits = per_anchor(conv(tensors, f"{head}.objectness_logits", x, config.eps), 1)[:, 0]
        deltas = per_anchor(conv(tensors, f"{head}.anchor_deltas", x, config.eps), 4)
        best = logits.sort(descending=True)[1][: config.pre_nms]
        boxes.append(decoded(deltas[best], laid[best]))
        scores.append(logits[best])
        of.append(torch.full((len(best),), index))
    every, score, group = clipped(torch.cat(boxes), size), torch.cat(scores), torch.cat(of)
    there = has_area(every)
    every, score, group = every[there], score[there], group[there]
    return every[suppressed(every, score, group, config.rpn_nms)[: config.post_nms]]


def level_of(boxes: Tensor) -> Tensor:
    """Number of the level that each box is read from, 2 to 5."""
    side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    return torch.floor(4 + torch.log2(side / 224 + 1e-8)).clamp(2, 5)


def samples(level: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """A map (C, h, w) at points, (C, n); 0 more than a cell outside of it."""
    h, w = level.shape[-2:]
    outside = (y < -1) | (y > h) | (x < -1) | (x > w)
    y, x = y.clamp(0, h - 1), x.clamp(0, w - 1)
    top, left = y.floor().long(), x.floor().long()
    below, right = (top + 1).clamp(max=h - 1), (left + 1).clamp(max=w - 1)
    fy, fx = y - top, x - left
    upper = level[:, top, left] * (1 - fx) + level[:, top, right] * fx
    lower = level[:, below, left] * (1 - fx) + level[:, below, right] * fx
    return torch.where(outside, torch.zeros(()), upper * (1 - fy) + lower * fy)


def pooled(level: Tensor, box: Tensor, stride: int, bins: int = 7) -> Tensor:
    """ROIAlignV2: the mean of as many samples per bin as it has cells, (C, bins, bins); cell (0, 0) has its value at (0.5, 0.5)."""
    x1, y1, x2, y2 = (float(v) / stride - 0.5 for v in box)
    width, height = (x2 - x1) / bins, (y2 - y1) / bins
    across, down = max(math.ceil(width), 1), max(math.ceil(height), 1)
    y = y1 + (torch.arange(bins * down) + 0.5) / down * height
    x = x1 + (torch.arange(bins * across) + 0.5) / across * width
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    values = samples(level, grid_y.flatten(), grid_x.flatten()).view(-1, bins, down, bins, across)
    return values.mean((2, 4))


def box_features(tensors: Tensors, levels: list[Tensor], rois: Tensor, config: Config) -> Tensor:
    numbers = level_of(rois).tolist()
    x = torch.stack([pooled(levels[int(n) - 2][0], roi, 2 ** int(n)) for roi, n in zip(rois, numbers, strict=True)])
    index = 1
    while f"roi_heads.box_head.conv{index}.weight" in tensors:
        x = conv(tensors, f"roi_heads.box_head.conv{index}", x, config.eps).relu()
        index += 1
    x, index = x.flatten(1), 1
    while f"roi_heads.box_head.fc{index}.weight" in tensors:
        x = functional.linear(x, *(tensors[f"roi_heads.box_head.fc{index}.{part}"] for part in ("weight", "bias"))).relu()
        index += 1
    return x


def faster_rcnn(tensors: Tensors, picture: np.ndarray, config: Config) -> dict[str, Tensor]:
    """Boxes (D, 4) picture px, scores and labels (0 is the first class), best first."""
    x, size = prepared(picture, config)
    levels = pyramid(tensors, resnet(tensors, x, config), config)
    rois = proposals(tensors, levels, size, config)
    features = box_features(tensors, levels, rois, config)
    logits, deltas = (
        functional.linear(features, *(tensors[f"roi_heads.box_predictor.{name}.{part}"] for part in ("weight", "bias")))
        for name in ("cls_score", "bbox_pred")
    )
    scores = logits.softmax(1)[:, :-1]
    boxes, values, labels = [], [], []
    for label in range(scores.shape[1]):
        of_class = deltas if deltas.shape[1] == 4 else deltas[:, 4 * label : 4 * label + 4]
        over = scores[:, label] > config.score
        boxes.append(clipped(decoded(of_class, rois, (10, 10, 5, 5)), size)[over])
        values.append(scores[over, label])
        labels.append(torch.full((int(over.sum()),), label))
    every = torch.cat(boxes), torch.cat(values), torch.cat(labels)
    kept = suppressed(*every, config.nms)[: config.cap]
    return mapped_back(*(column[kept] for column in every), size, picture.shape[:2])


def mapped_back(
    boxes: Tensor, scores: Tensor, labels: Tensor, size: tuple[int, int], picture: tuple[int, ...]
) -> dict[str, Tensor]:
    """In px of the picture, cut to it; what is then empty goes."""
    ratio = torch.tensor([picture[1] / size[1], picture[0] / size[0]] * 2)
    boxes = clipped(boxes * ratio, (picture[0], picture[1]))
    left = has_area(boxes)
    return {"boxes": boxes[left], "scores": scores[left], "labels": labels[left]}


# -- the one-stage detector ---------------------------------------------------------------------------------------------


def retinanet(tensors: Tensors, picture: np.ndarray, config: Config) -> dict[str, Tensor]:
    """Boxes (D, 4) picture px, scores and labels, best first."""
    x, size = prepared(picture, config)
    levels = pyramid(tensors, resnet(tensors, x, config), config)
    boxes, scores, labels = [], [], []
    cells = len(config.sizes[0]) * len(config.ratios)
    classes = len(tensors["head.cls_score.weight"]) // cells
    for level, laid in zip(levels, anchors(levels, 8, config), strict=True):
        outputs = []
        for tower, output, numbers in (("cls_subnet", "cls_score", classes), ("bbox_subnet", "bbox_pred", 4)):
            x = level
            for index in (0, 2, 4, 6):
                x = conv(tensors, f"head.{tower}.{index}", x, config.eps).relu()
            outputs.append(per_anchor(conv(tensors, f"head.{output}", x, config.eps), numbers))
        every = outputs[0].sigmoid()
        row, label = torch.nonzero(every > config.score).unbind(1)
        best = every[row, label].sort(descending=True)[1][: config.topk]
        row, label = row[best], label[best]
        boxes.append(decoded(outputs[1][row], laid[row]))
        scores.append(every[row, label])
        labels.append(label)
    found = torch.cat(boxes), torch.cat(scores), torch.cat(labels)
    kept = suppressed(*found, config.nms)[: config.cap]
    return mapped_back(*(column[kept] for column in found), size, picture.shape[:2])
