"""The worker: driven with gates, never with sleeps."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import weakref
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.failures import describe
from fpn_viewer.engine.jobs import (
    WORKER_NAME,
    Cancelled,
    Failure,
    JobQueue,
    Lane,
    Progress,
    Success,
    Token,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpn_viewer.engine.jobs import (
        Job,
        Outcome,
    )

LANES = (Lane("detector"), Lane("trace"), Lane("render"), Lane("thumbnails", latest_only=False))
SECONDS = 5.0


class Gate:
    """A request that says when it has begun and goes on when opened."""

    def __init__(self, value: object = None) -> None:
        self.value = value
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.left_normally = False

    def __call__(self, token: Token) -> object:
        self.entered.set()
        assert self.opened.wait(SECONDS)
        token.check()
        self.left_normally = True
        return self.value

    def wait_entered(self) -> None:
        assert self.entered.wait(SECONDS)


class Desk:
    """A queue and what came out of it."""

    def __init__(self, **options: object) -> None:
        self.delivered: list[tuple[Job, Outcome]] = []
        self.threads: set[str] = set()
        self.queue = JobQueue(self._note, LANES, **options)  # type: ignore[arg-type]

    def _note(self, job: Job, outcome: Outcome) -> None:
        self.threads.add(threading.current_thread().name)
        self.delivered.append((job, outcome))

    def hold(self, lane: str) -> Gate:
        """Occupy the worker."""
        gate = Gate("held")
        self.queue.submit(lane, gate)
        gate.wait_entered()
        return gate

    def outcomes(self) -> list[Outcome]:
        """Everything delivered once the queue is idle."""
        assert self.queue.wait_idle(SECONDS)
        return [outcome for _, outcome in self.delivered]

    def values(self) -> list[object]:
        """What the successful jobs returned."""
        return [outcome.value for outcome in self.outcomes() if isinstance(outcome, Success)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    assert desk.queue.close(SECONDS)
    assert WORKER_NAME not in {thread.name for thread in threading.enumerate()}


def give(value: object) -> Callable[[Token], object]:
    return lambda _token: value


def fail(error: BaseException) -> Callable[[Token], object]:
    def request(_token: Token) -> object:
        raise error

    return request


def failure(desk: Desk, request: Callable[[Token], object]) -> Failure:
    desk.queue.submit("trace", request)
    (outcome,) = desk.outcomes()
    assert isinstance(outcome, Failure)
    return outcome


# ---- serving


def test_a_value_comes_back_with_its_job_on_the_worker(desk: Desk) -> None:
    job = desk.queue.submit("trace", give(42))
    assert desk.outcomes() == [Success(42)]
    assert desk.delivered[0][0] is job
    assert desk.threads == {WORKER_NAME}


def test_ids_increase(desk: Desk) -> None:
    ids = [desk.queue.submit(lane.name, give(None)).id for lane in LANES * 3]
    assert ids == sorted(set(ids))


def test_urgent_lanes_are_served_first(desk: Desk) -> None:
    gate = desk.hold("render")
    for lane in ("thumbnails", "render", "trace", "detector"):
        desk.queue.submit(lane, give(lane))
    gate.opened.set()
    assert desk.values() == ["detector", "trace", "render", "thumbnails"]


def test_a_job_on_another_lane_does_not_cancel_the_running_one(desk: Desk) -> None:
    gate = desk.hold("thumbnails")
    desk.queue.submit("detector", give("urgent"))
    gate.opened.set()
    assert desk.values() == ["held", "urgent"]


def test_unknown_lanes_are_refused_and_leave_the_queue_usable(desk: Desk) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        desk.queue.submit("nowhere", give(1))
    with pytest.raises(KeyError, match="nowhere"):
        desk.queue.cancel("nowhere")
    desk.queue.submit("trace", give(2))
    assert desk.values() == [2]


def test_idle_only_when_everything_is_delivered(desk: Desk) -> None:
    assert desk.queue.idle()
    gate = desk.hold("trace")
    assert not desk.queue.idle()
    assert not desk.queue.wait_idle(0)
    gate.opened.set()
    assert desk.queue.wait_idle(SECONDS)
    assert desk.queue.idle()
    assert len(desk.delivered) == 1


# ---- latest wins


def test_the_newest_waiting_job_replaces_the_older_ones(desk: Desk) -> None:
    gate = desk.hold("detector")
    for value in range(20):
        desk.queue.submit("trace", give(value))
    gate.opened.set()
    assert desk.values() == ["held", 19]


def test_a_replaced_request_is_let_go_at_once(desk: Desk) -> None:
    gate, replaced = desk.hold("detector"), Gate()
    weak = weakref.ref(replaced)
    desk.queue.submit("trace", replaced)
    del replaced
    desk.queue.submit("trace", give("new"))
    assert weak() is None
    gate.opened.set()


def test_a_new_job_cancels_the_running_one_of_its_lane_which_is_not_delivered(desk: Desk) -> None:
    gate = desk.hold("trace")
    desk.queue.submit("trace", give("new"))
    gate.opened.set()
    assert desk.outcomes() == [Success("new")]
    assert not gate.left_normally


def test_an_overtaken_job_that_never_checks_is_not_delivered_either(desk: Desk) -> None:
    entered, opened = threading.Event(), threading.Event()

    def stubborn(_token: Token) -> object:
        entered.set()
        return opened.wait(SECONDS)

    desk.queue.submit("trace", stubborn)
    assert entered.wait(SECONDS)
    desk.queue.submit("trace", give("new"))
    opened.set()
    assert desk.outcomes() == [Success("new")]


def test_a_lane_that_keeps_all_serves_all_in_order(desk: Desk) -> None:
    gate = desk.hold("thumbnails")
    for value in range(20):
        desk.queue.submit("thumbnails", give(value))
    gate.opened.set()
    assert desk.values() == ["held", *range(20)]


# ---- cancelling


def test_cancelling_ends_the_running_job_at_its_next_check_and_says_so(desk: Desk) -> None:
    gate = desk.hold("trace")
    desk.queue.cancel("trace")
    gate.opened.set()
    (outcome,) = desk.outcomes()
    assert isinstance(outcome, Cancelled)
    assert outcome.__traceback__ is None
    assert not gate.left_normally


def test_cancelled_waiting_jobs_are_reported_and_never_run(desk: Desk) -> None:
    gate, waiting = desk.hold("detector"), [Gate(), Gate(), Gate()]
    for request in waiting:
        desk.queue.submit("thumbnails", request)
    desk.queue.cancel("thumbnails")
    gate.opened.set()
    assert [type(outcome) for outcome in desk.outcomes()] == [Success, Cancelled, Cancelled, Cancelled]
    assert not any(request.entered.is_set() for request in waiting)


@pytest.mark.parametrize("after", [give("late"), fail(ValueError("wrapped"))], ids=["returns", "raises"])
def test_a_cancelled_job_is_cancelled_whatever_it_does_afterwards(desk: Desk, after: Callable[[Token], object]) -> None:
    def request(token: Token) -> object:
        desk.queue.cancel("trace")
        return after(token)

    desk.queue.submit("trace", request)
    (outcome,) = desk.outcomes()
    assert isinstance(outcome, Cancelled)


def test_except_exception_in_foreign_code_does_not_swallow_the_cancel(desk: Desk) -> None:
    gate, went_on = Gate(), []

    def request(token: Token) -> None:
        try:
            gate(token)
        except Exception:
            went_on.append(True)

    desk.queue.submit("trace", request)
    gate.wait_entered()
    desk.queue.cancel("trace")
    gate.opened.set()
    desk.outcomes()
    assert went_on == []


def test_cancelling_an_empty_lane_does_nothing_to_the_next_job(desk: Desk) -> None:
    desk.queue.cancel("trace")
    desk.queue.submit("trace", give(1))
    assert desk.values() == [1]


# ---- progress


def test_a_token_keeps_the_newest_report_until_it_is_cancelled() -> None:
    token = Token()
    assert token.progress is None
    token.report("backbone", 0.2)
    token.report("neck", 0.6)
    token.cancel()
    token.report("heads", 0.9)
    assert token.progress == Progress("neck", 0.6)
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.check()


def test_reports_come_with_lane_and_id() -> None:
    reports: list[tuple[str, int, Progress]] = []
    desk = Desk(on_progress=lambda *report: reports.append(report))
    job = desk.queue.submit("trace", lambda token: token.report("neck", 0.5))
    desk.outcomes()
    assert desk.queue.close(SECONDS)
    assert reports == [("trace", job.id, Progress("neck", 0.5))]


# ---- failures


class OutOfMemoryError(RuntimeError):
    """Stands for torch's, which is recognised by its name."""


