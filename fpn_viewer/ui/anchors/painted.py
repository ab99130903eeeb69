"""The picture with its boxes: painting, and following what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from fpn_viewer.core.imaging.boxes import Frame
from fpn_viewer.ui.anchors.composer import Look
from fpn_viewer.ui.anchors.marks import mark_at, view_rect
from fpn_viewer.ui.anchors.overlay import paint_cell, paint_origin
from fpn_viewer.ui.anchors.state import BOX_FIELDS

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from fpn_viewer.ui.anchors.composer import Composer
    from fpn_viewer.ui.anchors.marks import Mark
    from fpn_viewer.ui.anchors.scene import Cell
    from fpn_viewer.ui.anchors.state import Layers, LayersState
    from fpn_viewer.viewmodels.display import Display, DisplayState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState
    from fpn_viewer.viewmodels.viewport import Viewport

#: after the last event of a gesture, what was put off is drawn
REFINE_MS = 50
#: view px around a detection's edge that show where it came from while anchors are shown as well
_REACH = 5.0
_DIM = 0.55


class PaintedView(QWidget):
    """Draws what a `Composer` holds and what is under the mouse.

    Signals:
        composed(): the layers were drawn anew, outside a gesture.
    """

    composed = Signal()

    def __init__(
        self,
        composer: Composer,
        layers: Layers,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
    ) -> None:
        """Makes an empty view.

        Args:
            composer: what is drawn.
            layers: the control strip's settings.
            display: opacity, smoothing, hiding.
            selection: cursor, level, pinned cell, drawn box.
            viewport: shared pan and zoom.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._composer, self._layers, self._display = composer, layers, display
        self._selection, self._viewport = selection, viewport
        self._static: QImage | None = None
        self._moving = self._dimmed = False
        self._message = ""
        self._hover: QPointF | None = None
        self._refine = QTimer(self)
        self._refine.setSingleShot(True)
        self._refine.setInterval(REFINE_MS)
        self._refine.timeout.connect(self._settle)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        layers.changed.connect(self._layers_changed)
        display.changed.connect(self._display_changed)
        selection.changed.connect(self._selection_changed)
        viewport.changed.connect(self._viewport_changed)

    # -- what is shown ----------------------------------------------------------------------------------------------

    @property
    def moving(self) -> bool:
        """Whether a gesture is going on, or ended less than `REFINE_MS` ago."""
        return self._moving

    def frame(self) -> Frame:
        """Where the picture lies, view px."""
        size = self._extent()
        return Frame(self._viewport.scale(size), self._viewport.offset(size), (max(1, self.height()), max(1, self.width())))

    def level(self) -> str:
        """The level whose cells are pointed at: the current one, or the finest where the RPN does not look at that."""
        scene = self._composer.scene
        current = self._selection.state.current[0]
        if scene is None or scene.index(current) is not None or not scene.scanned:
            return current
        return scene.scanned[0].name

    def refresh(self) -> None:
        """Draws everything anew, because what the composer holds has changed."""
        self._static = None
        self.update()

    def set_message(self, text: str) -> None:
        """Writes a sentence in the middle; "" takes it away."""
        self._message = text
        self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        """Dims what is shown, because something newer is being made."""
        self._dimmed = dimmed
        self.update()

    def compose(self, ratio: float) -> QImage:
        """All layers as an opaque image at `ratio` px per view px, without what follows the mouse.

        Args:
            ratio: above 0.
        """
        size = QSize(max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))
        image = QImage(size, QImage.Format.Format_RGB32)
        image.fill(self.palette().color(QPalette.ColorRole.Window))
        painter = QPainter(image)
        painter.setFont(self.font())
        painter.scale(ratio, ratio)
        self.paint_layers(painter, ratio)
        painter.end()
        return image

    def paint_layers(self, painter: QPainter, ratio: float, *, vector: bool = False) -> None:
        """Paints all layers.

        Args:
            painter: in view px.
            ratio: device px per view px.
            vector: boxes as rectangles of their own.
        """
        shown = self._display.state
        moving, overlays = self._moving and not vector, not shown.overlays_hidden
        look = Look(shown.opacity, shown.smooth, overlays, ratio, moving, vector)
        self._composer.paint(painter, self.frame(), self._layers.state, look)

    def paint_selection(self, painter: QPainter) -> None:
        """Paints the pinned cell and the drawn box, in view px."""
        state, frame = self._selection.state, self.frame()
        if state.anchor_cell is not None and self._composer.scene is not None:
            paint_cell(painter, frame, self._composer.scene, state.anchor_cell, True)
        if state.box_img is not None:
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(view_rect(state.box_img, frame))

    # -- painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the layers, from memory while only the mouse moved, and what is under the mouse."""
        ratio = self.devicePixelRatioF()
        if self._static is None or self._static.size() != QSize(round(self.width() * ratio), round(self.height() * ratio)):
            self._static = self.compose(ratio)
            if not self._moving:
                self.composed.emit()
        painter = QPainter(self)
        painter.drawImage(QRectF(self.rect()), self._static)
        if not self._display.state.overlays_hidden:
            self.paint_selection(painter)
            self._paint_hover(painter)
        if self._dimmed:
            veil = QColor(self.palette().color(QPalette.ColorRole.Window))
            veil.setAlphaF(_DIM)
            painter.fillRect(self.rect(), veil)
        self._paint_message(painter)
        self._paint_focus(painter)
        painter.end()

    def _paint_hover(self, painter: QPainter) -> None:
        if self._hover is None or self._moving:
            return
        scene, state = self._composer.scene, self._layers.state
        cell = self._cell_at(self._hover)
        if state.anchors and scene is not None and cell is not None and cell != self._selection.state.anchor_cell:
            paint_cell(painter, self.frame(), scene, cell, False)
        mark = self.mark_under(self._hover)
        if mark is not None and self._composer.trace is not None:
            paint_origin(painter, self.frame(), scene, mark, int(self._composer.trace.detections.candidate[mark.row]))

    def _paint_message(self, painter: QPainter) -> None:
        if not self._message:
            return
        room = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        plate = painter.boundingRect(room, flags, self._message).adjusted(-12, -8, 12, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Base))
        painter.drawRoundedRect(plate, 6, 6)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(room, flags, self._message)

    def _paint_focus(self, painter: QPainter) -> None:
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def mark_under(self, point: QPointF) -> Mark | None:
        """The detection under a point: anywhere inside it, or near its edge where cells are pointed at as well."""
        state: LayersState = self._layers.state
        return mark_at(self._composer.marks(state, self.frame()), point, _REACH if state.anchors else None)

    def _cell_at(self, point: QPointF) -> Cell | None:
        scene = self._composer.scene
        index = scene.index(self.level()) if scene is not None else None
        if scene is None or index is None:
            return None
        level = scene.levels[index]
        place = scene.trace.geometry.cell_at(level, *self._to_img(point))
        return None if place is None else (level.name, *place)

    # -- changes ----------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draws anew at the new size."""
        super().resizeEvent(event)
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follows theme and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.refresh()

    def _layers_changed(self, state: LayersState, names: frozenset[str]) -> None:
        if names & BOX_FIELDS:
            self._composer.choose(state)
        self.refresh()

    def _display_changed(self, state: DisplayState, names: frozenset[str]) -> None:
        if names & {"opacity", "smooth", "overlays_hidden"}:
            self.refresh()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if names & {"anchor_cell", "box_img", "current"}:
            self.update()

    def _viewport_changed(self, state: object, names: frozenset[str]) -> None:
        self._moving = True
        self._refine.start()
        self.refresh()

    def _settle(self) -> None:
        self._moving = False
        self.refresh()

    # -- frames -----------------------------------------------------------------------------------------------------

    def _extent(self) -> tuple[float, float]:
        return float(max(1, self.width())), float(max(1, self.height()))

    def _middle(self) -> tuple[float, float]:
        return self.width() / 2, self.height() / 2

    def _to_img(self, point: QPointF) -> tuple[float, float]:
        return self._viewport.to_img((point.x(), point.y()), self._extent())
