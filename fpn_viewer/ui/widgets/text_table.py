"""A table of texts to read, search and copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from fpn_viewer.ui.theme import strip_colour
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.sureness import MEANINGS, mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
_TOP = QModelIndex()


@dataclass(frozen=True)
class Cell:
    """One text of a table.

    Attributes:
        text: what is shown and copied.
        tip: the tooltip; the text itself when empty.
        number: right-aligned, so that numbers under each other compare.
        sure: a word of `SURENESS`, whose mark stands before the text.
        ground: a key of `theme.STRIPS` for the ground of something that must be seen, or "".
    """

    text: str
    tip: str = ""
    number: bool = False
    sure: str = ""
    ground: str = ""


class _Rows(QAbstractTableModel):
    """The rows of a table."""

    def __init__(self, headings: Sequence[str], view: QWidget) -> None:
        super().__init__(view)
        self._headings, self._view = tuple(headings), view
        self.rows: tuple[tuple[Cell, ...], ...] = ()

    def fill(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Shows other rows."""
        self.beginResetModel()
        self.rows = tuple(tuple(row) for row in rows)
        self.endResetModel()

    def rowCount(self, parent: Index = _TOP) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _TOP) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(self._headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The headings; those of numbers stand over their numbers."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.TextAlignmentRole and self.rows:
            return _alignment(self.rows[0][section])
        return self._headings[section] if role == Role.DisplayRole else None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a cell shows."""
        cell = self.rows[index.row()][index.column()]
        match role:
            case Role.DisplayRole:
                return cell.text
            case Role.ToolTipRole:
                return cell.tip or MEANINGS.get(cell.sure) or cell.text
            case Role.TextAlignmentRole:
                return _alignment(cell)
            case Role.DecorationRole if cell.sure:
                return mark(cell.sure, self._view.palette(), self._view.devicePixelRatioF())
            case Role.BackgroundRole if cell.ground:
                return strip_colour(cell.ground, self._view.palette())
        return None


def _alignment(cell: Cell) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignRight if cell.number else Qt.AlignmentFlag.AlignLeft)


class TextTable(QTableView):
    """Rows of texts; Ctrl+C copies the chosen ones, or all of them, for a spreadsheet."""

    def __init__(self, name: str, headings: Sequence[str], stretched: int, parent: QWidget | None = None) -> None:
        """Makes an empty table.

        Args:
            name: for screen readers.
            headings: of the columns.
            stretched: the column that takes the room that is left.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._rows = _Rows(headings, self)
        self._headings, self._stretched = tuple(headings), stretched
        self._shown = QSortFilterProxyModel(self)
        self._shown.setSourceModel(self._rows)
        self._shown.setFilterKeyColumn(-1)
        self._shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._shown)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        self.addAction(copy_action("&Copy", self, self.copy))

    def fill(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Shows other rows."""
        self._rows.fill(rows)
        widest = max(200, self.width() // 3)
        for column in range(len(self._headings)):
            if column != self._stretched:
                self.resizeColumnToContents(column)
                self.setColumnWidth(column, min(widest, self.columnWidth(column) + 12))

    def search(self, text: str) -> None:
        """Shows only rows that contain a text."""
        self._shown.setFilterFixedString(text.strip())

    @property
    def shown(self) -> list[tuple[Cell, ...]]:
        """The rows that are shown, in order."""
        places = (self._shown.mapToSource(self._shown.index(row, 0)).row() for row in range(self._shown.rowCount()))
        return [self._rows.rows[place] for place in places]

    def row_at(self, index: Index) -> int:
        """Which of the filled-in rows a shown one is."""
        return self._shown.mapToSource(self._shown.index(index.row(), 0)).row()

    def copy(self) -> None:
        """Puts the chosen rows, or all that are shown, on the clipboard with tabs between their cells."""
        chosen = sorted({index.row() for index in self.selectionModel().selectedRows()})
        rows = self.shown
        lines = [self._headings, *(tuple(cell.text for cell in rows[row]) for row in chosen or range(len(rows)))]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))
