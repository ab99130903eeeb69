"""The table of a scan's objects, of which only the rows in sight cost anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from fpn_viewer.engine.scan_table import COLUMNS
from fpn_viewer.ui.misses.cells import ALIGNED, KEYS, NUMBERS, ROW_HEIGHT, ROW_ROLE, WIDTHS, ScanDelegate
from fpn_viewer.ui.misses.crops import CropStore
from fpn_viewer.ui.misses.texts import cell_text, row_tip, rows_tsv
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.scans import Scans, ScansState

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
_TOP = QModelIndex()
#: roles that a cell answers; it is asked for a dozen others whenever it is drawn
_SERVED = frozenset({Role.DisplayRole, Role.AccessibleTextRole, Role.ToolTipRole, ROW_ROLE})
#: as wide as the arrow: an em and an en
_ARROW = "\u2003\u2002"
#: ms of rest before pictures are cut out for the rows in sight
_REST_MS = 60
#: keys that belong to the table while it has the focus; all others go on to the window
_OWN_KEYS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End})
_GO_KEYS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
#: rows that are copied at most
_COPIED = 5_000


class ScanModel(QAbstractTableModel):
    """The objects that a filter leaves."""

    def __init__(self, scans: Scans, parent: QWidget) -> None:
        super().__init__(parent)
        self._scans, self._rows, self._count = scans, scans.rows, len(scans.rows)
        self._rows.replaced.connect(self._replace)
        self._rows.filled.connect(self._fill)

    def rowCount(self, parent: Index = _TOP) -> int:
        """Objects."""
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _TOP) -> int:
        """Columns."""
        return 0 if parent.isValid() else len(KEYS)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a cell says; nothing while its row is not read yet."""
        if role == Role.TextAlignmentRole:
            return ALIGNED[KEYS[index.column()] in NUMBERS]
        if role not in _SERVED or index.row() >= len(self._rows):
            return None
        row = self._rows.row(index.row())
        if row is None or role == ROW_ROLE:
            return row
        if role == Role.ToolTipRole:
            about = self._scans.state.about
            return row_tip(row, () if about is None else about.detectors)
        return cell_text(KEYS[index.column()], row)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """Titles of the columns."""
        if orientation == Qt.Orientation.Vertical:
            return None
        column = COLUMNS[KEYS[section]]
        if role == Role.TextAlignmentRole:
            return ALIGNED[KEYS[section] in NUMBERS]
        # the arrow of a sorted column is drawn over what stands to the right
        room = _ARROW if KEYS[section] in NUMBERS and KEYS[section] == self._scans.state.column else ""
        return {Role.DisplayRole: f"{column.title}{room}", Role.ToolTipRole: f"{column.tip}. Click to sort."}.get(Role(role))

    def _replace(self) -> None:
        self.beginResetModel()
        self._count = len(self._rows)
        self.endResetModel()

    def _fill(self) -> None:
        if self._count:
            self.dataChanged.emit(self.index(0, 0), self.index(self._count - 1, len(KEYS) - 1))


