"""How good a detector is on held-out scenes: AP by pycocotools, recall by the object's size in network px."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fpn_viewer.core.demo.coco import coco_dict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from fpn_viewer.core.demo.scenes import Scene

#: edges of the size buckets, longer side in net px
SIZE_EDGES = (0.0, 12.0, 24.0, 48.0, float("inf"))
#: a found object: a detection of its class at this score and IoU or more
FOUND_SCORE = 0.3
FOUND_IOU = 0.5


@dataclass(frozen=True)
class Quality:
    """Measured on held-out scenes.

    Attributes:
        ap50: average precision at IoU 0.5, mean over classes (pycocotools).
        ap: the same over IoU 0.5:0.95.
        ap_small: `ap` over objects under 32² px.
        recall: share found at score 0.3 and IoU 0.5, per bucket of `SIZE_EDGES`.
        objects: objects in each bucket.
    """

    ap50: float
    ap: float
    ap_small: float
    recall: tuple[float, ...]
    objects: tuple[int, ...]


def detect(module: nn.Module, scenes: Sequence[Scene]) -> list[dict[str, np.ndarray]]:
    """The detections of every scene as arrays: boxes (N, 4) xyxy px, scores, labels."""
    device = next(module.parameters()).device
    found = []
    with torch.inference_mode():
        for scene in scenes:
            image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1).float().to(device) / 255
            found.append({name: t.cpu().numpy() for name, t in module([image])[0].items()})
    return found


def measure(module: nn.Module, scenes: Sequence[Scene]) -> Quality:
    """AP and recall of a detector on `scenes` (at scale 1, so that picture px are net px)."""
    found = detect(module, scenes)
    stats = _coco(scenes, found)
    hits, totals = _recall(scenes, found)
    recall = tuple(float(h / max(t, 1)) for h, t in zip(hits, totals, strict=True))
    return Quality(float(stats[1]), float(stats[0]), float(stats[3]), recall, tuple(int(t) for t in totals))


def _coco(scenes: Sequence[Scene], found: Sequence[dict[str, np.ndarray]]) -> Any:
    truth = COCO()
    truth.dataset = coco_dict(scenes, [f"{i}.jpg" for i in range(len(scenes))])
    ids = [image["id"] for image in truth.dataset["images"]]
    # pycocotools reports its progress on stdout; there is no switch for it
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        results = [row for i, boxes in zip(ids, found, strict=True) for row in _rows(i, boxes)]
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def _rows(image_id: int, found: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    boxes = found["boxes"].copy()
    boxes[:, 2:] -= boxes[:, :2]
    columns = zip(boxes.tolist(), found["scores"].tolist(), found["labels"].tolist(), strict=True)
    return [{"image_id": image_id, "bbox": b, "score": s, "category_id": c} for b, s, c in columns]


def _recall(scenes: Sequence[Scene], found: Sequence[dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    hits = np.zeros(len(SIZE_EDGES) - 1)
    totals = np.zeros(len(SIZE_EDGES) - 1)
    for scene, boxes in zip(scenes, found, strict=True):
        for thing in scene.objects:
            side = max(thing.box[2] - thing.box[0], thing.box[3] - thing.box[1])
            bucket = int(np.searchsorted(SIZE_EDGES, side, side="right")) - 1
            totals[bucket] += 1
            hits[bucket] += _is_found(np.array(thing.box), thing.label, boxes)
    return hits, totals


def _is_found(box: np.ndarray, label: int, found: dict[str, np.ndarray]) -> bool:
    rivals = found["boxes"][(found["labels"] == label) & (found["scores"] >= FOUND_SCORE)]
    corners = np.concatenate([np.maximum(rivals[:, :2], box[:2]), np.minimum(rivals[:, 2:], box[2:])], 1)
    shared = (corners[:, 2:] - corners[:, :2]).clip(0).prod(1)
    areas = (rivals[:, 2:] - rivals[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return bool((shared / np.maximum(areas - shared, 1e-9) >= FOUND_IOU).any())