class BadStr(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class WrongFile(UserError):
    pass


@pytest.mark.parametrize(
    ("error", "kind", "title"),
    [
        (WrongFile("This is not a checkpoint."), "user", r"^This is not a checkpoint\.$"),
        (OutOfMemoryError("CUDA out of memory"), "memory", "graphics card"),
        (MemoryError(), "memory", "computer ran out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory", "computer ran out of memory"),
        (RuntimeError("shapes"), "internal", r"^Something went wrong inside the program: RuntimeError: shapes$"),
        (KeyError("P2"), "internal", r"KeyError: 'P2'$"),
        (AssertionError(), "internal", r"AssertionError$"),
        (BadStr(), "internal", r"BadStr: <exception str\(\) failed>$"),
        (SystemExit(3), "internal", r"SystemExit: 3$"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_exceptions_become_sentences(desk: Desk, error: BaseException, kind: str, title: str) -> None:
    outcome = failure(desk, fail(error))
    assert outcome.kind == kind
    assert re.search(title, outcome.title)
    assert "in request" in outcome.details
    assert type(error).__name__ in outcome.details


def test_the_worker_serves_on_after_a_failure(desk: Desk) -> None:
    failure(desk, fail(SystemExit()))
    desk.queue.submit("trace", give("next"))
    assert desk.values() == ["next"]


def test_the_sentences_can_be_replaced() -> None:
    desk = Desk(describe=lambda error: (f"Oh: {error}", "user"))
    outcome = failure(desk, fail(ValueError("dear")))
    assert desk.queue.close(SECONDS)
    assert (outcome.title, outcome.kind) == ("Oh: dear", "user")


def test_out_of_device_memory_empties_the_cache_of_a_loaded_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied = []
    cuda = SimpleNamespace(is_initialized=lambda: True, empty_cache=lambda: emptied.append(True))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    describe(OutOfMemoryError())
    assert emptied == [True]


class Big:
    """Stands for the tensors in a frame."""


def test_a_failure_keeps_nothing_of_its_frames_alive(desk: Desk) -> None:
    kept: list[BaseException] = []
    died = [threading.Event(), threading.Event()]

    def inner() -> None:
        big = Big()
        weakref.finalize(big, died[0].set)
        raise ValueError("inside")

    def request(_token: Token) -> None:
        big = Big()
        weakref.finalize(big, died[1].set)
        try:
            inner()
        except ValueError as error:
            outer = UserError("outside")
            # Someone holds on to both exceptions, as a logger or an interactive shell may.
            kept.extend((outer, error))
            raise outer from error

    failure(desk, request)
    assert kept
    assert all(event.wait(SECONDS) for event in died)


def test_a_cancelled_job_keeps_nothing_of_its_frames_alive(desk: Desk) -> None:
    kept: list[BaseException] = []
    died = threading.Event()

    def request(token: Token) -> None:
        big = Big()
        weakref.finalize(big, died.set)
        try:
            desk.queue.cancel("trace")
            token.check()
        except Cancelled as stop:
            kept.append(stop)
            raise

    desk.queue.submit("trace", request)
    desk.outcomes()
    assert kept
    assert died.wait(SECONDS)


def test_exceptions_that_are_each_others_cause_do_not_hang_the_worker(desk: Desk) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert failure(desk, fail(first)).title.endswith("first")


def test_an_idle_worker_keeps_no_result_alive(desk: Desk) -> None:
    died = threading.Event()

    def request(_token: Token) -> Big:
        big = Big()
        weakref.finalize(big, died.set)
        return big

    desk.queue.submit("trace", request)
    desk.outcomes()
    desk.delivered.clear()
    assert died.wait(SECONDS)


# ---- the end


def test_closing_in_the_middle_of_work_ends_it_at_the_next_check(desk: Desk) -> None:
    gate, waiting = desk.hold("trace"), Gate()
    desk.queue.submit("render", waiting)
    assert not desk.queue.close(timeout=0)
    gate.opened.set()
    assert desk.queue.close(SECONDS)
    assert not gate.left_normally
    assert not waiting.entered.is_set()
    assert desk.delivered == []
    assert desk.queue.idle()


def test_closing_again_and_without_a_job_is_harmless() -> None:
    desk = Desk()
    assert WORKER_NAME not in {thread.name for thread in threading.enumerate()}
    assert desk.queue.close(SECONDS)
    assert desk.queue.close(SECONDS)


def test_submitting_after_close_raises(desk: Desk) -> None:
    desk.queue.submit("trace", give(1))
    desk.queue.close(SECONDS)
    with pytest.raises(RuntimeError, match="closed"):
        desk.queue.submit("trace", give(2))


def test_the_worker_is_no_daemon(desk: Desk) -> None:
    gate = desk.hold("trace")
    (worker,) = [thread for thread in threading.enumerate() if thread.name == WORKER_NAME]
    assert not worker.daemon
    gate.opened.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_raising_receiver_closes_the_queue_instead_of_leaving_it_dead() -> None:
    def receiver(_job: Job, _outcome: Outcome) -> None:
        raise ValueError("the window is gone")

    queue = JobQueue(receiver, LANES)
    gate = Gate()
    queue.submit("detector", gate)
    gate.wait_entered()
    queue.submit("trace", give(1))
    gate.opened.set()
    assert queue.wait_idle(SECONDS)
    assert queue.close(SECONDS)
    with pytest.raises(RuntimeError, match="closed"):
        queue.submit("trace", give(2))


def test_importing_jobs_loads_neither_torch_nor_qt() -> None:
    code = "import sys, fpn_viewer.engine.jobs; print(*{'torch', 'PySide6'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_a_job_that_pauses_lets_more_urgent_ones_go_first() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(token: Token) -> str:
        begun.set()
        assert go_on.wait(SECONDS)
        token.pause()
        order.append("slow")
        return "slow"

    with closing(JobQueue(lambda job, _: order.append(f"{job.lane} done"), LANES)) as queue:
        queue.submit("render", slow)
        assert begun.wait(SECONDS)
        queue.submit("thumbnails", lambda _: order.append("thumbnails"))
        queue.submit("trace", lambda _: order.append("trace"))
        go_on.set()
        assert queue.wait_idle(SECONDS)
    assert order == ["trace", "trace done", "slow", "render done", "thumbnails", "thumbnails done"]


def test_a_paused_job_can_be_overtaken_by_what_it_let_pass() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[tuple[str, type]] = []

    def slow(token: Token) -> None:
        begun.set()
        assert go_on.wait(SECONDS)
        token.pause()
        raise AssertionError("it was cancelled while it paused")

    with closing(JobQueue(lambda job, outcome: done.append((job.lane, type(outcome))), LANES)) as queue:
        queue.submit("render", slow)
        assert begun.wait(SECONDS)
        queue.submit("trace", lambda _: queue.cancel("render"))
        go_on.set()
        assert queue.wait_idle(SECONDS)
    assert done == [("trace", Success), ("render", Cancelled)]
