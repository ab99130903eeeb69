"""The stages of a life line as a list that one steps through; the opened stage is the one whose boxes are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QListView, QSizePolicy, QWidget

from fpn_viewer.ui.panels.life_paint import LINE_ROLE, NAMES_ROLE, OPEN_ROLE, STAGE_ROLE, TEXT, LifeDelegate, columns
from fpn_viewer.ui.panels.life_texts import stage_spoken, stage_tip
from fpn_viewer.ui.panels.probe_paint import tabular

if TYPE_CHECKING:
    from PySide6.QtCore import QPersistentModelIndex
    from PySide6.QtGui import QKeyEvent, QPaintEvent, QResizeEvent

    from fpn_viewer.core.analysis.line import LifeLine

    Index = QModelIndex | QPersistentModelIndex

#: keys that belong to the list while it has the focus; all others go on to the window
_STEPS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End})
_TOGGLES = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
HEADINGS = ("Stage", "near", "decided by")
HEADINGS_TIP = (
    "Every stage of the detector in order. “near” counts the candidates that overlap the object enough and are left after it, "
    "with a bar for each level; “decided by” is the number of the one that came closest, beside the limit it was held against."
)


class LifeModel(QAbstractListModel):
    """One row for each stage."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line: LifeLine | None = None
        self._open = ""
        self._names: tuple[str, ...] = ()

    @property
    def line(self) -> LifeLine | None:
        """What is shown."""
        return self._line

    def show(self, line: LifeLine | None, class_names: tuple[str, ...] = ()) -> None:
        """Shows another life line; while it has the same stages, so does the current row."""
        same = line is not None and self.stages() == tuple(stage.name for stage in line.stages)
        if not same:
            self.beginResetModel()
        self._line, self._names = line, class_names
        if not same:
            self.endResetModel()
        elif self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    @property
    def opened(self) -> str:
        """The stage whose row is open, "" when none of them is."""
        return self._open if self._open in self.stages() else ""

    def open(self, stage: str) -> None:
        """Opens the row of a stage, and closes the one that was open; "" for none."""
        before, self._open = self._open, stage
        for name in {before, stage} - {""}:
            if name in self.stages():
                index = self.index(self.stages().index(name))
                self.dataChanged.emit(index, index)

    def stages(self) -> tuple[str, ...]:
        """Their names."""
        return () if self._line is None else tuple(stage.name for stage in self._line.stages)

    def rowCount(self, parent: Index | None = None) -> int:
        """The number of stages."""
        return 0 if self._line is None or (parent is not None and parent.isValid()) else len(self._line.stages)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The stage as a sentence, its tooltip, or what the delegate draws from."""
        if self._line is None or not index.isValid():
            return None
        stage = self._line.stages[index.row()]
        answers = {LINE_ROLE: self._line, STAGE_ROLE: stage, OPEN_ROLE: stage.name == self._open, NAMES_ROLE: self._names}
        if role in answers:
            return answers[role]
        if role == Qt.ItemDataRole.ToolTipRole:
            return stage_tip(stage)
        spoken = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        return stage_spoken(stage) if role in spoken else None


class LifeList(QListView):
    """The rows, as high as they are: what does not fit is scrolled by whoever holds the list.

    Signals:
        stepped(stage): the keys reached a stage.
        toggled(stage): a stage was clicked, or Enter pressed on it.
        moved(): another row is open.
    """

    stepped = Signal(object)
    toggled = Signal(object)
    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = LifeModel(self)
        self.setModel(self._model)
        self.setItemDelegate(LifeDelegate(self))
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setAutoScroll(False)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Stages of the detector, from picture to detection")
        self.clicked.connect(self._clicked)

    @property
    def line(self) -> LifeLine | None:
        """What is shown."""
        return self._model.line

    def show_line(self, line: LifeLine | None, class_names: tuple[str, ...]) -> None:
        """Shows another life line; keys begin where the object was lost."""
        self._model.show(line, class_names)
        if line is not None and not self._model.opened:
            names = self._model.stages()
            self.setCurrentIndex(self._model.index(names.index(line.killer or names[-1])))
        self._fit()

    def open(self, stage: str) -> None:
        """Opens the row of a stage; "" closes all."""
        self._model.open(stage)
        if stage in self._model.stages():
            self.setCurrentIndex(self._model.index(self._model.stages().index(stage)))
        self._fit()
        if stage in self._model.stages():
            self.moved.emit()

    def stage_at(self, index: Index) -> str:
        """Name of the stage of a row, "" for none."""
        return index.data(STAGE_ROLE).name if index.isValid() else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Steps, opens and closes, or leaves the key to the window."""
        if event.key() in _STEPS:
            # the first step opens the row that is framed
            if self._model.opened or event.key() not in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                super().keyPressEvent(event)
            self.stepped.emit(self.stage_at(self.currentIndex()))
        elif event.key() in _TOGGLES and self.currentIndex().isValid():
            self.toggled.emit(self.stage_at(self.currentIndex()))
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Sentences break elsewhere."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def sizeHint(self) -> QSize:
        """All rows."""
        return QSize(240, sum(self.sizeHintForIndex(self._model.index(row)).height() for row in range(self._model.rowCount())))

    def _fit(self) -> None:
        self.setFixedHeight(self.sizeHint().height())

    @Slot(QModelIndex)
    def _clicked(self, index: Index) -> None:
        self.toggled.emit(self.stage_at(index))


class LifeHeader(QWidget):
    """What the columns are, over the list."""

    def __init__(self, rows: LifeList, parent: QWidget | None = None) -> None:
        """Makes the header.

        Args:
            rows: the list, as wide as the header.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._rows = rows
        self.setToolTip(HEADINGS_TIP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(200, QFontMetrics(tabular(self.font(), -1)).height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The words over the columns of the list."""
        if self._rows.line is None:
            return
        painter = QPainter(self)
        painter.setFont(tabular(self.font(), -1))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        places = columns(self._rows.line, self._rows.font(), self.width())
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        ends = (places.count[0] + places.count[1] if places.count[1] else 0, places.number[0] + places.number[1])
        painter.drawText(QRect(TEXT, 0, places.name[1], self.height()), Qt.AlignmentFlag.AlignVCenter, HEADINGS[0])
        for text, end in zip(HEADINGS[1:], ends, strict=True):
            painter.drawText(QRect(0, 0, end, self.height()), right, text)
        painter.end()
