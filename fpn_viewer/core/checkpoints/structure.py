"""What a detector of another code base consists of, from its tensors under torchvision's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.convert import BOXES, CLASSES, DENSE_BOXES, DENSE_CLASSES, RPN_BOXES, RPN_SCORES
from fpn_viewer.core.checkpoints.signatures import backbone_words
from fpn_viewer.core.checkpoints.torchvision import heads
from fpn_viewer.core.checkpoints.torchvision.names import BODY, FPN, LATERAL, SMOOTHING, count
from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES
from fpn_viewer.core.detectors.backbones import backbone_of, stages_read
from fpn_viewer.core.detectors.backbones import levels_of as level_names
from fpn_viewer.core.detectors.families import made_up_names
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpn_viewer.core.detectors.backbones import Body
    from fpn_viewer.core.detectors.conventions import Conventions
    from fpn_viewer.core.detectors.spec import Settings

    Tensors = Mapping[str, Tensor]
    Shapes = Mapping[str, tuple[int, ...]]

_BACKBONE_AND_NECK = {f"{BODY}conv1.weight": 4, LATERAL: 4, SMOOTHING: 4}
_HEADS: dict[bool, dict[str, int]] = {
    False: {RPN_SCORES: 4, RPN_BOXES: 4, CLASSES: 2, BOXES: 2},
    True: {DENSE_CLASSES: 4, DENSE_BOXES: 4},
}
_OPTIONAL = {f"{FPN}extra_blocks.p6.weight": 4, f"{BODY}layer1.0.conv1.weight": 4, f"{BODY}layer1.0.conv2.weight": 4}
_ORIGINS: dict[str, str] = {
    **dict.fromkeys(
        ("backbone", "backbone_width", "neck_channels", "num_classes", "box_features", "extra_levels", "levels", "stages"),
        FROM_SHAPES,
    ),
    **dict.fromkeys(("family", "norm", "neck", "neck_norm", "rpn_depth", "box_head", "head_depth", "head_norm"), FROM_KEYS),
    "class_names": "made up",
}


def check_whole(name: str, tensors: Tensors, dialect: str = "mmdetection") -> None:
    """Refuses tensors without which nothing more can be told.

    Args:
        name: of the file.
        tensors: under torchvision's names.
        dialect: whose names they had.

    Raises:
        CheckpointError: one of them is missing, or has other dimensions than such a tensor has.
    """
    heads_of = _HEADS[is_one_stage(tensors)]
    needed = _BACKBONE_AND_NECK | {f"{h}.weight": d for h, d in heads_of.items()} | {f"{h}.bias": 1 for h in heads_of}
    lacking = next((need for need in needed if need not in tensors), "")
    if lacking:
        part = "ResNet and FPN" if lacking in _BACKBONE_AND_NECK else "head"
        raise CheckpointError(
            f"{name} has names of {dialect} but no {part} that is known ({lacking} would be missing); its first tensors are "
            f"{', '.join(list(tensors)[:3])}."
        )
    for need, dimensions in (needed | _OPTIONAL).items():
        shape = tuple(tensors[need].shape) if need in tensors else (1,) * dimensions
        if len(shape) != dimensions or 0 in shape:
            raise CheckpointError(f"{name} has a {need} of {shape}, where {dimensions} dimensions are needed; is the file damaged?")
    if anchors_per_cell(tensors) == 0:
        raise CheckpointError(f"{name} has a head with fewer than four outputs for boxes; is the file damaged?")


def is_one_stage(tensors: Tensors) -> bool:
    """Whether these are a RetinaNet's."""
    return f"{DENSE_CLASSES}.weight" in tensors


def anchors_per_cell(tensors: Tensors) -> int:
    """What the head has outputs for."""
    return int(tensors[f"{DENSE_BOXES if is_one_stage(tensors) else RPN_BOXES}.weight"].shape[0]) // 4


def structure(
    name: str,
    tensors: Tensors,
    origins: Mapping[str, str],
    settings: Settings,
    conventions: Conventions,
    dialect: str = "mmdetection",
) -> DetectorSpec:
    """The description of a detector whose heads are torchvision's already.

    Args:
        name: of the file.
        tensors: under torchvision's names.
        origins: of settings and conventions.
        settings: assumed.
        conventions: assumed.
        dialect: whose names the tensors had.

    Raises:
        CheckpointError: it has a backbone, a neck or a head that cannot be built.
    """
    shapes = _shapes(tensors)
    return DetectorSpec(
        name=name,
        levels=levels_of(name, tensors),
        settings=settings,
        conventions=conventions,
        weights=f"from {name}",
        dialect=dialect,
        origins={**origins, **_ORIGINS},
        **_family(name, shapes),
        **_backbone(name, shapes),
        **heads.neck(shapes),
        **heads.head(name, shapes),
    )


def _family(name: str, shapes: Shapes) -> dict[str, Any]:
    family, classes = heads.family_of(shapes), heads.classes_of(name, shapes)
    return {"family": family, "num_classes": classes, "class_names": made_up_names(family, classes)}


def _backbone(name: str, shapes: Shapes) -> dict[str, Any]:
    body = _body(name, shapes)
    return {"backbone": body.backbone.name, "backbone_width": body.width, "norm": body.norm}


def levels_of(name: str, tensors: Tensors) -> tuple[str, ...]:
    """The pyramid's levels: the laterals' channels say which stages they read.

    Raises:
        CheckpointError: the laterals do not end at the last stage, or there are other extra levels than P6 or P6 and P7.
    """
    shapes = _shapes(tensors)
    body = _body(name, shapes)
    channels = heads.laterals_of(name, shapes)
    stages, _ = stages_read(body, channels, 8 if is_one_stage(tensors) else 4)
    extra = count(shapes, r"backbone\.fpn\.extra_blocks\.p(\d+)\.")
    usual = body.backbone.stages(body.width)[0]
    if not stages or stages != usual[-len(stages) :] or extra not in (0, 2) or (extra == 0 and is_one_stage(tensors)):
        raise CheckpointError(
            f"{name} has an FPN on maps of {', '.join(map(str, channels))} channels with {extra} convolved extra levels, which "
            "cannot be built; one that ends at C5, with a pooled P6 in a two-stage detector, or with convolved P6 and P7, can."
        )
    return level_names(stages, heads.extra_levels(shapes))


def _shapes(tensors: Tensors) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _body(name: str, shapes: Shapes) -> Body:
    """Raises CheckpointError where the backbone is none that can be built."""
    own = {key.removeprefix(BODY): shape for key, shape in shapes.items() if key.startswith(BODY)}
    body = backbone_of(own)
    if body is None:
        raise CheckpointError(
            f"{name} has an FPN on {backbone_words(own)}, which cannot be built from a file; make its module in Python and open "
            "that: --model package.module:factory."
        )
    return body
