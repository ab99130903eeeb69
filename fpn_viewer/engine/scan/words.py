"""What a scan says in words, in the window, in reports and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan.numbers.values import bucket_name

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.numbers.values import Funnel

#: share of the lost objects that the sentence names a size for, at least
_MOST = 0.5
PX = "net px"


def state_name(state: str) -> str:
    """A state of a funnel as it is written: a stage's title, or an outcome."""
    return stage_title(state)


def counted(count: int, noun: str = "object") -> str:
    """A number of things: "1 object", "1,902 objects"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def share(part: float, whole: float) -> str:
    """A part of a whole as per cent; "–" of nothing, and 100 % only of all."""
    if not whole:
        return "–"
    return ">99 %" if part < whole and round(100 * part / whole) == 100 else percent(part / whole)


def glance(funnel: Funnel) -> str:
    """The first thing to know of a scan: how many objects are lost, where most of them, and how small these are."""
    if not funnel.total:
        return f"{funnel.name}: there is no annotated object that it is expected to find."
    if not funnel.lost:
        return f"{funnel.name} finds all {counted(funnel.total)}."
    worst = int(funnel.by_state[funnel.states.index(funnel.worst)])
    most = "most" if 2 * worst > funnel.lost else "most often"
    where = f"all {at(funnel.worst)}" if worst == funnel.lost else f"{most} {at(funnel.worst)} ({worst:,})"
    small = small_words(funnel)
    return f"{funnel.name} loses {funnel.lost:,} of {counted(funnel.total)}, {where}{f'; {small}' if small else ''}."


def at(state: str) -> str:
    """Where objects are lost: "at RPN top-k", or, where no stage is to blame, "as taken"."""
    return f"as {state_name(state)}" if state in LOST else f"at {state_name(state)}"


def small_words(funnel: Funnel) -> str:
    """The size below which most of the lost objects are: "61 % of them are under 16 net px"; "" where they are mostly large."""
    lost = funnel.by_size[:-1].sum(0)
    below = lost.cumsum()
    for place, (_, high) in enumerate(funnel.sizes):
        if not np.isinf(high) and below[place] >= _MOST * funnel.lost:
            return f"{percent(below[place] / funnel.lost)} of them are under {significant(high, 2).removesuffix('.0')} {PX}"
    return ""


def size_name(low: float, high: float) -> str:
    """A size bucket with its unit: "8–16 net px"."""
    return f"{bucket_name(low, high)} {PX}"
