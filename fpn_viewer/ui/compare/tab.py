"""The tab "Compare": made when it is first shown, and running only while it is in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QStackedLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PySide6.QtGui import QAction, QHideEvent, QShowEvent

    from fpn_viewer.ui.compare.body import CompareBody
    from fpn_viewer.ui.compare.empty import EmptyPage
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.models import Models


class CompareTab(QWidget):
    """What is to be done while there is one side, and both sides from the second on.

    Signals:
        open_requested(): pictures are to be chosen.
        file_wanted(place): a file is to be chosen for A (0) or B (1).

    Attributes:
        recent: answers the checkpoints that were opened last.
        empty: what to do while there is one side; made when the tab is first shown.
        body: both sides; made with the second.
    """

    open_requested = Signal()
    file_wanted = Signal(object)

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes a tab without contents.

        Args:
            models: what is shown.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._models = models
        self.recent: Callable[[], Sequence[str]] = tuple
        self._pages = QStackedLayout(self)
        self.empty: EmptyPage | None = None
        self.body: CompareBody | None = None

    # -- what the window asks for -------------------------------------------------------------------------------------

    def key_target(self) -> tuple[QWidget, Iterable[QAction]]:
        """The picture that keys act on, and the toggles of its layers."""
        if self.body is None or not self._is_comparing():
            return self, ()
        return self.body.board.view, self.body.layer_actions.values()

    def recent_files(self) -> Sequence[str]:
        """The checkpoints that were opened last; `recent` may be set after the tab was made."""
        return self.recent()

    def render_image(self, scale: float = 1.0) -> QImage:
        """The pictures with titles and colour bars; a null image while there are none.

        Args:
            scale: px of the result per px of the window, above 0.
        """
        return self.body.board.render_image(scale) if self.body is not None and self._is_comparing() else QImage()

    def render_svg(self, path: str) -> None:
        """Writes the pictures as SVG: boxes and text as such, maps as pixels."""
        if self.body is not None and self._is_comparing():
            from fpn_viewer.ui.compare.drawing import write_svg

            write_svg(self.body.board, path)

    # -- contents -----------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Makes the contents the first time, and lets both sides run."""
        super().showEvent(event)
        if self.empty is None:
            self._build()
        self._models.comparison.set_active(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing runs for a tab that nobody sees."""
        super().hideEvent(event)
        self._models.comparison.set_active(False)

    def _build(self) -> None:
        from fpn_viewer.ui.compare.empty import EmptyPage

        self.empty = EmptyPage(self._models.comparison, self.recent_files)
        self.empty.file_wanted.connect(self.file_wanted)
        self.empty.open_requested.connect(self.open_requested)
        self._pages.addWidget(self.empty)
        self._models.comparison.changed.connect(self._follow)
        self._follow(self._models.comparison.state)

    def _build_body(self) -> CompareBody:
        from fpn_viewer.ui.compare.body import CompareBody

        body = CompareBody(self._models, self.recent_files)
        body.file_wanted.connect(self.file_wanted)
        self._pages.addWidget(body)
        return body

    def _is_comparing(self) -> bool:
        return len(self._models.comparison.state.subjects) > 1

    def _follow(self, state: ComparisonState, _: object = None) -> None:
        assert self.empty is not None
        if self._is_comparing():
            self.body = self.body or self._build_body()
            self._pages.setCurrentWidget(self.body)
        else:
            self.empty.show_state(state)
            self._pages.setCurrentWidget(self.empty)
