"""Sweeps: one gain, or the object's size in the network, is varied, and the object is looked at after every step."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.asked import ask
from fpn_viewer.core.analysis.curves import Curve, Points
from fpn_viewer.core.analysis.glance import glance
from fpn_viewer.core.analysis.what_if import at_hand, changed_settings, cut_out, stopping, what_if

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.analysis.glance import Glance
    from fpn_viewer.core.geometry import Box, Size
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

FACTORS: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
#: net px, each √2 of the one before
SIZES_NET: tuple[float, ...] = tuple(float(4 * 2 ** (step / 2)) for step in range(13))
#: net px: side of the square around the object that is run for every size
_CANVAS = 384
#: the longer side of an object takes at most this share of the square
_FILL = 0.75


def gain_sweep(
    trace: Trace,
    term: tuple[str, str],
    box_img: Box,
    label: int | str | None,
    *,
    iou: float = 0.5,
    factors: Sequence[float] = FACTORS,
    watcher: Watcher | None = None,
) -> Curve:
    """Follows an object while one term of the neck is scaled; everything else stays as it is in the trace.

    Args:
        trace: of a detector that is at hand.
        term: (node, term), as ("M3", "top-down").
        box_img: the object, xyxy image px.
        label: its class, by number or name; None for any.
        iou: overlap from which a box counts as near.
        factors: to try.
        watcher: told of progress between the points, and may stop.

    Raises:
        QuestionError: the trace came from a file, or the object cannot be asked about.
        SettingError: the pyramid has no such term.
        DeviceError: the device ran out of memory.
    """
    asked = ask(trace, box_img, label, iou)
    settings = changed_settings(trace.spec.settings, trace.settings)
    here = trace.gains.get(term, 1.0)
    seen: list[Glance] = []
    for index, factor in enumerate(sorted(factors)):
        _step(watcher, f"gain {factor:g}", index / len(factors))
        changed = what_if(trace, gains={**trace.gains, term: factor}, settings=settings, watcher=stopping(watcher))
        seen.append(glance(changed, asked.box_img, asked.label, iou))
    points = _points(sorted(factors), seen)
    title = f"{term[1]} into {term[0]}"
    return Curve("gain", title, "×", points, here, _gain_sentence(points, title))


def scale_sweep(
    trace: Trace,
    box_img: Box,
    label: int | str | None,
    *,
    iou: float = 0.5,
    sizes_net: Sequence[float] = SIZES_NET,
    watcher: Watcher | None = None,
) -> Curve:
    """Follows an object while its size in the network is varied; gains and the other settings stay as they are in the trace.

    For every size the model's own forward runs over a square of about 384 net px around the object, moved inside the picture and
    cut to it where it is too large. A size is the root of the object's area.

    Args:
        trace: of a detector that is at hand.
        box_img: the object, xyxy image px.
        label: its class, by number or name; None for any.
        iou: overlap from which a box counts as near.
        sizes_net: to try, net px.
        watcher: told of progress between the points, and may stop.

    Raises:
        QuestionError: the trace came from a file, or the object cannot be asked about.
        DeviceError: the device ran out of memory.
    """
    asked = ask(trace, box_img, label, iou)
    x, seen = [], []
    for index, size in enumerate(sorted(sizes_net)):
        _step(watcher, f"object at {size:.0f} px", index / len(sizes_net))
        around, box = _at_size(trace, asked.box_img, size, watcher)
        x.append(_side(box) * sqrt(around.scale[0] * around.scale[1]))
        seen.append(glance(around, box, asked.label, iou))
    points, here = _points(x, seen), _side(asked.box_img) * sqrt(trace.scale[0] * trace.scale[1])
    return Curve("scale", "size in the network", "net px", points, here, _size_sentence(points))


def _step(watcher: Watcher | None, what: str, done: float) -> None:
    if watcher is not None:
        watcher.pause()
        watcher.report(what, done)


def _points(x: Sequence[float], seen: Sequence[Glance]) -> Points:
    return Points(
        np.array(x, np.float32),
        np.array([one.objectness for one in seen], np.float32),
        np.array([one.iou for one in seen], np.float32),
        np.array([one.score for one in seen], np.float32),
        np.array([one.detection is not None for one in seen], np.bool_),
    )


# -- size ---------------------------------------------------------------------------------------------------------------


def _side(box: Box) -> float:
    return sqrt((box[2] - box[0]) * (box[3] - box[1]))


def _at_size(trace: Trace, box_img: Box, size_net: float, watcher: Watcher | None) -> tuple[Trace, Box]:
    """The forward over the surroundings of an object that has this size in it, and the object there, image px of the crop."""
    detector, picture = at_hand(trace)
    scale = size_net / _side(box_img)
    longer = max(box_img[2] - box_img[0], box_img[3] - box_img[1])
    region = _square(box_img, max(_CANVAS / scale, longer / _FILL), picture.size)
    crop = cut_out(picture, region)
    settings = changed_settings(trace.spec.settings, trace.settings) | _resizing(crop.size, scale)
    x, y = region[:2]
    box = box_img[0] - x, box_img[1] - y, box_img[2] - x, box_img[3] - y
    return detector.trace(crop, gains=trace.gains, settings=settings, watcher=stopping(watcher)), box


def _square(box: Box, side: float, size: Size) -> tuple[int, int, int, int]:
    """A square of whole pixels around a box, moved into a picture of `size` (H, W) and cut where it is too large."""
    x1, x2 = _span((box[0] + box[2]) / 2, ceil(side), size[1])
    y1, y2 = _span((box[1] + box[3]) / 2, ceil(side), size[0])
    return x1, y1, x2, y2


def _span(middle: float, length: int, limit: int) -> tuple[int, int]:
    start = min(max(0, round(middle - length / 2)), max(0, limit - length))
    return start, min(limit, start + length)


def _resizing(size: Size, scale: float) -> dict[str, object]:
    """Settings under which a picture of `size` (H, W) is resized by `scale`."""
    # whole numbers: the longer side decides, since it is rounded by less; the shorter one keeps a pixel
    longer = ceil(max(size) * max(scale, 1 / min(size)))
    return {"max_size": longer, "min_size": longer}


# -- sentences ----------------------------------------------------------------------------------------------------------


def _gain_sentence(points: Points, title: str) -> str:
    """What a gain sweep shows."""
    if points.detected.all():
        return f"{title}: the object is found at every factor from {points.x[0]:g} to {points.x[-1]:g}."
    if not points.detected.any():
        return f"{title}: the object is found at no factor from {points.x[0]:g} to {points.x[-1]:g}."
    return f"{title}: the object is found at {_runs(points, '{:g}')}."


def _size_sentence(points: Points) -> str:
    """From which size on the object is found."""
    if not points.detected.any():
        return f"This detector sees this object at no size from {points.x[0]:.0f} to {points.x[-1]:.0f} px."
    first = int(points.detected.argmax())
    start = f"This detector starts to see this object at {points.x[first]:.0f} px"
    if points.detected[first:].all():
        return f"{start}." if first else f"This detector sees this object at every size from {points.x[0]:.0f} px on."
    return f"{start}, but not at every larger size: it sees it at {_runs(points, '{:.0f}')} px."


def _runs(points: Points, form: str) -> str:
    """The stretches of x over which the object is detected, in words: "4 to 16 and 32"."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], points.detected.astype(np.int8), [0]])))
    ends = [(form.format(points.x[a]), form.format(points.x[b - 1])) for a, b in edges.reshape(-1, 2)]
    runs = [a if a == b else f"{a} to {b}" for a, b in ends]
    return " and ".join([", ".join(runs[:-1]), runs[-1]]) if len(runs) > 1 else runs[0]
