"""The recipe behind the bundled checkpoints, as data: the network, the scenes, the schedule. `fpn-viewer train-demo` follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fpn_viewer.core.demo.scenes import CLASSES
from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

#: anchors from 10 px, because most objects of the scenes are small; 5 px objects stay hard on purpose
SETTINGS = Settings(
    anchor_sizes=((10,), (20,), (40,), (80,), (160,)),
    min_size=576,
    max_size=1024,
    rpn_pre_nms_top_n=500,
    rpn_post_nms_top_n=500,
)

SPEC = DetectorSpec(
    name="demo",
    family="Faster R-CNN",
    backbone="slim_resnet18",
    backbone_width=32,
    norm="batch",
    neck="fpn",
    neck_channels=64,
    levels=("P2", "P3", "P4", "P5", "P6"),
    num_classes=len(CLASSES) + 1,
    class_names=("background", *CLASSES),
    box_features=128,
    settings=SETTINGS,
    weights="trained on generated scenes by `fpn-viewer train-demo`",
)


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes:
        spec: the network.
        steps: optimiser steps.
        early_step: where the early checkpoint is taken.
        batch: crops per step.
        crop: side of a crop, px.
        scenes: training scenes, seeds 0 … scenes - 1.
        learning_rate: the peak, reached after the warm-up and brought to zero by a half cosine.
        warmup: steps.
        weight_decay: of AdamW.
        ema: decay of the averaged weights that are saved.
        seed: of crops, flips and the initial weights.
    """

    spec: DetectorSpec = SPEC
    steps: int = 3400
    early_step: int = 600
    batch: int = 4
    crop: int = 320
    scenes: int = 1000
    learning_rate: float = 1.5e-3
    warmup: int = 200
    weight_decay: float = 1e-4
    ema: float = 0.998
    seed: int = 7


WITH_TOP_DOWN = Recipe()
WITHOUT_TOP_DOWN = replace(WITH_TOP_DOWN, spec=replace(SPEC, name="demo-no-top-down", neck="fpn-no-top-down"))

#: bundled checkpoints: name to (recipe, taken at the early step)
BUNDLED: dict[str, tuple[Recipe, bool]] = {
    "demo": (WITH_TOP_DOWN, False),
    "demo-early": (WITH_TOP_DOWN, True),
    "demo-no-top-down": (WITHOUT_TOP_DOWN, False),
}

HELD_OUT_SCENES = 200
HELD_OUT_FIRST_SEED = 1_000_000
SAMPLE_SCENES = 12
SAMPLE_FIRST_SEED = 2_000_000
