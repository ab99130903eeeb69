"""Small networks of three styles, none of them made like torchvision's, with their adapters and their own final detections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import batched_nms, nms

import fpn_viewer as fv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

STRIDES = (8, 16, 32)
NAMES = ("car", "boat", "tree")
SMALL = fv.Preprocessing(min_size=96, max_size=160)


def conv(c_in: int, c_out: int, stride: int = 2) -> nn.Sequential:
    """A convolution as backbones have it."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.SiLU())


class Backbone(nn.Module):
    """Maps of stride 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stage3, self.stage4, self.stage5 = (
            nn.Sequential(conv(3, 8), conv(8, 8)),
            conv(8, 12),
            conv(12, 16),
            conv(16, 24),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """By name."""
        c3 = self.stage3(self.stem(x))
        c4 = self.stage4(c3)
        return {"c3": c3, "c4": c4, "c5": self.stage5(c4)}


class Fpn(nn.Module):
    """Lateral, nearest, sum, smoothing; `mode` is that of the upsampling."""

    def __init__(self, width: int = 16, mode: str = "nearest") -> None:
        super().__init__()
        self.mode = mode
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in (12, 16, 24))
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in range(3))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Fine to coarse."""
        out = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)]
        for i in (1, 0):
            out[i] = out[i] + functional.interpolate(out[i + 1], size=out[i].shape[-2:], mode=self.mode)
        return [smooth(x) for smooth, x in zip(self.smooth, out, strict=True)]


FPN_TAPS = fv.Taps(
    strides=STRIDES,
    backbone=("backbone[c3]", "backbone[c4]", "backbone[c5]"),
    laterals=tuple(f"neck.lateral.{i}" for i in range(3)),
    merged=tuple(f"neck.smooth.{i}:in" for i in range(3)),
    outputs=tuple(f"neck[{i}]" for i in range(3)),
)


