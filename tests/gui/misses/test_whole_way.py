"""From a folder with annotations to the life line of the worst miss, through the window's own menus, dialogs and keys."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from fpn_viewer.app import Start, start
from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.engine.object_values import Change
from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.run import scan
from fpn_viewer.ui.misses.start_dialog import StartDialog
from tests.gui.window_flow import SETTLED, settle, trigger
from tests.tiny import TINY, tiny_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program
    from fpn_viewer.engine.scan_table import ScanRow
    from fpn_viewer.ui.misses.table import ScanTable
    from tests.gui.misses.conftest import Desk

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(program: Program, desk: Desk, qtbot: QtBot) -> Program:
    """The window shows the first detector over one of the pictures."""
    start(program, Start((str(desk.images / "0000.png"),), str(desk.first), "cpu"))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    settle(program, qtbot)
    return program


def dialog_of(program: Program, qtbot: QtBot) -> StartDialog:
    trigger(program, "scan_start")
    dialog: StartDialog = program.window.findChildren(StartDialog)[0]
    qtbot.waitExposed(dialog)
    return dialog


def fill(dialog: StartDialog, desk: Desk, out: Path) -> None:
    dialog.source.setCurrentIndex(1)
    for line, path in ((dialog.folder, desk.images), (dialog.annotations, desk.truth), (dialog.out, out)):
        line.setText(str(path))


def scanned(program: Program, desk: Desk, out: Path, qtbot: QtBot) -> Scan:
    """Both checkpoints over all pictures."""
    dialog = dialog_of(program, qtbot)
    fill(dialog, desk, out)
    dialog.add_checkpoint(str(desk.second))
    qtbot.mouseClick(dialog.start, LEFT)
    scans = program.models.scans
    qtbot.waitUntil(lambda: scans.state.running is not None and scans.state.running.kind == "done", timeout=SETTLED)
    wanted = Scan(out)
    qtbot.waitUntil(
        lambda: scans.state.about is not None and scans.state.about.done == 3 and bool(scans.state.total), timeout=SETTLED
    )
    # the dialog had the keyboard
    with qtbot.waitActive(program.window):
        program.window.activateWindow()
    return wanted


def table_of(program: Program, qtbot: QtBot) -> ScanTable:
    """With its first row read."""
    panel = program.window.scanning.place.panel
    assert panel is not None
    table: ScanTable = panel.table
    qtbot.waitUntil(lambda: program.models.scans.rows.row(0) is not None, timeout=SETTLED)
    return table


def activate(table: ScanTable, row: int, qtbot: QtBot) -> None:
    """As a person does: a click, and another one."""
    table.scrollTo(table.rows.index(row, 1))
    place = table.visualRect(table.rows.index(row, 1)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)
    qtbot.mouseDClick(table.viewport(), LEFT, pos=place)


def line_is(program: Program, row: ScanRow, number: int) -> Callable[[], bool]:
    """Whether the life line of a row's object is shown, by the scan's detector of that number."""
    question, document = program.models.question, program.document

    def check() -> bool:
        line, asked, likeness = question.state.line, question.state.asked, program.models.scans.likeness.state
        return (
            line is not None
            and asked is not None
            and asked.box_img == row.box_img
            and document.path == row.path
            and (likeness.kind, likeness.number) == ("same", number)
            and document.trace is not None
            and document.run_state.kind == "ready"
        )

    return check


def test_from_a_folder_to_the_life_line_of_the_worst_miss(opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    window, models = opened.window, opened.models
    found = scanned(opened, desk, tmp_path / "scan.sqlite", qtbot)
    table, scans = table_of(opened, qtbot), models.scans
    # the table lists the lost objects, the largest first
    assert scans.state.total == found.rows(f"SELECT COUNT(*) FROM fates WHERE detector = 0 AND outcome IN {LOST}")[0][0]
    biggest = found.rows(f"SELECT MAX(net_h * net_w) FROM fates WHERE detector = 0 AND outcome IN {LOST}")[0][0]
    worst = scans.rows.row(0)
    assert worst is not None
    assert worst.net is not None
    assert worst.net[0] * worst.net[1] == pytest.approx(biggest)

    activate(table, 0, qtbot)
    qtbot.waitUntil(line_is(opened, worst, 0), timeout=SETTLED)
    line = models.question.state.line
    assert line is not None
    assert line.killer == worst.killer
    assert line.verdict == worst.verdict
    assert window.tabs.current_key == "object"
    assert not models.viewport.state.fitted
    assert not window.scanning.likeness.isVisible()
    assert window.docks["life_line"].isVisible()


def test_keys_walk_from_miss_to_miss_around_the_ends(opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    window, scans = opened.window, opened.models.scans
    scanned(opened, desk, tmp_path / "scan.sqlite", qtbot)
    table_of(opened, qtbot)
    scans.clear_filter()
    qtbot.waitUntil(lambda: scans.state.total is not None)
    lost = scans.rows.lost.tolist()
    assert 2 < len(lost) < len(scans.rows)
    for key, wanted in ((Qt.Key.Key_J, lost[0]), (Qt.Key.Key_J, lost[1]), (Qt.Key.Key_K, lost[0]), (Qt.Key.Key_K, lost[-1])):
        qtbot.keyClick(window, key)
        assert scans.state.current == wanted
        qtbot.waitUntil(lambda: scans.current is not None, timeout=SETTLED)
        row = scans.current
        assert row is not None
        assert row.outcome in LOST
        qtbot.waitUntil(line_is(opened, row, 0), timeout=SETTLED)
    # the tab of one object is not forced on somebody who looks at maps
    assert window.tabs.current_key == "pyramid"


def test_the_other_detectors_miss_is_followed_by_the_other_detector(
    opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    models = opened.models
    scanned(opened, desk, tmp_path / "scan.sqlite", qtbot)
    table = table_of(opened, qtbot)
    for number, path in ((1, desk.second), (0, desk.first)):
        models.scans.set_detector(number)
        qtbot.waitUntil(lambda: models.scans.state.total is not None and models.scans.rows.row(0) is not None, timeout=SETTLED)
        row = models.scans.rows.row(0)
        assert row is not None
        activate(table, 0, qtbot)
        qtbot.waitUntil(line_is(opened, row, number), timeout=SETTLED)
        line, detector = models.question.state.line, opened.document.detector
        assert line is not None
        assert detector is not None
        assert (line.killer, line.verdict) == (row.killer, row.verdict)
        assert detector.spec.name == path.stem
        assert not opened.window.scanning.likeness.isVisible()


def test_a_detector_that_the_user_opens_is_kept_and_said_to_be_another(
    opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    window, models = opened.window, opened.models
    scanned(opened, desk, tmp_path / "scan.sqlite", qtbot)
    table, strip = table_of(opened, qtbot), window.scanning.likeness
    row = models.scans.rows.row(0)
    assert row is not None
    qtbot.waitUntil(lambda: models.scans.likeness.state.kind == "same", timeout=SETTLED)
    window.opening.open_detector(str(desk.first), box_score_thresh=0.3)
    qtbot.waitUntil(lambda: models.scans.likeness.state.kind == "other", timeout=SETTLED)
    # nothing of the scan is looked at yet
    assert not strip.isVisible()
    activate(table, 0, qtbot)
    qtbot.waitUntil(strip.isVisible, timeout=SETTLED)
    assert strip.label.text() == "Life lines are of other settings than the scan's: box_score_thresh 0.3, scanned with 0.05."
    settle(opened, qtbot)
    assert opened.document.detector is not None
    assert opened.document.detector.spec.settings.box_score_thresh == 0.3
    qtbot.mouseClick(strip.open_own, LEFT)
    qtbot.waitUntil(line_is(opened, row, 0), timeout=SETTLED)
    assert not strip.isVisible()


def test_what_ifs_are_said_to_make_another_life_line(opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    window, models = opened.window, opened.models
    scanned(opened, desk, tmp_path / "scan.sqlite", qtbot)
    table, row = table_of(opened, qtbot), models.scans.rows.row(0)
    assert row is not None
    activate(table, 0, qtbot)
    qtbot.waitUntil(line_is(opened, row, 0), timeout=SETTLED)
    opened.document.apply(Change({"box_score_thresh": 0.4}))
    strip = window.scanning.likeness
    qtbot.waitUntil(strip.isVisible, timeout=SETTLED)
    assert strip.label.text().startswith("What-ifs are on")
    qtbot.mouseClick(strip.reset, LEFT)
    qtbot.waitUntil(line_is(opened, row, 0), timeout=SETTLED)
    assert not strip.isVisible()


def test_a_checkpoint_that_was_moved_is_asked_for(opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    window, models = opened.window, opened.models
    moved = tmp_path / "moved.safetensors"
    shutil.copy(desk.second, moved)
    scanned(opened, replace(desk, second=moved), tmp_path / "scan.sqlite", qtbot)
    moved = moved.rename(tmp_path / "elsewhere.safetensors")
    models.scans.set_detector(1)
    qtbot.waitUntil(lambda: models.scans.state.total is not None and models.scans.rows.row(0) is not None, timeout=SETTLED)
    activate(table_of(opened, qtbot), 0, qtbot)
    strip = window.scanning.likeness
    qtbot.waitUntil(strip.isVisible, timeout=SETTLED)
    assert strip.label.text() == "Life lines are first's; the scan ran second. It could not be opened as it was."
    assert not strip.open_own.isVisible()
    with qtbot.waitSignal(strip.file_wanted) as asked:
        qtbot.mouseClick(strip.choose, LEFT)
    for dialog in window.findChildren(QFileDialog):
        dialog.fileSelected.emit(str(moved))
        dialog.close()
    assert asked.args[1] == 1
    qtbot.waitUntil(lambda: models.scans.likeness.state.kind == "same", timeout=SETTLED)
    assert not strip.isVisible()


# -- what is not there any more -----------------------------------------------------------------------------------------


def test_a_picture_that_is_gone_is_one_sentence(opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    images = tmp_path / "images"
    shutil.copytree(desk.images, images)
    scanned(opened, replace(desk, images=images), tmp_path / "scan.sqlite", qtbot)
    table = table_of(opened, qtbot)
    row = opened.models.scans.rows.row(0)
    assert row is not None
    Path(row.path).unlink()
    table.crops._made.clear()
    activate(table, 0, qtbot)
    said = f"{row.path} is not there any more; put it back, or scan its folder's new place."
    assert opened.window.message_bar.label.text() == said
    table._want_crops()
    qtbot.waitUntil(lambda: table.crops.of(row) is not None, timeout=SETTLED)
    made = table.crops.of(row)
    assert made is not None
    assert made[0] is None
    assert made[2] == f"{row.path} does not exist; check the path."


def test_annotations_that_were_edited_since_are_not_taken_for_the_scanned_ones(
    opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    truth = tmp_path / "truth.json"
    shutil.copy(desk.truth, truth)
    scanned(opened, replace(desk, truth=truth), tmp_path / "scan.sqlite", qtbot)
    table = table_of(opened, qtbot)
    edited = json.loads(truth.read_text())
    for one in edited["annotations"]:
        one["bbox"][0] += 3
    truth.write_text(json.dumps(edited))
    row = opened.models.scans.rows.row(0)
    assert row is not None
    activate(table, 0, qtbot)
    said = f"{Path(row.path).name} is annotated otherwise than when it was scanned"
    qtbot.waitUntil(lambda: opened.window.message_bar.label.text().startswith(said), timeout=SETTLED)
    assert opened.models.question.state.asked is None


def test_classes_that_the_scan_matched_are_matched_in_the_window_too(
    opened: Program, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    out, names = tmp_path / "scan.sqlite", TINY.class_names
    # what no rule would guess
    detectors = [open_detector(str(desk.first), device="cpu")]
    scan(detectors, desk.images, str(desk.truth), out, classes={"cow": names[1], names[2]: None})
    models = opened.models
    opened.window.scanning.open(str(out))
    qtbot.waitUntil(lambda: bool(models.scans.state.total), timeout=SETTLED)
    table = table_of(opened, qtbot)
    row = models.scans.rows.row(0)
    assert row is not None
    activate(table, 0, qtbot)
    qtbot.waitUntil(line_is(opened, row, 0), timeout=SETTLED)
    labels = models.objects.state.labels.labels
    assert (labels["cow"], labels[names[2]]) == (1, None)
    line = models.question.state.line
    assert line is not None
    assert (line.killer, line.verdict) == (row.killer, row.verdict)


def test_annotations_are_not_held_against_a_detector_that_is_about_to_go(
    program: Program, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    out = tmp_path / "scan.sqlite"
    scan([open_detector(str(desk.first), device="cpu")], desk.images, str(desk.truth), out)
    other = tmp_path / "other.safetensors"
    spec = replace(TINY, name="other", class_names=("background", "a", "b", "c", "d", "e"), weights="trained")
    save_native(spec, tiny_module(), other)
    lonely = tmp_path / "alone.png"
    shutil.copy(desk.images / "0000.png", lonely)
    start(program, Start((str(lonely),), str(other), "cpu"))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    settle(program, qtbot)
    scans = program.models.scans
    program.window.scanning.open(str(out))
    qtbot.waitUntil(lambda: bool(scans.state.total), timeout=SETTLED)
    table, row = table_of(program, qtbot), scans.rows.row(0)
    assert row is not None
    activate(table, 0, qtbot)
    qtbot.waitUntil(line_is(program, row, 0), timeout=SETTLED)
    # the class that the scan's own detector does not know either, and no other
    (said,) = (program.window.messages.list.item(row).text() for row in range(program.window.messages.list.count()))
    assert "“cow”" in said
    assert said.count("“") == 1
