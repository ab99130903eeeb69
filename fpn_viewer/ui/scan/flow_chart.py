"""The objects that two detectors treat differently, as ribbons from what the one makes of them to what the other does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QPainterPath, QPen

from fpn_viewer.engine.scan.looks import state_look
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.engine.scan.words import at, counted, share, state_name
from fpn_viewer.ui.scan import axes
from fpn_viewer.ui.scan.chart import Chart, Mark, box_path
from fpn_viewer.ui.scan.looks import fill, state_tip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.numbers.values import Flows

_HEAD, _FOOT, _GAP, _NODE = 26.0, 6.0, 6.0, 14.0
#: px that a state has at least, so that its name can be read beside it
_LEAST = 18.0
_WORDS = 170.0
_RIBBON, _CURVE = 0.5, 0.5
#: ribbons by (found before, found after): colour and what it means
GAINED, LOST_NOW, SAME = "#009E73", "#D55E00", "#8A8F98"


@dataclass(frozen=True)
class _Ribbon:
    """Objects that go from a state to a state, px of the chart.

    Attributes:
        a: state of the one detector.
        b: of the other.
        count: objects.
        left: top and bottom at the left end.
        right: at the right end.
    """

    a: str
    b: str
    count: int
    left: tuple[float, float]
    right: tuple[float, float]


class FlowChart(Chart):
    """States of A at the left, of B at the right, and ribbons as wide as the objects that go between them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty chart."""
        super().__init__("What became of the same objects in two detectors; arrow keys step, Enter filters the table", parent)
        self._flows: Flows | None = None
        self._all = False
        self._ribbons: tuple[_Ribbon, ...] = ()
        self._nodes: tuple[dict[str, QRectF], dict[str, QRectF]] = ({}, {})

    def show_flows(self, flows: Flows | None, everything: bool) -> None:
        """Draws flows.

        Args:
            flows: what became of the objects; None for nothing.
            everything: also what becomes of an object in both alike; else only where they differ.
        """
        self._flows, self._all = flows, everything
        self.setMinimumHeight(round(_HEAD + _FOOT + (_LEAST + _GAP) * max(len(side) for side in self._states())))
        self.refresh()

    # -- placing ----------------------------------------------------------------------------------------------------

    def _cells(self) -> list[tuple[str, str, int]]:
        """(state of A, state of B, objects), from found down to what is lost first."""
        flows = self._flows
        if flows is None:
            return []
        cells = [
            (a, b, int(flows.counts[row, column]))
            for row, a in reversed(list(enumerate(flows.states_a)))
            for column, b in reversed(list(enumerate(flows.states_b)))
        ]
        return [(a, b, count) for a, b, count in cells if count and (self._all or a != b)]

    def _states(self) -> tuple[list[str], list[str]]:
        """The states that are drawn on each side, from top to bottom."""
        cells, flows = self._cells(), self._flows
        if flows is None:
            return [], []
        used = {a for a, _, _ in cells}, {b for _, b, _ in cells}
        return [s for s in reversed(flows.states_a) if s in used[0]], [s for s in reversed(flows.states_b) if s in used[1]]

    def arrange(self) -> tuple[Mark, ...]:
        """Places states and ribbons."""
        cells, flows = self._cells(), self._flows
        if flows is None or not cells:
            self._ribbons, self._nodes = (), ({}, {})
            return ()
        words = min(_WORDS, 0.26 * self.width())
        sums = [_summed((a, n) for a, _, n in cells), _summed((b, n) for _, b, n in cells)]
        lefts = words, self.width() - words - _NODE
        placed = [self._column(states, counts, x) for states, counts, x in zip(self._states(), sums, lefts, strict=True)]
        self._nodes = placed[0], placed[1]
        # what differs lies above what does not
        ribbons = list(_ribbons(cells, self._nodes, sums))
        self._ribbons = tuple(sorted(ribbons, key=lambda one: ribbon_colour(one.a, one.b) != SAME))
        return (*(self._ribbon_mark(flows, one) for one in self._ribbons), *self._node_marks(flows, sums))

    def _column(self, states: list[str], counts: dict[str, int], x: float) -> dict[str, QRectF]:
        """The states of one side; each at least as high as its name, the rest shared out by objects."""
        free = self.height() - _HEAD - _FOOT - _GAP * (len(states) - 1) - _LEAST * len(states)
        total, y, placed = sum(counts.values()), _HEAD, {}
        for state in states:
            height = _LEAST + max(0.0, free) * counts[state] / total
            placed[state] = QRectF(x, y, _NODE, height)
            y += height + _GAP
        return placed

    def _ribbon_mark(self, flows: Flows, one: _Ribbon) -> Mark:
        words = f"{_fate(one.a)} by {flows.names[0]}, {_fate(one.b)} by {flows.names[1]}: {counted(one.count)}"
        x = (self._nodes[0][one.a].right() + self._nodes[1][one.b].left()) / 2
        middle = QPointF(x, (sum(one.left) + sum(one.right)) / 4)
        return Mark(self._path(one), middle, words, f"{words}\nClick to list them", flows.picked(one.a, one.b))

    def _node_marks(self, flows: Flows, sums: list[dict[str, int]]) -> list[Mark]:
        marks = []
        for side, (nodes, counts, name) in enumerate(zip(self._nodes, sums, flows.names, strict=True)):
            for state, rect in nodes.items():
                words = f"{_fate(state)} by {name}: {counted(counts[state])} in the drawing"
                chosen = flows.picked(state, None) if side == 0 else flows.picked(None, state)
                tip = f"{words}\n{state_tip(state)}\nClick to list all of them"
                marks.append(Mark(box_path(rect), rect.center(), words, tip, chosen))
        return marks

    def _path(self, one: _Ribbon) -> QPainterPath:
        left, right = self._nodes[0][one.a].right(), self._nodes[1][one.b].left()
        bend = (right - left) * _CURVE
        path = QPainterPath(QPointF(left, one.left[0]))
        path.cubicTo(left + bend, one.left[0], right - bend, one.right[0], right, one.right[0])
        path.lineTo(right, one.right[1])
        path.cubicTo(right - bend, one.right[1], left + bend, one.left[1], left, one.left[1])
        path.closeSubpath()
        return path

    # -- painting ---------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Ribbons below, states with their names above."""
        flows = self._flows
        if flows is None or not self._ribbons:
            return
        for one in self._ribbons:
            colour = QColor(ribbon_colour(one.a, one.b))
            colour.setAlphaF(_RIBBON)
            painter.setPen(QPen(self.base(), 0.5))
            painter.setBrush(colour)
            painter.drawPath(self._path(one))
        painter.setFont(self.figures(bold=True))
        left, right = (next(iter(nodes.values())) for nodes in self._nodes)
        half, line = self.width() / 2, float(painter.fontMetrics().height())
        axes.paint_left(painter, QRectF(left.left(), 0, half - left.left(), line), flows.names[0], self.ink())
        axes.paint_right(painter, QRectF(half, 0, right.right() - half, line), flows.names[1], self.ink())
        painter.setFont(self.figures())
        self._paint_nodes(painter)

    def _paint_nodes(self, painter: QPainter) -> None:
        for side, nodes in enumerate(self._nodes):
            for state, rect in nodes.items():
                fill(painter, rect, state_look(state), self.base())
                count = sum(one.count for one in self._ribbons if (one.a, one.b)[side] == state)
                text = f"{state_name(state)}  {count:,}"
                if side == 0:
                    axes.paint_right(painter, QRectF(0, rect.top(), rect.left() - 6, rect.height()), text, self.ink())
                else:
                    room = QRectF(rect.right() + 6, rect.top(), self.width() - rect.right() - 6, rect.height())
                    axes.paint_left(painter, room, text, self.ink())

    def sizeHint(self) -> QSize:
        """Room for names and ribbons."""
        return QSize(640, self.minimumHeight())


