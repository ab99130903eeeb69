from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QToolButton

from fpn_viewer.core.analysis.trap_values import Trap
from fpn_viewer.core.images import Picture
from fpn_viewer.core.imaging.colours import lut
from fpn_viewer.engine.values import PictureView
from fpn_viewer.ui.objects import layers
from fpn_viewer.ui.objects.header import ANY
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from tests.gui import object_bench as fakes
from tests.gui.anchor_bench import argb, colours_in
from tests.gui.object_bench import ROWS, open_bench
from tests.gui.test_anchors_states import drag, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from tests.gui.object_bench import Bench

pytestmark = pytest.mark.gui

MISSED, FOUND = (QColor(OUTCOME_LOOKS[name].colour).rgb() for name in ("missed", "found"))
WHITE = 0xFFFFFFFF


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
    yield from open_bench(qtbot)


def edge(bench: Bench, pixels: np.ndarray, row: int) -> np.ndarray:
    """The px along the upper edge of an object, without its corners."""
    rows, columns = bench.box_px(ROWS[row].box_img)
    return pixels[rows.start, columns.start + 6 : columns.stop - 6]


# The picture


def test_outlines_tell_outcomes_by_colour_and_by_line(bench: Bench) -> None:
    bench.give()
    # labels would lie on the lines
    bench.objects.update(rows=tuple(replace(row, name="") for row in ROWS), kinds=())
    bench.tab.layer_actions["detections"].setChecked(False)
    pixels = bench.pixels()
    found, missed = edge(bench, pixels, 0)[20:], edge(bench, pixels, 1)[20:]
    assert (found == FOUND).all()
    share = (missed == MISSED).mean()
    assert 0.5 < share < 0.8, "dashed"
    wrong = QColor(OUTCOME_LOOKS["wrong class"].colour).rgb()
    rows, columns = bench.box_px(ROWS[2].box_img)
    across = pixels[rows.start - 2 : rows.start + 8, columns.stop - 20] == wrong
    assert np.flatnonzero(across).tolist() == [2, 5], "a double line"


def test_detections_that_count_for_nothing_are_told_from_those_that_match(bench: Bench) -> None:
    bench.give()
    bench.objects.update(shown=False)
    pixels = bench.pixels()
    found = fakes.detections().boxes_img.tolist()
    places = [bench.place((x0 + x1) / 2, y1) for x0, _, x1, y1 in found]
    quiet, _, background, _ = (int(pixels[int(place.y()), int(place.x())]) for place in places)
    assert background == QColor("#FFB000").rgb(), "opaque in its class's colour"
    assert quiet not in (0xFF000000, QColor("#2F9BFF").rgb()), "paler than its class's colour"
    assert "better detection already" in bench.tab.view.tip(bench.place(20, 19.5))
    assert "no annotated object is here" in bench.tab.view.tip(bench.place(40, 13))
    bench.tab.view.setFocus()
    bench.bot.keyClick(bench.tab.view, Qt.Key.Key_D)
    assert QColor("#FFB000").rgb() not in colours_in(bench.pixels())


def test_a_click_selects_the_smallest_object_and_shows_it_with_surroundings(bench: Bench) -> None:
    bench.give()
    around = replace(ROWS[0], box_img=(0.0, 0.0, 96.0, 64.0))
    bench.objects.update(rows=(around, *ROWS[1:]))
    bench.click(57, 35)
    assert bench.objects.state.current == 1
    width, height = bench.tab.view.width() / bench.tab.view.frame().scale, bench.tab.view.height() / bench.tab.view.frame().scale
    assert min(width / 64, height / 64) == pytest.approx(1.0, abs=0.01), "64 image px at least"
    for x in (ROWS[1].box_img[0], ROWS[1].box_img[2]):
        assert 0 < bench.place(x, 35).x() < bench.tab.view.width()
    assert bench.place(0, 64).y() >= bench.tab.view.height() - 1, "no room is left to what is beside the picture"


def test_a_click_beside_all_objects_asks_about_nothing(bench: Bench) -> None:
    bench.give()
    bench.ask()
    bench.click(92, 60)
    assert (bench.objects.state.current, bench.question.cleared) == (None, 1)
    bench.ask()
    bench.tab.view.setFocus()
    bench.bot.keyClick(bench.tab.view, Qt.Key.Key_Delete)
    assert bench.question.cleared == 2


