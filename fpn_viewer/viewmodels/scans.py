"""A scan: the open one with the objects that a filter leaves, and the one that runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal

from fpn_viewer.engine.scan.filters import LOST, Filter
from fpn_viewer.engine.scan_requests import NUMBER_LANES, RUN_LANES, TABLE_LANES, ReadAbout
from fpn_viewer.engine.scan_table import COLUMNS, FindKeys, remembering
from fpn_viewer.viewmodels.bridge import Bridge
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.scan_likeness import Likeness
from fpn_viewer.viewmodels.scan_rows import Rows
from fpn_viewer.viewmodels.scan_runs import Runs
from fpn_viewer.viewmodels.scan_visits import Visits
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject

    from fpn_viewer.engine.jobs import Failure, Lane, Token
    from fpn_viewer.engine.scan_requests import ScanAbout
    from fpn_viewer.engine.scan_running import ScanOrder
    from fpn_viewer.engine.scan_table import FoundKeys, ScanRow
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects
    from fpn_viewer.viewmodels.scan_runs import Running

#: the queues, each with a thread of its own: the table never waits for numbers, nor these for a scan that runs
_QUEUES: tuple[tuple[Lane, ...], ...] = (TABLE_LANES, NUMBER_LANES, RUN_LANES)
_QUEUE = {lane.name: place for place, lanes in enumerate(_QUEUES) for lane in lanes}
#: ms between two looks at a file that is still written
REFRESH_MS = 2000


@dataclass(frozen=True)
class ScansState:
    """The open scan.

    Attributes:
        path: its SQLite file; "" when none is open.
        about: what was scanned; None while it is read, and when none is open.
        filter: the objects that the table lists; `filter.detector` is whose outcomes are meant.
        other: second detector, for flows; None without one.
        column: column of the table that it is sorted by; a key of `scan_table.COLUMNS`.
        descending: the largest first.
        total: objects that the filter leaves; None while they are looked for.
        current: row of the table that is looked at, or None.
        running: the scan that runs or ran last in this window, or None.
        problem: why the scan cannot be shown, one sentence; "" when it can.
        revision: counts up whenever the file holds more than before: what was asked before is out of date.
    """

    path: str = ""
    about: ScanAbout | None = None
    filter: Filter = field(default_factory=Filter)
    other: int | None = None
    column: str = "net"
    descending: bool = True
    total: int | None = None
    current: int | None = None
    running: Running | None = None
    problem: str = ""
    revision: int = 0


class Scans(Observable[ScansState]):
    """Opens a scan's file, filters and sorts its objects, goes to them, answers questions about it, and runs scans.

    Signals:
        problem(problem): `Problem`.
        answered(lane, value): the answer to `ask`.
        unanswered(lane, failure): such a question failed; a `Failure`, or None when it was cancelled.
        asked_progress(lane, stage, fraction): how far the answer to such a question is.

    Attributes:
        rows: what the table shows.
        likeness: whether the window's detector is the scan's.
        visits: brings an object into the window.
    """

    problem = Signal(object)
    answered = Signal(object, object)
    unanswered = Signal(object, object)
    asked_progress = Signal(object, object, object)

    def __init__(self, document: Document, objects: Objects, parent: QObject | None = None) -> None:
        """Nothing is open, nothing runs.

        Args:
            document: shows pictures; lends its detector.
            objects: the annotated objects of the picture that is shown.
            parent: the Qt parent.
        """
        super().__init__(ScansState(), parent)
        self._bridges: dict[int, Bridge] = {}
        self._ended = False
        self._memory = remembering()
        self._wanted: tuple[int, bool] | None = None
        self.rows = Rows(self.ask, self)
        self.rows.filled.connect(self._visit_wanted)
        self.likeness = Likeness(document, self)
        self.changed.connect(self._follow_detector)
        self.visits = Visits(document, objects, self.likeness, self)
        self.visits.problem.connect(self.problem)
        self._runs = Runs(document, self.ask, self)
        self._runs.changed.connect(self._note_run)
        self._refresh_soon = QTimer(self)
        self._refresh_soon.setSingleShot(True)
        self._refresh_soon.setInterval(REFRESH_MS)
        self._refresh_soon.timeout.connect(self._refresh)

    # -- the open scan ----------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        """Opens a scan's file in place of the one that is open; at first the lost objects are listed, the largest first."""
        self.close()
        self.update(path=path, filter=Filter(outcomes=LOST))
        self.ask("about", ReadAbout(path))

    def close(self) -> None:
        """Shows no scan; one that runs goes on."""
        fresh = ScansState()
        self._wanted = None
        self.rows.clear()
        self.update(
            **{name: getattr(fresh, name) for name in ("path", "about", "filter", "other", "total", "current", "problem")},
            revision=self.state.revision + 1,
        )

    def set_filter(self, **fields: Any) -> None:
        """Replaces fields of the filter."""
        self._find(filter=replace(self.state.filter, **fields))

    def clear_filter(self) -> None:
        """Lists all objects."""
        self._find(filter=Filter(detector=self.state.filter.detector))

    def set_detector(self, detector: int) -> None:
        """Says whose outcomes are meant; with the one that it is compared with it changes places."""
        before, other = self.state.filter.detector, self.state.other
        self.set_filter(detector=detector, flow=None, other_killers=())
        if other == detector:
            self.update(other=before)

    def set_other(self, other: int | None) -> None:
        """Says with which detector it is compared."""
        if other != self.state.filter.detector:
            self.update(other=other)

    def sort_by(self, column: str) -> None:
        """Sorts the table by a column; by the same again, the other way round."""
        down = not self.state.descending if column == self.state.column else COLUMNS[column].down
        self._find(column=column, descending=down)

    def _find(self, **fields: Any) -> None:
        if any(getattr(self.state, name) != value for name, value in fields.items()):
            self.update(**fields, total=None)
            self._ask_keys()

    def _ask_keys(self) -> None:
        state = self.state
        if state.about is not None:
            self.ask("keys", FindKeys(state.path, state.filter, state.column, state.descending, state.revision, self._memory))

    def _refresh(self) -> None:
        if self.state.path:
            self.ask("about", ReadAbout(self.state.path))

    def _follow_detector(self, state: ScansState, names: frozenset[str]) -> None:
        if names & {"about", "filter"}:
            self.likeness.follow(state.about, state.filter.detector)

    # -- rows -------------------------------------------------------------------------------------------------------

    def select(self, row: int | None) -> None:
        """Makes a row of the table the one that is looked at."""
        if row is None or 0 <= row < len(self.rows):
            self.update(current=row)

    def visit(self, row: int, *, closer: bool = True) -> None:
        """Opens the picture of a row in the window and looks at the object; `closer` brings its tab to the front."""
        if 0 <= row < len(self.rows):
            self.update(current=row)
            self._wanted = self.rows.key(row), closer
            self.rows.need_keys([self.rows.key(row)])
            self._visit_wanted()

    def step_missed(self, by: int) -> None:
        """Visits the next (1) or previous (-1) lost object of the table, around its ends."""
        lost, current = self.rows.lost, self.state.current
        if not len(lost):
            self.problem.emit(Problem("The table lists no lost object; open a scan, or take a filter away."))
            return
        if by > 0:
            place = int(lost.searchsorted(-1 if current is None else current, "right"))
        else:
            place = int(lost.searchsorted(0 if current is None else current, "left")) - 1
        self.visit(int(lost[place % len(lost)]), closer=False)

    def _visit_wanted(self) -> None:
        if self._wanted is None or self.state.about is None:
            return
        row = self.rows.known(self._wanted[0])
        if row is not None:
            closer, self._wanted = self._wanted[1], None
            self.visits.go(row, self.state.about, self.state.filter.detector, closer=closer)

    @property
    def current(self) -> ScanRow | None:
        """What the row says that is looked at; None without one, or while it is read."""
        row = self.state.current
        return None if row is None or row >= len(self.rows) else self.rows.row(row)

    # -- a scan that runs -------------------------------------------------------------------------------------------

    @property
    def order(self) -> ScanOrder | None:
        """What the scan that runs, or ran last, was asked for; None before the first."""
        return self._runs.order

    def start(self, order: ScanOrder) -> None:
        """Runs a scan, or goes on with one whose file is there; it is opened unless another one is looked at."""
        if self.state.running is not None and self.state.running.active:
            self.problem.emit(Problem(f"A scan into {Path(self.state.running.path).name} runs; cancel it, or wait for its end."))
            return
        self._runs.start(order)

    def pause(self) -> None:
        """Stops the scan behind the pictures in work."""
        self._runs.pause()

    def go_on(self) -> None:
        """Lets a paused scan go on, or starts a cancelled or failed one again where it stopped."""
        self._runs.go_on()

    def cancel(self) -> None:
        """Ends the scan; what is in its file stays, and `go_on` goes on with it."""
        if self.state.running is not None and self.state.running.active:
            self._runs.stopping()
            self.withdraw("scan")

    def forget_run(self) -> None:
        """Says nothing more of a scan that has ended."""
        self._runs.forget()

    def _note_run(self, running: Running | None) -> None:
        before = self.state.running
        self.update(running=running)
        if running is None:
            return
        begins = running.total and not (before is not None and before.total)
        if begins and not self.state.path:
            self.open(running.path)
        elif self.state.path != running.path:
            return
        elif not running.active:
            self._refresh_soon.stop()
            self._refresh()
        elif (before is None or running.done != before.done) and not self._refresh_soon.isActive():
            self._refresh_soon.start()

    # -- questions --------------------------------------------------------------------------------------------------

    def ask(self, lane: str, request: Callable[[Token], object]) -> None:
        """Puts a question about a scan; `answered` or `unanswered` follows.

        Args:
            lane: a name of the lane tables in `engine.scan_requests`.
            request: called with the job's token, on that table's worker.
        """
        if not self._ended:
            self._bridge(lane).request(lane, request)

    def withdraw(self, lane: str) -> None:
        """Stops what was asked on a lane."""
        if _QUEUE[lane] in self._bridges:
            self._bridges[_QUEUE[lane]].cancel(lane)

    def shutdown(self) -> None:
        """Ends the workers, in the middle of whatever they do; before the document's."""
        self._ended = True
        self._refresh_soon.stop()
        for bridge in reversed(self._bridges.values()):
            bridge.shutdown()

    def _bridge(self, lane: str) -> Bridge:
        place = _QUEUE[lane]
        if place not in self._bridges:
            bridge = self._bridges[place] = Bridge(_QUEUES[place], self)
            bridge.finished.connect(self._deliver)
            bridge.failed.connect(self._deliver_failure)
            bridge.cancelled.connect(self._deliver_failure)
            bridge.progress.connect(self._deliver_progress)
        return self._bridges[place]

    def _deliver(self, lane: str, value: Any) -> None:
        answers: dict[str, Callable[[Any], None]] = {
            "about": self._opened,
            "keys": self._found,
            "page": self.rows.read,
            "scan": self._runs.ended,
        }
        answers[lane](value) if lane in answers else self.answered.emit(lane, value)

    def _deliver_failure(self, lane: str, failure: Failure | None = None) -> None:
        if lane == "scan":
            self._runs.stopped(failure)
        elif lane not in ("about", "keys", "page"):
            self.unanswered.emit(lane, failure)
        else:
            if lane == "page":
                self.rows.read(None)
            if failure is not None:
                self.update(problem=failure.title)
                self.problem.emit(Problem(failure.title, failure.details))

    def _deliver_progress(self, lane: str, stage: str, fraction: float) -> None:
        if lane == "scan":
            self._runs.progressed(stage)
        else:
            self.asked_progress.emit(lane, stage, fraction)

    def _opened(self, about: ScanAbout) -> None:
        if about.path != self.state.path:
            return
        before = self.state.about
        if before is None:
            self.update(about=about, other=1 if len(about.detectors) > 1 else None)
        elif before.done != about.done:
            self.update(about=about, revision=self.state.revision + 1)
        else:
            return
        self._ask_keys()

    def _found(self, found: FoundKeys) -> None:
        state, asked = self.state, found.request
        if (asked.path, asked.filter, asked.column, asked.descending) != (
            state.path,
            state.filter,
            state.column,
            state.descending,
        ):
            return
        current = None if state.current is None or state.current >= len(self.rows) else self.rows.key(state.current)
        self.rows.show(found)
        self.update(total=len(self.rows), current=None if current is None else self.rows.place(current))
