"""What the heads and the neck of a torchvision detector consist of, from the names and shapes of their tensors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.torchvision import names as n
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Shapes = Mapping[str, tuple[int, ...]]

_EXTRA = f"{n.FPN}extra_blocks.p6.weight"
_BOX_HEAD = "roi_heads.box_head."
_OF_ONES_OWN = "make its module in Python and open that: --model package.module:factory"


def is_one_stage(shapes: Shapes) -> bool:
    """Whether these are a RetinaNet's or FCOS's."""
    return n.DENSE_CLASSES in shapes


def family_of(shapes: Shapes) -> str:
    """The family, a key of `families.FAMILIES`."""
    if not is_one_stage(shapes):
        return "Faster R-CNN"
    return "FCOS" if n.CENTERNESS in shapes else "RetinaNet"


def network_of(shapes: Shapes) -> str:
    """What torchvision calls the network that was saved, "Mask R-CNN" for one whose masks are left out.

    Args:
        shapes: all that are in the file, also those that are left out.
    """
    parts = (("roi_heads.mask_", "Mask R-CNN"), ("roi_heads.keypoint_", "Keypoint R-CNN"))
    return next((network for start, network in parts if any(name.startswith(start) for name in shapes)), "") or family_of(shapes)


def anchors_per_cell(shapes: Shapes) -> int:
    """What the head has outputs for."""
    return shapes[n.DENSE_BOXES if is_one_stage(shapes) else n.RPN_BOXES][0] // 4


def classes_of(name: str, shapes: Shapes) -> int:
    """Classes, with the background in a two-stage detector.

    Raises:
        CheckpointError: a one-stage head's outputs cannot be shared out among its anchors.
    """
    if not is_one_stage(shapes):
        return shapes[n.CLASSES][0]
    rows, per_cell = shapes[n.DENSE_CLASSES][0], anchors_per_cell(shapes)
    if not per_cell or rows % per_cell:
        raise CheckpointError(
            f"{name} has {rows} class scores per cell for {per_cell} anchors (by its box outputs), and {rows} is not a multiple of "
            f"{per_cell}: one of the two outputs was replaced; replace both."
        )
    return rows // per_cell


def laterals_of(name: str, shapes: Shapes) -> list[int]:
    """Channels that each lateral takes, fine to coarse.

    Raises:
        CheckpointError: one of them is missing between others.
    """
    number = n.count(shapes, r"backbone\.fpn\.inner_blocks\.(\d+)\.")
    wanted = [f"{n.FPN}inner_blocks.{index}.0.weight" for index in range(number)]
    lacking = next((key for key in wanted if len(shapes.get(key, ())) != 4), "")
    if lacking:
        raise CheckpointError(
            f"{name} has {number} laterals but no {lacking} that is a convolution; save the whole state_dict again."
        )
    return [shapes[key][1] for key in wanted]


def neck(shapes: Shapes) -> dict[str, Any]:
    """Fields of `DetectorSpec` about the neck, without the levels."""
    normed = f"{n.FPN}inner_blocks.0.1.weight" in shapes
    return {
        "neck": "fpn",
        "neck_channels": shapes[n.SMOOTHING][0],
        "neck_norm": normed,
        "neck_norm_kind": norm_behind(shapes, f"{n.FPN}inner_blocks.0.1.") or "batch",
        "extra_levels": extra_levels(shapes),
    }


def extra_levels(shapes: Shapes) -> str:
    """What makes the levels above the last backbone map: "P5", "C5" or "pool", which has no tensors."""
    if _EXTRA not in shapes:
        return "pool"
    outputs, inputs = shapes[_EXTRA][:2]
    return "P5" if inputs == outputs else "C5"


def norm_behind(shapes: Shapes, front: str) -> str:
    """The kind of norm with such names: "batch", "frozen", "group" or "" (none)."""
    signs = (("num_batches_tracked", "batch"), ("running_mean", "frozen"), ("weight", "group"))
    return next((kind for sign, kind in signs if front + sign in shapes), "")


def head(name: str, shapes: Shapes) -> dict[str, Any]:
    """Fields of `DetectorSpec` about the head.

    Raises:
        CheckpointError: it has more or fewer layers than torchvision's, so that it cannot be built.
    """
    return _towers(name, shapes) if is_one_stage(shapes) else _two_stage(name, shapes)


def _towers(name: str, shapes: Shapes) -> dict[str, Any]:
    depth = sum(key.startswith(n.TOWER) and len(shape) == 4 for key, shape in shapes.items())
    if family_of(shapes) == "RetinaNet" and depth != 4:
        raise CheckpointError(
            f"{name} is a RetinaNet with {depth} convolutions in each tower, which cannot be built (torchvision's has 4); "
            f"{_OF_ONES_OWN}."
        )
    normed = any(key.startswith(n.TOWER) and key.endswith(".weight") and len(shape) == 1 for key, shape in shapes.items())
    return {"rpn_depth": 0, "box_head": "", "box_features": 0, "head_depth": depth, "head_norm": "group" if normed else ""}


def _two_stage(name: str, shapes: Shapes) -> dict[str, Any]:
    convs = n.count(shapes, r"roi_heads\.box_head\.(\d+)\.0\.")
    connected = [key for key in shapes if key.startswith(_BOX_HEAD) and key.endswith(".weight") and len(shapes[key]) == 2]
    if len(connected) != (1 if convs else 2):
        raise CheckpointError(
            f"{name} has a box head of {convs} convolutions and {len(connected)} connected layers, which cannot be built (two "
            f"connected layers can, and convolutions with one); {_OF_ONES_OWN}."
        )
    return {
        "rpn_depth": n.count(shapes, r"rpn\.head\.conv\.(\d+)\."),
        "box_head": f"conv{convs}" if convs else "mlp",
        "box_features": shapes[n.CLASSES][1],
        "box_norm": norm_behind(shapes, f"{_BOX_HEAD}0.1.") if convs else "batch",
    }


def box_head_words(spec_head: Mapping[str, Any]) -> str:
    """The box head as a person reads it."""
    convs = re.sub(r"\D", "", spec_head["box_head"])
    kind = f"{convs} convolutions and a connected layer" if convs else "two connected layers"
    return f"{kind}, {spec_head['box_features']} wide"