def test_what_is_not_asked_about_is_dimmed(bench: Bench) -> None:
    bench.give()
    bench.objects.update(rows=tuple(replace(row, name="") for row in ROWS), kinds=())
    bright = bench.pixels()
    bench.ask(near=None, line=None)
    dim = bench.pixels()
    assert (edge(bench, bright, 0)[20:] == FOUND).all()
    assert not (edge(bench, dim, 0)[20:] == FOUND).any()
    assert (edge(bench, dim, 1) == MISSED).any(), "the asked object keeps its colour"
    rows, columns = bench.box_px(ROWS[1].box_img)
    assert WHITE in colours_in(dim[rows.start - 6 : rows.start, columns]), "a ring around it"
    assert WHITE not in colours_in(bright[rows.start - 6 : rows.start, columns])


def test_the_picture_around_the_asked_object_is_darkened(bench: Bench) -> None:
    bench.give()
    light = np.full((*fakes.anchor_fakes.SIZE, 3), 200, np.uint8)
    bench.document.show_picture(PictureView("light.png", Picture(light, "light.png"), (light,)))
    places = [bench.place(90, 60), bench.place(57, 35)]
    before = [int(bench.pixels()[int(place.y()), int(place.x())]) & 0xFF for place in places]
    bench.ask(near=None, line=None)
    beside, inside = (int(bench.pixels()[int(place.y()), int(place.x())]) & 0xFF for place in places)
    assert before == [200, 200]
    assert beside < 150
    assert inside == 200


def test_candidates_are_coloured_by_overlap_survivors_solid_lost_ones_dashed(bench: Bench) -> None:
    bench.give()
    bench.objects.update(rows=(), kinds=())
    bench.tab.layer_actions["detections"].setChecked(False)
    bench.selection.set_box((50, 30, 64, 39), fakes.anchor_fakes.SIZE)
    boxes = np.array([[4, 4, 28, 18], [50, 46, 90, 62]], np.float32)
    near = fakes.NearBoxes(
        boxes,
        np.array([1, 0], np.float32),
        np.array([True, False]),
        np.zeros(2, np.int16),
        np.array([[0, 0], [12, 14]], np.int32),
        np.zeros(2, np.float32),
        np.zeros(2, np.int32),
    )
    bench.question.update(near=near)
    pixels = bench.pixels()
    warm = int.from_bytes(bytes(lut("iou")[255]), "big") | 0xFF000000
    rows, columns = bench.box_px((4, 4, 28, 18))
    assert (pixels[rows.start, columns.start + 1 : columns.stop - 1] == warm).all()
    assert (pixels[rows.start + 1, columns.start + 2 : columns.stop - 2] == warm).all(), "two px"
    rows, columns = bench.box_px((50, 46, 90, 62))
    line = pixels[rows.start, columns.start : columns.stop]
    cold = lut("iou")[0].astype(int)
    coloured = (line & 0xFF) > cold[2] * 0.6
    assert 0.5 < coloured.mean() < 0.8
    # the cell of the survivor and of the lost one lie on P2
    y, x = 0.5 * 4, 0.5 * 4
    inside = int(pixels[int(bench.place(x, y).y()), int(bench.place(x, y).x())])
    assert inside & 0xFF > 0x10, "the cell shines blue"


def test_the_deciding_box_the_suppressor_and_the_rival_are_drawn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    labels: list[str] = []
    real = layers.paint_labels

    def noted(painter: QPainter, wanted: Sequence[tuple[QRectF, str, QColor]], view: QRectF) -> None:
        labels[:] = [text for _, text, _ in wanted]
        real(painter, wanted, view)

    monkeypatch.setattr(layers, "paint_labels", noted)
    bench.give()
    bench.ask()
    pixels = bench.pixels()
    for box, colour in (((44, 24, 70, 44), "#009E73"), ((40, 26, 68, 46), "#FFB000")):
        rows, columns = bench.box_px(box)
        assert QColor(colour).rgb() in colours_in(pixels[rows.stop - 3 : rows.stop + 2, columns])
    assert labels[:4] == ["car", "rpn_top_k: rank 1,342 of 1,000", "removed it: 0.930 P3", "truck 0.710 · other class"]
    bench.question.update(stage="anchors")
    bench.pixels()
    assert labels[1] == "anchors: IoU 0.620 against 0.500"


