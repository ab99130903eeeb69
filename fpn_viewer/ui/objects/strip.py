"""The signal strip: the object in every map of the pyramid at one scale, and how far it stands out there."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.anchors.gestures import ARROWS, NO_KEYS, held_with
from fpn_viewer.ui.canvas.legend import small_font
from fpn_viewer.ui.canvas.texts import HEADINGS
from fpn_viewer.ui.objects import crops, signal_texts
from fpn_viewer.ui.objects.strip_layout import HEAD, PICTURE, Grid
from fpn_viewer.ui.panels.probe_table import LETTERS
from fpn_viewer.ui.theme import is_dark

if TYPE_CHECKING:
    from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPaintEvent

    from fpn_viewer.core.analysis.signals import NodeSignal
    from fpn_viewer.core.analysis.signals import Signal as ObjectSignal
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.values import PictureView
    from fpn_viewer.ui.objects.strip_layout import Cell

Role = QPalette.ColorRole
_BOX, _BOX_HALO = QColor("#FFFFFF"), QColor(0, 0, 0, 170)
#: of numbers that say an object drowns: (light, dark), readable on the window (WCAG AA)
_DROWNS = ("#B04A00", "#FF9150")
_BAR = 6.0


class SignalStrip(QWidget):
    """Crops of all nodes, rows are levels and columns kinds of node; arrows and clicks choose one.

    Signals:
        chosen(level, role): a node was chosen.
        menu_wanted(point): the menu of channels is asked for, at a point of the screen.
    """

    chosen = Signal(object, object)
    menu_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty strip."""
        super().__init__(parent)
        self._signal: ObjectSignal | None = None
        self._levels: tuple[str, ...] = ()
        self._current: Cell | None = None
        self._picture: tuple[QImage, Box] | None = None
        self._locked = False
        self._grid: Grid | None = None
        self._room = (480.0, 240.0)
        self._crops: dict[Cell, QImage] = {}
        self._ranges: dict[str, tuple[float, float]] = {}
        self._font_small = small_font(self.font())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The object in every map")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_signal(self, signal: ObjectSignal | None, levels: tuple[str, ...], view: PictureView | None) -> None:
        """Shows an object.

        Args:
            signal: the object in every node.
            levels: the pyramid's, fine to coarse.
            view: the picture.
        """
        self._signal, self._levels = signal, levels
        self._picture = crops.picture_image(view, signal.window_img) if view is not None and signal is not None else None
        self._colour()
        self._arrange()

    def set_locked(self, locked: bool) -> None:
        """One colour scale over all rows, or one for each."""
        self._locked = locked
        self._colour()
        self.update()

    def set_current(self, cell: Cell) -> None:
        """Marks a node."""
        self._current = cell
        self.update()

    def set_room(self, width: float, height: float) -> None:
        """Says how much of the strip can be in view; rows become as high as fit, within limits."""
        if (width, height) != self._room:
            self._room = width, height
            self._arrange()

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each level's colours."""
        return dict(self._ranges)

    def grid(self) -> Grid | None:
        """Where everything stands; None while there is nothing."""
        return self._grid

    def _arrange(self) -> None:
        metrics = QFontMetricsF(self._font_small)
        if self._signal is None or not self._signal.nodes:
            self._grid = None
        else:
            text = metrics.horizontalAdvance("T 100 %")
            self._grid = Grid(self._signal, self._levels, self._room, metrics.height(), text)
        self.setMinimumHeight(0 if self._grid is None else round(self._grid.height))
        self.update()

    def _colour(self) -> None:
        """Makes an image of each crop, on one scale for each row or for all."""
        self._crops, self._ranges = {}, {}
        if self._signal is None:
            return
        signed = self._signal.channel is not None
        by_row: dict[str, list[NodeSignal]] = {}
        for node in self._signal.nodes:
            by_row.setdefault("" if self._locked else node.level, []).append(node)
        for nodes in by_row.values():
            low, high = crops.value_range(nodes, self._signal.window_img, signed)
            for node in nodes:
                self._crops[node.level, node.role] = crops.map_image(node, low, high, signed)
                self._ranges[node.level] = low, high

    # -- painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints headings, headers and cells."""
        painter = QPainter(self)
        grid = self._grid
        if grid is not None:
            painter.setFont(self._font_small)
            self._paint_headings(painter, grid)
            for level in grid.rows:
                self._paint_header(painter, grid, level)
                self._paint_picture(painter, grid, level)
            for cell, node in grid.nodes.items():
                if cell[0] in grid.rows:
                    self._paint_node(painter, grid, cell, node)
        painter.end()

    def _paint_headings(self, painter: QPainter, grid: Grid) -> None:
        painter.setPen(self.palette().color(Role.PlaceholderText))
        metrics = painter.fontMetrics()
        words = {role: HEADINGS.get(role, role) for role in grid.columns}
        if any(metrics.horizontalAdvance(text) > grid.column for text in words.values()):
            words = {role: LETTERS.get(role, role) for role in grid.columns}
        for role, text in words.items():
            painter.drawText(grid.heading(role), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_header(self, painter: QPainter, grid: Grid, level: str) -> None:
        """The level's name in its colour, and the range of its colours."""
        rect = grid.header(level)
        painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), QColor(level_colour(level)))
        ink = self.palette().color(Role.WindowText)
        painter.setPen(ink)
        left = rect.adjusted(8, 0, 0, 0)
        painter.drawText(left, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, level)
        low, high = self._ranges[level]
        signed = self._signal is not None and self._signal.channel is not None
        bar = QRectF(left.left(), left.top() + grid.line + 2, HEAD - 20, _BAR)
        painter.drawImage(bar, crops.bar_image(signed))
        painter.setPen(self.palette().color(Role.PlaceholderText))
        text = f"±{significant(high, 2)}" if signed else f"{significant(low, 2)}–{significant(high, 2)}"
        painter.drawText(QPointF(left.left(), bar.bottom() + painter.fontMetrics().ascent() + 1), text)

    def _paint_picture(self, painter: QPainter, grid: Grid, level: str) -> None:
        """The object in the picture."""
        cell, rect = (level, PICTURE), grid.crop_rect((level, PICTURE))
        painter.fillRect(rect, self.palette().color(Role.AlternateBase))
        if self._picture is not None:
            painter.save()
            painter.setClipRect(rect)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._picture[0].width() > rect.width())
            painter.drawImage(grid.place(self._picture[1], cell), self._picture[0])
            painter.restore()
        self._paint_box(painter, grid, cell)

    def _paint_node(self, painter: QPainter, grid: Grid, cell: Cell, node: NodeSignal) -> None:
        rect = grid.crop_rect(cell)
        painter.fillRect(rect, self.palette().color(Role.AlternateBase))
        painter.save()
        painter.setClipRect(rect)
        painter.drawImage(grid.place(node.crop_box_img, cell), self._crops[cell])
        painter.restore()
        self._paint_box(painter, grid, cell)
        self._paint_numbers(painter, grid.text_rect(cell), node)
        if cell == self._current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(Role.Accent if self.hasFocus() else Role.PlaceholderText), 2))
            painter.drawRect(rect.adjusted(-1.5, -1.5, 1.5, 1.5))

    def _paint_box(self, painter: QPainter, grid: Grid, cell: Cell) -> None:
        painter.save()
        painter.setClipRect(grid.crop_rect(cell))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((_BOX_HALO, 3.0), (_BOX, 1.0)):
            painter.setPen(QPen(colour, width))
            painter.drawRect(grid.place(grid.signal.box_img, cell))
        painter.restore()

    def _paint_numbers(self, painter: QPainter, rect: QRectF, node: NodeSignal) -> None:
        """The contrast, marked where the object drowns; below it the shares of a merged node."""
        ink = QColor(_DROWNS[is_dark(self.palette())]) if signal_texts.drowns(node) else self.palette().color(Role.WindowText)
        line = painter.fontMetrics()
        painter.setPen(ink)
        painter.drawText(QPointF(rect.left(), rect.top() + line.ascent()), signal_texts.contrast(node))
        painter.setPen(self.palette().color(Role.PlaceholderText))
        painter.drawText(QPointF(rect.left(), rect.top() + line.height() + line.ascent()), signal_texts.share(node))

    # -- events -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        return QSize(480, self.minimumHeight())

    def changeEvent(self, event: QEvent) -> None:
        """Follows font and theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self._font_small = small_font(self.font())
            self._arrange()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses a node."""
        cell = self._grid.cell_at(event.position()) if self._grid is not None else None
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self._choose(cell)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Asks for the menu of channels, of the node under the mouse."""
        cell = self._grid.cell_at(QPointF(event.pos())) if self._grid is not None else None
        if cell is not None:
            self._choose(cell)
            self.menu_wanted.emit(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the next node, Return shows the menu of channels."""
        key, plain = Qt.Key(event.key()), held_with(event) == NO_KEYS
        if self._grid is not None and key in ARROWS and plain:
            self._move(self._grid, *ARROWS[key])
        elif self._grid is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current in self._grid.nodes:
            self.menu_wanted.emit(self.mapToGlobal(self._grid.crop_rect(self._current).bottomLeft().toPoint()))
        else:
            super().keyPressEvent(event)

    def _move(self, grid: Grid, down: int, right: int) -> None:
        level, role = self._current if self._current in grid.nodes else next(iter(grid.nodes))
        row, column = grid.rows.index(level) + down, grid.columns.index(role) + right
        while 0 <= row < len(grid.rows) and 0 <= column < len(grid.columns):
            cell = (grid.rows[row], grid.columns[column])
            if cell in grid.nodes:
                self._choose(cell)
                return
            row, column = row + down, column + right

    def _choose(self, cell: Cell) -> None:
        assert self._grid is not None
        level, role = cell
        if role == PICTURE:
            role = self._current[1] if self._current is not None and (level, self._current[1]) in self._grid.nodes else "output"
        if (level, role) in self._grid.nodes:
            self.chosen.emit(level, role)

    def event(self, event: QEvent) -> bool:
        """Answers with a tooltip that knows the node under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            help_event = cast("QHelpEvent", event)
            QToolTip.showText(help_event.globalPos(), self.tip(QPointF(help_event.pos())), self)
            return True
        return super().event(event)

    def tip(self, point: QPointF) -> str:
        """What there is to say of the cell at a point."""
        cell = self._grid.cell_at(point) if self._grid is not None else None
        if cell is None or self._grid is None:
            return ""
        node = self._grid.nodes.get(cell)
        return signal_texts.tip(node) if node is not None else "The object in the picture, at the scale of the maps beside it"
