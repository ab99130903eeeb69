"""The pyramid's grid: what is painted where, in which state, and what is saved."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QPalette

from fpn_viewer.core.imaging.colours import level_colour, lut
from fpn_viewer.core.necks.graph import Graph, Node, Term
from fpn_viewer.engine.values import SHARE
from fpn_viewer.ui.canvas.legend import number
from fpn_viewer.viewmodels.states import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

from tests.gui.canvas_desk import (
    CELLS,
    GEOMETRY,
    HOT,
    LEVELS,
    Bench,
    H,
    W,
    expected_inside,
    hot_plane,
    lit,
    picture,
    plane,
    planes,
    rgb,
    trace,
)

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot).fill()


# Geometry


@pytest.mark.parametrize("size", [(901, 643), (640, 480), (1279, 801)])
@pytest.mark.parametrize(("zoom", "pan"), [(1.0, (0, 0)), (3.37, (13.3, -7.7)), (17.9, (-31.4, 8.2))])
def test_a_hot_cell_lights_exactly_its_rectangle(
    qtbot: QtBot, size: tuple[int, int], zoom: float, pan: tuple[float, float]
) -> None:
    bench = Bench(qtbot, size).fill()
    bench.selection.update(current=("P3", "merged"), enlarged=True)
    bench.display.update(opacity=1.0, receptive=False)
    bench.show_plane(hot_plane())
    cell, level = bench.cell(), LEVELS[1]
    box = GEOMETRY.cell_box_img(level, *HOT)
    bench.viewport.update(center_img=((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), zoom=zoom, fitted=False)
    bench.viewport.pan(*pan, cell.view_size())
    hot = lit(bench.map_pixels(cell), lut("viridis")[255])
    assert hot.any()
    np.testing.assert_array_equal(hot, expected_inside(bench, cell, box))


def test_padding_is_not_drawn_beside_the_picture(bench: Bench) -> None:
    bench.display.update(opacity=1.0)
    bench.show_plane(plane(("P3", "merged"), np.full_like(plane(("P3", "merged")).values, 255)))
    cell = bench.cell()
    bench.viewport.zoom_at(0.6, (40.0, 40.0), cell.view_size())
    assert plane(("P3", "merged")).box_img[2] > W
    hot = lit(bench.map_pixels(cell), lut("viridis")[255])
    np.testing.assert_array_equal(hot, expected_inside(bench, cell, (0, 0, W, H)))


def test_a_hot_cell_of_a_map_larger_than_the_screen_is_not_skipped(bench: Bench) -> None:
    values = np.zeros((900, 1300), np.uint8)
    cell = bench.cell()
    bench.display.update(opacity=1.0)
    bench.show_plane(plane(("P3", "merged"), values))
    cold = bench.map_pixels(cell)
    for at in ((450, 650), (451, 653), (452, 655)):
        hot = values.copy()
        hot[at[0] - 3 : at[0] + 3, at[1] - 3 : at[1] + 3] = 255
        bench.show_plane(plane(("P3", "merged"), hot))
        assert (bench.map_pixels(cell) != cold).any(), at


def test_opacity_0_shows_the_picture_exactly(bench: Bench) -> None:
    bench.selection.update(current=("P3", "merged"), enlarged=True)
    bench.key(Qt.Key.Key_1)
    bench.display.update(opacity=0.0)
    cell = bench.cell()
    shown, inside = bench.map_pixels(cell), expected_inside(bench, cell, (0, 0, W, H))
    np.testing.assert_array_equal(shown[inside].reshape(H, W, 3), bench.document.picture.reduced[0])
    bench.display.update(opacity=1.0)
    assert (bench.map_pixels(cell)[inside] == lut("viridis")[0]).all()
    bench.display.update(opacity=0.5)
    middle = (shown[inside].astype(int) + lut("viridis")[0]) / 2
    assert np.abs(bench.map_pixels(cell)[inside] - middle).max() <= 2


def test_a_magnified_picture_shows_its_pixels(bench: Bench) -> None:
    cell = bench.cell()
    bench.display.update(opacity=0.0)
    bench.viewport.one_to_one(cell.view_size(), 7.0)
    bench.viewport.pan(0.4, -2.3, cell.view_size())
    shown = bench.map_pixels(cell)
    x, y = 50, 35
    inside = expected_inside(bench, cell, (x, y, x + 1, y + 1))
    assert inside.sum() == 49
    assert (shown[inside] == bench.document.picture.reduced[0][y, x]).all()


def test_a_signed_map_is_grey_in_the_middle_and_pca_keeps_its_colours(bench: Bench) -> None:
    bench.display.update(opacity=1.0)
    values = np.full_like(plane(("P3", "merged")).values, 128)
    bench.show_plane(plane(("P3", "merged"), values, low=-2.0, high=2.0, signed=True))
    middle = bench.map_pixels(bench.cell())[40, 60]
    assert np.ptp(middle.astype(int)) < 8
    colours = np.full((*values.shape, 3), (10, 200, 30), np.uint8)
    bench.show_plane(plane(("P3", "merged"), colours))
    assert bench.map_pixels(bench.cell())[40, 60].tolist() == [10, 200, 30]


def test_nearest_shows_cells_and_smooth_interpolates(bench: Bench) -> None:
    bench.display.update(opacity=1.0)
    bench.show_plane(hot_plane())
    cell = bench.cell()
    bench.viewport.zoom_at(6, (60.0, 50.0), cell.view_size())
    inside = expected_inside(bench, cell, (0, 0, W, H))
    assert len(np.unique(bench.map_pixels(cell)[inside], axis=0)) <= 2
    bench.qtbot.mouseClick(bench.grid.bar.smooth, Qt.MouseButton.LeftButton)
    assert bench.display.state.smooth
    box = GEOMETRY.cell_box_img(LEVELS[1], *HOT)
    bench.viewport.update(center_img=(box[0], box[1]))
    assert len(np.unique(bench.map_pixels(cell)[expected_inside(bench, cell, (0, 0, W, H))], axis=0)) > 10


# Words and numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1.00"),
        (-0.5, "−0.500"),
        (12.345, "12.3"),
        (0.0012345, "0.00123"),
        (100, "100"),
        (1.234e6, "1.23e6"),
        (2.5e-7, "2.50e−7"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_the_colour_bar_runs_over_the_colours_between_its_numbers(bench: Bench) -> None:
    cell = bench.cell()
    bar = rgb(cell.grab().toImage())[round(cell.map_rect().bottom()) + 1 + 7]
    table = lut("viridis").astype(int)
    found = [x for x in range(len(bar)) if np.abs(table - bar[x].astype(int)).sum(1).min() <= 6]
    assert len(found) > cell.width() / 3
    assert np.abs(bar[found[0]].astype(int) - table[0]).max() < 12
    assert np.abs(bar[found[-1]].astype(int) - table[-1]).max() < 12
    assert "from 0 to 4.25" in cell.tip(QPointF(20, cell.height() - 5))
    assert cell.tip(QPointF(20, 20)) == ""


def test_a_locked_scale_shows_a_lock_but_not_where_it_cannot_be_locked(bench: Bench) -> None:
    cells = [bench.cell(), bench.cell("P2", SHARE)]

    def bars() -> list[NDArray[np.uint8]]:
        return [rgb(cell.grab().toImage())[round(cell.map_rect().bottom()) + 1 : -3] for cell in cells]

    before = bars()
    bench.document.show("planes", planes(scale="locked"))
    after = bars()
    assert (after[0] != before[0]).any()
    np.testing.assert_array_equal(after[1], before[1])


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (("P3", "top-down"), "coarsest level"),
        (("P3", SHARE), "coarsest level"),
        (("P4", "lateral"), "made from P3 alone (every 2nd cell)"),
    ],
)
def test_empty_cells_say_why(bench: Bench, cell: tuple[str, str], words: str) -> None:
    empty = bench.cell(*cell)
    assert words in empty.tip(QPointF(20, 20))
    shown = rgb(empty.grab().toImage())
    ground = np.array(bench.grid.palette().color(QPalette.ColorRole.Window).getRgb()[:3])
    assert 0 < (shown != ground).any(-1).sum() < 60
    bench.qtbot.mouseDClick(empty, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert not bench.selection.state.enlarged


def test_a_node_too_narrow_for_the_channel_says_so(bench: Bench) -> None:
    there = {cell: shown for cell, shown in planes().planes.items() if cell[1] != "backbone"}
    bench.document.show("planes", planes(reduction="channel", channel=12, planes=there))
    assert "C2 has 8 channels" in bench.cell("P2", "backbone").tip(QPointF(20, 20))


def test_broken_cells_are_hatched_and_counted(bench: Bench) -> None:
    mask = np.zeros(plane(("P3", "merged")).values.shape, bool)
    mask[HOT] = True
    cell = bench.cell()
    bench.selection.update(current=("P3", "merged"), enlarged=True)
    plain = bench.map_pixels(cell)
    bench.show_plane(plane(("P3", "merged"), broken=1, broken_at=mask))
    changed = (bench.map_pixels(cell) != plain).any(-1)
    inside = expected_inside(bench, cell, GEOMETRY.cell_box_img(LEVELS[1], *HOT))
    assert changed[inside].all()
    assert changed[:24, :24].any()
    assert "1 cell is not finite" in cell.tip(QPointF(20, cell.height() - 4))


def test_headers_teach(bench: Bench) -> None:
    board = bench.grid.board
    tips = {part.accessibleName(): part.toolTip() for _, part in board.parts()}
    assert "top-down pathway" in tips["top-down T"]
    assert "one cell covers 8 net px" in tips["P3, stride 8, 12×20 cells"]
    shown = rgb(board.grab().toImage())
    for level in LEVELS:
        assert lit(shown, np.array(QColor(level_colour(level.name)).getRgb()[:3])).any()


def test_random_weights_are_marked(bench: Bench) -> None:
    plain = rgb(bench.grid.board.grab().toImage())
    marked = trace()
    marked.spec.untrained = True
    bench.document.show("trace", marked)
    stripes = lit(rgb(bench.grid.board.grab().toImage()), np.array([0xF2, 0xC1, 0x4E]))
    assert stripes.any()
    assert not lit(plain, np.array([0xF2, 0xC1, 0x4E])).any()


# States


def test_without_a_picture_one_button_says_what_to_do(qtbot: QtBot) -> None:
    bench = Bench(qtbot)
    assert not bench.grid.bar.isVisible()
    page = bench.grid.findChild(type(bench.grid._none))
    assert page is not None
    with qtbot.waitSignal(bench.grid.open_requested):
        qtbot.mouseClick(page.button, Qt.MouseButton.LeftButton)
    assert bench.grid.render_image().isNull()


def test_without_a_trace_the_picture_is_shown_with_what_to_do(qtbot: QtBot) -> None:
    bench = Bench(qtbot)
    bench.document.show("picture", picture())
    assert "No detector is open" in bench.grid.plain.caption.text()
    bench.document.show("detector", SimpleNamespace())
    assert "F5" in bench.grid.plain.caption.text()
    bench.document.show("state", RunState("running", "backbone", 0.4))
    assert "backbone 40%" in bench.grid.plain.caption.text()
    bench.document.show("state", RunState("failed", text="There is not enough memory."))
    assert bench.grid.plain.caption.text() == "There is not enough memory."
    cell = bench.grid.active_cell()
    bench.key(Qt.Key.Key_1)
    inside = expected_inside(bench, cell, (0, 0, W, H))
    np.testing.assert_array_equal(bench.map_pixels(cell)[inside].reshape(H, W, 3), bench.document.picture.reduced[0])


def test_an_old_result_is_dimmed_while_a_new_one_is_made(bench: Bench) -> None:
    cell = bench.cell()
    before = bench.map_pixels(cell)
    bench.document.show("state", RunState("running", "neck", 0.5))
    dimmed = bench.map_pixels(cell)
    ground = np.array(bench.grid.palette().color(QPalette.ColorRole.Window).getRgb()[:3], int)
    inside = expected_inside(bench, cell, (0, 0, W, H))
    nearer = np.abs(dimmed[inside].astype(int) - ground).sum() < 0.6 * np.abs(before[inside].astype(int) - ground).sum()
    assert nearer
    bench.document.show("state", RunState("ready"))
    np.testing.assert_array_equal(bench.map_pixels(cell), before)


def test_another_pyramid_replaces_the_cells(bench: Bench) -> None:
    other = trace()
    other.graph = Graph("one", ("P3",), (Node("C3", "backbone", "P3"), Node("P3", "output", "P3", (Term("smoothing", "C3"),))))
    other.levels = LEVELS[1:2]
    bench.document.show("trace", other)
    bench.document.show("planes", replace(planes(), planes={("P3", "output"): plane(("P3", "output"))}))
    assert list(bench.grid.board.cells) == [("P3", "backbone"), ("P3", "output")]
    assert bench.selection.state.current == ("P3", "output")
    assert bench.cell("P3", "output").plane is not None


# Saved pictures


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_a_saved_picture_is_drawn_at_its_own_size(bench: Bench, scale: float) -> None:
    bench.selection.update(current=("P3", "merged"), enlarged=True, cursor_img=(20.0, 20.0))
    bench.display.update(opacity=1.0)
    bench.show_plane(hot_plane())
    cell, board = bench.cell(), bench.grid.board
    pixels = rgb(bench.grid.render_image(scale))
    assert pixels.shape[:2] == (round((board.height() + 16) * scale), round((board.width() + 16) * scale))
    left, top = (round((8 + p + 2) * scale) for p in (cell.x(), cell.y()))
    expected = expected_inside(bench, cell, GEOMETRY.cell_box_img(LEVELS[1], *HOT), scale)
    shown = pixels[top : top + expected.shape[0], left : left + expected.shape[1]]
    np.testing.assert_array_equal(lit(shown, lut("viridis")[255]), expected)


def test_an_svg_keeps_words_and_boxes_as_such(bench: Bench, tmp_path: Path) -> None:
    bench.display.update(detections=True)
    path = tmp_path / "grid.svg"
    bench.grid.render_svg(path)
    text = path.read_text()
    assert "merged M" in text
    assert "4.25" in text
    assert text.count("<image") >= len(CELLS)
    with pytest.raises(OSError, match="no such"):
        bench.grid.render_svg(tmp_path / "no such" / "grid.svg")


def test_the_canvas_loads_no_torch() -> None:
    code = "import sys, fpn_viewer.ui.canvas.pyramid_grid; sys.exit(bool({'torch', 'pyqtgraph'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
