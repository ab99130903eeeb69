"""The tabs in the centre. Only the first is made with the window; the others, and what they import, when they are shown first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtGui import QAction

    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.objects import ObjectsState

#: tabs that keep their zoom when an object is chosen, and bring it to the middle
_OVERVIEWS = frozenset({"pyramid", "anchors"})


@runtime_checkable
class KeyTaker(Protocol):
    """A tab that understands keys wherever the focus is in the window."""

    def key_target(self) -> tuple[QWidget, Iterable[QAction]]:
        """The widget that keys are handed to, and actions that only hear keys while the focus is near it."""


@dataclass(frozen=True)
class TabRow:
    """One tab.

    Attributes:
        title: as on the tab.
        make: its contents.
    """

    title: str
    make: Callable[[Models], QWidget]


class Tabs(QTabWidget):
    """All tabs over the same selection.

    Signals:
        made(key, widget): a tab was made, because it is about to be shown.
    """

    made = Signal(object, object)

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Shows the titles; the first tab's contents are made by `start`.

        Args:
            models: what the tabs show.
            parent: the Qt parent.
        """
        super().__init__(parent, documentMode=True)
        self._models = models
        self._widgets: dict[str, QWidget] = {}
        self._keys = tuple(TABS)
        for row in TABS.values():
            self.addTab(QWidget(), row.title)
        # before anyone else hears of it, so that the current widget is the one that is meant
        self.currentChanged.connect(self._shown)
        models.objects.changed.connect(self._objects_changed)

    def start(self) -> None:
        """Makes what is in front."""
        self._shown(self.currentIndex())

    @property
    def current_key(self) -> str:
        """The key, in `TABS`, of the tab in front."""
        return self._keys[self.currentIndex()]

    def tab(self, key: str) -> Any:
        """A tab by its key in `TABS`; it is made if it has not been shown yet."""
        if key not in self._widgets:
            self._make(key)
        return self._widgets[key]

    def show_tab(self, key: str) -> None:
        """Brings a tab to the front."""
        self.setCurrentIndex(self._keys.index(key))

    def current_title(self) -> str:
        """What the tab in front is called, as on the screen."""
        return self.tabText(self.currentIndex())

    def show_title(self, title: str) -> None:
        """Brings the tab of that title to the front; nothing happens where there is none."""
        keys = [key for key, row in TABS.items() if row.title == title]
        for key in keys:
            self.show_tab(key)

    def key_target(self) -> tuple[QWidget, Iterable[QAction]] | None:
        """What understands keys in the tab in front; None when nothing does."""
        current = self.currentWidget()
        return current.key_target() if isinstance(current, KeyTaker) else None

    def _objects_changed(self, state: ObjectsState, names: frozenset[str]) -> None:
        # the tabs that are about one object zoom to it themselves
        if "current" in names and state.current is not None and state.close and self.current_key in _OVERVIEWS:
            self._models.viewport.follow(state.rows[state.current].box_img)

    def _shown(self, index: int) -> None:
        if index >= 0 and self._keys[index] not in self._widgets:
            self._make(self._keys[index])

    def _make(self, key: str) -> None:
        index, was = self._keys.index(key), self.currentIndex()
        widget, empty = TABS[key].make(self._models), self.widget(index)
        self._widgets[key] = widget
        # exchanging two pages is no change of tab
        blocked = self.blockSignals(True)
        self.insertTab(index, widget, TABS[key].title)
        self.removeTab(index + 1)
        self.setCurrentIndex(was)
        self.blockSignals(blocked)
        if empty is not None:
            empty.deleteLater()
        self.made.emit(key, widget)


def _pyramid(models: Models) -> QWidget:
    from fpn_viewer.ui.canvas.pyramid_grid import PyramidGrid

    return PyramidGrid(models.document, models.display, models.selection, models.viewport, objects=models.objects)


def _anchors(models: Models) -> QWidget:
    from fpn_viewer.ui.anchors.tab import AnchorsTab

    return AnchorsTab(models.document, models.display, models.selection, models.viewport, objects=models.objects)


def _object(models: Models) -> QWidget:
    from fpn_viewer.ui.objects.curves import CurvesView
    from fpn_viewer.ui.objects.tab import ObjectTab

    curves = CurvesView(models.document, models.question, models.what_if)
    shared = (models.document, models.display, models.selection, models.viewport)
    return ObjectTab(*shared, models.objects, models.question, curves)


def _compare(models: Models) -> QWidget:
    from fpn_viewer.ui.compare.tab import CompareTab

    return CompareTab(models)


def _scan(models: Models) -> QWidget:
    from fpn_viewer.ui.scan.tab import ScanTab

    return ScanTab(models)


#: key to tab, in order; the first is in front at first
TABS: dict[str, TabRow] = {
    "pyramid": TabRow("Pyramid", _pyramid),
    "anchors": TabRow("Anchors && RPN", _anchors),
    "object": TabRow("Object", _object),
    "compare": TabRow("Compare", _compare),
    "scan": TabRow("Scan", _scan),
}
