"""detectron2's names of tensors under torchvision's, and those that are of no use here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

#: names of tensors of which one is enough to know the code base
OWN = (
    "backbone.bottom_up.",
    "backbone.fpn_lateral",
    "backbone.simfp_",
    "proposal_generator.",
    "roi_heads.res5.",
    "head.cls_subnet.",
    "sem_seg_head.",
)
PIXEL_MEAN, PIXEL_STD = "pixel_mean", "pixel_std"
CELL_ANCHORS = re.compile(r"^(?:proposal_generator\.)?anchor_generator\.cell_anchors\.(\d+)$")
_BODY, _FPN = "backbone.body", "backbone.fpn"
_LATERAL = re.compile(r"^backbone\.fpn_lateral(\d+)\.")
#: a name, by pattern; "{}" in the replacement is a number of the pattern after it went through the function
_RULES: tuple[tuple[str, str, Callable[[int, int], int]], ...] = (
    (r"^backbone\.bottom_up\.stem\.conv(1)\.norm\.", f"{_BODY}.bn{{}}.", lambda n, _: n),
    (r"^backbone\.bottom_up\.stem\.conv(1)\.", f"{_BODY}.conv{{}}.", lambda n, _: n),
    (r"^backbone\.bottom_up\.res(\d+)\.", f"{_BODY}.layer{{}}.", lambda n, _: n - 1),
    (r"^backbone\.fpn_lateral(\d+)\.norm\.", f"{_FPN}.inner_blocks.{{}}.1.", lambda n, first: n - first),
    (r"^backbone\.fpn_lateral(\d+)\.", f"{_FPN}.inner_blocks.{{}}.0.", lambda n, first: n - first),
    (r"^backbone\.fpn_output(\d+)\.norm\.", f"{_FPN}.layer_blocks.{{}}.1.", lambda n, first: n - first),
    (r"^backbone\.fpn_output(\d+)\.", f"{_FPN}.layer_blocks.{{}}.0.", lambda n, first: n - first),
    (r"^backbone\.top_block\.p(\d)\.", f"{_FPN}.extra_blocks.p{{}}.", lambda n, _: n),
    (r"^proposal_generator\.rpn_head\.conv\.conv(\d+)\.", "rpn.head.conv.{}.0.", lambda n, _: n),
    (r"^roi_heads\.box_head\.conv(\d+)\.norm\.", "roi_heads.box_head.{}.1.", lambda n, _: n - 1),
    (r"^roi_heads\.box_head\.conv(\d+)\.", "roi_heads.box_head.{}.0.", lambda n, _: n - 1),
    # a ReLU without tensors lies between two convolutions of a tower
    (r"^head\.cls_subnet\.(\d+)\.", "head.classification_head.conv.{}.0.", lambda n, _: n // 2),
    (r"^head\.bbox_subnet\.(\d+)\.", "head.regression_head.conv.{}.0.", lambda n, _: n // 2),
)
#: what is left to do behind the rules, and where nothing is counted
_PLAIN: tuple[tuple[str, str], ...] = (
    (r"^(backbone\.body\.layer\d+\.\d+)\.conv(\d+)\.norm\.", r"\1.bn\2."),
    (r"^(backbone\.body\.layer\d+\.\d+)\.shortcut\.norm\.", r"\1.downsample.1."),
    (r"^(backbone\.body\.layer\d+\.\d+)\.shortcut\.", r"\1.downsample.0."),
    (r"^proposal_generator\.rpn_head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
    (r"^proposal_generator\.rpn_head\.objectness_logits\.", "rpn.head.cls_logits."),
    (r"^proposal_generator\.rpn_head\.anchor_deltas\.", "rpn.head.bbox_pred."),
    (r"^head\.cls_score\.", "head.classification_head.cls_logits."),
    (r"^head\.bbox_pred\.", "head.regression_head.bbox_reg."),
)
#: the connected layers of a box head, by whether it has convolutions before them: torchvision's names for the first and second
_CONNECTED: dict[bool, dict[str, str]] = {False: {"fc1": "fc6", "fc2": "fc7"}, True: {"fc1": "5"}}
_FC = re.compile(r"^roi_heads\.box_head\.(fc\d+)\.")
#: a name's start to why it is not used
_LEFT_OUT: dict[str, str] = {
    "roi_heads.mask_": "of the mask head; the boxes need it not",
    "roi_heads.keypoint_": "of the keypoint head; the boxes need it not",
    "roi_heads.densepose_": "of the DensePose head; the boxes need it not",
    "roi_heads.decoder.": "of the DensePose head; the boxes need it not",
    "sem_seg_head.": "of the semantic segmentation; the boxes need it not",
    "backbone.bottom_up.linear.": "the classifier that the backbone was trained with",
    "proposal_generator.anchor_generator.": "computed anew from the anchor settings",
    "anchor_generator.": "computed anew from the anchor settings",
    PIXEL_MEAN: "read as the setting image_mean",
    PIXEL_STD: "read as the setting image_std",
}


def claims(names: Collection[str]) -> bool:
    """Whether these are names that detectron2's detectors give to their tensors."""
    return any(name.startswith(OWN) for name in names)


def left_out(names: Iterable[str]) -> dict[str, str]:
    """Names that a detector's boxes do not need, to why."""
    out = {}
    for name in names:
        why = next((reason for start, reason in _LEFT_OUT.items() if name.startswith(start)), "")
        if why:
            out[name] = why
    return out


def renamed(names: Collection[str]) -> dict[str, str]:
    """Each name to torchvision's; one that no rule knows stays as it is."""
    first = min((int(m.group(1)) for name in names if (m := _LATERAL.match(name))), default=2)
    connected = _CONNECTED[any(name.startswith("roi_heads.box_head.conv") for name in names)]
    return {name: _renamed(name, first, connected) for name in names}


def _renamed(name: str, first: int, connected: dict[str, str]) -> str:
    if fc := _FC.match(name):
        return f"roi_heads.box_head.{connected.get(fc.group(1), fc.group(1))}.{name[fc.end() :]}"
    for pattern, form, number in _RULES:
        if found := re.match(pattern, name):
            name = form.format(number(int(found.group(1)), first)) + name[found.end() :]
            break
    for pattern, form in _PLAIN:
        name = re.sub(pattern, form, name)
    return name
