"""Which cell of its source a term's cell comes from, for the operations that only move cells."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.necks.evaluate import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpn_viewer.core.necks.graph import Op


def origins(op: Op, cells: Sequence[int], source: int, target: int) -> list[int]:
    """Source cells along one axis.

    Args:
        op: of kind "identity", "nearest" or "subsample".
        cells: rows (or columns) of the term.
        source: rows (or columns) of the source.
        target: rows (or columns) of the term's map.

    Raises:
        KeyError: the operation mixes cells.
    """
    return _ORIGINS[op.kind](op, cells, source, target)


@lru_cache(maxsize=64)
def _nearest_table(source: int, target: int) -> tuple[int, ...]:
    # asked of torch itself: its float32 rounding of dst · in / out is part of what the model did
    numbered = torch.arange(source, dtype=torch.float32).view(1, source, 1)
    return tuple(int(v) for v in nearest(numbered, (target, 1)).flatten().tolist())


def _nearest(_: Op, cells: Sequence[int], source: int, target: int) -> list[int]:
    table = _nearest_table(source, target)
    return [table[cell] for cell in cells]


_ORIGINS: dict[str, Callable[[Op, Sequence[int], int, int], list[int]]] = {
    "identity": lambda _, cells, __, ___: list(cells),
    "nearest": _nearest,
    "subsample": lambda op, cells, _, __: [cell * op.factor for cell in cells],
}
