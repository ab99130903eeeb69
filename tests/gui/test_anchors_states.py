from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from fpn_viewer.core.structures import Detections, Divergence
from fpn_viewer.ui.anchors import composer
from fpn_viewer.ui.anchors.controls import MemberBox
from fpn_viewer.ui.anchors.sections import AnchorSection, ObjectnessSection
from tests.gui import anchor_fakes as fakes
from tests.gui.anchor_bench import MAGMA_TOP, P2, P3, argb, colours_in, drag, open_bench, outlines, section, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from tests.gui.anchor_bench import Bench

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
    yield from open_bench(qtbot)


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