def test_space_hides_everything_while_it_is_held(bench: Bench) -> None:
    bench.give()
    bench.ask()
    view = bench.tab.view
    view.setFocus()
    bench.bot.keyPress(view, Qt.Key.Key_Space)
    rows, columns = bench.box_px((0, 0, 96, 64))
    assert colours_in(bench.pixels()[rows.start + 1 : rows.stop - 1, columns.start + 1 : columns.stop - 1]) == {0xFF000000}
    bench.bot.keyRelease(view, Qt.Key.Key_Space)
    assert MISSED in colours_in(bench.pixels())
    bench.bot.keyPress(view, Qt.Key.Key_Space)
    view.clearFocus()
    assert not bench.display.state.overlays_hidden, "a key that is held while the focus goes is let go"


def test_b_and_a_drag_draw_a_box_as_in_the_other_tabs(bench: Bench) -> None:
    bench.give()
    view = bench.tab.view
    view.setFocus()
    bench.bot.keyClick(view, Qt.Key.Key_B)
    assert bench.selection.state.tool == "box"
    drag(view, bench.place(30, 20), bench.place(40, 28))
    assert bench.selection.state.box_img == pytest.approx((30, 20, 40, 28))
    assert bench.selection.state.tool == "pan"
    assert "drawn box 10×8 px" in bench.tab.header.title.text()
    rows, columns = bench.box_px((30, 20, 40, 28))
    assert WHITE in colours_in(bench.pixels()[rows, columns])
    bench.bot.keyClick(view, Qt.Key.Key_B)
    bench.bot.keyClick(view, Qt.Key.Key_Escape)
    assert bench.selection.state.tool == "pan"


def test_wheel_drag_and_keys_move_the_shared_viewport(bench: Bench) -> None:
    bench.give()
    view, point = bench.tab.view, bench.place(24, 16)
    wheel(view, point, Qt.KeyboardModifier.NoModifier)
    assert bench.viewport.state.zoom == pytest.approx(1.25)
    drag(view, QPointF(200, 200), QPointF(230, 190))
    assert bench.place(24, 16).toTuple() == pytest.approx((point.x() + 30, point.y() - 10))
    view.setFocus()
    bench.bot.keyClick(view, Qt.Key.Key_1)
    assert view.frame().scale == pytest.approx(1.0)
    bench.bot.keyClick(view, Qt.Key.Key_F)
    assert bench.viewport.state.fitted


def test_hover_draws_nothing_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.give()
    bench.ask()
    bench.tab.view.grab()
    monkeypatch.setattr(bench.tab._layers, "paint", lambda *_: pytest.fail("layers were drawn"))
    for x in (10, 57, 80):
        bench.bot.mouseMove(bench.tab.view, bench.place(x, 35).toPoint())
        bench.tab.view.grab()
    assert bench.selection.state.cursor_img is not None


def test_keys_of_the_window_are_handed_on(bench: Bench) -> None:
    bench.give()
    for key in (Qt.Key.Key_M, Qt.Key.Key_N):
        event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
        bench.tab.view.keyPressEvent(event)
        assert not event.isAccepted()


def test_saved_pictures_hold_what_is_drawn_boxes_as_vectors(bench: Bench, tmp_path: Path) -> None:
    bench.give()
    bench.ask(near=fakes.near(40))
    one, two = bench.tab.render_image(1.0), bench.tab.render_image(2.0)
    assert (two.width(), two.height()) == (2 * one.width(), 2 * one.height())
    assert MISSED in colours_in(argb(one))
    path = tmp_path / "object.svg"
    bench.tab.render_svg(str(path))
    assert path.read_text().count("<rect") > 40


# The header


