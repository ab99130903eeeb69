"""Anchors that would fit a data set better: k-means over the objects' shapes, then evolution over where anchors really lie.

Both keep what torchvision's generator can lay: so many sizes on each level, and the same ratios on all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.assignment import RULES
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.dataset.coverage import Fitting, coverage
from fpn_viewer.engine.scan.dataset.layout import layout_of
from fpn_viewer.engine.scan.dataset.values import AnchorSet, Proposal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.engine.scan.dataset.objects import DataObjects
    from fpn_viewer.engine.scan.dataset.values import Coverage

    Floats = NDArray[np.float64]

#: objects that sets are tried on, drawn by chance from all
SAMPLE = 4000
#: sets that evolution tries, and rounds of k-means at most
TRIES, _ROUNDS = 600, 60
_SEED = 0
#: sizes, net px, and ratios stay between these
_SIZES, _RATIOS = (2.0, 4096.0), (0.1, 10.0)
#: of the logarithms, how far the first tries go; what it grows by after a success, and shrinks by after a failure
_STEP, _GROWTH, _SHRINK = 0.2, 1.5, 0.93
_LEAST_STEP = 0.01
#: share of the numbers that one try changes
_CHANGED = 0.3
#: a gain in the share of objects that is smaller is not worth training anew for
_WORTH = 0.01


def propose(
    spec: DetectorSpec,
    objects: DataObjects,
    *,
    sizes_per_level: int | None = None,
    ratios: int | None = None,
    tries: int = TRIES,
    seed: int = _SEED,
    watcher: Watcher | None = None,
) -> Proposal:
    """Sizes and ratios for a data set, with the coverage that they would give.

    Args:
        spec: the detector; its levels and where anchors lie on them stay.
        objects: of the data set.
        sizes_per_level: as many as the detector has when None; the same number on every level, since all share one head.
        ratios: as many as the detector has when None.
        tries: sets that evolution measures.
        seed: of the objects drawn and of evolution.
        watcher: told how far it is, and may stop.

    Raises:
        QuestionError: training does not match anchors by overlap, there is no object, or the numbers do not fit.
    """
    layout, current = layout_of(spec), coverage(spec, objects)
    now = layout.anchors
    per_level, shapes = sizes_per_level or len(now.sizes[0]), ratios or len(now.ratios)
    if not (1 <= per_level <= 9 and 1 <= shapes <= 9):
        raise QuestionError(f"{per_level} sizes a level and {shapes} ratios cannot be proposed; ask for 1 to 9 of each.")
    rng = np.random.default_rng(seed)
    drawn = objects.some(np.sort(rng.permutation(len(objects))[:SAMPLE]))
    by_kmeans = kmeans(drawn.shapes, len(layout.levels), per_level, shapes)
    trial = Fitting(layout, drawn, RULES[spec.family])
    starts = [anchors for anchors in (now, by_kmeans) if _counts(anchors) == (per_level, shapes)]
    best = _evolved(trial, max(starts, key=trial.fitness), tries, rng, watcher)
    fitting = Fitting(layout, objects, RULES[spec.family])
    found, first = fitting.fit(best), fitting.fit(by_kmeans)
    # what was better on the objects drawn may be worse on all
    evolved = max((found, first), key=lambda fit: fit.fitness)
    sentence = _sentence(current, evolved.anchors, evolved.reached)
    return Proposal(current, first, evolved, tries, len(drawn), sentence)


def kmeans(shapes: Floats, levels: int, per_level: int, ratios: int) -> AnchorSet:
    """K-means by overlap, with the clusters on a grid of sizes and ratios: each object belongs to the pair that overlaps it most.

    Args:
        shapes: (N, 2) width and height, net px.
        levels: how many there are.
        per_level: sizes on each.
        ratios: height / width, how many.
    """
    logs = np.log(np.maximum(shapes, 1e-3))
    side, ratio = logs.mean(1), logs[:, 1] - logs[:, 0]
    count = levels * per_level
    sizes, tall = (np.quantile(values, (np.arange(n) + 0.5) / n) for values, n in ((side, count), (ratio, ratios)))
    owner = np.full(len(shapes), -1)
    for _ in range(_ROUNDS):
        before, owner = owner, _nearest(shapes, sizes, tall)
        if (owner == before).all():
            break
        sizes = np.sort(_means(side, owner // ratios, sizes))
        tall = np.sort(_means(ratio, owner % ratios, tall))
    return _as_set(sizes, tall, levels)


def _nearest(shapes: Floats, sizes: Floats, tall: Floats) -> NDArray[np.int64]:
    """For each object the cluster, size by size, that overlaps it most when laid on it (N,)."""
    wide = np.exp(sizes[:, None] - tall / 2).ravel()
    high = np.exp(sizes[:, None] + tall / 2).ravel()
    shared = np.minimum(shapes[:, :1], wide) * np.minimum(shapes[:, 1:], high)
    iou = shared / (shapes.prod(1)[:, None] + wide * high - shared)
    out: NDArray[np.int64] = iou.argmax(1)
    return out


def _means(values: Floats, owner: NDArray[np.int64], before: Floats) -> Floats:
    """Mean of each cluster; one without objects stays where it was."""
    counts = np.bincount(owner, minlength=len(before))
    sums = np.bincount(owner, weights=values, minlength=len(before))
    return np.where(counts > 0, sums / np.maximum(counts, 1), before)


def _counts(anchors: AnchorSet) -> tuple[int, int]:
    return len(anchors.sizes[0]), len(anchors.ratios)


def _as_set(sizes: Floats, tall: Floats, levels: int) -> AnchorSet:
    """Anchors as a person would write them: whole sizes, smallest first, and ratios with two digits."""
    whole = np.sort(np.rint(np.clip(np.exp(sizes), *_SIZES))).astype(int).reshape(levels, -1)
    ratios = np.sort(np.clip(np.exp(tall), *_RATIOS))
    return AnchorSet(tuple(tuple(row) for row in whole.tolist()), tuple(round(float(ratio), 2) for ratio in ratios))


def _evolved(trial: Fitting, start: AnchorSet, tries: int, rng: np.random.Generator, watcher: Watcher | None) -> AnchorSet:
    """The best of many sets, each a change by chance of the best one so far; changes grow while they help."""
    levels, count = len(start.sizes), sum(len(row) for row in start.sizes)
    genes = np.log(np.array([*(size for row in start.sizes for size in row), *start.ratios], np.float64))
    best, fitness, step = start, trial.fitness(start), _STEP
    for number in range(tries):
        if watcher is not None:
            watcher.pause()
            watcher.report(f"evolution: {percent(fitness)} fitness", number / tries)
        changed = rng.random(len(genes)) < _CHANGED
        changed[rng.integers(len(genes))] = True
        child = genes + changed * rng.normal(0, step, len(genes))
        anchors = _as_set(child[:count], child[count:], levels)
        value = trial.fitness(anchors) if anchors != best else fitness
        step = max(_LEAST_STEP, step * (_GROWTH if value > fitness else _SHRINK))
        if value > fitness:
            best, fitness, genes = anchors, value, np.concatenate([np.sort(child[:count]), child[count:]])
    return best


def _sentence(current: Coverage, anchors: AnchorSet, reached: int) -> str:
    now = current.now
    before, after = now.reached / now.objects, reached / now.objects
    if after - before < _WORTH:
        return (
            f"No other sizes and ratios reach notably more objects than the present {percent(before)}: "
            "what is not reached is a matter of the levels and of the size that pictures are brought to."
        )
    more = _more_anchors(now.anchors, anchors)
    return (
        f"With {anchors} an anchor reaches {percent(after)} of the objects instead of {percent(before)}; "
        f"the detector has to be trained with them{more}."
    )


def _more_anchors(now: AnchorSet, other: AnchorSet) -> str:
    before, after = (len(one.sizes[0]) * len(one.ratios) for one in (now, other))
    return "" if before == after else f", with a head for {after} anchors a cell instead of {before}"
