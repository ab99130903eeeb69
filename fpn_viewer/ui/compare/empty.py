"""The tab before there is anything to compare: what it is for, and one button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.menus import SideMenu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.comparison_state import ComparisonState


class EmptyPage(QWidget):
    """A title, two lines, a button with the ways to get a second side, and what became of the last try.

    Signals:
        file_wanted(place): a file is to be chosen for B.
        open_requested(): pictures are to be chosen.

    Attributes:
        button: opens the menu.
        menu: a file, bundled and recent checkpoints, the same detector in another way.
        running: what is being opened.
        cancel: stops that.
        problem: why it was not.
    """

    file_wanted = Signal(object)
    open_requested = Signal()

    def __init__(self, comparison: Comparison, recent: Callable[[], Sequence[str]], parent: QWidget | None = None) -> None:
        """Makes the page.

        Args:
            comparison: what is compared.
            recent: the checkpoints that were opened last.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._comparison = comparison
        self.title = QLabel(texts.EMPTY_TITLE, alignment=Qt.AlignmentFlag.AlignCenter)
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        self.title.setFont(font)
        self.text = QLabel(texts.EMPTY_TEXT, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.text.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.menu = SideMenu(1, comparison, recent, self)
        self.button = QPushButton(f"{texts.EMPTY_BUTTON} ")
        self.button.setMenu(self.menu)
        self.button.setToolTip(
            "A file, a bundled checkpoint, or this detector at another size, in tiles or without its top-down path"
        )
        self.running = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedSize(180, 6)
        self.progress.setAccessibleName("Progress")
        self.cancel = QPushButton("Cancel")
        self.problem = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self.menu.file_wanted.connect(self.file_wanted)
        self.cancel.clicked.connect(self._stop)

    def _lay_out(self) -> None:
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(12)
        column.addStretch(2)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addWidget(self.button, 0, centre)
        column.addWidget(self.problem)
        for widget in (self.running, self.progress, self.cancel):
            column.addWidget(widget, 0, centre)
        column.addStretch(3)

    def show_state(self, state: ComparisonState) -> None:
        """Says what is being opened, and why nothing was."""
        busy = bool(state.running)
        self.button.setVisible(not busy)
        self.button.setEnabled(state.infos[0] is not None)
        self.text.setText(texts.EMPTY_TEXT if state.infos[0] is not None else texts.NO_DETECTOR)
        self.running.setText(texts.running_line(state))
        self.progress.setRange(0, 100 if state.fraction else 0)
        self.progress.setValue(round(100 * state.fraction))
        for widget in (self.running, self.progress, self.cancel):
            widget.setVisible(busy)
        self.problem.setText(state.problem)
        self.problem.setVisible(bool(state.problem))

    @Slot()
    def _stop(self) -> None:
        self._comparison.cancel()
