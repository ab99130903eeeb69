"""What of detectron2 cannot be built here, by the names and shapes that give it away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    Tensors = Mapping[str, Tensor]

_OBJECTNESS, _DELTAS = "proposal_generator.rpn_head.objectness_logits.weight", "proposal_generator.rpn_head.anchor_deltas.weight"
_NORM = re.compile(r"^(.*)\.norm\.weight$")
_TOWER = re.compile(r"^head\.(?:cls|bbox)_subnet\.(\d+)\.weight$")
#: a name's start to what is normed below it
_PARTS: dict[str, str] = {
    "backbone.bottom_up.": "backbone",
    "backbone.fpn_": "FPN",
    "proposal_generator.": "RPN",
    "roi_heads.box_head.": "box head",
}


def what_cannot_be_built(tensors: Tensors) -> str:
    """What these tensors are, "a Cascade R-CNN", where it is nothing that can be built; "" where it may be."""
    return next((what for matches, what in _KINDS if matches(tensors)), "") or _other_norms(tensors)


def _has(pattern: str) -> Callable[[Tensors], bool]:
    compiled = re.compile(pattern)
    return lambda tensors: any(compiled.match(name) for name in tensors)


def _lacks(pattern: str) -> Callable[[Tensors], bool]:
    has = _has(pattern)
    return lambda tensors: not has(tensors)


def _all(*conditions: Callable[[Tensors], bool]) -> Callable[[Tensors], bool]:
    return lambda tensors: all(condition(tensors) for condition in conditions)


def _rotated(tensors: Tensors) -> bool:
    if _OBJECTNESS not in tensors or _DELTAS not in tensors:
        return False
    return len(tensors[_DELTAS]) == 5 * len(tensors[_OBJECTNESS])


def _other_towers(tensors: Tensors) -> bool:
    places = {int(m.group(1)) for name in tensors if (m := _TOWER.match(name))}
    return bool(places) and places != {0, 2, 4, 6}


def _other_norms(tensors: Tensors) -> str:
    """A norm that keeps no statistics works on the picture at hand, which the neck's arithmetic does not know."""
    for name in tensors:
        found = _NORM.match(name)
        if found and f"{found.group(1)}.norm.running_mean" not in tensors:
            part = next((part for start, part in _PARTS.items() if name.startswith(start)), "")
            if part:
                return f"a detector with GroupNorm or LayerNorm in its {part}"
    return ""


_HEADLESS = _all(_lacks(r"head\.cls_subnet\."), _lacks(r"proposal_generator\."), _lacks(r"roi_heads\."))
#: the first that matches says what it is
_KINDS: tuple[tuple[Callable[[Tensors], bool], str], ...] = (
    (_has(r"backbone\.simfp_"), "a detector over ViTDet's SimpleFeaturePyramid, which has no top-down path"),
    (_has(r"backbone\.fpn_.*attention|backbone\.bifpn"), "a detector over a BiFPN"),
    (_has(r"roi_heads\.(box_head|box_predictor)\.\d+\."), "a Cascade R-CNN"),
    (_has(r"roi_heads\.res5\."), "a C4 detector: it works on one backbone map and has no feature pyramid"),
    (_all(_HEADLESS, _has(r"sem_seg_head\.")), "a network for semantic segmentation, without boxes"),
    (_HEADLESS, "a backbone without the heads of a detector"),
    (_lacks(r"backbone\.fpn_lateral"), "a detector without a feature pyramid (C4 or DC5)"),
    (_has(r"head\.ctrness\."), "detectron2's FCOS"),
    (_has(r".*\.conv2_offset\."), "a detector with deformable convolutions"),
    (_has(r"backbone\.bottom_up\.stem\.conv1_1\."), "a detector on a ResNet with a stem of several convolutions"),
    (_lacks(r"backbone\.bottom_up\.stem\.conv1\."), "a detector on another backbone than a ResNet"),
    (_rotated, "a detector of rotated boxes"),
    (_all(_has(r"proposal_generator\."), _lacks(r"roi_heads\.box_predictor\.")), "an RPN without a box head"),
    (_all(_has(r"roi_heads\."), _lacks(r"proposal_generator\.")), "a Fast R-CNN: it has no RPN of its own"),
    (_other_towers, "a RetinaNet with other towers than four plain convolutions"),
)
