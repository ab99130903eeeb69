"""AP50 by the size of objects in the network: COCO's rules for size ranges, with net px instead of picture px."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.engine.scan.numbers.boxes import boxes
from fpn_viewer.engine.scan.numbers.curves import average_precision
from fpn_viewer.engine.scan.numbers.evaluation import Evaluation
from fpn_viewer.engine.scan.numbers.resampling import ends, weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.numbers.boxes import Boxes
    from fpn_viewer.engine.scan.numbers.evaluation import Results
    from fpn_viewer.engine.scan.reading import Scan

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Ranked:
    """Detections of one class that count in one size range, by falling score.

    Attributes:
        picture: place of each one's picture (D,).
        right: a match and no false positive (D,).
        objects: to be found in each picture (P,).
    """

    picture: NDArray[np.int64]
    right: NDArray[np.bool_]
    objects: Floats

    def precision(self, drawn: Floats) -> Floats:
        """Average precision for each weighting of the pictures (R, P) → (R,)."""
        return average_precision(drawn[:, self.picture], self.right, drawn @ self.objects)


def precision_by_size(
    scan: Scan,
    chosen: Filter,
    sizes: Sequence[tuple[float, float]],
    resamples: int,
    level: float,
    seed: int,
    watcher: Reading | None,
) -> tuple[Floats, Floats]:
    """AP50 of each size bucket (B,) and its confidence interval (B, 2); NaN where there is no object.

    Args:
        scan: to evaluate.
        chosen: its detector and classes are meant.
        sizes: (from, below) net px.
        resamples: of the bootstrap.
        level: share of them between the two ends.
        seed: of the random numbers.
        watcher: told how far it is, may stop it.
    """
    found = _of_classes(scan, boxes(scan, chosen.detector), chosen)
    value, interval = np.full(len(sizes), np.nan), np.full((len(sizes), 2), np.nan)
    if not len(found.truths.label):
        return value, interval
    evaluation = Evaluation(found, watcher, net=True)
    evaluation.params.iouThrs = np.array([0.5])
    # the library takes both ends of a range in
    evaluation.params.areaRng = [[low**2, np.nextafter(high**2, 0.0)] for low, high in sizes]
    ranked = [[_ranked(results) for results in of_class] for of_class in evaluation.classes()]
    for bucket in range(len(sizes)):
        classes = [of_class[bucket] for of_class in ranked if of_class[bucket].objects.any()]
        if classes:
            value[bucket] = _mean(classes, np.ones((1, len(found.pictures))))[0]
            width = sum(len(one.right) for one in classes)
            drawn = [_mean(classes, w) for w in weights(len(found.pictures), resamples, seed, width)]
            interval[bucket] = ends(np.concatenate(drawn)[:, None], level)[0]
    return value, interval


def _mean(classes: Sequence[_Ranked], drawn: Floats) -> Floats:
    """Mean over the classes that have objects in a weighting (R,); NaN where none has."""
    values = np.stack([one.precision(drawn) for one in classes])
    there = ~np.isnan(values)
    number = there.sum(0)
    out: Floats = np.divide(np.where(there, values, 0.0).sum(0), number, out=np.full(len(drawn), np.nan), where=number > 0)
    return out


def _of_classes(scan: Scan, found: Boxes, chosen: Filter) -> Boxes:
    """What is annotated as one of the chosen classes; detections of other labels count for nothing then."""
    if not chosen.classes:
        return found
    marks = ", ".join("?" * len(chosen.classes))
    rows = scan.rows(
        f"SELECT DISTINCT label FROM fates JOIN objects USING (picture, object) WHERE detector = ? AND class IN ({marks})",
        (chosen.detector, *chosen.classes),
    )
    kept = np.isin(found.truths.label, [label for (label,) in rows if label is not None])
    fields = {name: getattr(found.truths, name)[kept] for name in found.truths.__dataclass_fields__}
    return replace(found, truths=replace(found.truths, **fields))


def _ranked(pictures: Results) -> _Ranked:
    """What is evaluated of a class in a size range, picture by picture."""
    objects = np.array([0.0 if one is None else float((one["gtIgnore"] == 0).sum()) for one in pictures])
    there = [(place, one) for place, one in enumerate(pictures) if one is not None]
    picture = np.repeat([place for place, _ in there], [len(one["dtScores"]) for _, one in there]).astype(np.int64)
    scores = np.concatenate([one["dtScores"] for _, one in there] or [[]])
    right = np.concatenate([one["dtMatches"][0] for _, one in there] or [[]]).astype(np.bool_)
    counts = ~np.concatenate([one["dtIgnore"][0] for _, one in there] or [[]]).astype(np.bool_)
    order = np.argsort(-scores, kind="stable")
    order = order[counts[order]]
    return _Ranked(picture[order], right[order], objects)
