"""A trace and its anchors, indexed: which boxes a filter lets through, and what there is to say about a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.imaging.boxes import Grids, grids_of
from fpn_viewer.core.structures import STAGE
from fpn_viewer.ui.anchors.boxset import BoxSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Level
    from fpn_viewer.core.imaging.boxes import Grid
    from fpn_viewer.engine.values import AnchorField, TraceView
    from fpn_viewer.ui.anchors.state import LayersState

    Cell = tuple[str, int, int]
    Rows = NDArray[np.int64]


def split_shape(label: str) -> tuple[str, str]:
    """Size and ratio of an anchor shape: "32 px 1:2" gives ("32 px", "1:2")."""
    size, _, ratio = label.rpartition(" ")
    return size, ratio


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits to probabilities, without overflow."""
    probabilities: NDArray[np.float64] = 0.5 * (1 + np.tanh(np.asarray(logits, np.float64) / 2))
    return probabilities


@dataclass(frozen=True)
class Ranked:
    """Boxes with a score, best first.

    Attributes:
        table_img: (N, 4) xyxy image px that `rows` counts in.
        level: index of the level of each of the table (N,).
        rows: (R,) best first.
        scores: (R,) sigmoid objectness of `rows`.
    """

    table_img: NDArray[np.float32]
    level: NDArray[np.int16]
    rows: Rows
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Scene:
    """All anchors of a trace.

    Attributes:
        trace: sizes, levels, detections.
        field: anchors and their fate.
    """

    trace: TraceView
    field: AnchorField

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """All levels, fine to coarse; their places are the level indexes of the tables."""
        return self.trace.levels[: len(self.field.shapes)]

    @cached_property
    def scanned(self) -> tuple[Level, ...]:
        """The levels that the RPN, or a one-stage head, looks at."""
        return tuple(level for level, labels in zip(self.levels, self.field.shapes, strict=True) if labels)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First row of each level in the table of anchors, and the number of rows."""
        counts = [level.size[0] * level.size[1] * len(labels) for level, labels in zip(self.levels, self.field.shapes, strict=True)]
        return tuple(int(n) for n in np.cumsum([0, *counts]))

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """All anchor sizes, in the order of the levels."""
        return tuple(dict.fromkeys(split_shape(label)[0] for labels in self.field.shapes for label in labels))

    @cached_property
    def ratios(self) -> tuple[str, ...]:
        """All anchor ratios."""
        return tuple(dict.fromkeys(split_shape(label)[1] for labels in self.field.shapes for label in labels))

    # -- cells and rows ---------------------------------------------------------------------------------------------

    def index(self, level: str) -> int | None:
        """A level's place in the tables, or None when the RPN does not look at it."""
        return next((i for i, one in enumerate(self.levels) if one.name == level and self.field.shapes[i]), None)

    def cell_rows(self, cell: Cell) -> range:
        """The rows of one cell's anchors; empty where there is no such cell."""
        index = self.index(cell[0])
        if index is None:
            return range(0)
        (h, w), shapes = self.levels[index].size, len(self.field.shapes[index])
        if not (0 <= cell[1] < h and 0 <= cell[2] < w):
            return range(0)
        first = self.starts[index] + (cell[1] * w + cell[2]) * shapes
        return range(first, first + shapes)

    def cell_of(self, row: int) -> Cell:
        """The cell that an anchor belongs to."""
        found = self.field.candidates
        return self.levels[int(found.level[row])].name, int(found.y[row]), int(found.x[row])

    def shape_of(self, row: int) -> str:
        """An anchor's size and ratio, "32 px 1:2"."""
        found = self.field.candidates
        return self.field.shapes[int(found.level[row])][int(found.shape[row])]

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Sigmoid objectness of every anchor (N,)."""
        return sigmoid(self.field.candidates.objectness)

    @property
    def has_proposals(self) -> bool:
        """Whether the detector proposes boxes before it classifies them; a one-stage detector does not."""
        return not self.trace.spec.kind.one_stage

    # -- layers -----------------------------------------------------------------------------------------------------

    def anchors(self, state: LayersState) -> BoxSet:
        """The anchors that the filters let through; coarse levels first, so that small boxes are drawn on top."""
        grids: list[Grid] = []
        rows: list[Rows] = []
        for index in reversed(range(len(self.levels))):
            if self.levels[index].name in state.hidden_levels:
                continue
            shown = [k for k, label in enumerate(self.field.shapes[index]) if self._shape_shown(label, state)]
            level_grids = self._grids[index]
            if level_grids is not None:
                grids += [level_grids[k] for k in shown]
            else:
                every = np.arange(self.starts[index], self.starts[index + 1])
                rows.append(every[np.isin(self.field.candidates.shape[every], shown)])
        members = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        return BoxSet(self.field.anchors_img, self.field.candidates.level, Grids(grids), members)

    def ranked(self, before_nms: bool) -> Ranked:
        """The proposals, before or after NMS, best first."""
        return self._before if before_nms else self._after

    def proposals(self, state: LayersState) -> BoxSet:
        """The proposals that the filters let through, the best drawn on top."""
        ranked = self.ranked(state.before_nms)
        shown = self._level_shown(ranked.level[ranked.rows], state) & (ranked.scores >= state.proposals_score)
        rows = ranked.rows[shown][: state.proposals_top]
        return BoxSet(ranked.table_img, ranked.level, rows=rows[::-1])

    @cached_property
    def _grids(self) -> tuple[tuple[Grid, ...] | None, ...]:
        spans = zip(self.starts, self.starts[1:], self.levels, self.field.shapes, strict=False)
        return tuple(grids_of(self.field.anchors_img[a:b], level.size, len(labels), a) for a, b, level, labels in spans)

    @cached_property
    def _before(self) -> Ranked:
        entered = STAGE["rpn_top_k"] if self.has_proposals else np.inf
        rows = np.flatnonzero(self.field.candidates.alive_after >= entered)
        rows = rows[np.argsort(-self.probabilities[rows], kind="stable")]
        return Ranked(self.field.regressed_img, self.field.candidates.level, rows, self.probabilities[rows])

    @cached_property
    def _after(self) -> Ranked:
        found = self.field.proposals
        known = found.candidate >= 0
        level = np.full(len(found), -1, np.int16)
        level[known] = self.field.candidates.level[found.candidate[known]]
        return Ranked(self.field.proposals_img, level, np.arange(len(found)), found.score.astype(np.float64))

    def _level_shown(self, level: NDArray[np.int16], state: LayersState) -> NDArray[np.bool_]:
        hidden = [i for i, one in enumerate(self.levels) if one.name in state.hidden_levels]
        return ~np.isin(level, hidden)

    @staticmethod
    def _shape_shown(label: str, state: LayersState) -> bool:
        size, ratio = split_shape(label)
        return size not in state.hidden_sizes and ratio not in state.hidden_ratios


def detections_shown(trace: TraceView, state: LayersState) -> Rows:
    """The detections that the filters let through, best first."""
    found = trace.detections
    shown = (found.scores >= state.detections_score) & ~np.isin(found.labels, list(state.hidden_classes))
    return np.flatnonzero(shown)
