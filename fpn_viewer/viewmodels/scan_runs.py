"""The scan that runs in this window: started, paused, gone on with, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from fpn_viewer.engine.scan_running import Gate, LendTwin, RunScan

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.engine.jobs import Failure, Token
    from fpn_viewer.engine.scan.run import Pace
    from fpn_viewer.engine.scan_running import ScanEnded, ScanOrder
    from fpn_viewer.viewmodels.document import Document

#: s between two reports of a fast scan
_INTERVAL = 0.1


@dataclass(frozen=True)
class Running:
    """The scan that runs, or the last one.

    Attributes:
        path: its SQLite file.
        kind: "opening" (detectors and annotations), "running", "paused", "cancelling", "cancelled", "failed", "done".
        stage: what is being done, in words.
        done: pictures in the file.
        total: pictures in all; 0 before that is known.
        rate: pictures a second; 0 before the first.
        seconds_left: an estimate; None before the first picture and at the end.
        problem: the last sentence about a picture, or why it failed; "" when nothing went wrong.
        details: text for Copy.
        troubled: pictures since the start that something was wrong with.
    """

    path: str
    kind: str = "opening"
    stage: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    problem: str = ""
    details: str = ""
    troubled: int = 0

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.kind in ("opening", "running", "paused", "cancelling")


class Runs(QObject):
    """Runs one scan at a time.

    Signals:
        changed(running): `Running`, or None when nothing is to be said of one.
    """

    changed = Signal(object)
    _paced = Signal(object, object)

    def __init__(
        self, document: Document, ask: Callable[[str, Callable[[Token], object]], None], parent: QObject | None = None
    ) -> None:
        """Nothing runs.

        Args:
            document: lends its detector.
            ask: puts a request on the lane "scan"; whoever gives it calls `ended`, `stopped` and `progressed`.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._ask = document, ask
        self._gate = Gate()
        self._order: ScanOrder | None = None
        self._running: Running | None = None
        self._waits = False
        document.answered.connect(self._lent)
        document.unanswered.connect(self._refused)
        self._paced.connect(self._pace, Qt.ConnectionType.QueuedConnection)

    @property
    def order(self) -> ScanOrder | None:
        """What the scan that runs, or the last one, was asked for."""
        return self._order

    def start(self, order: ScanOrder) -> None:
        """Runs a scan; no other one runs."""
        self._order, self._gate = order, Gate()
        self._show(Running(order.out, stage="opening the detectors"))
        self._waits = any(one.source is None for one in order.detectors)
        if self._waits:
            self._document.ask("lend", LendTwin(self._document.session))
        else:
            self._run(None)

    def pause(self) -> None:
        """The scan stops behind the pictures in work."""
        if self._running is not None and self._running.kind == "running":
            self._gate.close()
            self._show(replace(self._running, kind="paused", seconds_left=None))

    def go_on(self) -> None:
        """Lets a paused scan go on, or starts one that ended early again where it stopped."""
        if self._running is None or self._order is None:
            return
        if self._running.kind == "paused":
            self._gate.open()
            self._show(replace(self._running, kind="running"))
        elif self._running.kind in ("cancelled", "failed"):
            self.start(self._order)

    def stopping(self) -> None:
        """The scan is about to be cancelled."""
        if self._waits:
            self._waits = False
            self._document.withdraw("lend")
            self.stopped(None)
        elif self._running is not None:
            self._show(replace(self._running, kind="cancelling", seconds_left=None))

    def forget(self) -> None:
        """Says nothing more of a scan that has ended."""
        if self._running is not None and not self._running.active:
            self._show(None)

    # -- the window's own detector ----------------------------------------------------------------------------------

    def _lent(self, lane: str, value: Any) -> None:
        if lane == "lend" and self._waits:
            self._waits = False
            self._run(value)

    def _refused(self, lane: str, failure: Failure | None) -> None:
        if lane == "lend" and self._waits:
            self._waits = False
            self.stopped(failure)

    # -- the scan ---------------------------------------------------------------------------------------------------

    def _run(self, lent: Detector | None) -> None:
        if self._order is not None:
            self._ask("scan", RunScan(self._order, lent, self._gate, self._teller(self._gate)))

    def _teller(self, gate: Gate) -> Callable[[Pace], None]:
        """What a scan calls with how far it is, on its own thread; most calls of a fast one are not passed on."""
        last, troubled, problem = 0.0, 0, ""

        def tell(pace: Pace) -> None:
            nonlocal last, troubled, problem
            troubled += bool(pace.problem)
            # of a report that is not passed on the sentence is
            problem = pace.problem or problem
            now = monotonic()
            if now - last >= _INTERVAL or pace.done == pace.total or not pace.picture:
                last = now
                self._paced.emit(gate, (pace, troubled, problem))

        return tell

    def _pace(self, gate: Gate, told: tuple[Pace, int, str]) -> None:
        if gate is not self._gate or self._running is None or not self._running.active:
            return
        pace, troubled, problem = told
        kind = "running" if self._running.kind == "opening" else self._running.kind
        self._show(
            replace(
                self._running,
                kind=kind,
                stage="",
                done=pace.done,
                total=pace.total,
                rate=pace.rate,
                seconds_left=pace.seconds_left if kind == "running" else None,
                problem=problem,
                troubled=troubled,
            )
        )

    def progressed(self, stage: str) -> None:
        """What is done before the first picture."""
        if self._running is not None and self._running.kind == "opening":
            self._show(replace(self._running, stage=stage))

    def ended(self, _: ScanEnded) -> None:
        """All pictures are in the file."""
        if self._running is not None:
            self._show(replace(self._running, kind="done", stage="", seconds_left=None))

    def stopped(self, failure: Failure | None) -> None:
        """The scan ended early: None when it was cancelled."""
        if self._running is None:
            return
        if failure is None:
            self._show(replace(self._running, kind="cancelled", stage="", seconds_left=None))
        else:
            ended = replace(self._running, kind="failed", stage="", seconds_left=None)
            self._show(replace(ended, problem=failure.title, details=failure.details))

    def _show(self, running: Running | None) -> None:
        self._running = running
        self.changed.emit(running)
