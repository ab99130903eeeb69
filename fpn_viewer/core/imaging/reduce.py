"""From a map (C, h, w) to one plane: norms, means, a channel or three principal components. torch in, arrays out.

A plane is computed where the map is, in float32, and only the plane leaves the device. Sums over channels go through a map once, in
blocks of channels that fit into the processor's cache; torch's own reductions over the first axis take up to five times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]

#: bytes of a block of channels; measured: 0.5 to 2 MiB are alike
_BLOCK_BYTES = 1 << 20
#: cells that principal components are computed from; more change the colours little and cost much
_FITTED_CELLS = 256

#: what is summed over channels: (block (c, n), buffer of that shape) to (c, n)
_SUMMANDS: dict[str, Callable[..., Tensor]] = {
    "mean_abs": torch.abs,
    "l2": torch.square,
    "mean": lambda block, **_: block,
}
#: from the sum and the number of channels to the plane
_FINISHED: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean_abs": torch.div,
    "l2": lambda total, _: total.sqrt(),
    "mean": torch.div,
}
SUMS: frozenset[str] = frozenset(_SUMMANDS)
"""Reductions that `reduce_channels` can make together."""


def reduce_map(x: Tensor, reduction: str, channel: int = 0) -> Floats:
    """One plane of a map.

    Args:
        x: (C, h, w), any float type, any device.
        reduction: "mean_abs", "l2", "max", "mean", "channel" or "pca".
        channel: for "channel", less than C.

    Returns:
        (h, w) float32, or (h, w, 3) for "pca"; not finite where the map is not.

    Raises:
        KeyError: there is no such reduction.
        IndexError: the map has no such channel.
    """
    with torch.inference_mode():
        return as_numpy(_WHOLE[reduction](x, channel)) if reduction in _WHOLE else reduce_channels(x, (reduction,))[reduction]


def reduce_channels(x: Tensor, reductions: Sequence[str]) -> dict[str, Floats]:
    """Several sums over channels on one way through a map.

    Args:
        x: (C, h, w), at least one channel.
        reductions: of `SUMS`.

    Returns:
        Reduction to (h, w) float32.
    """
    with torch.inference_mode():
        cells = x.flatten(1)
        channels, count = cells.shape
        step = channels if x.device.type != "cpu" else max(1, _BLOCK_BYTES // (4 * max(1, count)))
        totals = torch.zeros(len(reductions), count, device=x.device)
        buffer, ones = torch.empty(step, count, device=x.device), torch.ones(step, device=x.device)
        for block in cells.split(step):
            for total, name in zip(totals, reductions, strict=True):
                total.addmv_(_SUMMANDS[name](block.float(), out=buffer[: len(block)]).T, ones[: len(block)])
        planes = [_FINISHED[name](total, channels) for total, name in zip(totals, reductions, strict=True)]
        return {name: as_numpy(plane.view(x.shape[1:])) for name, plane in zip(reductions, planes, strict=True)}


def _maximum(x: Tensor, _: int) -> Tensor:
    return x.amax(0).float()


def _channel(x: Tensor, channel: int) -> Tensor:
    return x[channel].float()


def principal_components(x: Tensor, _: int = 0) -> Tensor:
    """The first three principal components of a map's cells, as (h, w, 3); their signs and order depend on the map alone.

    Fitted on an even sample of the finite cells. A map with fewer than three channels leaves the other components 0.
    """
    cells = x.flatten(1).float()
    sample = cells[:, :: max(1, cells.shape[1] // _FITTED_CELLS)]
    sample = sample[:, torch.isfinite(sample).all(0)]
    if not sample.shape[1]:
        return cells.new_full((*x.shape[1:], 3), torch.nan)
    mean = sample.mean(1, keepdim=True)
    axes = _axes(sample - mean)
    out = cells.new_zeros(3, cells.shape[1])
    out[: len(axes)] = axes @ cells - axes @ mean
    return out.view(3, *x.shape[1:]).permute(1, 2, 0).contiguous()


def _axes(centred: Tensor) -> Tensor:
    """(k, C) unit axes of the largest variance first, k = min(3, C), from (C, n) centred values.

    The smaller of the two Gram matrices is decomposed, because a map may have far more channels than cells sampled.
    """
    channels, cells = centred.shape
    count = min(3, channels)
    if channels <= cells:
        axes = torch.linalg.eigh(centred @ centred.T)[1].flip(1)[:, :count].T
    else:
        vectors = torch.linalg.eigh(centred.T @ centred)[1].flip(1)[:, :count]
        axes = torch.nn.functional.normalize((centred @ vectors).T, dim=1)
    # an axis has no sign of its own: its largest coefficient is made positive
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    signed: Tensor = axes * torch.where(largest < 0, -1.0, 1.0)
    return signed


_WHOLE: dict[str, Callable[[Tensor, int], Tensor]] = {"max": _maximum, "channel": _channel, "pca": principal_components}
REDUCERS: tuple[str, ...] = (*_SUMMANDS, *_WHOLE)
"""All reductions by name."""
