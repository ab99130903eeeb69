"""How large an object is on the picture, in the network and on every level, and whether the resize has erased it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.line import Erasure, Sizes
from fpn_viewer.core.detectors.families import family_of
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.numbers import percent
from fpn_viewer.core.tracing.places import roi_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box, Geometry
    from fpn_viewer.core.tracing.trace import Trace

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

#: COCO's size buckets: name to the area (px²) up to which it goes
BUCKETS: dict[str, float] = {"small": 32.0**2, "medium": 96.0**2, "large": float("inf")}

#: width of the ring around the object, in sides of the object, and its least width in net px
_RING, _LEAST_RING = 0.5, 2
#: picture px per axis that are looked at; the resize of a larger object is worked out on every second, third … of its net px
_TAPS = 192
#: grey levels; an object that stands out less than that even when nothing is skipped has nothing to lose
_VISIBLE = 1.0
#: share of the contrast from which a loss is worth a sentence
_NOTABLE = 0.5


def object_sizes(trace: Trace, box_img: Box) -> Sizes:
    """The sizes of an object in every frame.

    Args:
        trace: is asked for its geometry and, for what the resize did, its picture.
        box_img: xyxy image px, as annotated; sizes are those of the whole box, also where it reaches over the picture's edge.

    Returns:
        The sizes. `erasure` is None where the trace has no picture, the picture was not made smaller, the detector's resize skips
        no pixels, or the object fills the picture.

    Raises:
        QuestionError: the box is empty or lies outside the picture.
    """
    on_picture(trace.geometry, box_img)
    x0, y0, x1, y1 = (float(v) for v in trace.geometry.to_net(box_img))
    image, net = (float(box_img[3] - box_img[1]), float(box_img[2] - box_img[0])), (y1 - y0, x1 - x0)
    cells = {level.name: (net[0] / level.stride[0], net[1] / level.stride[1]) for level in trace.levels}
    level, lost = roi_level(trace, net), erasure(trace, box_img)
    buckets = bucket(image[0] * image[1]), bucket(net[0] * net[1])
    sizes = Sizes(image, net, cells, *buckets, level, lost, sentence="")
    return replace(sizes, sentence=_sentence(sizes, trace))


def on_picture(geometry: Geometry, box_img: Box) -> Box:
    """The part of a box that lies on the picture, xyxy image px.

    Raises:
        QuestionError: the box is empty or lies outside the picture.
    """
    height, width = geometry.image_size
    x0, y0, x1, y1 = max(0.0, box_img[0]), max(0.0, box_img[1]), min(float(width), box_img[2]), min(float(height), box_img[3])
    if not (x0 < x1 and y0 < y1):
        raise QuestionError("The box lies outside the picture or is empty; draw it over something in the picture.")
    return x0, y0, x1, y1


def bucket(area: float) -> str:
    """COCO's size bucket of an area (px²); one that is exactly on a limit counts as the smaller."""
    return next(name for name, limit in BUCKETS.items() if area <= limit)


def roi_level(trace: Trace, net: tuple[float, float]) -> str:
    """Name of the level that a proposal of (h, w) net px is read from; "" where nothing is read by RoI pooling."""
    return trace.levels[int(roi_level_rows(trace, np.array([net]))[0])].name if _pools(trace) else ""


def roi_level_rows(trace: Trace, nets: Floats) -> NDArray[np.int16]:
    """Index of the level that proposals of (N, 2) h, w net px are read from (N,); 0 where nothing is read by RoI pooling."""
    if not _pools(trace):
        return np.zeros(len(nets), np.int16)
    boxes = np.zeros((len(nets), 4), np.float32)
    boxes[:, 2:] = nets[:, ::-1]
    return roi_levels(boxes, *trace.raw.roi_levels)


def _pools(trace: Trace) -> bool:
    return trace.raw.roi_levels[1] != 0 and not family_of(trace.spec.family).one_stage


def erasure(trace: Trace, box_img: Box) -> Erasure | None:
    """What the detector's resize, which looks at no more than 2×2 px for each net px, did to an object.

    The object with its ring is resized twice onto the net px it covers: as the detector does it (bilinear without anti-aliasing, at
    the very positions at which the whole picture is sampled) and with anti-aliasing. Contrast is the distance between the object's
    mean colour and its ring's (root mean square over R, G and B, grey levels 0..255). Net px count by the share of them that the
    object covers, so that a dot smaller than a net px has a mean as well: one that falls between the positions has contrast 0.
    """
    if trace.picture is None or trace.spec.conventions.resize_filter == "antialias":
        return None
    if trace.net_size[0] >= trace.image_size[0] or trace.net_size[1] >= trace.image_size[1]:
        return None
    x0, y0, x1, y1 = trace.geometry.to_net(on_picture(trace.geometry, box_img))
    rows = _axis(y0, y1, trace.image_size[0], trace.net_size[0])
    columns = _axis(x0, x1, trace.image_size[1], trace.net_size[1])
    if rows.touched == rows.count and columns.touched == columns.count:
        return None
    # two takes are several times faster than one index of both axes
    crop = trace.picture.pixels.take(rows.where, 0).take(columns.where, 1)
    plain, smooth = _contrasts(crop, rows, columns)
    return Erasure(plain, smooth, min(1.0, max(0.0, 1 - plain / smooth)) if smooth >= _VISIBLE else 0.0)


