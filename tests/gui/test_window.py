"""The real window over a tiny detector: the first glance, walking through pictures, runs."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog

from fpn_viewer.app import Start, start
from tests.gui.window_flow import SETTLED, open_all, settle, trigger
from tests.tiny import tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program
    from fpn_viewer.ui.settings_store import SettingsStore

pytestmark = pytest.mark.gui


# -- first glance -------------------------------------------------------------------------------------------------------


def test_opening_shows_picture_detector_times_and_counts(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    window = program.window
    open_all(program, folder, module, qtbot)
    trace = program.document.trace
    assert trace is not None
    assert window.top_bar.picture.text() == "1.png   1/3"
    assert window.windowTitle().startswith(str(folder / "1.png"))
    assert window.top_bar.chip.text() == trace.spec.summary
    assert window.top_bar.device.currentText() == window.status.device.text() == "cpu"
    assert next(window.top_bar.device.itemText(n) for n in range(window.top_bar.device.count())) == "auto"
    assert window.status.found.text() == f"{len(trace.detections)} detection{'s' * (len(trace.detections) != 1)}"
    assert "backbone" in window.status.times.text()
    assert not window.status.progress.isVisible()
    assert not window.message_bar.isVisible()


def test_without_pictures_the_centre_says_what_to_do(program: Program) -> None:
    window = program.window
    assert window.top_bar.picture.text() == "No picture"
    assert not window.actions_by_id["next"].isEnabled()
    assert not window.actions_by_id["run"].isEnabled()
    window.tabs.tab("pyramid").open_requested.emit()
    dialog = next(d for d in window.findChildren(QDialog) if d.isVisible())
    assert dialog.windowTitle() == "Open pictures"
    dialog.close()


def test_the_welcome_is_dismissed_once_and_for_all(program: Program, store: SettingsStore, qtbot: QtBot) -> None:
    welcome = program.window.welcome
    assert welcome.isVisible()
    assert len(welcome.label.text().splitlines()) == 3
    qtbot.mouseClick(welcome._cross, Qt.MouseButton.LeftButton)
    assert not welcome.isVisible()
    assert not store.welcome
    trigger(program, "welcome")
    assert welcome.isVisible()
    assert store.welcome


# -- walking ------------------------------------------------------------------------------------------------------------


def test_n_and_p_walk_from_wherever_the_focus_is(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    for widget in (program.window.pictures.view, program.window.tabs.tab("pyramid").active_cell()):
        widget.setFocus()
        qtbot.keyClick(widget, Qt.Key.Key_N)
        assert program.document.index == 1
        qtbot.keyClick(widget, Qt.Key.Key_P)
        assert program.document.index == 0
    qtbot.keyClick(program.window, Qt.Key.Key_P)
    assert program.document.index == 2


def test_a_broken_picture_in_the_middle_is_named_and_passed(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    window = program.window
    open_all(program, folder, module, qtbot)
    trigger(program, "next")
    settle(program, qtbot, "failed")
    assert window.message_bar.isVisible()
    assert "2.png" in window.message_bar.label.text()
    qtbot.mouseClick(window.message_bar._copy, Qt.MouseButton.LeftButton)
    assert "2.png" in QGuiApplication.clipboard().text()
    qtbot.mouseClick(window.message_bar._details, Qt.MouseButton.LeftButton)
    assert window.docks["messages"].isVisible()
    assert "2.png" in window.messages.details.toPlainText()
    assert program.document.detector is not None
    trigger(program, "next")
    qtbot.waitUntil(lambda: program.document.trace is not None and program.document.trace.path.endswith("3.png"), timeout=SETTLED)
    assert not window.message_bar.isVisible()
    assert window.messages.list.count() == 1


def test_keys_for_the_maps_work_while_the_list_has_the_focus(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    view = program.window.pictures.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    assert program.display.state.reduction == "l2"
    qtbot.keyPress(view, Qt.Key.Key_Space)
    assert program.display.state.overlays_hidden
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert not program.display.state.overlays_hidden
    trigger(program, "tab_anchors")
    layers = program.window.tabs.tab("anchors").layers
    before = layers.state.proposals
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert layers.state.proposals != before


def test_changing_tab_keeps_picture_zoom_and_level(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    program.viewport.update(zoom=3.0, fitted=False)
    program.selection.update(current=("P4", "merged"))
    before = (program.viewport.state, program.selection.state.current, program.document.index)
    for name in ("tab_anchors", "tab_pyramid"):
        trigger(program, name)
        QCoreApplication.processEvents()
    assert (program.viewport.state, program.selection.state.current, program.document.index) == before
    assert program.window.tabs.currentWidget() is program.window.tabs.tab("pyramid")


# -- runs ---------------------------------------------------------------------------------------------------------------


def test_cancel_stops_a_run_and_keeps_what_was_shown(program: Program, folder: Path, qtbot: QtBot) -> None:
    module, gate, entered = tiny_module(seed=1), threading.Event(), threading.Event()
    gate.set()

    def hold(*_: object) -> None:
        entered.set()
        assert gate.wait(SETTLED / 1000)

    open_all(program, folder, module, qtbot)
    module.backbone.body.register_forward_pre_hook(hold)
    shown = program.document.trace
    gate.clear()
    entered.clear()
    # Another setting of the list, because the same run would be answered from memory.
    program.document.select(2)
    assert entered.wait(SETTLED / 1000)
    window = program.window
    assert window.top_bar.button.defaultAction() is window.actions_by_id["cancel"]
    assert window.status.cancel.isVisible()
    assert not window.actions_by_id["run"].isEnabled()
    assert shown is not None
    qtbot.keyClick(window.pictures.view, Qt.Key.Key_Escape)
    gate.set()
    settle(program, qtbot, "cancelled")
    assert window.top_bar.button.defaultAction() is window.actions_by_id["run"]
    assert not window.actions_by_id["cancel"].isEnabled()
    trigger(program, "run")
    qtbot.waitUntil(lambda: program.document.trace is not None and program.document.trace.path.endswith("3.png"), timeout=SETTLED)


def test_a_device_that_is_not_there_is_named_and_another_can_be_chosen(
    program: Program, store: SettingsStore, folder: Path, module: Any, qtbot: QtBot
) -> None:
    start(program, Start((str(folder),), module, "cuda:7"))
    settle(program, qtbot, "failed")
    assert "cuda:7" in program.window.message_bar.label.text()
    assert program.document.pictures
    assert store.device == "auto"
    chooser = program.window.top_bar.device
    chooser.setCurrentText("cpu")
    chooser.activated.emit(chooser.currentIndex())
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    assert store.device == "cpu"
    assert not program.window.message_bar.isVisible()


def test_a_file_that_is_no_checkpoint_leaves_the_detector_as_it_was(
    program: Program, folder: Path, module: Any, store: SettingsStore, qtbot: QtBot, tmp_path: Path
) -> None:
    open_all(program, folder, module, qtbot)
    before = program.document.detector
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"nothing")
    program.window.opening.open_detector(str(broken))
    settle(program, qtbot, "failed")
    assert program.document.detector is before
    assert program.document.trace is not None
    assert "broken.pth" in program.window.message_bar.label.text()
    assert store.recent_checkpoints == ()
    # The device is changed for the detector in use, not for the file that failed.
    program.window.opening.set_device("cpu")
    settle(program, qtbot)


def test_untrained_weights_wear_stripes(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    bar = program.window.top_bar
    open_all(program, folder, module, qtbot)
    assert not bar.badge.isVisible()
    program.window.opening.open_detector("fasterrcnn_mobilenet_v3_large_320_fpn", "cpu", num_classes=2)
    qtbot.waitUntil(lambda: bar.badge.isVisible(), timeout=SETTLED)
    image = bar.badge.grab().toImage()
    colours = Counter(image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height()))
    assert colours["#f2c230"] > 50
    assert colours["#1b1f24"] > 20
    program.document.cancel()


def test_the_detectors_name_tells_every_setting_and_where_it_came_from(
    program: Program, folder: Path, module: Any, qtbot: QtBot
) -> None:
    start(program, Start((str(folder),), module, "cpu", {"min_size": 64}))
    qtbot.waitUntil(lambda: program.document.detector is not None, timeout=SETTLED)
    lines = program.window.top_bar.chip.toolTip().splitlines()
    assert "min_size 64  (given by the user)" in lines
    assert "max_size 192" in lines


def test_notices_say_what_a_trace_cannot_show(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    start(program, Start((str(folder),), module, "cpu", {"box_score_thresh": 0.9999}))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    notice = program.window.notice
    assert notice.isVisible()
    assert "0.9999" in notice.label.text()
    trigger(program, "tab_anchors")
    assert not notice.isVisible()
