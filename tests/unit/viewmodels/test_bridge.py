from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QObject, QTimer, Signal

from fpn_viewer.engine.jobs import WORKER_NAME, Failure, Lane
from fpn_viewer.viewmodels.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from fpn_viewer.engine.jobs import Token

LANES = (Lane("trace"), Lane("render"), Lane("thumbnails", latest_only=False))
SECONDS = 5.0


class Gate:
    """A request that says when it has begun and goes on when opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, token: Token) -> object:
        self.entered.set()
        assert self.opened.wait(SECONDS)
        token.check()
        return "gated"

    def wait_entered(self) -> None:
        assert self.entered.wait(SECONDS)


class Listener(QObject):
    """Notes what a bridge emits."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.heard: list[tuple[object, ...]] = []
        self.busy: list[object] = []
        self.reports: list[tuple[object, ...]] = []
        self.threads: set[threading.Thread] = set()
        bridge.finished.connect(self.on_finished)
        bridge.failed.connect(self.on_failed)
        bridge.cancelled.connect(self.on_cancelled)
        bridge.progress.connect(self.on_progress)
        bridge.busy_changed.connect(self.on_busy)

    def on_finished(self, lane: object, value: object) -> None:
        self.threads.add(threading.current_thread())
        self.heard.append(("finished", lane, value))

    def on_failed(self, lane: object, failure: object) -> None:
        self.heard.append(("failed", lane, failure))

    def on_cancelled(self, lane: object) -> None:
        self.heard.append(("cancelled", lane))

    def on_progress(self, lane: object, stage: object, fraction: object) -> None:
        self.reports.append((lane, stage, fraction))

    def on_busy(self, busy: object) -> None:
        self.busy.append(busy)


def timer_of(bridge: Bridge) -> QTimer:
    timer = bridge.findChild(QTimer)
    assert timer is not None
    return timer


class Scrubber(QObject):
    """Asks for 0, 1, 2 … at each turn of the event loop, as a dragged slider does."""

    def __init__(self, bridge: Bridge, steps: int) -> None:
        super().__init__()
        self._bridge, self._steps = bridge, steps
        self.asked = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.ask)
        self._timer.start(0)

    def ask(self) -> None:
        self._bridge.request("render", give(self.asked))
        self.asked += 1
        if self.asked == self._steps:
            self._timer.stop()


@pytest.fixture
def bridge(qapp: object) -> Iterator[Bridge]:
    bridge = Bridge(LANES)
    yield bridge
    assert bridge.shutdown(SECONDS)
    assert WORKER_NAME not in {thread.name for thread in threading.enumerate()}


@pytest.fixture
def listener(bridge: Bridge) -> Listener:
    return Listener(bridge)


def give(value: object) -> Callable[[Token], object]:
    return lambda _token: value


def hold(bridge: Bridge, lane: str) -> Gate:
    gate = Gate()
    bridge.request(lane, gate)
    gate.wait_entered()
    return gate


