from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QMouseEvent, QWheelEvent

from fpn_viewer.core.imaging.colours import class_colour, level_colour, lut
from fpn_viewer.core.structures import Detections, Divergence
from fpn_viewer.ui.anchors import composer, raster
from fpn_viewer.ui.anchors.controls import MemberBox
from fpn_viewer.ui.anchors.fate import COLUMNS
from fpn_viewer.ui.anchors.labels import place_labels
from fpn_viewer.ui.anchors.sections import AnchorSection, DetectionSection, ObjectnessSection, ProposalSection
from fpn_viewer.ui.anchors.tab import AnchorsTab
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.viewport import Viewport
from tests.gui import anchor_fakes as fakes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication, QWidget
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

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


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
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


def section(bench: Bench, kind: type[QWidget]) -> QWidget:
    return next(one for one in bench.tab.sections if isinstance(one, kind))


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


# Layers, objectness, keys


@pytest.mark.parametrize(
    ("key", "layer"),
    [(Qt.Key.Key_A, "anchors"), (Qt.Key.Key_R, "proposals"), (Qt.Key.Key_D, "detections"), (Qt.Key.Key_O, "objectness")],
)
def test_keys_toggle_layers(bench: Bench, key: Qt.Key, layer: str) -> None:
    bench.give()
    bench.tab.view.setFocus()
    before = getattr(bench.tab.layers.state, layer)
    bench.bot.keyClick(bench.tab.view, key)
    assert getattr(bench.tab.layers.state, layer) is not before
    assert bench.tab.layer_actions[layer].isChecked() is not before
    bench.bot.keyClick(bench.tab.view, key)
    assert getattr(bench.tab.layers.state, layer) is before


def test_objectness_is_asked_for_by_level_and_shape_and_drawn(bench: Bench) -> None:
    bench.give()
    bench.display.update(opacity=1.0)
    bench.only("objectness")
    assert bench.document.objectness_asked == [("P2", None)]
    bench.document.objectness_changed.emit(fakes.objectness("P2", 255))
    middle = bench.place(48, 32)
    assert bench.pixels()[int(middle.y()), int(middle.x())] == MAGMA_TOP
    bench.selection.update(current=("P3", "output"))
    part = section(bench, ObjectnessSection)
    assert isinstance(part, ObjectnessSection)
    assert part.shape.itemText(1) == "20 px 1:2"
    part.shape.setCurrentIndex(2)
    part.shape.activated.emit(2)
    assert bench.document.objectness_asked[1:] == [("P3", None), ("P3", 1)]
    bench.document.objectness_changed.emit(fakes.objectness("P2", 0))
    assert bench.pixels()[int(middle.y()), int(middle.x())] == MAGMA_TOP, "an answer about another level is late"


def test_space_hides_the_overlays_while_it_is_held(bench: Bench) -> None:
    bench.give()
    view = bench.tab.view
    view.setFocus()
    bench.bot.keyPress(view, Qt.Key.Key_Space)
    assert not colours_in(bench.pixels()) & {P2, P3}
    bench.bot.keyRelease(view, Qt.Key.Key_Space)
    assert P2 in colours_in(bench.pixels())


def test_wheel_and_drag_move_the_shared_viewport(bench: Bench) -> None:
    bench.give()
    view = bench.tab.view
    point = bench.place(24, 16)
    wheel(view, point, Qt.KeyboardModifier.NoModifier)
    assert bench.viewport.state.zoom == pytest.approx(1.25)
    assert bench.place(24, 16).toTuple() == pytest.approx(point.toTuple())
    opacity = bench.display.state.opacity
    wheel(view, point, Qt.KeyboardModifier.ControlModifier)
    assert bench.display.state.opacity == pytest.approx(opacity + 0.05)
    drag(view, QPointF(200, 200), QPointF(230, 190))
    assert bench.place(24, 16).toTuple() == pytest.approx((point.x() + 30, point.y() - 10))
    assert bench.selection.state.anchor_cell is None
    bench.selection.update(tool="box")
    drag(view, bench.place(30, 20), bench.place(40, 28))
    assert bench.selection.state.box_img == pytest.approx((30, 20, 40, 28))
    assert bench.selection.state.tool == "pan"
    view.setFocus()
    bench.bot.keyClick(view, Qt.Key.Key_F)
    assert bench.viewport.state.fitted


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


# Notices and states


