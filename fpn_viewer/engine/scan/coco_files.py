"""A scan's objects and detections in COCO's JSON, with the ids of the annotation file where there is one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.annotations.table import Unwatched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.reading import Scan

_OBJECTS = "SELECT picture, class, x1, y1, x2, y2, area, crowd, ignored FROM objects WHERE flaw = '' ORDER BY picture, object"
_DETECTIONS = "SELECT picture, label, class, score, x1, y1, x2, y2 FROM detections WHERE detector = ? ORDER BY picture, detection"


@dataclass(frozen=True)
class Ids:
    """What pictures and classes are called in COCO files.

    Attributes:
        pictures: id of each picture's number.
        classes: id of each class name.
        own: they are numbered here, since there is no COCO file that they could be taken from.
    """

    pictures: Mapping[int, int | str]
    classes: Mapping[str, int | str]
    own: bool


def coco_files(scan: Scan, watcher: Reading | None = None) -> Iterator[tuple[str, Any]]:
    """(file name without its ending, content) of each file to be written.

    Args:
        scan: to export.
        watcher: told how far it is, may stop it.

    Raises:
        ScanError: the scan cannot be read.
    """
    ids, seen = ids_of(scan), set[str]()
    if ids.own:
        yield "ground_truth", ground_truth(scan, ids)
    for detector, name in enumerate(scan.detectors):
        (watcher or Unwatched()).check()
        (watcher or Unwatched()).report(f"writing the results of {name}", detector / len(scan.detectors))
        wanted = f"results-{file_name(name)}"
        # two detectors may be called alike
        wanted = f"{wanted}-{detector}" if wanted in seen else wanted
        seen.add(wanted)
        yield wanted, results(scan, detector, ids)


def file_name(text: str) -> str:
    """A name as a part of a file's name: whatever a file system may refuse becomes an underscore."""
    return re.sub(r"[^\w.+-]+", "_", text).strip("._") or "detector"


def results(scan: Scan, detector: int, ids: Ids) -> list[dict[str, Any]]:
    """A detector's detections as COCO results; those of classes that have no id are left out.

    Args:
        scan: to export.
        detector: by its place in the scan.
        ids: of pictures and classes.
    """
    names = _annotated_names(scan, detector)
    out = []
    for picture, label, own_name, score, x1, y1, x2, y2 in scan.rows(_DETECTIONS, (detector,)):
        category = ids.classes.get(names.get(label, own_name))
        if category is not None:
            box = [x1, y1, x2 - x1, y2 - y1]
            out.append({"image_id": ids.pictures[picture], "category_id": category, "bbox": box, "score": score})
    return out


def ground_truth(scan: Scan, ids: Ids) -> dict[str, Any]:
    """A scan's objects as a COCO instances file; broken boxes are left out."""
    sizes = {picture: size for picture, *size in scan.rows("SELECT picture, height, width FROM done")}
    images = [
        {"id": ids.pictures[picture], "file_name": path, "height": sizes[picture][0], "width": sizes[picture][1]}
        for picture, path in scan.rows("SELECT picture, path FROM pictures ORDER BY picture")
        if picture in sizes
    ]
    annotations = []
    for number, (picture, name, x1, y1, x2, y2, area, crowd, ignored) in enumerate(scan.rows(_OBJECTS), 1):
        where = {"id": number, "image_id": ids.pictures[picture], "category_id": ids.classes[name]}
        box = [x1, y1, x2 - x1, y2 - y1]
        annotations.append({**where, "bbox": box, "area": area, "iscrowd": crowd, "ignore": ignored})
    categories = [{"id": category, "name": name} for name, category in ids.classes.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def ids_of(scan: Scan) -> Ids:
    """The ids of the annotation file if it is COCO, is still there and knows all pictures and classes; else numbers from 1."""
    paths = dict(scan.rows("SELECT picture, path FROM pictures ORDER BY picture"))
    annotated = [name for (name,) in scan.rows("SELECT DISTINCT class FROM objects ORDER BY 1")]
    given = _given(str(scan.about["annotations"][0]))
    if given is not None:
        pictures = {picture: _image_id(given[0], path) for picture, path in paths.items()}
        known = {picture: image for picture, image in pictures.items() if image is not None}
        if len(known) == len(paths) and all(name in given[1] for name in annotated):
            return Ids(known, given[1], own=False)
    detected = [name for detector in range(len(scan.detectors)) for name in _class_names(scan, detector)]
    names = dict.fromkeys([*annotated, *detected])
    return Ids({picture: picture + 1 for picture in paths}, {name: place for place, name in enumerate(names, 1)}, own=True)


def _class_names(scan: Scan, detector: int) -> list[str]:
    """What a detector's labels are called in the annotations, or by itself where these do not know them."""
    names = _annotated_names(scan, detector)
    pairs = scan.rows("SELECT DISTINCT label, class FROM detections WHERE detector = ? ORDER BY 1", (detector,))
    return [names.get(label, own) for label, own in pairs]


def _annotated_names(scan: Scan, detector: int) -> dict[int, str]:
    """The class name of the annotations for each label; of several that mean one label the first."""
    ((labels,),) = scan.rows("SELECT labels FROM detectors WHERE detector = ?", (detector,))
    out: dict[int, str] = {}
    for name, label in json.loads(labels).items():
        if label is not None:
            out.setdefault(label, name)
    return out


def _given(path: str) -> tuple[dict[PurePath, int | str], dict[str, int | str]] | None:
    """Ids of files and of categories in a COCO file; None where it cannot be read as one."""
    if not path or not Path(path).is_file():
        return None
    try:
        found = json.loads(Path(path).read_bytes())
        images = {PurePath(one["file_name"]): one["id"] for one in found["images"]}
        return images, {one["name"]: one["id"] for one in found["categories"]}
    # another format, or broken: the scan itself was read more leniently
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _image_id(images: Mapping[PurePath, int | str], path: str) -> int | str | None:
    """The id of the longest end of a path that the file lists."""
    parts = PurePath(path).parts
    return next((images[end] for k in range(len(parts)) if (end := PurePath(*parts[k:])) in images), None)
