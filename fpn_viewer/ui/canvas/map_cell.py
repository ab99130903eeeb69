"""One cell of the grid: a map over the picture with frame, colour bar and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPalette, QPen
from PySide6.QtWidgets import QToolTip

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.engine.values import SHARE
from fpn_viewer.ui.canvas import legend, overlays, texts
from fpn_viewer.ui.canvas.layers import map_raster
from fpn_viewer.ui.canvas.painted import Painted, Target

if TYPE_CHECKING:
    from PySide6.QtGui import QEnterEvent, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.values import Plane
    from fpn_viewer.ui.canvas.gestures import Gestures
    from fpn_viewer.ui.canvas.layers import Frame
    from fpn_viewer.ui.canvas.rasters import Drawn, Raster
    from fpn_viewer.ui.canvas.scene import Cell, Scene
    from fpn_viewer.ui.canvas.view import View

MARGIN = 2
Role = QPalette.ColorRole
_DIMMED = 150
_ORIGIN = QPointF(0, 0)


class MapCell(Painted):
    """A map over the picture.

    Attributes:
        cell: (level, role); the level is "" for the plain picture.
        compact: no colour bar and no names, for the strip beside an enlarged cell.
        named: names and scores at the detections.
    """

    def __init__(self, cell: Cell, name: str, scene: Scene, gestures: Gestures, parent: QWidget | None = None) -> None:
        """Makes a cell that shows the picture alone.

        Args:
            cell: (level, role).
            name: of its node, for its tooltip and for screen readers.
            scene: what all cells share.
            gestures: what events do.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.cell, self.compact, self.named = cell, False, False
        self._name, self._scene, self._gestures = name, scene, gestures
        self._plane: Plane | None = None
        self._raster: Raster | None = None
        self._empty = ""
        self._drawn: tuple[Frame, Raster, bool, Drawn | None] | None = None
        self._font_small = legend.small_font(self.font())
        self._ground = self.palette().color(Role.Window)
        self._map_rect = QRectF()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(32, 32)
        self.setAccessibleName(name)

    @property
    def level(self) -> str:
        """The level's name; "" for the plain picture."""
        return self.cell[0]

    @property
    def plane(self) -> Plane | None:
        """The map shown."""
        return self._plane

    @property
    def empty(self) -> str:
        """Why there is no map here; "" where there is one."""
        return self._empty

    def set_plane(self, plane: Plane | None, empty: str = "") -> None:
        """Shows a map.

        Args:
            plane: the map, or None for the picture alone.
            empty: why the pyramid has no map here; a dash is drawn then.
        """
        if plane is self._plane and empty == self._empty:
            return
        self._plane, self._empty = plane, empty
        self._raster = None if plane is None else map_raster(plane)
        self.setAccessibleDescription(empty or (plane.unit if plane is not None else ""))
        self.update()

    # -- geometry ---------------------------------------------------------------------------------------------------

    def set_mode(self, compact: bool, named: bool) -> None:
        """Shows more or less around the map; see the attributes."""
        self.compact, self.named = compact, named
        self._measure()

    def _measure(self) -> None:
        bar = 0.0 if self.compact or not self.level else legend.strip_height(self._font_small)
        width, height = max(1, self.width() - 2 * MARGIN), max(1.0, self.height() - 2 * MARGIN - bar)
        self._map_rect = QRectF(MARGIN, MARGIN, width, height)
        self.update()

    def map_rect(self) -> QRectF:
        """Where the map is drawn, px of this widget."""
        return self._map_rect

    def view_size(self) -> tuple[float, float]:
        """(width, height) of the map's area, view px."""
        return self._map_rect.width(), self._map_rect.height()

    def view(self) -> View:
        """Where the picture lies in this cell."""
        return self._frame(self.devicePixelRatioF()).view

    def _frame(self, ratio: float) -> Frame:
        return self._scene.frame(self.view_size(), ratio, self._ground)

    def to_img(self, position: QPointF) -> tuple[float, float]:
        """Image px under a point of this widget."""
        point = position - self.map_rect().topLeft()
        return self._scene.viewport.to_img((point.x(), point.y()), self.view_size())

    # -- painting ---------------------------------------------------------------------------------------------------

    def refresh_map(self) -> None:
        """Repaints the map, but not what is around it."""
        if not self._empty:
            self.update(self._map_rect.toRect())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints on the screen; frame and colour bar only when they were uncovered or have changed."""
        target = Target(self.devicePixelRatioF(), live=True)
        painter = QPainter(self)
        if not self._empty and self._map_rect.contains(QRectF(event.rect())):
            painter.setFont(self._font_small)
            self._paint_map(painter, self._map_rect, target)
        else:
            self.paint_on(painter, target)
        painter.end()

    def paint_on(self, painter: QPainter, target: Target) -> None:
        """Paints map, marks, frame and colour bar; see `Painted`."""
        rect = self.map_rect()
        painter.setFont(self._font_small)
        painter.fillRect(self.rect(), self._ground)
        if self._empty:
            self._paint_dash(painter, target)
            return
        self._paint_map(painter, rect, target)
        self._paint_frame(painter, rect, target)
        if self._plane is not None and rect.bottom() < self.height() - MARGIN - 1:
            strip = QRectF(rect.x() + 2, rect.bottom() + 1, rect.width() - 4, self.height() - rect.bottom() - MARGIN)
            # a share runs from 0 to 1 in every scale, and components of one map are not those of another
            locked = self._scene.locked and self.cell[1] != SHARE and self._plane.values.ndim == 2
            legend.draw_colour_bar(painter, strip, self._plane, locked, self.palette())

    def _paint_dash(self, painter: QPainter, target: Target) -> None:
        painter.setPen(self.palette().color(Role.PlaceholderText))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "–")
        if target.live and self.hasFocus():
            painter.setPen(QPen(self.palette().color(Role.Highlight), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_map(self, painter: QPainter, rect: QRectF, target: Target) -> None:
        shown = self._scene.display.state
        frame = self._frame(target.ratio)
        painter.save()
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        painter.translate(rect.topLeft())
        painter.drawImage(_ORIGIN, frame.base)
        if not shown.overlays_hidden:
            self._paint_plane(painter, frame, shown.opacity, shown.smooth)
            self._paint_boxes(painter, frame, target)
            if target.live:
                self._paint_pointed(painter, frame.view)
        if self.compact:
            legend.draw_chip(painter, _ORIGIN, self._name)
        if self._scene.dimmed:
            veil = QColor(self._ground)
            veil.setAlpha(_DIMMED)
            painter.fillRect(QRectF(0, 0, rect.width(), rect.height()), veil)
        painter.restore()

    def _paint_plane(self, painter: QPainter, frame: Frame, opacity: float, smooth: bool) -> None:
        if self._raster is None or self._plane is None or opacity <= 0:
            return
        if self._drawn is None or self._drawn[:3] != (frame, self._raster, smooth):
            self._drawn = (frame, self._raster, smooth, frame.draw(self._raster, smooth))
        drawn = self._drawn[3]
        if drawn is not None:
            painter.setOpacity(opacity)
            painter.drawImage(drawn.place, drawn.image)
            painter.setOpacity(1.0)
        if self._plane.broken_at is not None:
            overlays.draw_broken(painter, frame.view, self._plane)

    def _paint_boxes(self, painter: QPainter, frame: Frame, target: Target) -> None:
        scene = self._scene
        if scene.truth:
            if target.vector:
                overlays.draw_truth(painter, frame.view, scene.truth, self.named, vector=True)
            else:
                painter.drawImage(_ORIGIN, frame.truth(scene.truth, self.named, self._font_small))
        if scene.display.state.detections and scene.detections is not None:
            if target.vector:
                overlays.draw_detections(painter, frame.view, scene.detections, scene.names, self.named)
            else:
                painter.drawImage(_ORIGIN, frame.boxes(scene.detections, scene.names, self.named, self._font_small))
        self._paint_box(painter, frame.view)

    def _paint_box(self, painter: QPainter, view: View) -> None:
        box = self._scene.rubber or self._scene.selection.state.box_img
        if box is not None:
            overlays.draw_box(painter, view, box)
        if self._plane is not None and self._plane.broken and not self.compact:
            legend.draw_chip(painter, QPointF(2, 2), f"⚠ {texts.not_finite(self._plane.broken)}")

    def _paint_pointed(self, painter: QPainter, view: View) -> None:
        scene = self._scene
        if scene.probe is not None:
            overlays.draw_probe(painter, view, scene.probe, self.level, scene.receptive_level)
        cursor = scene.selection.state.cursor_img
        if cursor is not None and not self.underMouse():
            overlays.draw_cross(painter, view, cursor)

    def _paint_frame(self, painter: QPainter, rect: QRectF, target: Target) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(level_colour(self.level)) if self.level else self.palette().color(Role.Mid), 1))
        painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
        if target.live and self.level and self._scene.selection.state.current == self.cell:
            accent = self.palette().color(Role.Highlight if self.hasFocus() else Role.Shadow)
            painter.setPen(QPen(accent, 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    # -- events -----------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Keeps the grid's keys from the window's shortcuts and answers with tooltips that know where they are."""
        if event.type() == QEvent.Type.ShortcutOverride and self._gestures.claims(cast("QKeyEvent", event)):
            event.accept()
            return True
        if event.type() == QEvent.Type.ToolTip:
            help_event = cast("QHelpEvent", event)
            QToolTip.showText(help_event.globalPos(), self.tip(QPointF(help_event.pos())), self)
            return True
        return super().event(event)

    def tip(self, position: QPointF) -> str:
        """The tooltip at a point: why the cell is empty, or what the colour bar says; none over a map."""
        if self._empty:
            return self._empty
        if self._plane is None or self.map_rect().contains(position):
            return ""
        scale = self._scene.display.state.scale
        return texts.scale_lesson(self._plane, scale, legend.number(self._plane.low), legend.number(self._plane.high))

    def changeEvent(self, event: QEvent) -> None:
        """Follows font and theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self._font_small = legend.small_font(self.font())
            self._ground = self.palette().color(Role.Window)
            self._measure()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Measures again."""
        self._measure()
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """See `Gestures.press`."""
        self._gestures.press(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """See `Gestures.move`."""
        self._gestures.move(self, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """See `Gestures.release`."""
        self._gestures.release(self, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """See `Gestures.double_click`."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._gestures.double_click(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """See `Gestures.wheel`."""
        self._gestures.wheel(self, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Shows what dragging would do."""
        box = self._scene.selection.state.tool == "box"
        self.setCursor(QCursor(Qt.CursorShape.CrossCursor if box else Qt.CursorShape.ArrowCursor))
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse points at nothing any more."""
        self._gestures.leave_cell()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """See `Gestures.key`."""
        if not self._gestures.key(self, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """See `Gestures.key_up`."""
        self._gestures.key_up(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The focused cell is the current one."""
        if self.level:
            self._scene.selection.update(current=self.cell)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A key held while the focus goes is never let go here."""
        self._gestures.show_overlays()
        super().focusOutEvent(event)
