"""What a user may name as a detector, to (spec, module): a bundled name, a builder's name, a checkpoint file, a module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models import detection

from fpn_viewer.core.checkpoints.load import load_module
from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.checkpoints.values import GIVEN
from fpn_viewer.core.detectors.describe import check_supported, describe
from fpn_viewer.core.detectors.families import fitted_class_names
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.detectors.settings import apply_settings
from fpn_viewer.core.errors import CheckpointError
from fpn_viewer.core.resources import bundled_checkpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher

BUILDERS: tuple[str, ...] = (
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
)


def resolve(source: Any, options: Mapping[str, Any], watcher: Watcher | None = None) -> tuple[DetectorSpec, FasterRCNN]:
    """The detector that `source` names, with `options` (see `options.py`) applied.

    Raises:
        CheckpointError: a file cannot be read or does not fit, or the name is neither a file nor known.
        DetectorError: the source is not a detector that can be followed.
        SettingError: an option has a wrong name or value.
    """
    if isinstance(source, nn.Module):
        return _given(source, options)
    if source in BUILDERS:
        return _built(str(source), options)
    bundled = bundled_checkpoints()
    path = bundled.get(str(source), Path(source))
    if not path.exists():
        known = ", ".join((*bundled, *BUILDERS))
        raise CheckpointError(f"{source} is neither a file nor a detector known by name; known are: {known}.")
    return _read(path, options, watcher)


def _given(module: nn.Module, options: Mapping[str, Any]) -> tuple[DetectorSpec, FasterRCNN]:
    from fpn_viewer.core.detectors.detector import neck_graph

    check_supported(module)
    levels = neck_graph(module).levels
    name = str(options.get("name", type(module).__name__))
    spec = describe(module, name, levels, weights="given with the module")
    spec = with_options(spec, options, GIVEN)
    apply_settings(module, spec.settings)
    return spec, module


def _built(name: str, options: Mapping[str, Any]) -> tuple[DetectorSpec, FasterRCNN]:
    # counted with background, as torchvision's own builders do for every family
    named = fitted_class_names("", options.get("class_names", ()), 0)
    classes = int(options.get("num_classes", len(named) or 91))
    module = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=classes).eval()
    spec, module = _given(module, {"name": name, **options})
    return replace(spec, weights="random"), module


def _read(path: Path, options: Mapping[str, Any], watcher: Watcher | None) -> tuple[DetectorSpec, FasterRCNN]:
    recognised = read_checkpoint(path, options, watcher)
    return recognised.spec, load_module(recognised, watcher)
