from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QColor

from fpn_viewer.core.imaging.boxes import Frame
from fpn_viewer.ui.anchors.controls import FieldBox
from fpn_viewer.ui.anchors.tab import AnchorsTab
from fpn_viewer.ui.canvas.pyramid_grid import PyramidGrid
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.objects.outlines import HALO, Outlines, Style, rasterise
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.viewport import Viewport
from tests.gui import anchor_fakes, canvas_desk
from tests.gui.anchor_bench import argb, colours_in
from tests.gui.object_bench import ROWS, FakeObjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

MISSED, FOUND = (QColor(OUTCOME_LOOKS[name].colour).rgb() for name in ("missed", "found"))


# Outlines


def lines(codes: np.ndarray, code: int) -> set[tuple[int, int]]:
    return set(zip(*(places.tolist() for places in np.nonzero(codes == code)), strict=True))


def ring(x0: int, y0: int, x1: int, y1: int) -> set[tuple[int, int]]:
    level = {(y, x) for x in range(x0, x1 + 1) for y in (y0, y1)}
    return level | {(y, x) for y in range(y0, y1 + 1) for x in (x0, x1)}


def outline(*boxes: tuple[float, ...], **changes: Any) -> Outlines:
    return Outlines(np.array(boxes, np.float32), np.full(len(boxes), 0xFF112233, np.uint32), **changes)


def test_lines_lie_on_the_edge_and_the_halo_outside_of_them() -> None:
    codes, colours = rasterise([outline((4, 5, 20, 15), insets=(0, 1))], Frame(1.0, (0, 0), (30, 40)))
    assert colours == [0, HALO, 0xFF112233]
    assert lines(codes, 2) == ring(4, 5, 20, 15) | ring(5, 6, 19, 14)
    assert lines(codes, 1) == ring(3, 4, 21, 16)


def test_a_double_line_is_dark_between() -> None:
    codes, _ = rasterise([outline((4, 5, 20, 15), insets=(0, 3))], Frame(1.0, (0, 0), (30, 40)))
    assert lines(codes, 2) == ring(4, 5, 20, 15) | ring(7, 8, 17, 12)
    assert lines(codes, 1) == ring(3, 4, 21, 16) | ring(6, 7, 18, 13)


@pytest.mark.parametrize(("style", "share"), [(Style.DashLine, 8 / 12), (Style.DotLine, 0.5), (Style.DashDotLine, 8 / 12)])
def test_dashes_are_cut_alike_into_level_and_upright_lines(style: Style, share: float) -> None:
    codes, _ = rasterise([outline((12, 12, 108, 108), style=style)], Frame(1.0, (0, 0), (130, 130)))
    for line in (codes[12, 12:108], codes[12:108, 12], codes[108, 12:108], codes[12:108, 108]):
        assert (line == 2).mean() == pytest.approx(share)
        assert set(line.tolist()) == {1, 2}, "the halo shows in the gaps"


def test_edges_out_of_the_view_are_not_drawn_on_its_border() -> None:
    frame = Frame(1.0, (0, 0), (30, 40))
    codes, _ = rasterise([outline((-5, -5, 60, 60), insets=(0, 1)), outline((-5, 10, 10, 60), insets=(0, 1, 2, 3))], frame)
    assert lines(codes, 2) == set()
    assert not (codes[:, 0] == 3)[16:].any()
    assert (codes[10, :10] == 3).all()


def test_boxes_without_inside_or_without_numbers_leave_no_second_line() -> None:
    codes, _ = rasterise([outline((5, 5, 6, 6), (np.nan, 1, 2, 3), insets=(0, 3))], Frame(1.0, (0, 0), (30, 40)))
    assert lines(codes, 2) == ring(5, 5, 6, 6)


def test_each_box_has_its_colour_and_later_ones_lie_on_top() -> None:
    both = Outlines(
        np.array([[2, 2, 12, 12], [2, 2, 12, 8]], np.float32), np.array([0xFF00FF00, 0xFF0000FF], np.uint32), halo=False
    )
    codes, colours = rasterise([both], Frame(1.0, (0, 0), (20, 20)))
    assert hex(colours[codes[2, 5]]) == "0xff0000ff"
    assert hex(colours[codes[12, 5]]) == "0xff00ff00"


