"""Files of mmdetection with small random weights, in its own names, that are lively enough to answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.load import load_module
from fpn_viewer.core.checkpoints.read import recognised_contents
from fpn_viewer.core.checkpoints.values import Contents
from fpn_viewer.core.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Recognised
    from tests.unit.core.checkpoints.mmdetection_maths import Rules

#: blocks of a stage, and whether they are bottlenecks
BACKBONES: dict[int, tuple[tuple[int, ...], bool]] = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


class Writer:
    """Fills a state_dict with He's weights."""

    def __init__(self, seed: int = 0) -> None:
        """Begins an empty one."""
        self.tensors: dict[str, Tensor] = {}
        self.noise = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers."""
        return torch.randn(*shape, generator=self.noise)

    def conv(self, name: str, outputs: int, inputs: int, side: int, bias: bool = True, gain: float = 1.4) -> None:
        """A convolution, or a linear layer when `side` is 0."""
        shape = (outputs, inputs, side, side) if side else (outputs, inputs)
        self.tensors[f"{name}.weight"] = self.normal(*shape) * gain / (inputs * max(side, 1) ** 2) ** 0.5
        if bias:
            self.tensors[f"{name}.bias"] = self.normal(outputs) * 0.2

    def norm(self, name: str, width: int, counted: bool = True) -> None:
        """A batch norm that changes something."""
        self.tensors[f"{name}.weight"] = 1 + 0.1 * self.normal(width)
        self.tensors[f"{name}.bias"] = 0.1 * self.normal(width)
        self.tensors[f"{name}.running_mean"] = 0.1 * self.normal(width)
        self.tensors[f"{name}.running_var"] = 1 + 0.2 * torch.rand(width, generator=self.noise)
        if counted:
            self.tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def resnet(self, depth: int = 18, width: int = 8, groups: int = 1, per_group: int = 64) -> list[int]:
        """A backbone; the channels of its stages."""
        blocks, bottleneck = BACKBONES[depth]
        self.conv("backbone.conv1", width, 3, 7, bias=False)
        self.norm("backbone.bn1", width)
        inputs, out = width, []
        for stage, count in enumerate(blocks):
            planes = width * 2**stage
            outputs = planes * (4 if bottleneck else 1)
            inside = planes * groups * per_group // 64 if bottleneck else planes
            for block in range(count):
                self._block(f"backbone.layer{stage + 1}.{block}", inputs, inside, outputs, groups, bottleneck)
                if block == 0 and (stage or bottleneck):
                    self.conv(f"backbone.layer{stage + 1}.0.downsample.0", outputs, inputs, 1, bias=False, gain=1.0)
                    self.norm(f"backbone.layer{stage + 1}.0.downsample.1", outputs)
                inputs = outputs
            out.append(outputs)
        return out

    def _block(self, name: str, inputs: int, inside: int, outputs: int, groups: int, bottleneck: bool) -> None:
        rows = [(inside, inputs, 1), (inside, inside // groups, 3), (outputs, inside, 1)]
        for index, (to, of, side) in enumerate(rows if bottleneck else [(inside, inputs, 3), (outputs, inside, 3)]):
            self.conv(f"{name}.conv{index + 1}", to, of, side, bias=False, gain=0.7)
            self.norm(f"{name}.bn{index + 1}", to)

    def neck(self, channels: list[int], width: int, extra: str = "") -> None:
        """Laterals, smoothing, and P6 and P7 from the last backbone map ("C5") or the last output ("P5")."""
        for index, inputs in enumerate(channels):
            self.conv(f"neck.lateral_convs.{index}.conv", width, inputs, 1, gain=0.7)
            self.conv(f"neck.fpn_convs.{index}.conv", width, width, 3, gain=0.7)
        if extra:
            for index, inputs in enumerate((channels[-1] if extra == "C5" else width, width)):
                self.conv(f"neck.fpn_convs.{len(channels) + index}.conv", width, inputs, 3)


def faster_rcnn_tensors(
    depth: int = 18, width: int = 8, neck: int = 16, classes: int = 3, anchors: int = 3, agnostic: bool = False, **resnet: int
) -> dict[str, Tensor]:
    """A Faster R-CNN of mmdetection 2 or 3; `classes` without background."""
    out = Writer()
    out.neck(out.resnet(depth, width, **resnet), neck)
    out.conv("rpn_head.rpn_conv", neck, neck, 3)
    out.conv("rpn_head.rpn_cls", anchors, neck, 1)
    out.conv("rpn_head.rpn_reg", 4 * anchors, neck, 1, gain=0.1)
    out.conv("roi_head.bbox_head.shared_fcs.0", 16, neck * 49, 0)
    out.conv("roi_head.bbox_head.shared_fcs.1", 16, 16, 0)
    out.conv("roi_head.bbox_head.fc_cls", classes + 1, 16, 0)
    out.conv("roi_head.bbox_head.fc_reg", 4 if agnostic else 4 * classes, 16, 0, gain=0.3)
    return out.tensors


def retinanet_tensors(width: int = 8, neck: int = 16, classes: int = 3, anchors: int = 9, extra: str = "C5") -> dict[str, Tensor]:
    """A RetinaNet of mmdetection."""
    out = Writer()
    out.neck(out.resnet(18, width)[1:], neck, extra)
    for tower in ("cls_convs", "reg_convs"):
        for index in range(4):
            out.conv(f"bbox_head.{tower}.{index}.conv", neck, neck, 3)
    out.conv("bbox_head.retina_cls", anchors * classes, neck, 3)
    out.tensors["bbox_head.retina_cls.bias"] -= 2.5
    out.conv("bbox_head.retina_reg", 4 * anchors, neck, 3, gain=0.1)
    return out.tensors


def config_text(rules: Rules, family: str = "FasterRCNN", **neck: Any) -> str:
    """The configuration that says `rules`, as mmdetection 2 writes it."""
    norm = f"dict(type='Normalize', mean={list(rules.mean)}, std={list(rules.std)}, to_rgb={rules.to_rgb})"
    written = f"dict(type='Resize', keep_ratio=True), {norm}, dict(type='Pad', size_divisor=32)"
    extra = "".join(f", {name}={value!r}" for name, value in neck.items())
    heads, test = (_two_stage, _two_stage_test) if family == "FasterRCNN" else (_one_stage, _one_stage_test)
    return f"""# written by a training
