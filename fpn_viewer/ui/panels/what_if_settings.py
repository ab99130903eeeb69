"""The sliders of the What-if panel as a table: which settings, their names, where they sit and how they step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.detectors.families import Family
    from fpn_viewer.core.necks.graph import Graph

    Value = int | float
    Term = tuple[str, str]

SELECTION, INPUT = "Selection", "Input size"


@dataclass(frozen=True)
class Scale:
    """How a slider steps, and what can be typed beside it.

    Attributes:
        values: where the slider stops, ascending.
        low: the smallest value that can be typed.
        high: the largest.
        decimals: 0 for whole numbers.
        snap: stops to each side of the opened value from which a drag falls into it.
        unit: behind the number.
    """

    values: tuple[Value, ...]
    low: Value
    high: Value
    decimals: int = 0
    snap: int = 0
    unit: str = ""

    def stops(self, opened: Value) -> tuple[Value, ...]:
        """The slider's stops with the opened value among them, in place of those that differ from it by next to nothing."""
        near = 1e-4 * max(abs(opened), 1e-3)
        return tuple(sorted({opened, *(value for value in self.values if abs(value - opened) > near)}))


@dataclass(frozen=True)
class SettingRow:
    """One setting.

    Attributes:
        title: in the field's words.
        tip: one sentence.
        section: the part of the panel.
        scale: a key of `SCALES`.
        one_stage: torchvision's name in a one-stage detector, where it is another one.
    """

    title: str
    tip: str
    section: str
    scale: str
    one_stage: str = ""


def _counts(high: int, stops: int) -> tuple[int, ...]:
    steps = np.geomspace(1, high, stops)
    # two digits are enough to say where a list is cut
    places = 10 ** np.clip(np.floor(np.log10(steps)) - 1, 0, None)
    return tuple(int(v) for v in np.unique(np.round(steps / places) * places))


SCALES: Mapping[str, Scale] = {
    "count": Scale(_counts(200_000, 260), 1, 10_000_000),
    "detections": Scale(_counts(1000, 140), 1, 10_000_000),
    "iou": Scale(tuple(round(i / 100, 2) for i in range(101)), 0.0, 1.0, decimals=6),
    # a third power: as many stops below 0.05 as above 0.3, and 0 itself
    "score": Scale(tuple(float(v) for v in np.unique(np.round(np.linspace(0, 1, 181) ** 3, 4))), 0.0, 1.0, decimals=6),
    "px": Scale(tuple(int(v) for v in np.unique(np.round(np.geomspace(64, 2400, 160) / 8) * 8)), 1, 20_000, unit=" px"),
    "gain": Scale(tuple(round(i / 50, 2) for i in range(101)), 0.0, 100.0, decimals=4, snap=3),
}

#: in the order of the pipeline
SETTINGS: Mapping[str, SettingRow] = {
    "rpn_pre_nms_top_n": SettingRow(
        "RPN top-k per level",
        "How many anchors of each level, best objectness first, go on to the RPN's NMS",
        SELECTION,
        "count",
    ),
    "rpn_score_thresh": SettingRow(
        "RPN objectness from", "Proposals of a lower sigmoid objectness are dropped", SELECTION, "score"
    ),
    "rpn_nms_thresh": SettingRow(
        "RPN NMS, IoU above",
        "Of two proposals of one level that overlap more than this, the weaker one is dropped",
        SELECTION,
        "iou",
    ),
    "rpn_post_nms_top_n": SettingRow(
        "RPN proposals in all",
        "How many proposals of all levels together go on to the box head",
        SELECTION,
        "count",
    ),
    "topk_candidates": SettingRow(
        "Top-k per level",
        "How many pairs of anchor and class of each level, best score first, go on to the NMS",
        SELECTION,
        "count",
    ),
    "box_score_thresh": SettingRow(
        "Class score above",
        "A box counts for a class only with a score above this",
        SELECTION,
        "score",
        "score_thresh",
    ),
    "box_nms_thresh": SettingRow(
        "Box NMS, IoU above",
        "Of two boxes of one class that overlap more than this, the weaker one is dropped",
        SELECTION,
        "iou",
        "nms_thresh",
    ),
    "box_detections_per_img": SettingRow(
        "Detections per picture",
        "How many detections of all classes together are kept, best score first",
        SELECTION,
        "detections",
        "detections_per_img",
    ),
    "min_size": SettingRow(
        "Shorter side",
        "The picture is resized until its shorter side has so many px, unless the longer side gets too long",
        INPUT,
        "px",
    ),
    "max_size": SettingRow("Longer side at most", "The longer side of the resized picture may not pass this", INPUT, "px"),
}


def settings_of(family: Family, section: str) -> tuple[str, ...]:
    """The names of the sliders that a family of detectors has in one section, in order."""
    return tuple(name for name, row in SETTINGS.items() if row.section == section and name in family.settings)


def setting_tip(name: str, family: Family) -> str:
    """A setting's tooltip: what torchvision calls it and what it does."""
    row = SETTINGS[name]
    return f"{row.one_stage if family.one_stage and row.one_stage else name}: {row.tip[0].lower()}{row.tip[1:]}."


def gain_terms(graph: Graph) -> tuple[Term, ...]:
    """(node, term) of every summand of the merged maps, fine to coarse; none where gains cannot be tried."""
    if graph.unknown or graph.fixed:
        return ()
    nodes = sorted((n for n in graph.nodes if n.role == "merged"), key=lambda n: graph.levels.index(n.level))
    return tuple((node.name, term.name) for node in nodes for term in node.terms)


def nearest(stops: Sequence[Value], value: Value) -> int:
    """Index of the stop that is closest to a value."""
    return min(range(len(stops)), key=lambda i: abs(stops[i] - value))
