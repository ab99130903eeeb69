"""pycocotools fed from a scan: its rules and its arithmetic, without its files, its prints and its empty rounds."""

from __future__ import annotations

import copy
import io
import threading
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from fpn_viewer.core.annotations.table import Unwatched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.numbers.boxes import Boxes

    Rows = dict[tuple[int, int], list[dict[str, Any]]]

#: the process has one stdout
_QUIET = threading.Lock()


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
        self._watcher = watcher or Unwatched()
        self.params.imgIds = boxes.pictures.tolist()
        self.params.catIds = np.unique(boxes.truths.label).tolist()
        self._truths, self._found = _truths(boxes, net), _found(boxes, net)

    def _prepare(self) -> None:
        self._gts, self._dts = self._truths, self._found

    def evaluate(self) -> None:
        """Matches picture by picture as the library does, leaving out those where nothing is to be matched."""
        self._prepare()
        params, key = self.params, set(self._gts) | set(self._dts)
        self.ious = {(i, k): self.computeIoU(i, k) for k in params.catIds for i in params.imgIds if (i, k) in key}
        self.evalImgs = []
        rounds = [(k, area) for k in params.catIds for area in params.areaRng]
        for done, (k, area) in enumerate(rounds):
            self._watcher.check()
            self._watcher.report("computing AP", done / len(rounds))
            most = params.maxDets[-1]
            self.evalImgs += [self.evaluateImg(i, k, area, most) if (i, k) in key else None for i in params.imgIds]
        self._paramsEval = copy.deepcopy(params)

    def computeIoU(self, picture: int, label: int) -> Any:
        """Overlaps of a picture's detections with its objects of a class; none where either is missing."""
        both = (picture, label) in self._gts and (picture, label) in self._dts
        return super().computeIoU(picture, label) if both else []

    def evaluateImg(self, picture: int, label: int, area: Sequence[float], most: int) -> Any:
        """The library's matching of a picture's objects and detections of one class."""
        for rows in (self._gts, self._dts):
            rows.setdefault((picture, label), [])
        return super().evaluateImg(picture, label, area, most)

    def numbers(self) -> NDArray[np.float64]:
        """COCO's twelve numbers, −1 where there is nothing to be found (12,)."""
        self.evaluate()
        with _quiet():
            self.accumulate()
            self.summarize()
        return np.asarray(self.stats)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back what the library prints, for which it has no switch."""
    with _QUIET, redirect_stdout(io.StringIO()):
        yield


def _truths(boxes: Boxes, net: bool) -> Rows:
    truths = boxes.truths
    columns = (truths.net_area if net else truths.area, truths.crowd.astype(int), truths.ignored.astype(int))
    rows = zip(_xywh(truths.boxes_img), *(column.tolist() for column in columns), strict=True)
    # the library takes a match with number 0 for none
    entries = [
        {"id": number, "bbox": box, "area": area, "iscrowd": crowd, "ignore": ignored}
        for number, (box, area, crowd, ignored) in enumerate(rows, 1)
    ]
    return _grouped(truths.picture.tolist(), truths.label.tolist(), entries)


def _found(boxes: Boxes, net: bool) -> Rows:
    found = boxes.found
    shares = found.net_share.tolist() if net else [1.0] * len(found.score)
    rows = zip(_xywh(found.boxes_img), found.score.tolist(), shares, strict=True)
    entries = [
        {"id": number, "bbox": box, "area": box[2] * box[3] * share, "score": score}
        for number, (box, score, share) in enumerate(rows, 1)
    ]
    return _grouped(found.picture.tolist(), found.label.tolist(), entries)


def _xywh(boxes_img: NDArray[np.float64]) -> list[list[float]]:
    out: list[list[float]] = np.concatenate([boxes_img[:, :2], boxes_img[:, 2:] - boxes_img[:, :2]], 1).tolist()
    return out


def _grouped(pictures: list[int], labels: list[int], entries: list[dict[str, Any]]) -> Rows:
    out: Rows = {}
    for picture, label, entry in zip(pictures, labels, entries, strict=True):
        out.setdefault((picture, label), []).append(entry)
    return out
