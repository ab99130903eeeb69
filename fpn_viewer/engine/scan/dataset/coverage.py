"""How well a detector's anchors fit the objects of a data set, and at which sizes no anchor fits."""

from __future__ import annotations

from math import ceil, floor, inf
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.assignment import RULES
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.geometry import frozen
from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.dataset.layout import Grid, layout_of, shape_overlaps
from fpn_viewer.engine.scan.dataset.objects import DataObjects, from_annotations, from_scan
from fpn_viewer.engine.scan.dataset.values import Coverage, Fit, Hole, SizeBin
from fpn_viewer.engine.scan.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.assignment import Rules
    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.engine.scan.dataset.layout import Layout
    from fpn_viewer.engine.scan.dataset.values import AnchorSet
    from fpn_viewer.engine.scan.reading import Scan

    Floats = NDArray[np.float64]

#: bins for each doubling of the side, and steps of the overlap in the cloud
PER_OCTAVE, STEPS = 3, 40
#: sides of squares, net px, that holes are looked for among, and places that each is put to
_SIDES: Floats = 2.0 ** np.arange(1, 10 + 1 / 32, 1 / 16)
_PLACES = 256
_SEED = 0
#: what a hole is, by its kind
_WORDS = {
    "too small": "smaller than any anchor fits",
    "gap": "in a gap between two sizes of anchors",
    "too large": "larger than any anchor fits",
}


def coverage_of_scan(scan: Scan, chosen: Filter | None = None) -> Coverage:
    """How the anchors of a scan's detector fit the objects that a filter leaves.

    Args:
        scan: finished or running.
        chosen: the objects, and the detector; all objects of the first detector when None.

    Raises:
        QuestionError: its training does not match anchors by overlap, or no object is left.
        ScanError: the file cannot be read.
    """
    chosen = chosen or Filter()
    return coverage(spec_of(scan, chosen.detector), from_scan(scan, chosen))


def coverage_of_annotations(
    annotations: Annotations, pictures: Sequence[str], spec: DetectorSpec, watcher: Watcher | None = None
) -> Coverage:
    """How the anchors of a detector fit annotated objects, without running it.

    Raises:
        QuestionError: its training does not match anchors by overlap, or there is no object.
    """
    layout_of(spec)
    return coverage(spec, from_annotations(annotations, pictures, spec, watcher))


def spec_of(scan: Scan, detector: int) -> DetectorSpec:
    """What a detector of a scan was.

    Raises:
        QuestionError: the scan has no such detector.
    """
    from fpn_viewer.core.detectors.spec import DetectorSpec

    found = scan.rows("SELECT name, spec FROM detectors WHERE detector = ?", (detector,))
    if not found:
        raise QuestionError(f"{scan.path} has no detector {detector + 1}; it has {', '.join(scan.detectors)}.")
    return DetectorSpec.from_json(found[0][1])


def coverage(spec: DetectorSpec, objects: DataObjects) -> Coverage:
    """How a detector's anchors fit objects.

    Raises:
        QuestionError: its training does not match anchors by overlap, or there is no object.
    """
    layout = layout_of(spec)
    if not len(objects):
        more = f" ({objects.problems[0]})" if objects.problems else ""
        raise QuestionError(f"There is no object to cover with the anchors of {spec.name}{more}; choose other pictures or objects.")
    rules, padded = RULES[spec.family], _usual(objects.padded)
    now = Fitting(layout, objects, rules).fit(layout.anchors)
    return Coverage(
        detector=spec.name,
        family=spec.family,
        levels=spec.levels,
        rules=rules,
        pictures=len(np.unique(objects.picture)),
        padded=padded,
        now=now,
        sentence=_sentence(now, rules),
        problems=objects.problems,
    )


class Fitting:
    """Measures sets of anchors on the same objects.

    Attributes:
        grid: the objects and the positions of anchors.
    """

    def __init__(self, layout: Layout, objects: DataObjects, rules: Rules) -> None:
        """Lays the objects out.

        Args:
            layout: where anchors lie.
            objects: at least one.
            rules: from which overlap on an anchor counts.
        """
        self.grid = Grid(layout, objects)
        self._rules, self._sides = rules, objects.sides
        self._edges = _edges(self._sides)
        self._bin = np.searchsorted(self._edges, self._sides, side="right") - 1
        self._squares = Grid(layout, _squares(_usual(objects.padded)))

    def fitness(self, anchors: AnchorSet) -> float:
        """Mean of the best overlap in shares of the foreground's limit, never more than 1."""
        return _fitness(self.grid.best(anchors)[0], self._rules)

    def fit(self, anchors: AnchorSet) -> Fit:
        """Everything about a set of anchors."""
        best, level = self.grid.best(anchors)
        reached = best >= np.float32(self._rules.high)
        rounded, high = self.grid.layout.rounded, self._rules.high
        response = self._squares.best(anchors)[0].reshape(len(_SIDES), _PLACES).mean(1, dtype=np.float64)
        on_them = shape_overlaps(anchors, rounded, np.tile(_SIDES[:, None], 2))
        fitting = shape_overlaps(anchors, rounded, self.grid.objects.shapes) >= high
        return Fit(
            anchors=anchors,
            reached=int(reached.sum()),
            below=int((best < np.float32(self._rules.low)).sum()),
            misplaced=int((fitting & ~reached).sum()),
            mean=float(best.mean(dtype=np.float64)),
            fitness=_fitness(best, self._rules),
            bins=tuple(self._bins(best, reached)),
            cloud=self._cloud(best),
            levels=tuple(np.bincount(level, minlength=len(anchors.sizes)).tolist()),
            classes=self._classes(reached),
            response=frozen(np.stack([_SIDES, response, on_them])),
            holes=tuple(self._holes(on_them, reached)),
        )

    def _bins(self, best: NDArray[np.float32], reached: NDArray[np.bool_]) -> Iterator[SizeBin]:
        order = np.argsort(self._bin, kind="stable")
        ends = np.searchsorted(self._bin[order], np.arange(len(self._edges)))
        for row, (low, high) in enumerate(zip(self._edges[:-1], self._edges[1:], strict=True)):
            rows = order[ends[row] : ends[row + 1]]
            values = best[rows]
            spread = tuple(float(v) for v in np.quantile(values, (0.1, 0.5, 0.9))) if len(rows) else None
            below = int((values < np.float32(self._rules.low)).sum())
            yield SizeBin(float(low), float(high), len(rows), int(reached[rows].sum()), below, spread)  # type: ignore[arg-type]

    def _cloud(self, best: NDArray[np.float32]) -> NDArray[np.int64]:
        step = np.minimum((best * STEPS).astype(np.int64), STEPS - 1)
        counts = np.bincount(self._bin * STEPS + step, minlength=(len(self._edges) - 1) * STEPS)
        out: NDArray[np.int64] = frozen(counts.reshape(-1, STEPS), np.int64)
        return out

    def _classes(self, reached: NDArray[np.bool_]) -> tuple[tuple[str, int, int], ...]:
        objects = self.grid.objects
        count = len(objects.names)
        every = np.bincount(objects.classes, minlength=count).tolist()
        covered = np.bincount(objects.classes, weights=reached, minlength=count).astype(int).tolist()
        return tuple(sorted(zip(objects.names, every, covered, strict=True), key=lambda row: (-row[1], row[0])))

    def _holes(self, on_them: Floats, reached: NDArray[np.bool_]) -> Iterator[Hole]:
        for kind, low, high, worst in holes_in(on_them, self._rules.high):
            inside = (self._sides >= low) & (self._sides < high)
            yield Hole(kind, low, high, worst, int(inside.sum()), int((inside & ~reached).sum()))


