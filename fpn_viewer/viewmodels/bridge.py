"""The one way between the GUI thread and the worker.

All payloads are `Signal(object)`: a dict or list signal delivers converted copies, an int signal overflows at 2^31.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from fpn_viewer.engine.jobs import Cancelled, Failure, JobQueue, Success

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.jobs import Job, Lane, Outcome, Progress, Request

PROGRESS_INTERVAL_MS = 33

# Beside Python-heavy work on the worker the GUI was late by 244 ms (95th percentile) with the usual 5 ms, 36 with this.
SWITCH_INTERVAL_S = 0.0005


class Bridge(QObject):
    """Takes requests on the GUI thread and brings the answers back there, without those that were overtaken.

    Signals:
        finished(lane, value): A request returned.
        failed(lane, failure): A request raised; the payload is a `Failure`.
        cancelled(lane): A request was cancelled by `cancel`.
        progress(lane, stage, fraction): The newest report, at most 30 times a second.
        busy_changed(busy): Whether anything runs or waits.
    """

    finished = Signal(object, object)
    failed = Signal(object, object)
    cancelled = Signal(object)
    progress = Signal(object, object, object)
    busy_changed = Signal(object)

    _arrived = Signal(object, object)

    def __init__(self, lanes: Sequence[Lane], parent: QObject | None = None) -> None:
        """Make the bridge and its queue, and ask Python to switch threads more often until `shutdown`.

        Args:
            lanes: The lane table, most urgent first.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._latest_only = {lane.name: lane.latest_only for lane in lanes}
        self._open: dict[str, set[int]] = {lane.name: set() for lane in lanes}
        self._reported: deque[tuple[str, int, Progress]] = deque(maxlen=1)
        self._timer = QTimer(self)
        self._timer.setInterval(PROGRESS_INTERVAL_MS)
        self._timer.timeout.connect(self._show_progress)
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._queue = JobQueue(self._send, lanes, on_progress=self._note_progress)
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL_S)

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return any(self._open.values())

    def request(self, lane: str, request: Request) -> int:
        """Ask the worker for a value; on a latest-only lane this overtakes what was asked before.

        Args:
            lane: A name of the lane table.
            request: Called with the job's token, on the worker.

        Returns:
            The job's id; ids increase.

        Raises:
            KeyError: There is no such lane.
            RuntimeError: The bridge is shut down.
        """
        job = self._queue.submit(lane, request)
        if self._latest_only[lane]:
            self._open[lane].clear()
        self._open[lane].add(job.id)
        self._update_busy()
        return job.id

    def cancel(self, lane: str) -> None:
        """Cancel a lane's jobs; `cancelled` follows for each.

        Raises:
            KeyError: There is no such lane.
        """
        self._queue.cancel(lane)

    def shutdown(self, timeout: float | None = None) -> bool:
        """Cancel everything and end the worker; may be called again. Nothing but `busy_changed` is emitted afterwards.

        Args:
            timeout: Seconds to wait for a request between two checks, None for as long as it takes.

        Returns:
            Whether the worker has ended.
        """
        ended = self._queue.close(timeout)
        for jobs in self._open.values():
            jobs.clear()
        self._update_busy()
        sys.setswitchinterval(self._switch_interval)
        return ended

    def _send(self, job: Job, outcome: Outcome) -> None:
        """Hand an outcome over to the GUI thread; runs on the worker."""
        self._arrived.emit(job, outcome)

    def _note_progress(self, lane: str, job_id: int, progress: Progress) -> None:
        """Keep the newest report for the timer; runs on the worker."""
        self._reported.append((lane, job_id, progress))

    @Slot(object, object)
    def _deliver(self, job: Job, outcome: Outcome) -> None:
        if job.id not in self._open[job.lane]:
            return
        self._open[job.lane].remove(job.id)
        match outcome:
            case Success(value):
                self.finished.emit(job.lane, value)
            case Failure():
                self.failed.emit(job.lane, outcome)
            case Cancelled():
                self.cancelled.emit(job.lane)
        # Last, so that a slot that asks for more at once does not make the busy mark blink.
        self._update_busy()

    @Slot()
    def _show_progress(self) -> None:
        while self._reported:
            lane, job_id, progress = self._reported.popleft()
            if job_id in self._open[lane]:
                self.progress.emit(lane, progress.stage, progress.fraction)

    def _update_busy(self) -> None:
        busy = self.busy
        if busy == self._timer.isActive():
            return
        (self._timer.start if busy else self._timer.stop)()
        self.busy_changed.emit(busy)