def test_the_banner_says_from_which_stage_the_replay_cannot_follow(bench: Bench) -> None:
    bench.give(follows=Divergence("rpn_nms", "the detector suppresses in its own way."))
    assert bench.tab.follows_strip.isVisibleTo(bench.tab)
    assert "from rpn_nms on: the detector suppresses in its own way." in bench.tab.follows_strip.label.text()
    bench.selection.update(anchor_cell=("P2", 0, 15))
    assert bench.tab.table.table.item(0, 4).text() == "not known from rpn_nms on"
    bench.selection.update(anchor_cell=("P2", 10, 3))
    assert bench.tab.table.table.item(0, 4).text().startswith("rpn_top_k")
    bench.give()
    assert not bench.tab.follows_strip.isVisibleTo(bench.tab)


def test_nothing_detected_is_said(bench: Bench) -> None:
    none = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int32))
    bench.give(detections=none)
    assert bench.tab.nothing_strip.isVisibleTo(bench.tab)
    assert "none has a class above 0.05" in bench.tab.nothing_strip.label.text()
    bench.pixels()


def test_untrained_weights_carry_a_badge(bench: Bench) -> None:
    from dataclasses import replace

    bench.give()
    assert bench.tab.badge.isHidden()
    bench.give(key="other", spec=replace(fakes.SPEC, weights="random"))
    assert not bench.tab.badge.isHidden()


def test_the_tooltip_of_a_level_tells_when_anchors_leave_their_cells(bench: Bench) -> None:
    bench.give()
    assert "step by 8 net px but its anchors by 7 (down) and 8 (right)" in bench.box("P3").toolTip()
    assert "but its anchors" not in bench.box("P2").toolTip()


def test_every_control_has_a_tooltip_and_keyboard_focus(bench: Bench) -> None:
    bench.give()
    part = section(bench, AnchorSection)
    assert isinstance(part, AnchorSection)
    for box in part.findChildren(MemberBox):
        assert box.toolTip()
        assert box.focusPolicy() & Qt.FocusPolicy.TabFocus
    part.level.setCurrentIndex(1)
    part.level.activated.emit(1)
    assert bench.selection.state.current == ("P3", "output")


def test_empty_loading_and_running_look_different(bench: Bench) -> None:
    tab, document = bench.tab, bench.document
    assert tab.open_button.isVisibleTo(tab)
    with bench.bot.waitSignal(tab.open_requested):
        bench.bot.mouseClick(tab.open_button, Qt.MouseButton.LeftButton)
    assert "Open a picture" in tab.view._message
    document.show_picture(fakes.black())
    document.set_state(kind="running", stage="backbone", fraction=0.4)
    assert not tab.open_button.isVisibleTo(tab)
    assert "backbone … 40%" in tab.view._message
    bench.give()
    document.set_state(kind="ready")
    assert tab.view._message == ""
    bright = argb(tab.view.grab().toImage())
    document.set_state(kind="running", stage="neck", fraction=0.6)
    assert (argb(tab.view.grab().toImage()) == P2).sum() < (bright == P2).sum() / 10, "dimmed"
    document.set_state(kind="cancelled")
    np.testing.assert_array_equal(argb(tab.view.grab().toImage()), bright)


def test_anchors_are_asked_for_only_while_the_tab_is_visible(bench: Bench) -> None:
    bench.tab.hide()
    bench.document.show_picture(fakes.black())
    bench.document.show_trace(fakes.trace())
    assert bench.document.anchors_asked == 0
    bench.tab.show()
    assert bench.document.anchors_asked == 1
    assert "anchors" in bench.tab.view._message
    bench.document.show_anchors(fakes.field("another trace"))
    assert bench.tab.view._composer.scene is None
    bench.document.show_anchors(fakes.field())
    assert bench.tab.view._composer.scene is not None
    bench.document.show_trace(fakes.trace("next"))
    assert bench.tab.view._composer.scene is None
    assert bench.tab.table.isHidden()


# Saved pictures


def test_the_saved_picture_is_the_view_at_any_scale(bench: Bench) -> None:
    bench.give()
    bench.only("anchors")
    one, two = bench.tab.render_image(1.0), bench.tab.render_image(2.0)
    assert (two.width(), two.height()) == (2 * one.width(), 2 * one.height())
    np.testing.assert_array_equal(argb(one) == P2, outlines(bench, fakes.anchors()[: fakes.P3_START]))
    doubled = np.repeat(np.repeat(argb(one) == P2, 2, 0), 2, 1)
    np.testing.assert_array_equal(argb(two) == P2, doubled)


def test_boxes_in_a_vector_file_are_vectors_and_too_many_are_pixels(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.give()
    bench.only("anchors")
    path = tmp_path / "anchors.svg"
    bench.tab.render_svg(str(path))
    text = path.read_text()
    assert text.count("<rect") == fakes.COUNT
    assert text.count("<image") == 1
    monkeypatch.setattr(composer, "VECTOR_LIMIT", 100)
    bench.tab.render_svg(str(path))
    assert path.read_text().count("<image") == 2
