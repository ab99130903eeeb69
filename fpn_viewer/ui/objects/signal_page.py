"""The page "Signal" below the picture: what the maps say of the object in a sentence, and the strip of crops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.objects import signal_texts
from fpn_viewer.ui.objects.strip import SignalStrip

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QAction, QResizeEvent

    from fpn_viewer.core.analysis.signals import NodeSignal
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.question import Question, QuestionState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState

NOTHING = "The asked object will stand here as each map of the pyramid sees it."
WAITING = "Reading the maps around it …"


class StripScroll(QScrollArea):
    """Scrolls the strip up and down, and tells it how much of it can be in view."""

    def __init__(self, strip: SignalStrip) -> None:
        """Takes the strip."""
        super().__init__()
        self._strip = strip
        self.setWidget(strip)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lays the strip out for the new size, whether a scroll bar is shown or not."""
        super().resizeEvent(event)
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        self._strip.set_room(float(self.width() - bar), float(self.height()))


class SignalPage(QWidget):
    """Sentence, channel, scale and strip.

    Attributes:
        sentence: what can be read from the maps.
        channel: whose values the crops show.
        locked: one colour scale over all levels.
        strip: the crops.
        empty: said instead while there is nothing to show.
        menu: the channels once more, at a node.
    """

    def __init__(self, document: Document, selection: Selection, question: Question, parent: QWidget | None = None) -> None:
        """Follows the question.

        Args:
            document: the picture and its pyramid.
            selection: the current node.
            question: the object and its signal.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._selection, self._question = document, selection, question
        self.sentence, self.empty = QLabel(), QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.channel, self.locked = QComboBox(), QCheckBox("Lock scale")
        self.strip, self.menu = SignalStrip(), QMenu(self)
        self._set_up()
        self._lay_out()
        question.changed.connect(self._question_changed)
        selection.changed.connect(self._selection_changed)
        document.trace_changed.connect(self._show)
        self._show()

    def _set_up(self) -> None:
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.empty.setWordWrap(True)
        self.channel.setAccessibleName("Channel of the crops")
        self.channel.setToolTip("What the crops show: all channels, or one of those that carry the object best in the chosen map")
        self.channel.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.locked.setToolTip("One colour scale for all levels; otherwise each row has its own")
        self.channel.activated.connect(self._channel_chosen)
        self.locked.toggled.connect(self.strip.set_locked)
        self.menu.triggered.connect(self._menu_chosen)
        self.strip.chosen.connect(self._node_chosen)
        self.strip.menu_wanted.connect(self._show_menu)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(8, 4, 8, 0)
        top.setSpacing(8)
        top.addWidget(self.sentence, 1)
        top.addWidget(self.channel, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.locked, 0, Qt.AlignmentFlag.AlignTop)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        scroll = StripScroll(self.strip)
        scroll.setViewportMargins(8, 0, 0, 0)
        column.addWidget(scroll, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(full)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    # -- what changes -----------------------------------------------------------------------------------------------

    def _question_changed(self, state: QuestionState, names: frozenset[str]) -> None:
        if names & {"asked", "signal", "trouble"}:
            self._show()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if "current" in names:
            self.strip.set_current(state.current)
            self._offer()

    def _show(self, _: object = None) -> None:
        state, trace = self._question.state, self._document.trace
        signal = state.signal if trace is not None else None
        self.strip.show_signal(signal, trace.graph.levels if trace is not None else (), self._document.picture)
        self.strip.set_current(self._selection.state.current)
        self.sentence.setText(signal.sentence if signal is not None else "")
        waiting = trace is not None and state.asked is not None
        self.empty.setText(WAITING if waiting and not state.trouble else NOTHING)
        self._pages.setCurrentIndex(int(signal is not None))
        self._offer()

    def _node(self) -> NodeSignal | None:
        signal, current = self._question.state.signal, self._selection.state.current
        return next((node for node in signal.nodes if (node.level, node.role) == current), None) if signal is not None else None

    def _offer(self) -> None:
        signal = self._question.state.signal
        if signal is None:
            return
        self.channel.clear()
        for text, channel in signal_texts.channel_items(signal, self._node()):
            self.channel.addItem(text, channel)
            if channel == signal.channel:
                self.channel.setCurrentIndex(self.channel.count() - 1)

    # -- what the user does -----------------------------------------------------------------------------------------

    def _node_chosen(self, level: str, role: str) -> None:
        self._selection.update(current=(level, role))

    def _channel_chosen(self, index: int) -> None:
        self._question.set_channel(self.channel.itemData(index))

    def _show_menu(self, point: QPoint) -> None:
        self.menu.clear()
        group = QActionGroup(self.menu)
        for index in range(self.channel.count()):
            action = self.menu.addAction(self.channel.itemText(index))
            action.setCheckable(True)
            action.setChecked(index == self.channel.currentIndex())
            action.setData(self.channel.itemData(index))
            group.addAction(action)
        self.menu.popup(point)

    def _menu_chosen(self, action: QAction) -> None:
        self._question.set_channel(action.data())
