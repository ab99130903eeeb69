"""The lines over the picture: what is asked, how it ended, the way from miss to miss, and the traps this run steps into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.objects import texts
from fpn_viewer.ui.widgets.strip import Strip
from fpn_viewer.viewmodels.objects import MISSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.analysis.trap_values import Trap
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import ObjectsState
    from fpn_viewer.viewmodels.question import QuestionState

ANY = "any class"


def _selectable(label: QLabel) -> QLabel:
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return label


class TrapBadges(QWidget):
    """A small badge for each trap; a pressed one shows its sentence below.

    Attributes:
        badges: one for each trap, in their order.
        sentence: the strip that explains the pressed one.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a hidden row."""
        super().__init__(parent)
        self.badges: list[QToolButton] = []
        self.sentence = Strip("notice")
        self.sentence.closed.connect(self._release)
        self._traps: tuple[Trap, ...] = ()
        self._flow = FlowLayout(self, across=4, down=4)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_traps(self, traps: tuple[Trap, ...]) -> None:
        """Shows a badge for each trap; the sentence of one that is gone goes with it."""
        if traps == self._traps:
            return
        self._traps = traps
        self.sentence.hide()
        for badge in self.badges:
            self._flow.removeWidget(badge)
            badge.hide()
            badge.deleteLater()
        self.badges = [self._badge(trap) for trap in traps]
        self.setVisible(bool(traps))

    def _badge(self, trap: Trap) -> QToolButton:
        badge = QToolButton(self)
        badge.setText(f"{trap.title} · {trap.count}" if trap.count else trap.title)
        badge.setIcon(icon("notice", self.palette()))
        badge.setIconSize(QSize(14, 14))
        badge.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        badge.setToolTip(trap.sentence)
        badge.setCheckable(True)
        badge.setObjectName(trap.name)
        badge.clicked.connect(self._pressed)
        self._flow.addWidget(badge)
        badge.show()
        return badge

    def _pressed(self, on: bool) -> None:
        pressed = self.sender()
        for badge, trap in zip(self.badges, self._traps, strict=True):
            badge.setChecked(on and badge is pressed)
            if badge is pressed:
                self.sentence.label.setText(trap.sentence)
        self.sentence.setVisible(on)

    def _release(self) -> None:
        for badge in self.badges:
            badge.setChecked(False)

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for badge in self.badges:
                badge.setIcon(icon("notice", self.palette()))


class Header(QWidget):
    """Title, verdict, class of a drawn box, steps from miss to miss, traps.

    Signals:
        label_chosen(label): the class of the drawn box, or None for any.
        step_wanted(by): 1 for the next missed object, -1 for the one before.

    Attributes:
        title: what is asked and how it ended.
        verdict: the sentence about it.
        classes: the class of a drawn box.
        previous: button to the missed object before.
        next: button to the next missed object.
        count: where one is among the missed objects.
        traps: the badges.
    """

    label_chosen = Signal(object)
    step_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty header."""
        super().__init__(parent)
        self.title, self.verdict = _selectable(QLabel()), _selectable(QLabel())
        self.classes, self.count, self.traps = QComboBox(), QLabel(), TrapBadges()
        self.previous = self._button("previous", "Look at the missed object before, in other pictures too (Shift+M)")
        self.next = self._button("next", "Look at the next missed object, in other pictures too (M)")
        self._names: tuple[str, ...] | None = None
        self._set_up()
        self._lay_out()

    def _set_up(self) -> None:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(font)
        self.classes.setAccessibleName("Class of the drawn box")
        self.classes.setToolTip("What the drawn box should be detected as; with any class, every detection that covers it counts")
        self.classes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.classes.activated.connect(self._class_chosen)
        self.classes.hide()
        self.previous.clicked.connect(self._step_back)
        self.next.clicked.connect(self._step_on)

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton(self, autoRaise=True)
        button.setObjectName(name)
        button.setIcon(icon(name, self.palette()))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.title, 1)
        first.addWidget(self.classes, 0, Qt.AlignmentFlag.AlignTop)
        first.addSpacing(4)
        steps = QHBoxLayout()
        steps.setSpacing(4)
        for part in (self.previous, self.count, self.next):
            steps.addWidget(part)
        first.addLayout(steps)
        first.setAlignment(steps, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 4)
        column.setSpacing(4)
        column.addLayout(first)
        for below in (self.verdict, self.traps, self.traps.sentence):
            column.addWidget(below)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_question(self, document: Document, objects: ObjectsState, question: QuestionState) -> None:
        """Says what is asked and how it ended."""
        names = document.detector.spec.class_names if document.detector is not None else ()
        asked = question.asked
        row = texts.current_row(objects)
        if asked is not None:
            self.title.setText(texts.title(asked, row, question.line, names))
        else:
            self.title.setText(texts.summary(objects.rows) if row is None else f"{row.name} {texts.size_text(row.box_img)}")
        self.verdict.setText(texts.verdict(document, question))
        self.classes.setVisible(asked is not None and row is None)
        self._offer(names, asked.label if asked is not None else None)

    def show_objects(self, state: ObjectsState) -> None:
        """Says how many objects were missed, and which traps there are."""
        self.count.setText(texts.missed_text(state.rows, state.current, MISSED))
        for part in (self.previous, self.count, self.next):
            part.setVisible(state.annotations is not None or bool(state.rows))
        self.traps.show_traps(state.traps)

    def _offer(self, names: Sequence[str], label: int | None) -> None:
        if names != self._names:
            self._names = tuple(names)
            self.classes.clear()
            self.classes.addItem(ANY, None)
            for index, name in enumerate(names):
                # 0 is the background
                if index:
                    self.classes.addItem(name, index)
        self.classes.setCurrentIndex(max(0, self.classes.findData(label)) if label is not None else 0)

    def _class_chosen(self, index: int) -> None:
        self.label_chosen.emit(self.classes.itemData(index))

    def _step_back(self) -> None:
        self.step_wanted.emit(-1)

    def _step_on(self) -> None:
        self.step_wanted.emit(1)

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "next"):
            for button in (self.previous, self.next):
                button.setIcon(icon(button.objectName(), self.palette()))
