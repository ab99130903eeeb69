"""What a page of the tab "Scan" is; the tab makes each when it is first chosen and tells it what changed while it is seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState


def grows(state: ScansState) -> bool:
    """Whether the open scan is still written: numbers that take long then wait for its end once there are some."""
    running = state.running
    return running is not None and running.active and running.path == state.path


class ScanPage(QWidget):
    """Base of the pages: `follow` is called with every change of the scan's state while the page is seen.

    What changed while it was hidden is told in one call when it is shown again; the first call names every field. A page asks
    the reading worker with `self.scans.ask(lane, request)` and hears of it by `self.scans.answered`; lanes start with the page's
    name ("coverage…"). It filters the table of objects with `self.scans.set_filter(…)`; the tab says what is filtered.

    Signals:
        said(text): One sentence for the status line.
        problem(problem): A `viewmodels.states.Problem`.
        settings_wanted(values): Open the detector's settings with these values filled in: a dict by the fields of the spec.

    Attributes:
        models: all view-models of the window.
        scans: the scan: its state, filter and answers.
    """

    said = Signal(object)
    problem = Signal(object)
    settings_wanted = Signal(object)

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes the page; it knows nothing yet and asks for nothing before `follow`.

        Args:
            models: all view-models of the window.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.models, self.scans = models, models.scans
        self._unseen = frozenset(field.name for field in dataclasses.fields(self.scans.state))
        self.scans.changed.connect(self._scans_changed)

    def follow(self, state: ScansState, names: frozenset[str]) -> None:
        """Shows a state; overridden by every page.

        Args:
            state: the scan's state now.
            names: the fields that differ from the call before; all of them in the first.
        """
        raise NotImplementedError

    def choose(self, shown: Filter) -> None:
        """Has the table list the objects of a filter."""
        self.scans.set_filter(**{field.name: getattr(shown, field.name) for field in dataclasses.fields(shown)})

    def copy_text(self) -> str:
        """What Ctrl+C puts on the clipboard, tab-separated; "" when there is nothing to copy yet."""
        return ""

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what changed while the page was hidden."""
        super().showEvent(event)
        self._catch_up()

    def _scans_changed(self, _: ScansState, names: frozenset[str]) -> None:
        self._unseen |= names
        self._catch_up()

    def _catch_up(self) -> None:
        if self._unseen and self.isVisible():
            names, self._unseen = self._unseen, frozenset()
            self.follow(self.scans.state, names)
