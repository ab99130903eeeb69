"""Which channel of B belongs to which of A."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.comparison.sides import first_trace
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.tracing.trace import Trace

#: cosine between the weights of two networks from which they are of one run: training turns weights slowly, while two that began
#: with other random numbers stay at right angles to each other
ONE_RUN = 0.3
#: cells that correlations are computed from
_CELLS = 4096
BY_INDEX, BY_CORRELATION = "by index", "by correlation"


@dataclass(frozen=True, eq=False)
class Partners:
    """For every channel of A the one of B that belongs to it.

    Attributes:
        how: `BY_INDEX` or `BY_CORRELATION`.
        of: (C_A,) channels of B.
    """

    how: str
    of: NDArray[np.int64]


@dataclass(frozen=True)
class Kinship:
    """Whether the channels of two networks mean the same by their number, because the weights are of one run.

    Attributes:
        backbone: in the backbone's maps.
        neck: in the maps behind them.
    """

    backbone: bool
    neck: bool

    def holds(self, a: Side, b: Side, node: str) -> bool:
        """Whether channel k of a node is the same in both."""
        own = self.backbone if a.graph[node].role == "backbone" else self.neck
        return own and a.width(node) == b.width(node)


def kinship(a: Side, b: Side) -> Kinship:
    """Looks at the weights of two networks: alike in what they say, and not only in their shapes.

    The backbone is judged by its own weights where both detectors are at hand. Without them the neck's, which a trace holds, speak
    for both: they read the backbone's channels by number.
    """
    one, other = first_trace(a), first_trace(b)
    if one.detector is not None and one.detector is other.detector:
        return Kinship(backbone=True, neck=True)
    neck = _likeness(_neck(one), _neck(other))
    body = _likeness(_body(one), _body(other))
    return Kinship(backbone=_is_near(neck if body is None else body), neck=_is_near(neck))


def _is_near(likeness: float | None) -> bool:
    return likeness is not None and likeness >= ONE_RUN


def _body(trace: Trace) -> Mapping[str, Tensor]:
    """The backbone's weights by name; none where they are not at hand."""
    if trace.detector is None or not trace.detector.anatomy.body:
        return {}
    return dict(trace.detector.module.get_submodule(trace.detector.anatomy.body).named_parameters())


def _neck(trace: Trace) -> Mapping[str, Tensor]:
    return {path: affine.weight for path, affine in trace.affines.items()}


def _likeness(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float | None:
    """Cosine of all weights that turn channels into channels; None without any, -1 where the shapes are not the same."""
    wide = [name for name, weight in a.items() if weight.ndim > 1]
    if not wide or not b:
        return None
    if a.keys() != b.keys() or any(a[name].shape != b[name].shape for name in a):
        return -1.0
    products = np.zeros(3)
    for name in wide:
        x, y = (weights[name].detach().to("cpu", torch.float32).flatten() for weights in (a, b))
        products += [float(x @ y), float(x @ x), float(y @ y)]
    scale = float(np.sqrt(products[1] * products[2]))
    return float(products[0]) / scale if scale > 0 else -1.0


def by_index(width: int) -> Partners:
    """Every channel belongs to the one of its number."""
    return Partners(BY_INDEX, np.arange(width))


def by_correlation(a: Tensor, b: Tensor) -> Partners:
    """For every channel the one that goes up and down with it the most; several may have the same one.

    A channel that is the same everywhere goes with nothing, and keeps its number where B has it.

    Args:
        a: (C_A, n) values at n places, finite.
        b: (C_B, n) values at the same places.
    """
    step = max(1, a.shape[1] // _CELLS)
    x, y = _standardised(a[:, ::step]), _standardised(b[:, ::step].to(a.device))
    of = as_numpy((x @ y.T).argmax(1)).astype(np.int64)
    flat = as_numpy(~x.any(1))
    own = np.arange(len(of))
    return Partners(BY_CORRELATION, np.where(flat, np.minimum(own, len(y) - 1), of))


def _standardised(x: Tensor) -> Tensor:
    """Rows with mean 0 and length 1; those that do not vary become 0."""
    centred = x.float() - x.float().mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    varies = length > 1e-6 * x.float().norm(dim=1, keepdim=True)
    return torch.where(varies, centred / length.clamp_min(torch.finfo(torch.float32).tiny), 0.0)