model = dict(
    type='{family}',
    backbone=dict(type='ResNet', depth=18, style='{rules.style}'),
    neck=dict(type='FPN', num_outs=5, relu_before_extra_convs={rules.relu_before_extra_convs}{extra}),
    {heads(rules)},
    test_cfg={test(rules)})
data = dict(test=dict(type='CocoDataset', pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', img_scale={rules.img_scale}, flip=False, transforms=[{written}])]))
work_dir = './work' + '_dirs'
"""


def _generator(rules: Rules) -> str:
    scales = f"scales={list(rules.scales)}"
    return (
        f"anchor_generator=dict(type='AnchorGenerator', {scales}, ratios={list(rules.ratios)}, strides={list(rules.strides)}, "
        f"center_offset={rules.center_offset})"
    )


def _two_stage(rules: Rules) -> str:
    layer = f"dict(type='RoIAlign', output_size=7, sampling_ratio={rules.sampling_ratio}, aligned={rules.aligned})"
    coder = f"dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds={list(rules.target_stds)})"
    return (
        f"rpn_head=dict(type='RPNHead', {_generator(rules)}), roi_head=dict(type='StandardRoIHead', bbox_roi_extractor="
        f"dict(type='SingleRoIExtractor', roi_layer={layer}, featmap_strides=[4, 8, 16, 32]), "
        f"bbox_head=dict(type='Shared2FCBBoxHead', bbox_coder={coder}))"
    )


def _nms(rules: Rules) -> str:
    return f"score_thr={rules.score_thr}, nms=dict(type='nms', iou_threshold={rules.nms}), max_per_img={rules.max_per_img}"


def _two_stage_test(rules: Rules) -> str:
    proposals = f"nms_pre={rules.nms_pre}, max_per_img={rules.rpn_max}, nms=dict(type='nms', iou_threshold={rules.rpn_nms})"
    return f"dict(rpn=dict({proposals}, min_bbox_size=0), rcnn=dict({_nms(rules)}))"


def _one_stage(rules: Rules) -> str:
    return f"bbox_head=dict(type='RetinaHead', {_generator(rules)})"


def _one_stage_test(rules: Rules) -> str:
    return f"dict(nms_pre={rules.nms_pre}, {_nms(rules)})"


def for_grey_levels(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same for pictures that are not divided by their standard deviation, as in style "caffe"."""
    return {name: t / 57 if name == "backbone.conv1.weight" else t for name, t in tensors.items()}


def contents_of(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any] | None = None, name: str = "epoch_12.pth") -> Contents:
    """What a file of these would be read as."""
    return Contents(Path("/nowhere") / name, "torch", tensors, metadata or {})


def meta(config: str, version: str = "2.25.0", **more: Any) -> dict[str, Any]:
    """Metadata with a configuration."""
    return {"meta": {"mmdet_version": version, "config": config, **more}}


def recognised(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any] | None = None, **options: Any) -> Recognised:
    """The same, recognised with all that is said of it."""
    return recognised_contents(contents_of(tensors, metadata), options)


def opened(found: Recognised) -> Detector:
    """The detector on the CPU."""
    return Detector(found.spec, load_module(found), torch.device("cpu"))
