"""What a report says in words: titles of stages and outcomes, sentences, numbers."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan.numbers.choices import FOUND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.scan.numbers.values import Funnel

#: titles of states, as the window writes them
STATES: dict[str, str] = {
    FOUND: "found",
    "resize": "Resize",
    "anchors": "Anchors",
    "rpn_regression": "RPN boxes",
    "rpn_top_k": "RPN top-k",
    "rpn_min_size": "RPN min size",
    "rpn_score": "RPN score",
    "rpn_nms": "RPN NMS",
    "rpn_cap": "RPN cap",
    "box_regression": "Box head",
    "class_score": "Class score",
    "top_k": "Top-k",
    "min_size": "Min size",
    "nms": "NMS",
    "cap": "Cap",
}
NONE = "–"


class Raw(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(text: str) -> str:
    """Text as HTML: what is no `Raw` is escaped."""
    return text if isinstance(text, Raw) else escape(text)


def state_name(state: str) -> str:
    """A state of a funnel as it is written."""
    return STATES.get(state, state)


def counted(number: int, noun: str) -> str:
    """A number of things: "1 object", "1,902 objects"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def glance(funnel: Funnel) -> str:
    """The first thing to know of a detector: how many objects it loses, where most of them, and how small these are."""
    if not funnel.total:
        return f"{funnel.name}: no annotated object that it is expected to find."
    if not funnel.lost:
        return f"{funnel.name} finds all {counted(funnel.total, 'object')}."
    worst = funnel.worst
    where = f"as {worst}" if worst in LOST else f"at {state_name(worst)}"
    number = int(funnel.by_state[funnel.states.index(worst)])
    share = f"most {where} ({number:,})" if number < funnel.lost else f"all {where}"
    return f"{funnel.name} loses {funnel.lost:,} of {counted(funnel.total, 'object')}, {share}{_small(funnel)}."


def _small(funnel: Funnel) -> str:
    """Below which size most of the lost objects are."""
    below = funnel.by_size[:-1].sum(0).cumsum()
    for (_, high), number in zip(funnel.sizes, below.tolist(), strict=True):
        if number >= funnel.lost / 2 and not math.isinf(high):
            return f"; {percent(number / funnel.lost)} of them are under {high:.4g} net px"
    return ""


def metric(value: float | None) -> str:
    """A metric of 0..1 with three decimals, a dash where there is none."""
    return NONE if value is None or math.isnan(value) else f"{value:.3f}"


def difference(values: Sequence[float | None]) -> str:
    """The second of two metrics minus the first, with its sign."""
    first, second = values
    if first is None or second is None:
        return NONE
    return f"{second - first:+.3f}".replace("-", "−")


def share(value: float, ends: Sequence[float]) -> str:
    """A share with its confidence interval: "0.612 (0.571–0.655)"."""
    return NONE if math.isnan(value) else f"{value:.3f} ({ends[0]:.3f}–{ends[1]:.3f})"


def size(width: float, height: float) -> str:
    """Width × height with three digits each."""
    return f"{significant(width)} × {significant(height)}"
