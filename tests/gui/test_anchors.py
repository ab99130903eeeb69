from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QGuiApplication

from fpn_viewer.core.imaging.colours import class_colour, level_colour, lut
from fpn_viewer.ui.anchors import raster
from fpn_viewer.ui.anchors.fate import COLUMNS
from fpn_viewer.ui.anchors.labels import place_labels
from fpn_viewer.ui.anchors.sections import DetectionSection, ProposalSection
from tests.gui import anchor_fakes as fakes
from tests.gui.anchor_bench import P2, P3, argb, colours_in, open_bench, outlines, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from tests.gui.anchor_bench import Bench

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
    yield from open_bench(qtbot)


# Anchors


@pytest.mark.parametrize("zoom", [1.0, 2.7, 9.0, 0.4])
def test_anchors_are_drawn_on_their_exact_pixels_fine_levels_on_top(bench: Bench, zoom: float) -> None:
    bench.give()
    bench.only("anchors")
    bench.viewport.zoom_at(zoom, (333.0, 222.0), (float(bench.tab.view.width()), float(bench.tab.view.height())))
    fine, coarse = outlines(bench, fakes.anchors()[: fakes.P3_START]), outlines(bench, fakes.anchors()[fakes.P3_START :])
    pixels = bench.pixels()
    np.testing.assert_array_equal(pixels == P2, fine)
    np.testing.assert_array_equal(pixels == P3, coarse & ~fine)
    assert fine.any()


def test_anchors_out_of_rows_and_columns_are_drawn_alike(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.give()
    bench.only("anchors")
    expected = bench.pixels()
    monkeypatch.setattr("fpn_viewer.ui.anchors.scene.grids_of", lambda *_: None)
    bench.document.show_anchors(fakes.field())
    np.testing.assert_array_equal(bench.pixels(), expected)


def test_filters_take_levels_sizes_and_ratios_away(bench: Bench) -> None:
    bench.give()
    bench.only("anchors")
    layer = bench.tab.view._composer.layers["anchors"]
    for text, left in (("P2", 192), ("1:2", 96), ("20 px", 0)):
        bench.bot.mouseClick(bench.box(text), Qt.MouseButton.LeftButton, pos=QPointF(6, bench.box(text).height() / 2).toPoint())
        assert layer.boxes is not None
        assert len(layer.boxes) == left
        assert P2 not in colours_in(bench.pixels())
    assert P3 not in colours_in(bench.pixels())
    bench.box("20 px").setChecked(True)
    np.testing.assert_array_equal(bench.pixels() == P3, outlines(bench, fakes.anchors()[fakes.P3_START + 1 :: 2]))


def test_above_the_limit_a_density_is_drawn_and_below_it_boxes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.give()
    bench.only("anchors")
    bench.display.update(opacity=1.0)
    bench.pixels()
    layer = bench.tab.view._composer.layers["anchors"]
    assert layer.raster is not None
    visible = layer.raster.visible
    assert (layer.raster.top, visible) == (0, fakes.COUNT)
    monkeypatch.setattr(raster, "CRISP_LIMIT", visible - 1)
    bench.tab.layers.update(hidden_ratios=frozenset({"none"}))
    dense = bench.pixels()
    assert layer.raster.top > 1
    assert P3 not in colours_in(dense)
    plate = bench.tab.view._composer.bars_rect
    assert plate.isValid()
    drawn = dense.copy()
    drawn[int(plate.top()) :, : int(plate.right()) + 2] = 0
    empty = ~outlines(bench, fakes.anchors())
    yellow = int.from_bytes(bytes(lut("viridis")[255]), "big") | 0xFF000000
    assert colours_in(drawn) - colours_in(drawn[empty]), "something is coloured"
    assert yellow not in colours_in(drawn[empty])
    bench.bot.waitUntil(lambda: "density" in bench.tab.footer.text())


def test_the_density_of_one_level_has_its_colour(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "CRISP_LIMIT", 0)
    bench.give()
    bench.display.update(opacity=1.0)
    bench.only("anchors", hidden_levels=frozenset({"P2"}))
    bench.pixels()
    drawn = bench.tab.view._composer.layers["anchors"].raster
    assert drawn is not None
    assert drawn.tint == level_colour("P3")
    strongest = drawn.pixels[np.unravel_index((drawn.pixels >> 24).argmax(), drawn.pixels.shape)]
    assert drawn.pixels.max() == strongest
    assert {int(one) >> 24 for one in np.unique(drawn.pixels)} >= {0, 64}


def test_a_gesture_moves_the_old_raster_and_refines_it_afterwards(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.give()
    bench.only("anchors")
    bench.pixels()
    monkeypatch.setattr(raster, "EXACT_WORK", 0)
    layer = bench.tab.view._composer.layers["anchors"]
    before = layer.raster
    size = (float(bench.tab.view.width()), float(bench.tab.view.height()))
    bench.viewport.pan(17, 9, size)
    moved = bench.pixels()
    assert bench.tab.view.moving
    assert layer.raster is before
    bench.settle()
    np.testing.assert_array_equal(moved[20:-20, 30:-30], bench.pixels()[20:-20, 30:-30])
    assert layer.raster is not before


# Cells


def test_a_click_pins_a_cell_and_lists_its_anchors(bench: Bench) -> None:
    bench.give()
    bench.selection.update(current=("P3", "output"))
    assert bench.tab.table.isHidden()
    bench.click(3, 3)
    assert bench.selection.state.anchor_cell == ("P3", 0, 0)
    table = bench.tab.table.table
    assert not bench.tab.table.isHidden()
    assert [table.item(0, column).text() for column in range(5)] == [
        "20 px 1:2",
        "3.95",
        "0.981",
        "1 of 192",
        "became a detection",
    ]
    bench.tab.table.copy()
    header, first, second = QGuiApplication.clipboard().text().split("\n")
    assert header.split("\t") == list(COLUMNS)
    assert first.split("\t")[-2:] == ["-14.0, -7.0, 14.0, 7.0", "-13.0, -6.0, 15.0, 8.0"]
    assert second.split("\t")[5] == "#0 P2 cell (0, 0), 10 px 1:2"
    bench.click(3, 3)
    assert bench.selection.state.anchor_cell is None
    assert bench.tab.table.isHidden()


def test_one_number_is_copied_with_the_keys_of_copy(bench: Bench) -> None:
    bench.give()
    bench.selection.update(anchor_cell=("P2", 2, 5))
    table = bench.tab.table.table
    table.setCurrentCell(1, 3)
    table.setFocus()
    bench.bot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "108 of 768"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (200, "rpn_top_k: rank 201 > 50"),
        (30, "rpn_nms: IoU > 0.7 with a better one"),
        (5, "a proposal; the RoI heads made nothing of it"),
        (fakes.P3_START, "became a detection"),
    ],
)
def test_fates_name_the_stage_that_ended_an_anchor(bench: Bench, row: int, text: str) -> None:
    bench.give()
    scene = bench.tab.view._composer.scene
    assert scene is not None
    bench.selection.update(anchor_cell=scene.cell_of(row))
    assert bench.tab.table.table.item(row % 2, 4).text() == text


