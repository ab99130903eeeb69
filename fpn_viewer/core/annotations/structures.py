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
        flaws: for each, why nothing can match it ("" when nothing is wrong): "no width", "outside the picture", … (`flaws.FLAWS`).
        ignored: (N,) True for an object that does not count as missed (Pascal VOC's "difficult"), though it may be found.
        beyond: (N,) True for a box that reaches more than 1 px out of the picture; it is used like any other.
        notes: sentences about the picture as a whole, such as that it was annotated at another size.
    """

    boxes_img: NDArray[np.float64]
    names: tuple[str, ...]
    areas: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    flaws: tuple[str, ...]
    ignored: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    beyond: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes_img", frozen(np.asarray(self.boxes_img, np.float64).reshape(-1, 4)))
        object.__setattr__(self, "areas", frozen(self.areas, np.float64))
        object.__setattr__(self, "crowd", frozen(self.crowd, np.bool_))
        for name in ("ignored", "beyond"):
            flags = getattr(self, name)
            object.__setattr__(self, name, frozen(flags if len(flags) else np.zeros(len(self.names)), np.bool_))
        columns = (self.boxes_img, self.names, self.areas, self.crowd, self.flaws, self.ignored, self.beyond)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("ground truth with columns of different length")

    def __len__(self) -> int:
        return len(self.names)


class Annotations(Protocol):
    """What a reader gives: ground truth by picture."""

    @property
    def format(self) -> str:
        """ "COCO", "Pascal VOC", "YOLO", "LabelMe"."""
        ...

    @property
    def path(self) -> str:
        """The file or folder it came from."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """All class names, in the order of the format."""
        ...

    @property
    def count(self) -> int | None:
        """Number of objects, or None where it is not known."""
        ...

    @property
    def flaws(self) -> Mapping[str, int]:
        """How many objects have each flaw, and how many boxes reach beyond their picture."""
        ...

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about what could not be read, with file and place."""
        ...

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
