"""A scan: every object of many pictures followed through one to four detectors, into one SQLite file.

Several pictures are followed at once, each by one thread with one of torch's own: that keeps all cores busy without their waiting
for each other, and what is found does not depend on how many there are. More threads read ahead; the caller's alone writes.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.engine.jobs import Cancelled
from fpn_viewer.engine.scan.examine import examine, read_picture
from fpn_viewer.engine.scan.memory import kept_memory
from fpn_viewer.engine.scan.plan import prepare
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.store import ScanError, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.engine.scan.examine import Lent, Read
    from fpn_viewer.engine.scan.plan import Work
    from fpn_viewer.engine.scan.values import PictureRow

#: pictures that are read ahead, and threads that read them
AHEAD, READERS = 4, 2
#: pictures from which the rate is taken
RECENT = 50
#: pictures at once at most, by kind of device: each takes memory for a whole forward
AT_ONCE = {"cpu": 8, "cuda": 2}
RUNNERS = ("local", "ray")


@dataclass(frozen=True)
class Pace:
    """How far a scan is.

    Attributes:
        done: pictures in the file.
        total: pictures in all.
        rate: pictures a second, of the last ones, pauses left out; 0 before the first.
        picture: the one that was finished last; "" before the first.
        problem: a sentence about it, "" when nothing went wrong.
    """

    done: int
    total: int
    rate: float
    picture: str = ""
    problem: str = ""

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None before the first picture."""
        return (self.total - self.done) / self.rate if self.rate else None


class Count:
    """Counts pictures while they are finished, tells of it, and lets a person pause in between."""

    def __init__(self, done: int, pictures: Sequence[str], told: Callable[[Pace], None] | None, watcher: Watcher | None) -> None:
        """Tells at once how many are left."""
        self._done, self._pictures, self._told, self._watcher = done, pictures, told, watcher
        self._moments = deque([perf_counter()], RECENT + 1)
        if told is not None:
            told(Pace(done, len(pictures), 0.0))

    def __call__(self, row: PictureRow) -> None:
        """One more is in the file."""
        self._done += 1
        self._moments.append(perf_counter())
        if self._told is not None:
            rate = (len(self._moments) - 1) / max(self._moments[-1] - self._moments[0], 1e-9)
            self._told(Pace(self._done, len(self._pictures), rate, self._pictures[row.number], problem_of(row)))

    def pause(self) -> None:
        """Waits while the watcher does, which says nothing about how fast pictures are; may raise to stop."""
        if self._watcher is None:
            return
        start = perf_counter()
        self._watcher.pause()
        waited = perf_counter() - start
        self._moments = deque((moment + waited for moment in self._moments), RECENT + 1)


def scan(
    detectors: Any,
    images: Any,
    annotations: Any = None,
    out: str | Path = "scan.sqlite",
    *,
    resume: bool = True,
    iou: float = 0.5,
    classes: Mapping[str, str | None] | None = None,
    recursive: bool = False,
    device: str = "auto",
    runner: str = "local",
    at_once: int | None = None,
    watcher: Watcher | None = None,
    told: Callable[[Pace], None] | None = None,
) -> Scan:
    """Follows every object of many pictures through detectors, and writes what happened into one file.

    A picture that cannot be read, or that a detector cannot run, costs its own rows. Killed at any moment, it loses the pictures in
    work; called again it goes on and ends with the same content, but for the table of times. Numbers are those of runs with one
    thread of torch's (`torch.set_num_threads(1)`), however many cores there are.

    Args:
        detectors: one to four: `Detector`s, or anything that `open_detector` takes.
        images: a folder, a picture, or a list of both.
        annotations: a file or folder, or opened `Annotations`; without them detections and sizes are written only.
        out: the SQLite file.
        resume: whether a file that is there already is gone on with.
        iou: overlap from which a detection matches an object.
        classes: the detector's class name for class names of the annotations that differ; None leaves one out. A class that is
            not named here is matched by its own name; `Scan.unmatched` says for which there was no match.
        recursive: whether folders inside folders are searched for pictures.
        device: for detectors that are opened here.
        runner: "local", or "ray" for all processors and graphics cards of a Ray cluster.
        at_once: pictures that are followed at the same time, each by one thread; when None one for each core, but no more than 8
            (2 on a graphics card).
        watcher: may stop between two layers (asked from several threads), and pauses between two pictures; what is in the file
            stays.
        told: called before the first and after each picture, in the caller's thread.

    Returns:
        The results.

    Raises:
        ScanError: the file cannot be used, is written to by another scan, or was made of something else.
        UserError: a detector, the pictures or the annotations cannot be opened.
    """
    if runner not in RUNNERS:
        raise ScanError(f"There is no runner {runner!r}; choose one of: {', '.join(RUNNERS)}.")
    work = prepare(
        detectors,
        images,
        annotations,
        iou=iou,
        classes=classes,
        recursive=recursive,
        device=device,
        watcher=watcher,
    )
    with closing(Store(Path(out), work.plan, resume=resume)) as store:
        pictures, done = work.plan.pictures, store.done()
        left = [number for number in range(len(pictures)) if number not in done]
        count = Count(len(done), pictures, told, watcher)
        if runner == "ray" and left:
            from fpn_viewer.engine.scan.ray_runner import run_on_ray

            run_on_ray(work, left, store, count)
        else:
            _run_here(work, left, store, watcher, count, at_once)
    return Scan(Path(out))


