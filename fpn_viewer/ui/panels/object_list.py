"""Annotated objects as a list of which only the rows in sight cost anything."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QAbstractItemView, QListView

from fpn_viewer.ui.panels.object_row import OBJECT_ROLE, STATUS_ROLE, ObjectDelegate, look_of
from fpn_viewer.ui.panels.object_texts import NONE_LEFT, row_tip, size_text, status_text
from fpn_viewer.viewmodels.objects import MISSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtCore import QPersistentModelIndex, QRect
    from PySide6.QtGui import QKeyEvent, QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.viewmodels.objects import ObjectRow

    Index = QModelIndex | QPersistentModelIndex

#: what is listed: key of a choice to the rows that it takes
FILTERS: dict[str, Callable[[ObjectRow], bool]] = {
    "all": lambda _: True,
    "missed": lambda row: row.outcome in MISSED,
    "found": lambda row: row.outcome == "found",
    "flawed": lambda row: bool(row.flaw),
}


#: keys that belong to the list while it has the focus; all others go on to the window
_OWN_KEYS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End})
_ZOOM_KEYS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})


def count_rows(rows: Iterable[ObjectRow]) -> dict[str, int]:
    """How many rows each of `FILTERS` takes, in one pass."""
    counted = Counter((row.outcome, bool(row.flaw)) for row in rows)
    missed, found = (sum(n for (outcome, _), n in counted.items() if outcome in kinds) for kinds in (MISSED, {"found"}))
    return {
        "all": counted.total(),
        "missed": missed,
        "found": found,
        "flawed": sum(n for (_, flawed), n in counted.items() if flawed),
    }


class ObjectModel(QAbstractListModel):
    """The rows that a filter lets through."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ObjectRow, ...] = ()
        self._shown: tuple[int, ...] = ()
        self._places: dict[int, int] = {}
        self._told: tuple[int, LifeLine] | None = None

    @property
    def shown(self) -> tuple[ObjectRow, ...]:
        """The rows in the list."""
        return tuple(self._rows[index] for index in self._shown)

    def show(self, rows: tuple[ObjectRow, ...], kind: str, name: str) -> bool:
        """Shows other rows.

        Args:
            rows: all objects.
            kind: a key of `FILTERS`.
            name: part of the class's name; "" for all.

        Returns:
            True when other objects are listed than before, so that the current row is lost.
        """
        takes, part = FILTERS[kind], name.strip().casefold()
        shown = tuple(row.index for row in rows if takes(row) and (not part or part in row.name.casefold()))
        same = shown == self._shown and len(rows) == len(self._rows)
        if not same:
            self.beginResetModel()
        self._rows, self._shown = rows, shown
        if same:
            self._touch(0, len(shown) - 1)
            return False
        self._places = {index: place for place, index in enumerate(shown)}
        self.endResetModel()
        return True

    def tell(self, told: tuple[int, LifeLine] | None) -> None:
        """Takes the life line of one object, which is there before the verdicts on all."""
        before, self._told = self._told, told
        for pair in (before, told):
            if pair is not None and pair[0] in self._places:
                self._touch(self._places[pair[0]], self._places[pair[0]])

    def place(self, index: int | None) -> QModelIndex:
        """Where an object is listed; invalid when it is not."""
        place = None if index is None else self._places.get(index)
        return QModelIndex() if place is None else self.index(place)

    def rowCount(self, parent: Index | None = None) -> int:
        """The number of listed objects."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The object in words, its tooltip, or what the delegate draws from."""
        if not index.isValid():
            return None
        row = self._rows[self._shown[index.row()]]
        if role == OBJECT_ROLE:
            return row
        if role == STATUS_ROLE:
            return self._status(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            line = self._line_of(row)
            return row_tip(row, look_of(row).tip, row.verdict or (line.verdict if line is not None else ""))
        spoken = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        return f"{row.name}, {size_text(row)}, {look_of(row).text}, {self._status(row)}" if role in spoken else None

    def _status(self, row: ObjectRow) -> str:
        line = self._line_of(row)
        return status_text(row, MISSED, (line.killer or "") if line is not None else "")

    def _line_of(self, row: ObjectRow) -> LifeLine | None:
        return self._told[1] if self._told is not None and self._told[0] == row.index else None

    def _touch(self, first: int, last: int) -> None:
        if first <= last:
            self.dataChanged.emit(self.index(first), self.index(last))


class ObjectList(QListView):
    """The view; keys that it has no use for go on to the window.

    Signals:
        chosen(index): an object was clicked or reached with the keys.
        zoom_wanted(): Enter was pressed, or a row clicked twice.
    """

    chosen = Signal(object)
    zoom_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._syncing = False
        self.setUniformItemSizes(True)
        self.setItemDelegate(ObjectDelegate(self))
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Annotated objects")
        self.rows = ObjectModel(self)
        self.setModel(self.rows)
        self.doubleClicked.connect(self._zoom)

    def show_rows(self, rows: tuple[ObjectRow, ...], kind: str, name: str, current: int | None) -> None:
        """Shows other rows, and where the current object is among them."""
        self._syncing = True
        self.rows.show(rows, kind, name)
        self._syncing = False
        self.show_current(current)

    def show_current(self, current: int | None) -> None:
        """Marks the object that is looked at."""
        place = self.rows.place(current)
        if place == self.currentIndex():
            return
        self._syncing = True
        self.setCurrentIndex(place)
        if not place.isValid():
            self.clearSelection()
        self._syncing = False

    def currentChanged(self, current: Index, previous: Index) -> None:
        """Tells which object the user has chosen."""
        super().currentChanged(current, previous)
        if not self._syncing and current.isValid():
            self.chosen.emit(current.data(OBJECT_ROLE).index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Moves in the list, zooms, or leaves the key to the window."""
        if event.key() in _OWN_KEYS:
            super().keyPressEvent(event)
        elif event.key() in _ZOOM_KEYS and self.currentIndex().isValid():
            self.zoom_wanted.emit()
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the current object in sight, where the words below the list take some of its room."""
        super().resizeEvent(event)
        seen = self.viewport().rect().adjusted(0, 0, 0, event.oldSize().height() - event.size().height())
        if event.oldSize().isValid() and seen.intersects(self.visualRect(self.currentIndex())):
            self.scrollTo(self.currentIndex())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the rows, or that the filter has left none."""
        super().paintEvent(event)
        if self.rows.rowCount():
            return
        painter = QPainter(self.viewport())
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        room: QRect = self.viewport().rect().adjusted(8, 8, -8, -8)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, NONE_LEFT)
        painter.end()

    @Slot(QModelIndex)
    def _zoom(self, index: Index) -> None:
        if index.isValid():
            self.zoom_wanted.emit()
