"""How much one map of the network differs between two runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.comparison.channels import by_correlation, by_index
from fpn_viewer.core.comparison.grids import grid_of, resampled
from fpn_viewer.core.comparison.sides import visible_map
from fpn_viewer.core.comparison.values import NodeDifference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from fpn_viewer.core.comparison.channels import Kinship, Partners
    from fpn_viewer.core.comparison.sides import Side

#: relative L2 above which two maps are not the same; what another order of summation or half precision changes is less
TOLERANCE = 1e-3
#: cells that channels' products are summed over for CKA
_CELLS = 8192
#: numbers that are worked on at once
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class _Pair:
    """One node of both sides at the same places.

    Attributes:
        a: (C_A, n) float32, finite.
        b: (C_B, n) float32, finite.
        broken: places at which one of them is not finite and the other is; they are left out, and so are those where both are not.
        resampled: B was brought to A's grid.
    """

    a: Tensor
    b: Tensor
    broken: int
    resampled: bool


def node_difference(a: Side, b: Side, node: str, kin: Kinship) -> NodeDifference:
    """What one node differs in.

    Args:
        a: the first side.
        b: the second; where its cells are others, their means over A's cells are taken.
        node: that both have.
        kin: whether their channels mean the same by number.

    Raises:
        KeyError: one has no such node.
    """
    with torch.inference_mode():
        pair = _pair(a, b, node)
        partners = by_index(len(pair.a)) if kin.holds(a, b, node) else by_correlation(pair.a, pair.b)
        cosine, relative, largest = _distances(pair, partners)
        cka = linear_cka(pair.a, pair.b)
    level_a, level_b = (side.level(side.graph[node].level) for side in (a, b))
    return NodeDifference(
        node=node,
        level=level_a.name,
        size_a=level_a.size,
        size_b=level_b.size,
        channels_a=len(pair.a),
        channels_b=len(pair.b),
        matched=partners.how,
        resampled=pair.resampled,
        cka=cka,
        cosine=cosine,
        relative_l2=relative,
        largest=largest,
    )


def partners_of(a: Side, b: Side, node: str, kin: Kinship) -> Partners:
    """For every channel of a node in A the one in B that belongs to it.

    Raises:
        KeyError: one has no such node.
    """
    if kin.holds(a, b, node):
        return by_index(a.width(node))
    with torch.inference_mode():
        pair = _pair(a, b, node)
        return by_correlation(pair.a, pair.b)


def differs(row: NodeDifference) -> bool:
    """Whether two maps are not the same by `TOLERANCE`."""
    if row.relative_l2 is None:
        return bool(row.largest)
    return row.relative_l2 > TOLERANCE


def parting(rows: Sequence[NodeDifference]) -> str:
    """The first node in computing order that differs; "" where none does."""
    return next((row.node for row in rows if differs(row)), "")


def _pair(a: Side, b: Side, node: str) -> _Pair:
    own, other = grid_of(a, node), grid_of(b, node)
    x = visible_map(a, node).float()
    y = resampled(visible_map(b, node).to(x.device), other, own)
    finite = [torch.isfinite(part.sum(0)) for part in (x, y)]
    both = finite[0] & finite[1]
    flat = [part.flatten(1) if both.all() else part[:, both] for part in (x, y)]
    return _Pair(flat[0], flat[1], int((finite[0] ^ finite[1]).sum()), not own.matches(other))


def _distances(pair: _Pair, partners: Partners) -> tuple[float | None, float | None, float | None]:
    """Cosine, relative L2 and the largest difference; infinite where one is not a number and the other is."""
    if pair.broken or not pair.a.shape[1]:
        return None, (math.inf if pair.broken else None), (math.inf if pair.broken else None)
    same, own, other, apart, largest = 0.0, 0.0, 0.0, 0.0, 0.0
    for x, y in _blocks(pair, partners):
        same, own, other = same + _product(x, y), own + _product(x, x), other + _product(y, y)
        difference = y - x
        apart, largest = apart + _product(difference, difference), max(largest, float(difference.abs().max()))
    cosine = same / math.sqrt(own * other) if own * other > 0 else None
    relative = math.sqrt(apart / own) if own > 0 else (0.0 if apart == 0 else None)
    return None if cosine is None else max(-1.0, min(1.0, cosine)), relative, largest


def _blocks(pair: _Pair, partners: Partners) -> Iterator[tuple[Tensor, Tensor]]:
    """Some channels of A with their partners in B at a time: a copy of all of B would double the memory."""
    step = max(1, _BLOCK // pair.a.shape[1])
    of = torch.from_numpy(partners.of).to(pair.a.device)
    for start in range(0, len(pair.a), step):
        yield pair.a[start : start + step], pair.b[of[start : start + step]]


def _product(x: Tensor, y: Tensor) -> float:
    return float((x * y).sum(dtype=torch.float64))


def linear_cka(x: Tensor, y: Tensor) -> float | None:
    """Linear centred kernel alignment (Kornblith et al. 2019, equation 5), 0..1; None where one does not vary.

    It does not change when channels are mixed by a rotation or all scaled, so that it compares networks whose channels have
    nothing to do with each other. Of fewer places than channels it is high for any two maps.

    Args:
        x: (C, n) values at n places; of more than 8192 an even choice is used.
        y: (C', n) values at the same places.
    """
    step = max(1, x.shape[1] // _CELLS)
    x, y = (_centred(part[:, ::step]) for part in (x, y))
    if x.shape[1] < 2:
        return None
    across, own, other = (_squares(p, q) for p, q in ((y, x), (x, x), (y, y)))
    if own <= 0 or other <= 0:
        return None
    return min(1.0, across / math.sqrt(own * other))


def _centred(x: Tensor) -> Tensor:
    """Rows without their mean, scaled together so that their squares stay in range; 0 where nothing varies."""
    mean = x.mean(1, keepdim=True)
    centred = x - mean
    largest = float(centred.abs().amax()) if x.numel() else 0.0
    return centred / largest if largest > 1e-6 * float(mean.abs().amax()) else torch.zeros_like(x)


def _squares(x: Tensor, y: Tensor) -> float:
    products = (x @ y.T).double()
    return float((products * products).sum())
