"""A picture with something painted over it that pans and zooms with the shared viewport: base of the views of single pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from fpn_viewer.core.imaging.boxes import Frame
from fpn_viewer.ui.anchors.marks import view_rect

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.viewmodels.display import Display, DisplayState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState
    from fpn_viewer.viewmodels.viewport import Viewport

#: after the last event of a gesture, what was put off is drawn
REFINE_MS = 50
_DIM = 0.55


class PaintedPicture(QWidget):
    """Keeps its layers as one image until they change, and paints over it what follows mouse and keys.

    Signals:
        composed(): the layers were drawn anew, outside a gesture.

    Attributes:
        redrawn_by: fields of `DisplayState` that the layers depend on.
        repainted_by: fields of `SelectionState` that what lies over them depends on.
    """

    composed = Signal()
    redrawn_by = frozenset({"overlays_hidden"})
    repainted_by = frozenset({"box_img"})

    def __init__(self, display: Display, selection: Selection, viewport: Viewport, parent: QWidget | None = None) -> None:
        """Makes an empty view.

        Args:
            display: opacity, smoothing, hiding.
            selection: cursor, level, drawn box.
            viewport: shared pan and zoom.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._display, self._selection, self._viewport = display, selection, viewport
        self._static: QImage | None = None
        self._moving = self._dimmed = False
        self._message = ""
        self._rubber: Box | None = None
        self._refine = QTimer(self)
        self._refine.setSingleShot(True)
        self._refine.setInterval(REFINE_MS)
        self._refine.timeout.connect(self._settle)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        display.changed.connect(self._display_changed)
        selection.changed.connect(self._selection_changed)
        viewport.changed.connect(self._viewport_changed)

    # -- for subclasses ---------------------------------------------------------------------------------------------

    def paint_layers(self, painter: QPainter, ratio: float, *, vector: bool = False) -> None:
        """Paints all layers.

        Args:
            painter: in view px.
            ratio: device px per view px.
            vector: boxes as rectangles of their own, for a vector file.
        """
        raise NotImplementedError

    def paint_selection(self, painter: QPainter) -> None:
        """Paints what is selected, in view px: here the drawn box."""
        box = self._rubber or self._selection.state.box_img
        if box is not None:
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(view_rect(box, self.frame()))

    def paint_hover(self, painter: QPainter) -> None:
        """Paints what belongs to the point under the mouse, in view px: here nothing."""

    # -- what is shown ----------------------------------------------------------------------------------------------

    @property
    def moving(self) -> bool:
        """Whether a gesture is going on, or ended less than `REFINE_MS` ago."""
        return self._moving

    def frame(self) -> Frame:
        """Where the picture lies, view px."""
        size = self._extent()
        return Frame(self._viewport.scale(size), self._viewport.offset(size), (max(1, self.height()), max(1, self.width())))

    def refresh(self) -> None:
        """Draws everything anew, because what the layers show has changed."""
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

    # -- pictures of the view ---------------------------------------------------------------------------------------

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

    def render_image(self, scale: float = 1.0) -> QImage:
        """The layers and what is selected as a picture.

        Args:
            scale: px of the picture per px of the view, above 0.
        """
        image = self.compose(scale)
        painter = QPainter(image)
        painter.scale(scale, scale)
        self.paint_selection(painter)
        painter.end()
        return image

    def render_svg(self, path: str, title: str) -> None:
        """Writes the layers and what is selected as SVG, boxes as rectangles, picture and maps as pixels."""
        from PySide6.QtSvg import QSvgGenerator

        generator = QSvgGenerator()
        generator.setFileName(path)
        generator.setSize(self.size())
        generator.setViewBox(QRect(0, 0, self.width(), self.height()))
        generator.setTitle(title)
        painter = QPainter(generator)
        painter.setFont(self.font())
        painter.setClipRect(0, 0, self.width(), self.height())
        self.paint_layers(painter, 1.0, vector=True)
        self.paint_selection(painter)
        painter.end()

    # -- painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the layers, from memory while only the mouse moved, and what lies over them."""
        ratio = self.devicePixelRatioF()
        if self._static is None or self._static.size() != QSize(round(self.width() * ratio), round(self.height() * ratio)):
            self._static = self.compose(ratio)
            if not self._moving:
                self.composed.emit()
        painter = QPainter(self)
        painter.drawImage(QRectF(self.rect()), self._static)
        if not self._display.state.overlays_hidden:
            self.paint_selection(painter)
            if not self._moving:
                self.paint_hover(painter)
        if self._dimmed:
            veil = QColor(self.palette().color(QPalette.ColorRole.Window))
            veil.setAlphaF(_DIM)
            painter.fillRect(self.rect(), veil)
        self._paint_message(painter)
        self._paint_focus(painter)
        painter.end()

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

    # -- what changes -----------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draws anew at the new size."""
        super().resizeEvent(event)
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follows theme and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.refresh()

    def _display_changed(self, state: DisplayState, names: frozenset[str]) -> None:
        if names & self.redrawn_by:
            self.refresh()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if names & self.repainted_by:
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
