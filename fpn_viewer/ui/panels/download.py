"""The line of a download: how far it is, how fast, and how to stop it or go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QBoxLayout, QProgressBar

from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.checkpoints import Checkpoints, Fetching

#: places in a strip behind which the bar stands: its icon and its label
_BEHIND = 2


class DownloadStrip(Strip):
    """Shows the download of published weights; hidden when there is none."""

    def __init__(self, checkpoints: Checkpoints, parent: QWidget | None = None) -> None:
        """Makes a hidden line.

        Args:
            checkpoints: fetches.
            parent: the Qt parent.
        """
        super().__init__("download", parent)
        self._checkpoints = checkpoints
        self._closed = False
        self.progress = named(QProgressBar(textVisible=False), "Progress of the download")
        self.progress.setMaximumHeight(10)
        self.progress.setFixedWidth(160)
        layout = self.layout()
        assert isinstance(layout, QBoxLayout)
        layout.insertWidget(_BEHIND, self.progress)
        self.stop = self.add_button("Cancel", "Stop the download; what has arrived is kept")
        self.stop.clicked.connect(checkpoints.stop_fetch)
        self.again = self.add_button("Resume", "Go on where it stopped")
        self.again.clicked.connect(self._resume)
        self.closed.connect(self._close)
        checkpoints.fetching_changed.connect(self._show)

    def _show(self, fetching: Fetching) -> None:
        running = fetching.kind == "running"
        self.progress.setVisible(running or fetching.kind == "cancelled")
        self.progress.setRange(0, 0 if running and not fetching.fraction else 1000)
        self.progress.setValue(round(1000 * fetching.fraction))
        self.stop.setVisible(running)
        self.again.setVisible(fetching.kind in ("cancelled", "failed"))
        self.label.setText(_sentence(fetching))
        # a new download has no stage yet; of one whose line was closed nothing more is said
        self._closed &= not running or bool(fetching.stage)
        self.setVisible(fetching.kind != "done" and not self._closed)

    def _close(self) -> None:
        self._closed = True
        self._checkpoints.stop_fetch()

    def _resume(self) -> None:
        if self._checkpoints.fetching is not None:
            self._checkpoints.fetch(self._checkpoints.fetching.weights)


def _sentence(fetching: Fetching) -> str:
    name = fetching.weights.file_name
    if fetching.kind == "failed":
        return f"{fetching.sentence[:1].upper()}{fetching.sentence[1:]}"
    if fetching.kind == "cancelled":
        return f"The download of {name} was stopped at {fetching.fraction:.0%}; what has arrived is kept."
    stage = fetching.stage or f"downloading {name}"
    return f"{stage[:1].upper()}{stage[1:]}"
