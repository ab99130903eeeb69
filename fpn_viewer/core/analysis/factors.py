"""What made it harder for an object before any box was selected: a what-if in force, or its size in the network."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.tracing.trace import Trace

#: below this overlap training takes an anchor for background; an object of a smaller share of every anchor is out of reach
_BACKGROUND_IOU = 0.3
_RESIZING = ("min_size", "max_size")


def factors(question: Question) -> tuple[str, ...]:
    """One phrase for each: gains, changed settings, and a size that cells or anchors cannot hold."""
    trace = question.trace
    gains = tuple(f"{term} gain into {node} is {gain:g}" for (node, term), gain in trace.gains.items() if gain != 1)
    return (*gains, *_settings(trace), *_size(question))


def _settings(trace: Trace) -> tuple[str, ...]:
    own, now = trace.spec.settings, trace.settings
    changed = [name for name in SETTING_NAMES if getattr(own, name) != getattr(now, name)]
    phrases = {name: f"{name} is {_value(getattr(now, name))} instead of {_value(getattr(own, name))}" for name in changed}
    resize = ", ".join(phrases.pop(name) for name in _RESIZING if name in phrases)
    return ((f"the resize was changed ({resize})",) if resize else ()) + tuple(phrases.values())


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _size(question: Question) -> tuple[str, ...]:
    trace = question.trace
    x1, y1, x2, y2 = (float(v) for v in question.box_net)
    area, finest = (x2 - x1) * (y2 - y1), trace.levels[0]
    size = f"{significant(x2 - x1)}×{significant(y2 - y1)} px"
    if area < finest.stride[0] * finest.stride[1]:
        what = f"less than one cell of {finest.name} ({finest.stride[1]:g}×{finest.stride[0]:g} px)"
    elif area < _BACKGROUND_IOU * (least := _smallest_anchor(trace)):
        what = f"so small that no anchor can overlap it by IoU {_BACKGROUND_IOU:g} (the smallest is about {sqrt(least):.0f} px)"
    else:
        return ()
    shrunk = min(trace.geometry.scale) < 1
    return (f"the resize leaves it {size} in the network, {what}" if shrunk else f"it is {size} in the network, {what}",)


def _smallest_anchor(trace: Trace) -> float:
    """Area of the smallest anchor that the generator lays, net px²; 0 where the family has none that are matched by overlap."""
    if not trace.spec.settings.aspect_ratios or not trace.raw.counts:
        return 0.0
    start, least = 0, np.inf
    for level, total in zip(trace.levels, trace.raw.counts, strict=False):
        # the anchors of one cell stand for those of the level
        shapes = total // (level.size[0] * level.size[1])
        x1, y1, x2, y2 = trace.anchor_columns.columns[:, start : start + shapes]
        least = min(least, float(((x2 - x1) * (y2 - y1)).min(initial=np.inf)))
        start += total
    return float(least)
