"""The program's own checkpoint form: float16 safetensors with the DetectorSpec as JSON in the metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from fpn_viewer.core.checkpoints.reading.safetensors_files import load_safetensors, read_header
from fpn_viewer.core.checkpoints.reading.sniff import open_file, sniff
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import CheckpointError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

FORMAT = "fpn_viewer 1"


def save_native(spec: DetectorSpec, module: nn.Module, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Writes weights (as float16) and spec to `path`; running statistics stay float32, where half precision would distort them."""
    tensors = {
        name: (t if "running_" in name or not t.dtype.is_floating_point else t.half()).detach().cpu().contiguous()
        for name, t in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(tensors, path, metadata={"format": FORMAT, "spec": spec.to_json(), **(notes or {})})


def is_native(path: Path) -> bool:
    """Whether a file, whatever its name, is one that `save_native` wrote."""
    try:
        with open_file(path) as stream:
            return sniff(stream).name == "safetensors" and "spec" in read_header(path, stream).metadata
    except CheckpointError:
        # `read_contents` says what is wrong with it
        return False


def read_native(path: Path) -> tuple[DetectorSpec, dict[str, Tensor]]:
    """Spec and tensors (floats as float32) of a file that `save_native` wrote.

    Raises:
        CheckpointError: the file is not readable, or is a safetensors file without a spec.
    """
    with open_file(path) as stream:
        tensors, metadata = load_safetensors(path, stream)
    if "spec" not in metadata:
        raise CheckpointError(f"{path.name} holds tensors but no description of a detector; open the .pth it was made from.")
    try:
        spec = DetectorSpec.from_json(metadata["spec"])
    except SettingError as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    return spec, {n: t.to(torch.float32) if t.dtype.is_floating_point else t for n, t in tensors.items()}
