"""torchvision's names for tensors: today's for those of older versions, and which are no part of what is built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Shapes = Mapping[str, tuple[int, ...]]

BODY, FPN = "backbone.body.", "backbone.fpn."
RPN_CLASSES, RPN_BOXES = "rpn.head.cls_logits.weight", "rpn.head.bbox_pred.weight"
CLASSES, BOXES = "roi_heads.box_predictor.cls_score.weight", "roi_heads.box_predictor.bbox_pred.weight"
DENSE_CLASSES, DENSE_BOXES = "head.classification_head.cls_logits.weight", "head.regression_head.bbox_reg.weight"
CENTERNESS = "head.regression_head.bbox_ctrness.weight"
LATERAL, SMOOTHING = "backbone.fpn.inner_blocks.0.0.weight", "backbone.fpn.layer_blocks.0.0.weight"
TOWER = "head.classification_head.conv."
KEYPOINTS = "roi_heads.keypoint_predictor.kps_score_lowres.weight"
MASKS = "roi_heads.mask_predictor.mask_fcn_logits.weight"

#: what is not part of the network that is built, and why; a pattern is matched from the start of a name
_LEFT_OUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"roi_heads\.mask_", "the mask head of a Mask R-CNN; its boxes do not need it"),
        (r"roi_heads\.keypoint_", "the keypoint head of a Keypoint R-CNN; its boxes do not need it"),
        (r"(rpn\.)?anchor_generator\.", "anchors are laid anew from anchor_sizes and aspect_ratios"),
        (r"transform\.", "mean, std and sizes are settings here"),
        (
            r"backbone\.body\.(fc|classifier|head|norm|avgpool|permute)\.",
            "the backbone's classifier; detectors have no use for it",
        ),
    )
)
#: before torchvision 0.12 these convolutions were not wrapped in a Sequential
_LEGACY = (
    (re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$"), r"\1.0.\2"),
    (re.compile(r"rpn\.head\.conv\.(weight|bias)$"), r"rpn.head.conv.0.0.\1"),
)
#: other ways of holding the same body: all of a classifier's `features`, norms in a list
_BODIES = (
    (re.compile(r"backbone\.body\.features\."), BODY),
    (re.compile(r"backbone\.body\.norms\.(\d)\."), rf"{BODY}norm\1."),
)
_FLAT_TOWER = re.compile(r"(head\.(?:classification|regression)_head\.conv)\.(\d+)\.(weight|bias)$")


def left_out(names: Iterable[str]) -> dict[str, str]:
    """Names of the file that are not used, and why."""
    reasons = ((name, next((reason for pattern, reason in _LEFT_OUT if pattern.match(name)), "")) for name in names)
    return {name: reason for name, reason in reasons if reason}


def todays(shapes: Shapes) -> dict[str, str]:
    """Today's name for each name of a file; most are the same.

    RetinaNet's towers once had a convolution at every other index; FCOS's still have a norm behind each, which tells them apart.
    """
    flat = has_flat_towers(shapes)
    return {name: _today(name, flat) for name in shapes}


def has_flat_towers(shapes: Shapes) -> bool:
    """Whether these are the towers of a RetinaNet from before torchvision 0.12: convolutions and ReLUs in turn, without norms."""
    return len(shapes.get(f"{TOWER}0.weight", ())) == 4 and f"{TOWER}1.weight" not in shapes and CENTERNESS not in shapes


def is_legacy(new: Mapping[str, str]) -> bool:
    """Whether names were those of torchvision before 0.12.

    Args:
        new: today's name for each, as from `todays`.
    """
    return any(name != to and not name.startswith(BODY) for name, to in new.items())


def count(names: Iterable[str], pattern: str) -> int:
    """How many different things a pattern's group stands for in the names."""
    return len({found[1] for name in names if (found := re.match(pattern, name))})


def _today(name: str, flat: bool) -> str:
    for old, new in (*_LEGACY, *_BODIES):
        name = old.sub(new, name)
    tower = _FLAT_TOWER.match(name) if flat else None
    return f"{tower[1]}.{int(tower[2]) // 2}.0.{tower[3]}" if tower else name
