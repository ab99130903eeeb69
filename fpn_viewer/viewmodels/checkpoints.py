"""Checkpoint files: check-ups, what a file says of itself, what is saved beside it, and published weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.resources import checkpoint_file, is_bundled
from fpn_viewer.engine.checkpoint_requests import (
    CheckedFile,
    CheckUpFile,
    FetchedWeights,
    FetchWeights,
    ListPublished,
    LookInto,
    Offers,
    SaveBeside,
    SavedBeside,
)
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fpn_viewer.core.checkpoints.values import Look
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.weights import Published
    from fpn_viewer.engine.checkpoint_requests import Offer
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.viewmodels.document import Document

_LANES = frozenset({"look", "check_up", "beside", "published", "fetch"})
#: what decides how a file is read, before anything that a person may change
READING = ("entry", "preset")


def how_read(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that say how a file is read."""
    return {name: options[name] for name in READING if name in options}


@dataclass(frozen=True)
class Fetching:
    """A download.

    Attributes:
        weights: which.
        kind: "running", "cancelled", "failed", "done".
        stage: what is being done, in words.
        fraction: share done, 0..1.
        sentence: why it failed.
        details: text for Copy.
    """

    weights: Published
    kind: str = "running"
    stage: str = ""
    fraction: float = 0.0
    sentence: str = ""
    details: str = ""


class Checkpoints(QObject):
    """Asks about checkpoint files and fetches published ones.

    Signals:
        problem(problem): `Problem`.
        checked(checked): `CheckedFile`, the answer to `check_up`.
        check_progress(stage, fraction): how far the check-up is.
        check_stopped(sentence): there will be no answer: "" when it was cancelled, else why.
        looked(look): `Look`, the answer to `look`.
        saved(path): what was said of a checkpoint was written.
        offers_changed(offers): `Offer`s, what can be downloaded.
        fetching_changed(fetching): `Fetching`, or None.
        detector_wanted(source, options): downloaded weights are to be opened.
    """

    problem = Signal(object)
    checked = Signal(object)
    check_progress = Signal(object, object)
    check_stopped = Signal(object)
    looked = Signal(object)
    saved = Signal(object)
    offers_changed = Signal(object)
    fetching_changed = Signal(object)
    detector_wanted = Signal(object, object)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        """Works for one document.

        Args:
            document: asks the workers; its detector's file is looked into whenever it changes.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document = document
        self._look: Look | None = None
        self._offers: tuple[Offer, ...] = ()
        self._fetching: Fetching | None = None
        document.answered.connect(self._answered)
        document.unanswered.connect(self._unanswered)
        document.asked_progress.connect(self._progressed)
        document.detector_changed.connect(self._detector_opened)

    # -- files ------------------------------------------------------------------------------------------------------

    @property
    def open_file(self) -> str:
        """The file of the open detector; "" when it was not made from one."""
        return "" if self._document.detector is None else checkpoint_file(self._document.detector.source)

    @property
    def open_look(self) -> Look | None:
        """What the file of the open detector says of itself, once that is known."""
        return self._look

    def check_up(self, path: str, options: Mapping[str, Any] | None = None) -> None:
        """Has the doctor look at a file; `checked` or `check_stopped` follows."""
        self._document.ask("check_up", CheckUpFile(self._document.session, path, dict(options or {})))

    def stop_check_up(self) -> None:
        """Stops the check-up that runs."""
        self._document.withdraw("check_up")

    def look(self, path: str, options: Mapping[str, Any] | None = None) -> None:
        """Asks a file what it says of itself; `looked` or `problem` follows."""
        self._document.ask("look", LookInto(self._document.session, path, how_read(options or {})))

    def save_beside(self, path: str, spec: DetectorSpec, names: tuple[str, ...]) -> None:
        """Writes options of a checkpoint beside it; `saved` or `problem` follows."""
        self._document.ask_files("beside", SaveBeside(path, spec, names))

    # -- published weights ------------------------------------------------------------------------------------------

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What can be downloaded; empty until `need_offers` was answered."""
        return self._offers

    @property
    def fetching(self) -> Fetching | None:
        """The download of now, or the last one."""
        return self._fetching

    def need_offers(self) -> None:
        """Asks what can be downloaded, and what is here already; `offers_changed` follows."""
        self._document.ask("published", ListPublished(self._document.session))

    def fetch(self, weights: Published) -> None:
        """Downloads weights, unless they are here already, and has them opened."""
        self._show_fetching(Fetching(weights))
        self._document.ask_network("fetch", FetchWeights(weights))

    def stop_fetch(self) -> None:
        """Stops the download; what has arrived is kept for the next attempt."""
        self._document.withdraw_network("fetch")

    # -- answers ----------------------------------------------------------------------------------------------------

    def _detector_opened(self, info: DetectorInfo | None) -> None:
        self._look = None
        if info is not None and self.open_file and not is_bundled(info.source):
            self.look(self.open_file, info.options)

    def _answered(self, lane: str, value: Any) -> None:
        answers: dict[type, Callable[[Any], None]] = {
            CheckedFile: self.checked.emit,
            SavedBeside: self._note_saved,
            Offers: self._list,
            FetchedWeights: self._fetched,
        }
        if lane == "look":
            self._note_look(value)
        elif lane in _LANES:
            answers[type(value)](value)

    def _unanswered(self, lane: str, failure: Failure | None) -> None:
        if lane == "check_up":
            self.check_stopped.emit("" if failure is None else failure.title)
        if lane == "fetch" and self._fetching is not None:
            self._fetch_ended(self._fetching, failure)
        elif lane in _LANES and failure is not None:
            self.problem.emit(Problem(failure.title, failure.details))

    def _progressed(self, lane: str, stage: str, fraction: float) -> None:
        if lane == "check_up":
            self.check_progress.emit(stage, fraction)
        elif lane == "fetch" and self._fetching is not None:
            self._show_fetching(Fetching(self._fetching.weights, "running", stage, fraction))

    def _note_look(self, look: Look) -> None:
        if look.path == self.open_file:
            self._look = look
        self.looked.emit(look)

    def _note_saved(self, saved: SavedBeside) -> None:
        self.saved.emit(saved.path)

    def _list(self, found: Offers) -> None:
        self._offers = found.rows
        self.offers_changed.emit(found.rows)

    def _fetched(self, fetched: FetchedWeights) -> None:
        self._show_fetching(Fetching(fetched.weights, "done", fraction=1.0))
        self.detector_wanted.emit(fetched.weights.builder, {"weights": fetched.weights.name})

    def _fetch_ended(self, before: Fetching, failure: Failure | None) -> None:
        """A download stopped; how far it came stays in view."""
        kind, sentence, details = ("cancelled", "", "") if failure is None else ("failed", failure.title, failure.details)
        self._show_fetching(Fetching(before.weights, kind, before.stage, before.fraction, sentence, details))

    def _show_fetching(self, fetching: Fetching) -> None:
        self._fetching = fetching
        self.fetching_changed.emit(fetching)
