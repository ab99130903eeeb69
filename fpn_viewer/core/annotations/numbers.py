"""Numbers as annotation files hold them: as numbers, as text, or not at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    Numbers = tuple[float, float, float, float]

#: of an object without numbers
NO_BOX: Numbers = (math.nan, math.nan, math.nan, math.nan)


def number(value: Any) -> float:
    """A finite number, or NaN."""
    try:
        made = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return made if math.isfinite(made) else math.nan


def around(points: Iterable[tuple[float, float]]) -> Numbers:
    """The box around points, xyxy; NaN when there is none or one holds no numbers."""
    corners = list(points)
    if not corners or not all(math.isfinite(x) and math.isfinite(y) for x, y in corners):
        return NO_BOX
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
