"""What is counted over a scan, as frozen values that tables, charts, the command line and the report show.

Each comes from a function of its own, all of them without torch and without Qt, to be called on a worker:

* `counts.funnel(scan, chosen=Filter(), bounds=BUCKETS) -> Funnel`
* `flow.flows(scan, a, b, chosen=Filter(), watcher=None) -> Flows`
* `recall.recall(scan, detector=0, *, chosen=None, bounds=BUCKETS, ap=False, resamples=1000, level=0.95, seed=0, watcher=None)
  -> RecallCurve`
* `coco.coco(scan, detector=0, watcher=None) -> CocoMetrics`
* `tide.tide(scan, detector=0, watcher=None) -> TideErrors`

Sizes are sides in net px: the root of an object's area after the resize. Shares, precisions and recalls are 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.engine.scan.numbers.choices import counted, meaning, narrowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fpn_viewer.engine.scan.filters import Filter

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: (attribute of `CocoMetrics` and `ClassMetrics`, its title, what it means)
COCO_TITLES: tuple[tuple[str, str, str], ...] = (
    ("ap", "AP", "precision averaged over recall, classes and overlaps 0.50 to 0.95"),
    ("ap50", "AP50", "precision averaged over recall and classes at an overlap of 0.50"),
    ("ap75", "AP75", "precision averaged over recall and classes at an overlap of 0.75"),
    ("ap_small", "AP small", "AP of objects up to 32² picture px"),
    ("ap_medium", "AP medium", "AP of objects from 32² to 96² picture px"),
    ("ap_large", "AP large", "AP of objects from 96² picture px"),
    ("ar1", "AR 1", "recall averaged over classes and overlaps, with the best detection of each picture and class"),
    ("ar10", "AR 10", "the same with the 10 best"),
    ("ar100", "AR 100", "the same with the 100 best"),
    ("ar_small", "AR small", "AR 100 of objects up to 32² picture px"),
    ("ar_medium", "AR medium", "AR 100 of objects from 32² to 96² picture px"),
    ("ar_large", "AR large", "AR 100 of objects from 96² picture px"),
)
#: TIDE's error types in the order of its plots: (key, title, what it means)
TIDE_TITLES: tuple[tuple[str, str, str], ...] = (
    ("Cls", "Class", "covers an object of another class"),
    ("Loc", "Localisation", "touches an object of its class and overlaps it too little"),
    ("Both", "Both", "touches an object of another class and overlaps it too little"),
    ("Dupe", "Duplicate", "covers an object that a better-scored detection counts for"),
    ("Bkg", "Background", "touches no object"),
    ("Miss", "Missed", "an object that no detection is about"),
    ("FalsePos", "All false positives", "what AP would gain if no detection were wrong"),
    ("FalseNeg", "All false negatives", "what AP would gain if only the objects that are found were there"),
)


def bucket_name(low: float, high: float) -> str:
    """A size bucket in words, net px: "8–16", "< 8" where it starts at 0, "≥ 128" where it has no end."""
    if np.isinf(high):
        return f"≥ {low:.4g}" if low else "all"
    return f"{low:.4g}–{high:.4g}" if low else f"< {high:.4g}"


@dataclass(frozen=True)
class Funnel:
    """Where the objects of a choice die; those that nobody is to find (`filters.LEFT_OUT`, all difficult ones) are not counted.

    Attributes:
        chosen: what was counted; its `detector` is the one that is meant.
        name: of the detector.
        states: stages that lost objects, in the order in which they come; then outcomes that no stage is to blame for (as "taken");
            "found" is the last, also when nothing was found.
        sizes: (from, below) net px of each size bucket; the last is open (inf).
        classes: names as annotated that occur, the most frequent first.
        counts: objects (states, sizes, classes).
    """

    chosen: Filter
    name: str
    states: tuple[str, ...]
    sizes: tuple[tuple[float, float], ...]
    classes: tuple[str, ...]
    counts: Ints

    @property
    def total(self) -> int:
        """Objects."""
        return int(self.counts.sum())

    @property
    def lost(self) -> int:
        """Objects that are not found."""
        return int(self.counts[:-1].sum())

    @property
    def by_state(self) -> Ints:
        """Objects of each state (states,)."""
        out: Ints = self.counts.sum((1, 2))
        return out

    @property
    def by_size(self) -> Ints:
        """Objects (states, sizes)."""
        out: Ints = self.counts.sum(2)
        return out

    @property
    def by_class(self) -> Ints:
        """Objects (states, classes)."""
        out: Ints = self.counts.sum(1)
        return out

    @property
    def alive(self) -> Ints:
        """Objects that come to each state, those of the states before it being gone (states,)."""
        out: Ints = self.by_state[::-1].cumsum()[::-1]
        return out

    @property
    def worst(self) -> str:
        """The state that loses most objects; "" when none is lost."""
        return self.states[int(self.by_state[:-1].argmax())] if self.lost else ""

    def picked(self, state: str | None = None, size: tuple[float, float] | None = None, name: str | None = None) -> Filter:
        """The choice behind a bar.

        Args:
            state: one of `states`; None for all.
            size: one of `sizes`; None for all. Where the choice has bounds of its own, the narrower ones hold.
            name: one of `classes`; None for all.
        """
        out = narrowed(self.chosen, state)
        if size is not None:
            low, high = self.chosen.sides
            start = max(size[0], low or 0.0)
            end = min(size[1], float("inf") if high is None else high)
            out = replace(out, sides=(start or None, None if np.isinf(end) else end))
        return out if name is None else replace(out, classes=(name,))


@dataclass(frozen=True)
class Flows:
    """What became of the same objects in two detectors.

    Only objects that both ran on and that both are expected to find are counted.

    Attributes:
        chosen: what was counted; its `detector` is `a`.
        a: the one detector, by its place in the scan.
        b: the other.
        names: of both.
        states_a: states of `a` that occur, as in `Funnel`; "found" is the last and always there.
        states_b: of `b`.
        counts: objects (states_a, states_b).
        p_value: of McNemar's test: how often chance alone would shift at least as many objects to one side if both detectors found
            equally many. Objects are taken as independent of each other.
        test: "exact" below 25 objects that only one of them finds, else "chi-squared" (with continuity correction).
    """

    chosen: Filter
    a: int
    b: int
    names: tuple[str, str]
    states_a: tuple[str, ...]
    states_b: tuple[str, ...]
    counts: Ints
    p_value: float
    test: str

    @property
    def total(self) -> int:
        """Objects."""
        return int(self.counts.sum())

    @property
    def both(self) -> int:
        """Objects that both find."""
        return int(self.counts[-1, -1])

    @property
    def only_a(self) -> int:
        """Objects that only `a` finds."""
        return int(self.counts[-1, :-1].sum())

    @property
    def only_b(self) -> int:
        """Objects that only `b` finds."""
        return int(self.counts[:-1, -1].sum())

    @property
    def neither(self) -> int:
        """Objects that neither finds."""
        return int(self.counts[:-1, :-1].sum())

    @property
    def sentence(self) -> str:
        """Which finds more, and whether that may be chance."""
        if not self.total:
            return "No object was followed through both."
        if not self.only_a + self.only_b:
            return f"Both find the same {self.both:,} of {self.total:,} objects."
        ahead = int(self.only_b > self.only_a)
        more, fewer = sorted((self.only_a, self.only_b), reverse=True)
        numbers = f"{self.names[ahead]} finds {more:,} that {self.names[1 - ahead]} loses, and loses {fewer:,} that it finds"
        return f"{numbers}: {chance(self.p_value)} (McNemar, {probability(self.p_value)})."

    def picked(self, state_a: str | None = None, state_b: str | None = None) -> Filter:
        """The choice behind a cell, a row or a column of the matrix.

        Args:
            state_a: one of `states_a`; None for all.
            state_b: one of `states_b`; None for all.
        """
        out = narrowed(self.chosen, state_a)
        if state_b is None:
            return out
        outcomes, killers = meaning(state_b)
        return replace(out, flow=(self.b, outcomes), other_killers=killers)


def chance(p_value: float) -> str:
    """A p-value in words."""
    if p_value < 0.001:
        return "hardly chance"
    return "probably no chance" if p_value < 0.05 else "may be chance"


def probability(p_value: float) -> str:
    """A p-value as it is printed: "p < 0.001" or "p = 0.032"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


