"""COCO's instances JSON: `images`, `annotations` and `categories` in one file.

As in pycocotools, boxes are (x, y, width, height) in image px, `area` is the annotation's own (COCO: of the mask), and `iscrowd`
marks a region with many objects. The ids of categories may have gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.annotations.json_stream import BrokenJson, pieces
from fpn_viewer.core.annotations.numbers import NO_BOX, around, number
from fpn_viewer.core.annotations.table import AnnotationTable, Gathered, Unwatched
from fpn_viewer.core.annotations.texts import read_text
from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from os import PathLike

    from fpn_viewer.core.annotations.numbers import Numbers
    from fpn_viewer.core.annotations.table import Reading

    Id = Hashable
    #: place in the file, image id, category id, box, area, crowd
    Row = tuple[int, Id, Id, Numbers, float, bool]

FORMAT = "COCO"
#: elements between two reports
_PACE = 4096


def open_coco(path: str | PathLike[str], watcher: Reading | None = None) -> AnnotationTable:
    """Reads a COCO file; what is wrong with single entries is told in the problems.

    Args:
        path: the file.
        watcher: told every few thousand entries.

    Raises:
        AnnotationError: the file cannot be read, is no JSON from its start, or holds neither images nor annotations.
    """
    reader = _Reader(Gathered(FORMAT, str(path)), watcher or Unwatched())
    reader.read(read_text(Path(path)))
    reader.join()
    return AnnotationTable(reader.gathered)


@dataclass
class _Reader:
    """The three lists of the file, in whatever order they come."""

    gathered: Gathered
    watcher: Reading
    images: dict[Id, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    categories: dict[Id, str] = field(default_factory=dict)
    ids: set[Id] = field(default_factory=set)
    rows: list[Row] = field(default_factory=list)
    met: set[str] = field(default_factory=set)

    def read(self, text: str) -> None:
        takers = {"images": self._image, "annotations": self._annotation, "categories": self._category}
        try:
            for done, piece in enumerate(pieces(text, takers)):
                if done % _PACE == 0:
                    self.watcher.check()
                    self.watcher.report("reading COCO annotations", piece.end / len(text))
                if piece.key in takers:
                    self.met.add(piece.key)
                    self._take(piece.key, piece.place, piece.value, takers[piece.key])
        except BrokenJson as error:
            if not self.images and not self.rows:
                raise AnnotationError(
                    f"{self.gathered.path} is not readable JSON: {error}; copy it again or export it anew."
                ) from error
            self.gathered.problems.say(f"{self.gathered.path} breaks off: {error}; what follows is missing, the rest is shown.")
        if not self.met & {"images", "annotations"}:
            raise AnnotationError(
                f"{self.gathered.path} is JSON, but neither COCO (images, annotations, categories) nor LabelMe (shapes); "
                f"choose another file."
            )

    def _take(self, key: str, index: int, value: Any, taker: Callable[[int, dict[str, Any]], None]) -> None:
        if index < 0:
            # an empty list comes as no element at all, so this is something else
            self.gathered.problems.note("member", "in another form than a list, left out", key)
        elif isinstance(value, dict):
            taker(index, value)
        else:
            self.gathered.problems.note("entry", "in another form than an object in braces, left out", f"{key}[{index}]")

    def _image(self, index: int, entry: dict[str, Any]) -> None:
        note, key = self.gathered.problems.note, _id(entry.get("id"))
        name = entry.get("file_name") or str(entry.get("coco_url") or "").rsplit("/", 1)[-1]
        if key is None or not isinstance(name, str) or not name:
            note("image", "without id or file_name, left out", f"images[{index}]")
        elif key in self.images:
            note("image", "with an id that another has, left out", f"images[{index}], id {key}")
        elif name in self.files:
            note("image", "listed twice, its objects put together", f"images[{index}], {name}")
            self.images[key] = self.files[name]
        else:
            size = number(entry.get("height")), number(entry.get("width"))
            self.images[key] = self.files[name] = self.gathered.add_picture(name, size)

    def _category(self, index: int, entry: dict[str, Any]) -> None:
        note, key = self.gathered.problems.note, _id(entry.get("id"))
        if key is None:
            note("category", "without an id, left out", f"categories[{index}]")
        elif key in self.categories:
            note("category", "with an id that another has, left out", f"categories[{index}], id {key}")
        else:
            name = entry.get("name")
            self.categories[key] = name if isinstance(name, str) and name else f"category {key}"

    def _annotation(self, index: int, entry: dict[str, Any]) -> None:
        key = _id(entry.get("id"))
        if key is not None and key in self.ids:
            self.gathered.problems.note("annotation", "with an id that another has, kept", f"annotations[{index}], id {key}")
        self.ids.add(key)
        box, area = _box(entry), number(entry.get("area"))
        # NaN compares as false
        if area > 1.01 * (box[2] - box[0]) * (box[3] - box[1]) + 1:
            self.gathered.problems.note(
                "annotation", "whose area exceeds that of the box, kept as it is", f"annotations[{index}], area {area:g}"
            )
        crowd = number(entry.get("iscrowd", 0)) == 1
        self.rows.append((index, _id(entry.get("image_id")), _id(entry.get("category_id")), box, area, crowd))

    def join(self) -> None:
        """Gives every annotation its picture and its class."""
        read, note = self.gathered, self.gathered.problems.note
        for name in self.categories.values():
            read.names.setdefault(name, len(read.names))
        for index, image, category, box, area, crowd in self.rows:
            picture, name = _either(self.images, image), _either(self.categories, category)
            if picture is None:
                note("annotation", "of an image that the file does not list, left out", f"annotations[{index}], image_id {image}")
                continue
            if name is None:
                name = f"category {category}"
                note(
                    "annotation",
                    "of a category that the file does not list, kept under its number",
                    f"annotations[{index}], category_id {category}",
                )
            read.add(picture, name, box, area=area, crowd=crowd)


def _id(value: Any) -> Id | None:
    return value if isinstance(value, int | str) else int(value) if isinstance(value, float) and value.is_integer() else None


def _either(table: dict[Id, Any], key: Id | None) -> Any:
    """The entry of an id, which may be a number here and text there."""
    found = table.get(key)
    if found is None and isinstance(key, str) and key.isdecimal():
        return table.get(int(key))
    return table.get(str(key)) if found is None and isinstance(key, int) else found


def _box(entry: dict[str, Any]) -> Numbers:
    """xyxy from `bbox`, else around the polygons of `segmentation`."""
    box = entry.get("bbox")
    if isinstance(box, list) and len(box) == 4:
        x, y, width, height = map(number, box)
        return x, y, x + width, y + height
    polygons = entry.get("segmentation")
    if not isinstance(polygons, list) or not all(isinstance(polygon, list) for polygon in polygons):
        return NO_BOX
    points = [(number(x), number(y)) for polygon in polygons for x, y in zip(polygon[::2], polygon[1::2], strict=False)]
    return around(points)
