"""What a training script wrote into the file beside the weights (args, meta, hyper_parameters), as options of a detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpn_viewer.core.checkpoints.values import Contents, Recognised


def options_inside(contents: Contents, recognised: Recognised) -> dict[str, tuple[Any, str]]:
    """Options by name, each with its origin in words; what does not fit the network is left aside."""
    return {}
