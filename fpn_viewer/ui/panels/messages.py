"""What went wrong: one line above the centre, and a panel that keeps everything with its details."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.widgets.strip import Strip
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.viewmodels.states import RunState

#: problems kept; a folder of broken pictures must not fill the memory
KEPT = 500
PROBLEM_ROLE = Qt.ItemDataRole.UserRole


def copied_text(problem: Problem) -> str:
    """A problem as it goes to the clipboard."""
    return f"{problem.title}\n\n{problem.details}".strip()


def copy_problem(problem: Problem) -> None:
    """Puts a problem on the clipboard."""
    QGuiApplication.clipboard().setText(copied_text(problem))


def notice_of(trace: TraceView) -> str:
    """What should be known while looking at a trace, in sentences, or ""."""
    sentences = []
    if trace.follows is not None:
        sentences.append(f"From “{trace.follows.stage}” on, this detector's selection cannot be followed: {trace.follows.why}")
    if not len(trace.detections):
        limit = trace.settings.box_score_thresh
        sentences.append(f"Nothing was detected in this picture with a score above {limit:g}; the maps show what each level saw.")
    return " ".join(sentences)


class MessageBar(Strip):
    """The newest problem in one sentence, with Details and Copy, above the centre.

    Signals:
        details_wanted(): The user asks for the messages panel.
        check_up_wanted(path): The user asks what is the matter with the file that did not open.
    """

    details_wanted = Signal()
    check_up_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a hidden bar."""
        super().__init__("error", parent)
        self._problem = Problem("")
        self._passing = False
        self.check_up = self.add_button("Check-up…", "See what the file holds and what is wrong with it")
        self.check_up.clicked.connect(self._ask_for_check_up)
        self._details = self.add_button("Details", "Show the whole message in the panel below")
        self._details.clicked.connect(self.details_wanted)
        self._copy = self.add_button("Copy", "Copy the message with its details")
        self._copy.clicked.connect(self._copy_it)

    @property
    def problem(self) -> Problem:
        """What the bar says."""
        return self._problem

    def show_problem(self, problem: Problem) -> None:
        """Says what went wrong, until it is closed or something else goes wrong."""
        # Two readers of one broken file say the same, the second one after the state has changed already.
        self._passing &= problem.title == self._problem.title
        self._problem = problem
        self.label.setText(problem.title)
        self.check_up.setVisible(bool(problem.checkpoint))
        self.show()

    def follow(self, state: RunState) -> None:
        """Hides what was said about a run, a picture or a detector once another one is under way.

        Args:
            state: What the worker is doing now.
        """
        if state.kind == "failed":
            self._passing = state.text == self._problem.title
        elif self._passing:
            self._passing = False
            self.hide()

    def _ask_for_check_up(self) -> None:
        self.check_up_wanted.emit(self._problem.checkpoint)

    def _copy_it(self) -> None:
        copy_problem(self._problem)


class MessagesPanel(QWidget):
    """Everything that went wrong since the start, newest last; the details of the chosen one beside it.

    Signals:
        count_changed(count): Number of messages.
    """

    count_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty panel."""
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setAccessibleName("Messages")
        self.details = QPlainTextEdit(readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details.setPlaceholderText("No details")
        self.details.setAccessibleName("Details of the message")
        self.list.currentItemChanged.connect(self._show_details)
        splitter = QSplitter()
        splitter.addWidget(self.list)
        splitter.addWidget(self.details)
        splitter.setChildrenCollapsible(False)
        self._copy = self._button("copy", "Copy the chosen message with its details", self._copy_current)
        self._erase = self._button("erase", "Remove all messages", self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 4, 4)
        row.setSpacing(4)
        row.addWidget(splitter, 1)
        buttons = QVBoxLayout()
        buttons.addWidget(self._copy)
        buttons.addWidget(self._erase)
        buttons.addStretch()
        row.addLayout(buttons)
        self._draw_icons()

    def add(self, problem: Problem) -> None:
        """Keeps a message and chooses it; the same one twice in a row is counted instead."""
        last = self.list.item(self.list.count() - 1)
        if last is not None and last.data(PROBLEM_ROLE) == problem:
            times = last.data(PROBLEM_ROLE + 1) + 1
        else:
            last = QListWidgetItem(self.list)
            times = 1
        last.setData(PROBLEM_ROLE, problem)
        last.setData(PROBLEM_ROLE + 1, times)
        last.setText(f"{datetime.now():%H:%M:%S}  {problem.title}{f'  (× {times})' if times > 1 else ''}")
        if self.list.count() > KEPT:
            self.list.takeItem(0)
        self.list.setCurrentItem(last)
        self.count_changed.emit(self.list.count())

    def clear(self) -> None:
        """Forgets all messages."""
        self.list.clear()
        self.count_changed.emit(0)

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def _button(self, name: str, tip: str, slot: object) -> QToolButton:
        button = QToolButton(self, autoRaise=True)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.clicked.connect(slot)
        return button

    def _show_details(self, item: QListWidgetItem | None) -> None:
        problem = Problem("") if item is None else item.data(PROBLEM_ROLE)
        # The sentence again, because the list may cut it and only this text can be marked with the mouse.
        self.details.setPlainText(copied_text(problem))

    def _copy_current(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            copy_problem(item.data(PROBLEM_ROLE))

    def _draw_icons(self) -> None:
        for button in (self._copy, self._erase):
            button.setIcon(icon(button.objectName(), self.palette()))
