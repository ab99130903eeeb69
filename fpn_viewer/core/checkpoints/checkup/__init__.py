"""The doctor: everything that can be said of a checkpoint file, whether or not it opens. Importing it loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.checkup.report import report_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fpn_viewer.core.checkpoints.values import CheckUp
    from fpn_viewer.core.tracing.record import Watcher

__all__ = ["check_up", "report_text"]


def check_up(path: str | Path, options: Mapping[str, Any] | None = None, watcher: Watcher | None = None) -> CheckUp:
    """Reads, recognises and measures a checkpoint file without building its detector.

    Nothing that is wrong with the file is raised: `opens` is then False, `summary` and `findings` say why, and whatever could be
    found out in spite of it is there.

    Args:
        path: the file.
        options: what a person says of it, as for `open_detector`: settings, conventions, `class_names`, `entry`, `preset`.
        watcher: told of progress; what its `check` raises stops the check-up and is passed on.
    """
    from fpn_viewer.core.checkpoints.checkup.examine import examine

    return examine(path, options, watcher)
