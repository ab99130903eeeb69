"""What mmdetection's configuration says of settings and conventions, each with the path under which it says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from fpn_viewer.core.checkpoints.mmdetection.config import dig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fpn_viewer.core.checkpoints.mmdetection.config import Config

_Path = tuple[str | int, ...]
_ROW = (list, tuple)


class Said(NamedTuple):
    """One value.

    Attributes:
        name: of a setting or a convention.
        value: as the configuration has it, in the program's terms.
        path: where in the configuration, "model.test_cfg.rpn.nms_pre".
    """

    name: str
    value: Any
    path: str


def said(config: Config, one_stage: bool) -> Iterator[Said]:
    """Everything that a configuration says of settings and conventions; values are not looked at.

    Args:
        config: of a detector with one model.
        one_stage: whether that is a one-stage detector.
    """
    for reader in (_picture, _normalised, _anchors, _selection, _network):
        yield from (row for row in reader(config, one_stage) if row.value is not None)


def _picture(config: Config, _: bool) -> Iterator[Said]:
    for kind, name in (("MultiScaleFlipAug", "img_scale"), ("Resize", "img_scale"), ("Resize", "scale")):
        scale = config.step(kind).get(name)
        if isinstance(scale, _ROW) and len(scale) == 1:
            scale = scale[0]
        if _is_row(scale) and len(scale) == 2:
            path = f"test pipeline {kind}.{name}"
            yield Said("min_size", min(scale), path)
            yield Said("max_size", max(scale), path)
            return


def _normalised(config: Config, _: bool) -> Iterator[Said]:
    places: tuple[tuple[str, Any], ...] = (
        ("test pipeline Normalize", config.step("Normalize")),
        ("img_norm_cfg", config.get("img_norm_cfg")),
        ("model.data_preprocessor", config.get("model", "data_preprocessor")),
        ("data_preprocessor", config.get("data_preprocessor")),
    )
    place, found = next(((place, found) for place, found in places if isinstance(found, Mapping) and "mean" in found), ("", {}))
    yield Said("image_mean", found.get("mean"), f"{place}.mean")
    yield Said("image_std", found.get("std"), f"{place}.std")
    # pictures are read as BGR; each version has its own word for turning them round
    for name in ("to_rgb", "bgr_to_rgb"):
        if isinstance(found.get(name), bool):
            yield Said("channel_order", "RGB" if found[name] else "BGR", f"{place}.{name}")


def _anchors(config: Config, one_stage: bool) -> Iterator[Said]:
    head = "bbox_head" if one_stage else "rpn_head"
    new = config.get("model", head, "anchor_generator")
    place = f"model.{head}" + (".anchor_generator" if isinstance(new, Mapping) else "")
    values = new if isinstance(new, Mapping) else _renamed(config.get("model", head))
    yield Said("anchor_sizes", _sizes(values), place)
    yield Said("aspect_ratios", values.get("ratios"), place)
    if values.get("type") == "LegacyAnchorGenerator":
        yield Said("anchor_rounding", True, f"{place}.type")
        yield Said("anchor_offset", 0.5, f"{place}.type")
    else:
        yield Said("anchor_offset", values.get("center_offset"), f"{place}.center_offset")


def _renamed(head: Any) -> Mapping[str, Any]:
    """Anchors in the words of version 1, in those of later ones."""
    if not isinstance(head, Mapping):
        return {}
    words = {"anchor_scales": "scales", "anchor_ratios": "ratios", "anchor_strides": "strides", "anchor_base_sizes": "base_sizes"}
    kept = ("octave_base_scale", "scales_per_octave")
    return {new: head[old] for old, new in words.items() if old in head} | {name: head[name] for name in kept if name in head}


def _sizes(values: Mapping[str, Any]) -> list[list[float]] | None:
    """Sizes by level, net px: the base of each level times its scales."""
    bases = _first_of(values, "base_sizes", "strides")
    scales: Any = values.get("scales") or _octaves(values.get("octave_base_scale"), values.get("scales_per_octave"))
    if not isinstance(bases, _ROW) or not _is_row(scales):
        return None
    sides = [min(base) if _is_row(base) else base for base in bases]
    return [[base * scale for scale in scales] for base in sides] if _is_row(sides) else None


def _octaves(base: Any, count: Any) -> list[float] | None:
    if not _is_number(base) or not isinstance(count, int) or not 0 < count < 100:
        return None
    return [base * 2 ** (k / count) for k in range(count)]


def _selection(config: Config, one_stage: bool) -> Iterator[Said]:
    for stage, names in (_ONE_STAGE if one_stage else _TWO_STAGE).items():
        for name, paths in names.items():
            tests: tuple[_Path, ...] = (("model", "test_cfg"), ("test_cfg",))
            full = (tuple(part for part in (*test, stage, *path) if part != "") for path in paths for test in tests)
            yield Said(name, *config.first(*full))


def _network(config: Config, one_stage: bool) -> Iterator[Said]:
    style, path = config.first(("model", "backbone", "style"))
    yield Said("stride_in_1x1", _STYLES.get(style) if isinstance(style, str) else None, path)
    if one_stage:
        yield Said("p7_relu", *config.first(("model", "neck", "relu_before_extra_convs")))
        return
    for name, words in (("roi_sampling_ratio", ("sampling_ratio", "sample_num")), ("roi_aligned", ("aligned",))):
        yield Said(name, *config.first(*((*extractor, "roi_layer", word) for extractor in EXTRACTORS for word in words)))


def _first_of(values: Mapping[str, Any], *names: str) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _is_row(value: Any) -> TypeGuard[Sequence[float]]:
    return isinstance(value, _ROW) and len(value) > 0 and all(_is_number(one) for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def coder_of(config: Config, *head: str) -> tuple[Any, Any]:
    """Means and standard deviations that a head's box deltas are in; None for what is not said."""
    values = config.get("model", *head)
    new = dig(values, "bbox_coder")
    place = new if isinstance(new, Mapping) else values
    return dig(place, "target_means"), dig(place, "target_stds")


EXTRACTORS: tuple[tuple[str, ...], ...] = (("model", "roi_head", "bbox_roi_extractor"), ("model", "bbox_roi_extractor"))
_STYLES = {"pytorch": False, "caffe": True}
_NMS: dict[str, tuple[_Path, ...]] = {
    "box_score_thresh": (("score_thr",),),
    "box_nms_thresh": (("nms", "iou_threshold"), ("nms", "iou_thr")),
    "box_detections_per_img": (("max_per_img",),),
}
#: part of the test configuration to settings and where they are in it, in the words of one version after the other
_TWO_STAGE: Mapping[str, Mapping[str, tuple[_Path, ...]]] = {
    "rpn": {
        "rpn_pre_nms_top_n": (("nms_pre",),),
        "rpn_post_nms_top_n": (("max_per_img",), ("max_num",), ("nms_post",)),
        "rpn_nms_thresh": (("nms", "iou_threshold"), ("nms_thr",)),
    },
    "rcnn": _NMS,
}
_ONE_STAGE: Mapping[str, Mapping[str, tuple[_Path, ...]]] = {"": {**_NMS, "topk_candidates": (("nms_pre",),)}}
