"""Networks whose weights look as training leaves them, and files of them, for what the doctor says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.checkup import check_up
from tests.tiny import tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from fpn_viewer.core.checkpoints.values import CheckUp, Finding

Tensors = dict[str, "Tensor"]


def worn(module: nn.Module | None = None, seed: int = 0) -> Tensors:
    """The state_dict of a network with every tensor moved off its first values: uneven channels, biases, statistics, counters."""
    torch.manual_seed(seed)
    tensors = {name: tensor.clone() for name, tensor in (module or tiny_module()).state_dict().items()}
    for name, tensor in tensors.items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(500)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif tensor.dim() > 1:
            # as training does: some output channels grow strong
            tensor.mul_(torch.empty(len(tensor)).uniform_(0.3, 1.7).view(-1, *[1] * (tensor.dim() - 1)))
        else:
            tensor.add_(torch.randn_like(tensor) * 0.3)
    return tensors


def checked(folder: Path, saved: Any, name: str = "some.pth", **options: Any) -> CheckUp:
    """The check-up of what `torch.save` writes."""
    path = folder / name
    torch.save(saved, path)
    return check_up(path, options)


def about(found: CheckUp, words: str, severity: str = "") -> list[Finding]:
    """Findings whose sentence has these words."""
    return [one for one in found.findings if words in one.sentence and severity in ("", one.severity)]
