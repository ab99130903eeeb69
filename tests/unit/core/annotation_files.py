"""Small annotation files of every format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (480, 640)


def write(path: Path, content: str | bytes | dict[str, Any] | list[Any]) -> Path:
    """Writes text, bytes or JSON, making folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes | str) else json.dumps(content)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def coco(**changes: Any) -> dict[str, Any]:
    """Two pictures, three objects, two categories with a gap."""
    return {
        "info": {"year": 2020},
        "images": [
            {"id": 10, "file_name": "train/a.jpg", "width": 640, "height": 480},
            {"id": 20, "file_name": "train/b.jpg", "width": 640, "height": 480},
        ],
        "annotations": [
            {"id": 1, "image_id": 20, "category_id": 90, "bbox": [1.5, 2, 30, 40], "area": 700.5, "iscrowd": 0},
            {"id": 2, "image_id": 10, "category_id": 3, "bbox": [100, 100, 50, 50], "area": 2500, "iscrowd": 1},
            {"id": 3, "image_id": 20, "category_id": 3, "bbox": [5, 5, 10, 10]},
        ],
        "categories": [{"id": 3, "name": "car"}, {"id": 90, "name": "traffic light"}],
        **changes,
    }


def voc(*objects: str, filename: str = "a.jpg", size: tuple[int, int] = SIZE) -> str:
    """An XML file."""
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{filename}</filename>{sides}{''.join(objects)}</annotation>"


def voc_object(name: str, *box: float, difficult: int = 0) -> str:
    """An object of an XML file."""
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{sides}</bndbox></object>"


def labelme(*shapes: Any, **changes: Any) -> dict[str, Any]:
    """A JSON file."""
    return {
        "version": "5.0.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "..\\pictures\\a.jpg",
        "imageData": "A" * 300,
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
        **changes,
    }


def shape(label: str, points: Any, kind: str = "rectangle") -> dict[str, Any]:
    """A shape of a JSON file."""
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}