def test_a_value_arrives_as_the_same_object_on_the_gui_thread(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    value = {"big": 5_000_000_000}
    bridge.request("trace", give(value))
    qtbot.waitUntil(lambda: bool(listener.heard))
    assert listener.heard == [("finished", "trace", value)]
    assert listener.heard[0][2] is value
    assert listener.threads == {threading.main_thread()}


def test_of_60_quick_requests_increasing_ones_and_the_last_are_shown(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    scrubber = Scrubber(bridge, 60)
    qtbot.waitUntil(lambda: ("finished", "render", 59) in listener.heard)
    shown = [value for _, _, value in listener.heard if isinstance(value, int)]
    assert scrubber.asked == 60
    assert shown == sorted(set(shown))
    assert shown[-1] == 59


def test_a_result_overtaken_on_its_way_to_the_gui_is_dropped(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    old = bridge.request("render", give("old"))
    # The worker has sent the old result once it serves the next lane, and the GUI thread has not yet looked.
    gate = hold(bridge, "thumbnails")
    new = bridge.request("render", give("new"))
    gate.opened.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert old < new
    assert listener.heard == [("finished", "thumbnails", "gated"), ("finished", "render", "new")]


def test_a_lane_that_keeps_all_shows_all(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    for value in range(20):
        bridge.request("thumbnails", give(value))
    qtbot.waitUntil(lambda: not bridge.busy)
    assert [value for _, _, value in listener.heard] == list(range(20))


def test_failures_arrive_as_text(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    bridge.request("trace", lambda _token: [][1])
    qtbot.waitUntil(lambda: bool(listener.heard))
    ((signal, lane, failure),) = listener.heard
    assert (signal, lane) == ("failed", "trace")
    assert isinstance(failure, Failure)
    assert "IndexError" in failure.title


def test_cancelling_is_announced(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    gate = hold(bridge, "trace")
    bridge.cancel("trace")
    gate.opened.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert listener.heard == [("cancelled", "trace")]


def test_an_overtaken_job_is_not_announced_as_cancelled(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    gate = hold(bridge, "trace")
    bridge.cancel("trace")
    bridge.request("trace", give("new"))
    gate.opened.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert listener.heard == [("finished", "trace", "new")]


def test_busy_changes_once_for_a_run_of_jobs(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    gate = hold(bridge, "trace")
    bridge.request("render", give(1))
    bridge.request("thumbnails", give(2))
    assert listener.busy == [True]
    gate.opened.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert listener.busy == [True, False]


def test_asking_for_more_from_a_result_does_not_make_busy_blink(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    class Follower(QObject):
        def follow(self, lane: object, _value: object) -> None:
            if lane == "trace":
                bridge.request("render", give("picture"))

    follower = Follower()
    bridge.finished.connect(follower.follow)
    bridge.request("trace", give("trace"))
    qtbot.waitUntil(lambda: ("finished", "render", "picture") in listener.heard)
    qtbot.waitUntil(lambda: not bridge.busy)
    assert listener.busy == [True, False]


def test_progress_shows_the_newest_report_while_running(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    gate = Gate()

    def request(token: Token) -> None:
        for step in range(100):
            token.report("neck", step / 100)
        gate(token)

    bridge.request("trace", request)
    gate.wait_entered()
    qtbot.waitUntil(lambda: bool(listener.reports))
    assert listener.reports == [("trace", "neck", 0.99)]
    gate.opened.set()
    qtbot.waitUntil(lambda: not bridge.busy)


def test_progress_of_a_job_that_is_no_longer_open_is_not_shown(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    timer_of(bridge).setInterval(60_000)
    bridge.request("render", lambda token: token.report("drawing", 0.5))
    gate = hold(bridge, "thumbnails")
    qtbot.waitUntil(lambda: bool(listener.heard))
    with qtbot.waitSignal(timer_of(bridge).timeout):
        timer_of(bridge).setInterval(0)
    assert listener.reports == []
    gate.opened.set()


def test_the_timer_rests_when_nothing_runs(bridge: Bridge, qtbot: QtBot) -> None:
    timer = timer_of(bridge)
    gate = hold(bridge, "trace")
    assert timer.isActive()
    gate.opened.set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert not timer.isActive()


def test_shutdown_in_the_middle_of_a_job_delivers_nothing_more(bridge: Bridge, listener: Listener, qtbot: QtBot) -> None:
    bridge.request("render", give("on its way"))
    gate = hold(bridge, "thumbnails")
    assert not bridge.shutdown(timeout=0)
    gate.opened.set()
    assert bridge.shutdown(SECONDS)
    with qtbot.waitSignal(QTimer(bridge, singleShot=True).timeout, raising=False, timeout=20):
        pass
    assert listener.heard == []
    assert listener.busy == [True, False]
    with pytest.raises(RuntimeError, match="closed"):
        bridge.request("trace", give(1))


def test_unknown_lanes_are_refused(bridge: Bridge) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        bridge.request("nowhere", give(1))
    with pytest.raises(KeyError, match="nowhere"):
        bridge.cancel("nowhere")
    assert not bridge.busy


def test_the_thread_switch_interval_is_short_only_while_the_bridge_lives(qapp: object) -> None:
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.003)
        bridge = Bridge(LANES)
        assert sys.getswitchinterval() == pytest.approx(0.0005)
        bridge.shutdown(SECONDS)
        assert sys.getswitchinterval() == pytest.approx(0.003)
    finally:
        sys.setswitchinterval(before)


QUIT_MID_JOB = """
import threading
from PySide6.QtCore import QCoreApplication, QTimer
from fpn_viewer.engine.jobs import Lane
from fpn_viewer.viewmodels.bridge import Bridge

app = QCoreApplication([])
bridge = Bridge([Lane("trace")])
app.aboutToQuit.connect(bridge.shutdown)
entered = threading.Event()

def forward(token):
    entered.set()
    while True:
        token.check()

bridge.request("trace", forward)
assert entered.wait(5)
QTimer.singleShot(0, app.quit)
raise SystemExit(app.exec())
"""


def test_quitting_in_the_middle_of_a_job_exits_with_0() -> None:
    result = subprocess.run([sys.executable, "-c", QUIT_MID_JOB], capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stderr) == (0, "")


class Emitter(QObject):
    sent = Signal(object)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True is immortal there and has no count")
def test_emitting_does_not_eat_references_to_true(qapp: object) -> None:
    """PySide6 6.12.0 lost one at every emit on Python 3.11, and the process aborted after a few hundred."""
    emitter = Emitter()
    before = sys.getrefcount(True)
    for _ in range(100):
        emitter.sent.emit(1)
    assert abs(sys.getrefcount(True) - before) < 50
