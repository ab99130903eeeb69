"""A module that a user gives, or names, to (spec, module): torchvision-style as it is, anything else with its adapter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.values import GIVEN
from fpn_viewer.core.detectors.adapters.adapted import Adapted
from fpn_viewer.core.detectors.adapters.found import brought
from fpn_viewer.core.detectors.adapters.named import NamedModel, make
from fpn_viewer.core.detectors.adapters.weights import load_weights
from fpn_viewer.core.detectors.anatomy import dissect
from fpn_viewer.core.detectors.conventions import Conventions
from fpn_viewer.core.detectors.conventions_fit import check_conventions
from fpn_viewer.core.detectors.describe import check_supported, describe
from fpn_viewer.core.detectors.families import ADAPTED, HEADLESS, made_up_names
from fpn_viewer.core.detectors.lending import unwrapped
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.detectors.settings import apply_settings, read_settings
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.core.tracing.record import Watcher

_SAID = "said by its adapter"


def open_module(
    source: nn.Module | NamedModel, options: Mapping[str, Any], watcher: Watcher | None = None
) -> tuple[DetectorSpec, Any]:
    """The detector that a module is, with `options` (see `options.py`) applied.

    Raises:
        CheckpointError: the weights that were named do not fit.
        DetectorError: it cannot be made, or followed, and nobody has an adapter for it.
        SettingError: an option has a wrong name or value.
    """
    weights = "given with the module"
    if isinstance(source, NamedModel):
        module: Any = make(source)
        options = {"name": source.name.rpartition(":")[0].rpartition(".")[2], **options}
        weights = _filled(module, source, options, watcher)
    else:
        module = unwrapped(source)
    module, origin = _followed(module)
    return _described(module, options, weights, origin)


def _filled(module: Any, source: NamedModel, options: Mapping[str, Any], watcher: Watcher | None) -> str:
    if not source.checkpoint:
        return f"made by {source.name}"
    network = unwrapped(module.network if isinstance(module, Adapted) else module)
    return load_weights(network, Path(source.checkpoint), options.get("entry"), watcher)


def _followed(module: Any) -> tuple[Any, str]:
    """A module that can be followed, and where its adapter came from when a package brought it."""
    if isinstance(module, Adapted):
        return module, _SAID
    try:
        check_supported(module)
    except DetectorError as error:
        return brought(module, str(error))
    return module, ""


def _described(module: Any, options: Mapping[str, Any], weights: str, adapter: str) -> tuple[DetectorSpec, Any]:
    if isinstance(module, Adapted):
        spec = describe_adapted(module, weights, adapter)
    else:
        spec = describe(module, type(module).__name__, dissect(module)[0].levels, weights=weights)
    own, spec = spec, with_options(spec, options, GIVEN)
    check_conventions(own, spec)
    apply_settings(module, spec.settings)
    return spec, module


def describe_adapted(module: Adapted, weights: str, origin: str) -> DetectorSpec:
    """The spec of a network with an adapter.

    Args:
        module: with its adapter.
        weights: where they come from.
        origin: where the adapter comes from.
    """
    adapter, family = module.adapter, ADAPTED if module.num_classes else HEADLESS
    how = adapter.preprocessing
    spec = DetectorSpec(
        name=adapter.name or type(module.network).__name__,
        family=family,
        backbone=type(module.network).__name__,
        neck="fpn" if module.graph.kind == "FPN" else "pyramid",
        levels=module.graph.levels,
        num_classes=module.num_classes,
        class_names=_names(module, family),
        settings=_settings(module),
        weights=weights,
        norm="batch",
        rpn_depth=0,
        box_head="",
        box_features=0,
        dialect="adapter",
        conventions=Conventions(
            channel_order=how.channel_order,
            pixel_range=how.pixel_range,
            resize_filter="antialias" if how.antialias else "bilinear",
        ),
    )
    made_up = {} if adapter.class_names else {"class_names": "made up: the adapter has none"}
    return replace(spec, origins={"settings": _SAID, "adapter": origin, **made_up})


def _names(module: Adapted, family: str) -> tuple[str, ...]:
    names = tuple(str(name) for name in module.adapter.class_names)
    if names and module.num_classes and len(names) != module.num_classes:
        raise DetectorError(
            f"the adapter {type(module.adapter).__name__} has {len(names)} class names for scores of {module.num_classes} classes; "
            "give one name for each."
        )
    return names if names and module.num_classes else made_up_names(family, module.num_classes)


def _settings(module: Adapted) -> Settings:
    """Those of the module, with the anchors' sizes and ratios as they were seen: they are shown and cannot be changed."""
    strides = module.adapter.taps.strides
    shapes = [shape or ((float(s), float(s)),) for shape, s in zip(module.first_anchors, strides, strict=True)]
    sizes = tuple(tuple(round((w * h) ** 0.5, 2) for w, h in shape) for shape in shapes)
    ratios = tuple(dict.fromkeys(round(h / w, 3) for w, h in shapes[0]))
    return read_settings(module).changed(anchor_sizes=sizes, aspect_ratios=ratios)