# The Pyramid tab


def pyramid(qtbot: QtBot, objects: FakeObjects) -> canvas_desk.Bench:
    bench = canvas_desk.Bench(qtbot)
    grid = PyramidGrid(cast("Any", bench.document), bench.display, bench.selection, bench.viewport, objects=cast("Any", objects))
    qtbot.addWidget(grid)
    bench.grid = grid
    grid.resize(900, 640)
    grid.show()
    return bench.fill()


def shown(bench: canvas_desk.Bench, level: str = "P2", role: str = "output") -> set[int]:
    rgb = bench.map_pixels(bench.cell(level, role)).astype(np.uint32)
    return colours_in(0xFF000000 | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2])


def test_ground_truth_lies_over_every_map_while_it_is_shown(qapp: QApplication, qtbot: QtBot) -> None:
    objects = FakeObjects()
    bench = pyramid(qtbot, objects)
    assert not {MISSED, FOUND} & shown(bench)
    objects.update(rows=ROWS)
    for cell in (("P2", "output"), ("P3", "merged")):
        assert {MISSED, FOUND} <= shown(bench, *cell)
    objects.update(shown=False)
    assert not {MISSED, FOUND} & shown(bench)
    objects.update(shown=True)
    bench.viewport.zoom_at(2.0, (10.0, 10.0), bench.cell("P2", "output").view_size())
    assert FOUND in shown(bench)
    bench.display.update(overlays_hidden=True)
    assert not {MISSED, FOUND} & shown(bench)


def test_an_enlarged_map_names_the_objects(qapp: QApplication, qtbot: QtBot) -> None:
    objects = FakeObjects()
    bench = pyramid(qtbot, objects)
    objects.update(rows=ROWS)

    def plate(colour: int) -> int:
        rgb = bench.map_pixels(bench.cell("P2", "output")).astype(np.uint32)
        return int(((0xFF000000 | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]) == colour).sum())

    bench.selection.update(current=("P2", "output"), enlarged=True)
    named = plate(MISSED)
    bench.selection.update(enlarged=False)
    assert named > 5 * plate(MISSED), "a plate with the class"


# The tab "Anchors & RPN"


@pytest.fixture
def anchors(qapp: QApplication, qtbot: QtBot) -> Iterator[tuple[AnchorsTab, FakeObjects]]:
    qapp.setStyle("Fusion")
    document, objects, viewport = anchor_fakes.FakeDocument(), FakeObjects(), Viewport()
    objects.update(rows=ROWS)
    tab = AnchorsTab(cast("Any", document), Display(), Selection(), viewport, objects=cast("Any", objects))
    tab.resize(1000, 640)
    tab.show()
    qtbot.waitExposed(tab)
    document.show_picture(anchor_fakes.black())
    viewport.set_image(anchor_fakes.SIZE)
    document.show_trace(anchor_fakes.trace())
    tab.layers.update(detections=False)
    yield tab, objects
    tab.close()
    tab.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_ground_truth_is_one_more_layer_of_the_anchors(anchors: tuple[AnchorsTab, FakeObjects]) -> None:
    tab, objects = anchors
    assert {MISSED, FOUND} <= colours_in(argb(tab.view.compose(1.0)))
    box = next(box for box in tab.findChildren(FieldBox) if box.text().startswith("Ground truth"))
    assert box.isChecked()
    box.setChecked(False)
    assert not objects.state.shown, "in the other tabs as well"
    assert not {MISSED, FOUND} & colours_in(argb(tab.view.compose(1.0)))
    objects.update(shown=True)
    assert box.isChecked()
    assert FOUND in colours_in(argb(tab.view.compose(1.0)))
    objects.update(rows=())
    assert not {MISSED, FOUND} & colours_in(argb(tab.view.compose(1.0)))
