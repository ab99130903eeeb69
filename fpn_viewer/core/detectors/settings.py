"""Settings of a running torchvision detector: read them, or put others in for the length of one trace."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torchvision.models.detection.anchor_utils import AnchorGenerator

from fpn_viewer.core.detectors.spec import SETTING_NAMES, Settings
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torchvision.models.detection import FasterRCNN


def _read_sizes(module: FasterRCNN) -> Any:
    return tuple(tuple(row) for row in module.rpn.anchor_generator.sizes)


def _read_ratios(module: FasterRCNN) -> Any:
    return tuple(module.rpn.anchor_generator.aspect_ratios[0])


#: setting to how it is read from the module
_READ: dict[str, Callable[[FasterRCNN], Any]] = {
    "anchor_sizes": _read_sizes,
    "aspect_ratios": _read_ratios,
    "min_size": lambda m: m.transform.min_size[-1],
    "max_size": lambda m: m.transform.max_size,
    "image_mean": lambda m: tuple(m.transform.image_mean),
    "image_std": lambda m: tuple(m.transform.image_std),
    "rpn_pre_nms_top_n": lambda m: m.rpn._pre_nms_top_n["testing"],
    "rpn_post_nms_top_n": lambda m: m.rpn._post_nms_top_n["testing"],
    "rpn_nms_thresh": lambda m: m.rpn.nms_thresh,
    "rpn_score_thresh": lambda m: m.rpn.score_thresh,
    "box_score_thresh": lambda m: m.roi_heads.score_thresh,
    "box_nms_thresh": lambda m: m.roi_heads.nms_thresh,
    "box_detections_per_img": lambda m: m.roi_heads.detections_per_img,
}


def _write_anchors(module: FasterRCNN, settings: Settings) -> None:
    old, ratios = module.rpn.anchor_generator, (settings.aspect_ratios,) * len(settings.anchor_sizes)
    if type(old) is AnchorGenerator and (_read_sizes(module), _read_ratios(module)) == (
        settings.anchor_sizes,
        settings.aspect_ratios,
    ):
        return
    new = AnchorGenerator(settings.anchor_sizes, ratios)
    if new.num_anchors_per_location() != old.num_anchors_per_location():
        raise SettingError(
            f"anchor_sizes and aspect_ratios give {new.num_anchors_per_location()} anchors per cell and level, but the RPN was "
            f"trained for {old.num_anchors_per_location()}; give as many sizes and ratios as before."
        )
    module.rpn.anchor_generator = new


def apply_settings(module: FasterRCNN, settings: Settings) -> None:
    """Puts `settings` into the module.

    Raises:
        SettingError: the anchors do not fit the RPN's outputs.
    """
    _write_anchors(module, settings)
    module.transform.min_size, module.transform.max_size = (settings.min_size,), settings.max_size
    module.transform.image_mean, module.transform.image_std = list(settings.image_mean), list(settings.image_std)
    module.rpn._pre_nms_top_n["testing"] = settings.rpn_pre_nms_top_n
    module.rpn._post_nms_top_n["testing"] = settings.rpn_post_nms_top_n
    module.rpn.nms_thresh, module.rpn.score_thresh = settings.rpn_nms_thresh, settings.rpn_score_thresh
    module.roi_heads.score_thresh, module.roi_heads.nms_thresh = settings.box_score_thresh, settings.box_nms_thresh
    module.roi_heads.detections_per_img = settings.box_detections_per_img


def read_settings(module: FasterRCNN) -> Settings:
    """The settings in force in the module."""
    return Settings().changed(**{name: _READ[name](module) for name in SETTING_NAMES})


@contextmanager
def using(module: FasterRCNN, settings: Settings) -> Iterator[None]:
    """The module with other settings inside the block, and with its own again after it."""
    before, generator = read_settings(module), module.rpn.anchor_generator
    try:
        apply_settings(module, settings)
        yield
    finally:
        module.rpn.anchor_generator = generator
        apply_settings(module, before)
