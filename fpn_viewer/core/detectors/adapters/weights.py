"""A file's state_dict into a user's own module: every name must have its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.checkpoints.misfits import find_misfits
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from fpn_viewer.core.tracing.record import Watcher


def load_weights(module: nn.Module, path: Path, entry: str | None = None, watcher: Watcher | None = None) -> str:
    """Copies a file's tensors into a module; nothing is loaded partially.

    Args:
        module: the user's own.
        path: of any file that `read_contents` reads.
        entry: which of its state_dicts.
        watcher: told of progress, and may stop.

    Returns:
        Where the weights come from, in words.

    Raises:
        CheckpointError: the file cannot be read, or a tensor is missing, left over, or of another shape; all are in `details`.
    """
    if not path.exists():
        raise CheckpointError(f"{path} is not there; check the path of --checkpoint.")
    contents = read_contents(path, entry, watcher)
    wanted = module.state_dict()
    # a wrapper's prefix was taken off, which the network's own names may begin with as well
    whole = {contents.prefix + name: tensor for name, tensor in contents.tensors.items()}
    given = min((contents.tensors, whole), key=lambda tensors: len(_misfits(wanted, tensors)))
    lines = _misfits(wanted, given)
    if lines:
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        raise CheckpointError(f"{path.name} does not fit {type(module).__name__}: {lines[0]}{more}; nothing was loaded.", lines)
    with torch.no_grad():
        for name, target in wanted.items():
            if name in given:
                target.copy_(given[name])
    return f"from {path.name}" + (f", entry {contents.chosen}" if contents.chosen else "")


def _misfits(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """A line for every tensor that is missing, left over, or of another shape."""
    return find_misfits(_shapes(wanted), _shapes(given), {}).lines


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
