"""What the tab "Scan" asks about a scan's file: frozen requests, called on the worker of a scan's numbers. No torch, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.engine.scan.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.scan.numbers.values import CocoMetrics, Flows, Funnel, RecallCurve, TideErrors
    from fpn_viewer.engine.scan.reading import Scan


def _opened(path: str, token: Token) -> Scan:
    from fpn_viewer.engine.scan.reading import Scan

    return Scan(Path(path), token.check)


@dataclass(frozen=True)
class _Patient:
    """A watcher of one detector's numbers, at whose checks quicker questions go first: those of a large scan take minutes.

    Attributes:
        token: of the job.
        place: of the detector among those that are asked about.
        of: how many these are.
    """

    token: Token
    place: int
    of: int

    def check(self) -> None:
        """Lets them go first, and ends the job where that was asked for."""
        self.token.pause()

    def report(self, stage: str, fraction: float) -> None:
        """Hands on how far it is with all of them."""
        self.token.report(stage, (self.place + fraction) / self.of)


@dataclass(frozen=True)
class AskFunnel:
    """Where the objects of one detector are lost.

    Attributes:
        path: the scan's file.
        chosen: which objects, and whose outcomes.
    """

    path: str
    chosen: Filter = field(default_factory=Filter)

    def __call__(self, token: Token) -> Funnel:
        """Counts.

        Raises:
            ScanError: the file is no scan.
        """
        from fpn_viewer.engine.scan.numbers.counts import funnel

        return funnel(_opened(self.path, token), self.chosen)


@dataclass(frozen=True)
class AskFlows:
    """What became of the same objects in two detectors.

    Attributes:
        path: the scan's file.
        a: the one, by its place in the scan.
        b: the other.
    """

    path: str
    a: int
    b: int

    def __call__(self, token: Token) -> Flows:
        """Counts.

        Raises:
            ScanError: the file is no scan.
        """
        from fpn_viewer.engine.scan.numbers.flow import flows

        return flows(_opened(self.path, token), self.a, self.b)


@dataclass(frozen=True)
class AskRecall:
    """Recall against size, for several detectors.

    Attributes:
        path: the scan's file.
        detectors: by their places in the scan.
        name: of the class that is meant; "" for all.
        ap: with AP50 too.
    """

    path: str
    detectors: tuple[int, ...]
    name: str = ""
    ap: bool = False

    def __call__(self, token: Token) -> tuple[RecallCurve, ...]:
        """A curve for each detector.

        Raises:
            ScanError: the file is no scan.
        """
        from fpn_viewer.engine.scan.numbers.recall import recall

        scan, classes = _opened(self.path, token), (self.name,) if self.name else ()
        return tuple(
            recall(scan, detector, chosen=Filter(detector=detector, classes=classes), ap=self.ap, watcher=watcher)
            for detector, watcher in _in_turn(token, self.detectors, "recall")
        )


@dataclass(frozen=True)
class AskCoco:
    """COCO's numbers of several detectors.

    Attributes:
        path: the scan's file.
        detectors: by their places in the scan.
    """

    path: str
    detectors: tuple[int, ...]

    def __call__(self, token: Token) -> tuple[CocoMetrics, ...]:
        """The numbers of each detector.

        Raises:
            ScanError: the file is no scan.
        """
        from fpn_viewer.engine.scan.numbers.coco import coco

        scan = _opened(self.path, token)
        return tuple(coco(scan, detector, watcher) for detector, watcher in _in_turn(token, self.detectors, "COCO metrics"))


@dataclass(frozen=True)
class AskTide:
    """TIDE's error types of several detectors.

    Attributes:
        path: the scan's file.
        detectors: by their places in the scan.
    """

    path: str
    detectors: tuple[int, ...]

    def __call__(self, token: Token) -> tuple[TideErrors, ...]:
        """The errors of each detector.

        Raises:
            ScanError: the file is no scan.
        """
        from fpn_viewer.engine.scan.numbers.tide import tide

        scan = _opened(self.path, token)
        return tuple(tide(scan, detector, watcher) for detector, watcher in _in_turn(token, self.detectors, "error types"))


def _in_turn(token: Token, detectors: tuple[int, ...], what: str) -> Iterator[tuple[int, _Patient]]:
    """The detectors with a watcher each, with progress before each."""
    for place, detector in enumerate(detectors):
        watcher = _Patient(token, place, len(detectors))
        watcher.check()
        watcher.report(what, 0.0)
        yield detector, watcher
