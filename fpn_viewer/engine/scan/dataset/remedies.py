"""Remedies for a data set: each single change is tried on a sample of pictures, and its gains and costs are counted.

A picture is run once; a change is then computed again from the first part that it touches. Objects and detections are matched as in
the scan, so that "found" means the same.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.errors import QuestionError, SettingError, UserError
from fpn_viewer.core.geometry import net_size
from fpn_viewer.core.numbers import percent
from fpn_viewer.core.resources import checkpoint_file
from fpn_viewer.engine.scan import fingerprints
from fpn_viewer.engine.scan.dataset.changes import changes_for
from fpn_viewer.engine.scan.dataset.sample import draw, labels_of, truth_of
from fpn_viewer.engine.scan.dataset.values import DataRemedies, DataRemedy
from fpn_viewer.engine.scan.examine import read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.scan.dataset.sample import Chosen, Sample
    from fpn_viewer.engine.scan.dataset.values import DataChange
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.reading import Scan

#: pictures of the sample, and kinds of change, unless somebody says otherwise
PICTURES, USUAL = 32, ("selection", "input")
#: an input is not made larger than this, net px²
_AFFORDABLE = 4_000_000
#: kinds of detection that count against a detector
_WRONG = ("duplicate", "wrong class", "badly placed", "background")
#: normal quantile of 95 %
_Z = 1.959964
#: a change that gains this share of what the best one does may be told of as the cheaper one
_COMPARABLE = 0.3


def data_remedies(
    scan: Scan,
    detectors: Sequence[Detector],
    chosen: Filter,
    *,
    kinds: Sequence[str] = USUAL,
    pictures: int = PICTURES,
    seed: int = 0,
    watcher: Watcher | None = None,
    told: Callable[[DataRemedies], None] | None = None,
) -> DataRemedies:
    """Which single change brings back how many of the misses that a filter leaves, and what it costs.

    Args:
        scan: finished or running.
        detectors: opened ones; the filter's detector is looked for among them by its weights and settings.
        chosen: which objects, of which detector.
        kinds: what to try, of `KINDS`.
        pictures: of the sample, at most.
        seed: of its drawing.
        watcher: told of progress between the tries, and may stop.
        told: called after each picture with what is known so far.

    Raises:
        QuestionError: no such detector is open, or the filter leaves no lost object.
        ScanError: the file cannot be read.
    """
    detector = detector_of(scan, chosen.detector, detectors)
    work = _Work(scan, detector, draw(scan, chosen, pictures, seed), labels_of(scan, chosen.detector), kinds)
    if told is not None:
        told(work.so_far())
    for turn, one in enumerate(work.sample.chosen):
        work.go_through(one, None if watcher is None else _Part(watcher, turn, len(work.sample.chosen)))
        if told is not None:
            told(work.so_far())
    return work.so_far()


def detector_of(scan: Scan, number: int, detectors: Sequence[Detector]) -> Detector:
    """The opened detector that a scan was made with.

    Raises:
        QuestionError: none of them is, or the scan has no such detector.
    """
    found = scan.rows("SELECT name, fingerprint FROM detectors WHERE detector = ?", (number,))
    if not found:
        raise QuestionError(f"{scan.path} has no detector {number + 1}; it has {', '.join(scan.detectors)}.")
    name, fingerprint = found[0]
    same = next((one for one in detectors if fingerprints.of_detector(one) == fingerprint), None)
    if same is None:
        raise QuestionError(
            f"The scan's {name} is not open with the weights and settings of the scan; open it as it was scanned, then ask again."
        )
    return same


def reopened(scan: Scan, number: int, source: str = "", **options: Any) -> Detector | None:
    """The detector that a scan was made with, opened anew with the settings that it had.

    Args:
        scan: finished or running.
        number: of the detector.
        source: its file or name; when "" what the scan says that it was opened from, or the program's own of its name.
        options: of `open_detector`, before the settings.

    Returns:
        The detector; None where it is not known where it is, or it is another one by now.

    Raises:
        QuestionError: the scan has no such detector.
        UserError: it is there and cannot be opened.
    """
    from fpn_viewer.core.detectors.detector import open_detector
    from fpn_viewer.engine.scan.dataset.coverage import spec_of

    spec = spec_of(scan, number)
    place, said = (source, _as_scanned(spec)) if source else _origin(scan, number, spec)
    if not place:
        return None
    try:
        detector = open_detector(place, **{**options, **said})
    except SettingError:
        # what was said of the scanned detector does not fit this one
        return None
    return detector if fingerprints.of_detector(detector) == scan.fingerprints[number] else None


def _origin(scan: Scan, number: int, spec: DetectorSpec) -> tuple[str, dict[str, Any]]:
    """Where a detector of a scan is, "" when that is not known, and what was said of it; code of others is imported by nobody."""
    origin = scan.origins[number]
    if origin.kind in ("bundled", "builder") or (origin.kind == "checkpoint" and os.path.isfile(origin.name)):
        return origin.name, dict(origin.options)
    return (spec.name if not origin.kind and checkpoint_file(spec.name) else ""), _as_scanned(spec)


def _as_scanned(spec: DetectorSpec) -> dict[str, Any]:
    """All that can be said of a detector when it is opened."""
    said = {name: getattr(spec.settings, name) for name in spec.kind.settings}
    return said | {**asdict(spec.conventions), "class_names": spec.class_names, "name": spec.name}


class _Part:
    """The watcher of one picture among many: progress goes on where the picture before ended."""

    def __init__(self, watcher: Watcher, turn: int, count: int) -> None:
        self.check, self.pause = watcher.check, watcher.pause
        self._watcher, self._turn, self._count = watcher, turn, count

    def report(self, stage: str, fraction: float) -> None:
        """Tells on what is tried on which picture."""
        self._watcher.report(f"picture {self._turn + 1} of {self._count}: {stage}", (self._turn + fraction) / self._count)


@dataclass
class _Tally:
    """What a change did so far; the pairs are (pictures with filtered misses, without)."""

    tried: int = 0
    brought: int = 0
    others: int = 0
    lost: int = 0
    done: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    wrong: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    background: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    problem: str = ""


@dataclass(frozen=True)
class _Seen:
    """A picture's objects and detections, counted.

    Attributes:
        found: (G,) objects that a detection counts for.
        wrong: detections that count for no object.
        background: of these, on nothing that is annotated.
    """

    found: NDArray[np.bool_]
    wrong: int
    background: int


class _Work:
    """Goes through the pictures of a sample.

    Attributes:
        sample: the pictures.
    """

    def __init__(
        self, scan: Scan, detector: Detector, sample: Sample, labels: Mapping[str, int | None], kinds: Sequence[str]
    ) -> None:
        self.sample = sample
        self._scan, self._detector, self._labels = scan, detector, labels
        self._iou = float(scan.about["iou"])
        self._tallies = [(change, _Tally()) for change in changes_for(detector, kinds)]
        # without any change
        self._base = _Tally()
        self._problems: list[str] = []
        self._gone = [0, 0]

    def go_through(self, one: Chosen, watcher: Watcher | None) -> None:
        """Tries every change on one picture; a picture that cannot be run is told of and left out."""
        stratum = int(not one.missed)
        self._gone[stratum] += 1
        read = read_picture(one.number, one.path)
        if read.picture is None or read.picture.digest != one.digest:
            changed = f"{one.path} has changed since it was scanned, and is left out; scan again to have it in."
            self._problems.append(read.problem or changed)
            return
        try:
            self._try_all(one, stratum, read.picture, watcher)
        except UserError as error:
            self._problems.append(str(error))

    def _try_all(self, one: Chosen, stratum: int, picture: Picture, watcher: Watcher | None) -> None:
        from fpn_viewer.core.analysis.what_if import stopping

        truth = truth_of(self._scan, one.number)
        trace = self._detector.trace(picture, watcher=stopping(watcher))
        before = self._look(trace, truth)
        wanted = np.isin(np.arange(len(truth)), list(one.missed)) & ~before.found
        _count(self._base, stratum, before.wrong, before.background)
        self._base.tried += int(wanted.sum())
        for turn, (change, tally) in enumerate(self._tallies):
            if watcher is not None:
                watcher.pause()
                watcher.report(f"{change.name} {change.after}", turn / len(self._tallies))
            if not self._fits(change, picture):
                tally.problem = "Some pictures would be too large for it, and were left out."
                continue
            try:
                after = self._look(_changed(trace, change, watcher), truth)
            except UserError as error:
                tally.problem = str(error)
                continue
            _count(tally, stratum, after.wrong - before.wrong, after.background - before.background)
            tally.tried += int(wanted.sum())
            tally.brought += int((wanted & after.found).sum())
            tally.others += int((~wanted & ~before.found & after.found).sum())
            tally.lost += int((before.found & ~after.found).sum())

    def _fits(self, change: DataChange, picture: Picture) -> bool:
        if change.kind != "input":
            return True
        settings = self._detector.spec.settings_with(change.settings)
        rounding = self._detector.spec.conventions.size_rounding
        height, width = net_size(picture.size, settings.min_size, settings.max_size, rounding)
        return height * width <= _AFFORDABLE

    def _look(self, trace: Trace, truth: GroundTruth) -> _Seen:
        found = trace.detections
        wanted = [self._labels.get(name) for name in truth.names]
        matching = match(truth, wanted, found.boxes_img, found.scores, found.labels, iou=self._iou)
        wrong = sum(kind in _WRONG for kind in matching.kinds)
        return _Seen(
            np.array([outcome == "found" for outcome in matching.outcomes], np.bool_), wrong, matching.kinds.count("background")
        )

    def so_far(self) -> DataRemedies:
        """What is known after the pictures that were gone through."""
        rows = [self._row(change, tally) for change, tally in self._tallies]
        rows.sort(key=lambda row: (-row.net, -row.brought, row.wrong))
        out = DataRemedies(
            detector=self._detector.spec.name,
            misses=self.sample.misses,
            pictures=self.sample.pictures,
            sample=self.sample.counts,
            done=(self._gone[0], self._gone[1]),
            tried=self._base.tried,
            wrong=self._a_picture(self._base, self._base.wrong),
            rows=tuple(rows),
            problems=tuple(self._problems),
        )
        return replace(out, sentence=_sentence(out))

    def _row(self, change: DataChange, tally: _Tally) -> DataRemedy:
        return DataRemedy(
            change=change,
            tried=tally.tried,
            brought=tally.brought,
            interval=wilson(tally.brought, tally.tried),
            others=tally.others,
            lost=tally.lost,
            wrong=self._a_picture(tally, tally.wrong),
            background=self._a_picture(tally, tally.background),
            problem=tally.problem,
        )

    def _a_picture(self, tally: _Tally, counts: NDArray[np.int64]) -> float:
        """Of a picture of the data set: the means of both parts of the sample, weighted by how many pictures each stands for."""
        weights = np.where(tally.done > 0, np.array(self.sample.pictures), 0)
        if not weights.any():
            return 0.0
        return float((counts / np.maximum(tally.done, 1) * weights).sum() / weights.sum())


def _count(tally: _Tally, stratum: int, wrong: int, background: int) -> None:
    tally.done[stratum] += 1
    tally.wrong[stratum] += wrong
    tally.background[stratum] += background


def _changed(trace: Trace, change: DataChange, watcher: Watcher | None) -> Trace:
    from fpn_viewer.core.analysis.what_if import stopping, what_if

    return what_if(trace, gains=change.gains, settings=change.settings, watcher=stopping(watcher))


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score; (0, 1) of nothing."""
    if not count:
        return 0.0, 1.0
    share, z = hits / count, _Z**2 / count
    middle, half = (share + z / 2) / (1 + z), _Z * sqrt(share * (1 - share) / count + z / 4 / count) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


