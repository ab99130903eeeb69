"""torchvision's Faster R-CNN state_dict to a DetectorSpec, from keys and shapes; what those cannot tell is marked as assumed."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

_DEPTHS: dict[tuple[str, tuple[int, ...]], str] = {
    ("basic", (2, 2, 2, 2)): "resnet18",
    ("basic", (3, 4, 6, 3)): "resnet34",
    ("bottleneck", (3, 4, 6, 3)): "resnet50",
    ("bottleneck", (3, 4, 23, 3)): "resnet101",
    ("bottleneck", (3, 8, 36, 3)): "resnet152",
}
_NEEDED = ("backbone.fpn.inner_blocks", "rpn.head.cls_logits.weight", "roi_heads.box_predictor.cls_score.weight")
ASSUMED = "assumed: torchvision's default; a state_dict cannot hold it"
FROM_SHAPES = "read from the tensors' shapes"
#: before torchvision 0.12 these convolutions were not wrapped in a Sequential
_LEGACY = (
    (re.compile(r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$"), r"\1.0.\2"),
    (re.compile(r"^rpn\.head\.conv\.(weight|bias)$"), r"rpn.head.conv.0.0.\1"),
)
MOBILENET_SIZES = (32, 64, 128, 256, 512)


def recognise_two_stage(name: str, tensors: dict[str, Tensor]) -> tuple[DetectorSpec, dict[str, Tensor]]:
    """The detector these tensors belong to, and the tensors under today's names.

    Raises:
        CheckpointError: they are not a torchvision Faster R-CNN with an FPN, or of a kind that cannot be built.
    """
    tensors = todays(tensors)
    lacking = [need for need in _NEEDED if not any(key.startswith(need) for key in tensors)]
    if lacking:
        raise CheckpointError(
            f"{name} is not a torchvision Faster R-CNN, RetinaNet or FCOS with an FPN: it has no {lacking[0]}; "
            f"its first tensors are {', '.join(list(tensors)[:3])}."
        )
    mobile = "backbone.body.0.0.weight" in tensors
    backbone, width = ("mobilenet_v3_large", 64) if mobile else resnet_of(name, tensors)
    laterals = count(tensors, r"backbone\.fpn\.inner_blocks\.(\d+)\.")
    classes = int(tensors["roi_heads.box_predictor.cls_score.weight"].shape[0])
    spec = DetectorSpec(
        name=name,
        family="Faster R-CNN",
        backbone=backbone,
        backbone_width=width,
        norm="batch" if "backbone.body.bn1.num_batches_tracked" in tensors else "frozen",
        neck="fpn",
        neck_channels=int(tensors["backbone.fpn.layer_blocks.0.0.weight"].shape[0]),
        neck_norm="backbone.fpn.inner_blocks.0.1.running_mean" in tensors,
        levels=("P5a", "P5b", "P6") if mobile else tuple(f"P{i}" for i in range(2, 3 + laterals)),
        rpn_depth=count(tensors, r"rpn\.head\.conv\.(\d+)\."),
        box_head="mlp" if "roi_heads.box_head.fc6.weight" in tensors else "conv4",
        box_features=int(tensors["roi_heads.box_predictor.cls_score.weight"].shape[1]),
        num_classes=classes,
        class_names=("background", *(f"class {i}" for i in range(1, classes))),
        settings=Settings(anchor_sizes=(MOBILENET_SIZES,) * 3, rpn_score_thresh=0.05) if mobile else Settings(),
        weights=f"from {name}",
        origins={**{f.name: ASSUMED for f in fields(Settings)}, "class_names": "made up", "backbone": FROM_SHAPES},
    )
    return spec, tensors


def todays(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names that torchvision gives them today."""
    return {_today(key): tensor for key, tensor in tensors.items()}


def _today(key: str) -> str:
    for old, new in _LEGACY:
        key = old.sub(new, key)
    return key


def count(tensors: dict[str, Tensor], pattern: str) -> int:
    """How many different things the pattern's group stands for in the keys."""
    return len({m.group(1) for key in tensors if (m := re.match(pattern, key))})


def resnet_of(name: str, tensors: dict[str, Tensor]) -> tuple[str, int]:
    """The backbone's name and the channels of its stem.

    Raises:
        CheckpointError: it is none that can be built.
    """
    kind = "bottleneck" if "backbone.body.layer1.0.conv3.weight" in tensors else "basic"
    depths = tuple(count(tensors, rf"backbone\.body\.layer{k}\.(\d+)\.") for k in (1, 2, 3, 4))
    stem = tensors.get("backbone.body.conv1.weight")
    width = int(stem.shape[0]) if stem is not None else 0
    if (kind, depths) not in _DEPTHS or (width != 64 and (kind, depths) != ("basic", (2, 2, 2, 2))):
        raise CheckpointError(
            f"{name} has a backbone of {kind} blocks {depths}, {width} wide, which cannot be built; ResNet-18 … 152 can."
        )
    return (_DEPTHS[kind, depths] if width == 64 else "slim_resnet18"), width
