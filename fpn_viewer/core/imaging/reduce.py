"""From a map (C, h, w) to one plane: norms, means, a channel or three principal components. torch in, arrays out.

A plane is computed where the map is, in float32, and only the plane leaves the device. Sums over channels go through a map once, in
blocks of channels that fit into the processor's cache; torch's own reductions over the first axis take up to five times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]

#: bytes of a block of channels; measured: 0.5 to 2 MiB are alike
_BLOCK_BYTES = 1 << 20
#: cells that principal components are computed from; more change the colours little and cost much
_FITTED_CELLS = 256


def reduce_map(x: Tensor, reduction: str, channel: int = 0) -> Floats:
    """One plane of a map.

    Args:
        x: (C, h, w), any float type, any device, at least one channel.
        reduction: "mean_abs", "l2", "max", "mean", "channel" or "pca".
        channel: for "channel", less than C.

    Returns:
        (h, w) float32, or (h, w, 3) for "pca"; not finite where the map is not.

    Raises:
        KeyError: there is no such reduction.
        IndexError: the map has no such channel.
    """
    with torch.inference_mode():
        return as_numpy(_REDUCE[reduction](x, channel))


def _blocks(x: Tensor) -> list[Tensor]:
    """A map's channels in blocks, each (c, h·w) float32; all in one on a GPU, where launching costs more than memory."""
    cells = x.flatten(1)
    step = len(x) if x.device.type != "cpu" else max(1, _BLOCK_BYTES // (4 * max(1, cells.shape[1])))
    return [block.float() for block in cells.split(step)]


def _mean_abs(x: Tensor, _: int) -> Tensor:
    blocks = _blocks(x)
    total, buffer, ones = torch.zeros_like(blocks[0][0]), torch.empty_like(blocks[0]), torch.ones_like(blocks[0][:, 0])
    for block in blocks:
        total.addmv_(torch.abs(block, out=buffer[: len(block)]).T, ones[: len(block)])
    return (total / len(x)).view(x.shape[1:])


def _norm(x: Tensor, _: int) -> Tensor:
    blocks = _blocks(x)
    squares = torch.zeros_like(blocks[0])
    for block in blocks:
        squares[: len(block)].addcmul_(block, block)
    return squares.sum(0).sqrt().view(x.shape[1:])


def _mean(x: Tensor, _: int) -> Tensor:
    # a product with ones runs at the speed of memory; torch's own mean over the first axis takes twice as long
    total = torch.mv(x.flatten(1).float().T, torch.ones(len(x), device=x.device))
    return (total / len(x)).view(x.shape[1:])


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


_REDUCE: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean_abs": _mean_abs,
    "l2": _norm,
    "max": _maximum,
    "mean": _mean,
    "channel": _channel,
    "pca": principal_components,
}
REDUCERS: tuple[str, ...] = tuple(_REDUCE)
"""All reductions by name."""
