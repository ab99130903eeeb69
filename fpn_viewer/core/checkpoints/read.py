"""A checkpoint file to what is known of it: read, recognised, and with all that was said of it in and beside the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.anchor_rows import ratio_by_ratio
from fpn_viewer.core.checkpoints.anchor_words import anchor_suggestion
from fpn_viewer.core.checkpoints.beside import read_beside, with_beside
from fpn_viewer.core.checkpoints.contents import check_kind, read_contents
from fpn_viewer.core.checkpoints.dialects import recognise
from fpn_viewer.core.checkpoints.metadata import options_inside
from fpn_viewer.core.checkpoints.native import is_native, read_native
from fpn_viewer.core.checkpoints.values import GIVEN, Recognised, sureness
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fpn_viewer.core.checkpoints.values import Contents
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher


def read_checkpoint(path: Path, options: Mapping[str, Any] | None = None, watcher: Watcher | None = None) -> Recognised:
    """What a file holds and what was said of it.

    Later sayings go over earlier ones: the dialect's preset, the file's own metadata, the file beside it, `options`.

    Raises:
        CheckpointError: the file cannot be read safely, or is not a detector that can be built.
        SettingError: something that was said has a wrong name or value.
    """
    options = dict(options or {})
    if is_native(path):
        spec, tensors = read_native(path)
        return completed(Recognised(spec, tensors), path, {}, options)
    # what the file is comes before what is said beside it
    check_kind(path)
    beside, _ = read_beside(path)
    # which weights to take and whose conventions to assume is needed before anything is recognised
    first = {**beside, **options}
    contents = read_contents(path, first.get("entry"), watcher)
    recognised = recognise(contents, first.get("preset"))
    return completed(recognised, path, options_inside(contents, recognised), options)


def recognised_contents(contents: Contents, options: Mapping[str, Any] | None = None) -> Recognised:
    """The same for a file that has been read already."""
    options = dict(options or {})
    beside, _ = read_beside(contents.path)
    recognised = recognise(contents, {**beside, **options}.get("preset"))
    return completed(recognised, contents.path, options_inside(contents, recognised), options)


def completed(recognised: Recognised, path: Path, inside: Mapping[str, tuple[Any, str]], options: Mapping[str, Any]) -> Recognised:
    """With what was said in the file, beside it and by the user.

    Raises:
        CheckpointError: the anchors do not fit the head.
        SettingError: something that was said has a wrong name or value.
    """
    spec = recognised.spec
    for name, (value, origin) in inside.items():
        spec = with_options(spec, {name: value}, origin)
    spec = with_beside(spec, path)
    spec = with_options(spec, options, GIVEN)
    _check_anchors(recognised.anchors_per_cell, spec)
    return replace(recognised, spec=spec, tensors=ratio_by_ratio(recognised, spec.settings), size_by_size=())


def _check_anchors(head: int, spec: DetectorSpec) -> None:
    """Raises CheckpointError where the anchors are not a row for each level, or others per cell than the head has outputs for."""
    given, levels = spec.settings.anchors_per_cell, len(spec.levels)
    if len(given) != levels:
        raise CheckpointError(
            f"anchor_sizes of {spec.name} are given for {len(given)} levels where its pyramid has {levels} "
            f"({', '.join(spec.levels)}); give one row of sizes for each."
        )
    if head and set(given) != {head}:
        said = " or ".join(str(number) for number in sorted(set(given)))
        how = "were assumed" if sureness(spec.origins.get("anchor_sizes", "")) == "assumed" else "are set"
        raise CheckpointError(
            f"{spec.name} has {head} anchors per cell where {said} {how}; {anchor_suggestion(head, levels)}, "
            f"or put your own anchor_sizes and aspect_ratios into {spec.name}.json beside it."
        )
