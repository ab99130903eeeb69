"""The panels around the centre: where they stand at first, what shares a place, and which one is in front."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QTabWidget

from fpn_viewer.ui.widgets.later import Later

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.question import Question, QuestionState

Area = Qt.DockWidgetArea
#: width of the window, px, that the panels' first widths are made for
_REFERENCE = 1440
#: where no bar of tabs is ever laid out
_NOWHERE = QPoint(-30_000, -30_000)


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
    "misses": DockRow("Misses", Area.BottomDockWidgetArea, "Alt+7", 260, hidden=True),
    "messages": DockRow("Messages", Area.BottomDockWidgetArea, "Alt+8", 150, hidden=True),
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

    def hide_forgotten_bars(self) -> None:
        """Hides bars of tabs that no longer belong to any panels; the window must have been laid out.

        Where panels are put into other places, Qt forgets some of the bars it made for the places before and leaves them
        on the window, over the centre. A bar is still in use when moving the whole layout moves it.
        """
        layout = self._window.layout()
        assert layout is not None
        bars = self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        for bar in bars:
            bar.move(_NOWHERE)
        menus = layout.menuBar()
        place = self._window.rect().adjusted(0, menus.height() if menus else 0, 0, 0)
        for step in (QPoint(1, 1), QPoint()):
            layout.setGeometry(place.translated(step))
        for bar in bars:
            if bar.pos() == _NOWHERE and bar.count():
                bar.hide()

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
            dock = self.by_name[asked if self._was_asked else usual]
            panel = dock.widget()
            if isinstance(panel, Later):
                panel.fill()
            dock.raise_()


def life_line_later(models: Models) -> Later:
    """The panel "Life line", made when it is seen first."""
    return Later(partial(_life_line, models), QSize(320, 420), QSize(68, 68))


def _life_line(models: Models) -> QWidget:
    from fpn_viewer.ui.panels.life_line import LifeLinePanel

    return LifeLinePanel(models.document, models.question, models.objects)


def what_if_later(models: Models) -> Later:
    """The panel "What-if", made when it is seen first."""
    return Later(partial(_what_if, models), QSize(320, 420), QSize(240, 200))


def _what_if(models: Models) -> QWidget:
    from fpn_viewer.ui.panels.what_if import WhatIfPanel

    return WhatIfPanel(models.document, models.question, models.what_if)
