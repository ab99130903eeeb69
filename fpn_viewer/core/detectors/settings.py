"""Settings of a running torchvision detector: read them, or put others in for the length of one trace.

One row for each setting says where a two-stage detector keeps it, one where a one-stage detector does.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.parts.anchors import with_anchors
from fpn_viewer.core.detectors.spec import Settings
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn


@dataclass(frozen=True)
class Place:
    """Where a module keeps a setting.

    Attributes:
        read: the module to the value.
        write: puts a value in.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]


def _attribute(path: str) -> Place:
    owner, _, name = path.rpartition(".")
    return Place(attrgetter(path), lambda module, value: setattr(module.get_submodule(owner), name, value))


def _top_n(name: str) -> Place:
    return Place(lambda m: getattr(m.rpn, name)["testing"], lambda m, value: getattr(m.rpn, name).update(testing=value))


def _as_list(path: str) -> Place:
    place = _attribute(path)
    return Place(lambda m: tuple(place.read(m)), lambda m, value: place.write(m, list(value)))


_TRANSFORM = {
    "min_size": Place(lambda m: m.transform.min_size[-1], lambda m, value: setattr(m.transform, "min_size", (value,))),
    "max_size": _attribute("transform.max_size"),
    "image_mean": _as_list("transform.image_mean"),
    "image_std": _as_list("transform.image_std"),
}
#: setting to its place in a two-stage detector
_TWO_STAGE: dict[str, Place] = {
    **_TRANSFORM,
    "rpn_pre_nms_top_n": _top_n("_pre_nms_top_n"),
    "rpn_post_nms_top_n": _top_n("_post_nms_top_n"),
    "rpn_nms_thresh": _attribute("rpn.nms_thresh"),
    "rpn_score_thresh": _attribute("rpn.score_thresh"),
    "box_score_thresh": _attribute("roi_heads.score_thresh"),
    "box_nms_thresh": _attribute("roi_heads.nms_thresh"),
    "box_detections_per_img": _attribute("roi_heads.detections_per_img"),
}
#: the same in a one-stage detector
_ONE_STAGE: dict[str, Place] = {
    **_TRANSFORM,
    "box_score_thresh": _attribute("score_thresh"),
    "box_nms_thresh": _attribute("nms_thresh"),
    "box_detections_per_img": _attribute("detections_per_img"),
    "topk_candidates": _attribute("topk_candidates"),
}


def anchor_owner(module: Any) -> Any:
    """The module that has the anchor generator: the RPN, or a one-stage detector itself."""
    return getattr(module, "rpn", module)


def _places(module: Any) -> dict[str, Place]:
    return _TWO_STAGE if hasattr(module, "rpn") else _ONE_STAGE


def _generator(module: Any) -> Any:
    """What lays the anchors; None in a network with an adapter, whose anchors are its own business."""
    return getattr(anchor_owner(module), "anchor_generator", None)


def _anchors(module: Any) -> dict[str, Any]:
    generator = _generator(module)
    if generator is None:
        return {}
    return {"anchor_sizes": tuple(tuple(row) for row in generator.sizes), "aspect_ratios": tuple(generator.aspect_ratios[0])}


def _write_anchors(module: Any, settings: Settings) -> None:
    owner, old = anchor_owner(module), _generator(module)
    if old is None or _anchors(module) == {"anchor_sizes": settings.anchor_sizes, "aspect_ratios": settings.aspect_ratios}:
        return
    new = with_anchors(old, settings.anchor_sizes, settings.aspect_ratios)
    if new.num_anchors_per_location() != old.num_anchors_per_location():
        raise SettingError(
            f"anchor_sizes and aspect_ratios give {new.num_anchors_per_location()} anchors per cell and level, but the head was "
            f"trained for {old.num_anchors_per_location()}; give as many sizes and ratios as before."
        )
    owner.anchor_generator = new


def apply_settings(module: nn.Module, settings: Settings) -> None:
    """Puts `settings` into the module; those that its family has not are left aside.

    Raises:
        SettingError: the anchors do not fit the head's outputs.
    """
    _write_anchors(module, settings)
    for name, place in _places(module).items():
        place.write(module, getattr(settings, name))


def read_settings(module: nn.Module) -> Settings:
    """The settings in force in the module; those that its family has not keep their defaults."""
    return Settings().changed(**_anchors(module), **{name: place.read(module) for name, place in _places(module).items()})


@contextmanager
def using(module: nn.Module, settings: Settings) -> Iterator[None]:
    """The module with other settings inside the block, and with its own again after it."""
    owner: Any = anchor_owner(module)
    before, generator = read_settings(module), _generator(module)
    try:
        apply_settings(module, settings)
        yield
    finally:
        if generator is not None:
            owner.anchor_generator = generator
        apply_settings(module, before)
