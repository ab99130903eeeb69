"""The pyramid's grid under mouse, wheel and keys: linked views, pointing, enlarging, the bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from fpn_viewer.core.imaging.colours import lut
from fpn_viewer.engine.values import Probe, ProbeRow
from fpn_viewer.ui.canvas.keys import KEYS

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

from tests.gui.canvas_desk import GEOMETRY, LEVELS, Bench, hot_plane, lit, planes

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot).fill()


# Linked views


def test_all_cells_show_the_same_part_of_the_picture(bench: Bench) -> None:
    bench.display.update(opacity=0.0)
    cells = [c for c in bench.grid.board.cells.values() if not c.empty]
    before = bench.map_pixels(cells[0])
    bench.wheel(cells[3], QPointF(40, 30), 240, Qt.KeyboardModifier.NoModifier)
    bench.drag(cells[1], QPointF(50, 50), QPointF(70, 44))
    # the pointed-at cell has no cross
    bench.selection.update(cursor_img=None)
    shown = [bench.map_pixels(cell) for cell in cells]
    assert len({cell.view_size() for cell in cells}) == 1
    assert (shown[0] != before).any()
    for other in shown[1:]:
        np.testing.assert_array_equal(other, shown[0])


def test_wheel_zooms_at_the_cursor_and_with_ctrl_changes_the_opacity(bench: Bench) -> None:
    cell, at = bench.cell(), QPointF(37, 41)
    point = cell.to_img(at)
    bench.wheel(cell, at, 360, Qt.KeyboardModifier.NoModifier)
    assert bench.viewport.state.zoom > 1.5
    assert cell.to_img(at) == pytest.approx(point)
    bench.wheel(cell, at, -120, Qt.KeyboardModifier.ControlModifier)
    assert bench.display.state.opacity == pytest.approx(0.6)


def test_drag_pans_with_the_picture_under_the_mouse(bench: Bench) -> None:
    cell = bench.cell()
    bench.wheel(cell, QPointF(40, 40), 480, Qt.KeyboardModifier.NoModifier)
    point = cell.to_img(QPointF(50, 40))
    bench.drag(cell, QPointF(50, 40), QPointF(55, 44), QPointF(61, 52))
    assert cell.to_img(QPointF(61, 52)) == pytest.approx(point)
    assert bench.selection.state.current == ("P3", "merged")


def test_a_shaky_click_does_not_pan(bench: Bench) -> None:
    before = bench.viewport.state
    bench.drag(bench.cell(), QPointF(50, 40), QPointF(51, 41))
    assert bench.viewport.state == before


# Pointing


def probe() -> Probe:
    rows = [
        ProbeRow(level.name, (2, 3), GEOMETRY.cell_box_img(level, 2, 3), {}, None, {}, (0.0, 0.0, 80.0, 60.0))
        for level in LEVELS[:2]
    ]
    return Probe("key", (20.0, 15.0), tuple(rows))


def test_hovering_points_in_every_cell_and_asks_for_a_probe(bench: Bench) -> None:
    cell, other = bench.cell(), bench.cell("P2", "output")
    plain = bench.map_pixels(other)
    at = cell.map_rect().center()
    bench.mouse(cell, QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton)
    point = cell.to_img(at)
    assert bench.selection.state.cursor_img == point
    assert bench.document.probed == [point]
    assert (bench.map_pixels(other) != plain).any()
    QApplication.sendEvent(cell, QEvent(QEvent.Type.Leave))
    assert bench.selection.state.cursor_img is None
    assert bench.document.probed[-1] is None
    np.testing.assert_array_equal(bench.map_pixels(other), plain)


def test_outside_the_picture_nothing_is_pointed_at(bench: Bench) -> None:
    cell = bench.cell()
    bench.viewport.zoom_at(0.5, (40.0, 40.0), cell.view_size())
    bench.mouse(cell, QEvent.Type.MouseMove, QPointF(4, 4), Qt.MouseButton.NoButton)
    assert bench.selection.state.cursor_img is None
    assert bench.document.probed == []


def test_the_probe_outlines_the_cell_of_the_own_level_and_a_receptive_field(bench: Bench) -> None:
    bench.selection.update(current=("P3", "merged"), enlarged=True)
    bench.display.update(receptive=False)
    cell = bench.cell()
    bench.document.probe_changed.emit(probe())
    own = bench.map_pixels(cell)
    edge = cell.view().rect(GEOMETRY.cell_box_img(LEVELS[1], 2, 3))
    column = slice(round(edge.x()) - 1, round(edge.x()) + 2)
    assert own[round(edge.center().y()), column].min(-1).max() > 200
    bench.key(Qt.Key.Key_E)
    assert bench.display.state.receptive
    field = cell.view().rect((0.0, 0.0, 80.0, 60.0))
    column = slice(round(field.right()) - 2, round(field.right()) + 3)
    assert (bench.map_pixels(cell)[60:200, column] != own[60:200, column]).any()
    bench.document.probe_changed.emit(None)
    assert (bench.map_pixels(cell)[:, column] != own[:, column]).sum() == 0


def test_detections_are_drawn_on_demand(bench: Bench) -> None:
    bench.display.update(receptive=False)
    bench.show_plane(hot_plane(at=(0, 0)))
    cell = bench.cell()
    plain = bench.map_pixels(cell)
    bench.key(Qt.Key.Key_D)
    edge = cell.view().rect((10, 10, 60, 50))
    changed = (bench.map_pixels(cell) != plain).any(-1)
    assert changed[round(edge.center().y()), round(edge.x())]
    assert not changed[round(edge.center().y()), round(edge.center().x())]
    bench.qtbot.keyPress(bench.grid.active_cell(), Qt.Key.Key_Space)
    alone = bench.map_pixels(cell)
    bench.qtbot.keyRelease(bench.grid.active_cell(), Qt.Key.Key_Space)
    bench.key(Qt.Key.Key_D)
    bench.display.update(opacity=0.0)
    np.testing.assert_array_equal(alone, bench.map_pixels(cell))


# Keys

NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.mark.parametrize(
    ("key", "modifiers", "model", "field", "value"),
    [
        (Qt.Key.Key_Right, NONE, "display", "channel", 4),
        (Qt.Key.Key_Left, SHIFT, "display", "channel", 9),
        (Qt.Key.Key_BracketRight, NONE, "display", "reduction", "pca"),
        (Qt.Key.Key_BracketLeft, Qt.KeyboardModifier.AltModifier, "display", "reduction", "mean"),
        (Qt.Key.Key_L, NONE, "display", "scale", "row"),
        (Qt.Key.Key_Up, CTRL, "display", "opacity", 0.7),
        (Qt.Key.Key_I, NONE, "display", "smooth", True),
        (Qt.Key.Key_Up, NONE, "selection", "current", ("P2", "merged")),
        (Qt.Key.Key_Left, CTRL, "selection", "current", ("P3", "lateral")),
        (Qt.Key.Key_B, NONE, "selection", "tool", "box"),
        (Qt.Key.Key_Return, NONE, "selection", "enlarged", True),
        (Qt.Key.Key_1, NONE, "viewport", "fitted", False),
        (Qt.Key.Key_Plus, SHIFT, "viewport", "zoom", 1.25),
    ],
)
def test_keys(bench: Bench, key: Qt.Key, modifiers: Qt.KeyboardModifier, model: str, field: str, value: object) -> None:
    bench.display.update(reduction="channel", channel=3)
    bench.selection.update(current=("P3", "merged"))
    bench.key(key, modifiers)
    assert getattr(getattr(bench, model).state, field) == value


def test_f_fits_again(bench: Bench) -> None:
    before = bench.viewport.state
    bench.key(Qt.Key.Key_Plus)
    bench.key(Qt.Key.Key_F)
    assert bench.viewport.state == before


def test_moving_skips_empty_cells_and_stops_at_the_edge(bench: Bench) -> None:
    bench.selection.update(current=("P3", "output"))
    bench.key(Qt.Key.Key_Right, CTRL)
    assert bench.selection.state.current == ("P3", "output")
    bench.selection.update(current=("P3", "merged"))
    bench.key(Qt.Key.Key_Left, CTRL)
    assert bench.selection.state.current == ("P3", "lateral")
    bench.selection.update(current=("P2", "output"))
    for _ in range(4):
        bench.key(Qt.Key.Key_Down)
    assert bench.selection.state.current == ("P4", "output")


def test_every_key_names_a_gesture_and_tab_stops_once_in_the_grid(bench: Bench) -> None:
    from fpn_viewer.ui.canvas.gestures import Gestures

    assert all(callable(getattr(Gestures, row.action)) and row.text for row in KEYS)
    stops = [c.cell for c in bench.grid.board.cells.values() if c.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert stops == [bench.selection.state.current]


def test_keys_follow_the_focus_to_the_next_cell(bench: Bench) -> None:
    bench.grid.focus_map()
    bench.qtbot.waitUntil(bench.cell("P2", "output").hasFocus)
    bench.key(Qt.Key.Key_Down)
    assert bench.cell("P3", "output").hasFocus()


def test_space_is_let_go_when_the_focus_goes(bench: Bench) -> None:
    bench.grid.focus_map()
    bench.qtbot.keyPress(bench.grid.active_cell(), Qt.Key.Key_Space)
    assert bench.display.state.overlays_hidden
    bench.grid.bar.opacity.setFocus()
    bench.qtbot.waitUntil(lambda: not bench.display.state.overlays_hidden)


def test_b_draws_a_box_and_del_removes_it(bench: Bench) -> None:
    cell = bench.cell()
    bench.key(Qt.Key.Key_B)
    view = cell.view()
    corner = cell.map_rect().topLeft()
    start, end = (view.rect((x, y, x, y)).topLeft() + corner for x, y in ((60.0, 50.0), (20.0, 10.0)))
    before = bench.viewport.state
    bench.drag(cell, start, QPointF(end.x() + 5, end.y()), end)
    assert bench.selection.state.box_img == pytest.approx((20, 10, 60, 50))
    assert bench.selection.state.tool == "pan"
    assert bench.viewport.state == before
    bench.key(Qt.Key.Key_Delete)
    assert bench.selection.state.box_img is None


def test_the_box_being_drawn_is_seen_in_other_cells(bench: Bench) -> None:
    cell, other = bench.cell(), bench.cell("P2", "output")
    plain = bench.map_pixels(other)
    bench.key(Qt.Key.Key_B)
    bench.mouse(cell, QEvent.Type.MouseButtonPress, QPointF(30, 30))
    bench.mouse(cell, QEvent.Type.MouseMove, QPointF(80, 70))
    assert (bench.map_pixels(other) != plain).any()
    bench.key(Qt.Key.Key_Escape)
    assert bench.selection.state.tool == "pan"
    np.testing.assert_array_equal(bench.map_pixels(other), plain)


# Enlarged


def test_double_click_enlarges_and_esc_goes_back(bench: Bench) -> None:
    cell = bench.cell()
    small = cell.size()
    bench.qtbot.mouseDClick(cell, Qt.MouseButton.LeftButton, pos=QPoint(40, 40))
    assert bench.selection.state.enlarged
    assert bench.document.enlarged[-1] == ("P3", "merged")
    assert cell.width() > 4 * small.width()
    assert cell.isVisible()
    assert not bench.cell("P2", "merged").isVisible()
    assert bench.cell("P3", "lateral").isVisible()
    assert "M3 = lateral L3" in bench.grid.board.title.text
    bench.key(Qt.Key.Key_Escape)
    assert not bench.selection.state.enlarged
    assert bench.document.enlarged[-1] is None
    assert cell.size() == small


def test_enlarged_maps_are_reached_by_keys_and_from_the_strip(bench: Bench) -> None:
    bench.selection.update(current=("P3", "merged"), enlarged=True)
    bench.key(Qt.Key.Key_Up)
    assert bench.selection.state.current == ("P2", "merged")
    assert "M2 = lateral L2 + top-down T2 (nearest upsample of M3)" in bench.grid.board.title.text
    bench.qtbot.mouseClick(bench.cell("P2", "top-down"), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert bench.selection.state.current == ("P2", "top-down")
    assert bench.cell("P2", "top-down").height() > 300
    bench.qtbot.mouseClick(bench.grid.board.title.back, Qt.MouseButton.LeftButton)
    assert not bench.selection.state.enlarged


def test_a_step_shows_at_once_and_late_planes_do_not_set_it_back(bench: Bench) -> None:
    bench.selection.update(current=("P3", "merged"), enlarged=True)
    bench.display.update(reduction="channel", channel=5, opacity=1.0)
    cell = bench.cell()
    bench.document.plane_changed.emit(hot_plane())
    hot = bench.map_pixels(cell)
    assert lit(hot, lut("viridis")[255]).any()
    bench.document.show("planes", planes(reduction="channel", channel=4))
    np.testing.assert_array_equal(bench.map_pixels(cell), hot)
    bench.document.show("planes", planes(reduction="channel", channel=5))
    assert not lit(bench.map_pixels(cell), lut("viridis")[255]).any()
    assert "channel 5 of 0–15" in bench.grid.board.title.text


def test_esc_is_left_to_the_window_while_there_is_nothing_to_leave(bench: Bench) -> None:
    from PySide6.QtGui import QKeyEvent

    for enlarged in (False, True):
        bench.selection.update(enlarged=enlarged)
        event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, NONE)
        event.ignore()
        QApplication.sendEvent(bench.grid.active_cell(), event)
        assert event.isAccepted() is enlarged


# The bar


def test_the_bar_shows_and_changes_the_display(bench: Bench) -> None:
    bar, display = bench.grid.bar, bench.display
    display.update(reduction="channel", channel=7, scale="locked", opacity=0.25, smooth=True, detections=True, receptive=False)
    shown = (
        bar.reduction.currentData(),
        bar.channel.value(),
        bar.channel_slider.value(),
        bar.scale.currentData(),
        bar.opacity.value(),
    )
    assert shown == ("channel", 7, 7, "locked", 25)
    assert (bar.smooth.isChecked(), bar.detections.isChecked(), bar.receptive.isChecked()) == (True, True, False)
    bar.channel.setValue(9)
    bar.opacity.setValue(80)
    bar.scale.setCurrentIndex(bar.scale.findData("row"))
    bench.qtbot.mouseClick(bar.detections, Qt.MouseButton.LeftButton)
    assert (display.state.channel, display.state.opacity, display.state.scale, display.state.detections) == (9, 0.8, "row", False)
    bar.reduction.setCurrentIndex(bar.reduction.findData("mean"))
    assert display.state.reduction == "mean"
    assert not bar.channel.isEnabled()
    bench.key(Qt.Key.Key_Plus)
    bench.qtbot.mouseClick(bar.fit, Qt.MouseButton.LeftButton)
    assert bench.viewport.state.fitted
    bench.qtbot.mouseClick(bar.one_to_one, Qt.MouseButton.LeftButton)
    assert bench.viewport.scale(bench.grid.active_cell().view_size()) == pytest.approx(1)


def test_an_opacity_between_percents_is_not_rounded_by_the_bar(bench: Bench) -> None:
    bench.display.update(opacity=0.655)
    assert bench.display.state.opacity == 0.655


def test_controls_have_tooltips_and_the_bar_wraps_when_narrow(bench: Bench) -> None:
    bar = bench.grid.bar
    controls = [
        bar.reduction,
        bar.channel,
        bar.scale,
        bar.opacity,
        bar.smooth,
        bar.detections,
        bar.receptive,
        bar.fit,
        bar.one_to_one,
    ]
    for control in controls:
        assert "(" in control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert bar.heightForWidth(480) > bar.heightForWidth(2000)
    bench.grid.resize(520, 480)
    bench.qtbot.waitUntil(lambda: bar.width() < 520)
    for control in controls:
        assert bar.rect().contains(control.geometry().translated(control.parentWidget().pos()))
