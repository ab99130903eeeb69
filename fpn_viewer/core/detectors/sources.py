"""What a user may name as a detector, to (spec, module): a bundled name, a builder's name, a checkpoint file, a module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models import detection

from fpn_viewer.core.checkpoints.load import load_module
from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.detectors.adapters.opening import open_module
from fpn_viewer.core.detectors.builders import BUILDERS
from fpn_viewer.core.detectors.families import fitted_class_names
from fpn_viewer.core.detectors.published import open_published
from fpn_viewer.core.errors import CheckpointError, SettingError
from fpn_viewer.core.resources import bundled_checkpoints
from fpn_viewer.core.weights import chosen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher


def resolve(source: Any, options: Mapping[str, Any], watcher: Watcher | None = None) -> tuple[DetectorSpec, FasterRCNN]:
    """The detector that `source` names, with `options` (see `options.py`) applied; published weights are fetched when asked for.

    Raises:
        CheckpointError: a file cannot be read or does not fit, or the name is neither a file nor known.
        DetectorError: the source is not a detector that can be followed.
        SettingError: an option has a wrong name or value.
    """
    if isinstance(source, (nn.Module, NamedModel)):
        return open_module(source, options, watcher)
    weights = options.get("weights") or "random"
    if source in BUILDERS:
        if weights == "random":
            return _built(str(source), options)
        return open_published(chosen(str(source), weights), options, watcher)
    if weights != "random":
        raise SettingError(f"weights={weights} is for torchvision's builders; {source} has its own: leave it out.")
    bundled = bundled_checkpoints()
    path = bundled.get(str(source), Path(source))
    if not path.exists():
        known = ", ".join((*bundled, *BUILDERS))
        raise CheckpointError(f"{source} is neither a file nor a detector known by name; known are: {known}.")
    return _read(path, options, watcher)


def _built(name: str, options: Mapping[str, Any]) -> tuple[DetectorSpec, FasterRCNN]:
    # counted with background, as torchvision's own builders do for every family
    named = fitted_class_names("", options.get("class_names", ()), 0)
    classes = options.get("num_classes", len(named) or 91)
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise SettingError(f"num_classes cannot be {classes!r}: it must be a whole number of classes, background included.")
    module = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=classes).eval()
    spec, module = open_module(module, {"name": name, **options})
    return replace(spec, weights="random"), module


def _read(path: Path, options: Mapping[str, Any], watcher: Watcher | None) -> tuple[DetectorSpec, FasterRCNN]:
    recognised = read_checkpoint(path, options, watcher)
    return recognised.spec, load_module(recognised, watcher)
