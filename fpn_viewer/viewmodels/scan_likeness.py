"""Whether the detector of the window is the one that a scan ran: life lines of the scan's objects are the window's detector's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal

from fpn_viewer.engine.scan_running import Identify
from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.object_values import Change
    from fpn_viewer.engine.scan_requests import ScanAbout
    from fpn_viewer.engine.scan_running import Identity
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.states import RunState

LANE = "identity"
#: of what is not known yet, until a detector is open and its weights are hashed
UNKNOWN = ""


@dataclass(frozen=True)
class LikenessState:
    """The window's detector beside a scan's.

    Attributes:
        about: the open scan, or None.
        number: place of the scan's detector whose outcomes are meant.
        fingerprint: of the window's detector; "" while it is not known.
        is_changed: a what-if is applied to it.
        refused: places of the scan's detectors that could not be opened again, or are others by now.
        visited: picture of the scan that was gone to last; "" before the first.
    """

    about: ScanAbout | None = None
    number: int = 0
    fingerprint: str = UNKNOWN
    is_changed: bool = False
    refused: frozenset[int] = frozenset()
    visited: str = ""

    @property
    def kind(self) -> str:
        """ "same", "what-if" (it is, but for a what-if) or "other"; "" while that is not known."""
        if self.about is None or self.fingerprint == UNKNOWN:
            return ""
        if self.about.fingerprints[self.number] != self.fingerprint:
            return "other"
        return "what-if" if self.is_changed else "same"


class Likeness(Observable[LikenessState]):
    """Follows the open scan and the window's detector, and has the scan's own opened where the user chose no other.

    Signals:
        open_wanted(about, number, asked): a detector of a scan is to be opened as it was scanned; whether the user asked for it.
        settled(): what was gone to last is run by the detector that is open now.
    """

    open_wanted = Signal(object, object, object)
    settled = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        """No scan is open.

        Args:
            document: has the detector.
            parent: the Qt parent.
        """
        super().__init__(LikenessState(is_changed=bool(document.change)), parent)
        self._document = document
        self._asked_of: DetectorInfo | None = None
        self._question = 0
        self._wants = False
        self._ordered: int | None = None
        self._was_chosen = False
        document.detector_changed.connect(self._detector_changed)
        document.change_applied.connect(self._change_applied)
        document.state_changed.connect(self._state_changed)
        document.answered.connect(self._answered)
        document.unanswered.connect(self._unanswered)

    @property
    def is_settled(self) -> bool:
        """Whether no other detector is about to be opened for what was gone to last."""
        return not self._wants and self._ordered is None

    def follow(self, about: ScanAbout | None, number: int) -> None:
        """Another scan is open, or more of it is known, or another of its detectors is meant."""
        before = self.state.about
        if about is None or before is None or about.path != before.path:
            self._wants = self._was_chosen = False
            self._ordered = None
            self.update(refused=frozenset(), visited="")
        self.update(about=about, number=number)
        if about is not None:
            self._identify(self._document.detector)

    def visit(self, path: str) -> None:
        """An object in a picture of the scan is gone to: its life line is to be the scan's detector's."""
        self.update(visited=path)
        self._wants = True
        self._use()

    def open_own(self) -> None:
        """Opens the scan's detector in place of the window's, because the user asks for it."""
        self._was_chosen = False
        self._order(asked=True)

    def refuse(self, number: int) -> None:
        """A detector of the scan cannot be opened."""
        self._ordered = None
        self.update(refused=self.state.refused | {number})
        self.settled.emit()

    # -- what is opened ---------------------------------------------------------------------------------------------

    def _use(self) -> None:
        state = self.state
        is_busy = state.kind == "" and (self._document.detector is not None or self._document.run_state.kind == "opening")
        if not self._wants or state.about is None or is_busy:
            return
        self._wants = False
        if state.kind in ("", "other") and not self._was_chosen and state.number not in state.refused:
            self._order(asked=False)
        else:
            self.settled.emit()

    def _order(self, *, asked: bool) -> None:
        about, number = self.state.about, self.state.number
        if about is not None:
            self._ordered = number
            self.update(refused=self.state.refused - {number})
            self.open_wanted.emit(about, number, asked)

    # -- what the document says -------------------------------------------------------------------------------------

    def _detector_changed(self, info: DetectorInfo | None) -> None:
        # one that the user opens beside an open scan is meant, and not replaced unasked
        self._was_chosen = self._ordered is None and self._asked_of is not None
        self.update(fingerprint=UNKNOWN)
        self._identify(info)

    def _identify(self, info: DetectorInfo | None) -> None:
        if info is not None and info is not self._asked_of and self.state.about is not None:
            self._asked_of = info
            self._question += 1
            self._document.ask(LANE, Identify(self._document.session, self._question))

    def _answered(self, lane: str, value: Any) -> None:
        if lane == LANE and value.number == self._question:
            self._identified(value)

    def _identified(self, identity: Identity) -> None:
        ordered, self._ordered = self._ordered, None
        self.update(fingerprint=identity.fingerprint)
        about = self.state.about
        if ordered is not None and about is not None and about.fingerprints[ordered] != identity.fingerprint:
            self.refuse(ordered)
        elif ordered is not None:
            self.settled.emit()
        self._use()

    def _unanswered(self, lane: str, failure: Failure | None) -> None:
        if lane == LANE and failure is not None:
            self._asked_of = self._ordered = None
            self._wants = False
            self.settled.emit()

    def _state_changed(self, state: RunState) -> None:
        if state.kind in ("failed", "cancelled"):
            if self._ordered is not None:
                self.refuse(self._ordered)
            self._use()

    def _change_applied(self, change: Change) -> None:
        self.update(is_changed=bool(change))
