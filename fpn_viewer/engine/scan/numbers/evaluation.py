"""pycocotools fed from a scan: its rules and its arithmetic, without its files, its prints and its rounds through Python."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pycocotools import mask
from pycocotools.cocoeval import COCOeval

from fpn_viewer.core.annotations.table import Unwatched
from fpn_viewer.engine.scan.numbers.greedy import matched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.numbers.boxes import Boxes

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Results = list[dict[str, Any] | None]

#: the process has one stdout
_QUIET = threading.Lock()
#: pictures of a class between two looks at whether the numbers are still wanted
_STRIDE = 256


class _Pair(NamedTuple):
    """What is to be matched: objects and detections of one class in one picture.

    Attributes:
        label: place of the class in the library's `catIds`.
        picture: place of the picture in `imgIds`.
        truths: places of the objects (G,).
        found: places of the detections by falling score, the best that count (D,).
    """

    label: int
    picture: int
    truths: Ints
    found: Ints


class Evaluation(COCOeval):
    """A COCO evaluation of one detector.

    The library takes each annotation's `iscrowd` for whether it counts; here difficult objects do not count either, without the
    other rules of crowd regions.
    """

    def __init__(self, boxes: Boxes, watcher: Reading | None = None, *, net: bool = False) -> None:
        """Takes over what is to be evaluated.

        Args:
            boxes: objects and detections.
            watcher: told how far it is, may stop it.
            net: sizes are in net px² instead of picture px².
        """
        super().__init__(iouType="bbox")
        self._watcher, self._boxes = watcher or Unwatched(), boxes
        self.params.imgIds = boxes.pictures.tolist()
        self.params.catIds = np.unique(boxes.truths.label).tolist()
        truths, found = boxes.truths, boxes.found
        self._truths, self._found = _xywh(truths.boxes_img), _xywh(found.boxes_img)
        self._sizes = truths.net_area if net else truths.area
        area = self._found[:, 2] * self._found[:, 3]
        self._found_sizes = area * found.net_share if net else area

    def classes(self) -> Iterator[list[Results]]:
        """Matches class by class and picture by picture.

        Yields:
            For each class and size range what the library knows of each picture, None where there is nothing to be matched; it is
            much, so that it should not be kept.
        """
        params, pairs = self.params, self._pairs()
        of_class: list[list[_Pair]] = [[] for _ in params.catIds]
        for pair in pairs:
            of_class[pair.label].append(pair)
        done = 0
        for mine in of_class:
            out: list[Results] = [[None] * len(params.imgIds) for _ in params.areaRng]
            for pair in mine:
                if not done % _STRIDE:
                    self._watcher.check()
                    self._watcher.report("COCO metrics", done / len(pairs))
                done += 1
                for size, result in enumerate(self._results(pair)):
                    out[size][pair.picture] = result
            yield out

    def _pairs(self) -> list[_Pair]:
        """All there are, class by class."""
        params, boxes = self.params, self._boxes
        truths, found = (self._places(rows.label, rows.picture) for rows in (boxes.truths, boxes.found))
        of_truths, of_found = np.argsort(truths, kind="stable"), np.lexsort((-boxes.found.score, found))
        truths, found = truths[of_truths], found[of_found]
        there = np.union1d(truths, found)
        there = there[there >= 0]
        spans = [np.searchsorted(of, there, side).tolist() for of in (truths, found) for side in ("left", "right")]
        width, most = len(params.imgIds), params.maxDets[-1]
        return [
            _Pair(place // width, place % width, of_truths[first:last], of_found[best:end][:most])
            for place, first, last, best, end in zip(there.tolist(), *spans, strict=True)
        ]

    def _places(self, label: Ints, picture: Ints) -> Ints:
        """One number for a class in a picture, rising class by class; -1 where either is not evaluated (N,)."""
        params = self.params
        at = [(np.asarray(names, np.int64), values) for names, values in ((params.catIds, label), (params.imgIds, picture))]
        row, column = (np.minimum(np.searchsorted(names, values), max(len(names) - 1, 0)) for names, values in at)
        known = np.isin(label, params.catIds) & np.isin(picture, params.imgIds)
        return np.where(known, row * len(params.imgIds) + column, -1)

    def _results(self, pair: _Pair) -> Iterator[dict[str, Any]]:
        """What the library knows of a picture after matching, for each size range."""
        truths, ranges = self._boxes.truths, np.asarray(self.params.areaRng, np.float64)
        outside, found_outside = (
            (sizes < ranges[:, :1]) | (sizes > ranges[:, 1:]) for sizes in (self._sizes[pair.truths], self._found_sizes[pair.found])
        )
        ignored, crowd = truths.ignored[pair.truths] | outside, truths.crowd[pair.truths]
        hit, idle = matched(self._iou(pair), crowd, ignored, self.params.iouThrs)
        # a detection about nothing counts against the detector only where its own size is in the range
        idle |= ~hit & found_outside[:, None]
        score = self._boxes.found.score[pair.found]
        for number in range(len(ranges)):
            yield {"dtScores": score, "dtMatches": hit[number], "dtIgnore": idle[number], "gtIgnore": ignored[number]}

    def _iou(self, pair: _Pair) -> Floats:
        """Overlap of a picture's detections with its objects (D, G), as the library computes it."""
        if not (len(pair.truths) and len(pair.found)):
            return np.zeros((len(pair.found), len(pair.truths)))
        crowd = self._boxes.truths.crowd[pair.truths].astype(np.uint8)
        out: Floats = mask.iou(self._found[pair.found], self._truths[pair.truths], crowd)
        return out

    def numbers(self) -> Floats:
        """COCO's twelve numbers, −1 where there is nothing to be found (12,)."""
        every, parts = self.params.catIds, []
        self._paramsEval = self.params
        for label, sizes in zip(every, self.classes(), strict=True):
            self.params.catIds, self.evalImgs = [label], [result for results in sizes for result in results]
            with _quiet():
                self.accumulate()
            parts.append(self.eval)
        self.params.catIds = every
        # (overlaps, recalls, classes, sizes, detections), and without recalls
        for name, classes in (("precision", 2), ("recall", 1)):
            self.eval[name] = np.concatenate([part[name] for part in parts], classes)
        with _quiet():
            self.summarize()
        return np.asarray(self.stats)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back what the library prints, for which it has no switch."""
    with _QUIET, redirect_stdout(io.StringIO()):
        yield


def _xywh(boxes_img: Floats) -> Floats:
    return np.concatenate([boxes_img[:, :2], boxes_img[:, 2:] - boxes_img[:, :2]], 1)
