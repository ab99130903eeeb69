"""One quiet line about a checkpoint that was opened: what had to be assumed, and which of its weights are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.checkpoints.values import Entry, Look
    from fpn_viewer.core.detectors.spec import DetectorSpec


def assumed_sentence(spec: DetectorSpec) -> str:
    """What was assumed of a detector and matters, in a sentence; "" when nothing was."""
    from fpn_viewer.viewmodels.detector_settings import assumed_topics

    topics = assumed_topics(spec)
    if not topics:
        return ""
    listed = " and ".join(filter(None, (", ".join(topics[:-1]), topics[-1])))
    return f"{listed[0].upper()}{listed[1:]} {'are' if len(topics) > 1 or topics[0].endswith('s') else 'is'} assumed."


def other_weights(look: Look) -> Entry | None:
    """The weights of the file that a person may want instead: the averaged ones, or those that are not."""
    averaged = {entry.name: entry.averaged for entry in look.entries}
    others = [entry for entry in look.entries if entry.name != look.chosen]
    return next((entry for entry in others if entry.averaged != averaged.get(look.chosen)), others[0] if others else None)


def weights_sentence(look: Look) -> str:
    """Which weights are in use, where a file holds several; else ""."""
    if len(look.entries) < 2:
        return ""
    averaged = any(entry.averaged for entry in look.entries if entry.name == look.chosen)
    return f"In use {'is the moving average of the weights' if averaged else 'are the weights'} “{look.chosen}”."


class CheckpointNotice(Strip):
    """Says once for each file what should be reviewed, and offers the weights that are not in use.

    Signals:
        review_wanted(): the settings are to be shown.
        entry_wanted(name): the other weights of the file are to be opened.
    """

    review_wanted = Signal()
    entry_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a hidden line."""
        super().__init__("notice", parent)
        self._key: tuple[object, ...] = ()
        self._closed: set[tuple[object, ...]] = set()
        self._other = ""
        self.review = self.add_button("Review…", "See what was assumed, change it, save it beside the checkpoint")
        self.review.clicked.connect(self.review_wanted)
        self.switch = self.add_button("", "Open the same file with its other weights")
        self.switch.clicked.connect(self._ask_for_other)
        self.closed.connect(self._remember)

    def show_file(self, path: str, spec: DetectorSpec, look: Look | None) -> None:
        """Says what there is to say of an open file.

        Args:
            path: the file; "" for a detector that is not made from one, of which nothing is said.
            spec: the open detector.
            look: what the file says of itself, once that is known.
        """
        assumed = assumed_sentence(spec) if path else ""
        weights = weights_sentence(look) if path and look is not None else ""
        other = other_weights(look) if look is not None else None
        self._other = other.name if other is not None else ""
        self.label.setText(" ".join(filter(None, (weights, assumed))))
        self.review.setVisible(bool(assumed))
        self.switch.setVisible(bool(weights) and other is not None)
        self.switch.setText(f"Use “{self._other}”")
        # the same file on another device has nothing new to say
        self._key = (path, self.label.text())
        self.setVisible(bool(self.label.text()) and self._key not in self._closed)

    def _ask_for_other(self) -> None:
        self.entry_wanted.emit(self._other)

    def _remember(self) -> None:
        self._closed.add(self._key)
