"""COCO's twelve numbers of a scan, by pycocotools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.engine.scan.numbers.arrays import name_of
from fpn_viewer.engine.scan.numbers.boxes import boxes
from fpn_viewer.engine.scan.numbers.values import COCO_TITLES, ClassMetrics, CocoMetrics

if TYPE_CHECKING:
    from typing import Any

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.numbers.boxes import Boxes
    from fpn_viewer.engine.scan.numbers.evaluation import Evaluation
    from fpn_viewer.engine.scan.reading import Scan

#: (attribute of `ClassMetrics`, place among the overlaps or None for all, place among the size ranges)
_CLASS = (("ap", None, 0), ("ap50", 0, 0), ("ap75", 5, 0), ("ap_small", None, 1), ("ap_medium", None, 2), ("ap_large", None, 3))


def coco(scan: Scan, detector: int = 0, watcher: Reading | None = None) -> CocoMetrics:
    """Evaluates a detector over its annotated pictures.

    Args:
        scan: to evaluate.
        detector: by its place in the scan.
        watcher: told how far it is, may stop it.

    Raises:
        ScanError: the file cannot be read.
    """
    from fpn_viewer.engine.scan.numbers.evaluation import Evaluation

    found = boxes(scan, detector)
    counts = (len(found.pictures), int((~found.truths.ignored).sum()), len(found.found.score))
    keys = [key for key, _, _ in COCO_TITLES]
    numbers: dict[str, Any] = dict.fromkeys(keys)
    if not counts[1]:
        return CocoMetrics(detector, name_of(scan, detector), *counts, **numbers)
    evaluation = Evaluation(found, watcher)
    numbers |= zip(keys, map(_known, evaluation.numbers()), strict=True)
    return CocoMetrics(detector, name_of(scan, detector), *counts, **numbers, classes=_classes(evaluation, found))


def _classes(evaluation: Evaluation, found: Boxes) -> tuple[ClassMetrics, ...]:
    counted = found.truths.label[~found.truths.ignored]
    out = []
    for place, label in enumerate(evaluation.params.catIds):
        precision, recall = evaluation.eval["precision"][:, :, place, :, -1], evaluation.eval["recall"][:, place, 0, -1]
        numbers = {
            key: _mean(precision[:, :, size] if overlap is None else precision[overlap, :, size]) for key, overlap, size in _CLASS
        }
        if objects := int((counted == label).sum()):
            out.append(ClassMetrics(found.name(label), label, objects, **numbers, ar100=_mean(recall)))
    return tuple(out)


def _mean(values: Any) -> float | None:
    """The library's mean: of what is there."""
    there = values[values > -1]
    return float(there.mean()) if there.size else None


def _known(value: float) -> float | None:
    return float(value) if value > -1 else None
