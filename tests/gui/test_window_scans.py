"""Scans and the window around them: what is disabled says why, panels are made late, a scan outlives the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QFileDialog

from fpn_viewer.app import Program
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan_running import DetectorOrder, ScanOrder
from fpn_viewer.ui.actions import ACTIONS, tooltip
from fpn_viewer.ui.resuming import order_as_text, order_of_text
from tests.gui.window_flow import SETTLED, open_all, trigger
from tests.scan_files import write_scan
from tests.tiny import noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.settings_store import SettingsStore

pytestmark = pytest.mark.gui

SMALL = {"min_size": 64, "max_size": 96}
PICTURES = 6


@pytest.fixture
def order(tmp_path: Path) -> ScanOrder:
    folder = tmp_path / "scanned"
    folder.mkdir()
    for number in range(PICTURES):
        Image.fromarray(noise(seed=number)).save(folder / f"{number}.png")
    return ScanOrder((str(folder),), (DetectorOrder("demo", SMALL),), str(tmp_path / "out.sqlite"), classes={"car": None})


@pytest.fixture
def later(store: SettingsStore, program: Program) -> Iterator[Any]:
    """Starts of the program behind the first one, with what it remembered."""
    made: list[Program] = []

    def start() -> Program:
        made.append(Program(store))
        made[-1].window.show()
        return made[-1]

    yield start
    for one in made:
        end(one)


def end(program: Program) -> None:
    program.window.close()
    program.shutdown()
    program.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


# -- menus and panels ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_done_says_what_is_missing(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    actions = program.window.actions_by_id
    disabled = [row for row in ACTIONS if not actions[row.id].isEnabled()]
    assert len(disabled) > 15
    for row in disabled:
        assert row.needs, row.id
        assert actions[row.id].toolTip() == f"{tooltip(row)}\n{row.needs}"
    open_all(program, folder, module, qtbot)
    for row in ACTIONS:
        if actions[row.id].isEnabled():
            assert actions[row.id].toolTip() == tooltip(row)
    assert {"next", "run", "save_picture"} <= {row.id for row in disabled if actions[row.id].isEnabled()}


def test_panels_behind_others_are_made_when_they_are_seen(program: Program, qtbot: QtBot) -> None:
    docks = program.window.docks
    places: Any = {name: docks[name].widget() for name in ("life_line", "what_if")}
    QCoreApplication.processEvents()
    assert [place.made for place in places.values()] == [None, None]
    centre = program.window.centralWidget().geometry()
    for name, place in places.items():
        docks[name].raise_()
        qtbot.waitUntil(lambda place=place: place.made is not None and place.made.isVisible(), timeout=SETTLED)
    QCoreApplication.processEvents()
    assert program.window.centralWidget().geometry() == centre


# -- a scan that did not end ----------------------------------------------------------------------------------------------


def test_a_scan_that_the_window_was_closed_on_is_gone_on_with(
    program: Program, order: ScanOrder, store: SettingsStore, later: Any, qtbot: QtBot
) -> None:
    def running(of: Program) -> str:
        state = of.models.scans.state.running
        return "" if state is None else state.kind

    assert not program.window.resuming.strip.isVisible()
    program.models.scans.start(order)
    qtbot.waitUntil(lambda: running(program) == "running" and program.models.scans.state.running.done > 0, timeout=SETTLED)
    program.models.scans.pause()
    program.window.close()
    program.shutdown()
    assert 0 < len(Scan(Path(order.out)).rows("SELECT * FROM done")) < PICTURES
    again = later()
    offer = again.window.resuming
    assert offer.strip.isVisible()
    assert "out.sqlite" in offer.strip.label.text()
    qtbot.mouseClick(offer.go_on, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: running(again) == "done", timeout=SETTLED)
    assert not offer.strip.isVisible()
    assert len(Scan(Path(order.out)).rows("SELECT * FROM done")) == PICTURES
    assert not store.unfinished_scan
    assert not later().window.resuming.strip.isVisible()


def test_a_closed_offer_does_not_come_back(order: ScanOrder, store: SettingsStore, later: Any, qtbot: QtBot) -> None:
    store.unfinished_scan = order_as_text(order, None)
    assert not later().window.resuming.strip.isVisible()  # its file is not there
    assert not store.unfinished_scan
    Path(order.out).touch()
    store.unfinished_scan = order_as_text(order, None)
    strip = later().window.resuming.strip
    assert strip.isVisible()
    strip.dismiss()
    assert not later().window.resuming.strip.isVisible()


def test_orders_are_remembered_as_they_were(order: ScanOrder, module: Any) -> None:
    Path(order.out).touch()
    assert order_of_text(order_as_text(order, None)) == order
    code = ScanOrder(order.pictures, (DetectorOrder(module),), order.out)
    own = ScanOrder(order.pictures, (DetectorOrder(),), order.out)
    assert (order_as_text(code, None), order_as_text(own, None)) == ("", "")
    for text in ("", "null", "[]", "{", '{"out": 3}', order_as_text(order, None).replace(order.out, "/nowhere.sqlite")):
        assert order_of_text(text) is None


def test_orders_hold_wherever_the_program_is_started_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pictures", "demo"):
        Path(name).mkdir()
    for name in ("a.pth", "out.sqlite"):
        Path(name).touch()
    order = ScanOrder(("pictures",), (DetectorOrder("a.pth"), DetectorOrder("demo")), "out.sqlite")
    again = order_of_text(order_as_text(order, None))
    assert again is not None
    assert (again.pictures, again.out, again.annotations) == ((str(tmp_path / "pictures"),), str(tmp_path / "out.sqlite"), "")
    assert [one.source for one in again.detectors] == [str(tmp_path / "a.pth"), "demo"]


def test_a_report_is_written_from_the_menu(program: Program, tmp_path: Path, qtbot: QtBot) -> None:
    path, folder = tmp_path / "scan.sqlite", tmp_path / "report"
    write_scan(path, pictures=6, objects=40, detectors=2, seed=1)
    program.models.scans.open(str(path))
    qtbot.waitUntil(lambda: program.window.actions_by_id["scan_report"].isEnabled(), timeout=SETTLED)
    trigger(program, "scan_report")
    dialog = next(one for one in program.window.findChildren(QFileDialog) if one.isVisible())
    dialog.fileSelected.emit(str(folder))
    dialog.close()
    qtbot.waitUntil(lambda: (folder / "report.html").is_file(), timeout=SETTLED)
    qtbot.waitUntil(lambda: "Wrote 1 file" in program.window.status.activity.text(), timeout=SETTLED)
    assert "scan.sqlite" in (folder / "report.html").read_text(encoding="utf-8")
