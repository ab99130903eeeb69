"""Scan files of given or random objects and detections, matched as a scan matches them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.store import DetectorPlan, Plan, Store
from fpn_viewer.engine.scan.values import DetectionRow, FateRow, ObjectRow, PictureRow, RunRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLASSES = SPEC.class_names[1:]
LABELS = {name: label for label, name in enumerate(CLASSES, 1)}
#: (H, W) image px of every picture; net px are twice as large
SIZE, SCALE = (200, 300), 2.0
BOX = tuple[float, float, float, float]


@dataclass(frozen=True)
class Scene:
    """A picture.

    Attributes:
        objects: (label, box xyxy image px) each.
        found: for each detector (label, box, score) of each detection.
        crowd: numbers of the objects that are crowd regions.
        ignored: numbers of the difficult ones.
        killers: for each detector what lost the objects that it does not find, by number.
        problem: why no detector could be run.
        unknown: numbers of the objects whose class no detector has.
    """

    objects: Sequence[tuple[int, BOX]] = ()
    found: Sequence[Sequence[tuple[int, BOX, float]]] = ((),)
    crowd: Sequence[int] = ()
    ignored: Sequence[int] = ()
    killers: Sequence[dict[int, str]] = field(default=())
    problem: str = ""
    unknown: Sequence[int] = ()


def make_scan(path: Path, scenes: Sequence[Scene], iou: float = 0.5, paths: Sequence[str] = ()) -> Scan:
    """Writes a finished scan of scenes."""
    names = ("first", "second", "third", "fourth")[: max(len(scene.found) for scene in scenes)]
    plans = tuple(DetectorPlan(one, one, f"fingerprint of {one}", replace(SPEC, name=one).to_json(), LABELS) for one in names)
    pictures = tuple(paths) or tuple(f"/pictures/{number:04d}.png" for number in range(len(scenes)))
    store = Store(path, Plan(pictures, plans, "/annotations.json", "truth", iou), resume=False)
    for number, scene in enumerate(scenes):
        store.write(_picture(number, scene, iou, len(names)))
    store.close()
    return Scan(path)


def _picture(number: int, scene: Scene, iou: float, detectors: int) -> PictureRow:
    count = len(scene.objects)
    crowd, ignored = (np.isin(np.arange(count), flags) for flags in (scene.crowd, scene.ignored))
    names = tuple(CLASSES[label - 1] for label, _ in scene.objects)
    boxes = np.array([box for _, box in scene.objects], np.float64).reshape(-1, 4)
    truth = GroundTruth(boxes, names, (boxes[:, 2:] - boxes[:, :2]).prod(1), crowd, ("",) * count, ignored)
    objects = tuple(
        ObjectRow(k, names[k], tuple(boxes[k].tolist()), float(truth.areas[k]), bool(crowd[k]), bool(ignored[k]), "")
        for k in range(count)
    )
    runs = tuple(_run(place, scene, truth, iou) for place in range(detectors))
    return PictureRow(number, *SIZE, f"digest {number}", "", True, objects, runs, 0.01)


def _run(place: int, scene: Scene, truth: GroundTruth, iou: float) -> RunRow:
    if scene.problem:
        return RunRow(place, scene.problem)
    found = scene.found[place] if place < len(scene.found) else ()
    labels = [None if number in scene.unknown else label for number, (label, _) in enumerate(scene.objects)]
    boxes = np.array([box for _, box, _ in found], np.float64).reshape(-1, 4)
    matching = match(truth, labels, boxes, [score for *_, score in found], [label for label, *_ in found], iou=iou)
    killers = scene.killers[place] if place < len(scene.killers) else {}
    fates = []
    for k, (outcome, row) in enumerate(zip(matching.outcomes, matching.detection.tolist(), strict=True)):
        x1, y1, x2, y2 = truth.boxes_img[k].tolist()
        killer = killers.get(k, "") if outcome != "found" else ""
        sizes = {"net_h": SCALE * (y2 - y1), "net_w": SCALE * (x2 - x1), "killer": killer, "level": "P2", "anchor_iou": 0.5}
        said = f"lost at {killer}" if killer else outcome
        detection = {"detection": row, "score": found[row][2]} if row >= 0 else {}
        fates.append(FateRow(k, labels[k], outcome, iou=float(matching.iou[k]), verdict=said, **sizes, **detection))
    detections = tuple(
        DetectionRow(k, label, SPEC.class_names[label], score, box, kind, of if of >= 0 else None)
        for k, ((label, box, score), kind, of) in enumerate(zip(found, matching.kinds, matching.matched.tolist(), strict=True))
    )
    return RunRow(place, "", int(SIZE[0] * SCALE), int(SIZE[1] * SCALE), "", tuple(fates), detections, (0.1, 0.1))


def random_scenes(number: int, seed: int, detectors: int = 1, *, special: bool = False) -> list[Scene]:
    """Pictures with objects of all sizes, most of them found, and all kinds of mistakes.

    Args:
        number: of pictures.
        seed: of the random numbers.
        detectors: how many.
        special: some objects are crowd regions or difficult.
    """
    rng = np.random.default_rng(seed)
    return [_scene(rng, detectors, special) for _ in range(number)]


def _scene(rng: np.random.Generator, detectors: int, special: bool) -> Scene:
    count = int(rng.integers(0, 9))
    side = np.exp(rng.uniform(np.log(4), np.log(110), (count, 2)))
    corner = rng.uniform(0, 1, (count, 2)) * (np.array(SIZE[::-1]) - side)
    boxes, labels = np.concatenate([corner, corner + side], 1), rng.integers(1, len(CLASSES) + 1, count)
    flags = rng.uniform(0, 1, count) < 0.15 if special else np.zeros(count, np.bool_)
    kinds = rng.uniform(0, 1, count) < 0.5
    killers = dict.fromkeys(range(0, count, 2), "rpn_top_k") | dict.fromkeys(range(1, count, 4), "class_score")
    return Scene(
        [(int(label), tuple(box.tolist())) for label, box in zip(labels, boxes, strict=True)],
        [_detections(rng, labels, boxes) for _ in range(detectors)],
        np.flatnonzero(flags & kinds).tolist(),
        np.flatnonzero(flags & ~kinds).tolist(),
        [killers] * detectors,
    )


def _detections(rng: np.random.Generator, labels: np.ndarray, boxes: np.ndarray) -> list[tuple[int, BOX, float]]:
    copies = np.repeat(np.arange(len(boxes)), rng.integers(0, 4, len(boxes)))
    shift = rng.normal(0, rng.choice([0.03, 0.15, 0.4], (len(copies), 1)), (len(copies), 4))
    placed = boxes[copies] + shift * np.tile(boxes[copies, 2:] - boxes[copies, :2], 2)
    placed = np.concatenate([np.minimum(placed[:, :2], placed[:, 2:]), np.maximum(placed[:, :2], placed[:, 2:]) + 1], 1)
    lost = rng.uniform(0, 150, (int(rng.integers(0, 5)), 2))
    everything = np.concatenate([placed, np.concatenate([lost, lost + rng.uniform(3, 90, lost.shape)], 1)])
    named = np.concatenate([labels[copies], rng.integers(1, len(CLASSES) + 1, len(lost))])
    swapped = rng.uniform(0, 1, len(named)) < 0.2
    named[swapped] = rng.integers(1, len(CLASSES) + 1, int(swapped.sum()))
    scores = rng.uniform(0.05, 1, len(named))
    return [(int(one), tuple(box.tolist()), float(score)) for one, box, score in zip(named, everything, scores, strict=True)]
