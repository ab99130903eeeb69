"""What a person says of a checkpoint in a file beside it: `NAME.json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path


def read_beside(path: Path) -> tuple[dict[str, Any], str]:
    """Options by name from the file beside a checkpoint, and their origin in words; nothing when there is none.

    Raises:
        CheckpointError: the file cannot be read.
    """
    sidecar = path.with_suffix(".json")
    if not sidecar.exists():
        return {}, ""
    try:
        return dict(json.loads(sidecar.read_text())), f"from {sidecar.name}"
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{sidecar} beside the checkpoint is not readable JSON ({error}); mend or remove it.") from error
