"""A checkpoint file to what it says of its detector by itself, without building it and whether or not it would fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.beside import read_beside, with_beside
from fpn_viewer.core.checkpoints.contents import check_kind, read_contents
from fpn_viewer.core.checkpoints.dialects import recognise
from fpn_viewer.core.checkpoints.metadata import options_inside
from fpn_viewer.core.checkpoints.native import is_native, read_native
from fpn_viewer.core.checkpoints.values import Look
from fpn_viewer.core.detectors.options import with_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.checkpoints.values import Contents
    from fpn_viewer.core.tracing.record import Watcher


def look_into(path: str, options: Mapping[str, Any] | None = None, watcher: Watcher | None = None) -> Look:
    """What a file says of its detector.

    Anchors that do not fit the head are no error here: this is where a person mends them.

    Args:
        path: the file.
        options: `entry` and `preset` count; the others are what a person would change, so they are left aside.
        watcher: told of progress, and may stop.

    Raises:
        CheckpointError: the file cannot be read safely, or is not a detector that can be built.
        SettingError: what is said in the file has a wrong value.
    """
    file = Path(path)
    if is_native(file):
        spec, _ = read_native(file)
        return Look(path, with_beside(spec, file), _one(spec.settings.anchors_per_cell))
    # what the file is comes before what is said beside it
    check_kind(file)
    first = {**read_beside(file)[0], **(options or {})}
    contents = read_contents(file, first.get("entry"), watcher)
    look = _recognised(path, contents, first.get("preset"))
    return replace(look, spec=with_beside(look.spec, file))


def _recognised(path: str, contents: Contents, preset: str | None) -> Look:
    recognised = recognise(contents, preset)
    spec = recognised.spec
    for name, (value, origin) in options_inside(contents, recognised).items():
        spec = with_options(spec, {name: value}, origin)
    return Look(path, spec, recognised.anchors_per_cell, contents.entries, contents.chosen, contents.notes)


def _one(counts: tuple[int, ...]) -> int:
    """The number that all levels share, or 0."""
    return counts[0] if len(set(counts)) == 1 else 0