@dataclass(frozen=True)
class _Axis:
    """One axis of a resize around an object, summed: the two means need no net px by itself.

    Attributes:
        where: the picture px that are looked at (T,).
        sums: (2, 3, T) how much each of them counts, in the plain and in the anti-aliased resize, in the sum over the net px that
            the object covers (by the share covered), over all, and over all that it touches.
        covered: net px covered by the object.
        count: net px in all.
        touched: net px that the object touches.
    """

    where: NDArray[np.int64]
    sums: Floats
    covered: float
    count: int
    touched: int


def _sampled(start: float, end: float, size_img: int, size_net: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """The net px around a stretch (N,), the picture px that the resize looks at for them (T,), and how: (2, N, T) weights."""
    margin = max(_LEAST_RING, ceil(_RING * (end - start)))
    first, last, ratio = max(0, floor(start) - margin), min(size_net, ceil(end) + margin), size_img / size_net
    thin = (last - first) * ratio > _TAPS
    net = np.arange(first, last, ceil((last - first) * 2 * (ratio + 1) / _TAPS) if thin else 1)
    centres = (net + 0.5) * ratio
    near = np.floor(centres)[:, None].astype(np.int64) + np.arange(-ceil(ratio) - 1, ceil(ratio) + 1)
    near = np.minimum(np.maximum(near, 0), size_img - 1)
    taps = np.unique(near) if thin else np.arange(near[0, 0], near[-1, -1] + 1)
    away = np.abs(taps + 0.5 - centres[:, None])
    weights = np.maximum(1 - np.array([away, away / ratio]), 0)
    return net, taps, weights / weights.sum(2, keepdims=True)


def _axis(start: float, end: float, size_img: int, size_net: int) -> _Axis:
    """One axis around the object's stretch (net px), for a picture that is made smaller."""
    net, taps, weights = _sampled(start, end, size_img, size_net)
    inside = np.maximum(np.minimum(end, net + 1) - np.maximum(start, net), 0)
    touched = inside > 0
    sums = np.array([inside, np.ones(len(net)), touched]) @ weights
    return _Axis(taps, sums, float(inside.sum()), len(net), int(touched.sum()))


def _contrasts(crop: Pixels, rows: _Axis, columns: _Axis) -> tuple[float, float]:
    """Distance of the mean colours of object and ring in the plain and in the anti-aliased resize of a crop."""
    width = len(columns.where)
    along = (rows.sums.reshape(6, -1) @ crop.reshape(len(crop), -1).astype(np.float64)).reshape(2, 3, width, 3)
    inside, whole, touched = np.einsum("kstc,kst->skc", along, columns.sums)
    ring = (whole - touched) / (rows.count * columns.count - rows.touched * columns.touched)
    difference = inside / (rows.covered * columns.covered) - ring
    plain, smooth = np.sqrt(np.square(difference).mean(1)).tolist()
    return plain, smooth


def _sentence(sizes: Sizes, trace: Trace) -> str:
    parts = [f"{_px(sizes.image)} in the picture and {_px(sizes.net)} in the network", _read_from(sizes, trace)]
    if sizes.bucket_img != sizes.bucket_net:
        parts.append(f"; COCO counts it as {sizes.bucket_img}, but for the network it is {sizes.bucket_net}")
    parts.append(".")
    lost = sizes.erasure
    if lost is not None and lost.lost >= _NOTABLE:
        parts.append(
            f" The resize skips pixels and lost {percent(lost.lost)} of its contrast"
            f" ({lost.plain:.0f} of {lost.antialiased:.0f} grey levels are left)."
        )
    return "".join(parts)


def _read_from(sizes: Sizes, trace: Trace) -> str:
    finest = sizes.roi_level or trace.levels[0].name
    h, w = sizes.cells[finest]
    cells = f"{w:.1f}×{h:.1f} cells"
    return f"; it would be read from {finest}, where it covers {cells}" if sizes.roi_level else f", which is {cells} of {finest}"


def _px(size: tuple[float, float]) -> str:
    return "×".join(f"{side:.1f}".removesuffix(".0") for side in size[::-1]) + " px"
