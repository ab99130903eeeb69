from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QTimer

from fpn_viewer.ui.garbage import GuiGarbageCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

SECONDS = 5.0


class Knot:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collector(qapp: object) -> Iterator[GuiGarbageCollector]:
    collector = GuiGarbageCollector()
    yield collector
    collector.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def drop_knot() -> list[threading.Thread]:
    """Drop a knot; the list gets the thread that finalises it."""
    threads: list[threading.Thread] = []
    weakref.finalize(Knot(), lambda: threads.append(threading.current_thread()))
    return threads


def allocate() -> None:
    """Allocate enough for several automatic collections."""
    for _ in range(20):
        [[] for _ in range(1000)]


def test_cyclic_garbage_dies_on_the_gui_thread_though_a_worker_allocates(collector: GuiGarbageCollector, qtbot: QtBot) -> None:
    threads = drop_knot()
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join(SECONDS)
    assert threads == []
    ballast: list[list[int]] = [[] for _ in range(2 * gc.get_threshold()[0])]
    qtbot.waitUntil(lambda: bool(threads), timeout=3000)
    assert threads == [threading.main_thread()]
    assert ballast


def test_each_generation_is_collected_when_python_would(collector: GuiGarbageCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", collected.append)
    monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 10))
    for counts in ((701, 11, 11), (701, 11, 10), (701, 10, 10), (700, 10, 10)):
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        collector.collect()
    assert collected == [2, 1, 0]


def test_a_threshold_of_0_switches_a_generation_off(collector: GuiGarbageCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", collected.append)
    monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 0))
    monkeypatch.setattr(gc, "get_count", lambda: (701, 3, 5))
    collector.collect()
    assert collected == [0]


def test_freezing_exempts_what_is_alive_once(collector: GuiGarbageCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    collector.freeze()
    frozen = gc.get_freeze_count()
    assert frozen > 1000
    monkeypatch.setattr(gc, "freeze", lambda: pytest.fail("frozen twice"))
    collector.freeze()


def test_stopping_gives_collection_back(qapp: object) -> None:
    collector = GuiGarbageCollector()
    assert not gc.isenabled()
    collector.freeze()
    collector.stop()
    collector.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    timer = collector.findChild(QTimer)
    assert timer is not None
    assert not timer.isActive()
