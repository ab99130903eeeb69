"""The dock "Misses": a filter, the table of a scan's objects, and what to do where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from fpn_viewer.ui.misses.chips import FilterBar
from fpn_viewer.ui.misses.table import ScanTable
from fpn_viewer.ui.misses.texts import heading, why_empty
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.scans import Scans, ScansState


class MissesPanel(QWidget):
    """Every object of the open scan."""

    def __init__(self, scans: Scans, document: Document, buttons: tuple[QAction, ...], parent: QWidget | None = None) -> None:
        """Makes the panel.

        Args:
            scans: the open scan.
            document: shows pictures.
            buttons: offered where no scan is open.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scans = scans
        self.filter = FilterBar(scans, self)
        self.table = ScanTable(scans, document, self)
        self.count = QLabel(self)
        self.count.setFont(tabular(self.font()))
        self.count.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.previous = self._step("◀", "Previous lost object of the table (K)", -1)
        self.next = self._step("▶", "Next lost object of the table (J)", 1)
        self.hint = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.hint.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = [self._button(action) for action in buttons]
        self._lay_out()
        scans.changed.connect(self._follow)
        self._follow(scans.state, frozenset())

    def sizeHint(self) -> QSize:
        """A wide, low panel."""
        return QSize(900, 260)

    def _step(self, text: str, tip: str, by: int) -> QToolButton:
        button = named(QToolButton(self, autoRaise=True), tip, tip)
        button.setText(text)
        button.clicked.connect(self._next if by > 0 else self._previous)
        return button

    def _next(self) -> None:
        self._scans.step_missed(1)

    def _previous(self) -> None:
        self._scans.step_missed(-1)

    def _button(self, action: QAction) -> QPushButton:
        button = QPushButton(action.text().replace("&", ""), self)
        button.setToolTip(action.toolTip())
        button.clicked.connect(action.trigger)
        return button

    def _lay_out(self) -> None:
        page = QWidget(self)
        empty = QVBoxLayout(page)
        empty.setContentsMargins(16, 4, 16, 4)
        empty.addStretch()
        empty.addWidget(self.hint)
        row = QHBoxLayout()
        row.addStretch()
        for button in self._buttons:
            row.addWidget(button)
        row.addStretch()
        empty.addLayout(row)
        empty.addStretch()
        self._pages = QStackedWidget(self)
        self._pages.addWidget(page)
        self._pages.addWidget(self.table)
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 8, 0)
        top.setSpacing(4)
        top.addWidget(self.filter, 1)
        for widget in (self.count, self.previous, self.next):
            top.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._pages, 1)

    def _follow(self, state: ScansState, _: frozenset[str]) -> None:
        is_open = state.about is not None
        for widget in (self.filter, self.count, self.previous, self.next):
            widget.setVisible(is_open)
        for button in self._buttons:
            button.setVisible(not state.path or bool(state.problem and not is_open))
        self.count.setText(heading(state))
        for arrow in (self.previous, self.next):
            arrow.setEnabled(bool(len(self._scans.rows.lost)))
        # rows of before stay in view until those of a new filter are found
        self._pages.setCurrentIndex(int(is_open and bool(len(self._scans.rows))))
        self.hint.setText(why_empty(state))
