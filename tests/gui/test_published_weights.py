"""Published weights: the menu, the line of the download, and what follows; nothing here goes to the internet."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from fpn_viewer.core import weights
from fpn_viewer.core.errors import CheckpointError
from fpn_viewer.ui.panels.download import DownloadStrip
from fpn_viewer.ui.published_menu import WAITING, PublishedMenu
from fpn_viewer.viewmodels.checkpoints import Fetching
from tests.gui.checkpoint_fakes import FakeCheckpoints, published
from tests.gui.window_flow import SETTLED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program

pytestmark = pytest.mark.gui

ONE = published()


@pytest.fixture
def asked() -> FakeCheckpoints:
    return FakeCheckpoints()


@pytest.fixture
def strip(asked: FakeCheckpoints, qtbot: QtBot) -> Iterator[DownloadStrip]:
    window = QMainWindow()
    qtbot.addWidget(window)
    made = DownloadStrip(asked)  # type: ignore[arg-type]
    window.setCentralWidget(made)
    window.show()
    qtbot.waitExposed(window)
    yield made
    window.close()


# -- the menu -------------------------------------------------------------------------------------------------------------


def test_the_menu_asks_when_it_opens_and_tells_size_quality_and_what_is_here(asked: FakeCheckpoints, qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    menu = PublishedMenu(asked, window)  # type: ignore[arg-type]
    assert [(a.text(), a.isEnabled()) for a in menu.actions()] == [(WAITING, False)]
    menu.aboutToShow.emit()
    assert asked.asked == [("offers",)]
    asked.offer(True, False)
    assert [action.text() for action in menu.actions()] == [
        "Faster R-CNN · ResNet-50 · FPN\t✓ here · 168 MB · box mAP 37.0",
        "Faster R-CNN · ResNet-50 · FPN\t168 MB · box mAP 37.0",
    ]
    menu.triggered.emit(menu.actions()[1])
    assert asked.asked[-1] == ("fetch", published("COCO_V2"))


# -- the line -------------------------------------------------------------------------------------------------------------


def test_the_line_tells_how_far_and_how_fast(strip: DownloadStrip, asked: FakeCheckpoints, qtbot: QtBot) -> None:
    asked.show(Fetching(ONE))
    assert strip.isVisible()
    assert strip.progress.maximum() == 0, "nothing is known yet, so the bar only moves"
    asked.show(Fetching(ONE, "running", "downloading a.pth: 34 of 168 MB, 5.2 MB/s", 0.2))
    assert strip.progress.value() == 200
    assert strip.label.text() == "Downloading a.pth: 34 of 168 MB, 5.2 MB/s"
    qtbot.mouseClick(strip.stop, Qt.MouseButton.LeftButton)
    assert asked.asked[-1] == ("stop fetch",)
    asked.show(Fetching(ONE, "done", "", 1.0))
    assert not strip.isVisible()


@pytest.mark.parametrize(("kind", "words"), [("cancelled", "stopped at 20%; what has arrived is kept"), ("failed", "No way there")])
def test_what_stopped_goes_on(strip: DownloadStrip, asked: FakeCheckpoints, qtbot: QtBot, kind: str, words: str) -> None:
    asked.show(Fetching(ONE, kind, "downloading", 0.2, "no way there; try again."))
    assert words in strip.label.text()
    assert not strip.stop.isVisible()
    qtbot.mouseClick(strip.again, Qt.MouseButton.LeftButton)
    assert asked.asked == [("fetch", ONE)]
    assert strip.stop.isVisible()


def test_a_closed_line_stops_the_download_and_stays_away(strip: DownloadStrip, asked: FakeCheckpoints) -> None:
    asked.show(Fetching(ONE))
    strip.dismiss()
    assert asked.asked == [("stop fetch",)]
    asked.show(Fetching(ONE, "running", "downloading", 0.3))
    asked.show(Fetching(ONE, "cancelled", "downloading", 0.3))
    assert not strip.isVisible()


# -- in the window --------------------------------------------------------------------------------------------------------


class Server:
    """Stands for the internet: a download that waits to be let go, fails, or is stopped."""

    def __init__(self, path: Path) -> None:
        self.path, self.go, self.begun = path, threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.calls: list[Any] = []

    def fetch(self, wanted: Any, watcher: Any) -> Path:
        self.calls.append(wanted)
        watcher.report("downloading a.pth: 34 of 168 MB, 5.2 MB/s", 0.2)
        self.begun.set()
        while not self.go.wait(0.01):
            watcher.check()
        if self.error is not None:
            raise self.error
        return self.path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server(tmp_path / "weights.pth")
    monkeypatch.setattr(weights, "fetch", made.fetch)
    return made


def test_a_download_blocks_nothing_and_is_opened(
    program: Program, server: Server, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    strip = program.window.checking.download
    program.models.checkpoints.fetch(ONE)
    qtbot.waitUntil(lambda: strip.progress.value() == 200, timeout=SETTLED)
    program.window.opening.open_pictures([str(folder)])
    program.window.opening.open_detector("demo", "cpu")
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    assert server.begun.is_set()
    assert strip.isVisible(), "files and detectors went on meanwhile"
    monkeypatch.setattr(program.document, "open_detector", lambda source, device, **options: opened.append((source, options)))
    server.go.set()
    qtbot.waitUntil(lambda: bool(opened), timeout=SETTLED)
    assert opened == [("fasterrcnn_resnet50_fpn", {"weights": "COCO_V1"})]
    assert not strip.isVisible()


def test_a_download_is_stopped_and_taken_up_again(program: Program, server: Server, qtbot: QtBot) -> None:
    strip = program.window.checking.download
    program.models.checkpoints.fetch(ONE)
    qtbot.waitUntil(server.begun.is_set, timeout=SETTLED)
    qtbot.mouseClick(strip.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(strip.again.isVisible, timeout=SETTLED)
    qtbot.mouseClick(strip.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(server.calls) == 2, timeout=SETTLED)


def test_without_internet_there_is_one_sentence(program: Program, server: Server, qtbot: QtBot) -> None:
    server.error = CheckpointError("a.pth cannot be downloaded: example.org cannot be reached; try again.")
    server.go.set()
    strip = program.window.checking.download
    program.models.checkpoints.fetch(ONE)
    qtbot.waitUntil(strip.again.isVisible, timeout=SETTLED)
    assert strip.label.text() == "A.pth cannot be downloaded: example.org cannot be reached; try again."
    assert not program.window.message_bar.isVisible()


def test_the_real_list_fills_the_menu(program: Program, qtbot: QtBot) -> None:
    menu = program.window.checking.published
    menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: len(menu.actions()) > 5, timeout=SETTLED)
    assert any("fcos" in action.toolTip() for action in menu.actions())
    assert all("MB" in action.text() for action in menu.actions())
