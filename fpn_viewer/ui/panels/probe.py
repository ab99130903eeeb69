"""The probe: what every level of the pyramid holds under the cursor, in numbers that can be compared and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetrics, QGuiApplication, QPainter, QPalette
from PySide6.QtWidgets import QLabel, QListView, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from fpn_viewer.core.necks.graph import ROLES
from fpn_viewer.engine.values import REDUCTIONS
from fpn_viewer.ui.panels.probe_paint import MARGIN, ROW_ROLE, TABLE_ROLE, UNIT_ROLE, ProbeDelegate, column_rects, tabular
from fpn_viewer.ui.panels.probe_table import LETTERS, ProbeTable
from fpn_viewer.ui.widgets.copying import copy_action

if TYPE_CHECKING:
    from PySide6.QtCore import QPersistentModelIndex
    from PySide6.QtGui import QFocusEvent, QPaintEvent, QResizeEvent, QShowEvent

    from fpn_viewer.engine.values import PictureView, Probe, TraceView
    from fpn_viewer.viewmodels.display import Display, DisplayState
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.selection import Selection, SelectionState

    Point = tuple[float, float]
    Index = QModelIndex | QPersistentModelIndex

NO_PICTURE = "No picture is open.\nOpen one with Ctrl+O."
NO_TRACE = "Nothing to probe yet.\nRun the detector with F5."
OUTSIDE = "Move the cursor over the picture\nto read every level under it."
LAST = "last position"


class ProbeModel(QAbstractListModel):
    """One row for each level of the probe."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: ProbeTable | None = None
        self._unit = ""

    @property
    def table(self) -> ProbeTable | None:
        """What is shown."""
        return self._table

    def show(self, table: ProbeTable | None, unit: str = "") -> None:
        """Shows another probe; while the levels stay the same, so does the current row."""
        levels = [row.level for row in table.rows] if table else []
        same = self._table is not None and levels == [row.level for row in self._table.rows]
        if same:
            self._table, self._unit = table, unit
            if levels:
                self.dataChanged.emit(self.index(0), self.index(len(levels) - 1))
            return
        self.beginResetModel()
        self._table, self._unit = table, unit
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """The number of levels."""
        return 0 if self._table is None or (parent is not None and parent.isValid()) else len(self._table.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The row as a sentence, or what the delegate draws from."""
        if self._table is None or not index.isValid():
            return None
        row = self._table.rows[index.row()]
        answers = {TABLE_ROLE: self._table, ROW_ROLE: row, UNIT_ROLE: self._unit}
        if role in answers:
            return answers[role]
        spoken = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        return self._table.sentence(row) if role in spoken else None


class ProbeList(QListView):
    """The levels; arrow keys and the mouse point at one of them.

    Signals:
        pointed(level): the level that is pointed at, or None.
        resized(): the rows have another width.
    """

    pointed = Signal(object)
    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setItemDelegate(ProbeDelegate(self))
        self.setAccessibleName("Levels under the cursor")
        self.entered.connect(self._point)

    def currentChanged(self, current: Index, previous: Index) -> None:
        """Points at the row the keys have reached."""
        super().currentChanged(current, previous)
        if self.hasFocus():
            self._point(current)

    def viewportEvent(self, event: QEvent) -> bool:
        """Points at nothing when the mouse leaves, or at the row of the keys."""
        if event.type() == QEvent.Type.Leave:
            self._point(self.currentIndex() if self.hasFocus() else QModelIndex())
        return super().viewportEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Points at nothing: the keys are elsewhere."""
        super().focusOutEvent(event)
        self.pointed.emit(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tells the header."""
        super().resizeEvent(event)
        self.resized.emit()

    @Slot(QModelIndex)
    def _point(self, index: Index) -> None:
        row = index.data(ROW_ROLE) if index.isValid() else None
        self.pointed.emit(row.level if row is not None else None)


class ColumnHeader(QWidget):
    """The letters over the columns of numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._roles: tuple[str, ...] = ()
        self._width = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_roles(self, roles: tuple[str, ...], width: int) -> None:
        """Shows these columns, laid out over `width` px as in the rows."""
        if (roles, width) != (self._roles, self._width):
            self._roles, self._width = roles, width
            self.setToolTip("\n".join(ROLES[role] for role in roles))
            self.update()

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(200, QFontMetrics(self.font()).height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The letters, right-aligned as the numbers are."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        columns = column_rects(0, self._width, 0, self.height(), self._roles)
        for rect, heading in zip(columns.values(), _headings(columns, painter.fontMetrics()), strict=True):
            painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, heading)
        painter.end()


def _headings(columns: dict[str, QRect], metrics: QFontMetrics) -> list[str]:
    """Words when all of them fit, else letters."""
    fits = all(metrics.horizontalAdvance(word) <= rect.width() for word, rect in columns.items())
    return list(columns) if fits else [LETTERS[role] for role in columns]


class PixelLine(QWidget):
    """The pixel under the cursor: where it is and its colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = self._note = ""
        self._colour = QColor()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        """What is written."""
        return self._text

    def show_pixel(self, point: Point | None, view: PictureView | None, note: str) -> None:
        """Shows a pixel of a picture, with a muted note behind it."""
        rgb = _pixel(point, view)
        if point is None or rgb is None:
            self._text, self._colour = "", QColor()
        else:
            self._colour = QColor(*rgb)
            self._text = f"x {int(point[0])}  y {int(point[1])}   RGB {rgb[0]} {rgb[1]} {rgb[2]}"
        self._note = note if self._text else ""
        self.setAccessibleName(self._text)
        self.update()

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(200, QFontMetrics(self.font()).height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The swatch, the numbers, the note."""
        if not self._text:
            return
        painter = QPainter(self)
        side = self.height() - 8
        swatch = QRect(MARGIN, 4, side, side)
        painter.fillRect(swatch, self._colour)
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRect(swatch)
        line = self.rect().adjusted(MARGIN + side + MARGIN, 0, -MARGIN, 0)
        painter.setFont(tabular(self.font()))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._text)
        room = line.width() - painter.fontMetrics().horizontalAdvance(self._text) - MARGIN
        if painter.fontMetrics().horizontalAdvance(self._note) <= room:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._note)
        painter.end()


