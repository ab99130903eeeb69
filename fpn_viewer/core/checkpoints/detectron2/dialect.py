"""detectron2's checkpoints: Faster R-CNN, the boxes of Mask and Keypoint R-CNN and of Panoptic FPN, and RetinaNet with an FPN."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints import convert
from fpn_viewer.core.checkpoints.detectron2.buffers import check_anchors, conventions_of
from fpn_viewer.core.checkpoints.detectron2.names import claims, left_out, renamed
from fpn_viewer.core.checkpoints.detectron2.refusals import what_cannot_be_built
from fpn_viewer.core.checkpoints.presets import SETTINGS, preset
from fpn_viewer.core.checkpoints.structure import anchors_per_cell, check_whole, is_one_stage, levels_of, structure
from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES, GIVEN, Fact, Recognised, likely
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.errors import CheckpointError
from fpn_viewer.core.necks.graph import level_strides

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Contents
    from fpn_viewer.core.detectors.conventions import Conventions
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

__all__ = ["claims", "recognise"]

NAME = "detectron2"
#: what its configurations of ResNeXt backbones set otherwise
_RESNEXT = {"image_std": (57.375, 57.12, 58.395), "stride_in_1x1": False}
_OF_RESNEXT = likely("detectron2's configurations of ResNeXt backbones have it so")
#: outputs for each anchor of a cell, which detectron2 lays size by size
_HEADS: dict[bool, tuple[str, ...]] = {
    False: (convert.RPN_SCORES, convert.RPN_BOXES),
    True: (convert.DENSE_CLASSES, convert.DENSE_BOXES),
}


def recognise(contents: Contents, chosen: str | None) -> Recognised:
    """The detector that detectron2's tensors belong to.

    Args:
        contents: of the file.
        chosen: the user's preset; detectron2's own without one.

    Raises:
        CheckpointError: it is of a kind that cannot be built, or the preset has no such family; the sentence says which.
    """
    name, what = contents.path.stem, what_cannot_be_built(contents.tensors)
    if what:
        raise CheckpointError(
            f"{contents.path.name} is {what}, which cannot be opened; of detectron2's detectors Faster R-CNN, Mask R-CNN, Keypoint "
            "R-CNN (their boxes) and RetinaNet with an FPN on a ResNet can."
        )
    out = left_out(contents.tensors)
    new = renamed([key for key in contents.tensors if key not in out])
    tensors = {to: contents.tensors[key] for key, to in new.items()}
    check_whole(name, tensors, NAME)
    check_anchors(name, contents.tensors)
    one_stage = is_one_stage(tensors)
    facts = (Fact("dialect", NAME, FROM_KEYS), *(() if one_stage else _classes(name, tensors)), *_rest(out))
    spec = _described(name, tensors, contents.tensors, chosen)
    return Recognised(
        spec,
        tensors,
        facts=(*facts, Fact("preset", chosen or NAME, GIVEN if chosen else FROM_KEYS, setting="preset")),
        left_out=out,
        keys={to: key for key, to in new.items() if to != key},
        anchors_per_cell=anchors_per_cell(tensors),
        size_by_size=tuple(f"{head}.{ending}" for head in _HEADS[one_stage] for ending in ("weight", "bias")),
    )


def _classes(name: str, tensors: dict[str, Tensor]) -> Iterator[Fact]:
    """Moves the background to the front, in place, and says so.

    Raises:
        CheckpointError: scores and boxes are not of the same classes.
    """
    classes, boxes = len(tensors[f"{convert.CLASSES}.weight"]), len(tensors[f"{convert.BOXES}.weight"])
    if boxes not in (4, 4 * (classes - 1)):
        raise CheckpointError(
            f"{name} has {classes} class scores and {boxes} rows of boxes, which fit no box head of detectron2; was it cut?"
        )
    convert.background_first(tensors, classes)
    yield Fact("background", "the last class; moved to the front", FROM_SHAPES)
    yield Fact("box regression", "one box for all classes; repeated" if boxes == 4 else "a box for each class", FROM_SHAPES)


def _rest(out: Mapping[str, str]) -> Iterator[Fact]:
    parts = {name.partition("_")[0] for name in (key.removeprefix("roi_heads.") for key in out) if name.startswith(_WHOLE)}
    kinds = [kind for part, kind in _KINDS.items() if part in parts]
    if kinds:
        yield Fact("whole network", f"{' and '.join(kinds)}; its boxes are opened", FROM_KEYS)


#: starts of what the box part is only a part of
_KINDS: dict[str, str] = {
    "mask": "Mask R-CNN",
    "keypoint": "Keypoint R-CNN",
    "densepose": "DensePose R-CNN",
    "sem": "Panoptic FPN",
}
_WHOLE = tuple(f"{part}_" for part in _KINDS)


# -- what no weight says ------------------------------------------------------------------------------------------------


def _described(name: str, tensors: Mapping[str, Tensor], file: Mapping[str, Tensor], chosen: str | None) -> DetectorSpec:
    """The detector with the preset's settings and what the file's buffers let one conclude."""
    levels = levels_of(name, tensors)
    settings, conventions, origins = _assumed(name, is_one_stage(tensors), levels, chosen)
    spec = structure(name, tensors, origins, settings, conventions, NAME)
    if spec.backbone.startswith("resnext") and chosen in (None, NAME):
        spec = with_options(spec, _RESNEXT, _OF_RESNEXT)
    for convention, value, origin in conventions_of(file):
        spec = with_options(spec, {convention: value}, origin)
    return spec


def _assumed(
    name: str, one_stage: bool, levels: tuple[str, ...], chosen: str | None
) -> tuple[Settings, Conventions, dict[str, str]]:
    """Settings and conventions of the preset, and the origin of each.

    Raises:
        CheckpointError: the preset that the user chose has no such family.
    """
    family, wanted = "RetinaNet" if one_stage else "Faster R-CNN", chosen or NAME
    if (wanted, family) not in SETTINGS:
        known = ", ".join(own for own, of in SETTINGS if of == family)
        raise CheckpointError(f"{name} is a {family}, and there is no preset {wanted!r} for one; use one of: {known}.")
    settings, conventions, origins = preset(wanted, family)
    strides = level_strides(levels)
    if len(settings.anchor_sizes) != len(strides):
        octaves = [4 * 2 ** (k / 3) for k in range(3)] if one_stage else [8]
        settings = replace(settings, anchor_sizes=tuple(tuple(octave * stride for octave in octaves) for stride in strides))
    return settings, conventions, origins
