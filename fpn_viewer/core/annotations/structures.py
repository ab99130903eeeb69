"""Ground truth of pictures, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fpn_viewer.core.geometry import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class GroundTruth:
    """The annotated objects of one picture, in the order of the file; nothing is dropped.

    Attributes:
        boxes_img: (N, 4) xyxy image px, as annotated.
        names: class name of each.
        areas: (N,) image px²: the annotation's own area where it has one (COCO: of the mask), else that of the box.
        crowd: (N,) True for a region with many objects, which is never missed.
        flaws: for each, what is wrong with it ("" when nothing): "no width", "outside the picture", …
    """

    boxes_img: NDArray[np.float64]
    names: tuple[str, ...]
    areas: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    flaws: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes_img", frozen(self.boxes_img, np.float64).reshape(-1, 4))
        object.__setattr__(self, "areas", frozen(self.areas, np.float64))
        object.__setattr__(self, "crowd", frozen(self.crowd, np.bool_))
        if not len(self.boxes_img) == len(self.names) == len(self.areas) == len(self.crowd) == len(self.flaws):
            raise ValueError("ground truth with columns of different length")

    def __len__(self) -> int:
        return len(self.names)


class Annotations(Protocol):
    """What a reader gives: ground truth by picture.

    Attributes:
        format: "COCO", "Pascal VOC", "YOLO", "LabelMe".
        path: the file or folder it came from.
        names: all class names, in the order of the format.
        count: number of objects, or None where files are read picture by picture.
        flaws: how many objects have each flaw, as far as read.
        problems: sentences about files that could not be read.
    """

    format: str
    path: str
    names: tuple[str, ...]
    count: int | None
    flaws: Mapping[str, int]
    problems: tuple[str, ...]

    def of(self, picture: str, size: tuple[int, int] | None = None) -> GroundTruth | None:
        """The objects of a picture, or None when it is not annotated.

        Args:
            picture: its path.
            size: (H, W) image px; objects outside are then marked, and relative coordinates made absolute.

        Raises:
            AnnotationError: its file cannot be read; the sentence says which, and where in it.
        """
        ...


@dataclass(frozen=True)
class LabelMap:
    """Class names of a data set to labels of a detector.

    Attributes:
        labels: label by name; None for a class that the detector does not know and that is left out.
        unmatched: names for which nobody has decided yet.
    """

    labels: Mapping[str, int | None]
    unmatched: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", MappingProxyType(dict(self.labels)))
