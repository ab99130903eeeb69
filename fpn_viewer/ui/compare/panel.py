"""A pane with who it is above it and its colour bar below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPalette
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.canvas import legend
from fpn_viewer.ui.canvas.painted import Painted
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.looks import PARTS, badge_font, draw_badge, side_of

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from fpn_viewer.engine.values import Plane
    from fpn_viewer.ui.canvas.painted import Target
    from fpn_viewer.ui.compare.pane import ComparePane
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

Role = QPalette.ColorRole
_GAP = 6.0


class PaneTitle(Painted):
    """The letters and names of what a pane shows, and how much each found."""

    def __init__(self, part: str, parent: QWidget | None = None) -> None:
        """Makes a title without names.

        Args:
            part: a key of `looks.PARTS`.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._part = part
        self._rows: tuple[tuple[str, str, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(PARTS[part].tip)

    @property
    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """(letter, name, remark) of each side that is shown; the letter is "" for the difference."""
        return self._rows

    def show_rows(self, rows: tuple[tuple[str, str, str], ...]) -> None:
        """Shows other names."""
        self._rows = rows
        self.setAccessibleName(", ".join(" ".join(row).strip() for row in rows))
        self.setToolTip("\n".join([" · ".join(filter(None, row)) for row in rows] + [PARTS[self._part].tip]))
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(96, round(QFontMetricsF(badge_font(self.font())).height()) + 8)

    def minimumSizeHint(self) -> QSize:
        """Narrower than its text."""
        return self.sizeHint()

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints the names, each in its share of the width; see `Painted`."""
        share = self.width() / max(1, len(self._rows))
        for place, (letter, name, remark) in enumerate(self._rows):
            self._paint_row(painter, QRectF(place * share, 0, share - _GAP, self.height()), letter, name, remark)

    def _paint_row(self, painter: QPainter, room: QRectF, letter: str, name: str, remark: str) -> None:
        painter.setFont(self.font())
        x = room.x()
        if letter:
            height = self.height() - 6.0
            x = draw_badge(painter, QPointF(x, 3), letter, height) + _GAP
        painter.setFont(badge_font(self.font()) if not letter else self.font())
        painter.setPen(self.palette().color(Role.WindowText))
        metrics, small = QFontMetricsF(painter.font()), QFontMetricsF(legend.small_font(self.font()))
        rest = room.right() - x
        wanted = small.horizontalAdvance(remark) + 2 * _GAP if remark else 0.0
        # the remark goes first where room is short
        wanted = wanted if rest - wanted >= metrics.horizontalAdvance(name) else 0.0
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, rest - wanted)
        painter.drawText(QRectF(x, 0, rest, self.height()), Qt.AlignmentFlag.AlignVCenter, shown)
        if wanted:
            painter.setFont(legend.small_font(self.font()))
            painter.setPen(self.palette().color(Role.PlaceholderText))
            painter.drawText(QRectF(x, 0, rest, self.height()), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, remark)


class ScaleBar(Painted):
    """The colours of a map with numbers at both ends; a lock says that A and B share them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a bar without map."""
        super().__init__(parent)
        self._plane: Plane | None = None
        self._locked = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_plane(self, plane: Plane | None, locked: bool) -> None:
        """Shows the colours of another map.

        Args:
            plane: the map, or None.
            locked: the other side has the same scale.
        """
        self._plane, self._locked = plane, locked
        self.setToolTip("" if plane is None else self._lesson(plane))
        self.setAccessibleName("" if plane is None else self._lesson(plane))
        self.update()

    def _lesson(self, plane: Plane) -> str:
        ends = f"{plane.title}: {plane.unit}, from {significant(plane.low)} to {significant(plane.high)}"
        if plane.signed and not self._locked:
            return f"{ends}. Blue is more in A, red more in B, grey the same."
        return f"{ends}; one scale for A and B, so that equal colours are equal values."

    def sizeHint(self) -> QSize:
        """One line of small text."""
        return QSize(96, round(legend.strip_height(legend.small_font(self.font()))) + 2)

    def minimumSizeHint(self) -> QSize:
        """As narrow as a pane."""
        return self.sizeHint()

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints bar and numbers; see `Painted`."""
        if self._plane is None:
            return
        painter.setFont(legend.small_font(self.font()))
        legend.draw_colour_bar(painter, QRectF(self.rect()).adjusted(2, 0, -2, 0), self._plane, self._locked, self.palette())


class Panel(QWidget):
    """Title, pane and colour bar.

    Attributes:
        title: who it is.
        pane: the picture.
        bar: the colours.
    """

    def __init__(self, pane: ComparePane, parent: QWidget | None = None) -> None:
        """Puts a pane into its frame."""
        super().__init__(parent)
        self.part = pane.part
        self.title, self.pane, self.bar = PaneTitle(pane.part), pane, ScaleBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.title)
        column.addWidget(self.pane, 1)
        column.addWidget(self.bar)

    def show_state(self, state: ComparisonState) -> None:
        """Says who is shown, on which scale, and why there is nothing."""
        planes, view = state.planes, state.view
        letters = {"a": "A", "b": "B", "wiper": "AB"}.get(self.part, "")
        if letters:
            self.title.show_rows(tuple(self._side_row(state, letter) for letter in letters))
        else:
            self.title.show_rows((("", f"B − A of {state.node}" if state.node else "B − A", ""),))
        self.bar.show_plane(self._plane(state), self.part != "difference" and planes is not None)
        self.pane.set_message(self._why_empty(state))
        self.pane.set_dimmed(bool(state.running) and view is not None)

    @staticmethod
    def _side_row(state: ComparisonState, letter: str) -> tuple[str, str, str]:
        side = side_of(state.view, letter) if state.view is not None else None
        if side is not None:
            return letter, side.name, texts.found_text(side)
        index = state.shown["AB".index(letter)]
        name = texts.subject_name(state.subjects[index], state.infos[index], state.infos[0])
        return letter, name, "did not run" if state.view is not None else ""

    def _plane(self, state: ComparisonState) -> Plane | None:
        planes = state.planes
        if planes is None:
            return None
        return {"a": planes.a, "b": planes.b, "difference": planes.difference, "wiper": planes.a or planes.b}[self.part]

    def _why_empty(self, state: ComparisonState) -> str:
        if state.view is None:
            return texts.running_line(state) or state.problem or texts.WAITING
        planes = state.planes
        trouble = state.view.troubles["ab".index(self.part)] if self.part in ("a", "b") else ""
        if trouble or planes is None or self._plane(state) is not None:
            return trouble
        letter = PARTS[self.part].letter
        return f"{letter} has no {planes.node}." if letter else planes.sentence or f"There is no map of {planes.node} here."
