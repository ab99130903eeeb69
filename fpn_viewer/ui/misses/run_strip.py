"""The line of a scan that runs: how far, how fast, how long still, and how to pause, cancel and go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QBoxLayout, QProgressBar

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.scan_runs import Running
    from fpn_viewer.viewmodels.scans import Scans, ScansState

#: places in a strip behind which the bar stands: its icon and its label
_BEHIND = 2


class RunStrip(Strip):
    """Shows the scan of this window; hidden when there is none.

    Signals:
        show_wanted(): its results are to be seen.
    """

    show_wanted = Signal()

    def __init__(self, scans: Scans, parent: QWidget | None = None) -> None:
        """Makes a hidden line.

        Args:
            scans: runs scans.
            parent: the Qt parent.
        """
        super().__init__("download", parent)
        self._scans = scans
        self.progress = named(QProgressBar(textVisible=False), "Progress of the scan")
        self.progress.setMaximumHeight(10)
        self.progress.setFixedWidth(96)
        layout = self.layout()
        assert isinstance(layout, QBoxLayout)
        layout.insertWidget(_BEHIND, self.progress)
        self.pause = self.add_button("Pause", "Stop behind the pictures in work; the detectors stay open")
        self.go_on = self.add_button("Go on", "Go on where it stopped")
        self.stop = self.add_button("Cancel", "End the scan; what is in its file stays, and it can be gone on with")
        self.show_it = self.add_button("Show", "Show what was found so far")
        self.details = self.add_button("Copy details", "Copy what went wrong, for an issue tracker")
        self.pause.clicked.connect(scans.pause)
        self.go_on.clicked.connect(scans.go_on)
        self.stop.clicked.connect(scans.cancel)
        self.show_it.clicked.connect(self._show_results)
        self.details.clicked.connect(self._copy)
        self.closed.connect(self._close)
        self._closed = False
        scans.changed.connect(self._follow)

    def _follow(self, state: ScansState, names: frozenset[str]) -> None:
        if "running" not in names:
            return
        running = state.running
        if running is None:
            self.hide()
            return
        # a new scan, or the end of one, is said also when the line of the one before was closed
        self._closed &= running.active and running.kind != "opening"
        self._show(running)
        self.setVisible(not self._closed)

    def _show(self, running: Running) -> None:
        kind = running.kind
        self.progress.setVisible(running.active or kind == "cancelled")
        self.progress.setRange(0, max(running.total, 0))
        self.progress.setValue(running.done)
        self.pause.setVisible(kind == "running")
        self.go_on.setVisible(kind in ("paused", "cancelled", "failed"))
        self.stop.setVisible(kind in ("opening", "running", "paused"))
        self.show_it.setVisible(bool(running.total) and kind not in ("opening", "failed"))
        self.details.setVisible(bool(running.details))
        self.label.setText(sentence(running))

    def _close(self) -> None:
        """Closing the line of a scan that runs leaves it running."""
        self._closed = True
        self._scans.forget_run()

    def _show_results(self) -> None:
        running = self._scans.state.running
        if running is not None and self._scans.state.path != running.path:
            self._scans.open(running.path)
        self.show_wanted.emit()

    def _copy(self) -> None:
        running = self._scans.state.running
        if running is not None:
            QGuiApplication.clipboard().setText(f"{running.problem}\n\n{running.details}")


def sentence(running: Running) -> str:
    """What a scan is doing, in one sentence."""
    name, count = Path(running.path).name, f"{running.done:,} of {running.total:,} pictures"
    if running.kind == "failed":
        return running.problem
    if running.kind == "opening":
        return f"Scan into {name}: {running.stage or 'starting'} …"
    words = {
        "running": f"{name}: {count}",
        "paused": f"{name} pauses at {count}",
        "cancelling": f"Cancelling {name} at {count} …",
        "cancelled": f"{name} was cancelled at {count}; they stay in the file",
        "done": f"Scanned {count} into {name}",
    }[running.kind]
    return " · ".join([words, *_facts(running)])


def _facts(running: Running) -> list[str]:
    facts = []
    if running.kind == "running" and running.rate:
        facts.append(f"{significant(running.rate)} pictures/s")
    if running.seconds_left is not None:
        facts.append(f"{clock(running.seconds_left)} left")
    if running.troubled:
        facts.append(f"{running.troubled:,} with problems, last: {running.problem}")
    return facts


def clock(seconds: float) -> str:
    """A duration: "0:07", "12:30", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
