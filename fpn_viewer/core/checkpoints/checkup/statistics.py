"""What the numbers of one tensor are like, read piece by piece so that no file is too large for the memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

#: numbers that are looked at together; small enough for a processor's cache, large enough that calls cost nothing
PIECE = 1 << 20
#: an output channel is dead when its weights are smaller than this share of the tensor's largest
NEGLIGIBLE = 1e-6
#: the fourth powers of larger numbers leave the range of float32
_SQUARABLE = 1e8


@dataclass(frozen=True, eq=False)
class Numbers:
    """Sums over one tensor; numbers that are NaN or infinite are counted and left out of them.

    Attributes:
        shape: of the tensor.
        dtype: "float32".
        finite: how many finite numbers it has.
        total: their sum.
        squares: sum of their squares.
        fourths: sum of their fourth powers.
        low: the smallest; 0 when there is none.
        high: the largest; 0 when there is none.
        nan: numbers that are NaN.
        infinite: numbers that are infinite.
        rows: (shape[0],) sum of squares of each output channel; of a vector, one row for all.
    """

    shape: tuple[int, ...]
    dtype: str
    finite: int
    total: float
    squares: float
    fourths: float
    low: float
    high: float
    nan: int
    infinite: int
    rows: Tensor = field(repr=False)

    @property
    def count(self) -> int:
        """Numbers in the tensor."""
        return math.prod(self.shape)

    @property
    def largest(self) -> float:
        """Largest magnitude."""
        return max(-self.low, self.high)

    @property
    def zero(self) -> bool:
        """Whether it holds numbers and every one of them is zero."""
        return self.count > 0 and self.count == self.finite and self.largest == 0

    def all_are(self, value: float, tolerance: float = 0.0) -> bool:
        """Whether every number is `value`, give or take a share of it."""
        slack = abs(value) * tolerance
        return self.finite == self.count > 0 and value - slack <= self.low and self.high <= value + slack

    @property
    def fan_in(self) -> int:
        """Numbers that one output is a sum over."""
        return math.prod(self.shape[1:])

    @property
    def fan_out(self) -> int:
        """Outputs that one input goes into."""
        return self.shape[0] * math.prod(self.shape[2:])

    def dead_rows(self) -> tuple[int, ...]:
        """Output channels whose weights are all zero, or next to nothing beside the others."""
        if len(self.shape) < 2 or not self.largest or self.finite != self.count:
            return ()
        limit = (NEGLIGIBLE * self.largest) ** 2 * self.fan_in
        return tuple(int(row) for row in torch.nonzero(self.rows <= limit).flatten())


def measure(tensor: Tensor, between: Callable[[int], None] = lambda done: None) -> Numbers:
    """Sums over a tensor.

    Args:
        tensor: of any shape and number type, possibly still on disk.
        between: told after every piece how many numbers it had; may raise to stop.
    """
    values = _plain(tensor)
    sums = _Sums(values.shape[0] if values.dim() > 1 else 1)
    for row, piece in pieces(values):
        sums.add(row, piece)
        between(piece.numel())
    found = sums.low <= sums.high
    return Numbers(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        finite=values.numel() - sums.nan - sums.infinite,
        total=sums.total,
        squares=float(sums.rows.sum()),
        fourths=sums.fourths,
        low=sums.low if found else 0.0,
        high=sums.high if found else 0.0,
        nan=sums.nan,
        infinite=sums.infinite,
        rows=sums.rows,
    )


def _plain(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def pieces(tensor: Tensor) -> Iterator[tuple[int, Tensor]]:
    """A tensor as (first row, (rows, numbers) of at least float32) pieces; a vector is one row."""
    rows = tensor if tensor.dim() > 1 else tensor.reshape(1, -1)
    if not rows.numel():
        return
    wide = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    length = rows.numel() // rows.shape[0]
    step = max(1, PIECE // length)
    for first in range(0, rows.shape[0], step):
        several = rows[first : first + step].reshape(-1, length)
        for piece in several.split(PIECE, dim=1):
            yield first, piece.to(wide)


class _Sums:
    """Sums that grow piece by piece."""

    def __init__(self, rows: int) -> None:
        self.rows = torch.zeros(rows, dtype=torch.float64)
        self.total = self.fourths = 0.0
        self.low, self.high = math.inf, -math.inf
        self.nan = self.infinite = 0

    def add(self, row: int, piece: Tensor) -> None:
        low, high = (float(end) for end in piece.aminmax())
        if not (math.isfinite(low) and math.isfinite(high)):
            piece, low, high = self._without_holes(piece)
        if max(-low, high) > _SQUARABLE:
            piece = piece.double()
        squares = piece.square()
        self.rows[row : row + len(piece)] += squares.sum(1)
        self.total += float(piece.sum())
        self.fourths += float(squares.square_().sum())
        self.low, self.high = min(self.low, low), max(self.high, high)

    def _without_holes(self, piece: Tensor) -> tuple[Tensor, float, float]:
        """The piece with zeros for what is no finite number, and the ends of the others."""
        good, nan = piece.isfinite(), int(piece.isnan().sum())
        self.nan += nan
        self.infinite += piece.numel() - int(good.sum()) - nan
        left = piece[good]
        low, high = (float(end) for end in left.aminmax()) if left.numel() else (math.inf, -math.inf)
        return piece.masked_fill(~good, 0.0), low, high


def difference(one: Tensor, other: Tensor, between: Callable[[int], None] = lambda done: None) -> tuple[float, float]:
    """Sum of squares of what two tensors of one shape differ by, and of the second."""
    apart = size = 0.0
    for (_, a), (_, b) in zip(pieces(_plain(one)), pieces(_plain(other)), strict=True):
        apart += float((a - b).square_().sum())
        size += float(b.square().sum())
        between(a.numel())
    return apart, size
