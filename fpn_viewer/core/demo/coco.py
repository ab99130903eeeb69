"""Scenes as a COCO data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.demo.scenes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.demo.scenes import Scene, SceneObject


def coco_dict(scenes: Sequence[Scene], file_names: Sequence[str]) -> dict[str, list[dict[str, object]]]:
    """Describes scenes as a COCO detection data set.

    Args:
        scenes: Scenes, in the order of their image ids from 1.
        file_names: A picture's file name for each scene.

    Returns:
        The COCO document: images, annotations (bbox as x, y, width, height) and categories.
    """
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for image_id, (scene, name) in enumerate(zip(scenes, file_names, strict=True), start=1):
        height, width = scene.image.shape[:2]
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
        for item in scene.objects:
            annotations.append(_annotation(item, image_id, len(annotations) + 1))
    categories: list[dict[str, object]] = [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _annotation(item: SceneObject, image_id: int, annotation_id: int) -> dict[str, object]:
    x0, y0, x1, y1 = item.box
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": item.label,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
        "iscrowd": 0,
    }
