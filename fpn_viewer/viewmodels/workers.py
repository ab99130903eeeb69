"""The workers of a window, and whose questions they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from fpn_viewer.engine import files, requests
from fpn_viewer.engine.checkpoint_requests import CHECK_LANES, NETWORK_LANES
from fpn_viewer.engine.compare_requests import COMPARE_LANES, COMPARE_QUICK_LANES, COMPARE_SLOW_LANES
from fpn_viewer.engine.object_requests import QUICK_LANES, SLOW_LANES
from fpn_viewer.viewmodels.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.engine.jobs import Failure, Token
    from fpn_viewer.engine.session import Session

_COMPARE_LANES = (*COMPARE_QUICK_LANES, *COMPARE_LANES, *COMPARE_SLOW_LANES)
_TABLES = (QUICK_LANES, SLOW_LANES, CHECK_LANES, NETWORK_LANES, _COMPARE_LANES)
#: lanes whose questions and answers belong to other view-models than the document
ASKED_LANES = frozenset(
    {
        "annotations",
        "case",
        "beside",
        "crops",
        "identity",
        "lend",
        "lend for remedies",
        *(lane.name for table in _TABLES for lane in table),
    }
)


class WorkerDesk(QObject):
    """Owns the workers. Answers on `ASKED_LANES` go to whoever listens; the others to the methods of the class that extends this.

    Signals:
        answered(lane, value): an answer to `ask` or `ask_files`.
        unanswered(lane, failure): such a question failed; a `Failure`, or None when it was cancelled.
        asked_progress(lane, stage, fraction): how far the answer to such a question is.
    """

    answered = Signal(object, object)
    unanswered = Signal(object, object)
    asked_progress = Signal(object, object, object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        """Starts the queues; nothing runs until something is asked.

        Args:
            session: handed to every request; only the worker touches it.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._session = session
        self._ended = False
        self._worker = Bridge(requests.LANES, self)
        self._files = Bridge(files.FILE_LANES, self)
        self._network = Bridge(NETWORK_LANES, self)
        for bridge in (self._worker, self._network):
            bridge.progress.connect(self._deliver_progress)
        for bridge in (self._worker, self._files, self._network):
            bridge.finished.connect(self._deliver)
            bridge.failed.connect(self._deliver_failure)
            bridge.cancelled.connect(self._deliver_cancelled)

    @property
    def session(self) -> Session:
        """The worker's memory, to be handed on in requests and not looked into."""
        return self._session

    def ask(self, lane: str, request: Callable[[Token], object]) -> None:
        """Puts a question to the worker; `answered` or `unanswered` follows.

        Args:
            lane: one of `ASKED_LANES`.
            request: called with the job's token, on the worker.
        """
        # a timer of a view-model may outlive the workers by a moment
        if not self._ended:
            self._worker.request(lane, request)

    def ask_files(self, lane: str, request: Callable[[Token], object]) -> None:
        """The same for what only reads files."""
        if not self._ended:
            self._files.request(lane, request)

    def ask_network(self, lane: str, request: Callable[[Token], object]) -> None:
        """The same for what waits for a server."""
        if not self._ended:
            self._network.request(lane, request)

    def withdraw(self, lane: str) -> None:
        """Stops what was asked on a lane of the worker."""
        self._worker.cancel(lane)

    def withdraw_network(self, lane: str) -> None:
        """Stops what was asked on a lane of the network."""
        self._network.cancel(lane)

    def shutdown(self) -> None:
        """Ends all workers, in the middle of whatever they do."""
        self._ended = True
        self._network.shutdown()
        self._files.shutdown()
        self._worker.shutdown()

    def _deliver(self, lane: str, value: Any) -> None:
        if lane in ASKED_LANES:
            self.answered.emit(lane, value)
        else:
            self._answered(lane, value)

    def _deliver_failure(self, lane: str, failure: Failure) -> None:
        if lane in ASKED_LANES:
            self.unanswered.emit(lane, failure)
        else:
            self._failed(lane, failure)

    def _deliver_cancelled(self, lane: str) -> None:
        if lane in ASKED_LANES:
            self.unanswered.emit(lane, None)
        else:
            self._cancelled(lane)

    def _deliver_progress(self, lane: str, stage: str, fraction: float) -> None:
        if lane in ASKED_LANES:
            self.asked_progress.emit(lane, stage, fraction)
        else:
            self._progressed(lane, stage, fraction)

    def _answered(self, lane: str, value: Any) -> None:
        raise NotImplementedError

    def _failed(self, lane: str, failure: Failure) -> None:
        raise NotImplementedError

    def _cancelled(self, lane: str) -> None:
        raise NotImplementedError

    def _progressed(self, lane: str, stage: str, fraction: float) -> None:
        raise NotImplementedError
