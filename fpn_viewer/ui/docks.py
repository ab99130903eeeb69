"""The panels around the centre: where they stand at first, what shares a place, and which one is in front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.question import Question, QuestionState

Area = Qt.DockWidgetArea
#: width of the window, px, that the panels' first widths are made for
_REFERENCE = 1440


@dataclass(frozen=True)
class DockRow:
    """One panel.

    Attributes:
        title: as on its tab.
        area: where it stands at first.
        key: shows and hides it.
        extent: first width, or height at the bottom, px.
        hidden: shown only when there is something in it.
    """

    title: str
    area: Area
    key: str
    extent: int
    hidden: bool = False


DOCKS: dict[str, DockRow] = {
    "pictures": DockRow("Pictures", Area.LeftDockWidgetArea, "Alt+1", 236),
    "objects": DockRow("Objects", Area.LeftDockWidgetArea, "Alt+2", 236),
    "probe": DockRow("Probe", Area.RightDockWidgetArea, "Alt+3", 324),
    "life_line": DockRow("Life line", Area.RightDockWidgetArea, "Alt+4", 324),
    "channels": DockRow("Channels", Area.RightDockWidgetArea, "Alt+5", 324),
    "what_if": DockRow("What-if", Area.RightDockWidgetArea, "Alt+6", 324),
    "misses": DockRow("Misses", Area.BottomDockWidgetArea, "Alt+8", 260, hidden=True),
    "messages": DockRow("Messages", Area.BottomDockWidgetArea, "Alt+7", 150, hidden=True),
}
#: panels one above the other: upper, lower and their first heights, px
STACKED: tuple[tuple[str, str, int, int], ...] = (("pictures", "objects", 260, 300), ("probe", "channels", 380, 320))
#: panels that share a place: the one in front while an object is asked about, and the one in front otherwise
TABBED: tuple[tuple[str, str], ...] = (("life_line", "probe"), ("what_if", "channels"))


class Docks(QObject):
    """Makes the docks of a window and keeps them in order.

    Attributes:
        by_name: the docks, by key of `DOCKS`.
    """

    def __init__(self, window: QMainWindow, panels: Mapping[str, QWidget], question: Question) -> None:
        """Puts the panels into docks.

        Args:
            window: where they go.
            panels: by key of `DOCKS`.
            question: brings forward what answers it.
        """
        super().__init__(window)
        self._window, self._was_asked = window, False
        self.by_name = {name: self._dock(name, panel) for name, panel in panels.items()}
        window.setCorner(Qt.Corner.BottomLeftCorner, Area.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)
        window.setDockOptions(window.dockOptions() & ~QMainWindow.DockOption.AnimatedDocks)
        window.setTabPosition(Area.RightDockWidgetArea, QTabWidget.TabPosition.North)
        question.changed.connect(self._follow)

    def _dock(self, name: str, panel: QWidget) -> QDockWidget:
        row = DOCKS[name]
        dock = QDockWidget(row.title, self._window)
        dock.setObjectName(name)
        dock.setWidget(panel)
        dock.toggleViewAction().setShortcut(row.key)
        self._window.addDockWidget(row.area, dock)
        return dock

    def arrange(self) -> None:
        """Puts all docks where they are at first."""
        for name, dock in self.by_name.items():
            dock.setFloating(False)
            self._window.addDockWidget(DOCKS[name].area, dock)
            dock.setVisible(not DOCKS[name].hidden)
        for upper, lower, _, _ in STACKED:
            self._window.splitDockWidget(self.by_name[upper], self.by_name[lower], Qt.Orientation.Vertical)
        for asked, usual in TABBED:
            self._window.tabifyDockWidget(self.by_name[usual], self.by_name[asked])
        self._window.tabifyDockWidget(self.by_name["misses"], self.by_name["messages"])
        self._bring_forward()
        self.share_room()

    def share_room(self) -> None:
        """The picture gets the most: side panels shrink with the window, down to what they need."""
        share = min(1.0, max(0.8, self._window.width() / _REFERENCE))
        sides = ("pictures", "probe")
        widths = [round(share * DOCKS[name].extent) for name in sides]
        self._window.resizeDocks([self.by_name[name] for name in sides], widths, Qt.Orientation.Horizontal)
        for upper, lower, high, low in STACKED:
            self._window.resizeDocks([self.by_name[upper], self.by_name[lower]], [high, low], Qt.Orientation.Vertical)
        bottom = ("misses", "messages")
        self._window.resizeDocks(
            [self.by_name[name] for name in bottom], [DOCKS[name].extent for name in bottom], Qt.Orientation.Vertical
        )

    def _follow(self, state: QuestionState, names: frozenset[str]) -> None:
        """Brings forward what answers a question when the first is put; after that the user's choice is left alone."""
        if "asked" in names and self._was_asked != (state.asked is not None):
            self._was_asked = state.asked is not None
            self._bring_forward()

    def _bring_forward(self) -> None:
        for asked, usual in TABBED:
            self.by_name[asked if self._was_asked else usual].raise_()
