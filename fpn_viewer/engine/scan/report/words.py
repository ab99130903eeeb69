"""How a report writes text and numbers."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = "–"


class Raw(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(text: str) -> str:
    """Text as HTML: what is no `Raw` is escaped."""
    return text if isinstance(text, Raw) else escape(text)


def metric(value: float | None) -> str:
    """A metric of 0..1 with three decimals, a dash where there is none."""
    return NONE if value is None or math.isnan(value) else f"{value:.3f}"


def difference(values: Sequence[float | None]) -> str:
    """The second of two metrics minus the first, with its sign."""
    first, second = values
    if first is None or second is None:
        return NONE
    return f"{second - first:+.3f}".replace("-", "−")


def interval(value: float, ends: Sequence[float]) -> str:
    """A share with its confidence interval: "0.612 (0.571–0.655)"."""
    return NONE if math.isnan(value) else f"{value:.3f} ({ends[0]:.3f}–{ends[1]:.3f})"


def size(width: float, height: float) -> str:
    """Width × height with three digits each."""
    return f"{significant(width)} × {significant(height)}"
