"""The tab: its states, its pictures, its keys."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication

from fpn_viewer.core.imaging.colours import lut
from fpn_viewer.engine.compare_values import Subject
from fpn_viewer.ui.compare import marks, texts
from fpn_viewer.ui.compare.looks import PAIR_LOOKS, SIDES, STATUS_LOOKS
from tests.gui.compare import bench as fakes
from tests.gui.compare.bench import OBJECTS, open_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.compare.menus import SideMenu
    from fpn_viewer.viewmodels.selection import SelectionState
    from tests.gui.compare.bench import Bench

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
    yield from open_bench(qtbot)


def colour(name: str, at: int) -> int:
    """A colour of a table as 0xAARRGGBB."""
    red, green, blue = lut(name)[at].tolist()
    return QColor(red, green, blue).rgb()


def entries(menu: SideMenu) -> dict[str, QAction]:
    """Everything that can be chosen in a menu and in those under it, by what it says."""
    menu.fill()
    below = [action.menu() for action in menu.actions() if action.menu()]
    actions = [*menu.actions(), *(action for one in below for action in one.actions())]
    return {action.text(): action for action in actions if not action.isSeparator() and not action.menu()}


# One side


def test_with_one_side_there_is_one_button_with_the_ways_to_a_second(bench: Bench) -> None:
    empty = bench.tab.empty
    assert empty is not None
    assert bench.tab.body is None, "what is not shown yet is not made"
    assert empty.button.isVisible()
    bench.tab.recent = lambda: ("/somewhere/runs/last.pth",)
    ways = entries(empty.menu)
    ways["demo-early (bundled)"].trigger()
    ways["runs/last.pth"].trigger()
    assert bench.comparison.calls[-2:] == [("add", "demo-early"), ("add", "/somewhere/runs/last.pth")]
    assert "demo (bundled)" not in ways, "the window's own detector is A already"
    with bench.bot.waitSignal(bench.tab.file_wanted) as wanted:
        ways["Open a checkpoint…"].trigger()
    assert wanted.args == [1]


def test_the_same_detector_is_offered_at_other_sizes_in_tiles_and_without_its_top_down_path(bench: Bench) -> None:
    assert bench.tab.empty is not None
    ways = entries(bench.tab.empty.menu)
    twice = next(action for text, action in ways.items() if text.startswith("twice"))
    shorter, longer = fakes.SPEC.settings.min_size, fakes.SPEC.settings.max_size
    for action in (
        twice,
        next(action for text, action in ways.items() if "Large tiles" in text),
        ways["With the top-down path cut"],
    ):
        action.trigger()
    sizes, tiles, cut = (call[1] for call in bench.comparison.calls[-3:])
    assert dict(sizes.change.settings) == {"min_size": 2 * shorter, "max_size": 2 * longer}
    assert tiles.tile % 32 == 0
    assert abs(tiles.tile - shorter) <= 16
    assert dict(cut.change.gains) == {("M2", "top-down"): 0.0, ("T2", "top-down"): 0.0}


def test_opening_and_failing_are_said_where_the_button_was(bench: Bench) -> None:
    empty = bench.tab.empty
    assert empty is not None
    bench.comparison.update(running="Opening late.pth", stage="reading", fraction=0.4)
    assert (empty.button.isVisible(), empty.progress.value(), empty.running.text()) == (False, 40, "Opening late.pth … reading")
    bench.bot.mouseClick(empty.cancel, Qt.MouseButton.LeftButton)
    assert bench.comparison.calls[-1] == ("cancel",)
    bench.comparison.update(running="", stage="", fraction=0.0, problem="late.pth is a web page.")
    assert empty.button.isVisible()
    assert empty.problem.text() == "late.pth is a web page."
    bench.comparison.update(infos=(None,))
    assert not empty.button.isEnabled()
    assert empty.text.text() == texts.NO_DETECTOR


def test_only_a_tab_in_front_runs(bench: Bench) -> None:
    bench.tab.hide()
    bench.tab.show()
    assert [call for call in bench.comparison.calls if call[0] == "set_active"] == [
        ("set_active", True),
        ("set_active", False),
        ("set_active", True),
    ]


# Two sides


def test_both_maps_lie_on_one_scale_and_the_difference_has_a_sign(bench: Bench) -> None:
    bench.give(view=fakes.view(detections=()), objects=None)
    expected = {"a": colour("viridis", 0), "b": colour("viridis", 255), "difference": colour("diverging", 255)}
    for part, rgb in expected.items():
        at = bench.place(part, 48, 32)
        assert bench.pixels(part)[at.y(), at.x()] == rgb, part
    head = bench.body.board.panels
    assert head["a"].title.rows == (("A", "demo", "3 detections"),)
    assert head["b"].title.rows == (("B", "demo-early", "2 detections"),)
    assert "one scale for A and B" in head["b"].bar.toolTip()
    assert "Blue is more in A" in head["difference"].bar.toolTip()
    assert "The backbone ran once." in bench.body.head.notes.toolTip()


def test_the_wiper_shows_a_left_and_b_right_of_it(bench: Bench) -> None:
    bench.give(view=fakes.view(detections=()), objects=None, layout="wiper")
    assert bench.body.board.parts == ("wiper",)
    pane = bench.pane("wiper")
    at = bench.place("wiper", 40, 32)
    assert bench.pixels("wiper")[at.y(), at.x()] == colour("viridis", 0)
    handle = QPoint(pane.width() // 2, pane.height() // 2)
    bench.bot.mousePress(pane, Qt.MouseButton.LeftButton, pos=handle)
    bench.bot.mouseMove(pane, QPoint(pane.width() // 4, handle.y()))
    bench.bot.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=QPoint(pane.width() // 4, handle.y()))
    assert bench.comparison.state.wiper == pytest.approx(0.25, abs=0.01)
    assert bench.pixels("wiper")[at.y(), at.x()] == colour("viridis", 255)
    assert bench.models.viewport.state.fitted, "the picture was not dragged along"
    pane.setFocus()
    bench.bot.keyClick(pane, Qt.Key.Key_Right)
    bench.bot.keyClick(pane, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert bench.comparison.state.wiper == pytest.approx(0.25 + 0.02 - 0.1, abs=0.01)
    bench.bot.keyClick(pane, Qt.Key.Key_W)
    assert bench.body.board.parts == ("a", "b", "difference")
    assert bench.pane("a").hasFocus(), "keys go on working"


def test_keys_over_the_maps(bench: Bench) -> None:
    bench.give()
    pane = bench.pane("b")
    pane.setFocus()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Right, Qt.Key.Key_PageDown, Qt.Key.Key_O):
        bench.bot.keyClick(pane, key)
    assert bench.comparison.calls[-4:] == [("swap",), ("step_channel", 1), ("step_node", 1), ("step_object", 1)]
    bench.bot.keyClick(pane, Qt.Key.Key_Down)
    assert bench.comparison.state.node == "P3"
    bench.bot.keyClick(pane, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert bench.comparison.state.node == "M3"
    bench.bot.keyClick(pane, Qt.Key.Key_BracketRight)
    assert bench.models.display.state.reduction == "l2"
    bench.bot.keyClick(pane, Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    assert not pane.hasFocus(), "Shift+Tab leaves, so that nobody is caught"
    assert bench.comparison.calls.count(("swap",)) == 1


def test_a_double_click_shows_one_pane_and_esc_all_again(bench: Bench) -> None:
    bench.give()
    pane = bench.pane("difference")
    bench.bot.mouseDClick(pane, Qt.MouseButton.LeftButton)
    assert bench.body.board.parts == ("difference",)
    pane.setFocus()
    bench.bot.keyClick(pane, Qt.Key.Key_Escape)
    assert bench.body.board.parts == ("a", "b", "difference")


def test_the_point_under_the_mouse_is_read_in_both_and_can_be_copied(bench: Bench) -> None:
    bench.give()
    bench.models.selection.update(cursor_img=(10.0, 12.0))
    assert bench.comparison.calls[-1] == ("probe", (10.0, 12.0))
    bench.comparison.update(point=fakes.point())
    assert bench.body.point.text == "P2 at 10, 12 · A 0.500 · B 0.750 · B − A 0.250"
    pane = bench.pane("a")
    pane.setFocus()
    bench.bot.keyClick(pane, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[1].split("\t") == ["P2", "0.5", "0.75", "0.25"]
    assert lines[2].split("\t") == ["P3", "1.0", "", ""]
    bench.comparison.update(node="P3")
    assert bench.body.point.text == "P3 at 10, 12 · A 1.00 · B –"


def test_a_side_that_did_not_run_says_why_and_leaves_the_other(bench: Bench) -> None:
    trouble = "B needs 9 GB and there are 2."
    alone = fakes.view(b=None, detections=(), troubles=("", trouble))
    bench.give(view=alone, planes=fakes.planes(b=None, difference=None, sentence=trouble), objects=None, nodes=None)
    assert bench.pane("b")._message == trouble
    assert bench.pane("a")._message == ""
    at = bench.place("a", 48, 32)
    assert bench.pixels("a")[at.y(), at.x()] == colour("viridis", 0)
    assert bench.body.board.panels["b"].title.rows == (("B", "demo-early", "did not run"),)
    bench.comparison.update(weights=None)
    body = bench.body
    assert {page.sentence.text() for page in (body.objects, body.found, body.nodes, body.weights)} == {texts.ALONE}


def test_running_dims_what_is_shown_and_can_be_cancelled(bench: Bench) -> None:
    bench.give()
    bench.comparison.update(running="Running A and B", fraction=0.5)
    head = bench.body.head
    assert (head.progress.value(), head.notes.text()) == (50, "Running A and B …")
    bench.bot.mouseClick(head.cancel, Qt.MouseButton.LeftButton)
    assert bench.comparison.calls[-1] == ("cancel",)
    bench.comparison.update(running="", fraction=0.0)
    assert head.cancel.isHidden()


# Who is who


def test_the_menus_choose_swap_and_remove(bench: Bench) -> None:
    bench.give(subjects=(Subject(), Subject("demo-early"), Subject("x.pth")), infos=(fakes.info(), fakes.info("demo-early"), None))
    first, second = (side.menu for side in bench.body.head.sides)
    assert not any(text.startswith("Remove") for text in entries(first)), "the window's detector stays"
    entries(second)["x.pth"].trigger()
    entries(second)["demo"].trigger()
    entries(second)["Remove demo-early"].trigger()
    assert bench.comparison.calls[-3:] == [("choose", 0, 2), ("swap",), ("remove", 1)]
    assert "demo-early (bundled)" not in entries(second), "it is open already"
    bench.comparison.update(subjects=tuple(Subject(str(n)) for n in range(4)), infos=(fakes.info(), None, None, None))
    assert not entries(second)["Open a checkpoint…"].isEnabled(), "four are the most"


def test_what_was_said_of_the_windows_detector_is_offered_to_the_other(bench: Bench) -> None:
    own = fakes.info("last", min_size=320, max_size=640)
    bench.give(subjects=(Subject(), Subject("best.pth", {"max_size": 1000})), infos=(own, fakes.info("best.pth")))
    offer = bench.body.offer
    assert offer.isVisible()
    assert offer.label.text() == "B was opened without the settings that last was given: min_size 320."
    menu = bench.body.head.sides[1].menu
    entry = entries(menu)["Open best.pth with the settings of last"]
    assert "min_size 320" in entry.toolTip()
    entry.trigger()
    wanted = Subject("best.pth", {"max_size": 1000, "min_size": 320})
    assert bench.comparison.calls[-1] == ("set_subject", 1, wanted), "what was said of it itself stays"
    bench.bot.mouseClick(offer.button, Qt.MouseButton.LeftButton)
    assert bench.comparison.calls[-2:] == [("set_subject", 1, wanted)] * 2
    bench.comparison.update(subjects=(Subject(), wanted), infos=(own, fakes.info("best.pth", min_size=320)))
    assert not any("with the settings" in text for text in entries(menu))
    assert not offer.isVisible()


def test_an_offer_that_was_closed_comes_back_for_other_settings_only(bench: Bench) -> None:
    sides, other = (Subject(), Subject("best.pth")), fakes.info("best.pth")
    bench.give(subjects=sides, infos=(fakes.info("last", min_size=320), other))
    offer = bench.body.offer
    offer.dismiss()
    bench.comparison.update(node="P3")
    assert not offer.isVisible()
    bench.comparison.update(infos=(fakes.info("last", max_size=500), other))
    assert offer.isVisible()
    few = replace(other, spec=replace(other.spec, num_classes=2, class_names=("background", "cell")))
    bench.comparison.update(infos=(fakes.info("last", max_size=500), few))
    assert not offer.isVisible(), "it is of other data"


def test_random_weights_are_badged(bench: Bench) -> None:
    bench.give(infos=(fakes.info(), fakes.info("fresh", untrained=True)))
    head = bench.body.head
    assert [badge.isHidden() for badge in head.untrained] == [True, False]
    # which is what a window of 1024 px leaves for the tab
    bench.give(infos=(fakes.info("old", untrained=True), fakes.info("fresh", untrained=True)), running="Running A and B")
    assert not any(badge.isHidden() for badge in (*head.untrained, head.cancel))
    assert head.minimumSizeHint().width() <= 540


# Boxes


def test_kinds_of_detections_and_statuses_of_objects_differ_in_line_and_not_only_in_colour() -> None:
    for looks in (PAIR_LOOKS, STATUS_LOOKS):
        lines = [(look.style, look.double, marks._QUIET if name == "same" else 255) for name, look in looks.items()]
        assert len(set(lines)) == len(lines)
        assert len({look.colour for look in looks.values()}) == len(looks)


def test_what_only_one_found_is_bold_there_and_a_ghost_in_the_other() -> None:
    view = fakes.view()
    of_a, of_b = marks.found_marks(view, "A"), marks.found_marks(view, "B")
    stray = {mark.box_img: mark for mark in of_a}[fakes.STRAY]
    assert (stray.ghost, stray.thin, stray.label) == (False, False, "car 0.30 only A") or "only A" in stray.label
    ghost = {mark.box_img: mark for mark in of_b}[fakes.STRAY]
    assert (ghost.ghost, ghost.thin, ghost.label) == (True, True, "")
    assert ghost.alpha < stray.alpha
    both = marks.found_marks(view, "")
    assert len(both) == len(fakes.PAIRS), "one box for each pair"


def test_a_detection_that_matches_an_object_leaves_the_telling_to_it() -> None:
    told = marks.told_by(OBJECTS)
    assert told == {("A", 0), ("A", 1), ("B", 0), ("B", 1)}
    loud = [mark.box_img for mark in marks.found_marks(fakes.view(), "A", told) if mark.label]
    assert loud == [fakes.STRAY]


def test_objects_are_dashed_where_they_were_lost() -> None:
    found, lost = ({mark.number: mark for mark in marks.object_marks(OBJECTS, letter)} for letter in "AB")
    assert found[1].look.style == Qt.PenStyle.SolidLine
    assert lost[1].look.style == Qt.PenStyle.DashLine
    assert found[1].look.colour == lost[1].look.colour == SIDES["A"]
    assert (found[0].label, found[1].label) == ("", "car: only A")


def test_layers_can_be_switched_off(bench: Bench) -> None:
    bench.give()
    box = bench.place("a", *fakes.BOXES[1][:2])
    before = bench.pixels("a")
    assert before[box.y(), box.x() + 6] == QColor(SIDES["A"]).rgb()
    pane = bench.pane("a")
    pane.setFocus()
    bench.bot.keyClick(pane, Qt.Key.Key_D)
    bench.models.objects.update(shown=False)
    assert np.unique(bench.pixels("a")[box.y(), box.x() : box.x() + 20]).tolist() == [colour("viridis", 0)]


def test_a_click_looks_at_an_object_in_both_and_opens_the_stage_where_they_part(bench: Bench) -> None:
    bench.give()
    bench.bot.mouseClick(bench.pane("b"), Qt.MouseButton.LeftButton, pos=bench.place("b", 57, 34))
    assert bench.comparison.state.object == 1
    assert not bench.models.viewport.state.fitted, "both zoom to it"
    lines = bench.body.objects.lines
    assert lines.row is OBJECTS[1]
    assert [side.chip.outcome for side in lines.sides] == ["detected", OBJECTS[1].b.outcome if OBJECTS[1].b else ""]
    assert [side.rows.stage_at(side.rows.currentIndex()) for side in lines.sides] == ["rpn_top_k", "rpn_top_k"]
    assert "found by A and lost by B" in lines.title.text()
    bench.settle()
    pane = bench.pane("b")
    pane.setFocus()
    bench.bot.keyClick(pane, Qt.Key.Key_Escape)
    assert bench.comparison.state.object is None


def test_a_box_can_be_drawn_and_is_the_selections(bench: Bench) -> None:
    bench.give()
    bench.models.selection.update(tool="box")
    pane = bench.pane("a")
    start, end = bench.place("a", 30, 25), bench.place("a", 40, 29)
    bench.bot.mousePress(pane, Qt.MouseButton.LeftButton, pos=start)
    bench.bot.mouseMove(pane, end)
    bench.bot.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=end)
    state: SelectionState = bench.models.selection.state
    assert state.box_img == pytest.approx((30, 25, 40, 29), abs=0.3)


# Saving and rooms


def test_the_pictures_are_saved_as_pixels_and_as_a_drawing(bench: Bench, tmp_path: Path) -> None:
    assert bench.tab.render_image().isNull(), "there is nothing with one side"
    bench.give()
    image = bench.tab.render_image(2.0)
    assert image.width() == 2 * bench.body.board.width()
    bench.tab.render_svg(str(tmp_path / "both.svg"))
    drawing = (tmp_path / "both.svg").read_text()
    assert "demo-early" in drawing
    assert "<title>Comparison</title>" in drawing


@pytest.mark.parametrize("size", [(1000, 800), (520, 560)])
def test_nothing_lies_on_anything_else_however_narrow_the_tab(bench: Bench, size: tuple[int, int]) -> None:
    bench.give()
    bench.tab.resize(*size)
    bench.settle()
    body = bench.body
    panels = [body.board.panels[part] for part in body.board.parts]
    for panel in panels:
        assert panel.geometry().right() < body.board.width() + 1
        assert panel.pane.height() >= 60
        bottom = panel.bar.mapTo(body, panel.bar.rect().bottomLeft()).y()
        assert bottom <= body.bar.mapTo(body, body.bar.rect().topLeft()).y()
    for one, other in itertools.pairwise(panels):
        assert not one.geometry().intersects(other.geometry())
    assert body.point.geometry().bottom() <= body.point.parentWidget().height()
