"""Which objects false positives lie on, picture by picture and many pictures at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.numbers.boxes import Boxes

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

#: pairs of a detection and an object held at a time
_MOST = 1 << 20


@dataclass(frozen=True)
class Nearest:
    """For each of some detections the objects of its picture that it overlaps most; overlap 0 and object -1 where there is none.

    Attributes:
        same: highest IoU with an object of its class (D,).
        same_at: that object (D,).
        other: highest IoU with an object of another class (D,).
        other_at: that object (D,).
        used: highest IoU with an object of its class that another detection counts for (D,).
    """

    same: Floats
    same_at: Ints
    other: Floats
    other_at: Ints
    used: Floats


def nearest(found: Boxes, detections: Ints, objects: Ints, used: Flags, watcher: Reading | None = None) -> Nearest:
    """Compares detections with the objects of their pictures.

    Args:
        found: all objects and detections.
        detections: places of those that are asked about, among all detections (D,).
        objects: places of those that count, among all objects, by picture (G,).
        used: of these, whether a detection counts for it (G,).
        watcher: may stop it between two portions.

    Returns:
        Objects are given by their place in `objects`.
    """
    out = Nearest(*(np.full(len(detections), fill) for fill in (0.0, -1, 0.0, -1, 0.0)))
    first, after = _range(found.truths.picture[objects], found.found.picture[detections])
    for portion in _portions(after - first):
        if watcher is not None:
            watcher.check()
        _compare(found, detections, objects, used, (first, after), portion, out)
    return out


def _range(pictures: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """For each detection's picture the first of its objects and the one after the last."""
    return np.searchsorted(pictures, wanted, "left"), np.searchsorted(pictures, wanted, "right")


def _portions(widths: Ints) -> Iterator[Ints]:
    """Places of detections in portions that make so many pairs; those without any object are left out."""
    there = np.flatnonzero(widths)
    portion = np.cumsum(widths[there]) // _MOST
    for number in np.unique(portion):
        yield there[portion == number]


def _compare(
    found: Boxes, detections: Ints, objects: Ints, used: Flags, spans: tuple[Ints, Ints], portion: Ints, out: Nearest
) -> None:
    """Writes what a portion's detections overlap most."""
    first, after = (span[portion] for span in spans)
    starts = np.concatenate([[0], np.cumsum(after - first)])
    left = np.repeat(np.arange(len(portion)), after - first)
    right = np.arange(starts[-1]) - starts[left] + first[left]
    detection, truth = detections[portion][left], objects[right]
    iou = _overlap(found.found.boxes_img[detection], found.truths.boxes_img[truth])
    same = found.found.label[detection] == found.truths.label[truth]
    for values, best, at in (
        (np.where(same, iou, 0.0), out.same, out.same_at),
        (np.where(same, 0.0, iou), out.other, out.other_at),
        (np.where(same & used[right], iou, 0.0), out.used, None),
    ):
        highest = np.maximum.reduceat(values, starts[:-1])
        best[portion] = highest
        if at is not None:
            # the first of several that overlap equally
            hits = np.flatnonzero(values == highest[left])[::-1]
            place = np.zeros(len(portion), np.int64)
            place[left[hits]] = right[hits]
            at[portion] = np.where(highest > 0, place, -1)


def _overlap(boxes: Floats, others: Floats) -> Floats:
    """IoU of pairs of boxes xyxy (N,); 0 where there is no area."""
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    area, other = ((b[:, 2:] - b[:, :2]).clip(0).prod(1) for b in (boxes, others))
    union = area + other - shared
    out: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return out
