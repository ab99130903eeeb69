"""YOLO: a text file for each picture, a line for each object, in shares of the picture's sides.

A line is `class cx cy w h`, with a score behind it in files that a detector wrote, or `class x1 y1 x2 y2 x3 y3 …` for an outline
(segments, turned boxes), whose surrounding box is taken. Where the data set's yaml has `kpt_shape`, key points follow the box.
An empty file is a picture without objects.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.numbers import around, number
from fpn_viewer.core.annotations.table import AnnotationTable, Gathered, Unwatched, read_each
from fpn_viewer.core.annotations.texts import read_text
from fpn_viewer.core.annotations.yolo_names import find_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from fpn_viewer.core.annotations.numbers import Numbers
    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.core.annotations.yolo_names import ClassNames

FORMAT = "YOLO"
#: bytes; the objects of one picture take some kilobytes
_LARGEST = 64 << 20


def open_yolo(path: str | PathLike[str], files: Sequence[Path], watcher: Reading | None = None) -> AnnotationTable:
    """Reads label files and the class names that belong to them.

    Args:
        path: the folder of the labels, or the yaml file with the names.
        files: the label files.
        watcher: told between two files.

    Raises:
        AnnotationError: none of them can be read, or the yaml file cannot.
    """
    home = Path(path)
    read = Gathered(FORMAT, str(path), relative=True, by_stem=True)
    names = find_names(home if home.is_file() else files[0].parent)
    if names.problem:
        read.problems.say(names.problem)
    for label in range(max(names.names, default=-1) + 1):
        name = names.names.get(label, f"class {label}")
        read.names.setdefault(name, len(read.names))
    read_each(read, list(files), lambda file: _read(read, file, names), watcher or Unwatched())
    return AnnotationTable(read)


def _read(read: Gathered, path: Path, names: ClassNames) -> None:
    lines = read_text(path, _LARGEST).splitlines()
    picture = read.add_picture(str(path))
    for count, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        label, box = number(words[0]), _box([number(word) for word in words[1:]], names.keypoints)
        if not label.is_integer() or label < 0 or box is None:
            read.problems.note(
                "line", "in another form than `class cx cy w h`, left out", f"{path}, line {count}: {line.strip()[:40]!r}"
            )
            continue
        if names.names and int(label) not in names.names:
            read.problems.note("object", "of a class without a name, kept under its number", f"{path}, line {count}: {int(label)}")
        read.add(picture, names.names.get(int(label), f"class {int(label)}"), box)


def _box(values: list[float], keypoints: bool) -> Numbers | None:
    """xyxy in shares, or None when the line has another form."""
    if keypoints or len(values) in (4, 5):
        return _centred(values[:4])
    if len(values) >= 6 and len(values) % 2 == 0:
        box = around(zip(values[::2], values[1::2], strict=True))
        return box if math.isfinite(box[0]) else None
    return None


def _centred(values: list[float]) -> Numbers | None:
    if len(values) != 4 or not all(map(math.isfinite, values)):
        return None
    x, y, width, height = values
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
