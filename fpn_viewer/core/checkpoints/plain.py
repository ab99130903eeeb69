"""Whether a value that somebody wrote down is what it should be, before anything is made of it."""

from __future__ import annotations

import math
from typing import Any


def are_numbers(value: Any) -> bool:
    """Whether a value is a finite number, or a list of such, or of such lists; true and false are none."""
    if isinstance(value, (list, tuple)):
        return all(are_numbers(one) for one in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
