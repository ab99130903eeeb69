"""The line at the bottom: where the time went, how much was found, memory, and what is running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QStatusBar, QToolButton

from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.values import DetectorInfo, TraceView
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.states import RunState

BUSY = frozenset({"opening", "running", "loading"})
#: kinds that can be cancelled
STOPPABLE = frozenset({"opening", "running"})


def duration(seconds: float) -> str:
    """A time with its unit and three significant digits at most: "41 ms", "1.24 s"."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def gigabytes(count: int) -> str:
    """Bytes as GB: "1.2"."""
    return f"{count / 2**30:.3g}"


def times_text(trace: TraceView) -> str:
    """Where the time of a run went: "backbone 41 ms · neck 6 ms"."""
    return " · ".join(f"{time.name} {duration(time.seconds)}" for time in trace.times)


def device_text(trace: TraceView | None, detector: DetectorInfo | None) -> str:
    """Device and memory: "cuda:0 1.2 / 8 GB", or "cpu"."""
    if trace is not None and trace.memory is not None:
        used, total = trace.memory
        return f"{trace.device}  {gigabytes(used)} / {gigabytes(total)} GB"
    return detector.device if detector is not None else ""


class StatusLine(QStatusBar):
    """Times, detections, device, and the progress of what runs with its Cancel button."""

    def __init__(self, document: Document, cancel: QAction, parent: QWidget | None = None) -> None:
        """Makes the line over a document.

        Args:
            document: What is open.
            cancel: What the button triggers.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._document = document
        self.setSizeGripEnabled(False)
        self.times, self.found, self.device, self.activity = ElidedLabel(), QLabel(), QLabel(), ElidedLabel()
        self.device.setToolTip("Where the detector runs; memory of the graphics card in use and in all")
        self.activity.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.progress = _progress_bar()
        self.cancel = QToolButton(autoRaise=True)
        self.cancel.setDefaultAction(cancel)
        self.cancel.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.times.setContentsMargins(6, 0, 0, 0)
        self.addWidget(self.times, 2)
        self._lines = {label: _line(self) for label in (self.found, self.device)}
        for label, line in self._lines.items():
            self.addWidget(line)
            self.addWidget(label)
        self.addPermanentWidget(self.activity, 1)
        self.addPermanentWidget(self.progress)
        self.addPermanentWidget(self.cancel)
        document.state_changed.connect(self._show_state)
        document.trace_changed.connect(self._show_trace)
        document.detector_changed.connect(self._show_device)
        self._show_state(document.run_state)
        self._show_trace(document.trace)

    def say(self, sentence: str) -> None:
        """Shows a sentence until something else happens."""
        self.activity.set_text(sentence)

    def _show_trace(self, trace: TraceView | None) -> None:
        self.times.set_text("" if trace is None else times_text(trace), "" if trace is None else _times_tip(trace))
        self._show(self.found, "" if trace is None else _found_text(len(trace.detections)))
        self.found.setToolTip("" if trace is None else _found_tip(trace))
        self._show_device()

    def _show_device(self) -> None:
        self._show(self.device, device_text(self._document.trace, self._document.detector))

    def _show(self, label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))
        self._lines[label].setVisible(bool(text))

    def _show_state(self, state: RunState) -> None:
        busy = state.kind in BUSY
        self.progress.setVisible(busy)
        self.cancel.setVisible(state.kind in STOPPABLE)
        # Without a known share the bar only moves.
        self.progress.setRange(0, 1000 if state.fraction > 0 else 0)
        self.progress.setValue(round(1000 * state.fraction))
        # What a run has found stands in the middle already.
        text = "" if state.kind == "ready" and self._document.trace is not None else state.text
        self.activity.set_text(f"{text}: {state.stage}" if state.kind == "opening" and state.stage else state.stage or text, text)


def _progress_bar() -> QProgressBar:
    bar = QProgressBar(textVisible=False)
    bar.setMaximumHeight(10)
    bar.setMinimumWidth(80)
    bar.setMaximumWidth(160)
    bar.setAccessibleName("Progress")
    return bar


def _found_text(count: int) -> str:
    return f"{count} detection{'s' * (count != 1)}"


def _found_tip(trace: TraceView) -> str:
    proposals = "" if trace.spec.kind.one_stage else f" and {trace.proposals_count:,} proposals"
    return f"Out of {trace.anchors_count:,} anchors{proposals}"


def _times_tip(trace: TraceView) -> str:
    lines = [f"{time.name}: {duration(time.seconds)}" for time in trace.times]
    return "\n".join(["Time of each part of the run", *lines, f"together: {duration(sum(t.seconds for t in trace.times))}"])


def _line(parent: QWidget) -> QFrame:
    line = QFrame(parent)
    line.setFrameShape(QFrame.Shape.VLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setForegroundRole(line.palette().ColorRole.Mid)
    return line
