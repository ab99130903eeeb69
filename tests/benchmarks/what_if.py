"""What-ifs beside the forward they stand in for."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fpn_viewer.core.analysis.what_if import what_if
from fpn_viewer.core.detectors.detector import open_detector
from tests.benchmarks.measure import at_most, milliseconds

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.trace import Trace
    from tests.benchmarks.measure import Row

PAIRS = 5
#: one step of each slider that only selects
STEPS: dict[str, Any] = {
    "rpn_pre_nms_top_n": 600,
    "rpn_post_nms_top_n": 700,
    "rpn_nms_thresh": 0.6,
    "rpn_score_thresh": 0.4,
    "box_score_thresh": 0.02,
    "box_nms_thresh": 0.3,
    "box_detections_per_img": 20,
}


def what_ifs() -> list[Row]:
    """Gains and selection settings of a ResNet-50 FPN at 800×1067 with random weights: 217,413 anchors."""
    torch.manual_seed(0)
    detector = open_detector("fasterrcnn_resnet50_fpn", device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (800, 1067, 3), np.uint8)
    trace = detector.trace(pixels)
    # asked once for each trace, by the first what-if or by the window before
    assert trace.follows is None
    gains = {("M3", "top-down"): 0.5}
    ratios = []
    for _ in range(PAIRS):
        forward = milliseconds(partial(detector.trace, pixels))
        ratios.append(milliseconds(partial(what_if, trace, gains=gains)) / forward)
    slowest = max((_selection(trace, name, value), name) for name, value in STEPS.items())
    return [
        at_most("gain changed, beside the whole forward, R50-FPN 800×1067", median(ratios), 0.6, "×"),
        at_most(
            "selection setting changed, 217,413 anchors, the slowest", slowest[0], 50, "ms", f" ({slowest[1]}, new RoIs apart)"
        ),
    ]


def _selection(trace: Trace, name: str, value: Any) -> float:
    """Milliseconds of one change, without those that the heads take for RoIs they have not seen (median)."""
    return median(_one(trace, name, value) for _ in range(PAIRS))


def _one(trace: Trace, name: str, value: Any) -> float:
    found: list[Trace] = []
    whole = milliseconds(lambda: found.append(what_if(trace, settings={name: value})))
    heads = {time.name: time.seconds for time in found[0].times}["RoI heads"] * 1e3
    return whole - heads if found[0].began == "rpn" else whole