@dataclass(frozen=True)
class RecallCurve:
    """Recall, and on demand AP50, against size, with confidence from a bootstrap over pictures.

    Objects of one picture go together in the bootstrap, since they share light, scale and scene. Where a bucket's objects are all
    found or all lost (or AP50 is 1 or 0), drawing again says nothing; the open end then is that of an exact interval with pictures
    as trials.

    Attributes:
        chosen: what was counted; its `detector` is the one that is meant.
        name: of the detector.
        level: share of resamples between the two ends, as 0.95.
        sizes: (from, below) net px of each bucket; the last is open (inf).
        objects: in each bucket (B,).
        found: of these (B,).
        pictures: with objects in the bucket (B,).
        recall: found / objects (B,); NaN where there is no object.
        recall_ends: lower and upper end (B, 2); NaN as above.
        ap50: at an overlap of 0.5 (B,), by the rules of COCO's size ranges with net px instead of picture px; NaN where there is no
            object. None when it was not asked for.
        ap50_ends: lower and upper end (B, 2); None as above.
    """

    chosen: Filter
    name: str
    level: float
    sizes: tuple[tuple[float, float], ...]
    objects: Ints
    found: Ints
    pictures: Ints
    recall: Floats
    recall_ends: Floats
    ap50: Floats | None = None
    ap50_ends: Floats | None = None

    def picked(self, bucket: int, outcomes: tuple[str, ...] = ()) -> Filter:
        """The choice behind a point of the curve.

        Args:
            bucket: its place in `sizes`.
            outcomes: those that are meant, as `filters.LOST`; all that are counted when empty.
        """
        low, high = self.sizes[bucket]
        sides = (low or None, None if np.isinf(high) else high)
        return replace(self.chosen, sides=sides, outcomes=outcomes or counted(self.chosen), counted=True)


