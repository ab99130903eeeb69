"""A scan that runs in the window: what is asked before it, its line above the centre, and its end."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from fpn_viewer.app import Start, start
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan_running import DetectorOrder
from fpn_viewer.ui.misses.run_strip import clock
from fpn_viewer.ui.misses.start_dialog import StartDialog
from tests.gui.window_flow import SETTLED, settle, trigger
from tests.scan_set import content
from tests.tiny import tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program
    from fpn_viewer.viewmodels.scan_runs import Running
    from tests.gui.misses.conftest import Desk

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
#: pictures of the folder, one of them broken
COUNT, BROKEN = 7, "0001b.png"


class Gate:
    """Lets a network look at one picture for each permit, once it is shut."""

    def __init__(self) -> None:
        self.permits = threading.Semaphore(0)
        self.shut = False

    def __call__(self, *_: object) -> None:
        assert not self.shut or self.permits.acquire(timeout=SETTLED / 1000)

    def __deepcopy__(self, _: object) -> Gate:
        return self

    def open(self) -> None:
        self.shut = False
        self.permits.release(1000)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def images(desk: Desk, tmp_path: Path) -> Path:
    """The annotated pictures, some more, and one that is none."""
    folder = tmp_path / "images"
    shutil.copytree(desk.images, folder)
    for number in range(COUNT - 4):
        shutil.copy(folder / "0000.png", folder / f"more-{number}.png")
    (folder / BROKEN).write_bytes(b"not a picture")
    return folder


@pytest.fixture
def opened(program: Program, images: Path, gate: Gate, qtbot: QtBot) -> Program:
    module = tiny_module()
    start(program, Start((str(images / "0000.png"),), module, "cpu"))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    settle(program, qtbot)
    module.backbone.body.register_forward_pre_hook(gate)
    return program


def dialog_of(program: Program, qtbot: QtBot) -> StartDialog:
    trigger(program, "scan_start")
    dialog: StartDialog = program.window.findChildren(StartDialog)[-1]
    qtbot.waitExposed(dialog)
    return dialog


def begin(program: Program, images: Path, truth: Path, out: Path, qtbot: QtBot) -> None:
    dialog = dialog_of(program, qtbot)
    dialog.source.setCurrentIndex(1)
    for line, path in ((dialog.folder, images), (dialog.annotations, truth), (dialog.out, out)):
        line.setText(str(path))
    qtbot.mouseClick(dialog.start, LEFT)


def running(program: Program) -> Running:
    found = program.models.scans.state.running
    assert found is not None
    return found


def ends(program: Program, kind: str, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: running(program).kind == kind, timeout=SETTLED)


def enabled(program: Program) -> set[str]:
    names = ("start", "pause", "go_on", "cancel", "close", "next", "csv", "parquet", "coco")
    return {name for name in names if program.window.actions_by_id[f"scan_{name}"].isEnabled()}


# -- the line -----------------------------------------------------------------------------------------------------------


def test_a_scan_is_paused_and_gone_on_with(
    opened: Program, images: Path, desk: Desk, gate: Gate, tmp_path: Path, qtbot: QtBot
) -> None:
    strip, out = opened.window.scanning.strip, tmp_path / "scan.sqlite"
    assert not strip.isVisible()
    assert enabled(opened) == {"start"}
    gate.shut = True
    begin(opened, images, desk.truth, out, qtbot)
    gate.permits.release()
    qtbot.waitUntil(lambda: running(opened).kind == "running" and running(opened).done > 0, timeout=SETTLED)
    assert strip.isVisible()
    assert f"of {COUNT} pictures" in strip.label.text()
    assert "pictures/s" in strip.label.text()
    assert strip.progress.maximum() == COUNT
    assert {"pause", "cancel"} <= enabled(opened)
    assert not {"start", "go_on"} & enabled(opened)
    qtbot.mouseClick(strip.pause, LEFT)
    assert running(opened).kind == "paused"
    assert "pauses at" in strip.label.text()
    assert {"go_on", "cancel"} <= enabled(opened)
    gate.open()
    qtbot.mouseClick(strip.go_on, LEFT)
    ends(opened, "done", qtbot)
    assert strip.label.text().startswith(f"Scanned {COUNT} of {COUNT} pictures into scan.sqlite")
    assert f"1 with problems, last: {images / BROKEN}" in strip.label.text()
    qtbot.waitUntil(lambda: {"start", "close", "next", "csv", "parquet", "coco"} == enabled(opened), timeout=SETTLED)
    # the broken picture costs its own row
    assert [path for path, _ in Scan(out).problems] == [str(images / BROKEN)]


def test_a_scan_that_was_closed_while_it_runs_stays_closed(
    opened: Program, images: Path, desk: Desk, gate: Gate, tmp_path: Path, qtbot: QtBot
) -> None:
    strip, scans = opened.window.scanning.strip, opened.models.scans
    gate.shut = True
    begin(opened, images, desk.truth, tmp_path / "scan.sqlite", qtbot)
    gate.permits.release()
    qtbot.waitUntil(lambda: running(opened).done > 0 and scans.state.about is not None, timeout=SETTLED)
    trigger(opened, "scan_close")
    gate.open()
    ends(opened, "done", qtbot)
    assert scans.state.path == ""
    qtbot.mouseClick(strip.show_it, LEFT)
    qtbot.waitUntil(lambda: scans.state.about is not None and scans.state.about.done == COUNT, timeout=SETTLED)


def test_a_paused_scan_takes_up_no_more_pictures(
    opened: Program, images: Path, desk: Desk, gate: Gate, tmp_path: Path, qtbot: QtBot
) -> None:
    gate.shut = True
    begin(opened, images, desk.truth, tmp_path / "scan.sqlite", qtbot)
    gate.permits.release()
    qtbot.waitUntil(lambda: running(opened).kind == "running" and running(opened).done > 0, timeout=SETTLED)
    trigger(opened, "scan_pause")
    gate.open()
    # what is in work ends, and the window runs as many pictures meanwhile as the scan would, over a detector of its own
    document = opened.document
    for name in ("0001", "0002", "more-0", "more-1"):
        path = str(images / f"{name}.png")
        document.open_paths([path])
        qtbot.waitUntil(lambda path=path: document.trace is not None and document.trace.path == path, timeout=SETTLED)
    assert running(opened).kind == "paused"
    assert running(opened).done < COUNT
    trigger(opened, "scan_cancel")
    ends(opened, "cancelled", qtbot)
    assert running(opened).done < COUNT


def test_a_cancelled_scan_goes_on_where_it_stopped_and_ends_the_same(
    opened: Program, images: Path, desk: Desk, gate: Gate, tmp_path: Path, qtbot: QtBot
) -> None:
    strip, out = opened.window.scanning.strip, tmp_path / "scan.sqlite"
    gate.shut = True
    begin(opened, images, desk.truth, out, qtbot)
    gate.permits.release()
    qtbot.waitUntil(lambda: running(opened).kind == "running" and running(opened).done > 0, timeout=SETTLED)
    qtbot.mouseClick(strip.stop, LEFT)
    gate.open()
    ends(opened, "cancelled", qtbot)
    stopped = running(opened).done
    assert 0 < stopped < COUNT
    assert strip.label.text().startswith(f"scan.sqlite was cancelled at {stopped} of {COUNT} pictures; they stay in the file")
    assert {"start", "go_on"} <= enabled(opened)
    trigger(opened, "scan_go_on")
    ends(opened, "done", qtbot)
    undisturbed = tmp_path / "other.sqlite"
    begin(opened, images, desk.truth, undisturbed, qtbot)
    qtbot.waitUntil(lambda: running(opened).path == str(undisturbed) and running(opened).kind == "done", timeout=SETTLED)
    assert content(Scan(out)) == content(Scan(undisturbed))
    # the one that is looked at stays open; the other is shown on demand
    assert opened.models.scans.state.path == str(out)
    qtbot.mouseClick(strip.show_it, LEFT)
    assert opened.models.scans.state.path == str(undisturbed)


def test_a_file_of_another_scan_is_refused_with_a_sentence(
    opened: Program, images: Path, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    strip, out = opened.window.scanning.strip, tmp_path / "scan.sqlite"
    begin(opened, images, desk.truth, out, qtbot)
    ends(opened, "done", qtbot)
    before = content(Scan(out))
    dialog = dialog_of(opened, qtbot)
    dialog.source.setCurrentIndex(1)
    for line, path in ((dialog.folder, images), (dialog.annotations, desk.truth), (dialog.out, out)):
        line.setText(str(path))
    dialog.detectors.item(0).setCheckState(Qt.CheckState.Unchecked)
    dialog.add_checkpoint(str(desk.second))
    assert dialog.start.text() == "Go on"
    assert "scan.sqlite is there already" in dialog.said.text()
    qtbot.mouseClick(dialog.start, LEFT)
    ends(opened, "failed", qtbot)
    # in the window's words: there is no command line here
    made = "made with FasterRCNN when its weights or settings were others"
    assert running(opened).problem == f"{out} was {made}; choose another file to scan anew."
    assert strip.go_on.isVisible()
    assert content(Scan(out)) == before


def test_a_file_that_is_no_scan_is_not_written_over(
    opened: Program, images: Path, desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    out = tmp_path / "songs.sqlite"
    with closing(sqlite3.connect(out)) as file, file:
        file.execute("CREATE TABLE songs (name TEXT)")
    before = out.read_bytes()
    begin(opened, images, desk.truth, out, qtbot)
    ends(opened, "failed", qtbot)
    assert "another program's file" in opened.window.scanning.strip.label.text()
    assert out.read_bytes() == before


def test_leaving_while_a_scan_runs_leaves_a_file_to_go_on_with(
    opened: Program, images: Path, desk: Desk, gate: Gate, tmp_path: Path, qtbot: QtBot
) -> None:
    out = tmp_path / "scan.sqlite"
    gate.shut = True
    begin(opened, images, desk.truth, out, qtbot)
    gate.permits.release()
    qtbot.waitUntil(lambda: running(opened).kind == "running" and running(opened).done > 0, timeout=SETTLED)
    gate.open()
    opened.shutdown()
    done = Scan(out).rows("SELECT COUNT(*) FROM done")[0][0]
    assert 0 < done <= COUNT


# -- the dialog ---------------------------------------------------------------------------------------------------------


def test_the_dialog_says_what_is_missing(opened: Program, images: Path, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = dialog_of(opened, qtbot)
    steps: tuple[tuple[Any, Any, str], ...] = (
        (dialog.source.setCurrentIndex, 1, "Choose a folder of pictures, or open some pictures first."),
        (dialog.folder.setText, str(tmp_path / "none"), f"{tmp_path / 'none'} is not there; choose another."),
        (dialog.folder.setText, str(images), ""),
        (dialog.annotations.setText, str(tmp_path / "no.json"), f"{tmp_path / 'no.json'} is not there; choose other annotations."),
        (dialog.annotations.setText, "", ""),
        (dialog.out.setText, "", "Choose a file for the results."),
        (dialog.out.setText, str(tmp_path), f"{tmp_path} is a folder; give the results a file in it."),
        (
            dialog.out.setText,
            str(tmp_path / "a" / "b.sqlite"),
            f"The folder {tmp_path / 'a'} is not there; choose another place for the results.",
        ),
        (dialog.out.setText, str(tmp_path / "b.sqlite"), ""),
        (dialog.detectors.item(0).setCheckState, Qt.CheckState.Unchecked, "Choose at least one detector."),
    )
    for set_it, value, said in steps:
        set_it(value)
        assert dialog.said.text() == said
        assert dialog.start.isEnabled() == (not said)
    for _ in range(5):
        dialog.add_checkpoint("demo")
    assert dialog.said.text() == "A scan takes at most 4 detectors; leave some out."


def test_detectors_are_added_from_a_menu_and_files_get_the_windows_settings(program: Program, desk: Desk, qtbot: QtBot) -> None:
    start(program, Start((str(desk.images),), str(desk.first), "cpu", {"box_score_thresh": 0.2}))
    qtbot.waitUntil(lambda: program.document.detector is not None, timeout=SETTLED)
    dialog = dialog_of(program, qtbot)
    entries = {action.text(): action for action in dialog.add.menu().actions()}
    entries["demo-early"].trigger()
    entries[f"{desk.first.parent.name}/{desk.first.name}"].trigger()
    entries["A checkpoint's &file…"].trigger()
    chooser = program.window.findChildren(QFileDialog)[-1]
    chooser.fileSelected.emit(str(desk.second))
    chooser.close()
    said = {"box_score_thresh": 0.2}
    wanted = (
        DetectorOrder(),
        DetectorOrder("demo-early"),
        DetectorOrder(str(desk.first), said),
        DetectorOrder(str(desk.second), said),
    )
    assert dialog.order().detectors == wanted
    assert "box_score_thresh = 0.2" in dialog.alike.toolTip()
    dialog.alike.setChecked(False)
    assert dialog.order().detectors[2:] == (DetectorOrder(str(desk.first)), DetectorOrder(str(desk.second)))
    dialog.close()


def test_durations_are_written_as_a_clock_shows_them() -> None:
    assert [clock(seconds) for seconds in (0.4, 7, 750, 3723)] == ["0:00", "0:07", "12:30", "1:02:03"]