def holes_in(overlaps: Floats, limit: float) -> Iterator[tuple[str, float, float, float]]:
    """(kind, low, high, worst) of the stretches of sides over which squares are overlapped by less than a limit.

    Args:
        overlaps: (S,) best overlap of squares of `_SIDES`.
        limit: from which an overlap counts.
    """
    under = np.concatenate([[0], (overlaps < limit).astype(np.int8), [0]])
    for start, end in np.flatnonzero(np.diff(under)).reshape(-1, 2):
        low = 0.0 if start == 0 else _crossing(overlaps, start - 1, limit)
        high = inf if end == len(overlaps) else _crossing(overlaps, end - 1, limit)
        kind = "too small" if low == 0 else "too large" if high == inf else "gap"
        yield kind, low, high, float(overlaps[start:end].min()) if kind == "gap" else 0.0


def _crossing(overlaps: Floats, row: int, limit: float) -> float:
    """The side between two neighbours at which the overlap is the limit."""
    a, b = overlaps[row], overlaps[row + 1]
    return float(_SIDES[row] * (_SIDES[row + 1] / _SIDES[row]) ** ((limit - a) / (b - a)))


def _fitness(best: NDArray[np.float32], rules: Rules) -> float:
    return float(np.minimum(best / np.float32(rules.high), 1).mean(dtype=np.float64))


def _usual(padded: NDArray[np.int64]) -> tuple[int, int]:
    """The padded size that occurs most."""
    sizes, counts = np.unique(padded, axis=0, return_counts=True)
    height, width = sizes[counts.argmax()].tolist()
    return height, width


def _edges(sides: Floats) -> Floats:
    low, high = (np.log2(max(1e-3, float(v))) * PER_OCTAVE for v in (sides.min(), sides.max()))
    # the largest side lies inside the last bin
    out: Floats = 2.0 ** (np.arange(floor(low), max(ceil(high), floor(high) + 1) + 1) / PER_OCTAVE)
    return out


def _squares(padded: tuple[int, int]) -> DataObjects:
    """Squares of every side at places drawn by chance, inside a picture where they fit and over its corner where not."""
    rng = np.random.default_rng(_SEED)
    sides = np.repeat(_SIDES, _PLACES)[:, None]
    room = np.maximum(np.array(padded[::-1]) - sides, 0)
    corner = rng.uniform(0, 1, room.shape) * room
    count = len(sides)
    boxes = np.concatenate([corner, corner + sides], 1).astype(np.float32)
    zeros = np.zeros(count, np.int64)
    return DataObjects(boxes, np.tile(np.array(padded, np.int64), (count, 1)), zeros, zeros, ("square",))


def _sentence(now: Fit, rules: Rules) -> str:
    lost = now.unreached
    if not lost:
        return f"An anchor overlaps each of the {now.objects:,} objects by IoU {rules.high:g} or more."
    start = f"No anchor overlaps {lost:,} of {now.objects:,} objects ({percent(lost / now.objects)}) by IoU {rules.high:g}"
    below = f"; for {now.below:,} of them even the best anchor is background (below {rules.low:g})" if now.below else ""
    return f"{start}{below}. {_reason(now)}"


def _reason(now: Fit) -> str:
    """Why most of the objects that no anchor reaches are not reached."""
    lost = now.unreached
    if 2 * now.misplaced > lost:
        start = f"{percent(now.misplaced / lost)} of those not reached have the shape of an anchor"
        return f"{start} but lie between the places of anchors: a finer level would help."
    worst = max(now.holes, key=lambda hole: hole.unreached, default=None)
    if worst is not None and 2 * worst.unreached > lost:
        return f"Most of those not reached are {worst.span}, {_WORDS[worst.kind]}."
    return "They lie in several gaps between the shapes of the anchors, and between their places."
