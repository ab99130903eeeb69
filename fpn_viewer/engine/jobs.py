"""One worker thread and its mailbox: the only place where models and the device are used.

A job is a request on a lane. On a latest-only lane a new request overtakes the older ones, so a slider that is dragged
asks many times and pays for little more than its last position; on the other lanes every request is served, in order.
One thread, because a model, the hooks on it and the device are one mutable thing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from fpn_viewer.engine.failures import describe, details, release_frames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.engine.failures import Describe

WORKER_NAME = "fpn-viewer-engine"


class Cancelled(BaseException):
    """Raised by `Token.check`; a fresh one, without traceback, is the outcome of a cancelled job.

    Not an `Exception`, so that an `except Exception` in a foreign detector cannot swallow it.
    """


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: What is being done, in words for the user.
        fraction: Part of the whole job that is done, 0 to 1.
    """

    stage: str
    fraction: float


class Token:
    """What a request holds of its job: asked whether to stop, told how far it is. Safe from any thread."""

    __slots__ = ("_cancelled", "_on_pause", "_on_report", "_progress")

    def __init__(self, on_report: Callable[[Progress], None] | None = None, on_pause: Callable[[], None] | None = None) -> None:
        """Make the token of a job that may run.

        Args:
            on_report: Called with each report, on the reporting thread.
            on_pause: Called at each pause, on the pausing thread.
        """
        self._cancelled = False
        self._on_pause = on_pause
        self._progress: Progress | None = None
        self._on_report = on_report

    @property
    def cancelled(self) -> bool:
        """Whether the job should stop."""
        return self._cancelled

    @property
    def progress(self) -> Progress | None:
        """The newest report, None before the first."""
        return self._progress

    def cancel(self) -> None:
        """Ask the job to stop at its next check."""
        self._cancelled = True

    def check(self) -> None:
        """Do nothing, or end the job; cheap enough for every layer of a model.

        Raises:
            Cancelled: The job should stop.
        """
        if self._cancelled:
            raise Cancelled

    def pause(self) -> None:
        """Let more urgent jobs go first; for a long request, at a point where nothing it shares is half changed.

        Raises:
            Cancelled: The job should stop.
        """
        self.check()
        if self._on_pause is not None:
            self._on_pause()
            self.check()

    def report(self, stage: str, fraction: float) -> None:
        """Note how far the job is; a cancelled job has nothing to report any more."""
        if self._cancelled:
            return
        self._progress = Progress(stage, fraction)
        if self._on_report is not None:
            self._on_report(self._progress)


Request: TypeAlias = Callable[[Token], object]


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the lane table; the order of the table is the order of service.

    Attributes:
        name: What `JobQueue.submit` calls it.
        latest_only: Whether a new job overtakes the lane's older ones; otherwise all are served, in order.
    """

    name: str
    latest_only: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A submitted request; ids increase in the order of submission."""

    id: int
    lane: str
    request: Request
    token: Token


