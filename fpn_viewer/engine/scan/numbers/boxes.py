"""Objects and detections of a scan as arrays, as far as metrics ask for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.engine.scan.numbers.arrays import columns, pictures_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.engine.scan.reading import Scan

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_TRUTHS = """
    SELECT picture, object, label, x1, y1, x2, y2, area, fates.net_h * fates.net_w, crowd, ignored
    FROM fates JOIN objects USING (picture, object)
    WHERE detector = ? AND label IS NOT NULL AND flaw = '' ORDER BY picture, object
"""
_FOUND = """
    SELECT picture, detection, label, x1, y1, x2, y2, score, 1.0 * net_h * net_w / (height * width), kind, COALESCE(object, -1)
    FROM detections JOIN runs USING (picture, detector) JOIN done USING (picture)
    WHERE detector = ? AND annotated ORDER BY picture, detection
"""


@dataclass(frozen=True)
class Truths:
    """Objects that one detector has a label for and whose boxes are sound, by picture and number.

    Attributes:
        picture: number of each one's picture (G,).
        number: in its picture (G,).
        label: the detector's (G,).
        boxes_img: xyxy image px (G, 4).
        area: image px², as annotated (G,).
        net_area: net px² (G,).
        crowd: a region of many (G,).
        ignored: does not count, crowd regions included (G,).
    """

    picture: Ints
    number: Ints
    label: Ints
    boxes_img: Floats
    area: Floats
    net_area: Floats
    crowd: Flags
    ignored: Flags


@dataclass(frozen=True)
class Found:
    """Detections of one detector in annotated pictures, by picture and number.

    Attributes:
        picture: number of each one's picture (D,).
        label: the detector's (D,).
        boxes_img: xyxy image px (D, 4).
        score: 0..1 (D,).
        net_share: net px² for each image px² (D,).
        kind: a key of `matching.KINDS` (D,).
        object: number of the object that it counts for, or -1 (D,).
    """

    picture: Ints
    label: Ints
    boxes_img: Floats
    score: Floats
    net_share: Floats
    kind: NDArray[np.object_]
    object: Ints


@dataclass(frozen=True)
class Boxes:
    """What one detector was to find, and what it found.

    Attributes:
        pictures: that are annotated and that it ran on (P,).
        truths: the objects in them.
        found: its detections in them.
        names: of its classes by label.
    """

    pictures: Ints
    truths: Truths
    found: Found
    names: tuple[str, ...]

    def name(self, label: int) -> str:
        """What a label is called."""
        return self.names[label] if 0 <= label < len(self.names) else f"class {label}"


def boxes(scan: Scan, detector: int) -> Boxes:
    """Reads a detector's objects and detections.

    Raises:
        ScanError: the file cannot be read.
    """
    picture, number, label, *corners, area, net_area, crowd, ignored = columns(scan, _TRUTHS, (detector,), "lllddddddbb")
    truths = Truths(picture, number, label, _stacked(corners), area, net_area, crowd > 0, (crowd > 0) | (ignored > 0))
    return Boxes(pictures_of(scan, detector), truths, _found(scan, detector), _names(scan, detector))


def _found(scan: Scan, detector: int) -> Found:
    picture, _, label, *corners, score, share, kind, matched = columns(scan, _FOUND, (detector,), "lllddddddOl")
    return Found(picture, label, _stacked(corners), score, share, kind, matched)


def _stacked(corners: list[NDArray[Any]]) -> Floats:
    return np.stack(corners, 1)


def _names(scan: Scan, detector: int) -> tuple[str, ...]:
    ((spec,),) = scan.rows("SELECT spec FROM detectors WHERE detector = ?", (detector,))
    return tuple(json.loads(spec)["class_names"])