def ribbon_colour(a: str, b: str) -> str:
    """Green where B finds what A loses, vermilion where it loses what A finds, grey where both find or both lose."""
    if (a == FOUND) == (b == FOUND):
        return SAME
    return GAINED if b == FOUND else LOST_NOW


def flow_table(flows: Flows) -> str:
    """All numbers with tabs between them: a row for each state of A, a column for each of B."""
    head = [f"{flows.names[0]} \\ {flows.names[1]}", *(state_name(state) for state in flows.states_b)]
    rows = [[state_name(state), *(str(n) for n in row)] for state, row in zip(flows.states_a, flows.counts.tolist(), strict=True)]
    return "\n".join("\t".join(row) for row in (head, *rows))


def flow_words(flows: Flows) -> str:
    """How many objects both find, one finds, neither finds."""
    parts = (
        (flows.both, "found by both"),
        (flows.only_a, f"only by {flows.names[0]}"),
        (flows.only_b, f"only by {flows.names[1]}"),
        (flows.neither, "by neither"),
    )
    return " · ".join(f"{count:,} {words} ({share(count, flows.total)})" for count, words in parts)


def _fate(state: str) -> str:
    return state_name(state) if state == FOUND else f"lost {at(state)}"


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for state, count in pairs:
        sums[state] = sums.get(state, 0) + count
    return sums


def _ribbons(
    cells: list[tuple[str, str, int]], nodes: tuple[dict[str, QRectF], dict[str, QRectF]], sums: list[dict[str, int]]
) -> Iterable[_Ribbon]:
    """Ribbons that leave and reach their states in order, so that they cross as little as they can."""
    tops = [{state: rect.top() for state, rect in side.items()} for side in nodes]
    for a, b, count in cells:
        ends = []
        for side, state in enumerate((a, b)):
            height = nodes[side][state].height() * count / sums[side][state]
            ends.append((tops[side][state], tops[side][state] + height))
            tops[side][state] += height
        yield _Ribbon(a, b, count, ends[0], ends[1])