def test_the_header_says_what_is_asked_and_how_it_ended(bench: Bench) -> None:
    bench.give()
    header = bench.tab.header
    assert header.title.text() == "4 annotated objects: 1 found, 1 missed, 1 wrong class, 1 unknown class"
    assert "press B" in header.verdict.text()
    bench.objects.select(1)
    assert header.title.text() == "car 14×9 px · missed at rpn_top_k"
    assert "Following it" in header.verdict.text()
    bench.question.update(line=fakes.line())
    assert header.verdict.text() == fakes.line().verdict
    assert header.title.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    bench.question.update(trouble="The trace is no longer in memory; run again.")
    assert "no longer in memory" in header.verdict.text()


def test_missed_objects_are_counted_and_stepped_through(bench: Bench) -> None:
    bench.give()
    header = bench.tab.header
    assert header.count.text() == "2 missed"
    bench.objects.select(2)
    assert header.count.text() == "2 of 2 missed"
    bench.bot.mouseClick(header.next, Qt.MouseButton.LeftButton)
    bench.bot.mouseClick(header.previous, Qt.MouseButton.LeftButton)
    assert bench.objects.steps == [1, -1]
    bench.objects.update(rows=ROWS[:1], current=None)
    assert header.count.text() == "none missed"


def test_the_class_of_a_drawn_box_can_be_chosen(bench: Bench) -> None:
    bench.give()
    classes = bench.tab.header.classes
    assert not classes.isVisibleTo(bench.tab)
    bench.selection.set_box((30, 20, 40, 28), fakes.anchor_fakes.SIZE)
    assert classes.isVisibleTo(bench.tab)
    assert [classes.itemText(i) for i in range(3)] == [ANY, "car", "truck"]
    classes.setCurrentIndex(2)
    classes.activated.emit(2)
    classes.activated.emit(0)
    assert bench.question.labels == [2, None]
    bench.selection.update(box_img=None)
    bench.objects.select(1)
    assert not classes.isVisibleTo(bench.tab), "an annotation has its class"


def test_a_trap_shows_its_sentence_in_place(bench: Bench) -> None:
    bench.give()
    traps = (
        Trap("cap", "Full detections", "All 100 places are taken; raise box_detections_per_img.", 100),
        Trap("p6", "Anchors step", "…"),
    )
    bench.objects.update(traps=traps)
    badges = bench.tab.header.traps.badges
    assert [badge.text() for badge in badges] == ["Full detections · 100", "Anchors step"]
    assert badges[0].toolTip() == traps[0].sentence
    sentence = bench.tab.header.traps.sentence
    assert not sentence.isVisibleTo(bench.tab)
    bench.bot.mouseClick(badges[0], Qt.MouseButton.LeftButton)
    assert sentence.isVisibleTo(bench.tab)
    assert sentence.label.text() == traps[0].sentence
    bench.bot.mouseClick(badges[1], Qt.MouseButton.LeftButton)
    assert (badges[0].isChecked(), sentence.label.text()) == (False, "…")
    bench.bot.mouseClick(badges[1], Qt.MouseButton.LeftButton)
    assert not sentence.isVisibleTo(bench.tab)
    bench.objects.update(traps=())
    assert not [b for b in bench.tab.header.traps.findChildren(QToolButton) if b.isVisibleTo(bench.tab) and b.text()]


# Other states


def test_empty_running_and_untrained_look_different(bench: Bench) -> None:
    tab = bench.tab
    assert tab.open_button.isVisibleTo(tab)
    with bench.bot.waitSignal(tab.open_requested):
        bench.bot.mouseClick(tab.open_button, Qt.MouseButton.LeftButton)
    assert "Open a picture" in tab.view._message
    bench.give()
    assert not tab.open_button.isVisibleTo(tab)
    assert tab.view._message == ""
    bright = argb(tab.view.grab().toImage())
    bench.document.set_state(kind="running", stage="neck", fraction=0.6)
    assert "neck … 60%" in tab.view._message
    assert (argb(tab.view.grab().toImage()) == FOUND).sum() < (bright == FOUND).sum() / 10, "dimmed"
    bench.give(spec=replace(fakes.anchor_fakes.SPEC, weights="random"))
    assert tab.badge.isVisibleTo(tab)
    bench.document.show_trace(None)
    assert "Run the detector" in tab.header.verdict.text()
    assert tab.signal.strip.grid() is None
