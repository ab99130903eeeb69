"""Looks for ground truth where people keep it: beside the pictures, or in the folders that data sets have for it.

Cheap enough to be asked at every new picture: a bounded number of files is looked at, and what was opened stays at hand.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.formats import FORMATS, is_label_folder, open_annotations
from fpn_viewer.core.annotations.pictures import ANNOTATION_FOLDERS, LISTED, PICTURE_FOLDERS
from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.annotations.table import Reading

__all__ = ["find_annotations", "locate_annotations", "open_annotations"]

#: part of the name of a file with a whole data set, lower case
_COCO_NAMES = ("coco", "instances_", "annotations", "samples.json")
#: bytes above which a JSON file is only looked into when its name says what it is, or when it is alone
_LARGE = 8 << 20
#: JSON files of one folder that are looked into, and bytes read at once
_TRIED, _BLOCK = 24, 8 << 20
#: folders above a picture in which a data set may have its root
_UP = 2
#: data sets that stay open
_KEPT = 4
_COCO, *_PER_PICTURE = FORMATS


def locate_annotations(picture: str | PathLike[str]) -> Path | None:
    """The file or folder that holds the ground truth of a picture, by convention; None when there is none.

    Looked at, in this order: a file of the picture's name beside it (.xml, .json, .txt), a COCO file beside it that lists it, then
    the same in folders called annotations or labels in the picture's folder, beside it, above it, or instead of one called images.

    Args:
        picture: its path.
    """
    place = Path(os.path.abspath(picture))
    for home in _homes(place.parent):
        found = _own_file(home, place) or _coco_file(home, place)
        if found is not None:
            return found
    return None


def find_annotations(picture: str | PathLike[str], watcher: Reading | None = None) -> Annotations | None:
    """Opens the ground truth that `locate_annotations` finds, or hands out what is open already.

    Args:
        picture: its path.
        watcher: may stop the reading, and is told how far it is.

    Raises:
        AnnotationError: what was found cannot be read; a second time, None is the answer.
    """
    path = locate_annotations(picture)
    return None if path is None else _OPENED.get(path, watcher)


@dataclass
class _Opened:
    """The data sets that were found last, until their files change."""

    kept: OrderedDict[tuple[Path, int], Annotations | None] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: Path, watcher: Reading | None) -> Annotations | None:
        key = path, _stamp(path)
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
        found: Annotations | None = None
        try:
            found = open_annotations(path, watcher)
        except AnnotationError:
            self._keep(key, None)
            raise
        self._keep(key, found)
        return found

    def _keep(self, key: tuple[Path, int], found: Annotations | None) -> None:
        with self.lock:
            self.kept[key] = found
            while len(self.kept) > _KEPT:
                self.kept.popitem(last=False)


_OPENED = _Opened()


def _stamp(path: Path) -> int:
    """Changes when a file, or the list of files in a folder, does."""
    try:
        return path.stat().st_mtime_ns
    except OSError:  # gone in this moment: opening it says so
        return 0


def _homes(folder: Path) -> Iterator[Path]:
    """Folders in which the ground truth of pictures in `folder` may lie, nearest first."""
    yield folder
    parts = folder.parts
    for place in range(len(parts) - 1, 0, -1):
        if parts[place].lower() in (name.lower() for name in PICTURE_FOLDERS[:3]):
            inner = parts[place + 1 :]
            yield from (Path(*parts[:place], name, *inner) for name in _sisters(Path(*parts[:place])))
    for above in (folder, *folder.parents[:_UP]):
        yield from (above / name for name in _sisters(above))
        if above != folder:
            yield above


def _sisters(folder: Path) -> tuple[str, ...]:
    """Sub-folders that are called as folders of annotations are, however they are written."""
    return tuple(name for name, _ in _listing(folder, _stamp(folder))[1] if name.lower() in ANNOTATION_FOLDERS)


def _own_file(home: Path, picture: Path) -> Path | None:
    """`home`, if a file of the picture's own name in it holds annotations."""
    files = [(one, home / f"{picture.stem}{suffix}") for one in _PER_PICTURE for suffix in one.suffixes]
    # an empty text file says that there is nothing in the picture, but only where labels are to be expected
    labels = is_label_folder(home)
    return home if any(one.fits(path) or (labels and one.empty and _is_empty(path)) for one, path in files) else None


def _is_empty(path: Path) -> bool:
    try:
        return path.is_file() and not path.stat().st_size
    except OSError:  # gone in this moment, or not to be looked at
        return False


def _coco_file(home: Path, picture: Path) -> Path | None:
    """A COCO file in `home` that lists the picture."""
    files = [(name, size) for name, size in _listing(home, _stamp(home))[0] if name.lower().endswith(".json")]
    telling = [one for one in files if any(word in one[0].lower() for word in _COCO_NAMES)]
    others = [one for one in files if one not in telling and (one[1] <= _LARGE or len(files) == 1)]
    for name, _ in (*telling[:_TRIED], *others[:_TRIED]):
        path = home / name
        if _COCO.fits(path) and _mentions(path, picture.name):
            return path
    return None


def _mentions(path: Path, name: str) -> bool:
    """Whether a file holds a name as JSON writes it; read in blocks, because one search through all of it would hold the window."""
    wanted = {ending.encode() for plain in (True, False) for ending in (f'{json.dumps(name, ensure_ascii=plain)[1:-1]}"',)}
    keep = max(map(len, wanted))
    try:
        with path.open("rb") as file:
            tail = b""
            while block := file.read(_BLOCK):
                tail += block
                if any(before + one in tail for one in wanted for before in (b'"', b"/", b"\\")):
                    return True
                tail = tail[-keep - 1 :]
    except OSError:  # nobody asked for this file
        return False
    return False


@lru_cache(maxsize=64)
def _listing(folder: Path, stamp: int) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Files with annotations' suffixes, and folders: (name, bytes) in order; `stamp` is that of the folder, for the cache."""
    suffixes = tuple(suffix for one in FORMATS for suffix in one.suffixes)
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, LISTED):
                if entry.is_dir():
                    folders.append((entry.name, 0))
                elif entry.name.lower().endswith(suffixes):
                    files.append((entry.name, entry.stat().st_size))
    except OSError:  # a folder that is not there, or may not be listed, offers nothing
        return (), ()
    return tuple(sorted(files)), tuple(sorted(folders))
