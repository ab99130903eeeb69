"""The grid's keys as one table: what is pressed, what it does, and the words for the sheet of keys."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence

Key = Qt.Key
Modifier = Qt.KeyboardModifier

#: modifiers that tell keys apart; the keypad's is no difference
_TELLING = Modifier.ShiftModifier | Modifier.ControlModifier | Modifier.AltModifier | Modifier.MetaModifier
#: reached by AltGr or Shift on some keyboards
_FREE = frozenset({Key.Key_BracketLeft, Key.Key_BracketRight, Key.Key_Plus, Key.Key_Minus, Key.Key_Equal, Key.Key_1})


@dataclass(frozen=True)
class KeyRow:
    """One key.

    Attributes:
        keys: as Qt writes it: "Shift+Left".
        action: name of a method of `Gestures`.
        amount: given to the method.
        text: what it does.
    """

    keys: str
    action: str
    amount: int = 0
    text: str = ""


KEYS: tuple[KeyRow, ...] = (
    KeyRow("Left", "step_channel", -1, "Previous channel"),
    KeyRow("Right", "step_channel", 1, "Next channel"),
    KeyRow("Shift+Left", "step_channel", -10, "Ten channels back"),
    KeyRow("Shift+Right", "step_channel", 10, "Ten channels on"),
    KeyRow("Up", "step_level", -1, "Finer level"),
    KeyRow("Down", "step_level", 1, "Coarser level"),
    KeyRow("Ctrl+Left", "step_column", -1, "Column to the left"),
    KeyRow("Ctrl+Right", "step_column", 1, "Column to the right"),
    KeyRow("[", "step_reduction", -1, "Previous reduction"),
    KeyRow("]", "step_reduction", 1, "Next reduction"),
    KeyRow("L", "step_scale", 1, "Colour scale: per cell, per row, locked"),
    KeyRow("Ctrl+Up", "step_opacity", 1, "More of the map"),
    KeyRow("Ctrl+Down", "step_opacity", -1, "More of the picture"),
    KeyRow("I", "toggle_smooth", 0, "Interpolate maps or show their cells"),
    KeyRow("D", "toggle_detections", 0, "Detections on or off"),
    KeyRow("E", "toggle_receptive", 0, "Receptive field under the cursor on or off"),
    KeyRow("F", "fit", 0, "Whole picture"),
    KeyRow("1", "one_to_one", 0, "100 %"),
    KeyRow("+", "zoom", 1, "Zoom in"),
    KeyRow("=", "zoom", 1, "Zoom in"),
    KeyRow("-", "zoom", -1, "Zoom out"),
    KeyRow("Alt+Left", "pan_x", 1, "Move the picture right"),
    KeyRow("Alt+Right", "pan_x", -1, "Move the picture left"),
    KeyRow("Alt+Up", "pan_y", 1, "Move the picture down"),
    KeyRow("Alt+Down", "pan_y", -1, "Move the picture up"),
    KeyRow("Return", "toggle_enlarged", 0, "Enlarge the map, or go back"),
    KeyRow("Enter", "toggle_enlarged", 0, "Enlarge the map, or go back"),
    KeyRow("Esc", "leave", 0, "Leave box drawing or the enlarged map"),
    KeyRow("B", "toggle_box", 0, "Draw a box"),
    KeyRow("Del", "clear_box", 0, "Remove the box"),
    KeyRow("Space", "hide_overlays", 0, "Hold: the picture alone"),
)

_BY_COMBINATION = {QKeySequence(row.keys).toString(): row for row in KEYS}


def row_for(key: int, modifiers: Qt.KeyboardModifier) -> KeyRow | None:
    """The row of a key press, or None."""
    telling = modifiers & _TELLING
    if key in _FREE and telling != Modifier.ControlModifier:
        telling = Modifier.NoModifier
    return _BY_COMBINATION.get(QKeySequence(key | telling.value).toString())


def shown(action: str, amount: int = 0) -> str:
    """The first key of an action as this platform writes it, for tooltips."""
    row = next(row for row in KEYS if row.action == action and (row.amount == amount or not amount))
    return QKeySequence(row.keys).toString(QKeySequence.SequenceFormat.NativeText)