@dataclass(frozen=True, slots=True)
class Success:
    """What a request returned."""

    value: object


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request raised, as text only: a kept exception would keep the tensors of its frames.

    Attributes:
        title: One sentence for the user.
        details: The lines that the error brings along, and the traceback.
        kind: "user" (something the user can mend), "memory" or "internal" (a fault of the program).
    """

    title: str
    details: str
    kind: str


Outcome: TypeAlias = Success | Failure | Cancelled


class JobQueue:
    """A worker thread that serves the newest request of each lane, the most urgent lane first.

    The thread starts with the first job and is not a daemon, since a daemon killed inside torch may crash the exit:
    whoever makes a queue closes it.
    """

    def __init__(
        self,
        on_done: Callable[[Job, Outcome], None],
        lanes: Iterable[Lane],
        *,
        on_progress: Callable[[str, int, Progress], None] | None = None,
        describe: Describe = describe,
    ) -> None:
        """Make an idle queue.

        Args:
            on_done: Called on the worker with every job that was not overtaken. It must not raise or close the queue.
            lanes: The lane table, most urgent first.
            on_progress: Called on the reporting thread with lane, job id and report.
            describe: Puts what a request raised into title and kind of its `Failure`.
        """
        self._on_done = on_done
        self._on_progress = on_progress
        self._describe = describe
        self._lanes = {lane.name: lane for lane in lanes}
        self._waiting: dict[str, deque[Job]] = {name: deque() for name in self._lanes}
        self._newest: dict[str, int] = {}
        # the job that runs, behind the ones that paused for it
        self._active: list[Job] = []
        self._closed = False
        self._ids = count(1)
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=WORKER_NAME, daemon=False)

    def submit(self, lane: str, request: Request) -> Job:
        """Ask for a value; on a latest-only lane this overtakes what was asked before.

        Args:
            lane: A name of the lane table.
            request: Called with the job's token, on the worker.

        Returns:
            The new job.

        Raises:
            KeyError: There is no such lane.
            RuntimeError: The queue is closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the job queue is closed")
            latest_only = self._lanes[lane].latest_only
            job = self._new_job(lane, request)
            if latest_only:
                self._overtake(job)
            self._waiting[lane].append(job)
            if self._thread.ident is None:
                self._thread.start()
            self._changed.notify_all()
        return job

    def cancel(self, lane: str) -> None:
        """Cancel the running and the waiting jobs of a lane; each is delivered as `Cancelled`.

        Raises:
            KeyError: There is no such lane.
        """
        with self._changed:
            self._cancel(lane)

    def idle(self) -> bool:
        """Whether nothing runs or waits, and all outcomes are delivered."""
        with self._changed:
            return self._is_idle()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait until `idle`; not from the worker.

        Args:
            timeout: Seconds, None for as long as it takes.

        Returns:
            Whether the queue is idle.
        """
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Cancel everything and end the worker; may be called again, but not from the worker.

        What is cancelled here is not delivered, and once the worker has ended nothing is.

        Args:
            timeout: Seconds to wait for a request between two checks, None for as long as it takes.

        Returns:
            Whether the worker has ended.
        """
        self._shut()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _new_job(self, lane: str, request: Request) -> Job:
        number = next(self._ids)
        report = None if self._on_progress is None else partial(self._on_progress, lane, number)
        return Job(number, lane, request, Token(report, partial(self._let_pass, lane)))

    def _overtake(self, job: Job) -> None:
        self._newest[job.lane] = job.id
        self._cancel(job.lane)
        self._waiting[job.lane].clear()

    def _cancel(self, lane: str) -> None:
        for job in (*self._waiting[lane], *self._active):
            if job.lane == lane:
                job.token.cancel()

    def _is_idle(self) -> bool:
        return not self._active and not any(self._waiting.values())

    def _shut(self) -> None:
        with self._changed:
            self._closed = True
            for lane, jobs in self._waiting.items():
                self._cancel(lane)
                jobs.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while self._serve_next():
                pass
        finally:
            # Should on_done raise, this thread ends; later submissions must then fail instead of waiting for ever.
            self._shut()

    def _serve_next(self) -> bool:
        """Serve one job; False when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._waiting.values()))
        return self._serve(self._take(tuple(self._lanes)))

    def _let_pass(self, lane: str) -> None:
        """Serve what waits on more urgent lanes, in the middle of a job that paused."""
        names = tuple(self._lanes)
        while self._serve(self._take(names[: names.index(lane)])):
            pass

    def _take(self, lanes: Iterable[str]) -> Job | None:
        with self._changed:
            first = next((self._waiting[name] for name in lanes if self._waiting[name]), None)
            if first is None or self._closed:
                return None
            self._active.append(first.popleft())
            return self._active[-1]

    def _serve(self, job: Job | None) -> bool:
        """Serve a taken job; False without one. Job and outcome die with this call: an idle worker keeps no trace alive."""
        if job is None:
            return False
        try:
            outcome = self._verdict(job, self._attempt(job))
            if outcome is not None:
                self._on_done(job, outcome)
        finally:
            with self._changed:
                self._active.remove(job)
                self._changed.notify_all()
        return True

    def _attempt(self, job: Job) -> Outcome:
        try:
            job.token.check()
            return Success(job.request(job.token))
        except Cancelled as stop:
            release_frames(stop)
            return Cancelled()
        # Everything, even SystemExit: a foreign detector that exits must not silently end the worker.
        except BaseException as error:
            text = details(error)
            # Cleared before describing, so that emptying the device's cache finds the tensors of the frames released.
            release_frames(error)
            title, kind = self._describe(error)
            return Failure(title, text, kind)

    def _verdict(self, job: Job, outcome: Outcome) -> Outcome | None:
        """What to deliver of a job that ended: None when it was overtaken or the queue closed."""
        with self._changed:
            if self._closed or job.id < self._newest.get(job.lane, 0):
                return None
            return Cancelled() if job.token.cancelled else outcome
