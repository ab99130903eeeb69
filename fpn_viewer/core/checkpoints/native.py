"""The program's own checkpoint form: float16 safetensors with the DetectorSpec as JSON in the metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

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
    """Whether a file is a safetensors file that `save_native` wrote."""
    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return "spec" in (file.metadata() or {})
    except (SafetensorError, OSError):
        # `read_native` says what is wrong with it
        return True


def read_native(path: Path) -> tuple[DetectorSpec, dict[str, Tensor]]:
    """Spec and tensors (floats as float32) of a file that `save_native` wrote.

    Raises:
        CheckpointError: the file is not readable, or is a safetensors file without a spec.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("spec")
            if text is None:
                raise CheckpointError(
                    f"{path.name} holds tensors but no description of a detector; open the .pth it was made from."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        spec = DetectorSpec.from_json(text)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors ({error}); is the file complete?") from error
    except SettingError as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    return spec, {n: t.to(torch.float32) if t.dtype.is_floating_point else t for n, t in tensors.items()}
