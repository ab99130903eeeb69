"""Random but consistent scan files of any size, for whoever reads, counts or draws scans."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.schema import BY_NAME
from fpn_viewer.engine.scan.store import DetectorPlan, Plan, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: (H, W) image px of every picture; net px are twice as large
SIZE = (480, 640)
SCALE = 2.0
NAMES = ("demo", "demo-early", "third", "fourth")
#: (outcome, its killers, share of the lost)
_LOSSES = (
    ("missed", ("rpn_regression", "rpn_top_k", "rpn_nms", "rpn_cap", "class_score", "nms"), 0.6),
    ("badly placed", ("box_regression",), 0.2),
    ("wrong class", ("class_score",), 0.15),
    ("taken", ("nms",), 0.05),
)
#: how a life line ended that ends at this stage
_ENDS = {
    "": "detected",
    "rpn_regression": "never proposed",
    "rpn_top_k": "capped",
    "rpn_nms": "suppressed",
    "rpn_cap": "capped",
    "box_regression": "badly placed",
    "class_score": "background",
    "nms": "suppressed",
}
_LIMITS = {"rpn_top_k": (1000.0, "rank"), "rpn_cap": (1000.0, "rank"), "class_score": (0.05, "score")}


def write_scan(
    path: Path, pictures: int | Sequence[str] = 20, objects: int = 100, detectors: int = 2, seed: int = 0, *, background: int = 2
) -> Scan:
    """A finished scan of random objects: the smaller, the more often lost, and the second detector loses more.

    Args:
        path: the file to make.
        pictures: how many, or their paths.
        objects: in all, shared out at random.
        detectors: 1 to 4.
        seed: of the random numbers.
        background: detections about nothing, for each picture and detector.
    """
    rng = np.random.default_rng(seed)
    paths = tuple(pictures) if not isinstance(pictures, int) else tuple(f"/pictures/{k:06d}.jpg" for k in range(pictures))
    classes = SPEC.class_names[1:]
    labels = {name: number for number, name in enumerate(classes, 1)}
    plans = tuple(DetectorPlan(n, n, f"fingerprint of {n}", replace(SPEC, name=n).to_json(), labels) for n in NAMES[:detectors])
    Store(path, Plan(paths, plans, "/annotations.json", "truth", 0.5), resume=False).close()
    picture = np.sort(rng.integers(0, len(paths), objects))
    number = np.arange(objects) - np.searchsorted(picture, picture)
    sides = np.exp(rng.uniform(np.log(3), np.log(150), (objects, 2)))
    corner = rng.uniform(0, 1, (objects, 2)) * (np.array(SIZE[::-1]) - sides)
    box, kind = np.concatenate([corner, corner + sides], 1), rng.integers(0, len(classes), objects)
    with closing(sqlite3.connect(path)) as file, file:
        _add(file, "done", ((p, *SIZE, f"digest {p}", "", 1) for p in range(len(paths))))
        names = [classes[k] for k in kind]
        _add(
            file,
            "objects",
            zip(
                *(picture.tolist(), number.tolist(), names, *box.T.tolist(), (sides.prod(1)).tolist()),
                *([0] * objects, [0] * objects, [""] * objects),
                strict=True,
            ),
        )
        net = (int(SIZE[0] * SCALE), int(SIZE[1] * SCALE))
        _add(file, "runs", ((p, d, "", *net, "") for p in range(len(paths)) for d in range(detectors)))
        luck = rng.uniform(0, 1, objects)
        for d in range(detectors):
            _write_detector(file, rng, d, (picture, number, box, sides * SCALE, kind, luck), names, len(paths), background)
        _add(file, "times", ((p, "read", 0.01) for p in range(len(paths))))
    return Scan(path)


def _write_detector(
    file: sqlite3.Connection,
    rng: np.random.Generator,
    detector: int,
    columns: tuple[NDArray[Any], ...],
    names: Sequence[str],
    pictures: int,
    background: int,
) -> None:
    picture, number, box, net, kind, luck = columns
    side = np.sqrt(net.prod(1))
    found = np.clip(0.15 + 0.25 * np.log2(side / 6) - 0.15 * detector, 0.02, 0.97)
    lost = (0.8 * luck + 0.2 * rng.uniform(0, 1, len(luck))) > found
    loss = rng.choice(len(_LOSSES), len(lost), p=[share for _, _, share in _LOSSES])
    pick, shift, score = rng.integers(0, 60, len(lost)), rng.normal(0, 0.06, box.shape), np.clip(rng.beta(4, 2, len(lost)), 0.06, 1)
    counts = dict.fromkeys(range(pictures), 0)
    fates, detections = [], []
    for k, (p, n) in enumerate(zip(picture.tolist(), number.tolist(), strict=True)):
        outcome, killers, _ = _LOSSES[loss[k]] if lost[k] else ("found", ("",), 0.0)
        row = counts[p] if outcome != "missed" else None
        mark = None if row is None else float(score[k])
        sizes = (float(net[k, 1]), float(net[k, 0]), float(net[k].max() / 8), "P3")
        overlap = float(np.clip(0.9 - 4 / side[k], 0.05, 0.9))
        stage, iou = _stage(killers[pick[k] % len(killers)]), _IOUS[outcome]
        said = f"{outcome}: {names[k]}"
        label = int(kind[k]) + 1
        fates.append((p, n, detector, label, outcome, *stage, row, mark, iou, *sizes, overlap, int(overlap > 0.5), said))
        if row is not None:
            counts[p] += 1
            place = box[k] + shift[k] * np.tile(box[k, 2:] - box[k, :2], 2) * (4 if outcome == "badly placed" else 1)
            seen = label % len(SPEC.class_names[1:]) + 1 if outcome == "wrong class" else label
            what = {"found": "match", "taken": "duplicate"}.get(outcome, outcome)
            ours = n if outcome == "found" else None
            detections.append((p, detector, row, seen, SPEC.class_names[seen], mark, *place.tolist(), what, ours))
    _add(file, "fates", fates)
    _add(file, "detections", [*detections, *_background(rng, detector, counts, background)])


_IOUS = {"found": 0.8, "missed": 0.05, "badly placed": 0.35, "wrong class": 0.7, "taken": 0.6}


def _stage(killer: str) -> tuple[Any, ...]:
    """Killer, outcome of its stage, value, limit, margin and unit."""
    if not killer:
        return "", _ENDS[killer], None, None, None, ""
    limit, unit = _LIMITS.get(killer, (0.5, "IoU"))
    value = limit * (1.4 if unit == "rank" else 0.6)
    return killer, _ENDS[killer], value, limit, limit - value if unit == "rank" else value - limit, unit


def _background(rng: np.random.Generator, detector: int, counts: dict[int, int], each: int) -> Iterator[tuple[Any, ...]]:
    """Detections about nothing, behind the others of their picture."""
    for picture, first in counts.items():
        for row in range(first, first + each):
            x, y = rng.uniform(0, 400), rng.uniform(0, 300)
            box = (x, y, x + 40, y + 30)
            yield picture, detector, row, 1, SPEC.class_names[1], float(rng.uniform(0.05, 0.5)), *box, "background", None


def _add(file: sqlite3.Connection, table: str, rows: Iterator[Any] | Sequence[Any]) -> None:
    file.executemany(BY_NAME[table].insert, rows)
