"""What keys do over the maps of the tab "Compare"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from fpn_viewer.ui.anchors.gestures import held_with
from fpn_viewer.ui.compare import texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent

    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.display import Display

Key = Qt.Key
Modifier = Qt.KeyboardModifier

#: share of the width that a key moves the wiper, and with Shift
WIPE, WIPE_FAR = 0.02, 0.1
_FAR = 10


class Steps(QObject):
    """Keys of the tab that other pictures do not have.

    Attributes:
        enlarged: one pane fills the room.

    Signals:
        enlarge_wanted(part): that pane alone, or all of them for "".
    """

    enlarge_wanted = Signal(object)

    def __init__(self, comparison: Comparison, display: Display, parent: QObject | None = None) -> None:
        """Works for one tab.

        Args:
            comparison: node, channel, layout, wiper.
            display: reduction, smoothing.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._comparison, self._display = comparison, display
        self.enlarged = False
        self._keys = self._table()

    def knows(self, event: QKeyEvent) -> bool:
        """Whether a key does something here."""
        return (Key(event.key()), held_with(event)) in self._keys

    def key(self, event: QKeyEvent) -> bool:
        """Does what a key says; answers whether it was one of these."""
        if not self.knows(event):
            return False
        action, amount = self._keys[Key(event.key()), held_with(event)]
        action(amount)
        return True

    def enlarge(self, part: str) -> None:
        """Shows one pane alone; the one that is alone already, or "", shows all of them."""
        self.enlarge_wanted.emit(part)

    def toggle_wiper(self, _: int = 0) -> None:
        """The wiper, or both maps beside each other again."""
        self._comparison.set_layout("side" if self._comparison.state.layout == "wiper" else "wiper")

    def _table(self) -> dict[tuple[Qt.Key, Qt.KeyboardModifier], tuple[Callable[[int], None], int]]:
        none, shift, control = Modifier.NoModifier, Modifier.ShiftModifier, Modifier.ControlModifier
        return {
            (Key.Key_Left, none): (self._sideways, -1),
            (Key.Key_Right, none): (self._sideways, 1),
            (Key.Key_Left, shift): (self._sideways, -_FAR),
            (Key.Key_Right, shift): (self._sideways, _FAR),
            (Key.Key_Up, none): (self._step_level, -1),
            (Key.Key_Down, none): (self._step_level, 1),
            (Key.Key_Left, control): (self._step_column, -1),
            (Key.Key_Right, control): (self._step_column, 1),
            (Key.Key_PageUp, none): (self._comparison.step_node, -1),
            (Key.Key_PageDown, none): (self._comparison.step_node, 1),
            (Key.Key_Comma, none): (self._comparison.step_channel, -1),
            (Key.Key_Period, none): (self._comparison.step_channel, 1),
            (Key.Key_BracketLeft, none): (self._display.step_reduction, -1),
            (Key.Key_BracketRight, none): (self._display.step_reduction, 1),
            (Key.Key_O, none): (self._comparison.step_object, 1),
            (Key.Key_O, shift): (self._comparison.step_object, -1),
            (Key.Key_I, none): (self._toggle_smooth, 0),
            (Key.Key_W, none): (self.toggle_wiper, 0),
        }

    def _sideways(self, amount: int) -> None:
        """Moves the wiper where there is one; else shows another channel."""
        if self._comparison.state.layout == "wiper":
            by = WIPE * amount if abs(amount) < _FAR else WIPE_FAR * amount / _FAR
            self._comparison.set_wiper(self._comparison.state.wiper + by)
        else:
            self._comparison.step_channel(amount)

    def _step_level(self, amount: int) -> None:
        self._go(amount, 0)

    def _step_column(self, amount: int) -> None:
        self._go(0, amount)

    def _go(self, rows: int, columns: int) -> None:
        graph = self._graph()
        found = texts.neighbour(graph, self._comparison.state.node, rows, columns) if graph is not None else ""
        if found:
            self._comparison.set_node(found)

    def _graph(self) -> Graph | None:
        state = self._comparison.state
        info = state.infos[state.shown[0]] if state.shown[0] < len(state.infos) else None
        return info.graph if info is not None else None

    def _toggle_smooth(self, _: int) -> None:
        self._display.update(smooth=not self._display.state.smooth)
