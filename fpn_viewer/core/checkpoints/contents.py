"""A checkpoint file to its `Contents`: tensors by name and plain values, read without running any code from it."""

from __future__ import annotations

import argparse
import pathlib
import pickle
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.values import Contents, Entry
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.tracing.record import Watcher

#: keys under which training scripts put the tensors, best first
_ENVELOPES = ("model_ema", "model", "state_dict")
_PREFIXES = ("module.", "_orig_mod.", "model.")
#: what torch's reader and unpickler raise on bytes that are not what they expect
_DAMAGED = (OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, ImportError)
#: classes that torchvision's reference scripts pickle beside the tensors; they only hold values
_HARMLESS: list[Any] = [argparse.Namespace, pathlib.PosixPath, pathlib.WindowsPath]


def read_contents(path: Path, entry: str | None = None, watcher: Watcher | None = None) -> Contents:
    """What a file holds. Nothing in it is run, and what it asks for is limited.

    Args:
        path: a file of torch, safetensors, or detectron2's pickles.
        entry: which of its state_dicts; the averaged weights, else the model's, when None.
        watcher: told of progress, and may stop.

    Raises:
        CheckpointError: it cannot be read safely, is damaged, or has no such entry.
    """
    loaded = _load(path)
    chosen = ""
    for key in _ENVELOPES:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded, chosen = loaded[key], key
            break
    tensors: dict[str, Tensor] = (
        {k: t for k, t in loaded.items() if isinstance(t, torch.Tensor)} if isinstance(loaded, dict) else {}
    )
    if not tensors:
        raise CheckpointError(f"{path.name} holds no state_dict: no tensors by name were found in it.")
    tensors.pop("n_averaged", None)
    while prefix := next((p for p in _PREFIXES if all(k.startswith(p) for k in tensors)), None):
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items()}
    return Contents(path, "torch", tensors, entries=(Entry(chosen, len(tensors)),), chosen=chosen)


def _load(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path.name} holds more than tensors and would have to run code to load; save its state_dict() again with torch.save."
        ) from error
    except _DAMAGED as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read as a checkpoint ({first}); is the file complete?") from error