def _pixel(point: Point | None, view: PictureView | None) -> tuple[int, int, int] | None:
    if point is None or view is None or not _inside(point, view.picture.size):
        return None
    red, green, blue = (int(v) for v in view.picture.pixels[int(point[1]), int(point[0])])
    return red, green, blue


def _inside(point: Point, size: tuple[int, int]) -> bool:
    return 0 <= point[0] < size[1] and 0 <= point[1] < size[0]


class ProbePanel(QWidget):
    """The pixel under the cursor and, for every level, the cell over it: values, shares, sources, receptive field.

    The last probed point stays when the cursor leaves the picture, so that the rows can be pointed at and copied.
    """

    def __init__(self, document: Document, display: Display, selection: Selection, parent: QWidget | None = None) -> None:
        """Make the panel; it asks for probes only while it is visible.

        Args:
            document: asked for probes.
            display: in which reduction the values are.
            selection: where the cursor is; told which level is pointed at.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._display, self._selection = document, display, selection
        self._point: Point | None = None
        self._asked: object = None
        self._make()
        self._list.pointed.connect(self._pointed)
        self._list.resized.connect(self._show_header)
        document.picture_changed.connect(self._picture_changed)
        document.trace_changed.connect(self._trace_changed)
        document.probe_changed.connect(self._probed)
        display.changed.connect(self._display_changed)
        selection.changed.connect(self._selection_changed)
        self._refresh()

    def _make(self) -> None:
        self._model = ProbeModel(self)
        self._pixel, self._unit = PixelLine(self), QLabel(self)
        self._unit.setObjectName("unit")
        self._unit.setIndent(MARGIN)
        self._unit.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._header, self._list = ColumnHeader(self), ProbeList(self)
        self._list.setModel(self._model)
        self._hint = QLabel(self)
        self._hint.setObjectName("hint")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._table_page = QWidget(self)
        rows = QVBoxLayout(self._table_page)
        self._pages = QStackedWidget(self)
        for page in (self._hint, self._table_page):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        for layout, parts in ((rows, (self._pixel, self._unit, self._header, self._list)), (column, (self._pages,))):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
            for part in parts:
                layout.addWidget(part)
        self.setFocusProxy(self._list)
        self.addAction(copy_action("Copy table", self, self.copy))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    # -- what it shows ----------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The table as tab-separated lines, all digits; empty while there is none."""
        return self._model.table.tsv() if self._model.table is not None else ""

    def copy(self) -> None:
        """Puts the table on the clipboard."""
        if self.text():
            QGuiApplication.clipboard().setText(self.text())

    def sizeHint(self) -> QSize:
        """Wide enough for five columns of numbers, high enough for five levels."""
        return QSize(320, 420)

    def minimumSizeHint(self) -> QSize:
        """Narrower, the numbers would be cut off."""
        return QSize(280, 120)

    # -- events -----------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Asks for what was not asked while the panel was hidden."""
        super().showEvent(event)
        self._refresh()

    @Slot(object, object)
    def _selection_changed(self, _: SelectionState, names: frozenset[str]) -> None:
        if "cursor_img" in names:
            self._refresh()

    @Slot(object, object)
    def _display_changed(self, _: DisplayState, names: frozenset[str]) -> None:
        if names & {"reduction", "channel"}:
            self._refresh()

    @Slot(object)
    def _picture_changed(self, view: PictureView | None) -> None:
        if view is None or (self._point is not None and not _inside(self._point, view.picture.size)):
            self._point = None
        self._refresh()

    @Slot(object)
    def _trace_changed(self, trace: TraceView | None) -> None:
        if trace is None or self._model.table is None or self._model.table.probe.key != trace.key:
            self._model.show(None)
        self._refresh()

    @Slot(object)
    def _probed(self, probe: Probe | None) -> None:
        trace = self._document.trace
        if probe is None or trace is None or probe.key != trace.key:
            return
        self._model.show(ProbeTable(probe, trace.graph.roles), self._unit.text())
        self._show_state()

    @Slot(object)
    def _pointed(self, level: str | None) -> None:
        self._selection.update(probe_level=level)

    # -- asking -----------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Follows the cursor: shows its pixel at once and asks for the levels."""
        cursor, picture = self._selection.state.cursor_img, self._document.picture
        if cursor is not None and picture is not None and _inside(cursor, picture.picture.size):
            self._point = cursor
        self._pixel.show_pixel(self._point, picture, LAST if cursor is None else "")
        self._unit.setText(_unit(self._display.state))
        self._ask()
        self._show_state()

    def _ask(self) -> None:
        trace, shown = self._document.trace, self._display.state
        if trace is None or self._point is None or not self.isVisible():
            return
        asked = (trace.key, self._point, shown.reduction, shown.channel)
        if asked != self._asked:
            self._asked = asked
            self._document.probe(self._point)

    def _show_state(self) -> None:
        shown = self._model.table is not None and bool(self._model.table.rows)
        self._pages.setCurrentWidget(self._table_page if shown else self._hint)
        if not shown:
            self._hint.setText(self._why_empty())
        self._show_header()

    def _why_empty(self) -> str:
        if self._document.path is None:
            return NO_PICTURE
        return NO_TRACE if self._document.trace is None else OUTSIDE

    @Slot()
    def _show_header(self) -> None:
        table = self._model.table
        if table is not None:
            self._header.show_roles(table.roles, self._list.viewport().width())


def _unit(shown: DisplayState) -> str:
    return f"channel {shown.channel} (signed)" if shown.reduction == "channel" else REDUCTIONS[shown.reduction]
