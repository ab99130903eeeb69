"""The line that says when a life line is not that of the detector that the scan ran."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.scan_likeness import Likeness, LikenessState


class LikenessStrip(Strip):
    """Shown while an object of the scan is looked at with another detector, or with other weights or settings.

    Signals:
        file_wanted(about, number): the file of the scan's detector is to be chosen.
        reset_wanted(): what-ifs are to be taken away.
    """

    file_wanted = Signal(object, object)
    reset_wanted = Signal()

    def __init__(self, likeness: Likeness, document: Document, parent: QWidget | None = None) -> None:
        """Makes a hidden line.

        Args:
            likeness: whether the window's detector is the scan's.
            document: has that detector, and the picture.
            parent: the Qt parent.
        """
        super().__init__("notice", parent)
        self._likeness, self._document = likeness, document
        self.open_own = self.add_button("Open the scan's", "")
        self.choose = self.add_button("Choose its file…", "Say where the checkpoint is that the scan ran")
        self.reset = self.add_button("Reset what-ifs", "Run the detector as it was opened")
        self.open_own.clicked.connect(likeness.open_own)
        self.choose.clicked.connect(self._choose)
        self.reset.clicked.connect(self.reset_wanted)
        likeness.changed.connect(self._follow)
        document.current_changed.connect(self._follow)
        self._follow()

    def _follow(self, *_: object) -> None:
        state = self._likeness.state
        is_here = bool(state.visited) and _same(self._document.path, state.visited)
        is_told = is_here and state.kind in ("other", "what-if")
        if is_told:
            self._show(state)
        self.setVisible(is_told)

    def _show(self, state: LikenessState) -> None:
        about, info = state.about, self._document.detector
        if about is None or info is None:
            return
        scanned, origin = about.detectors[state.number], about.origins[state.number]
        is_other, is_refused, is_code = state.kind == "other", state.number in state.refused, origin.kind == "model"
        self.open_own.setVisible(is_other and (is_code or not is_refused))
        self.open_own.setToolTip(f"Open {origin.name or scanned} as it was scanned{'; this imports its code' * is_code}")
        self.choose.setVisible(is_other and is_refused and not is_code)
        self.reset.setVisible(not is_other)
        if is_other:
            from fpn_viewer.core.detectors.spec import DetectorSpec
            from fpn_viewer.ui.misses.texts import difference

            spec = DetectorSpec.from_json(about.specs[state.number])
            self.label.setText(difference(info.spec, spec, is_refused=is_refused and not is_code))
        else:
            self.label.setText(f"What-ifs are on: life lines differ from what the scan says of {scanned}.")

    def _choose(self) -> None:
        state = self._likeness.state
        if state.about is not None:
            self.file_wanted.emit(state.about, state.number)


def _same(one: str | None, other: str) -> bool:
    return one is not None and os.path.abspath(one) == os.path.abspath(other)
