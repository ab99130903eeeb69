"""A table of what differs: sorted by a click, numbers with bars, lines of boxes as samples, copied by Ctrl+C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSortFilterProxyModel, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyle, QStyledItemDelegate, QTableView

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.compare.looks import SAMPLE, sample
from fpn_viewer.ui.panels.probe_paint import mixed, tabular
from fpn_viewer.ui.theme import strip_colour
from fpn_viewer.ui.widgets.copying import copy_action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from fpn_viewer.ui.objects.outcomes import OutcomeLook

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
_TOP = QModelIndex()
#: what a delegate draws from, and what rows are sorted by
ENTRY_ROLE, SORT_ROLE = Role.UserRole, Role.UserRole + 1
_BAR = 3
_AIR = 6
_STRIPE = 10
#: texts, the longest ones, that a column's width is taken from
_MEASURED = 12
#: px that a column without a stretch may take
_WIDEST = 220


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: its heading.
        tip: what it means, one sentence.
        number: right-aligned.
        most: px that it takes at most; 0 for the usual.
    """

    title: str
    tip: str
    number: bool = False
    most: int = 0


@dataclass(frozen=True)
class Entry:
    """What one place of the table shows.

    Attributes:
        text: shown and copied.
        tip: the tooltip; the text when empty.
        value: sorted by; the text when None.
        bar: share of the place that a bar fills, 0..1; None for no bar.
        look: a line of boxes before the text.
        level: a level whose colour stands before the text.
        muted: said quietly.
    """

    text: str
    tip: str = ""
    value: float | None = None
    bar: float | None = None
    look: OutcomeLook | None = None
    level: str = ""
    muted: bool = False


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        key: what `CompareTable.chosen` says.
        entries: one for each column.
        ground: a key of `theme.STRIPS` for a row that must be seen, or "".
    """

    key: object
    entries: tuple[Entry, ...]
    ground: str = ""


class _Rows(QAbstractTableModel):
    """The rows as Qt wants them."""

    def __init__(self, columns: Sequence[Column], view: QWidget) -> None:
        super().__init__(view)
        self._columns, self._view = tuple(columns), view
        self.rows: tuple[Row, ...] = ()

    def fill(self, rows: Sequence[Row]) -> None:
        """Shows other rows; where they have the keys of those before only what they say is another."""
        same = [row.key for row in rows] == [row.key for row in self.rows]
        if not same:
            self.beginResetModel()
        self.rows = tuple(rows)
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self._columns) - 1))

    def rowCount(self, parent: Index = _TOP) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _TOP) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """Headings with what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        answers = {Role.DisplayRole: column.title, Role.ToolTipRole: column.tip, Role.TextAlignmentRole: _alignment(column)}
        return answers.get(Role(role))

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a place shows."""
        row = self.rows[index.row()]
        entry = row.entries[index.column()]
        match role:
            case Role.DisplayRole | Role.AccessibleTextRole:
                return entry.text
            case Role.ToolTipRole:
                return entry.tip or entry.text
            case Role.TextAlignmentRole:
                return _alignment(self._columns[index.column()])
            case Role.UserRole:
                return entry
            case Role.BackgroundRole if row.ground:
                return strip_colour(row.ground, self._view.palette())
        return (entry.text if entry.value is None else entry.value) if role == SORT_ROLE else None


def _alignment(column: Column) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft)


def _before(entry: Entry) -> int:
    """Px that stand before the text."""
    return SAMPLE.width() + _AIR if entry.look is not None else _STRIPE if entry.level else 0


class _Delegate(QStyledItemDelegate):
    """Draws samples, level colours and bars."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        """Tabular figures, quiet rows, and room for what stands before the text."""
        super().initStyleOption(option, index)
        entry: Entry = index.data(ENTRY_ROLE)
        option.font = tabular(option.font)
        if entry.muted:
            quiet = option.palette.color(QPalette.ColorRole.PlaceholderText)
            option.palette.setColor(QPalette.ColorRole.Text, quiet)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> Any:
        """The text, what stands before it, and some air."""
        size = super().sizeHint(option, index)
        size.setWidth(size.width() + _before(index.data(ENTRY_ROLE)) + 2 * _AIR)
        return size

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One place."""
        entry: Entry = index.data(ENTRY_ROLE)
        before = QRect(option.rect)
        if entry.look is not None or entry.level:
            self._ground(painter, option, index)
            option.rect = option.rect.adjusted(_before(entry), 0, 0, 0)
        super().paint(painter, option, index)
        if entry.look is not None:
            self._sample(painter, option, before, entry.look)
        elif entry.level:
            stripe = QRect(before.left() + 4, before.top() + 4, 4, before.height() - 8)
            painter.fillRect(stripe, QColor(level_colour(entry.level)))
        if entry.bar is not None:
            self._bar(painter, option, before, entry.bar)

    def _ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The row's ground below what stands before the text."""
        empty = type(option)(option)
        super().initStyleOption(empty, index)
        empty.text = ""
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, empty, painter, option.widget)

    def _sample(self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, look: OutcomeLook) -> None:
        ratio = option.widget.devicePixelRatioF()
        corner = rect.left() + _AIR // 2, rect.center().y() - SAMPLE.height() // 2
        if option.state & QStyle.StateFlag.State_Selected:
            # data colours do not read on the accent
            plate = QRect(corner[0] - 1, corner[1] - 1, SAMPLE.width() + 2, SAMPLE.height() + 2)
            painter.fillRect(plate, option.palette.color(QPalette.ColorRole.Base))
        painter.drawPixmap(*corner, sample(look, ratio))

    def _bar(self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, share: float) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        ink = option.palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Highlight)
        ground = option.palette.color(QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.Base)
        room = QRect(rect.left() + _AIR, rect.bottom() - _BAR, rect.width() - 2 * _AIR, _BAR)
        painter.fillRect(room, mixed(ink, ground, 0.15))
        painter.fillRect(QRect(room.left(), room.top(), round(room.width() * min(1.0, max(0.0, share))), _BAR), ink)


