"""From a map (C, h, w) to one plane: norms, means, a channel or three principal components. torch in, arrays out.

A plane is computed where the map is, in float32, and only the plane leaves the device. Maps are walked in tiles of cells with all
their channels, small enough for the processor's cache, and one walk may make several reductions: reading a map costs more than the
sums.
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

#: bytes of a tile; measured: 1 to 4 MiB are alike, less pays for calls and more for memory
_TILE_BYTES = 2 << 20
#: cells that principal components are computed from; more change the colours little and cost much
_FITTED_CELLS = 512

#: reductions of (C, n) to (n,) that look at every channel
_OVER_CHANNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean_abs": lambda x: x.abs().mean(0),
    "l2": lambda x: (x * x).sum(0).sqrt(),
    "max": lambda x: x.amax(0),
    "mean": lambda x: x.mean(0),
}


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
    """Several reductions over all channels in one walk over the map.

    Args:
        x: (C, h, w).
        reductions: of "mean_abs", "l2", "max", "mean".

    Returns:
        Reduction to (h, w) float32.
    """
    with torch.inference_mode():
        cells = x.flatten(1)
        out = torch.empty(len(reductions), cells.shape[1], device=x.device)
        step = cells.shape[1] if x.device.type != "cpu" else max(1, _TILE_BYTES // (4 * max(1, len(x))))
        for start in range(0, cells.shape[1], max(1, step)):
            tile = cells[:, start : start + step].float()
            for row, name in zip(out, reductions, strict=True):
                row[start : start + step] = _OVER_CHANNELS[name](tile)
        planes = as_numpy(out.view(-1, *x.shape[1:]))
    return dict(zip(reductions, planes, strict=True))


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


_WHOLE: dict[str, Callable[[Tensor, int], Tensor]] = {"channel": _channel, "pca": principal_components}
REDUCERS: tuple[str, ...] = (*_OVER_CHANNELS, *_WHOLE)
"""All reductions by name."""