def test_a_cell_that_is_pointed_at_or_pinned_is_highlighted(bench: Bench) -> None:
    bench.give()
    bench.only("anchors", hidden_levels=frozenset({"P2", "P3"}))
    bench.selection.update(current=("P3", "output"))
    bare = argb(bench.tab.view.grab().toImage())
    bench.hover(50, 41)
    assert bench.selection.state.cursor_img == pytest.approx((50, 41), abs=0.2)
    hovered = argb(bench.tab.view.grab().toImage())
    assert (hovered == P3).sum() > 500
    assert not (bare == P3).any()
    bench.click(50, 41)
    bench.tab.view.leaveEvent(QEvent(QEvent.Type.Leave))
    pinned = argb(bench.tab.view.grab().toImage())
    assert bench.selection.state.anchor_cell == ("P3", 5, 6)
    dashed = QColor(level_colour("P3")).lighter(150).rgb()
    assert (pinned == dashed).any()
    assert not (hovered == dashed).any()


def test_everything_about_cells_is_reachable_by_keys(bench: Bench) -> None:
    bench.give()
    view, press = bench.tab.view, bench.bot.keyClick
    view.setFocus()
    press(view, Qt.Key.Key_Down)
    assert bench.selection.state.current == ("P3", "output")
    press(view, Qt.Key.Key_Down)
    assert bench.selection.state.current == ("P3", "output")
    press(view, Qt.Key.Key_Return)
    assert bench.selection.state.anchor_cell == ("P3", 4, 6)
    press(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    press(view, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert bench.selection.state.anchor_cell == ("P3", 3, 7)
    press(view, Qt.Key.Key_Escape)
    assert bench.selection.state.anchor_cell is None
    press(view, Qt.Key.Key_Up)
    assert bench.selection.state.current == ("P2", "output")


def test_a_pinned_cell_that_another_detector_does_not_have_is_not_shown(bench: Bench) -> None:
    bench.give()
    bench.selection.update(anchor_cell=("P7", 0, 0))
    assert bench.tab.table.isHidden()
    bench.selection.update(anchor_cell=("P3", 8, 0))
    assert bench.tab.table.isHidden()
    bench.tab.view.grab()


# Proposals and detections


def test_proposals_follow_their_sliders_and_are_counted(bench: Bench) -> None:
    bench.give()
    bench.only("proposals")
    part = section(bench, ProposalSection)
    assert isinstance(part, ProposalSection)
    assert part.count.text() == "20 of 20 proposals shown"
    np.testing.assert_array_equal(bench.pixels() == P3, outlines(bench, fakes.field().proposals_img[:5]))
    part.score.slider.setValue(50)
    assert part.count.text() == "10 of 20 proposals shown"
    part.top.slider.setValue(500)
    assert bench.tab.layers.state.proposals_top == 4
    assert part.count.text() == "4 of 20 proposals shown"
    assert colours_in(bench.pixels()) & {P2, P3} == {P3}
    part.top.slider.setValue(1000)
    assert bench.tab.layers.state.proposals_top is None
    part.score.slider.setValue(0)
    part.before.setChecked(True)
    assert part.count.text() == "100 of 100 proposals shown"
    bench.only("proposals", hidden_levels=frozenset({"P2"}))
    assert part.count.text() == "50 of 100 proposals shown"


def test_a_proposal_of_unknown_level_is_grey(bench: Bench) -> None:
    bench.give()
    bench.only("proposals")
    assert QColor(raster.UNKNOWN_COLOUR).rgb() in colours_in(bench.pixels())


def test_detections_follow_score_and_classes(bench: Bench) -> None:
    bench.give()
    bench.only("detections")
    part = section(bench, DetectionSection)
    assert isinstance(part, DetectionSection)
    names = fakes.SPEC.class_names
    first, second = (QColor(class_colour(label)).rgb() for label in (1, 2))
    assert {first, second} <= colours_in(bench.pixels())
    part.score.slider.setValue(50)
    assert part.count.text() == "2 of 3 detections shown"
    bench.box(f"{names[2]}  2").setChecked(False)
    assert part.count.text() == "1 of 3 detections shown"
    assert second not in colours_in(bench.pixels())
    bench.only("detections", colour_by="level", labels=False)
    assert {P3, first} & colours_in(bench.pixels()) == {P3}


def test_pointing_at_a_detection_shows_the_anchor_it_grew_from(bench: Bench) -> None:
    bench.give()
    bench.only("detections", labels=False)
    assert P3 not in colours_in(bench.pixels())
    bench.hover(10, 10)
    mark = bench.tab.view.mark_under(bench.place(10, 10))
    assert mark is not None
    assert mark.row == 0
    shown = argb(bench.tab.view.grab().toImage())
    middle = bench.place(0, 0)
    assert P3 in colours_in(shown)
    assert shown[int(middle.y()) + 1, int(middle.x()) + 2] == P3, "the line ends at the anchor's centre"
    inner = bench.tab.view.mark_under(bench.place(50, 45))
    assert inner is not None
    assert inner.row == 2, "the smallest around the point"


def test_labels_stay_in_the_view_and_off_each_other() -> None:
    view = QRectF(0, 0, 200, 120)
    rng = np.random.default_rng(0)
    rects = [QRectF(*rng.uniform(-60, 200, 2), *rng.uniform(5, 120, 2)) for _ in range(40)]
    places = place_labels(rects, [QSizeF(50, 14)] * 40, view)
    shown = [place for place in places if place is not None]
    assert len(shown) > 5
    assert all(view.contains(place) for place in shown)
    assert not any(a.intersects(b) for i, a in enumerate(shown) for b in shown[:i])
    assert all(place is None for rect, place in zip(rects, places, strict=True) if not rect.intersects(view))


def test_a_label_is_drawn_whole_at_the_border(bench: Bench) -> None:
    bench.give()
    bench.only("detections")
    size = (float(bench.tab.view.width()), float(bench.tab.view.height()))
    bench.viewport.show_box((60.0, 40.0, 96.0, 64.0), size, 1.0)
    bench.settle()
    pixels = bench.pixels()
    plate = QColor(class_colour(2)).rgb()
    rows, columns = np.nonzero(pixels[:40] == plate)
    assert rows.min() <= 1
    assert np.ptp(columns) > 40
