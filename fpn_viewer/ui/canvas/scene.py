"""What all cells of the grid share: the picture, the view-models and what is drawn over the maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fpn_viewer.ui.canvas.layers import Frame, picture_raster
from fpn_viewer.ui.canvas.view import View

if TYPE_CHECKING:
    from PySide6.QtGui import QColor

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.structures import Detections
    from fpn_viewer.engine.values import PictureView, Probe, TraceView
    from fpn_viewer.ui.canvas.rasters import Raster
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.objects import ObjectRow
    from fpn_viewer.viewmodels.selection import Selection
    from fpn_viewer.viewmodels.viewport import Viewport

Cell = tuple[str, str]


class Scene(QObject):
    """The shared state behind the cells.

    Attributes:
        display: how maps are shown.
        selection: what is pointed at.
        viewport: pan and zoom.
        detections: of the trace, or None.
        names: class names by label.
        truth: the annotated objects that are drawn.
        probe: the levels under the cursor, or None.
        rubber: the box being drawn, xyxy image px, or None.
        locked: the planes share one colour scale.
        dimmed: what is shown is about to be replaced.

    Signals:
        marks_changed(): something drawn over the maps has changed.
    """

    marks_changed = Signal()

    def __init__(self, display: Display, selection: Selection, viewport: Viewport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.display, self.selection, self.viewport = display, selection, viewport
        self.detections: Detections | None = None
        self.names: tuple[str, ...] = ()
        self.truth: tuple[ObjectRow, ...] = ()
        self.probe: Probe | None = None
        self.rubber: Box | None = None
        self.locked = False
        self.dimmed = False
        self._picture: Raster | None = None
        self._frames: dict[object, Frame] = {}
        viewport.changed.connect(self._forget_frames)

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture."""
        return self._picture is not None

    def frame(self, size: tuple[float, float], ratio: float, ground: QColor) -> Frame:
        """What views of a size share.

        Args:
            size: (width, height), view px.
            ratio: device px per view px.
            ground: the colour around the picture.
        """
        key = (size, ratio, ground.rgb())
        if key not in self._frames:
            self._frames[key] = Frame(View.of(self.viewport, size, ratio), self._picture, ground)
        return self._frames[key]

    def set_picture(self, view: PictureView | None) -> None:
        """Another picture, or none."""
        self._picture = None if view is None else picture_raster(view)
        self._forget_frames()
        if view is not None:
            self.viewport.set_image(view.picture.size)

    def set_trace(self, trace: TraceView | None) -> None:
        """Another trace, or none; what was asked about the one before is forgotten."""
        self.detections = None if trace is None else trace.detections
        self.names = () if trace is None else trace.spec.class_names
        self._forget_frames()
        self.set_probe(None)

    def set_truth(self, rows: tuple[ObjectRow, ...]) -> None:
        """The annotated objects that are drawn."""
        if rows is not self.truth:
            self.truth = rows
            self.marks_changed.emit()

    def set_probe(self, probe: Probe | None) -> None:
        """What lies under the cursor."""
        self.probe = probe
        self.marks_changed.emit()

    def set_rubber(self, box_img: Box | None) -> None:
        """The box that is being drawn."""
        self.rubber = box_img
        self.marks_changed.emit()

    @property
    def receptive_level(self) -> str | None:
        """The level whose receptive field is outlined, or None."""
        if not self.display.state.receptive:
            return None
        return self.selection.state.probe_level or self.selection.state.current[0]

    def _forget_frames(self, *_: object) -> None:
        self._frames.clear()
