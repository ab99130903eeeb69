"""Small data sets to scan, what is in a scan's file, and a scan that kills its own process."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.engine.scan import store
from fpn_viewer.engine.scan.run import scan
from fpn_viewer.engine.scan.schema import TABLES
from tests.tiny import TINY, noise, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.engine.scan.reading import Scan

#: (H, W) image px of every picture
SIZE = (64, 96)
#: shifts of what is found, in shares of its sides: what becomes an object is found, badly placed or missed
_SHIFTS = (0.0, 0.05, 0.4, 0.75)


def detector(**settings: Any) -> Detector:
    """The detector of these tests: always the same weights."""
    return open_detector(tiny_module(), device="cpu", name="tiny", class_names=TINY.class_names, **settings)


def pictures(folder: Path, count: int) -> list[Path]:
    """Pictures of noise, each another one: 0000.png, 0001.png, …"""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.fromarray(noise(*SIZE, seed=number)).save(path)
    return paths


def annotated(folder: Path, count: int = 6) -> tuple[Path, Path]:
    """Pictures with annotations in COCO's format, made of what the detector finds: some of it shifted, some of another class.

    Returns:
        The folder of pictures, and the annotations' file.
    """
    paths = pictures(folder / "images", count)
    finds, names = detector(), (*TINY.class_names[1:], "cow")
    images, entries = [], []
    for number, path in enumerate(paths):
        images.append({"id": number, "file_name": path.name, "height": SIZE[0], "width": SIZE[1]})
        objects = _objects(finds.trace(path).detections, np.random.default_rng(number), len(names))
        entries += [{"id": len(entries) + k, "image_id": number, **one} for k, one in enumerate(objects)]
    truth = folder / "truth.json"
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    truth.write_text(json.dumps({"images": images, "annotations": entries, "categories": categories}))
    return folder / "images", truth


def _objects(found: Any, rng: np.random.Generator, classes: int) -> list[dict[str, Any]]:
    """Annotations of one picture: one of an unknown class, one that is a crowd, one without width."""
    out = []
    for k, (box, label) in enumerate(zip(found.boxes_img[:12], found.labels[:12], strict=True)):
        x1, y1, x2, y2 = (float(v) for v in box)
        shift = _SHIFTS[k % len(_SHIFTS)] * (x2 - x1)
        category = int(label) if k % 5 else 1 + int(rng.integers(classes - 1))
        out.append(_object(category, x1 + shift, y1, x2 - x1, y2 - y1))
    x, y = rng.uniform(5, 30, 2)
    return [*out, _object(classes, x, y, 9, 7), _object(1, x, y, 40, 30, crowd=1), _object(1, x, y, 0, 8), _object(2, x, y, 3, 2)]


def _object(category: int, x: float, y: float, width: float, height: float, crowd: int = 0) -> dict[str, Any]:
    box = [round(v, 2) for v in (x, y, width, height)]
    return {"category_id": category, "bbox": box, "area": round(width * height, 2), "iscrowd": crowd}


def rows(found: Scan, columns: str, table: str) -> list[tuple[Any, ...]]:
    """Some columns of a table, in the order of its key."""
    return found.rows(f"SELECT {columns} FROM {table}")


def content(found: Scan) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in a scan's file, but for the times."""
    return {table.name: rows(found, "*", table.name) for table in TABLES if table.name != "times"}


class _Fuse:
    """Kills this process after so many steps."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def burn(self, *_: object) -> None:
        """One more step."""
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    check = pause = burn

    def report(self, stage: str, fraction: float) -> None:
        """Not a step."""


def scan_and_die(images: Path, truth: Path, out: Path, layers: int, statements: int) -> None:
    """Scans, and kills its process with SIGKILL after so many layers or statements of SQL, whatever comes first."""
    connected, fuse = store._connected, _Fuse(statements)

    def traced(path: Path) -> Any:
        file = connected(path)
        # called before each statement: inside a transaction too
        file.set_trace_callback(fuse.burn)
        return file

    store._connected = traced
    scan(detector(), images, truth, out, watcher=_Fuse(layers))