class ScanTable(QTableView):
    """Lists the objects; the current row follows `ScansState.current`."""

    def __init__(self, scans: Scans, document: Document, parent: QWidget | None = None) -> None:
        """Makes the table.

        Args:
            scans: the open scan.
            document: has cut-outs made.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scans, self._moving = scans, False
        self.crops = CropStore(document, self)
        self.rows = ScanModel(scans, self)
        self.setModel(self.rows)
        self.setItemDelegate(ScanDelegate(self.crops, self))
        self._set_up()
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._want_crops)
        self._connect()
        self._follow(scans.state, frozenset({"column", "about", "current"}))

    def _set_up(self) -> None:
        named(self, "Objects of the scan")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setFont(tabular(self.font()))
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        head = self.horizontalHeader()
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setHighlightSections(False)
        head.setStretchLastSection(True)
        head.setMinimumSectionSize(40)
        for place, key in enumerate(KEYS):
            self.setColumnWidth(place, WIDTHS[key])
        self.addAction(copy_action("&Copy rows", self, self.copy))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def _connect(self) -> None:
        self._scans.changed.connect(self._follow)
        self.crops.ready.connect(self.viewport().update)
        self.rows.modelReset.connect(self._show_current)
        self.rows.modelReset.connect(self._look)
        self.rows.dataChanged.connect(self._rest.start)
        self.verticalScrollBar().valueChanged.connect(self._look)
        self.horizontalHeader().sectionClicked.connect(self._sort)
        self.doubleClicked.connect(self._go)

    # -- what is in sight -------------------------------------------------------------------------------------------

    def seen(self) -> tuple[int, int]:
        """First and last row in sight."""
        first = max(self.rowAt(0), 0)
        # not asked of the view, which says "none" below the last row and before it is laid out
        return first, min(first + self.viewport().height() // ROW_HEIGHT + 1, self.rows.rowCount() - 1)

    def _look(self, _: object = None) -> None:
        self._scans.rows.need(*self.seen())
        self._rest.start()

    def _want_crops(self) -> None:
        first, last = self.seen()
        known = (self._scans.rows.row(row) for row in range(first, min(last + 1, len(self._scans.rows))))
        if self.isVisible():
            self.crops.want(row for row in known if row is not None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More rows may come into sight."""
        super().resizeEvent(event)
        self._look()

    def sizeHint(self) -> QSize:
        """A few rows."""
        return QSize(700, 6 * ROW_HEIGHT)

    # -- current row ------------------------------------------------------------------------------------------------

    def _follow(self, state: ScansState, names: frozenset[str]) -> None:
        if names & {"column", "descending"}:
            order = Qt.SortOrder.DescendingOrder if state.descending else Qt.SortOrder.AscendingOrder
            self.horizontalHeader().setSortIndicator(KEYS.index(state.column), order)
        if "about" in names and state.about is not None:
            self.setColumnHidden(KEYS.index("detectors"), len(state.about.detectors) < 2)
        if "total" in names:
            # rows of before stay in view, muted, until the new ones are found
            self.viewport().setForegroundRole(QPalette.ColorRole.Text if state.total is not None else QPalette.ColorRole.Mid)
        if "current" in names:
            self._show_current()

    def _show_current(self) -> None:
        row = self._scans.state.current
        if self._moving:
            return
        self._moving = True
        if row is None or row >= self.rows.rowCount():
            self.selectionModel().clear()
            self.scrollToTop()
        elif row != self.currentIndex().row():
            index = self.rows.index(row, max(self.currentIndex().column(), 0))
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(index, flags)
            self.scrollTo(index)
        self._moving = False

    def currentChanged(self, current: Index, previous: Index) -> None:
        """Tells the view-model which row is looked at."""
        super().currentChanged(current, previous)
        if not self._moving and current.isValid():
            self._moving = True
            self._scans.select(current.row())
            self._moving = False

    def _go(self, index: Index) -> None:
        self._scans.visit(index.row())

    def _sort(self, section: int) -> None:
        self._scans.sort_by(KEYS[section])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Moves in the table, goes to an object on Enter, and leaves everything else to the window."""
        if event.key() in _GO_KEYS and self.currentIndex().isValid():
            self._scans.visit(self.currentIndex().row())
        elif event.key() in _OWN_KEYS:
            super().keyPressEvent(event)
        else:
            event.ignore()

    # -- copying ----------------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Puts the chosen rows on the clipboard, as far as they are read."""
        about = self._scans.state.about
        chosen = sorted(index.row() for index in self.selectionModel().selectedRows())[:_COPIED]
        rows = [row for row in map(self._scans.rows.row, chosen) if row is not None]
        if rows and about is not None:
            QGuiApplication.clipboard().setText(rows_tsv(rows, about.detectors))
