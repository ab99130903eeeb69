"""Running a scan beside a window: what is ordered, how it pauses, and detectors that are lent to it."""

from __future__ import annotations

import os
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.scan.run import Pace
    from fpn_viewer.engine.session import Session

#: s between two looks of a scan that pauses at whether it was cancelled
_PATIENCE = 0.1
#: what a sentence for the command line says that a window has no use for
_OPTIONS = re.compile(r" with --(out|resume)\b")


@dataclass(frozen=True)
class DetectorOrder:
    """One detector of a scan.

    Attributes:
        source: what `open_detector` takes; None for the detector that the window shows.
        options: what is said of it when it is opened.
    """

    source: object = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScanOrder:
    """A scan that is wanted.

    Attributes:
        pictures: files and folders.
        detectors: one to four.
        out: the SQLite file; one that is there is gone on with.
        annotations: file or folder of the objects; "" without any.
        iou: overlap from which a detection matches an object.
        classes: the detector's class name for class names of the annotations that differ; None leaves one out.
        recursive: whether folders inside folders are searched for pictures.
    """

    pictures: tuple[str, ...]
    detectors: tuple[DetectorOrder, ...]
    out: str
    annotations: str = ""
    iou: float = 0.5
    classes: Mapping[str, str | None] = field(default_factory=dict)
    recursive: bool = False


@dataclass(frozen=True)
class ScanEnded:
    """A scan went through all of its pictures.

    Attributes:
        path: its SQLite file.
    """

    path: str


class Gate:
    """Stops a scan between two pictures, and lets it go on. Safe from any thread."""

    def __init__(self) -> None:
        """Open."""
        self._open = threading.Event()
        self._open.set()

    def close(self) -> None:
        """The scan stops behind the pictures in work."""
        self._open.clear()

    def open(self) -> None:
        """It goes on."""
        self._open.set()

    def wait(self, token: Token) -> None:
        """Waits until the gate is open; more urgent jobs of the queue go first meanwhile.

        Raises:
            Cancelled: the token says so.
        """
        token.pause()
        while not self._open.wait(_PATIENCE):
            token.pause()


class _Watcher:
    """The watcher of a scan: a token that also waits at a gate."""

    def __init__(self, token: Token, gate: Gate) -> None:
        self.check, self.report = token.check, token.report
        self._token, self._gate = token, gate

    def pause(self) -> None:
        self._gate.wait(self._token)


@dataclass(frozen=True)
class LendTwin:
    """Asks the worker for its detector once more, to be run elsewhere at the same time.

    Attributes:
        session: the worker's memory.
    """

    session: Session = field(repr=False)

    def __call__(self, token: Token) -> Detector:
        """The same weights in another module.

        Raises:
            DetectorError: something in its module cannot be copied.
            UserError: no detector is open.
        """
        token.check()
        return self.session.ready().twin()


@dataclass(frozen=True)
class Identify:
    """Asks the worker which detector its own is, in the words of a scan.

    Attributes:
        session: the worker's memory.
        number: of the question, handed on.
    """

    session: Session = field(repr=False)
    number: int = 0

    def __call__(self, token: Token) -> Identity:
        """What it is.

        Raises:
            UserError: no detector is open.
        """
        from fpn_viewer.engine.scan.fingerprints import of_detector

        token.check()
        return Identity(self.number, of_detector(self.session.ready()))


@dataclass(frozen=True)
class Identity:
    """Which detector is open.

    Attributes:
        number: as asked.
        fingerprint: of its weights, settings and precision; see `fingerprints.of_detector`.
    """

    number: int
    fingerprint: str


@dataclass(frozen=True)
class RunScan:
    """Runs a scan to its end.

    Attributes:
        order: what is wanted.
        lent: takes the place of detectors without a source; None when there is none.
        gate: pauses it.
        told: called with how far it is, on the scan's thread.
    """

    order: ScanOrder
    lent: Detector | None = field(repr=False)
    gate: Gate = field(repr=False)
    told: Callable[[Pace], None] = field(repr=False)

    def __call__(self, token: Token) -> ScanEnded:
        """Where its results are.

        Raises:
            Cancelled: the token says so; what is in the file stays.
            UserError: detectors, pictures, annotations or the file cannot be used.
        """
        token.report("loading torch", 0.0)
        from fpn_viewer.core.torch_check import import_torch

        import_torch()
        from fpn_viewer.engine.scan.run import scan

        order, watcher = self.order, _Watcher(token, self.gate)
        detectors = [self._opened(one, token) for one in order.detectors]
        token.report("reading annotations", 0.0)
        with _without_options():
            scan(
                detectors,
                list(order.pictures),
                order.annotations,
                Path(order.out),
                iou=order.iou,
                classes=dict(order.classes),
                recursive=order.recursive,
                at_once=_spared(),
                watcher=watcher,
                told=self.told,
            )
        return ScanEnded(order.out)

    def _opened(self, wanted: DetectorOrder, token: Token) -> Detector:
        from fpn_viewer.core.detectors.detector import open_detector

        token.check()
        if wanted.source is None and self.lent is not None:
            return self.lent
        token.report(f"opening {wanted.source}", 0.0)
        return open_detector(wanted.source, **wanted.options)


@contextmanager
def _without_options() -> Iterator[None]:
    """Takes the command line's options out of what a scan says is wrong with its file.

    Raises:
        ScanError: in its place.
    """
    from fpn_viewer.engine.scan.store import ScanError

    try:
        yield
    except ScanError as error:
        raise ScanError(_OPTIONS.sub("", str(error))) from error


def _spared() -> int:
    """Pictures at once: one core is left to the window, where there are several."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)
