"""TIDE's error types (Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020).

Each false positive is given the first type that fits, in this order: Loc, Cls, Dupe, Bkg, Both. An object that is not found is Miss
unless a Loc or Cls error lies on it, since putting that right finds it. What a type costs is the AP that would be gained if it
alone were put right: of the Loc and Cls errors on an object that is not found the best-scored becomes a match, all others go, as do
Dupe, Bkg and Both errors; missed objects are no longer asked for.

Unlike in the authors' program, AP is the mean over the classes that have objects, as COCO's is, and detections that lie on crowd
regions are no errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.matching import ABOUT
from fpn_viewer.engine.scan.numbers.arrays import name_of
from fpn_viewer.engine.scan.numbers.boxes import boxes
from fpn_viewer.engine.scan.numbers.curves import average_precision
from fpn_viewer.engine.scan.numbers.nearest import nearest
from fpn_viewer.engine.scan.numbers.values import TideErrors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.numbers.boxes import Boxes
    from fpn_viewer.engine.scan.numbers.nearest import Nearest
    from fpn_viewer.engine.scan.reading import Scan

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

#: detections of each picture, over all classes
MOST = 100
#: types of false positives
_TYPES = ("Cls", "Loc", "Both", "Dupe", "Bkg")


@dataclass(frozen=True)
class Verdicts:
    """What is wrong with the detections of a scan, and which objects are missed.

    Attributes:
        label: of each detection that counts, for or against, by falling score (D,).
        right: it counts for an object (D,).
        type: of each false positive, "" for the others (D,).
        target: object whose label it would have if it were put right, or -1 where putting it right means that it goes (D,).
        object_label: of each object (G,).
        used: a detection counts for it (G,).
        missed: neither used nor on it a Loc or Cls error (G,).
    """

    label: Ints
    right: Flags
    type: NDArray[np.object_]
    target: Ints
    object_label: Ints
    used: Flags
    missed: Flags

    @cached_property
    def counts(self) -> dict[str, int]:
        """Errors of each type."""
        return {name: int((self.type == name).sum()) for name in _TYPES} | {"Miss": int(self.missed.sum())}

    def ap(self, fixed: str = "") -> float:
        """AP when one type of errors is put right, 0..1; as it is by default.

        Args:
            fixed: one of `values.TIDE_TITLES`, or "".
        """
        wrong = ~self.right
        if fixed == "FalsePos":
            return self._mean(self.label[self.right], self.right[self.right], self.object_label)
        if fixed in ("Miss", "FalseNeg"):
            gone = self.missed if fixed == "Miss" else ~self.used
            return self._mean(self.label, self.right, self.object_label[~gone])
        hit = wrong & (self.type == fixed) if fixed else np.zeros_like(wrong)
        turned = hit & (self.target >= 0)
        label = np.where(turned, np.append(self.object_label, 0)[self.target], self.label)
        kept = ~hit | turned
        return self._mean(label[kept], (self.right | turned)[kept], self.object_label)

    def _mean(self, label: Ints, right: Flags, objects: Ints) -> float:
        """Mean of the classes that have objects; 1 where nothing is left to be found."""
        names, numbers = np.unique(objects, return_counts=True)
        values = []
        for name, number in zip(names.tolist(), numbers.tolist(), strict=True):
            hits = right[label == name]
            values.append(float(average_precision(np.ones((1, len(hits))), hits, np.array([float(number)]))[0]))
        return float(np.mean(values)) if values else 1.0


def tide(scan: Scan, detector: int = 0, watcher: Reading | None = None) -> TideErrors:
    """Counts a detector's errors by type, and says what each type costs.

    Args:
        scan: to count in; its matching is used, so that a detection counts from the overlap on that the scan was made with.
        detector: by its place in the scan.
        watcher: may stop it.

    Raises:
        ScanError: the file cannot be read.
    """
    overlap = float(scan.about["iou"])
    found = verdicts(boxes(scan, detector), overlap, watcher)
    name = name_of(scan, detector)
    if not len(found.object_label):
        return TideErrors(detector, name, overlap, ABOUT, 0.0, found.counts, dict.fromkeys((*found.counts, *_SPECIAL), 0.0))
    now = found.ap()
    gains = {key: max(0.0, found.ap(key) - now) for key in (*found.counts, *_SPECIAL)}
    return TideErrors(detector, name, overlap, ABOUT, now, found.counts, gains)


_SPECIAL = ("FalsePos", "FalseNeg")


def verdicts(found: Boxes, overlap: float, watcher: Reading | None = None) -> Verdicts:
    """Gives every false positive its type.

    Args:
        found: objects and detections, matched.
        overlap: that they were matched with.
        watcher: may stop it.
    """
    truths, all_found = found.truths, found.found
    kept = _best(all_found.picture, all_found.score)
    kept = kept[all_found.kind[kept] != "ignored"]
    kept = kept[np.argsort(-all_found.score[kept], kind="stable")]
    objects = np.flatnonzero(~truths.ignored)
    matched = _places(truths.picture[objects], truths.number[objects], all_found.picture[kept], all_found.object[kept])
    used = np.zeros(len(objects), np.bool_)
    used[matched[matched >= 0]] = True
    right = matched >= 0
    wrong = np.flatnonzero(~right)
    near = nearest(found, kept[wrong], objects, used, watcher)
    kinds, target = np.full(len(kept), "", np.object_), np.full(len(kept), -1)
    kinds[wrong] = _types(near, overlap)
    of_type = [(kinds[wrong] == name) for name in ("Loc", "Cls")]
    aimed = np.select(of_type, [near.same_at, near.other_at], -1)
    target[wrong], reached = _turned(aimed, used)
    return Verdicts(all_found.label[kept], right, kinds, target, truths.label[objects], used, ~used & ~reached)


def _best(picture: Ints, score: Floats) -> Ints:
    """Places of the best detections of each picture, `MOST` at most."""
    order = np.lexsort((-score, picture))
    ordered = picture[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    out: Ints = np.sort(order[rank < MOST])
    return out


def _places(picture: Ints, number: Ints, of_picture: Ints, of_number: Ints) -> Ints:
    """Where (picture, number) of each detection's object stands among the objects, which are in order; -1 for none."""
    if not len(picture):
        return np.full(len(of_picture), -1)
    width = int(max(number.max(), of_number.max(initial=0))) + 1
    keys, wanted = picture * width + number, of_picture * width + of_number
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where((of_number >= 0) & (keys[place] == wanted), place, -1)


def _types(near: Nearest, overlap: float) -> NDArray[np.object_]:
    """The type of each false positive: the first that fits."""
    rules = (
        ("Loc", (near.same >= ABOUT) & (near.same <= overlap)),
        ("Cls", near.other >= overlap),
        ("Dupe", near.used >= overlap),
        ("Bkg", np.maximum(near.same, near.other) <= ABOUT),
    )
    out = np.full(len(near.same), "Both", np.object_)
    for name, fits in reversed(rules):
        out[fits] = name
    return out


def _turned(aimed: Ints, used: Flags) -> tuple[Ints, Flags]:
    """Of the errors that aim at each object that is not found the best-scored one; the others and those at found ones go.

    Args:
        aimed: object of each error by falling score, or -1.
        used: objects that are found.

    Returns:
        The object that each error becomes a match of, or -1; and which objects are aimed at.
    """
    reached = np.zeros(len(used), np.bool_)
    reached[aimed[aimed >= 0]] = True
    open_at = np.flatnonzero((aimed >= 0) & ~np.append(used, True)[aimed])
    objects, first = np.unique(aimed[open_at], return_index=True)
    out = np.full(len(aimed), -1)
    out[open_at[first]] = objects
    return out, reached & ~used