def rows(x: Tensor, width: int) -> Tensor:
    """(1, A·width, h, w) to (h·w·A, width): cell by cell, anchor by anchor."""
    _, channels, h, w = x.shape
    return x.view(channels // width, width, h, w).permute(2, 3, 0, 1).reshape(-1, width)


def lively(module: nn.Module, seed: int = 0) -> Any:
    """The module with weights that make its heads answer differently everywhere; in eval mode."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_normal_(parameter)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.2)
    return module.eval()


# -- RetinaFace: anchors, softmax over face and background, variances -----------------------------------------------------


class RetinaFace(nn.Module):
    """Two anchors a cell; heads of their own on every level; one forward gives all levels joined."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck = Backbone(), Fpn()
        self.score = nn.ModuleList(nn.Conv2d(16, 2 * 2, 1) for _ in STRIDES)
        self.box = nn.ModuleList(nn.Conv2d(16, 2 * 4, 1) for _ in STRIDES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (1, N, 4) and logits (1, N, 2)."""
        pyramid = self.neck(list(self.backbone(x).values()))
        boxes = torch.cat([rows(head(p), 4) for head, p in zip(self.box, pyramid, strict=True)])
        scores = torch.cat([rows(head(p), 2) for head, p in zip(self.score, pyramid, strict=True)])
        return boxes[None], scores[None]


class RetinaFaceAdapter(fv.Adapter):
    """One class; anchors of two sizes in the middle of each cell."""

    class_names = ("face",)
    taps = FPN_TAPS
    preprocessing = fv.Preprocessing(
        min_size=96, max_size=160, channel_order="BGR", pixel_range=255, image_mean=(104, 117, 123), image_std=(60, 60, 60)
    )
    selection = fv.Selection(0.6, 0.4, 30)

    def answers(self, output: tuple[Tensor, Tensor], grids: Sequence[fv.Grid]) -> Iterator[fv.Answer]:  # type: ignore[override]
        """All levels were joined: they are cut apart again."""
        anchors = [grid.anchors([(2.0 * grid.stride,) * 2, (4.0 * grid.stride,) * 2]) for grid in grids]
        counts = [len(level) for level in anchors]
        for level, deltas, logits in zip(anchors, output[0][0].split(counts), output[1][0].split(counts), strict=True):
            yield fv.Answer(level, logits.softmax(-1)[:, 1:], fv.boxes.from_deltas(level, deltas, (0.1, 0.2)))


# -- NanoDet: points, a distribution for each side, its own detections ----------------------------------------------------


class NanoDet(nn.Module):
    """A distribution over 0 … 7 cells for each side; detections are chosen by its own code."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck = Backbone(), Fpn()
        self.cls, self.reg = nn.Conv2d(16, 3, 1), nn.Conv2d(16, 32, 1)

    def forward(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Class logits and distributions of each level."""
        return [(self.cls(p), self.reg(p)) for p in self.neck(list(self.backbone(x).values()))]


class NanoDetAdapter(fv.Adapter):
    """Points in the first corner of each cell."""

    class_names = NAMES
    taps = FPN_TAPS
    preprocessing = SMALL
    selection = fv.Selection(0.6, 0.5, 40)

    def answers(self, output: Any, grids: Sequence[fv.Grid]) -> list[fv.Answer]:
        """Distances from the points."""
        out = []
        for (logits, sides), grid in zip(output, grids, strict=True):
            points, distances = grid.points(0.0), fv.boxes.from_distribution(rows(sides, 32)) * grid.stride
            out.append(fv.Answer(points, rows(logits, 3).sigmoid(), fv.boxes.from_distances(points, distances)))
        return out


class OwnNanoDetAdapter(NanoDetAdapter):
    """The same, with the detections that the network's own code chooses, in its own order of operations."""

    def detections(self, output: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Class by class, as such code does it."""
        boxes, scores = [], []
        for (logits, sides), stride in zip(output, STRIDES, strict=True):
            h, w = logits.shape[-2:]
            y, x = torch.meshgrid(torch.arange(h) * stride, torch.arange(w) * stride, indexing="ij")
            bins = sides[0].view(4, 8, h, w).softmax(1)
            left, top, right, bottom = (bins * torch.arange(8.0).view(1, 8, 1, 1)).sum(1) * stride
            boxes.append(torch.stack((x - left, y - top, x + right, y + bottom), -1).view(-1, 4))
            scores.append(logits[0].sigmoid().flatten(1).t())
        return self.chosen(torch.cat(boxes), torch.cat(scores))

    def chosen(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Score, NMS, cap. Boxes are clipped to the picture first: the pictures of these tests fill 96 px."""
        anchor, label = torch.where(scores > 0.6)
        boxes = torch.stack((*(boxes[:, k].clamp(0, limit) for k, limit in enumerate((138, 96, 138, 96))),), -1)
        keep = batched_nms(boxes[anchor], scores[anchor, label], label, 0.5)[:40]
        return boxes[anchor][keep], scores[anchor, label][keep], label[keep]


class SelfishNanoDetAdapter(OwnNanoDetAdapter):
    """A network that suppresses across classes, which the selection here does not."""

    def chosen(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """NMS of all classes together."""
        boxes, scores, labels = super().chosen(boxes, scores)
        keep = nms(boxes, scores, 0.05)
        return boxes[keep], scores[keep], labels[keep]


# -- YOLO: a path that goes down and up again, objectness, centres, a letterbox -------------------------------------------


class Pan(nn.Module):
    """Top-down by concatenation, then bottom-up: no FPN sum anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce4, self.reduce3 = conv(24 + 16, 16, 1), conv(16 + 12, 16, 1)
        self.down3, self.out4, self.down4, self.out5 = conv(16, 16), conv(32, 16, 1), conv(16, 16), conv(40, 16, 1)

    def forward(self, c3: Tensor, c4: Tensor, c5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three maps in, three out."""
        m4 = self.reduce4(torch.cat((functional.interpolate(c5, scale_factor=2.0), c4), 1))
        p3 = self.reduce3(torch.cat((functional.interpolate(m4, scale_factor=2.0), c3), 1))
        p4 = self.out4(torch.cat((self.down3(p3), m4), 1))
        return p3, p4, self.out5(torch.cat((self.down4(p4), c5), 1))


class Yolo(nn.Module):
    """Objectness, classes and boxes around the cells' corners, as YOLOX decodes them."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck = Backbone(), Pan()
        self.head = nn.ModuleList(nn.Conv2d(16, 4 + 1 + 3, 1) for _ in STRIDES)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(1, 8, h, w) of each level."""
        return [head(p) for head, p in zip(self.head, self.neck(*self.backbone(x).values()), strict=True)]


class YoloAdapter(fv.Adapter):
    """Letterboxed; scores are objectness times class."""

    class_names = NAMES
    taps = fv.Taps.of_neck("neck", STRIDES)
    preprocessing = fv.Preprocessing(
        min_size=128, max_size=128, square=True, pad_value=114, pixel_range=255, image_mean=(0, 0, 0), image_std=(1, 1, 1)
    )
    selection = fv.Selection(0.35, 0.5, 40)

    def answers(self, output: list[Tensor], grids: Sequence[fv.Grid]) -> list[fv.Answer]:
        """xy = (t + cell) · stride, wh = e^t · stride."""
        out = []
        for level, grid in zip(output, grids, strict=True):
            t, corners = rows(level, 8), grid.points(0.0)
            boxes = fv.boxes.from_centres(corners + t[:, :2] * grid.stride, t[:, 2:4].clamp(max=3).exp() * grid.stride)
            out.append(fv.Answer(corners, t[:, 4:5].sigmoid() * t[:, 5:].sigmoid(), boxes))
        return out


#: network and adapter by style
STYLES: dict[str, tuple[type[nn.Module], type[fv.Adapter]]] = {
    "RetinaFace": (RetinaFace, RetinaFaceAdapter),
    "NanoDet": (NanoDet, NanoDetAdapter),
    "YOLO": (Yolo, YoloAdapter),
}


def network(style: str) -> Any:
    """A network of that style, scaled so that its heads neither saturate nor fall silent."""
    module = lively(STYLES[style][0]())
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.startswith(("cls", "reg", "score", "box", "head")):
                parameter.mul_(0.5)
            if style == "YOLO" and name.startswith("head") and name.endswith("weight"):
                parameter.div_(40)
    return module


class PyramidAdapter(fv.Adapter):
    """A pyramid of which nothing is said but where its maps pass."""

    taps = FPN_TAPS
    preprocessing = SMALL