# -- words --------------------------------------------------------------------------------------------------------------


def _sentence(found: DataRemedies) -> str:
    if not found.tried:
        return "No filtered miss was in the pictures gone through so far."
    helping = [row for row in found.rows if row.brought]
    if not helping:
        return f"No single change brings back any of the misses that were tried ({found.tried:,}): they need training."
    gaining = [row for row in helping if row.net > 0]
    if not gaining:
        return f"Every change that brings misses back loses as many objects or more, as {_words(helping[0])}."
    best = max(gaining, key=lambda row: row.net)
    cheap = min((row for row in gaining if row.net >= _COMPARABLE * best.net), key=lambda row: row.wrong / row.net)
    said = [f"Most is gained by {_words(best)}"]
    if cheap is not best:
        said.append(f"the cheapest is {_words(cheap)}")
    return "; ".join(said) + "."


def _words(row: DataRemedy) -> str:
    change = row.change
    cost = f"{row.wrong:+.1f}".replace("-", "−")
    others = f", {row.others:,} others are found" if row.others else ""
    lost = f", {row.lost:,} lost" if row.lost else ""
    return (
        f"{change.name} at {change.after} instead of {change.before}: {row.brought:,} of {row.tried:,} misses "
        f"({percent(row.share)}) come back{others}{lost}, for {cost} false positives a picture"
    )


def remedies_table(found: DataRemedies) -> list[tuple[str, ...]]:
    """A heading, and a row for each change."""
    table: list[tuple[str, ...]] = [("change", "now", "tried", "back", "of", "95 %", "others", "lost", "FP/picture", "on nothing")]
    for row in found.rows:
        low, high = (f"{100 * end:.0f}" for end in row.interval)
        counts = (str(row.brought), str(row.tried), f"{low}–{high}", str(row.others), str(row.lost))
        table.append((row.change.name, row.change.before, row.change.after, *counts, f"{row.wrong:+.2f}", f"{row.background:+.2f}"))
    return table
