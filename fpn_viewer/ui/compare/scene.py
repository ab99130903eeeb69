"""What all pictures of the tab share: the backdrop, the maps as rasters, the boxes of each side; made when they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from fpn_viewer.ui.anchors.backdrop import Backdrop
from fpn_viewer.ui.canvas.layers import map_raster
from fpn_viewer.ui.compare.looks import PARTS
from fpn_viewer.ui.compare.marks import found_marks, object_marks, told_by

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.values import ObjectRow
    from fpn_viewer.engine.values import PictureView, Plane
    from fpn_viewer.ui.canvas.rasters import Raster
    from fpn_viewer.ui.compare.marks import Mark
    from fpn_viewer.viewmodels.comparison_state import ComparisonState


class CompareScene(QObject):
    """The shared drawing of two sides.

    Attributes:
        backdrop: the picture.
        state: of the comparison.
        detections: boxes of the detectors are drawn.
        truth: annotated objects are drawn.

    Signals:
        changed(): what is drawn is another.
    """

    changed = Signal()

    def __init__(self, state: ComparisonState, parent: QObject | None = None) -> None:
        """Makes a scene without picture.

        Args:
            state: of the comparison now.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.backdrop = Backdrop()
        self.state = state
        self.detections = self.truth = True
        self._rasters: dict[int, tuple[Plane, Raster]] = {}
        self._marks: dict[tuple[str, str], tuple[tuple[Any, ...], list[Mark]]] = {}

    def set_picture(self, view: PictureView | None) -> None:
        """Another picture, or none."""
        self.backdrop.set_picture(view)
        self.changed.emit()

    def set_state(self, state: ComparisonState, names: frozenset[str]) -> None:
        """What the comparison knows now.

        Args:
            state: the whole of it.
            names: the fields that have changed.
        """
        self.state = state
        if names & {"view", "planes", "objects", "object"}:
            self.changed.emit()

    def show_layers(self, *, detections: bool | None = None, truth: bool | None = None) -> None:
        """Shows or hides boxes; None leaves them as they are."""
        self.detections = self.detections if detections is None else detections
        self.truth = self.truth if truth is None else truth
        self.changed.emit()

    def plane(self, part: str) -> Plane | None:
        """The map of "a", "b" or "difference"."""
        planes = self.state.planes
        return getattr(planes, part) if planes is not None else None

    def raster(self, part: str) -> Raster | None:
        """The same, coloured."""
        plane = self.plane(part)
        if plane is None:
            return None
        known = self._rasters.get(id(plane))
        if known is None or known[0] is not plane:
            # those of maps that are shown no more
            kept = {id(one) for one in (self.plane(name) for name in ("a", "b", "difference")) if one is not None}
            self._rasters = {key: value for key, value in self._rasters.items() if key in kept}
            known = self._rasters[id(plane)] = (plane, map_raster(plane))
        return known[1]

    def marks(self, part: str) -> list[Mark]:
        """All boxes of a part, the most important first."""
        letter = PARTS[part].letter
        annotated = self.truth and self._is_annotated()
        objects = self._kept("objects", letter, (self.state.objects,)) if annotated else []
        told = self.state.objects if annotated else None
        found = self._kept("found", letter, (self.state.view, told)) if self.detections else []
        return [*objects, *found]

    def _is_annotated(self) -> bool:
        return self.state.objects is not None and self.state.objects.annotated

    def _kept(self, kind: str, letter: str, source: tuple[Any, ...]) -> list[Mark]:
        known = self._marks.get((kind, letter))
        # by identity: these values hold arrays
        if known is None or any(one is not other for one, other in zip(known[0], source, strict=True)):
            known = self._marks[kind, letter] = (source, _made(kind, letter, source))
        return known[1]

    def current(self) -> ObjectRow | None:
        """The object that is looked at."""
        objects, number = self.state.objects, self.state.object
        if objects is None or number is None:
            return None
        return next((row for row in objects.rows if row.number == number), None)


def _made(kind: str, letter: str, source: tuple[Any, ...]) -> list[Mark]:
    if kind == "objects":
        return object_marks(source[0].rows, letter)
    view, objects = source
    if view is None:
        return []
    return found_marks(view, letter, told_by(objects.rows) if objects is not None else frozenset())
