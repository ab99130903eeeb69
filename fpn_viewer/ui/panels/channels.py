"""Which channels see the object: channels of a node, ranked inside a drawn box against the ring around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QBrush, QColor, QGuiApplication, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.panels.probe_paint import mixed, tabular
from fpn_viewer.ui.widgets.copying import copy_action

if TYPE_CHECKING:
    from PySide6.QtCore import QPersistentModelIndex
    from PySide6.QtGui import QPainter, QShowEvent

    from fpn_viewer.core.necks.graph import Node
    from fpn_viewer.engine.values import ChannelRanking, TraceView
    from fpn_viewer.viewmodels.display import Display, DisplayState
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.selection import Selection, SelectionState

    Index = QModelIndex | QPersistentModelIndex

NO_TRACE = "Nothing to rank yet.\nRun the detector with F5."
NO_BOX = "Press B and drag a box around an object\nto see which channels answer to it."
RANK, CHANNEL, CONTRAST, INSIDE, RING = range(5)
#: heading and what it means
COLUMNS: tuple[tuple[str, str], ...] = (
    ("#", "Rank: place by contrast, best first"),
    ("Channel", "Number of the channel, from 0; click or Enter shows it"),
    ("Contrast", "(mean inside − mean of the ring) / deviation of the ring"),
    ("Inside", "Mean over the cells inside the box"),
    ("Ring", "Mean over the ring of cells around the box"),
)
#: fewer cells than this are a thin basis for a ranking
FEW_CELLS = 4
#: what decides the width of a column
_WIDEST = ("00", "Channel", "", "−0.0000", "−0.0000")
_NUMBER = Qt.ItemDataRole.UserRole


class RankingModel(QAbstractTableModel):
    """The ranking as a table that sorts itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: list[np.ndarray] = [np.empty(0)] * len(COLUMNS)
        self._order = np.empty(0, np.intp)
        self._sorted_by = (RANK, Qt.SortOrder.AscendingOrder)
        self._shown: int | None = None

    def show(self, ranking: ChannelRanking | None) -> None:
        """Shows another ranking, sorted as the one before."""
        self.beginResetModel()
        if ranking is None:
            self._columns = [np.empty(0)] * len(COLUMNS)
        else:
            rank = np.arange(1, len(ranking.channel) + 1)
            self._columns = [rank, ranking.channel, ranking.contrast, ranking.inside, ranking.ring]
        self._order = self._sorted(*self._sorted_by)
        self.endResetModel()

    def mark(self, channel: int | None) -> None:
        """Prints the row of the channel on display in bold."""
        if channel != self._shown:
            self._shown = channel
            if self.rowCount():
                self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(COLUMNS) - 1))

    def channel_at(self, row: int) -> int:
        """The channel in a row."""
        return int(self._columns[CHANNEL][self._order[row]])

    def row_of(self, channel: int) -> int:
        """The row of a channel, or -1."""
        rows = np.flatnonzero(self._columns[CHANNEL][self._order] == channel)
        return int(rows[0]) if len(rows) else -1

    def contrast_range(self) -> tuple[float, float]:
        """(low, high) of the axis of the contrast bars; it holds 0."""
        finite = self._columns[CONTRAST][np.isfinite(self._columns[CONTRAST])]
        return float(min(0.0, finite.min(initial=0.0))), float(max(0.0, finite.max(initial=0.0)))

    def tsv(self, rows: list[int] | None = None) -> str:
        """Tab-separated lines with all digits: of these rows, or of all."""
        chosen = self._order if rows is None else self._order[rows]
        lines = ["\t".join(("rank", *(name.lower() for name, _ in COLUMNS[1:])))]
        lines += ["\t".join(f"{column[i]:.7g}" for column in self._columns) for i in chosen]
        return "\n".join(lines)

    # -- Qt's model -------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        """The number of channels."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Index | None = None) -> int:
        """Five."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Headings and what they mean."""
        if orientation == Qt.Orientation.Vertical:
            return None
        answers = {
            Qt.ItemDataRole.DisplayRole: COLUMNS[section][0],
            Qt.ItemDataRole.ToolTipRole: COLUMNS[section][1],
            Qt.ItemDataRole.TextAlignmentRole: Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
        }
        return answers.get(Qt.ItemDataRole(role))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A number, as text for reading and as it is for drawing."""
        value = self._columns[index.column()][self._order[index.row()]]
        if role == Qt.ItemDataRole.DisplayRole:
            return str(int(value)) if index.column() in (RANK, CHANNEL) else significant(float(value))
        if role == _NUMBER:
            return float(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            return tabular(QApplication.font(), bold=self.channel_at(index.row()) == self._shown)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sorts by a column; the selection stays on its channels."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        channels = [self.channel_at(index.row()) for index in before]
        self._sorted_by = (column, order)
        self._order = self._sorted(column, order)
        after = [self.index(self.row_of(k), index.column()) for k, index in zip(channels, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sorted(self, column: int, order: Qt.SortOrder) -> np.ndarray:
        values = self._columns[column].astype(np.float64)
        # what is not a number stays at the end in both directions
        return np.argsort(values if order == Qt.SortOrder.AscendingOrder else -values, kind="stable")


class ContrastDelegate(QStyledItemDelegate):
    """Draws a contrast as a number over a bar from zero.

    Attributes:
        colour: of the bars: that of the level.
    """

    def __init__(self, model: RankingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.colour = QColor("#888888")

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The ground as the style draws it, the bar, the number over it."""
        shown = QStyleOptionViewItem(option)
        self.initStyleOption(shown, index)
        style, palette = shown.widget.style(), shown.palette
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, shown, painter, shown.widget)
        selected = bool(shown.state & QStyle.StateFlag.State_Selected)
        self._bar(painter, QRectF(shown.rect).adjusted(2, 2, -2, -2), float(index.data(_NUMBER)), palette)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.setFont(shown.font)
        painter.setPen(palette.color(role))
        painter.drawText(shown.rect.adjusted(0, 0, -4, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown.text)

    def _bar(self, painter: QPainter, area: QRectF, value: float, palette: QPalette) -> None:
        low, high = self._model.contrast_range()
        if not np.isfinite(value) or high <= low:
            return
        zero = area.left() - low / (high - low) * area.width()
        length = value / (high - low) * area.width()
        colour = mixed(self.colour, palette.color(QPalette.ColorRole.Base), 0.45)
        brush = QBrush(colour) if value >= 0 else QBrush(colour, Qt.BrushStyle.FDiagPattern)
        painter.fillRect(QRectF(min(zero, zero + length), area.top(), abs(length), area.height()), brush)
        if low < 0:
            painter.fillRect(QRectF(zero - 0.5, area.top() - 2, 1, area.height() + 4), palette.color(QPalette.ColorRole.Mid))


class ChannelsPanel(QWidget):
    """The ranking of the channels of the current node inside the box the user drew."""

    def __init__(self, document: Document, display: Display, selection: Selection, parent: QWidget | None = None) -> None:
        """Make the panel; it asks for rankings only while it is visible.

        Args:
            document: asked for rankings.
            display: told which channel to show.
            selection: holds the box and the current node.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._display, self._selection = document, display, selection
        self._asked: object = None
        self._make()
        self._nodes.activated.connect(self._node_chosen)
        self._view.clicked.connect(self._show_channel)
        self._view.activated.connect(self._show_channel)
        document.trace_changed.connect(self._trace_changed)
        document.ranking_changed.connect(self._ranked)
        display.changed.connect(self._display_changed)
        selection.changed.connect(self._selection_changed)
        self._trace_changed(document.trace)
        self._display_changed(display.state, frozenset({"channel"}))

    def _make(self) -> None:
        self._nodes, self._note, self._hint = QComboBox(self), QLabel(self), QLabel(self)
        self._nodes.setToolTip("The map whose channels are ranked: that of the current cell")
        self._nodes.setAccessibleName("Map")
        self._note.setObjectName("note")
        self._note.setWordWrap(True)
        self._hint.setObjectName("hint")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for label in (self._note, self._hint):
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._model = RankingModel(self)
        self._view = self._make_view()
        self._pages = QStackedWidget(self)
        for page in (self._hint, self._view):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(4)
        column.addWidget(self._nodes)
        column.addWidget(self._pages, 1)
        column.addWidget(self._note)
        self.addAction(copy_action("Copy channels", self, self.copy))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def _make_view(self) -> QTableView:
        view = QTableView(self)
        view.setModel(self._model)
        self._bars = ContrastDelegate(self._model, view)
        view.setItemDelegateForColumn(CONTRAST, self._bars)
        view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        view.setFrameShape(QTableView.Shape.NoFrame)
        view.setShowGrid(False)
        view.setTabKeyNavigation(False)
        view.setAccessibleName("Channels by contrast")
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + 6)
        head = view.horizontalHeader()
        head.setHighlightSections(False)
        head.setMinimumSectionSize(30)
        for column, widest in enumerate(_WIDEST):
            head.resizeSection(column, view.fontMetrics().horizontalAdvance(widest) + 10)
        head.setSectionResizeMode(CONTRAST, QHeaderView.ResizeMode.Stretch)
        view.setSortingEnabled(True)
        view.sortByColumn(RANK, Qt.SortOrder.AscendingOrder)
        return view

    # -- what it shows ----------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The selected channels as tab-separated lines, or all when fewer than two are selected."""
        rows = sorted(index.row() for index in self._view.selectionModel().selectedRows())
        return self._model.tsv(rows if len(rows) > 1 else None)

    def copy(self) -> None:
        """Puts the channels on the clipboard."""
        if self._model.rowCount():
            QGuiApplication.clipboard().setText(self.text())

    def sizeHint(self) -> QSize:
        """As wide as the probe."""
        return QSize(320, 300)

    def showEvent(self, event: QShowEvent) -> None:
        """Asks for what was not asked while the panel was hidden."""
        super().showEvent(event)
        self._refresh()

    # -- events -----------------------------------------------------------------------------------------------------

    @Slot(object)
    def _trace_changed(self, trace: TraceView | None) -> None:
        self._nodes.clear()
        for node in trace.graph.nodes if trace is not None else ():
            self._nodes.addItem(_swatch(level_colour(node.name)), f"{node.name} · {node.role}", node.name)
        self._nodes.setEnabled(trace is not None)
        self._model.show(None)
        self._follow_current()
        self._refresh()

    @Slot(object, object)
    def _selection_changed(self, _: SelectionState, names: frozenset[str]) -> None:
        if "current" in names:
            self._follow_current()
        if names & {"current", "box_img"}:
            self._refresh()

    @Slot(object, object)
    def _display_changed(self, state: DisplayState, names: frozenset[str]) -> None:
        if names & {"reduction", "channel"}:
            self._model.mark(state.channel if state.reduction == "channel" else None)

    @Slot(int)
    def _node_chosen(self, _: int) -> None:
        node = self._node()
        if node is not None:
            self._selection.update(current=(node.level, node.role))
            self._refresh()

    @Slot(object)
    def _ranked(self, ranking: ChannelRanking | None) -> None:
        node, trace = self._node(), self._document.trace
        if ranking is None or node is None or trace is None:
            return
        if (ranking.key, ranking.node, ranking.box_img) != (trace.key, node.name, self._selection.state.box_img):
            return
        self._bars.colour = QColor(level_colour(node.level))
        self._model.show(ranking)
        self._note.setText(_basis(ranking))
        self._show_state()

    @Slot(QModelIndex)
    def _show_channel(self, index: Index) -> None:
        self._display.update(reduction="channel", channel=self._model.channel_at(index.row()))

    # -- asking -----------------------------------------------------------------------------------------------------

    def _node(self) -> Node | None:
        name, trace = self._nodes.currentData(), self._document.trace
        return trace.graph[name] if trace is not None and name is not None else None

    def _follow_current(self) -> None:
        trace = self._document.trace
        node = trace.graph.at(*self._selection.state.current) if trace is not None else None
        # a cell without a map of its own, as the share of a term, leaves the chooser where it is
        if node is not None:
            self._nodes.setCurrentIndex(self._nodes.findData(node.name))

    def _refresh(self) -> None:
        self._ask()
        self._show_state()

    def _ask(self) -> None:
        node, trace, box = self._node(), self._document.trace, self._selection.state.box_img
        if node is None or trace is None or box is None or not self.isVisible():
            return
        asked = (trace.key, node.name, box)
        if asked != self._asked:
            self._asked = asked
            self._document.rank_channels(node.name, box)

    def _show_state(self) -> None:
        boxed = self._document.trace is not None and self._selection.state.box_img is not None
        self._pages.setCurrentWidget(self._view if boxed else self._hint)
        self._hint.setText(NO_TRACE if self._document.trace is None else NO_BOX)
        self._note.setVisible(boxed and self._model.rowCount() > 0)


def _basis(ranking: ChannelRanking) -> str:
    x0, y0, x1, y1 = ranking.box_img
    cells = f"{ranking.cells} cell{'s' * (ranking.cells != 1)} of {ranking.node}"
    size = f"box {round(x1 - x0)}×{round(y1 - y0)} px"
    if ranking.cells < FEW_CELLS:
        return f"Only {cells} in the {size}: a finer level tells more."
    return f"{len(ranking.channel)} channels · {cells} in the {size}"


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
