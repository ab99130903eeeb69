"""The objects of a data set as a detector's network sees them, from a scan or from annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.analysis.assignment import on_picture_at_all
from fpn_viewer.core.errors import UserError
from fpn_viewer.core.geometry import frozen, net_size
from fpn_viewer.core.images import probe_picture
from fpn_viewer.engine.scan.filters import FROM, where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.structures import Annotations, GroundTruth
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.reading import Scan

    Floats = NDArray[np.float32]

#: what torchvision's transform pads to, net px
_DIVISOR = 32
#: pictures between two looks at whether to go on
_STEP = 64


@dataclass(frozen=True, eq=False)
class DataObjects:
    """Objects that training could learn from: no crowd regions, no broken boxes.

    Attributes:
        boxes_net: (N, 4) xyxy net px, float32 as in training.
        padded: (N, 2) (H, W) net px of the picture of each, after padding.
        picture: (N,) which picture each is in.
        classes: (N,) index into `names`.
        names: of the classes, as annotated.
        problems: a sentence for each picture that had to be left out.
    """

    boxes_net: Floats
    padded: NDArray[np.int64]
    picture: NDArray[np.int64]
    classes: NDArray[np.int64]
    names: tuple[str, ...]
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes_net)

    @property
    def sides(self) -> NDArray[np.float64]:
        """(N,) root of the area, net px."""
        out: NDArray[np.float64] = np.sqrt(np.prod(self.shapes, 1))
        return out

    @property
    def shapes(self) -> NDArray[np.float64]:
        """(N, 2) width and height, net px."""
        return (self.boxes_net[:, 2:] - self.boxes_net[:, :2]).astype(np.float64)

    def some(self, rows: NDArray[np.int64]) -> DataObjects:
        """A choice of them."""
        return DataObjects(
            self.boxes_net[rows], self.padded[rows], self.picture[rows], self.classes[rows], self.names, self.problems
        )


def made(
    boxes_img: NDArray[np.float64],
    sizes: NDArray[np.float64],
    pictures: Sequence[int],
    classes: Sequence[str],
    problems: Sequence[str] = (),
) -> DataObjects:
    """Objects from columns.

    Args:
        boxes_img: (N, 4) xyxy image px.
        sizes: (N, 4) height and width of the picture of each, image px, and what it is resized to, net px.
        pictures: which picture each is in.
        classes: of each, as annotated.
        problems: sentences about pictures that are left out.
    """
    of_pictures = np.asarray(sizes, np.float32).reshape(-1, 4)
    names, index = np.unique(np.asarray(classes, dtype=str), return_inverse=True)
    scale = of_pictures[:, [3, 2]] / of_pictures[:, [1, 0]]
    boxes = np.asarray(boxes_img, np.float64).reshape(-1, 4).astype(np.float32) * np.tile(scale, 2)
    padded = -(-of_pictures[:, 2:].astype(np.int64) // _DIVISOR) * _DIVISOR
    numbers = np.asarray(pictures, np.int64)
    return DataObjects(frozen(boxes), frozen(padded), numbers, index, tuple(str(name) for name in names), tuple(problems))


def from_scan(scan: Scan, chosen: Filter) -> DataObjects:
    """The objects of a scan that a filter leaves, as its detector sees them.

    Raises:
        ScanError: the file cannot be read.
    """
    clause, values = where(chosen)
    rows: list[tuple[Any, ...]] = scan.rows(
        "SELECT objects.x1, objects.y1, objects.x2, objects.y2, done.height, done.width, runs.net_h, runs.net_w, objects.picture,"
        f" objects.class FROM {FROM} JOIN done USING (picture) JOIN runs ON runs.picture = fates.picture"
        " AND runs.detector = fates.detector"
        f" WHERE {clause} AND objects.crowd = 0 AND objects.flaw = '' AND runs.problem = ''"
        " ORDER BY objects.picture, objects.object",
        values,
    )
    numbers = np.array([row[:8] for row in rows], np.float64).reshape(-1, 8)
    return made(numbers[:, :4], numbers[:, 4:], [row[8] for row in rows], [row[9] for row in rows])


def from_annotations(
    annotations: Annotations, pictures: Sequence[str], spec: DetectorSpec, watcher: Watcher | None = None
) -> DataObjects:
    """The annotated objects of pictures, as a detector would see them; only the heads of the pictures' files are read.

    A picture that cannot be read, or whose annotations cannot, is told of in `problems`.

    Args:
        annotations: of the pictures.
        pictures: their paths.
        spec: the detector.
        watcher: told how far it is, and may stop.
    """
    boxes, sizes, numbers, classes, problems = [np.empty((0, 4))], [np.empty((0, 4))], [], [], []
    for number, path in enumerate(pictures):
        if watcher is not None and number % _STEP == 0:
            watcher.check()
            watcher.report("reading annotations", number / len(pictures))
        try:
            found = _annotated(annotations, path, spec)
        except UserError as error:
            problems.append(str(error) if Path(path).name in str(error) else f"{path}: {error}")
            continue
        for truth, size, kept in found:
            boxes.append(truth.boxes_img[kept])
            sizes.append(np.tile(size, (len(kept), 1)))
            numbers += [number] * len(kept)
            classes += [truth.names[row] for row in kept.tolist()]
    return made(np.concatenate(boxes), np.concatenate(sizes), numbers, classes, problems)


def _annotated(
    annotations: Annotations, path: str, spec: DetectorSpec
) -> Iterator[tuple[GroundTruth, tuple[int, int, int, int], NDArray[np.int64]]]:
    """(ground truth, sizes, rows to take) of a picture; nothing when it is not annotated."""
    header = probe_picture(path)
    size = header.height, header.width
    truth = annotations.of(path, size)
    if truth is None:
        return iter(())
    settings = spec.settings
    net = net_size(size, settings.min_size, settings.max_size, spec.conventions.size_rounding)
    sound = np.array([not flaw for flaw in truth.flaws], np.bool_) & ~truth.crowd & on_picture_at_all(truth.boxes_img, size)
    return iter([(truth, (*size, *net), np.flatnonzero(sound))])
