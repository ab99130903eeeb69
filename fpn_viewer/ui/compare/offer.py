"""The line that says when a side was opened without the settings that were given to the window's detector."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot

from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.comparison_state import ComparisonState


class SettingsOffer(Strip):
    """Offers to open the side anew with these settings; once it was closed it comes back for other ones only.

    Attributes:
        button: does that.
    """

    def __init__(self, comparison: Comparison, parent: QWidget | None = None) -> None:
        """Makes a hidden line.

        Args:
            comparison: who is compared.
            parent: the Qt parent.
        """
        super().__init__("notice", parent)
        self._comparison = comparison
        self._index = 0
        self._said = self._closed = ""
        self.button = self.add_button("", "Open the same file again, with these settings")
        self.button.clicked.connect(self._open)
        self.closed.connect(self._keep_closed)
        comparison.changed.connect(self._follow)
        self._follow(comparison.state)

    @Slot(object, object)
    def _follow(self, state: ComparisonState, _: object = None) -> None:
        own = state.infos[0]
        sides = zip("AB", state.shown, strict=True)
        found = next(((letter, index) for letter, index in sides if texts.unshared(state, index)), None)
        if own is not None and found is not None:
            letter, self._index = found
            options = texts.options_text(texts.unshared(state, self._index))
            self._said = f"{letter} was opened without the settings that {own.spec.name} was given: {options}."
            self.label.setText(self._said)
            self.button.setText(f"Open {letter} with them")
        self.setVisible(found is not None and self._said != self._closed)

    @Slot()
    def _open(self) -> None:
        state, index = self._comparison.state, self._index
        subject = state.subjects[index]
        options = {**subject.options, **texts.unshared(state, index)}
        self._comparison.set_subject(index, dataclasses.replace(subject, options=options))

    @Slot()
    def _keep_closed(self) -> None:
        self._closed = self._said
