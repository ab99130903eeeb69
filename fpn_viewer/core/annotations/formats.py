"""Opens annotations of any known format, recognised by what the files hold."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.coco import open_coco
from fpn_viewer.core.annotations.labelme import open_labelme
from fpn_viewer.core.annotations.pictures import ANNOTATION_FOLDERS, LISTED
from fpn_viewer.core.annotations.voc import open_voc
from fpn_viewer.core.annotations.yolo import open_yolo
from fpn_viewer.core.annotations.yolo_names import LISTS, YAML_SUFFIXES
from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.annotations.table import Reading

    Reader = Callable[[Path, list[Path], Reading | None], Annotations]

#: bytes at both ends of a file by which its format is told
_GLANCE = 1 << 16
#: folders below the one that was named, and files of a kind that are glanced at before the format counts as unknown
_DEPTH, _TRIED = 3, 24
#: text files that are no labels, without suffix and in lower case
_NO_LABELS = ("train", "val", "valid", "test", "readme", "requirements", "license", "notes", *(Path(name).stem for name in LISTS))
KNOWN = "COCO or LabelMe JSON, Pascal VOC XML, YOLO txt with data.yaml"


@dataclass(frozen=True)
class Format:
    """A row of the table of formats.

    Attributes:
        name: "COCO".
        suffixes: lower case.
        sign: found in the first or last 64 KB of such a file.
        stranger: found there in files that only look like it; None when there are none.
        whole: one file holds the data set; otherwise every picture has one, and a file stands for its folder.
        read: opens the path that was named, given the files of the format.
        empty: an empty file is one of a picture without objects.
    """

    name: str
    suffixes: tuple[str, ...]
    sign: re.Pattern[str]
    stranger: re.Pattern[str] | None
    whole: bool
    read: Reader
    empty: bool = False

    def fits(self, path: Path) -> bool:
        """Whether a file is of this format by a glance; False when it cannot be read."""
        if path.suffix.lower() not in self.suffixes or path.stem.lower() in _NO_LABELS:
            return False
        text = glance(path)
        return bool(self.sign.search(text)) and not (self.stranger and self.stranger.search(text))


_COCO_KEYS = re.compile(r'"(?:images|annotations|categories)"\s*:\s*\[')
_SHAPES = re.compile(r'"shapes"\s*:\s*\[')
_NUMBERS = re.compile(r"\A\s*\d+(?:[ \t]+-?[\d.]+(?:[eE][-+]?\d+)?){4,}[ \t]*$", re.MULTILINE)
FORMATS: tuple[Format, ...] = (
    Format("COCO", (".json",), _COCO_KEYS, _SHAPES, True, lambda path, files, watcher: open_coco(files[0], watcher)),
    Format("LabelMe", (".json",), _SHAPES, None, False, open_labelme),
    Format("Pascal VOC", (".xml",), re.compile(r"<annotation[\s>]"), None, False, open_voc),
    Format("YOLO", (".txt",), _NUMBERS, None, False, open_yolo, empty=True),
)
_BY_NAME = {one.name: one for one in FORMATS}
#: what a file that fits no format is taken for, so that its reader says where it is broken
_FALLBACK = {".json": "COCO", ".xml": "Pascal VOC", ".txt": "YOLO"}


def open_annotations(path: str | PathLike[str], watcher: Reading | None = None) -> Annotations:
    """Opens ground truth.

    Args:
        path: a file or folder. A file of a format with one file for each picture stands for its whole folder; the yaml file or
            class list of a YOLO data set for all labels below its folder.
        watcher: may stop the reading, and is told how far it is.

    Raises:
        AnnotationError: it cannot be read, or is of no known format.
    """
    place = Path(path)
    if os.path.isdir(path):
        return _open_folder(place, watcher)
    if not os.path.exists(path):
        raise AnnotationError(f"{path} does not exist; check the path.")
    if place.suffix.lower() in YAML_SUFFIXES or place.name in LISTS:
        return _open_yolo_set(place, watcher)
    found = next((one for one in FORMATS if one.fits(place)), _BY_NAME.get(_FALLBACK.get(place.suffix.lower(), "")))
    if found is None:
        raise AnnotationError(f"{path} is of no known kind of annotations ({KNOWN}); choose another file.")
    if found.whole:
        return found.read(place, [place], watcher)
    files = _of_format(_files(place.parent, found.suffixes, depth=1), found)
    return found.read(place.parent, files if place in files else [place, *files], watcher)


def glance(path: Path) -> str:
    """Both ends of a file as text; "" when it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            head = file.read(_GLANCE)
            file.seek(max(len(head), os.path.getsize(path) - _GLANCE))
            raw = head + file.read(_GLANCE)
    except (OSError, ValueError):  # the reader says why, if the file is chosen
        return ""
    return raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors="replace")


def _open_folder(folder: Path, watcher: Reading | None) -> Annotations:
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise AnnotationError(f"{folder} cannot be read ({error.strerror}); check its permissions.") from error
    homes = [folder, *(path for path in sorted(folder.iterdir()) if path.name.lower() in ANNOTATION_FOLDERS and path.is_dir())]
    for depth in (1, _DEPTH):
        for home in homes:
            for one in FORMATS:
                files = _files(home, one.suffixes, depth)
                if _recognised(home, files, one):
                    return _read_folder(home, one, files, watcher)
    raise AnnotationError(f"{folder} holds no annotations that the program knows ({KNOWN}); choose another folder or a file.")


def _recognised(folder: Path, files: list[Path], one: Format) -> bool:
    full = [path for path in islice(files, LISTED) if os.path.getsize(path)]
    # an empty label file is a picture without objects, and a whole folder may consist of them
    return any(one.fits(path) for path in full[:_TRIED]) or (one.empty and bool(files) and not full and is_label_folder(folder))


def is_label_folder(folder: Path) -> bool:
    """Whether a folder, or the one around it, is called as folders of annotations are."""
    return any(name.lower() in ANNOTATION_FOLDERS for name in (folder.name, folder.parent.name))


def _read_folder(folder: Path, one: Format, files: list[Path], watcher: Reading | None) -> Annotations:
    found = _of_format(files, one)
    if one.whole and len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise AnnotationError(f"{folder} holds {len(found)} {one.name} files ({names}); open one of them.")
    return one.read(folder, found, watcher)


def _of_format(files: list[Path], one: Format) -> list[Path]:
    """The files that are of the format: all with its suffix, unless another format has the same."""
    if len([other for other in FORMATS if other.suffixes == one.suffixes]) > 1:
        return [path for path in files if one.fits(path)]
    return [path for path in files if path.stem.lower() not in _NO_LABELS]


def _open_yolo_set(path: Path, watcher: Reading | None) -> Annotations:
    yolo = _BY_NAME["YOLO"]
    files = _of_format(_files(path.parent, yolo.suffixes, _DEPTH), yolo)
    labels = [file for file in files if "labels" in file.relative_to(path.parent).parts[:-1]] or files
    if not labels:
        raise AnnotationError(f"{path} has no label files (.txt) below its folder; open the folder of the labels instead.")
    return open_yolo(path, labels, watcher)


def _files(folder: Path, suffixes: tuple[str, ...], depth: int) -> list[Path]:
    return sorted(islice(_walk(folder, suffixes, depth), 1_000_000))


def _walk(folder: Path, suffixes: tuple[str, ...], depth: int) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        here = Path(root)
        deep = len(here.relative_to(folder).parts) + 1 >= depth
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        yield from (here / name for name in names if name.lower().endswith(suffixes) and not name.startswith("."))
