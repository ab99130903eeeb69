"""mmdetection's names for tensors in those of torchvision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: what is not part of the boxes' network, and why; a pattern is matched from the start of a name
_LEFT_OUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"(roi_head\.)?mask_(head|roi_extractor)\.", "the mask head; boxes do not need it"),
        (r"(roi_head\.)?(mask_iou_head|point_head)\.", "rates or refines masks; boxes do not need it"),
        (r"backbone\.fc\.", "the backbone's classifier"),
        (r"ema_", "a second copy of the weights that the training's moving average swaps with"),
        (r"data_preprocessor\.", "mean and std, which are settings here"),
        (r"(.+\.)?loss_\w+\.", "a loss's own counters"),
    )
)
_RESNET = r"backbone\.(?P<rest>(conv1|bn1|layer\d\.\d+\.(conv\d|bn\d|downsample\.\d))\.\w+)$"
_ROI = r"(roi_head\.)?bbox_head\."
#: patterns to torchvision's names
_RENAMED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (_RESNET, r"backbone.body.\g<rest>"),
        (r"backbone\.((?:layer\d\.\d+\.)?)gn(\d)\.(\w+)$", r"backbone.body.\1bn\2.\3"),
        (r"neck\.lateral_convs\.(\d+)\.conv\.(\w+)$", r"backbone.fpn.inner_blocks.\1.0.\2"),
        (r"neck\.lateral_convs\.(\d+)\.(?:bn|gn)\.(\w+)$", r"backbone.fpn.inner_blocks.\1.1.\2"),
        (r"neck\.fpn_convs\.(\d+)\.conv\.(\w+)$", r"backbone.fpn.layer_blocks.\1.0.\2"),
        (r"neck\.fpn_convs\.(\d+)\.(?:bn|gn)\.(\w+)$", r"backbone.fpn.layer_blocks.\1.1.\2"),
        (r"rpn_head\.rpn_conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
        (r"rpn_head\.rpn_conv\.(\d+)\.conv\.(\w+)$", r"rpn.head.conv.\1.0.\2"),
        (r"rpn_head\.rpn_cls\.(\w+)$", r"rpn.head.cls_logits.\1"),
        (r"rpn_head\.rpn_reg\.(\w+)$", r"rpn.head.bbox_pred.\1"),
        (_ROI + r"fc_cls\.(\w+)$", r"roi_heads.box_predictor.cls_score.\2"),
        (_ROI + r"fc_reg\.(\w+)$", r"roi_heads.box_predictor.bbox_pred.\2"),
        (_ROI + r"shared_convs\.(\d+)\.conv\.(\w+)$", r"roi_heads.box_head.\2.0.\3"),
        (_ROI + r"shared_convs\.(\d+)\.(?:bn|gn)\.(\w+)$", r"roi_heads.box_head.\2.1.\3"),
        (r"bbox_head\.cls_convs\.(\d+)\.conv\.(\w+)$", r"head.classification_head.conv.\1.0.\2"),
        (r"bbox_head\.cls_convs\.(\d+)\.gn\.(\w+)$", r"head.classification_head.conv.\1.1.\2"),
        (r"bbox_head\.reg_convs\.(\d+)\.conv\.(\w+)$", r"head.regression_head.conv.\1.0.\2"),
        (r"bbox_head\.reg_convs\.(\d+)\.gn\.(\w+)$", r"head.regression_head.conv.\1.1.\2"),
        (r"bbox_head\.retina_cls\.(\w+)$", r"head.classification_head.cls_logits.\1"),
        (r"bbox_head\.retina_reg\.(\w+)$", r"head.regression_head.bbox_reg.\1"),
    )
)
_SHARED_FC = re.compile(_ROI + r"shared_fcs\.(\d+)\.(\w+)$")
_EXTRA = re.compile(r"backbone\.fpn\.layer_blocks\.(\d+)\.0\.(\w+)$")


def left_out(names: Iterable[str]) -> dict[str, str]:
    """Names that are not used, and why."""
    reasons = ((name, next((reason for pattern, reason in _LEFT_OUT if pattern.match(name)), "")) for name in names)
    return {name: reason for name, reason in reasons if reason}


def renamed(names: Collection[str]) -> dict[str, str]:
    """torchvision's name for each of mmdetection's; a name that has none stands for itself."""
    laterals = count(names, r"neck\.lateral_convs\.(\d+)\.")
    convs = count(names, _ROI + r"shared_convs\.(?P<of>\d+)\.")
    return {name: _renamed(name, laterals, convs) for name in names}


def count(names: Iterable[str], pattern: str) -> int:
    """How many different things a pattern's group (the one called `of`, else the first) stands for in the names."""
    found = (re.match(pattern, name) for name in names)
    return len({m["of"] if "of" in m.groupdict() else m[1] for m in found if m is not None})


def _renamed(name: str, laterals: int, convs: int) -> str:
    connected = _SHARED_FC.match(name)
    if connected is not None:
        return f"roi_heads.box_head.{_fc(int(connected[2]), convs)}.{connected[3]}"
    for pattern, new in _RENAMED:
        if pattern.match(name):
            return _extra(pattern.sub(new, name), laterals)
    return name


def _fc(index: int, convs: int) -> str:
    # behind convolutions torchvision's head counts on, with one place for the flattening
    return str(convs + 1 + index) if convs else f"fc{6 + index}"


def _extra(name: str, laterals: int) -> str:
    """A smoothing convolution above the laterals under the name of the extra level that it makes."""
    match = _EXTRA.match(name)
    if match is None or int(match[1]) < laterals:
        return name
    return f"backbone.fpn.extra_blocks.p{6 + int(match[1]) - laterals}.{match[2]}"
