"""What one detector finds and another loses, and whether that may be chance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.geometry import frozen
from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.numbers.arrays import name_of
from fpn_viewer.engine.scan.numbers.choices import in_order, state_of
from fpn_viewer.engine.scan.numbers.fates import fates
from fpn_viewer.engine.scan.numbers.values import Flows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.engine.scan.numbers.fates import Fates
    from fpn_viewer.engine.scan.reading import Scan

    Ints = NDArray[np.int64]

_ALL = Filter()
#: objects that only one of two detectors finds from which McNemar's test is taken from the chi-squared distribution
FEW = 25


def flows(scan: Scan, a: int, b: int, chosen: Filter = _ALL) -> Flows:
    """Counts objects by what became of them in two detectors.

    Args:
        scan: to count in.
        a: the one detector, by its place in the scan.
        b: the other.
        chosen: which objects; what it says of outcomes, killers and sizes is said of `a`, whatever its `detector`.

    Raises:
        ScanError: the file cannot be read.
    """
    chosen = replace(chosen, detector=a)
    here, there = fates(scan, chosen), fates(scan, Filter(detector=b))
    _, at_a, at_b = np.intersect1d(here.keys, there.keys, assume_unique=True, return_indices=True)
    here, there = here.kept(at_a), there.kept(at_b)
    states = _states(here), _states(there)
    counts = np.zeros((len(states[0]), len(states[1])), np.int64)
    for kind, row in zip(here.kinds, _pairs(here, there), strict=True):
        for other, count in zip(there.kinds, row.tolist(), strict=True):
            if count:
                counts[states[0].index(state_of(*kind)), states[1].index(state_of(*other))] += count
    p_value, test = mcnemar(int(counts[-1, :-1].sum()), int(counts[:-1, -1].sum()))
    return Flows(chosen, a, b, (name_of(scan, a), name_of(scan, b)), *states, frozen(counts), p_value, test)


def _states(found: Fates) -> tuple[str, ...]:
    return in_order(state_of(*found.kinds[place]) for place in np.unique(found.fate).tolist())


def _pairs(here: Fates, there: Fates) -> Ints:
    """How many of the same objects have each pair of kinds."""
    width = len(there.kinds)
    flat = np.bincount(here.fate.astype(np.int64) * width + there.fate, minlength=len(here.kinds) * width)
    return flat.reshape(len(here.kinds), width)


def mcnemar(only_a: int, only_b: int) -> tuple[float, str]:
    """How likely chance alone splits objects that only one of two detectors finds at least as unevenly; two-sided.

    Args:
        only_a: objects that only the one finds.
        only_b: objects that only the other finds.

    Returns:
        The p-value, and "exact" (binomial, below `FEW` objects) or "chi-squared" (one degree of freedom, continuity corrected).
    """
    number = only_a + only_b
    if number < FEW:
        tail = sum(math.comb(number, k) for k in range(min(only_a, only_b) + 1)) / 2**number
        return min(1.0, 2 * tail), "exact"
    statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / number
    return math.erfc(math.sqrt(statistic / 2)), "chi-squared"
