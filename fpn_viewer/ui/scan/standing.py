"""A question about the open scan that stands: it is asked again when what it depends on has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.engine.jobs import Failure, Token
    from fpn_viewer.viewmodels.scans import Scans, ScansState

    Request = Callable[[Token], object]
    Asked = tuple[Request, int]

Value = TypeVar("Value")


class Standing(QObject, Generic[Value]):
    """Asks on one lane; while a scan runs, the next question waits for the answer to the one before.

    Signals:
        answered(value): The answer.
        failed(sentence): Why there is none.

    Attributes:
        value: the newest answer, also while a newer one is looked for; None before the first and after a failure.
        problem: why there is no answer, one sentence; "" while there is one or it is looked for.
    """

    answered = Signal(object)
    failed = Signal(object)

    def __init__(self, scans: Scans, lane: str, parent: QObject) -> None:
        """Asks nothing yet.

        Args:
            scans: answers.
            lane: a lane that nobody else asks on.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scans, self._lane = scans, lane
        self._wanted: Asked | None = None
        self._sent: Asked | None = None
        self._done: Asked | None = None
        self.value: Value | None = None
        self.problem = ""
        scans.answered.connect(self._answered)
        scans.unanswered.connect(self._unanswered)
        scans.changed.connect(self._scans_changed)

    @property
    def busy(self) -> bool:
        """Whether an answer is on its way."""
        return self._sent is not None

    @property
    def lane(self) -> str:
        """Its lane."""
        return self._lane

    def ask(self, request: Request) -> None:
        """Asks, unless the same was asked and the file has not grown since.

        Args:
            request: compared by value with the one before; another one overtakes it.
        """
        self._wanted = request, self._scans.state.revision
        only_newer = self._sent is not None and self._sent[0] == request
        if not only_newer and self._wanted != self._done:
            self._send()

    def drop(self) -> None:
        """Forgets question and answer."""
        self._wanted = self._sent = self._done = self.value = None
        self.problem = ""
        self._scans.withdraw(self._lane)

    def _scans_changed(self, _: ScansState, names: frozenset[str]) -> None:
        # what was said of one scan is not even an old answer about another
        if "path" in names:
            self.drop()

    def _send(self) -> None:
        assert self._wanted is not None
        self._sent = self._wanted
        self._scans.ask(self._lane, self._wanted[0])

    def _answered(self, lane: str, value: Any) -> None:
        if lane != self._lane or self._sent is None:
            return
        self._done, self._sent, self.value, self.problem = self._sent, None, value, ""
        self.answered.emit(value)
        if self._wanted is not None and self._wanted != self._done and self._sent is None:
            self._send()

    def _unanswered(self, lane: str, failure: Failure | None) -> None:
        if lane != self._lane or self._sent is None:
            return
        self._done, self._sent = (self._sent if failure is not None else None), None
        if failure is not None:
            self.value, self.problem = None, failure.title
            self.failed.emit(failure.title)
