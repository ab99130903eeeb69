"""The panel of the check-up: what it says, how it is searched and copied, what can be done from it; with and without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow

from fpn_viewer.core.checkpoints.values import SURENESS
from fpn_viewer.ui.dialogs.check_up import CheckUpDialog
from fpn_viewer.ui.dialogs.check_up_parts import part_row, wrongs
from fpn_viewer.ui.theme import palette, strip_colour
from fpn_viewer.ui.widgets.sureness import mark
from tests.gui.checkpoint_fakes import ENTRIES, MISSING, PATH, FakeCheckpoints, check_up
from tests.gui.window_flow import SETTLED, open_all, settle, trigger
from tests.tiny import tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program

pytestmark = pytest.mark.gui


@pytest.fixture
def asked() -> FakeCheckpoints:
    return FakeCheckpoints()


@pytest.fixture
def dialog(asked: FakeCheckpoints, qtbot: QtBot) -> Iterator[CheckUpDialog]:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1024, 700)
    made = CheckUpDialog(asked, window)  # type: ignore[arg-type]
    made.show()
    qtbot.waitExposed(made)
    made.check(PATH)
    yield made
    # the window must outlive the test: it owns the dialog
    window.close()


def texts(rows: list[Any]) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in row) for row in rows]


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


# -- what it says -------------------------------------------------------------------------------------------------------


def test_facts_say_how_surely_and_where_from(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.answer(check_up())
    rows = texts(dialog.facts.shown)
    assert rows[0] == ("family", "Faster R-CNN", "certain", "read from the tensors' names")
    assert rows[2][2:] == ("likely", "old files have no counters")
    assert rows[3] == ("min_size", "800", "assumed", "torchvision's default; a state_dict cannot hold it")


def test_marks_differ_by_shape_and_not_only_by_colour(qapp: QApplication) -> None:
    """For whoever sees no colour, in both themes: a full disc, half of one, a ring."""
    for dark in (False, True):
        inked = []
        for word in SURENESS:
            image = mark(word, palette(dark), 2.0).toImage()
            inked.append(sum(image.pixelColor(x, y).alpha() > 128 for x in range(image.width()) for y in range(image.height())))
        full, half, ring = inked
        assert full > 1.3 * half > 1.5 * ring > 0


def test_findings_come_with_a_shape_a_ground_and_their_tensors(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.answer(check_up(opens=False))
    items = [dialog.findings.item(row) for row in range(dialog.findings.count())]
    assert [item.text() for item in items] == ["3 tensors are missing.", "Half precision.", "n"]
    assert MISSING[2] in items[0].toolTip()
    assert items[0].background().color() == strip_colour("error", dialog.palette())
    assert len({item.icon().cacheKey() for item in items}) == 3
    assert dialog.findings.isVisible()


def test_a_file_without_findings_shows_no_list(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.answer(check_up(findings=()))
    assert not dialog.findings.isVisible()
    assert "nothing to complain about" in dialog.file.text()


def test_statistics_have_three_digits_and_bad_ones_are_marked() -> None:
    good, bad = check_up().parts[0], check_up(opens=False).parts[0]
    assert [cell.text for cell in part_row(good)] == ["stem", "6", "9,408", "float32", "0.00123", "0.0257", "0.100", ""]
    assert all(not cell.ground for cell in part_row(good))
    cells = part_row(bad)
    assert [cell.ground for cell in cells] == ["error", "", "", "", "error", "", "error", "error"]
    assert cells[-1].text == "3 NaN; 1 infinite; 1 dead channel"
    assert wrongs(good) == []


def test_missing_and_left_over_names_are_in_front(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.answer(check_up(opens=False))
    assert dialog.tabs.currentWidget() is dialog.keys
    assert [row[0] for row in texts(dialog.keys.shown)] == ["missing"] * 3 + ["left over", "not used"]
    assert "3 missing, 1 left over, 1 not used" in dialog.tabs.tabText(2)


def test_an_answer_about_another_file_is_not_shown(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.answer(check_up(path="/data/other.pth"))
    assert dialog.checked is None


# -- searching, copying, keys ---------------------------------------------------------------------------------------------


def test_names_are_searched(dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    asked.answer(check_up(opens=False))
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    qtbot.keyClick(dialog.keys, "f", Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is dialog.search
    qtbot.keyClicks(dialog.search, "FC1")
    assert texts(dialog.keys.shown) == [("missing", MISSING[1], "the network needs it")]
    dialog.search.clear()
    assert len(dialog.keys.shown) == 5


def test_everything_can_be_copied(dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    asked.answer(check_up(opens=False))
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert clipboard() == "REPORT own does not fit: 3 tensors are missing."
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.keys.setFocus()
    dialog.keys.selectRow(3)
    qtbot.keyClick(dialog.keys, "c", Qt.KeyboardModifier.ControlModifier)
    assert clipboard().splitlines() == ["Which\tName\tWhy", "left over\textra.weight\tit belongs nowhere"]
    dialog.findings.setFocus()
    qtbot.keyClick(dialog.findings, "c", Qt.KeyboardModifier.ControlModifier)
    assert MISSING[0] in clipboard()
    assert "Half precision." in clipboard()


def test_return_presses_no_button(dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    asked.answer(check_up())
    with qtbot.assertNotEmitted(dialog.open_wanted), qtbot.assertNotEmitted(dialog.finished):
        qtbot.keyClick(dialog.search, Qt.Key.Key_Return)


# -- what can be done from it ---------------------------------------------------------------------------------------------


def test_progress_cancel_and_the_old_answer(dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    asked.check_progress.emit("reading weights", 0.4)
    assert dialog.progress.value() == 400
    assert "reading weights" in dialog.file.text()
    qtbot.mouseClick(dialog.stop, Qt.MouseButton.LeftButton)
    asked.check_stopped.emit("")
    assert "cancelled" in dialog.summary.text()
    assert not dialog.copy_button.isEnabled()
    asked.answer(check_up())
    dialog.check(PATH)
    assert not dialog.facts.isEnabled()
    assert len(dialog.facts.shown) == 4
    asked.check_stopped.emit("")
    assert dialog.summary.text() == "own is a detector."
    assert ("stop",) in asked.asked


def test_a_failed_check_up_says_why(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.check_stopped.emit("torch is missing; install it.")
    assert dialog.summary.text() == "torch is missing; install it."
    assert not dialog.progress.isVisible()


def test_other_weights_are_looked_at_and_reopened_when_the_file_is_open(
    dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot
) -> None:
    asked.answer(check_up())
    assert dialog.entries.currentText() == "model_ema  (moving average, 295 tensors)"
    with qtbot.assertNotEmitted(dialog.open_wanted):
        dialog.entries.setCurrentIndex(1)
        dialog.entries.activated.emit(1)
    assert asked.asked[-1] == ("check_up", PATH, {"entry": "model"})
    asked.answer(check_up(chosen="model"))
    asked.open_file = PATH
    with qtbot.waitSignal(dialog.open_wanted) as opened:
        dialog.entries.setCurrentIndex(0)
        dialog.entries.activated.emit(0)
    assert opened.args == [PATH, {"entry": "model_ema"}]


def test_one_entry_is_no_choice(dialog: CheckUpDialog, asked: FakeCheckpoints) -> None:
    asked.answer(check_up(entries=ENTRIES[:1]))
    assert not dialog.entries.isVisible()


def test_open_and_settings(dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    asked.answer(check_up(opens=False))
    assert not dialog.open_button.isEnabled()
    assert not dialog.settings_button.isEnabled()
    asked.answer(check_up())
    with qtbot.waitSignal(dialog.open_wanted) as opened:
        qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    assert opened.args == [PATH, {}]
    for row, wanted in ((3, True), (0, False)):
        seen: list[object] = []
        dialog.settings_wanted.connect(lambda *args, seen=seen: seen.append(args))
        dialog.facts.activated.emit(dialog.facts.model().index(row, 0))
        assert seen == ([(PATH, {}, "min_size")] if wanted else [])
        dialog.settings_wanted.disconnect()


def test_closing_stops_the_check_up(dialog: CheckUpDialog, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert asked.asked[-1] == ("stop",)


@pytest.mark.parametrize("dark", [False, True])
def test_marked_cells_can_be_read_in_both_themes(
    dialog: CheckUpDialog, asked: FakeCheckpoints, qapp: QApplication, dark: bool
) -> None:
    before = qapp.palette()
    try:
        qapp.setPalette(palette(dark))
        asked.answer(check_up(opens=False))
        ground = dialog.parts.model().index(0, 0).data(Qt.ItemDataRole.BackgroundRole)
        assert abs(ground.lightness() - dialog.parts.palette().text().color().lightness()) > 100
    finally:
        qapp.setPalette(before)


# -- in the window --------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> str:
    """A file with weights and their moving average."""
    state = tiny_module().state_dict()
    path = tmp_path / "two.pth"
    torch.save({"model": state, "model_ema": {name: tensor.clone() for name, tensor in state.items()}, "epoch": 3}, path)
    return str(path)


SMALL = {"min_size": 96, "max_size": 128}


def test_the_open_file_is_checked_and_its_other_weights_opened(program: Program, two: str, folder: Path, qtbot: QtBot) -> None:
    window, checking = program.window, program.window.checking
    program.window.opening.open_detector(two, "cpu", **SMALL)
    qtbot.waitUntil(lambda: program.models.checkpoints.open_look is not None, timeout=SETTLED)
    assert checking.notice.isVisible()
    assert "moving average of the weights “model_ema”" in checking.notice.label.text()
    assert "Anchors, colours and class names are assumed." in checking.notice.label.text()
    trigger(program, "check_up")
    dialog = next(d for d in window.findChildren(CheckUpDialog) if d.isVisible())
    qtbot.waitUntil(lambda: dialog.checked is not None, timeout=SETTLED)
    assert dialog.checked is not None
    assert dialog.checked.check_up.opens
    assert {"min_size": "certain"}.items() <= {row[0].text: row[2].text for row in dialog.facts.shown}.items()
    qtbot.mouseClick(checking.notice.switch, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "“model”" in checking.notice.label.text(), timeout=SETTLED)
    assert program.document.detector is not None
    assert program.document.detector.options == {**SMALL, "entry": "model"}
    assert program.document.detector.spec.settings.min_size == 96
    checking.notice.dismiss()
    program.window.opening.set_device("cpu")
    settle(program, qtbot)
    qtbot.waitUntil(lambda: program.models.checkpoints.open_look is not None, timeout=SETTLED)
    assert not checking.notice.isVisible(), "the same file has nothing new to say"
    dialog.close()


def test_a_file_that_does_not_open_offers_its_check_up(
    program: Program, folder: Path, module: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    open_all(program, folder, module, qtbot)
    before = program.document.detector
    state = tiny_module().state_dict()
    state.pop("rpn.head.bbox_pred.bias")
    bad = tmp_path / "bad.pth"
    torch.save(state, bad)
    bar = program.window.message_bar
    program.window.opening.open_detector(str(bad))
    qtbot.waitUntil(bar.isVisible, timeout=SETTLED)
    assert program.document.detector is before
    assert program.window.top_bar.chip.text() == before.spec.summary  # type: ignore[union-attr]
    assert bar.problem.checkpoint == str(bad)
    assert "rpn.head.bbox_pred.bias is missing" in bar.problem.details
    qtbot.mouseClick(bar.check_up, Qt.MouseButton.LeftButton)
    dialog = next(d for d in program.window.findChildren(CheckUpDialog) if d.isVisible())
    qtbot.waitUntil(lambda: dialog.checked is not None, timeout=SETTLED)
    assert dialog.checked is not None
    assert not dialog.checked.check_up.opens
    assert "rpn.head.bbox_pred.bias" in dialog.checked.check_up.missing
    dialog.close()


def test_another_problem_offers_no_check_up(program: Program, tmp_path: Path, qtbot: QtBot) -> None:
    program.window.opening.open_pictures([str(tmp_path / "nothing.png")])
    qtbot.waitUntil(program.window.message_bar.isVisible, timeout=SETTLED)
    assert not program.window.message_bar.check_up.isVisible()


def test_a_detector_without_a_file_asks_for_one(program: Program) -> None:
    trigger(program, "check_up")
    chooser = next(d for d in program.window.findChildren(QDialog) if d.isVisible())
    assert "*.ckpt" in chooser.nameFilters()[0]  # type: ignore[attr-defined]
    assert "*.pkl" in chooser.nameFilters()[0]  # type: ignore[attr-defined]
    chooser.close()
