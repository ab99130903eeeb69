"""What a question about an object costs: both selections replayed, a first life line, and every further one of the same trace."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.tracing.replay import Answers
from tests.benchmarks.measure import at_most, milliseconds, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace
    from tests.benchmarks.measure import Row

ROUNDS, OBJECTS = 9, 60
#: px; what people ask about is small
SIDES = (6, 64)


def life_lines() -> list[Row]:
    """ResNet-50 FPN with random weights on 800×1067 px: 217,413 anchors, 91 classes."""
    torch.manual_seed(0)
    detector = open_detector("fasterrcnn_resnet50_fpn", device="cpu")
    rng = np.random.default_rng(0)
    trace = detector.trace(rng.integers(0, 256, (800, 1067, 3), np.uint8))
    others = np.array(list(_objects(rng, 12)))
    replays, firsts, furthers = [], [], []
    for _ in range(ROUNDS):
        replays.append(milliseconds(partial(getattr, _unasked(trace), "follows")))
        first, *more = (partial(explain, box_img=box, label=5, others=others) for box in _objects(rng, OBJECTS))
        asked = _unasked(trace)
        firsts.append(milliseconds(partial(first, asked)))
        furthers += [milliseconds(partial(one, asked)) for one in more]
    middle, high = spread(furthers)
    anchors = f"{sum(trace.raw.counts):,} anchors"
    return [
        at_most(f"replay of both selections, {anchors}", median(replays), 50, "ms"),
        at_most(f"first life line of a trace, both replays included, {anchors}", median(firsts), 100, "ms"),
        at_most(f"further life line of the same trace, {anchors}", middle, 5, "ms", f" (95th percentile {high:.3g})"),
    ]


def _unasked(trace: Trace) -> Trace:
    """The same trace with nothing worked out."""
    return replace(trace, raw=replace(trace.raw, answers=Answers(trace.raw.boxes, trace.raw.logits)))


def _objects(rng: np.random.Generator, count: int) -> Iterator[Box]:
    for _ in range(count):
        (width, height), x, y = rng.uniform(*SIDES, 2), rng.uniform(0, 1000), rng.uniform(0, 730)
        yield x, y, x + width, y + height