class CompareTable(QTableView):
    """Rows to read, sort, choose and copy.

    Signals:
        chosen(key): the user went to a row; its key.
    """

    chosen = Signal(object)

    def __init__(self, name: str, columns: Sequence[Column], stretched: int, parent: QWidget | None = None) -> None:
        """Makes an empty table.

        Args:
            name: for screen readers.
            columns: its columns.
            stretched: the column that takes the room that is left.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._columns, self._stretched = tuple(columns), stretched
        self._rows = _Rows(columns, self)
        self._shown = QSortFilterProxyModel(self)
        self._shown.setSourceModel(self._rows)
        self._shown.setSortRole(SORT_ROLE)
        self._shown.setFilterKeyColumn(-1)
        self._shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._shown)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName(name)
        self._quiet = False
        self._set_up()
        self.addAction(copy_action("&Copy rows", self, self.copy))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.selectionModel().currentRowChanged.connect(self._went)

    def _set_up(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 9)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(36)
        header.setSectionResizeMode(self._stretched, QHeaderView.ResizeMode.Stretch)
        self.setSortingEnabled(True)
        # in the order they were filled in, until a heading is clicked
        self._shown.sort(-1)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the order they were filled in."""
        return self._rows.rows

    @property
    def shown(self) -> list[Row]:
        """The rows that are shown, in their order."""
        places = (self._shown.mapToSource(self._shown.index(row, 0)).row() for row in range(self._shown.rowCount()))
        return [self._rows.rows[place] for place in places]

    def fill(self, rows: Sequence[Row]) -> None:
        """Shows other rows; the chosen one stays chosen where its key is still there."""
        if tuple(rows) == self._rows.rows:
            return
        self._quiet = True
        key, before = self._key_at(self.currentIndex()), self._rows.rows
        self._rows.fill(rows)
        self._fit(grow=bool(before) and len(before) == len(rows))
        self.choose(key)
        self._quiet = False

    def choose(self, key: object) -> None:
        """Marks the row of a key, without saying so; None marks none."""
        quiet, self._quiet = self._quiet, True
        place = next((place for place, row in enumerate(self._rows.rows) if row.key == key and key is not None), None)
        if place is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self._key_at(self.currentIndex()) != key:
            self.setCurrentIndex(self._shown.mapFromSource(self._rows.index(place, 0)))
        self._quiet = quiet

    def search(self, text: str) -> None:
        """Shows only rows that contain a text."""
        self._shown.setFilterFixedString(text.strip())

    def copy(self) -> None:
        """Puts the chosen rows, or all that are shown, on the clipboard with tabs between their places."""
        chosen = sorted({index.row() for index in self.selectionModel().selectedRows()})
        rows = self.shown
        lines = [tuple(column.title for column in self._columns)]
        lines += [tuple(entry.text for entry in rows[row].entries) for row in chosen or range(len(rows))]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _fit(self, grow: bool) -> None:
        """Makes columns as wide as their texts; with `grow` none narrower, so that nothing jumps while a table fills."""
        for number, column in enumerate(self._columns):
            if number != self._stretched:
                width = min(column.most or _WIDEST, max(self._wanted(number), self.horizontalHeader().sectionSizeHint(number)))
                self.setColumnWidth(number, max(width, self.columnWidth(number)) if grow else width)

    def _wanted(self, column: int) -> int:
        """Px that the widest text of a column takes."""
        entries = {row.entries[column].text: row.entries[column] for row in self._rows.rows}
        metrics = QFontMetrics(tabular(self.font()))
        longest = sorted(entries, key=len)[-_MEASURED:]
        return max((metrics.horizontalAdvance(text) + _before(entries[text]) + 4 * _AIR for text in longest), default=0)

    def _key_at(self, index: Index) -> object:
        place = self._shown.mapToSource(self._shown.index(index.row(), 0)).row() if index.isValid() else -1
        return self._rows.rows[place].key if 0 <= place < len(self._rows.rows) else None

    @Slot(QModelIndex, QModelIndex)
    def _went(self, current: Index, _: Index) -> None:
        if not self._quiet and current.isValid():
            self.chosen.emit(self._key_at(current))
