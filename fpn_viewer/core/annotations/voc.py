"""Pascal VOC: an XML file for each picture.

Coordinates are taken as they stand, as torchvision and labelImg do (the VOC challenge counted pixels from 1, both ends included).
Objects marked `difficult` are `GroundTruth.ignored`: they may be found and are never missed, as in the VOC challenge.
A picture is recognised by the XML file's own name, or else by the `filename` in it, which is often that of another copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from fpn_viewer.core.annotations.numbers import NO_BOX, number
from fpn_viewer.core.annotations.table import AnnotationTable, Gathered, Unwatched, read_each
from fpn_viewer.core.annotations.texts import read_bytes
from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    from fpn_viewer.core.annotations.numbers import Numbers
    from fpn_viewer.core.annotations.table import Reading

FORMAT = "Pascal VOC"
#: bytes; the objects of one picture take some kilobytes
_LARGEST = 64 << 20
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def open_voc(path: str | PathLike[str], files: Sequence[Path], watcher: Reading | None = None) -> AnnotationTable:
    """Reads XML files.

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
    root = _root(path)
    size = root.find("size")
    sides = (_number(size, "height"), _number(size, "width"))
    picture = read.add_picture(str(path), sides, alias=(root.findtext("filename") or "").strip())
    for index, entry in enumerate(root.iter("object"), 1):
        name = (entry.findtext("name") or "").strip()
        if not name:
            read.problems.note("object", 'without a name, called "unnamed"', f"{path}, object {index}")
        read.add(picture, name or "unnamed", _box(entry), ignored=_number(entry, "difficult") == 1)


def _root(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(read_bytes(path, _LARGEST))
    except ElementTree.ParseError as error:
        raise AnnotationError(f"{path} is not readable XML: {error}; copy it again or export it anew.") from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        raise AnnotationError(f"{path} is not readable XML ({error}); save it as UTF-8.") from error
    if root.tag != "annotation":
        raise AnnotationError(f"{path} is XML with <{root.tag}> at its top, Pascal VOC has <annotation>; choose another file.")
    return root


def _box(entry: ElementTree.Element) -> Numbers:
    place = entry.find("bndbox")
    if place is None:
        return NO_BOX
    x1, y1, x2, y2 = (_number(place, side) for side in _SIDES)
    return x1, y1, x2, y2


def _number(element: ElementTree.Element | None, tag: str) -> float:
    return number(None if element is None else element.findtext(tag))
