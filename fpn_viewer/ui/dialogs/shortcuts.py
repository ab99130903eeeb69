"""The sheet of keys, made from the table of actions and the gestures of the views."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QTextBrowser

from fpn_viewer.ui.actions import ACTIONS, GESTURES, MENUS, plain_text, shown_keys
from fpn_viewer.ui.anchors.state import LAYERS
from fpn_viewer.ui.canvas.keys import KEYS
from fpn_viewer.ui.dialogs.base import SmallDialog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtWidgets import QWidget


def sheet() -> dict[str, list[tuple[str, str]]]:
    """All keys and gestures: (keys, what happens) by heading."""
    found: dict[str, list[tuple[str, str]]] = {}
    for menu in MENUS:
        rows = [(shown_keys(row), row.tip or plain_text(row)) for row in ACTIONS if row.menu == menu and row.keys]
        found[menu] = rows
    found["Pyramid"] = _merged((_native(row.keys), row.text) for row in KEYS)
    found["Anchors & RPN"] = [(_native(row.key), f"{row.text} on or off") for row in LAYERS]
    return found | {heading: list(rows) for heading, rows in GESTURES.items()}


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def _merged(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keys that do the same on one line."""
    by_sentence: dict[str, list[str]] = {}
    for keys, sentence in rows:
        by_sentence.setdefault(sentence, []).append(keys)
    return [(" or ".join(keys), sentence) for sentence, keys in by_sentence.items()]


def _html() -> str:
    blocks = []
    for heading, rows in sheet().items():
        lines = "".join(
            f'<tr><td width="190" style="padding:2px 12px 2px 0"><b>{escape(keys)}</b></td>'
            f'<td style="padding:2px 0">{escape(sentence)}</td></tr>'
            for keys, sentence in rows
        )
        blocks.append(f'<h3 style="margin:12px 0 4px 0">{escape(heading)}</h3><table cellspacing="0">{lines}</table>')
    return "".join(blocks)


class ShortcutsDialog(SmallDialog):
    """All keys on one page."""

    def __init__(self, parent: QWidget) -> None:
        """Fills the page."""
        super().__init__("Keys and gestures", parent)
        self.page = QTextBrowser()
        self.page.setAccessibleName("Keys and gestures")
        self.page.setHtml(_html())
        self.column.addWidget(self.page)
        self.finish()

    def sizeHint(self) -> QSize:
        """High enough for most of the page, but not higher than the window."""
        window = self.parentWidget()
        return QSize(640, min(820, window.height() - 60) if window is not None else 820)
