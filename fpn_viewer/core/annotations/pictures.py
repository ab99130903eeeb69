"""Which entry of a data set means a picture, though the data set may have been moved; and which pictures are not there."""

from __future__ import annotations

import os
import unicodedata
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import AnnotationError
from fpn_viewer.core.picture_files import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence

#: where pictures lie, seen from the file or folder of the annotations
PICTURE_FOLDERS = ("images", "JPEGImages", "img", "imgs", "pictures", "train", "val", "valid", "test")
#: where annotations lie, seen from a folder of pictures, lower case
ANNOTATION_FOLDERS = ("annotations", "labels")
#: folders of one data set that are looked into for pictures
_FOLDERS = 50
#: entries of a folder that are looked at
LISTED = 200_000


class PictureIndex:
    """Finds entries by the end of their path: base name first, then as many folders as agree."""

    def __init__(self, listed: Sequence[str], *, by_stem: bool = False) -> None:
        """Indexes the entries.

        Args:
            listed: a path for each entry, as the data set has it, relative or absolute, of any system; "" for none.
            by_stem: compare base names without suffix, as formats with one file for each picture do.
        """
        self._by_stem = by_stem
        self._parts = [_parts(path) for path in listed]
        self._rows: dict[str, list[int]] = {}
        for row, parts in enumerate(self._parts):
            if parts:
                self._rows.setdefault(self._key(parts[-1]), []).append(row)

    def find(self, picture: str) -> int | None:
        """The entry that means a picture, or None.

        Args:
            picture: its path.

        Raises:
            AnnotationError: several entries fit equally well.
        """
        parts = _parts(os.path.abspath(picture) if os.path.dirname(picture) else picture)
        rows = self._rows.get(self._key(parts[-1]), []) if parts else []
        if len(rows) < 2:
            return rows[0] if rows else None
        agreement = {row: self._agreement(self._parts[row], parts) for row in rows}
        longest = max(agreement.values())
        best = [row for row in rows if agreement[row] == longest]
        if len(best) > 1:
            names = " and ".join("/".join(self._parts[row]) for row in best[:2])
            raise AnnotationError(
                f"{picture} may be {names} of the annotations, since the folders of neither are its own; "
                f"keep the pictures in folders named like those in the annotations."
            )
        return best[0]

    def _key(self, name: str) -> str:
        return unicodedata.normalize("NFC", PurePosixPath(name).stem if self._by_stem else name).casefold()

    def _agreement(self, listed: tuple[str, ...], picture: tuple[str, ...]) -> tuple[int, bool]:
        """How many folders agree from the end, and whether the name agrees in upper and lower case too."""
        count = 0
        for ours, theirs in zip(reversed(listed[:-1]), reversed(picture[:-1]), strict=False):
            if ours != theirs:
                break
            count += 1
        return count, listed[-1] == picture[-1]


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))


def absent_pictures(listed: Sequence[str], base: Path, *, by_stem: bool = False) -> list[int]:
    """Entries without a picture where the others have theirs; none when no entry has, since then the pictures lie elsewhere.

    Args:
        listed: a path for each entry, "" for none; with `by_stem` those of the annotations' own files.
        base: folder of the annotations.
        by_stem: as for `PictureIndex`.
    """
    parts = [_parts(path) for path in listed]
    names = [PurePosixPath(p[-1]).stem if by_stem and p else p[-1] if p else "" for p in parts]
    there = {PurePosixPath(name).stem if by_stem else name for name in _pictures_near(listed, base, by_stem)}
    missing = [row for row, name in enumerate(names) if name and name not in there]
    return missing if len(missing) < sum(map(bool, names)) else []


def _pictures_near(listed: Sequence[str], base: Path, by_stem: bool) -> set[str]:
    inner = sorted({os.path.dirname(path.replace("\\", "/")) for path in listed})[:_FOLDERS]
    folders = (
        (home for folder in inner for home in picture_homes(Path(folder)))
        if by_stem
        else (home / folder for home in picture_homes(base) for folder in ("", *inner))
    )
    suffixes = tuple(SUFFIXES)
    return {name for folder in dict.fromkeys(folders) for name in _names(folder) if name.lower().endswith(suffixes)}


def picture_homes(folder: Path) -> tuple[Path, ...]:
    """Folders in which the pictures of annotations in `folder` may lie, whether they exist or not."""
    parts = folder.parts
    swapped = [
        Path(*parts[:place], name, *parts[place + 1 :])
        for place, part in enumerate(parts)
        if part.lower() in ANNOTATION_FOLDERS
        for name in PICTURE_FOLDERS[:2]
    ]
    near = [home / name for home in (folder.parent, folder) for name in PICTURE_FOLDERS]
    return (folder, folder.parent, *near, *swapped)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, LISTED)]
    except (OSError, ValueError):  # a folder that is not there or whose name no system takes holds no pictures
        return []
