"""One picture of the tab: a side, the difference, or both sides with a wiper between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QGuiApplication, QKeySequence, QPainter, QPen
from PySide6.QtWidgets import QToolTip

from fpn_viewer.ui.anchors.gestures import PictureView, held_with
from fpn_viewer.ui.anchors.look import Look
from fpn_viewer.ui.anchors.marks import frame_rect, paint_labels, view_rect
from fpn_viewer.ui.canvas import overlays
from fpn_viewer.ui.canvas.view import View
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.looks import PARTS, draw_badge
from fpn_viewer.ui.compare.marks import current_label, labels, mark_under, outlines
from fpn_viewer.ui.objects.outlines import draw_outlines

if TYPE_CHECKING:
    from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.comparison.values import ObjectRow
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.ui.compare.marks import Mark
    from fpn_viewer.ui.compare.scene import CompareScene
    from fpn_viewer.ui.compare.steps import Steps
    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.selection import Selection
    from fpn_viewer.viewmodels.viewport import Viewport

#: labels drawn, and during a gesture
_LABELS, _MOVING_LABELS = 40, 12
#: view px around the wiper that take hold of it, and radius of its knob
_HOLD, _KNOB = 7.0, 9.0
_WHITE, _DARK = QColor("#FFFFFF"), QColor(16, 18, 22, 210)
_BADGE = 18.0


class ComparePane(PictureView):
    """Draws its part of a `CompareScene`; a click looks at an object, the wiper is dragged.

    Attributes:
        part: a key of `looks.PARTS`.
    """

    redrawn_by = frozenset({"opacity", "smooth", "overlays_hidden"})
    repainted_by = frozenset({"box_img", "cursor_img"})

    def __init__(
        self,
        part: str,
        scene: CompareScene,
        comparison: Comparison,
        steps: Steps,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
    ) -> None:
        """Makes a pane.

        Args:
            part: a key of `looks.PARTS`.
            scene: what is drawn.
            comparison: told what was clicked and where the wiper went.
            steps: what keys do.
            display: opacity, smoothing, hiding.
            selection: cursor and drawn box.
            viewport: shared pan and zoom.
            parent: the Qt parent.
        """
        super().__init__(display, selection, viewport, parent)
        self.part = part
        self._scene, self._comparison, self._steps = scene, comparison, steps
        self._wiping = False
        scene.changed.connect(self.refresh)
        self.setMinimumSize(96, 80)
        self.setAccessibleName(PARTS[part].tip)

    # -- painting ---------------------------------------------------------------------------------------------------

    def paint_layers(self, painter: QPainter, ratio: float, *, vector: bool = False) -> None:
        """Paints picture, maps and boxes; see `PaintedPicture`."""
        shown = self._display.state
        look = Look(shown.opacity, shown.smooth, not shown.overlays_hidden, ratio, self._moving and not vector, vector)
        frame = self.frame()
        painter.save()
        self._scene.backdrop.draw(painter, frame, ratio, look.moving)
        if look.overlays:
            for part, clip in self._clips():
                painter.save()
                painter.setClipRect(clip, Qt.ClipOperation.IntersectClip)
                self._paint_part(painter, part, frame, look)
                painter.restore()
        painter.restore()

    def _clips(self) -> list[tuple[str, QRectF]]:
        """The parts that are drawn, and where."""
        if self.part != "wiper":
            return [(self.part, QRectF(self.rect()))]
        x = self._wiper_x()
        left, right = QRectF(0, 0, x, self.height()), QRectF(x, 0, self.width() - x, self.height())
        return [("a", left), ("b", right)]

    def _paint_part(self, painter: QPainter, part: str, frame: Frame, look: Look) -> None:
        raster = self._scene.raster(part)
        if raster is not None and look.opacity > 0:
            drawn = raster.drawn(View.of(self._viewport, self._extent(), look.ratio), look.smooth)
            if drawn is not None:
                painter.setOpacity(look.opacity)
                painter.drawImage(drawn.place, drawn.image)
                painter.setOpacity(1.0)
        marks, current = self._scene.marks(part), self._scene.current()
        draw_outlines(painter, outlines(marks), frame, look)
        told = [] if current is None else [current_label(current, frame)]
        others = [mark for mark in marks if not self._is_looked_at(mark)]
        told += labels(others, frame, QFontMetricsF(painter.font()), _MOVING_LABELS if look.moving else _LABELS)
        paint_labels(painter, told, frame_rect(frame))

    def _is_looked_at(self, mark: Mark) -> bool:
        """Whether a box is the object that is looked at, which is an annotated one or a pair of detections."""
        objects, number = self._scene.state.objects, self._scene.state.object
        if objects is None or number is None:
            return False
        return number == (mark.number if objects.annotated else mark.pair)

    def paint_selection(self, painter: QPainter) -> None:
        """Paints the object that is looked at, the drawn box and the wiper."""
        super().paint_selection(painter)
        row = self._scene.current()
        if row is not None:
            self._paint_current(painter, row)
        cursor = self._selection.state.cursor_img
        if cursor is not None and not self.underMouse():
            overlays.draw_cross(painter, View.of(self._viewport, self._extent(), 1.0), cursor)
        if self.part == "wiper" and self._scene.state.view is not None:
            self._paint_wiper(painter)

    def _paint_current(self, painter: QPainter, row: ObjectRow) -> None:
        """A light ring around the object that is looked at."""
        rect = view_rect(row.box_img, self.frame())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for out, alpha in ((3.5, 255), (5.0, 150), (6.5, 70)):
            painter.setPen(QPen(QColor(255, 255, 255, alpha), 1.5))
            painter.drawRect(rect.adjusted(-out, -out, out, out))

    def _paint_wiper(self, painter: QPainter) -> None:
        x, middle = self._wiper_x(), self.height() / 2
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in ((_DARK, 4.0), (_WHITE, 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setPen(QPen(_DARK, 1.5))
        painter.setBrush(_WHITE)
        painter.drawEllipse(QPointF(x, middle), _KNOB, _KNOB)
        painter.setPen(QPen(_DARK, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for side in (-1, 1):
            tip = QPointF(x + side * 6, middle)
            painter.drawLine(tip, tip + QPointF(-side * 3, -3))
            painter.drawLine(tip, tip + QPointF(-side * 3, 3))
        painter.restore()
        draw_badge(painter, QPointF(x - _BADGE - 8, 6), "A", _BADGE)
        draw_badge(painter, QPointF(x + 8, 6), "B", _BADGE)

    # -- mouse ------------------------------------------------------------------------------------------------------

    def _wiper_x(self) -> float:
        return self._scene.state.wiper * self.width()

    def _is_on_wiper(self, point: QPointF) -> bool:
        return self.part == "wiper" and self._scene.state.view is not None and abs(point.x() - self._wiper_x()) <= _HOLD

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes hold of the wiper, or begins a click or a drag."""
        self._wiping = event.button() == Qt.MouseButton.LeftButton and self._is_on_wiper(event.position())
        if not self._wiping:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Moves the wiper, or does what every picture does."""
        if self._wiping:
            self._comparison.set_wiper(event.position().x() / max(1, self.width()))
            return
        super().mouseMoveEvent(event)
        on_wiper = self._is_on_wiper(event.position()) and self._pressed is None
        crossed = self._selection.state.tool == "box"
        shape = Qt.CursorShape.SplitHCursor if on_wiper else Qt.CursorShape.CrossCursor if crossed else Qt.CursorShape.ArrowCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets the wiper go, or ends a click or a drag."""
        if self._wiping:
            self._wiping = False
        else:
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarges the pane, or shows all of them again."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._steps.enlarge(self.part)

    def click(self, point: QPointF) -> None:
        """Looks at the object under a point; beside all of them at none."""
        self._comparison.select_object(self._object_under(point))

    def _object_under(self, point: QPointF) -> int | None:
        mark, objects = self._mark_under(point), self._scene.state.objects
        if mark is not None and mark.number >= 0:
            return mark.number
        # without ground truth an object stands for the pair of detections of its number
        known = objects is not None and not objects.annotated and mark is not None
        numbers = {row.number for row in objects.rows} if known and objects is not None else set()
        return mark.pair if mark is not None and mark.pair in numbers else None

    def _mark_under(self, point: QPointF) -> Mark | None:
        part = self.part
        if part == "wiper":
            part = "a" if point.x() < self._wiper_x() else "b"
        return mark_under(self._scene.marks(part), point, self.frame())

    def zoom_to(self, box_img: Box) -> None:
        """Shows a box with its surroundings."""
        self._viewport.show_box(box_img, self._extent(), 0.25)

    def clear(self) -> None:
        """Looks at no object, and forgets the drawn box."""
        super().clear()
        self._comparison.select_object(None)

    # -- keys and tooltips --------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Keeps the tab's keys from the window's shortcuts and from moving the focus; answers with tooltips."""
        if event.type() == QEvent.Type.ToolTip:
            help_event = cast("QHelpEvent", event)
            QToolTip.showText(help_event.globalPos(), self.tip(QPointF(help_event.pos())), self)
            return True
        if event.type() == QEvent.Type.ShortcutOverride and self._is_ours(cast("QKeyEvent", event)):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and self._is_tab(cast("QKeyEvent", event)):
            # Qt would move the focus; Shift+Tab still does
            self._comparison.swap()
            event.accept()
            return True
        return super().event(event)

    @staticmethod
    def _is_tab(event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Tab and held_with(event) == Qt.KeyboardModifier.NoModifier

    def _is_ours(self, event: QKeyEvent) -> bool:
        return self._is_tab(event) or event.matches(QKeySequence.StandardKey.Copy) or self._steps.knows(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Does what `Steps` knows, copies the values under the mouse, or what every picture does."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_point()
        elif not self._steps.key(event):
            super().keyPressEvent(event)

    def can_leave(self) -> bool:
        """Whether Esc has something to end here."""
        return super().can_leave() or self._steps.enlarged or self._scene.state.object is not None

    def leave(self) -> None:
        """Stops drawing a box; then shows all panes again; then looks at no object."""
        if super().can_leave():
            super().leave()
        elif self._steps.enlarged:
            self._steps.enlarge("")
        else:
            self._comparison.select_object(None)

    def copy_point(self) -> None:
        """Puts the values of all nodes under the mouse on the clipboard."""
        point = self._scene.state.point
        if point is not None:
            QGuiApplication.clipboard().setText(texts.point_table(point))

    def tip(self, point: QPointF) -> str:
        """What is under a point, in words; "" over the bare picture."""
        if self._is_on_wiper(point):
            return "Drag, or press ← →: A is left of the wiper, B right of it (W leaves it, Tab swaps A and B)"
        mark = self._mark_under(point)
        return mark.tip if mark is not None else ""
