"""What all readers fill: the objects of a whole data set as columns, and the pictures they belong to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fpn_viewer.core.annotations.flaws import FLAWS, TOLERANCE, count_flaws, inspect_boxes
from fpn_viewer.core.annotations.pictures import PictureIndex, absent_pictures
from fpn_viewer.core.annotations.problems import Problems
from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.errors import AnnotationError, PictureError
from fpn_viewer.core.images import probe_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.numbers import Numbers


class Reading(Protocol):
    """Who may stop the reading of many files and wants to know how far it is (the engine's token)."""

    def check(self) -> None:
        """Raises to stop."""

    def report(self, stage: str, fraction: float) -> None:
        """Told now and then: what is done, and the share done, 0..1."""


class Unwatched:
    """Nobody waits."""

    def check(self) -> None:
        """Goes on."""

    def report(self, stage: str, fraction: float) -> None:
        """Tells nobody."""


@dataclass
class Gathered:
    """What a reader has read so far; rows and pictures in the order of the files.

    Attributes:
        format: "COCO", …
        path: the file or folder.
        names: class names; each `add` may bring a new one.
        relative: boxes are in shares of the picture's sides.
        by_stem: a picture is named by a file of its own rather than by its file name.
    """

    format: str
    path: str
    relative: bool = False
    by_stem: bool = False
    names: dict[str, int] = field(default_factory=dict)
    problems: Problems = field(init=False)
    pictures: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    sizes: list[tuple[float, float]] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    rows: list[tuple[int, int, float, bool, bool]] = field(default_factory=list)
    boxes: list[Numbers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.problems = Problems(self.path)

    def add_picture(self, listed: str, size: tuple[float, float] = (math.nan, math.nan), alias: str = "") -> int:
        """Adds a picture.

        Args:
            listed: its path as the data set has it, or that of the file of its own.
            size: (H, W) image px, NaN where not known.
            alias: another name it may go by.

        Returns:
            Its row.
        """
        self.pictures.append(listed)
        self.aliases.append(alias)
        self.sizes.append(size if min(size) > 0 else (math.nan, math.nan))
        return len(self.pictures) - 1

    def add_broken(self, listed: str, sentence: str) -> None:
        """Adds a picture whose file cannot be read."""
        self.broken[self.add_picture(listed)] = sentence
        self.problems.file(sentence)

    def add(
        self, picture: int, name: str, box: Numbers, *, area: float = math.nan, crowd: bool = False, ignored: bool = False
    ) -> None:
        """Adds an object; `box` is xyxy."""
        self.rows.append((picture, self.names.setdefault(name, len(self.names)), area, crowd, ignored))
        self.boxes.append(box)


class AnnotationTable:
    """Ground truth of a data set, read completely; satisfies `structures.Annotations`.

    Attributes:
        format: "COCO", "Pascal VOC", "YOLO", "LabelMe".
        path: the file or folder it came from.
        names: all class names, in the order of the format.
        count: number of objects.
        flaws: how many objects have each flaw, and how many boxes reach beyond their picture.
        problems: sentences about what could not be read.
        pictures: as the data set lists them, without those whose own file is broken.
    """

    def __init__(self, read: Gathered) -> None:
        """Takes over what was read.

        Args:
            read: complete; not to be changed afterwards.
        """
        self.format, self.path, self.names = read.format, read.path, tuple(read.names)
        self.count = len(read.rows)
        self._relative, self._broken = read.relative, read.broken
        self.pictures = tuple(path for row, path in enumerate(read.pictures) if row not in read.broken)
        self._fill(read)
        named = [PictureIndex(read.pictures, by_stem=read.by_stem)]
        self._indexes = (*named, PictureIndex(read.aliases)) if any(read.aliases) else tuple(named)
        unit = np.ones((len(read.rows), 2)) if read.relative else self._sizes[self._column("picture")]
        found = inspect_boxes(self._boxes, unit, TOLERANCE / 500 if read.relative else TOLERANCE)
        self.flaws: Mapping[str, int] = MappingProxyType(count_flaws(found))
        self._say_absent(read)
        self.problems = read.problems.sentences()

    def of(self, picture: str, size: tuple[int, int] | None = None) -> GroundTruth | None:
        """The objects of a picture, or None when it is not annotated; as `structures.Annotations.of`.

        Args:
            picture: its path.
            size: (H, W) image px.

        Raises:
            AnnotationError: its file cannot be read, or several entries of the data set may mean it.
        """
        row = self._find(picture)
        if row is None:
            return None
        if row in self._broken:
            raise AnnotationError(self._broken[row])
        rows = slice(*np.searchsorted(self._column("picture"), (row, row + 1)))
        if size is None and self._relative:
            size = self._probe(picture)
        return self._ground_truth(rows, self._sizes[row], size)

    def _find(self, picture: str) -> int | None:
        rows = (index.find(picture) for index in self._indexes)
        return next((row for row in rows if row is not None), None)

    def _probe(self, picture: str) -> tuple[int, int]:
        try:
            header = probe_picture(picture)
        except PictureError as error:
            raise AnnotationError(f"{self.path} holds boxes as shares of the picture, whose size is not known: {error}") from error
        return header.height, header.width

    def _ground_truth(self, rows: slice, listed: NDArray[np.float64], size: tuple[int, int] | None) -> GroundTruth:
        boxes = self._boxes[rows]
        if self._relative and size is not None:
            boxes = boxes * np.array([size[1], size[0], size[1], size[0]], np.float64)
        found = inspect_boxes(boxes, listed if size is None else size)
        own = self._column("area")[rows]
        sides = np.nan_to_num(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None))
        return GroundTruth(
            boxes_img=boxes,
            names=tuple(self.names[name] for name in self._column("name")[rows]),
            areas=np.where(own >= 0, own, sides[:, 0] * sides[:, 1]),
            crowd=self._column("crowd")[rows],
            flaws=tuple(FLAWS[code] for code in found.codes),
            ignored=self._column("ignored")[rows],
            beyond=found.beyond,
            notes=self._notes(listed, size),
        )

    def _notes(self, listed: NDArray[np.float64], size: tuple[int, int] | None) -> tuple[str, ...]:
        if size is None or np.isnan(listed).any() or (listed == size).all():
            return ()
        theirs, ours = f"{listed[1]:g}×{listed[0]:g}", f"{size[1]}×{size[0]}"
        return (f"{self.path} was made for a picture of {theirs} px, and this one has {ours} px; boxes are shown as they stand.",)

    def _fill(self, read: Gathered) -> None:
        types = [("picture", np.int32), ("name", np.int32), ("area", np.float64), ("crowd", np.bool_), ("ignored", np.bool_)]
        columns = np.array(read.rows, dtype=types)
        order = np.argsort(columns["picture"], kind="stable")
        self._columns = columns[order]
        self._boxes = np.array(read.boxes, np.float64).reshape(-1, 4)[order]
        self._sizes = np.array(read.sizes, np.float64).reshape(-1, 2)

    def _column(self, name: str) -> NDArray[Any]:
        column: NDArray[Any] = self._columns[name]
        return column

    def _say_absent(self, read: Gathered) -> None:
        base = Path(read.path)
        absent = absent_pictures(read.pictures, base if base.is_dir() else base.parent, by_stem=read.by_stem)
        for row in absent:
            read.problems.note("picture", "listed and not among the others on the disk", read.pictures[row])


def read_each(read: Gathered, files: list[Path], one: Callable[[Path], None], watcher: Reading) -> None:
    """Reads one file after another; a file that cannot be read is noted and the rest still read.

    Args:
        read: takes note of broken files.
        files: in order.
        one: reads a file.
        watcher: told between two files.

    Raises:
        AnnotationError: no file at all can be read; the sentence is that of the first.
    """
    for done, path in enumerate(files):
        watcher.check()
        if done % 64 == 0:
            watcher.report(f"reading {read.format} annotations", done / len(files))
        try:
            one(path)
        except AnnotationError as error:
            read.add_broken(str(path), str(error))
    if files and read.problems.files == len(files):
        raise AnnotationError(read.problems.sentences()[0])
