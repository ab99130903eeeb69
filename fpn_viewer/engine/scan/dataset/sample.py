"""Which pictures of a scan remedies are tried on, and the objects of each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.engine.scan.filters import FROM, LOST, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.reading import Scan

#: share of the pictures that hold filtered misses; the others show what a change costs where nothing is to be gained
_WITH = 0.75
_SEED = 0


@dataclass(frozen=True)
class Chosen:
    """One picture of the sample.

    Attributes:
        number: of the picture in the scan.
        path: of its file.
        digest: of its pixels when it was scanned.
        missed: numbers of its objects that are to be brought back.
    """

    number: int
    path: str
    digest: str
    missed: frozenset[int]


@dataclass(frozen=True)
class Sample:
    """Pictures of a scan, drawn by chance.

    Attributes:
        misses: lost objects that the filter leaves, in the whole scan.
        pictures: (with such misses, without any) in the whole scan; only annotated ones that the detector ran.
        chosen: in the order in which they are gone through; with and without misses mixed.
    """

    misses: int
    pictures: tuple[int, int]
    chosen: tuple[Chosen, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Pictures chosen (with misses, without)."""
        with_misses = sum(bool(one.missed) for one in self.chosen)
        return with_misses, len(self.chosen) - with_misses


def draw(scan: Scan, chosen: Filter, count: int, seed: int = _SEED) -> Sample:
    """A sample of pictures for the misses of a filter.

    Args:
        scan: finished or running.
        chosen: which objects, of which detector; those that were found are left aside.
        count: pictures at most.
        seed: of the drawing.

    Raises:
        QuestionError: the filter leaves no lost object.
        ScanError: the file cannot be read.
    """
    clause, values = where(chosen if not chosen.outcomes else replace(chosen, outcomes=_lost_of(chosen)))
    lost = ", ".join("?" * len(LOST))
    rows = scan.rows(
        f"SELECT fates.picture, fates.object FROM {FROM} WHERE {clause} AND fates.outcome IN ({lost})", (*values, *LOST)
    )
    if not rows:
        raise QuestionError("The filter leaves no lost object, so there is nothing to bring back; choose another one.")
    missed: dict[int, set[int]] = {}
    for picture, number in rows:
        missed.setdefault(picture, set()).add(number)
    usable: dict[int, tuple[str, str]] = {
        picture: (path, digest)
        for picture, path, digest in scan.rows(
            "SELECT pictures.picture, path, digest FROM pictures JOIN done USING (picture) JOIN runs USING (picture)"
            " WHERE annotated = 1 AND runs.detector = ? AND runs.problem = '' AND done.problem = ''",
            (chosen.detector,),
        )
    }
    with_misses, without = sorted(set(usable) & set(missed)), sorted(set(usable) - set(missed))
    picked = _picked(with_misses, without, count, np.random.default_rng(seed))
    sample = tuple(Chosen(number, *usable[number], frozenset(missed.get(number, ()))) for number in picked)
    return Sample(len(rows), (len(with_misses), len(without)), sample)


def _lost_of(chosen: Filter) -> tuple[str, ...]:
    kept = tuple(outcome for outcome in chosen.outcomes if outcome in LOST)
    if not kept:
        raise QuestionError(
            f"The filter leaves only objects that are {' or '.join(chosen.outcomes)}: nothing of that can be brought back; "
            "choose a filter with lost objects."
        )
    return kept


def _picked(with_misses: list[int], without: list[int], count: int, rng: np.random.Generator) -> list[int]:
    """Some of both, in mixed order; what one has too few of, the other gives."""
    of_without = min(len(without), max(ceil(count * (1 - _WITH)) if count > 1 else 0, count - len(with_misses)))
    of_with = min(len(with_misses), count - of_without)
    picked = [*rng.permutation(with_misses)[:of_with].tolist(), *rng.permutation(without)[:of_without].tolist()]
    order = rng.permutation(len(picked)).tolist()
    return [int(picked[row]) for row in order]


def labels_of(scan: Scan, detector: int) -> Mapping[str, int | None]:
    """The detector's label of each class of the annotations.

    Raises:
        QuestionError: the scan has no such detector.
    """
    found = scan.rows("SELECT labels FROM detectors WHERE detector = ?", (detector,))
    if not found:
        raise QuestionError(f"{scan.path} has no detector {detector + 1}; it has {', '.join(scan.detectors)}.")
    labels: dict[str, int | None] = json.loads(found[0][0])
    return labels


def truth_of(scan: Scan, picture: int) -> GroundTruth:
    """The objects of a picture as they were scanned."""
    rows: list[tuple[Any, ...]] = scan.rows(
        "SELECT x1, y1, x2, y2, class, area, crowd, ignored, flaw FROM objects WHERE picture = ? ORDER BY object", (picture,)
    )
    return GroundTruth(
        boxes_img=np.array([row[:4] for row in rows], np.float64).reshape(-1, 4),
        names=tuple(row[4] for row in rows),
        areas=np.array([row[5] for row in rows], np.float64),
        crowd=np.array([row[6] for row in rows], np.bool_),
        flaws=tuple(row[8] for row in rows),
        ignored=np.array([row[7] for row in rows], np.bool_),
    )