@dataclass(frozen=True)
class ClassMetrics:
    """COCO's numbers of one class, 0..1; None where there is no object to be found. Titles are in `COCO_TITLES`.

    Attributes:
        name: of the class, as the detector calls it.
        label: the detector's.
        objects: to be found.
        ap: over overlaps 0.50 to 0.95.
        ap50: at an overlap of 0.50.
        ap75: at an overlap of 0.75.
        ap_small: of objects up to 32² picture px.
        ap_medium: from 32² to 96².
        ap_large: from 96².
        ar100: recall with the 100 best detections of each picture.
    """

    name: str
    label: int
    objects: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar100: float | None


@dataclass(frozen=True)
class CocoMetrics:
    """COCO's twelve numbers as pycocotools computes them, 0..1; None where there is no object to be found (the library's −1).

    Counted are the pictures that are annotated and that the detector ran on. Difficult objects count like crowd regions, neither
    for nor against; broken boxes and classes that the detector has no label for are left out.

    Attributes:
        detector: by its place in the scan.
        name: of the detector.
        pictures: that were counted.
        objects: to be found in them.
        detections: in them.
        ap: over overlaps 0.50 to 0.95.
        ap50: at an overlap of 0.50.
        ap75: at an overlap of 0.75.
        ap_small: of objects up to 32² picture px, by their annotated area.
        ap_medium: from 32² to 96².
        ap_large: from 96².
        ar1: recall with the best detection of each picture and class.
        ar10: with the 10 best.
        ar100: with the 100 best.
        ar_small: with the 100 best, of objects up to 32² picture px.
        ar_medium: from 32² to 96².
        ar_large: from 96².
        classes: that have objects, by the detector's label.
    """

    detector: int
    name: str
    pictures: int
    objects: int
    detections: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar1: float | None
    ar10: float | None
    ar100: float | None
    ar_small: float | None
    ar_medium: float | None
    ar_large: float | None
    classes: tuple[ClassMetrics, ...] = ()


@dataclass(frozen=True)
class TideErrors:
    """TIDE's error types: how many there are, and how much AP each costs (Bolya et al., ECCV 2020).

    Attributes:
        detector: by its place in the scan.
        name: of the detector.
        overlap: from which a detection counts for an object: that of the scan.
        background: overlap up to which a detection is about no object.
        ap: mean over classes with objects at that overlap, with the 100 best detections of each picture, 0..1.
        counts: of each error type, in the order of `TIDE_TITLES`.
        gains: what AP would gain if that type alone were put right, 0..1, never below 0; keys as in `counts`.
    """

    detector: int
    name: str
    overlap: float
    background: float
    ap: float
    counts: Mapping[str, int]
    gains: Mapping[str, float]
