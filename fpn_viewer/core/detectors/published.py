"""A detector with the weights that torchvision publishes for it: the builder says the settings, the file is read as any other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torchvision.models import detection

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.checkpoints.dialects import recognise
from fpn_viewer.core.checkpoints.load import load_module
from fpn_viewer.core.checkpoints.read import completed
from fpn_viewer.core.detectors.families import family_of
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.weights import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.weights import Published

#: trained when torchvision's frozen norm divided by the bare deviation: its builders put that back for these, and only these
_WITHOUT_EPS = frozenset({("fasterrcnn_resnet50_fpn", "COCO_V1"), ("retinanet_resnet50_fpn", "COCO_V1")})


def open_published(
    weights: Published, options: Mapping[str, Any], watcher: Watcher | None = None
) -> tuple[DetectorSpec, FasterRCNN]:
    """The detector with those weights, which are fetched unless they are here.

    Args:
        weights: which.
        options: what the user says, see `options.py`; goes over what is published.
        watcher: told of the progress, and may stop.

    Raises:
        CheckpointError: the file cannot be had.
        SettingError: an option has a wrong name or value, or another number of classes is asked for.
    """
    classes = options.get("num_classes", len(weights.categories))
    if classes != len(weights.categories):
        raise SettingError(
            f"num_classes cannot be {classes!r}: {weights.name} of {weights.builder} has {len(weights.categories)}, "
            "with the background."
        )
    path = fetch(weights, watcher)
    recognised = recognise(read_contents(path, None, watcher))
    said = {"name": (weights.builder, ""), **_of_builder(weights, recognised.spec.family)}
    recognised = completed(recognised, path, said, options)
    spec = replace(recognised.spec, weights=f"{weights.name}, published by torchvision")
    return spec, load_module(replace(recognised, spec=spec), watcher)


def _of_builder(weights: Published, family: str) -> dict[str, tuple[Any, str]]:
    """What the builder sets around these weights, each with where that is known from."""
    # on the meta device: the settings are wanted, not millions of random numbers
    with torch.device("meta"):
        module = getattr(detection, weights.builder)(weights=None, weights_backbone=None, num_classes=len(weights.categories))
    settings = read_settings(module)
    said: dict[str, tuple[Any, str]] = {
        name: (getattr(settings, name), f"set by torchvision's {weights.builder}") for name in family_of(family).settings
    }
    said["class_names"] = (weights.categories, "published with the weights")
    if (weights.builder, weights.name) in _WITHOUT_EPS:
        said["norm_eps"] = (0.0, f"set by torchvision's {weights.builder} for {weights.name}")
    return said
