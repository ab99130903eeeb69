"""What is said about a data set and a detector, as frozen values that the command line, the window and the report share."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.assignment import Rules

#: kinds of change that are tried, cheap ones first, to what they are
KINDS: dict[str, str] = {
    "selection": "limits of the selection: scores, NMS, lists that are cut",
    "gains": "how much of each term goes into a level of the pyramid",
    "input": "the size that pictures are brought to",
}


@dataclass(frozen=True)
class AnchorSet:
    """Anchors as torchvision's generator takes them.

    Attributes:
        sizes: per level, fine to coarse, net px.
        ratios: height / width, the same on every level.
    """

    sizes: tuple[tuple[float, ...], ...]
    ratios: tuple[float, ...]

    @property
    def options(self) -> dict[str, object]:
        """As options of a detector, by name."""
        return {"anchor_sizes": self.sizes, "aspect_ratios": self.ratios}

    @property
    def text(self) -> str:
        """As arguments of the command line."""
        return " ".join(f"--set {name}={json.dumps(value, separators=(',', ':'))}" for name, value in self.options.items())

    @property
    def code(self) -> str:
        """As Python for a training script."""
        return f"AnchorGenerator({self.sizes!r}, ({self.ratios!r},) * {len(self.sizes)})"

    def __str__(self) -> str:
        sizes = " · ".join("/".join(f"{size:g}" for size in row) for row in self.sizes)
        return f"{sizes} px, ratios {', '.join(f'{ratio:g}' for ratio in self.ratios)}"


@dataclass(frozen=True)
class SizeBin:
    """Objects of one size.

    Attributes:
        low: side from which it goes, net px (root of the area).
        high: side below which it goes.
        objects: how many.
        reached: of these, how many an anchor overlaps enough to be foreground.
        below: of these, how many have no anchor above the background's limit.
        quantiles: 10 %, 50 % and 90 % of the best overlap; None without objects.
    """

    low: float
    high: float
    objects: int
    reached: int
    below: int
    quantiles: tuple[float, float, float] | None


@dataclass(frozen=True)
class Hole:
    """Sizes at which no anchor overlaps a square object enough, even where their centres are the same.

    Attributes:
        kind: "too small" (below the smallest anchors), "gap" (between two sizes), "too large" (above the largest).
        low: side, net px; 0 below the smallest anchors.
        high: side; infinite above the largest.
        worst: the lowest overlap in it, 0..1; 0 for an open end.
        objects: of the data set, by the root of their area.
        unreached: of these, those that no anchor overlaps enough.
    """

    kind: str
    low: float
    high: float
    worst: float
    objects: int
    unreached: int

    @property
    def span(self) -> str:
        """Its sizes: "39–53 px"."""
        if self.high == inf:
            return f"≥ {self.low:.0f} px"
        return f"{self.low:.0f}–{self.high:.0f} px" if self.low else f"< {self.high:.0f} px"


@dataclass(frozen=True, eq=False)
class Fit:
    """How a set of anchors fits the objects of a data set.

    Attributes:
        anchors: the set.
        reached: objects that some anchor overlaps enough to be foreground in training by itself.
        below: objects whose best anchor is background.
        misplaced: objects that an anchor would overlap enough if it lay on them; where they are, none lies near enough.
        mean: mean best overlap, 0..1.
        fitness: mean of the best overlap in shares of the foreground's limit, never more than 1.
        bins: objects by size; the same sizes for every set.
        cloud: (bins, steps) how many objects of each size have which best overlap, from 0 to 1.
        levels: for each level, how many objects have their best anchor there.
        classes: (class, objects, reached), most objects first.
        response: (3, S) sides, net px; the best overlap of a square of that side, its mean over places and at the best place.
        holes: in order of size.
    """

    anchors: AnchorSet
    reached: int
    below: int
    misplaced: int
    mean: float
    fitness: float
    bins: tuple[SizeBin, ...]
    cloud: NDArray[np.int64]
    levels: tuple[int, ...]
    classes: tuple[tuple[str, int, int], ...]
    response: NDArray[np.float64]
    holes: tuple[Hole, ...]

    @property
    def objects(self) -> int:
        """How many objects were looked at."""
        return sum(one.objects for one in self.bins)

    @property
    def unreached(self) -> int:
        """Objects that no anchor overlaps enough."""
        return self.objects - self.reached


@dataclass(frozen=True, eq=False)
class Coverage:
    """How the anchors of one detector fit the objects of a data set.

    Attributes:
        detector: its name.
        family: of the detector.
        levels: names, fine to coarse.
        rules: how training assigns anchors in this family.
        pictures: how many have objects that were looked at.
        padded: (H, W) net px that most pictures have; holes are worked out there.
        now: the detector's own anchors.
        sentence: what a person should know first.
        problems: a sentence for each picture that had to be left out.
    """

    detector: str
    family: str
    levels: tuple[str, ...]
    rules: Rules
    pictures: int
    padded: tuple[int, int]
    now: Fit
    sentence: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Proposal:
    """Anchors that would fit a data set better.

    Attributes:
        coverage: of the detector's own anchors.
        kmeans: from k-means over the objects' shapes, by overlap.
        evolved: the best of the present ones and those of k-means, changed by chance as long as that helped.
        tried: sets that were measured on the way.
        sampled: objects that they were measured on; the three that are given were measured on all.
        sentence: what a person should know first.
    """

    coverage: Coverage
    kmeans: Fit
    evolved: Fit
    tried: int
    sampled: int
    sentence: str

    @property
    def fits(self) -> tuple[tuple[str, Fit], ...]:
        """All three with their names."""
        return ("now", self.coverage.now), ("k-means", self.kmeans), ("evolved", self.evolved)


@dataclass(frozen=True)
class DataChange:
    """One change of one thing, for every picture.

    Attributes:
        kind: a key of `KINDS`.
        name: what is changed, as "box_score_thresh" or "top-down into M3".
        before: the value in force, as text.
        after: the new one.
        settings: settings that differ from the detector's own, by name.
        gains: factor on a term by (node, term).
    """

    kind: str
    name: str
    before: str
    after: str
    settings: Mapping[str, object] = field(default_factory=dict)
    gains: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        object.__setattr__(self, "gains", MappingProxyType(dict(self.gains)))

    @property
    def text(self) -> str:
        """As an argument of the command line; "" for what it cannot take."""
        return " ".join(f"--set {name}={json.dumps(value)}" for name, value in self.settings.items())


@dataclass(frozen=True)
class DataRemedy:
    """What one change does to the pictures of a sample.

    Attributes:
        change: what was tried.
        tried: filtered misses in the pictures that it was tried on.
        brought: of these, how many are found under it.
        interval: of the share brought back, 95 % (Wilson).
        others: objects outside the filter that are found under it and were not before.
        lost: objects that are found without it and not under it.
        wrong: more detections that count for no object, a picture of the data set (estimated from the sample); may be negative.
        background: of these, on nothing that is annotated.
        problem: why it could not be tried on some pictures, a sentence; "" when it could.
    """

    change: DataChange
    tried: int = 0
    brought: int = 0
    interval: tuple[float, float] = (0.0, 1.0)
    others: int = 0
    lost: int = 0
    wrong: float = 0.0
    background: float = 0.0
    problem: str = ""

    @property
    def share(self) -> float:
        """Share of the tried misses that are found under it, 0..1."""
        return self.brought / self.tried if self.tried else 0.0

    @property
    def net(self) -> int:
        """Objects that are found under it more than without it, filtered or not; may be negative."""
        return self.brought + self.others - self.lost


@dataclass(frozen=True)
class DataRemedies:
    """Single changes for a data set, each tried on a sample of its pictures.

    Attributes:
        detector: its name.
        misses: lost objects that the filter leaves, in the whole scan.
        pictures: (with such misses, without any) in the whole scan.
        sample: (with, without) that were chosen.
        done: (with, without) that were gone through.
        tried: filtered misses in those.
        wrong: detections that count for no object, a picture of the data set, without any change (estimated from the sample).
        rows: the largest net gain first; among equals the one with fewer false positives.
        problems: a sentence for each picture that had to be left out.
        sentence: what a person should know first.
    """

    detector: str
    misses: int
    pictures: tuple[int, int]
    sample: tuple[int, int]
    done: tuple[int, int]
    tried: int
    wrong: float
    rows: tuple[DataRemedy, ...]
    problems: tuple[str, ...] = ()
    sentence: str = ""

    @property
    def finished(self) -> bool:
        """Whether the whole sample was gone through."""
        return self.done == self.sample
