"""The tab "Anchors & RPN" over hand-made answers, and what its tests measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent

from fpn_viewer.core.imaging.colours import level_colour, lut
from fpn_viewer.ui.anchors.controls import MemberBox
from fpn_viewer.ui.anchors.tab import AnchorsTab
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.viewport import Viewport
from tests.gui import anchor_fakes as fakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

P2, P3 = (QColor(level_colour(name)).rgb() for name in ("P2", "P3"))
MAGMA_TOP = int.from_bytes(bytes(lut("magma")[255]), "big") | 0xFF000000


@dataclass
class Bench:
    """The tab over hand-made answers."""

    tab: AnchorsTab
    document: fakes.FakeDocument
    display: Display
    selection: Selection
    viewport: Viewport
    bot: QtBot

    def give(self, **changes: object) -> None:
        """A picture, its trace and its anchors."""
        self.document.show_picture(fakes.black())
        self.viewport.set_image(fakes.SIZE)
        self.document.show_trace(fakes.trace(**changes))
        self.document.show_anchors(fakes.field(str(changes.get("key", "trace"))))
        self.settle()

    def only(self, *names: str, **values: object) -> None:
        """Shows some layers and no others."""
        self.tab.layers.update(**{row: row in names for row in self.tab.layer_actions}, **values)

    def pixels(self) -> np.ndarray:
        """The layers (h, w) as 0xAARRGGBB."""
        return argb(self.tab.view.compose(1.0))

    def place(self, x_img: float, y_img: float) -> QPointF:
        frame = self.tab.view.frame()
        return QPointF(x_img * frame.scale + frame.offset[0], y_img * frame.scale + frame.offset[1])

    def hover(self, x_img: float, y_img: float) -> None:
        self.bot.mouseMove(self.tab.view, self.place(x_img, y_img).toPoint() + QPointF(3, 3).toPoint())
        self.bot.mouseMove(self.tab.view, self.place(x_img, y_img).toPoint())

    def click(self, x_img: float, y_img: float) -> None:
        self.bot.mouseClick(self.tab.view, Qt.MouseButton.LeftButton, pos=self.place(x_img, y_img).toPoint())

    def box(self, text: str) -> MemberBox:
        return next(box for box in self.tab.findChildren(MemberBox) if box.text() == text and box.isVisibleTo(self.tab))

    def settle(self) -> None:
        self.bot.waitUntil(lambda: not self.tab.view.moving)


def open_bench(qtbot: QtBot) -> Iterator[Bench]:
    """The tab on the screen; closed afterwards."""
    document, display, selection, viewport = fakes.FakeDocument(), Display(), Selection(), Viewport()
    tab = AnchorsTab(document, display, selection, viewport)  # type: ignore[arg-type]
    tab.layers.update(anchors=True)
    tab.resize(1000, 640)
    tab.show()
    qtbot.waitExposed(tab)
    yield Bench(tab, document, display, selection, viewport, qtbot)
    tab.close()
    tab.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def argb(image: QImage) -> np.ndarray:
    whole = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(whole.constBits(), np.uint32).reshape(whole.height(), whole.bytesPerLine() // 4)[:, : whole.width()].copy()


def outlines(bench: Bench, boxes_img: np.ndarray) -> np.ndarray:
    """Where outlines lie in the view, one by one."""
    frame = bench.tab.view.frame()
    mask = np.zeros(frame.size, np.bool_)
    for x0, y0, x1, y1 in np.floor(boxes_img.astype(np.float64) * frame.scale + np.tile(frame.offset, 2)).astype(int):
        height, width = frame.size
        rows, columns = slice(max(y0, 0), max(y1 + 1, 0)), slice(max(x0, 0), max(x1 + 1, 0))
        for y in {y0, y1} & set(range(height)):
            mask[y, columns] = True
        for x in {x0, x1} & set(range(width)):
            mask[rows, x] = True
    return mask


def colours_in(pixels: np.ndarray) -> set[int]:
    return set(np.unique(pixels).tolist())


def section(bench: Bench, kind: type[QWidget]) -> QWidget:
    return next(one for one in bench.tab.sections if isinstance(one, kind))


def wheel(view: QWidget, point: QPointF, held: Qt.KeyboardModifier) -> None:
    event = QWheelEvent(
        point,
        view.mapToGlobal(point),
        QPointF(0, 0).toPoint(),
        QPointF(0, 120).toPoint(),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(view, event)


def drag(view: QWidget, start: QPointF, end: QPointF) -> None:
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, point, button, held in (
        (QEvent.Type.MouseButtonPress, start, left, left),
        (QEvent.Type.MouseMove, end, none, left),
        (QEvent.Type.MouseButtonRelease, end, left, none),
    ):
        event = QMouseEvent(kind, point, view.mapToGlobal(point), button, held, Qt.KeyboardModifier.NoModifier)
        QCoreApplication.sendEvent(view, event)
