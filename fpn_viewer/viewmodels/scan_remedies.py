"""The search for remedies of a data set: what was asked, how far it is, and what it found so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal

from fpn_viewer.engine.scan.dataset.requests import AskRemedies, LendScanned
from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.scan.dataset.values import DataRemedies
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.scans import Scans

LANE, LENDING = "remedies", "lend for remedies"


@dataclass(frozen=True)
class SearchState:
    """A search.

    Attributes:
        kind: "idle", "opening" (the detector), "running", "stopped", "failed" or "done".
        asked: what was asked; None before the first.
        found: what is known so far; None before the first picture.
        stage: what is being done, in words.
        fraction: part of the sample that was gone through, 0..1.
        problem: why it failed, one sentence.
    """

    kind: str = "idle"
    asked: AskRemedies | None = None
    found: DataRemedies | None = None
    stage: str = ""
    fraction: float = 0.0
    problem: str = ""

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.kind in ("opening", "running")


class ScanRemedies(Observable[SearchState]):
    """Looks for remedies, one search at a time; what was found before it was stopped stays."""

    _told = Signal(object, object)

    def __init__(self, scans: Scans, document: Document, parent: QObject | None = None) -> None:
        """Nothing is looked for.

        Args:
            scans: the open scan; runs the search beside the window.
            document: lends open detectors.
            parent: the Qt parent.
        """
        super().__init__(SearchState(), parent)
        self._scans, self._document = scans, document
        self._told.connect(self._take, Qt.ConnectionType.QueuedConnection)
        document.answered.connect(self._lent)
        document.unanswered.connect(self._not_lent)
        scans.answered.connect(self._ended)
        scans.unanswered.connect(self._failed)
        scans.asked_progress.connect(self._progress)

    def start(self, kinds: tuple[str, ...], pictures: int) -> None:
        """Looks for remedies for the misses of the scan's filter.

        Args:
            kinds: what to try, of `values.KINDS`.
            pictures: of the sample, at most.
        """
        shown = self._scans.state
        asked = AskRemedies(shown.path, shown.filter, kinds, pictures)
        self.update(kind="opening", asked=asked, found=None, stage="opening the detector", fraction=0.0, problem="")
        self._document.ask(LENDING, LendScanned(self._document.session, shown.path, shown.filter.detector))

    def stop(self) -> None:
        """Ends the search; what was found stays."""
        if self.state.active:
            self._document.withdraw(LENDING)
            self._scans.withdraw(LANE)
            self.update(kind="stopped", stage="")

    def forget(self) -> None:
        """Says nothing more of a search in another scan."""
        self.stop()
        fresh = SearchState()
        self.update(**{name: getattr(fresh, name) for name in ("kind", "asked", "found", "stage", "fraction", "problem")})

    # -- the detector -----------------------------------------------------------------------------------------------

    def _lent(self, lane: str, value: Any) -> None:
        asked = self.state.asked
        if lane != LENDING or self.state.kind != "opening" or asked is None:
            return

        def tell(found: DataRemedies) -> None:
            self._told.emit(asked, found)

        request = AskRemedies(asked.path, asked.chosen, asked.kinds, asked.pictures, value, tell)
        self.update(kind="running")
        self._scans.ask(LANE, request)

    def _not_lent(self, lane: str, failure: Failure | None) -> None:
        if lane == LENDING and failure is not None and self.state.kind == "opening":
            self.update(kind="failed", stage="", problem=failure.title)

    # -- the search -------------------------------------------------------------------------------------------------

    def _take(self, asked: AskRemedies, found: DataRemedies) -> None:
        if self.state.kind == "running" and asked is self.state.asked:
            self.update(found=found)

    def _progress(self, lane: str, stage: str, fraction: float) -> None:
        if lane == LANE and self.state.kind == "running":
            self.update(stage=stage, fraction=fraction)

    def _ended(self, lane: str, value: Any) -> None:
        if lane == LANE and self.state.kind == "running":
            self.update(kind="done", found=value, stage="", fraction=1.0)

    def _failed(self, lane: str, failure: Failure | None) -> None:
        if lane == LANE and self.state.kind == "running":
            if failure is None:
                self.update(kind="stopped", stage="")
            else:
                self.update(kind="failed", stage="", problem=failure.title)
