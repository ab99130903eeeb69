"""The dialog of settings: where values come from, editing and checking them, class names, opening again, saving."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QMainWindow

from fpn_viewer.core.checkpoints.values import Look
from fpn_viewer.ui.actions import ACTIONS
from fpn_viewer.ui.dialogs.detector_settings import DetectorSettingsDialog
from fpn_viewer.ui.dialogs.setting_rows import WORDS
from fpn_viewer.viewmodels.detector_settings import editable
from tests.gui.checkpoint_fakes import PATH, SPEC_ASSUMED, FakeCheckpoints
from tests.gui.window_flow import SETTLED, open_all, trigger
from tests.tiny import tiny_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program

pytestmark = pytest.mark.gui

LOOK = Look(PATH, SPEC_ASSUMED, 3)


@pytest.fixture
def asked() -> FakeCheckpoints:
    made = FakeCheckpoints()
    made.open_look = LOOK
    return made


@pytest.fixture
def make(asked: FakeCheckpoints, qtbot: QtBot) -> Iterator[Callable[..., DetectorSettingsDialog]]:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1440, 900)

    def made(given: Any = None, path: str = PATH, spec: Any = None) -> DetectorSettingsDialog:
        dialog = DetectorSettingsDialog(asked, path, spec, given or {}, window)  # type: ignore[arg-type]
        dialog.show()
        qtbot.waitExposed(dialog)
        return dialog

    yield made
    window.close()


def write(dialog: DetectorSettingsDialog, name: str, text: str, qtbot: QtBot) -> None:
    editor = dialog.rows[name].editor
    assert isinstance(editor, QLineEdit)
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, text)


def options(dialog: DetectorSettingsDialog) -> dict[str, Any]:
    assert dialog.draft is not None
    return dialog.draft.options


# -- values -------------------------------------------------------------------------------------------------------------


def test_every_value_says_how_surely_and_where_from(make: Callable[..., DetectorSettingsDialog]) -> None:
    rows = make({"max_size": 900}).rows
    assert set(rows) == set(editable(SPEC_ASSUMED))
    assert rows["min_size"]._word.text() == "assumed"
    assert rows["min_size"].origin.text() == "torchvision's default; a state_dict cannot hold it"
    assert (rows["max_size"].text, rows["max_size"]._word.text()) == ("900", "certain")
    assert rows["max_size"].origin.text() == "given by the user"
    assert rows["anchor_sizes"].text.count(";") == len(SPEC_ASSUMED.levels) - 1
    assert rows["roi_aligned"]._word.text() == "assumed", "what nobody said is not certain"


def test_every_option_has_words() -> None:
    for spec in (SPEC_ASSUMED, replace(SPEC_ASSUMED, family="RetinaNet", extra_levels="C5")):
        assert set(editable(spec)) <= set(WORDS)


def test_a_wrong_value_is_said_at_once_and_cannot_be_opened(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    write(dialog, "min_size", "tall", qtbot)
    row = dialog.rows["min_size"]
    assert row.error.isVisible()
    assert "min_size cannot be" in row.error.text()
    assert not dialog.open_button.isEnabled()
    write(dialog, "min_size", "640", qtbot)
    assert not row.error.isVisible()
    assert options(dialog) == {"min_size": 640}
    with qtbot.waitSignal(dialog.open_wanted) as opened:
        qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    assert opened.args == [PATH, {"min_size": 640}]


def test_what_is_typed_is_not_rewritten_meanwhile(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    write(dialog, "box_score_thresh", "0.10", qtbot)
    assert dialog.rows["box_score_thresh"].text == "0.10"
    assert options(dialog) == {"box_score_thresh": 0.1}


def test_anchors_against_the_head(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    write(dialog, "aspect_ratios", "1, 2", qtbot)
    assert dialog.problem.isVisible()
    assert "the head was trained for 3" in dialog.problem.label.text()
    assert not dialog.open_button.isEnabled()
    assert not dialog.save_button.isEnabled()
    qtbot.mouseClick(dialog.rows["aspect_ratios"].back, Qt.MouseButton.LeftButton)
    assert not dialog.problem.isVisible()
    assert dialog.open_button.isEnabled()


def test_choices_and_reset(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    row = dialog.rows["channel_order"]
    assert isinstance(row.editor, QComboBox)
    assert not row.back.isVisible()
    row.editor.setFocus()
    qtbot.keyClick(row.editor, Qt.Key.Key_B)
    assert options(dialog) == {"channel_order": "BGR"}
    assert row._word.text() == "certain"
    qtbot.mouseClick(row.back, Qt.MouseButton.LeftButton)
    assert (row.text, row._word.text()) == ("RGB", "assumed")
    write(dialog, "min_size", "nothing", qtbot)
    write(dialog, "max_size", "900", qtbot)
    qtbot.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert options(dialog) == {}
    assert dialog.rows["min_size"].text == str(SPEC_ASSUMED.settings.min_size)
    assert not dialog.reset_button.isEnabled()


def test_the_wheel_changes_no_choice(make: Callable[..., DetectorSettingsDialog]) -> None:
    editor = make().rows["channel_order"].editor
    none, place = Qt.KeyboardModifier.NoModifier, QPointF(5, 5)
    phase = Qt.ScrollPhase.NoScrollPhase
    turn = QWheelEvent(place, place, QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton, none, phase, False)
    QApplication.sendEvent(editor, turn)
    assert editor.currentText() == "RGB"  # type: ignore[union-attr]


def test_going_to_an_option_puts_the_cursor_there(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.go_to("stride_in_1x1")
    assert QApplication.focusWidget() is dialog.rows["stride_in_1x1"].editor
    dialog.go_to("class_names")
    assert QApplication.focusWidget() is dialog.names.editor


# -- class names ----------------------------------------------------------------------------------------------------------


class _Annotations:
    names = tuple(f"from file {n}" for n in range(SPEC_ASSUMED.num_classes - 1))


def test_names_are_pasted_and_counted(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    dialog.tabs.setCurrentIndex(1)
    needed = SPEC_ASSUMED.num_classes - 1
    assert dialog.names.names == SPEC_ASSUMED.class_names[1:]
    dialog.names.editor.setPlainText("a\nb\n\n")
    assert f"✕ 2 of {needed} names: {needed - 2} missing." in dialog.names.count.text()
    assert not dialog.open_button.isEnabled()
    dialog.names.editor.setPlainText("\n".join(f" name {n} " for n in range(needed)))
    assert dialog.names.count.text() == f"✓ {needed} of {needed} names"
    assert options(dialog)["class_names"][:2] == ("background", "name 0")
    qtbot.mouseClick(dialog.names.back, Qt.MouseButton.LeftButton)
    assert dialog.names.names == SPEC_ASSUMED.class_names[1:]
    assert options(dialog) == {}


def test_names_come_from_the_annotations(make: Callable[..., DetectorSettingsDialog], qtbot: QtBot) -> None:
    dialog = make()
    dialog.tabs.setCurrentIndex(1)
    assert not dialog.names.load.isEnabled()
    dialog.offer(_Annotations())  # type: ignore[arg-type]
    qtbot.mouseClick(dialog.names.load, Qt.MouseButton.LeftButton)
    assert options(dialog)["class_names"] == ("background", *_Annotations.names)


# -- the file -------------------------------------------------------------------------------------------------------------


def test_the_file_is_asked_when_nothing_is_known_yet(
    make: Callable[..., DetectorSettingsDialog], asked: FakeCheckpoints, qtbot: QtBot
) -> None:
    asked.open_look = None
    dialog = make({"entry": "model", "min_size": 500})
    assert asked.asked == [("look", PATH, {"entry": "model"})]
    assert not dialog.open_button.isEnabled()
    dialog.go_to("min_size")
    asked.looked.emit(replace(LOOK, path="/data/other.pth"))
    assert dialog.draft is None
    asked.looked.emit(LOOK)
    assert options(dialog) == {"min_size": 500}
    with qtbot.waitSignal(dialog.open_wanted) as opened:
        qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    assert opened.args == [PATH, {"entry": "model", "min_size": 500}]


def test_another_preset_reads_the_file_again(make: Callable[..., DetectorSettingsDialog], asked: FakeCheckpoints) -> None:
    mmdetection = replace(SPEC_ASSUMED, dialect="mmdetection")
    asked.open_look = replace(LOOK, spec=mmdetection)
    dialog = make({"min_size": 500})
    assert [dialog.preset.itemText(row) for row in range(dialog.preset.count())] == ["mmdetection", "mmdetection caffe"]
    dialog.preset.setCurrentIndex(1)
    dialog.preset.activated.emit(1)
    assert asked.asked[-1] == ("look", PATH, {"preset": "mmdetection caffe"})
    caffe = replace(mmdetection, conventions=mmdetection.conventions.changed(channel_order="BGR"))
    asked.looked.emit(replace(LOOK, spec=caffe))
    assert dialog.rows["channel_order"].text == "BGR"
    assert options(dialog) == {"min_size": 500}


def test_torchvision_has_one_preset(make: Callable[..., DetectorSettingsDialog]) -> None:
    assert not make().preset.isVisible()


def test_only_what_differs_is_saved(make: Callable[..., DetectorSettingsDialog], asked: FakeCheckpoints, qtbot: QtBot) -> None:
    dialog = make()
    assert not dialog.save_button.isEnabled()
    write(dialog, "min_size", "640", qtbot)
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    what, path, spec, names = asked.asked[-1]
    assert (what, path, names) == ("save", PATH, ("min_size",))
    assert spec.settings.min_size == 640  # type: ignore[attr-defined]
    asked.saved.emit("/data/own.json")
    assert asked.asked[-1] == ("look", PATH, {})
    asked.looked.emit(replace(LOOK, spec=spec))
    assert options(dialog) == {}, "the file says it now"


def test_a_detector_without_a_file_is_opened_again_with_all_it_was_given(
    make: Callable[..., DetectorSettingsDialog], qtbot: QtBot
) -> None:
    dialog = make({"class_names": ("a",), "weights": "COCO_V1"}, path="", spec=SPEC_ASSUMED)
    assert not dialog.save_button.isVisible()
    write(dialog, "max_size", "640", qtbot)
    with qtbot.waitSignal(dialog.open_wanted) as opened:
        qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    assert opened.args == ["", {"class_names": ("a",), "weights": "COCO_V1", "max_size": 640}]


# -- in the window --------------------------------------------------------------------------------------------------------


def opened_dialog(program: Program, qtbot: QtBot) -> DetectorSettingsDialog:
    trigger(program, "detector_settings")
    dialog = next(d for d in program.window.findChildren(DetectorSettingsDialog) if d.isVisible())
    qtbot.waitUntil(lambda: dialog.draft is not None, timeout=SETTLED)
    return dialog


def test_a_file_is_opened_again_and_remembers_beside_it(program: Program, tmp_path: Path, folder: Path, qtbot: QtBot) -> None:
    path = tmp_path / "own.pth"
    torch.save(tiny_module().state_dict(), path)
    document, opening = program.document, program.window.opening
    opening.open_pictures([str(folder)])
    opening.open_detector(str(path), "cpu", min_size=96, max_size=128)
    qtbot.waitUntil(lambda: document.trace is not None, timeout=SETTLED)
    dialog = opened_dialog(program, qtbot)
    write(dialog, "box_score_thresh", "0.3", qtbot)
    dialog.names.editor.setPlainText("\n".join("abcde"))
    qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: document.detector is not None and document.detector.spec.class_names[1:] == tuple("abcde"), timeout=SETTLED
    )
    assert document.detector is not None
    assert document.detector.spec.settings.box_score_thresh == 0.3
    assert document.detector.spec.settings.min_size == 96
    assert len(document.pictures) == 3
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (tmp_path / "own.json").exists() and options(dialog) == {}, timeout=SETTLED)
    saved = json.loads((tmp_path / "own.json").read_text())
    assert saved["box_score_thresh"] == 0.3
    assert dialog.rows["box_score_thresh"].origin.text() == "from own.json"
    assert str(tmp_path / "own.json") in dialog.said.text()
    assert dialog.said.isVisible()
    opening.open_detector(str(path), "cpu")
    qtbot.waitUntil(lambda: document.detector is not None and not document.detector.options, timeout=SETTLED)
    assert document.detector.spec.class_names[1:] == tuple("abcde")
    dialog.close()


def test_settings_of_a_module_end_with_it(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    dialog = opened_dialog(program, qtbot)
    write(dialog, "box_nms_thresh", "0.4", qtbot)
    qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    document = program.document
    qtbot.waitUntil(
        lambda: document.detector is not None and document.detector.spec.settings.box_nms_thresh == 0.4, timeout=SETTLED
    )
    qtbot.waitUntil(lambda: program.window.checking._settings is None, timeout=SETTLED)


def test_without_a_detector_it_is_said(program: Program) -> None:
    trigger(program, "detector_settings")
    assert "Open a detector first" in program.window.message_bar.label.text()


def test_the_actions_are_on_the_sheet_of_keys() -> None:
    keys = {row.id: row.keys for row in ACTIONS}
    assert keys["check_up"]
    assert keys["detector_settings"]
