"""How a code base computes: what two networks of equal weights can differ in. A state_dict holds none of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from fpn_viewer.core.errors import SettingError


@dataclass(frozen=True)
class Conventions:
    """The computations around the weights; the defaults are torchvision's.

    Attributes:
        channel_order: of the network's input, "RGB" or "BGR"; `image_mean` and `image_std` are in this order.
        pixel_range: what a white pixel is before `image_mean` is subtracted: 1 or 255.
        resize_filter: "bilinear" (every output pixel from four), or "antialias" (by Pillow, from all it covers, in grey levels).
        size_rounding: of the resized picture's sides, "floor" or "nearest".
        stride_in_1x1: in a bottleneck that halves the map, the stride is in the first 1×1 convolution instead of the 3×3.
        anchor_rounding: the anchors of a cell are rounded to whole net px.
        anchor_offset: where in its cell an anchor's centre is, in cells: 0 is the first corner, 0.5 the middle.
        anchor_strides: "grid" (padded size over the level's size, rounded down) or "level" (the network's own power of two, from
            which RoI pooling then takes its scales as well).
        roi_aligned: RoIAlign shifts its samples by half a cell.
        roi_sampling_ratio: samples per bin and side; 0 takes as many as the bin has cells.
        p7_relu: P7 is made from P6 behind a ReLU.
        fusion: of lateral and top-down, "sum" or "avg".
        clip_before_nms: a one-stage detector's boxes are clipped to the picture before NMS; else after it, and those that are then
            empty go.
    """

    channel_order: str = "RGB"
    pixel_range: float = 1.0
    resize_filter: str = "bilinear"
    size_rounding: str = "floor"
    stride_in_1x1: bool = False
    anchor_rounding: bool = True
    anchor_offset: float = 0.0
    anchor_strides: str = "grid"
    roi_aligned: bool = False
    roi_sampling_ratio: int = 2
    p7_relu: bool = True
    fusion: str = "sum"
    clip_before_nms: bool = True

    def changed(self, **values: object) -> Conventions:
        """A copy with some conventions replaced.

        Raises:
            SettingError: a name is not a convention or a value does not fit it.
        """
        unknown = sorted(set(values) - set(CONVENTION_NAMES))
        if unknown:
            raise SettingError(f"{unknown[0]!r} is not a convention of a code base; use one of: {', '.join(CONVENTION_NAMES)}.")
        fitted: dict[str, Any] = {name: _fitted(name, value) for name, value in values.items()}
        return dataclasses.replace(self, **fitted)


CONVENTION_NAMES: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(Conventions))

#: the values that a convention can have; one that is not here is a number from 0 to 1, or a flag
CHOICES: dict[str, tuple[Any, ...]] = {
    "channel_order": ("RGB", "BGR"),
    "pixel_range": (1.0, 255.0),
    "resize_filter": ("bilinear", "antialias"),
    "size_rounding": ("floor", "nearest"),
    "anchor_strides": ("grid", "level"),
    "fusion": ("sum", "avg"),
    "roi_sampling_ratio": tuple(range(17)),
    **{f.name: (False, True) for f in dataclasses.fields(Conventions) if isinstance(f.default, bool)},
}


#: flags as people write them
_FLAGS = {"yes": True, "no": False, "true": True, "false": False}


def _meant(name: str, value: Any) -> Any:
    """A word as the choice that it is in any case of its letters; everything else as it is."""
    if not isinstance(value, str):
        return value
    words = _FLAGS if CHOICES[name] == (False, True) else {str(one).lower(): one for one in CHOICES[name]}
    return words.get(value.strip().lower(), value)


def _fitted(name: str, value: Any) -> Any:
    if name in CHOICES:
        said = _meant(name, value)
        # True == 1, but a flag is not a number of samples
        fitting = [one for one in CHOICES[name] if one == said and isinstance(said, bool) == isinstance(one, bool)]
        if not fitting:
            words = _FLAGS if CHOICES[name] == (False, True) else [str(one) for one in CHOICES[name]]
            raise SettingError(f"{name} cannot be {value!r}: it is one of {', '.join(words)}.")
        return fitting[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise SettingError(f"{name} cannot be {value!r}: it must be a number from 0 to 1.")
    return float(value)


_DETECTRON2 = Conventions(
    channel_order="BGR",
    pixel_range=255.0,
    resize_filter="antialias",
    size_rounding="nearest",
    stride_in_1x1=True,
    anchor_rounding=False,
    anchor_strides="level",
    roi_aligned=True,
    roi_sampling_ratio=0,
    clip_before_nms=False,
)
_MMDETECTION = Conventions(
    pixel_range=255.0,
    size_rounding="nearest",
    anchor_rounding=False,
    anchor_strides="level",
    roi_aligned=True,
    roi_sampling_ratio=0,
    p7_relu=False,
)
#: by the name of the preset
CONVENTIONS: dict[str, Conventions] = {
    "torchvision": Conventions(),
    "detectron2": _DETECTRON2,
    "mmdetection": _MMDETECTION,
    "mmdetection caffe": dataclasses.replace(_MMDETECTION, channel_order="BGR", stride_in_1x1=True),
}
