"""LabelMe: a JSON file for each picture, with shapes.

Rectangles, polygons, lines and points become the box around their points; a circle's two points are its centre and one of its rim.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.annotations.json_stream import BrokenJson, pieces
from fpn_viewer.core.annotations.numbers import NO_BOX, around, number
from fpn_viewer.core.annotations.table import AnnotationTable, Gathered, Unwatched, read_each
from fpn_viewer.core.annotations.texts import read_text
from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from fpn_viewer.core.annotations.numbers import Numbers
    from fpn_viewer.core.annotations.table import Reading

    Points = list[tuple[float, float]]

FORMAT = "LabelMe"
#: bytes; a file may carry its picture as text
_LARGEST = 512 << 20


def open_labelme(path: str | PathLike[str], files: Sequence[Path], watcher: Reading | None = None) -> AnnotationTable:
    """Reads LabelMe files.

    Args:
        path: the folder they stand for.
        files: the files.
        watcher: told between two files.

    Raises:
        AnnotationError: none of them can be read.
    """
    read = Gathered(FORMAT, str(path), by_stem=True)
    read_each(read, list(files), lambda file: _read(read, file), watcher or Unwatched())
    return AnnotationTable(read)


def _read(read: Gathered, path: Path) -> None:
    members: dict[str, Any] = {}
    try:
        members.update((piece.key, piece.value) for piece in pieces(read_text(path, _LARGEST), ()))
    except BrokenJson as error:
        if not isinstance(members.get("shapes"), list):
            raise AnnotationError(f"{path} is not readable JSON: {error}; copy it again or export it anew.") from error
        read.problems.note("file", "cut short behind the shapes, which are shown", f"{path}: {error}")
    shapes = members.get("shapes")
    if not isinstance(shapes, list):
        raise AnnotationError(f"{path} is JSON without a list of shapes, which LabelMe has; choose another file.")
    alias = str(members.get("imagePath") or "").replace("\\", "/").rsplit("/", 1)[-1]
    size = number(members.get("imageHeight")), number(members.get("imageWidth"))
    picture = read.add_picture(str(path), size, alias=alias)
    for index, shape in enumerate(shapes):
        _add(read, picture, shape, f"{path}, shapes[{index}]")


def _add(read: Gathered, picture: int, shape: Any, place: str) -> None:
    if not isinstance(shape, dict):
        read.problems.note("shape", "in another form than an object in braces, left out", place)
        return
    name = shape.get("label")
    if not isinstance(name, str) or not name:
        read.problems.note("shape", 'without a label, called "unnamed"', place)
        name = "unnamed"
    read.add(picture, name, _box(shape), ignored=shape.get("difficult") is True)


def _box(shape: Mapping[str, Any]) -> Numbers:
    points = shape.get("points")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        return NO_BOX
    kind = shape.get("shape_type")
    return (_OUTLINES.get(kind, around) if isinstance(kind, str) else around)([(number(x), number(y)) for x, y in points])


def _circle(points: Points) -> Numbers:
    if len(points) != 2:
        return around(points)
    (x, y), rim = points
    radius = math.dist((x, y), rim)
    return around([(x - radius, y - radius), (x + radius, y + radius)])


#: by shape_type; every other is the box around its points
_OUTLINES: dict[str, Callable[[Points], Numbers]] = {"circle": _circle}
