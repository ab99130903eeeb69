"""Tensors into a module: every name must have its place, and a progress bar can be shown meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fpn_viewer.core.checkpoints.values import Recognised
    from fpn_viewer.core.tracing.record import Watcher

#: inference does not use it, and checkpoints of our own and of old versions leave it out
COUNTER = "num_batches_tracked"


def load_module(recognised: Recognised, watcher: Watcher | None = None) -> nn.Module:
    """The detector with its weights.

    Raises:
        CheckpointError: a tensor is missing, left over, or of another shape; nothing is loaded partially.
        DetectorError: the description names a part that cannot be built.
    """
    module = build_module(recognised.spec)
    wanted = module.state_dict()
    lines = misfits(wanted, recognised)
    if lines:
        raise CheckpointError(
            f"{recognised.spec.name} does not fit {recognised.spec.summary}: {lines[0]}"
            f"{f' and {len(lines) - 1} more' if len(lines) > 1 else ''}; nothing was loaded.",
            lines,
        )
    _copy(wanted, recognised, watcher)
    return module


def misfits(wanted: dict[str, Tensor], recognised: Recognised) -> list[str]:
    """A line for every tensor that is missing, left over, or of another shape."""
    given, keys = recognised.tensors, recognised.keys
    missing = [f"{name} is missing" for name in wanted if name not in given and not name.endswith(COUNTER)]
    unexpected = [f"{keys.get(name, name)} is left over" for name in given if name not in wanted and not name.endswith(COUNTER)]
    shapes = [
        f"{keys.get(name, name)} is {_shape(given[name])} where {_shape(tensor)} is needed"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    return [*missing, *unexpected, *shapes]


def _shape(tensor: Tensor) -> str:
    return "×".join(str(side) for side in tensor.shape) or "a single number"


def _copy(wanted: dict[str, Tensor], recognised: Recognised, watcher: Watcher | None) -> None:
    total, done = sum(t.numel() for t in wanted.values()) or 1, 0
    with torch.inference_mode():
        for name, target in wanted.items():
            if watcher is not None:
                watcher.check()
                watcher.report("reading weights", done / total)
            if name in recognised.tensors:
                target.copy_(recognised.tensors[name])
            done += target.numel()
