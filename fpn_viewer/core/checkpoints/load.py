"""Tensors into a module: every name must have its place, and a progress bar can be shown meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.checkpoints.misfits import find_misfits, misfit_sentence
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from fpn_viewer.core.checkpoints.misfits import Misfits
    from fpn_viewer.core.checkpoints.values import Recognised
    from fpn_viewer.core.tracing.record import Watcher


def load_module(recognised: Recognised, watcher: Watcher | None = None) -> nn.Module:
    """The detector with its weights.

    Raises:
        CheckpointError: a tensor is missing, left over, or of another shape; nothing is loaded partially.
        DetectorError: the description names a part that cannot be built.
    """
    module = build_module(recognised.spec, initialised=False)
    wanted = module.state_dict()
    misfits = misfits_of(wanted, recognised)
    if misfits:
        raise CheckpointError(misfit_sentence(recognised.spec, misfits), misfits.lines)
    _copy(wanted, recognised, watcher)
    return module


def misfits_of(wanted: Mapping[str, Tensor], recognised: Recognised) -> Misfits:
    """What of the file's tensors is missing, left over, or of another shape.

    Args:
        wanted: the module's tensors by name; they may be on the meta device.
        recognised: what was read.
    """
    return find_misfits(_shapes(wanted), _shapes(recognised.tensors), recognised.keys)


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


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
