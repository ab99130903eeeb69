"""A checkpoint file to (DetectorSpec, tensors): the reader is chosen by the file's suffix and what the file says of itself."""

from __future__ import annotations

import argparse
import json
import pathlib
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.dense_keys import is_dense, recognise_dense
from fpn_viewer.core.checkpoints.native import read_native
from fpn_viewer.core.checkpoints.torchvision_keys import recognise
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: keys under which training scripts put the tensors, best first
_ENVELOPES = ("model_ema", "model", "state_dict")
_PREFIXES = ("module.", "_orig_mod.", "model.")
#: what torch's reader and unpickler raise on bytes that are not what they expect
_DAMAGED = (OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, ImportError)
#: classes that torchvision's reference scripts pickle beside the tensors; they only hold values
_HARMLESS: list[Any] = [argparse.Namespace, pathlib.PosixPath, pathlib.WindowsPath]


def read_checkpoint(path: Path) -> tuple[DetectorSpec, dict[str, Tensor]]:
    """What a file holds, without running any code from it.

    Settings that a state_dict cannot hold are read from `NAME.json` beside the checkpoint when that is there.

    Raises:
        CheckpointError: the file cannot be read safely, or is not a detector that can be built.
    """
    if path.suffix == ".safetensors":
        return read_native(path)
    tensors = _unwrapped(path, _load(path))
    spec, tensors = (recognise_dense if is_dense(tensors) else recognise)(path.stem, tensors)
    return _with_sidecar(path, spec), tensors


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


def _unwrapped(path: Path, loaded: Any) -> dict[str, Tensor]:
    for key in _ENVELOPES:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    tensors = {k: t for k, t in loaded.items() if isinstance(t, torch.Tensor)} if isinstance(loaded, dict) else {}
    if not tensors:
        raise CheckpointError(f"{path.name} holds no state_dict: no tensors by name were found in it.")
    tensors.pop("n_averaged", None)
    while prefix := next((p for p in _PREFIXES if all(k.startswith(p) for k in tensors)), None):
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items()}
    return {k: t.float() if t.dtype.is_floating_point else t for k, t in tensors.items()}


def _with_sidecar(path: Path, spec: DetectorSpec) -> DetectorSpec:
    sidecar = path.with_suffix(".json")
    if not sidecar.exists():
        return spec
    try:
        values = json.loads(sidecar.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{sidecar} beside the checkpoint is not readable JSON ({error}); mend or remove it.") from error
    names = tuple(values.pop("class_names", ()))
    if names and len(names) == spec.num_classes - 1:
        names = ("background", *names)
    settings = spec.settings.changed(**values)
    origins = dict.fromkeys([*values, *(["class_names"] if names else [])], f"from {sidecar.name}")
    return replace(spec, settings=settings, class_names=names or spec.class_names, origins={**spec.origins, **origins})
