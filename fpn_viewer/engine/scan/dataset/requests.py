"""What the window asks about a data set: frozen requests, called on a worker with the job's token."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import QuestionError
from fpn_viewer.engine.scan.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.scan.dataset.values import Coverage, DataRemedies, Proposal
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.session import Session


@dataclass(frozen=True)
class AskCoverage:
    """How the anchors of a scan's detector fit its objects.

    Attributes:
        path: the scan's file.
        chosen: which objects, and the detector.
    """

    path: str
    chosen: Filter

    def __call__(self, token: Token) -> Coverage:
        """Measures.

        Raises:
            UserError: the file cannot be read, or the detector has no anchors to be matched by overlap.
        """
        from fpn_viewer.engine.scan.dataset.coverage import coverage_of_scan

        return coverage_of_scan(Scan(Path(self.path), token.check), self.chosen)


@dataclass(frozen=True)
class AskProposal:
    """Which anchors would fit better.

    Attributes:
        path: the scan's file.
        chosen: which objects, and the detector.
        sizes_per_level: as many as the detector has when None.
        ratios: as many as the detector has when None.
    """

    path: str
    chosen: Filter
    sizes_per_level: int | None = None
    ratios: int | None = None

    def __call__(self, token: Token) -> Proposal:
        """Looks for them.

        Raises:
            UserError: as of `AskCoverage`.
        """
        from fpn_viewer.engine.scan.dataset.coverage import spec_of
        from fpn_viewer.engine.scan.dataset.objects import from_scan
        from fpn_viewer.engine.scan.dataset.proposals import propose

        scan = Scan(Path(self.path), token.check)
        spec, objects = spec_of(scan, self.chosen.detector), from_scan(scan, self.chosen)
        return propose(spec, objects, sizes_per_level=self.sizes_per_level, ratios=self.ratios, watcher=token)


@dataclass(frozen=True)
class LendScanned:
    """Asks the window's worker for the detector that a scan was made with, to be run elsewhere at the same time.

    Attributes:
        session: the worker's memory.
        path: the scan's file.
        detector: its place in the scan.
    """

    session: Session = field(repr=False)
    path: str
    detector: int

    def __call__(self, token: Token) -> Detector | None:
        """The same weights in another module; None where none of the open ones is it.

        Raises:
            UserError: the file cannot be read, or something in its module cannot be copied.
        """
        from fpn_viewer.engine.scan.dataset.remedies import detector_of

        token.check()
        try:
            return detector_of(Scan(Path(self.path)), self.detector, self.session.opened).twin()
        except QuestionError:
            # it may still be found by its name, by whoever runs it
            return None


@dataclass(frozen=True)
class AskRemedies:
    """Which single change brings back how many of the misses that a filter leaves.

    Attributes:
        path: the scan's file.
        chosen: which objects, of which detector.
        kinds: what to try, of `values.KINDS`.
        pictures: of the sample, at most.
        lent: the detector; one that the scan names is opened when None.
        told: called after each picture with what is known so far, on the worker.
    """

    path: str
    chosen: Filter
    kinds: tuple[str, ...]
    pictures: int
    lent: Detector | None = field(repr=False, compare=False, default=None)
    told: Callable[[DataRemedies], None] | None = field(repr=False, compare=False, default=None)

    def __call__(self, token: Token) -> DataRemedies:
        """Tries.

        Raises:
            UserError: the detector is not at hand, or the filter leaves no lost object.
        """
        from fpn_viewer.core.torch_check import import_torch

        token.report("opening the detector", 0.0)
        import_torch()
        from fpn_viewer.engine.scan.dataset.remedies import data_remedies, reopened

        scan = Scan(Path(self.path))
        detector = self.lent or reopened(scan, self.chosen.detector)
        return data_remedies(
            scan,
            () if detector is None else (detector,),
            self.chosen,
            kinds=self.kinds,
            pictures=self.pictures,
            watcher=token,
            told=self.told,
        )