def problem_of(row: PictureRow) -> str:
    """The first sentence about what went wrong with a picture; "" when nothing did."""
    return next(filter(None, (row.problem, *(one.problem for one in row.runs))), "")


def _run_here(work: Work, left: Sequence[int], store: Store, watcher: Watcher | None, count: Count, at_once: int | None) -> None:
    """Examines pictures in this process, and writes them in order."""
    lanes = _lanes(work, min(at_once or _most(work), len(left)) or 1)
    # a single lane may hold the very detectors that others use in the pause
    ahead = len(lanes) + 1 if len(lanes) > 1 else 1

    def settle(most: int) -> None:
        while len(waiting) > most:
            row = waiting.popleft().result()
            store.write(row)
            count(row)
            count.pause()

    waiting: deque[Future[PictureRow]] = deque()
    reading = closing(_read_ahead(left, work.plan.pictures))
    with kept_memory(), _crew(work, lanes, watcher) as follow, reading as reads:
        for read in reads:
            waiting.append(follow(read))
            settle(ahead - 1)
        settle(0)


def _most(work: Work) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, *(AT_ONCE.get(detector.device.type, 1) for detector, _ in work.detectors))


def _lanes(work: Work, wanted: int) -> list[Lent]:
    """Detectors for each thread; the weights are shared. One lane with the detectors themselves where they cannot be copied."""
    try:
        return [tuple((detector.twin(), labels) for detector, labels in work.detectors) for _ in range(wanted)]
    except DetectorError:
        return [work.detectors]


class _Halt:
    """Stops a forward between two layers when the scan ends early or another watcher says so.

    It reports no layers: how far a scan is, is counted in pictures.
    """

    def __init__(self, watcher: Watcher | None) -> None:
        self.on, self._watcher = False, watcher

    def check(self) -> None:
        """Raises to stop."""
        if self.on:
            raise Cancelled
        if self._watcher is not None:
            self._watcher.check()

    def report(self, stage: str, fraction: float) -> None:
        """Tells nobody."""

    def pause(self) -> None:
        """Goes on: the thread that writes pauses."""


@contextmanager
def _crew(work: Work, lanes: Sequence[Lent], watcher: Watcher | None) -> Iterator[Callable[[Read], Future[PictureRow]]]:
    """Threads that follow pictures, each with a lane of its own."""
    import torch

    free, halt, threads = list(lanes), _Halt(watcher), torch.get_num_threads()

    def follow(read: Read) -> PictureRow:
        # as many lanes as threads: one is always free
        lane = free.pop()
        try:
            return examine(read, work.annotations, lane, work.plan.iou, halt)
        finally:
            free.append(lane)

    with ThreadPoolExecutor(len(lanes), "fpn-viewer-scan", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield lambda read: pool.submit(follow, read)
        finally:
            halt.on = True
            pool.shutdown(wait=True, cancel_futures=True)
            # some of torch's libraries know one number for all threads
            torch.set_num_threads(threads)


def _read_ahead(numbers: Iterable[int], pictures: Sequence[str]) -> Generator[Read, None, None]:
    """Pictures in order, some of them read before they are wanted."""
    with ThreadPoolExecutor(READERS, "fpn-viewer-reading") as pool:
        waiting: deque[Future[Read]] = deque()
        left = iter(numbers)
        try:
            waiting.extend(pool.submit(read_picture, number, pictures[number]) for number in islice(left, AHEAD))
            while waiting:
                read = waiting.popleft().result()
                waiting.extend(pool.submit(read_picture, number, pictures[number]) for number in islice(left, 1))
                yield read
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
