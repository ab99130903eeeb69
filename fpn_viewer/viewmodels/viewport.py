"""The one pan and zoom that every view of the picture shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    Size = tuple[float, float]
    Point = tuple[float, float]

MAX_ZOOM = 64.0
#: the picture may shrink to this share of the fitting size
MIN_SHARE = 0.25


@dataclass(frozen=True)
class ViewState:
    """What is in view.

    Attributes:
        image_size: (H, W) of the picture, image px.
        center_img: (x, y) image px in the middle of every view.
        zoom: view px per image px, for a view in which the whole picture would fit at `fit`; see `Viewport.scale`.
        fitted: True while the picture fills each view, whatever its size.
    """

    image_size: tuple[int, int] = (1, 1)
    center_img: Point = (0.5, 0.5)
    zoom: float = 1.0
    fitted: bool = True


class Viewport(Observable[ViewState]):
    """Pan and zoom, linked over views of different size.

    `zoom` is relative to the fitting scale of a view, so that a small cell and an enlarged one show the same part of the picture.
    Sizes of views are (width, height) in view px.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(ViewState(), parent)

    def set_image(self, image_size: tuple[int, int], *, keep: bool = True) -> None:
        """Another picture; with `keep` the same relative position and zoom are shown in it."""
        (h, w), (old_h, old_w) = image_size, self.state.image_size
        cx, cy = self.state.center_img
        if keep and not self.state.fitted:
            self.update(image_size=image_size, center_img=(cx / old_w * w, cy / old_h * h))
        else:
            self.update(image_size=image_size, center_img=(w / 2, h / 2), zoom=1.0, fitted=True)

    def scale(self, view: Size) -> float:
        """View px per image px in a view of this size."""
        return self._fit_scale(view) * self.state.zoom

    def offset(self, view: Size) -> Point:
        """View px of the picture's upper left corner."""
        scale, (cx, cy) = self.scale(view), self.state.center_img
        return view[0] / 2 - cx * scale, view[1] / 2 - cy * scale

    def to_img(self, point: Point, view: Size) -> Point:
        """Image px under a point of a view."""
        scale, (dx, dy) = self.scale(view), self.offset(view)
        return (point[0] - dx) / scale, (point[1] - dy) / scale

    def fit(self) -> None:
        """The whole picture in every view."""
        h, w = self.state.image_size
        self.update(center_img=(w / 2, h / 2), zoom=1.0, fitted=True)

    def one_to_one(self, view: Size, factor: float = 1.0) -> None:
        """One image px on `factor` view px in a view of this size."""
        self.update(zoom=factor / self._fit_scale(view), fitted=False)

    def zoom_at(self, factor: float, point: Point, view: Size) -> None:
        """Zooms by `factor`, the image point under `point` staying where it is."""
        x, y = self.to_img(point, view)
        ceiling = max(MAX_ZOOM / self._fit_scale(view), 1.0)
        zoom = min(ceiling, max(MIN_SHARE, self.state.zoom * factor))
        scale = self._fit_scale(view) * zoom
        center = (x + (view[0] / 2 - point[0]) / scale, y + (view[1] / 2 - point[1]) / scale)
        self.update(zoom=zoom, center_img=self._held(center), fitted=False)

    def pan(self, dx: float, dy: float, view: Size) -> None:
        """Moves the picture by view px."""
        scale, (cx, cy) = self.scale(view), self.state.center_img
        self.update(center_img=self._held((cx - dx / scale, cy - dy / scale)), fitted=False)

    def show_box(self, box_img: tuple[float, float, float, float], view: Size, share: float = 0.4) -> None:
        """Shows a box, filling `share` of a view of this size: in its middle, or as near to it as the picture fills the view."""
        x0, y0, x1, y1 = box_img
        scale = min(min(view[0] / max(x1 - x0, 1e-6), view[1] / max(y1 - y0, 1e-6)) * share, MAX_ZOOM)
        sizes = self.state.image_size[::-1]
        x, y = map(_filled, ((x0 + x1) / 2, (y0 + y1) / 2), (side / scale / 2 for side in view), sizes)
        self.update(zoom=scale / self._fit_scale(view), center_img=(x, y), fitted=False)

    def follow(self, box_img: tuple[float, float, float, float]) -> None:
        """Brings a box to the middle at the zoom that is there; nothing moves while the whole picture is shown."""
        if not self.state.fitted:
            x0, y0, x1, y1 = box_img
            self.update(center_img=self._held(((x0 + x1) / 2, (y0 + y1) / 2)))

    def _fit_scale(self, view: Size) -> float:
        h, w = self.state.image_size
        return max(1e-6, min(view[0] / w, view[1] / h))

    def _held(self, center: Point) -> Point:
        # the middle of the view stays on the picture, so that it cannot be lost
        h, w = self.state.image_size
        return min(max(center[0], 0.0), float(w)), min(max(center[1], 0.0), float(h))


def _filled(centre: float, half: float, size: float) -> float:
    """The middle of a view that reaches `half` to both sides, moved so that it ends with the picture; all image px."""
    return max(half, min(centre, size - half)) if 2 * half <= size else size / 2
