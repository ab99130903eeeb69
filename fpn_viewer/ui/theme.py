"""The program's chrome in light and dark: two palettes over Qt's Fusion style. Data colours do not come from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QPalette

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = QPalette.ColorRole
Group = QPalette.ColorGroup

#: role to (light, dark); every text role has a contrast of at least 4.5 to what it stands on (WCAG AA)
COLOURS: Final[Mapping[QPalette.ColorRole, tuple[str, str]]] = {
    Role.Window: ("#f3f4f6", "#212429"),
    Role.WindowText: ("#1b1f24", "#e4e7eb"),
    Role.Base: ("#ffffff", "#181a1e"),
    Role.AlternateBase: ("#f6f7f9", "#1d2024"),
    Role.Text: ("#1b1f24", "#e4e7eb"),
    Role.PlaceholderText: ("#59626d", "#9ba4ae"),
    Role.Button: ("#e9ebee", "#2d3138"),
    Role.ButtonText: ("#1b1f24", "#e4e7eb"),
    Role.BrightText: ("#ffffff", "#ffffff"),
    Role.ToolTipBase: ("#1b1f24", "#e4e7eb"),
    Role.ToolTipText: ("#f3f4f6", "#1b1f24"),
    Role.Highlight: ("#1c5fb8", "#2f6fc8"),
    Role.HighlightedText: ("#ffffff", "#ffffff"),
    Role.Accent: ("#1c5fb8", "#2f6fc8"),
    Role.Link: ("#1c5fb8", "#85b4f5"),
    Role.LinkVisited: ("#6b3fa0", "#c0a3e8"),
    Role.Light: ("#ffffff", "#3b4149"),
    Role.Midlight: ("#f8f9fa", "#32373e"),
    Role.Mid: ("#c3c8cf", "#3e444d"),
    Role.Dark: ("#a3abb5", "#14161a"),
    Role.Shadow: ("#737b86", "#0a0b0d"),
}

#: roles whose disabled colour differs: (light, dark)
DISABLED: Final[Mapping[QPalette.ColorRole, tuple[str, str]]] = {
    Role.WindowText: ("#8b939d", "#737b86"),
    Role.Text: ("#8b939d", "#737b86"),
    Role.ButtonText: ("#8b939d", "#737b86"),
    Role.Highlight: ("#b6bec8", "#4a515b"),
    Role.HighlightedText: ("#ffffff", "#c3c8cf"),
}

#: tinted strips that carry a message: kind to (light, dark) of their ground; their text is WindowText
STRIPS: Final[Mapping[str, tuple[str, str]]] = {
    "error": ("#fbe3df", "#4a2622"),
    "notice": ("#fdf1d3", "#453a1b"),
    "welcome": ("#e3edfa", "#1f3048"),
    "download": ("#e3edfa", "#1f3048"),
}

_SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


def palette(dark: bool) -> QPalette:
    """The complete palette of one theme."""
    made = QPalette()
    for role, colours in COLOURS.items():
        for group in (Group.Active, Group.Inactive, Group.Disabled):
            made.setColor(group, role, QColor(colours[dark]))
    for role, colours in DISABLED.items():
        made.setColor(Group.Disabled, role, QColor(colours[dark]))
    return made


def is_dark(shown: QPalette) -> bool:
    """Whether a widget with this palette is dark."""
    return shown.color(Role.Window).lightness() < 128


def strip_colour(kind: str, shown: QPalette) -> QColor:
    """The ground of a message strip.

    Args:
        kind: A key of `STRIPS`.
        shown: The palette of the widget.
    """
    return QColor(STRIPS[kind][is_dark(shown)])


class Theme(QObject):
    """Keeps the application's palette at the chosen theme, or at the system's.

    Signals:
        changed(dark): The palette was replaced.
    """

    changed = Signal(object)

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        """Apply a theme and follow the system from now on.

        Args:
            choice: "system", "light" or "dark".
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._choice = choice
        self._dark: bool | None = None
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self.choose(choice)

    @property
    def choice(self) -> str:
        """What was chosen: "system", "light" or "dark"."""
        return self._choice

    @property
    def dark(self) -> bool:
        """Whether the dark palette is shown."""
        return bool(self._dark)

    def choose(self, choice: str) -> None:
        """Change the theme.

        Args:
            choice: "system", "light" or "dark".
        """
        self._choice = choice
        hints = QGuiApplication.styleHints()
        # So that what the platform draws itself, such as title bars, follows.
        if choice in _SCHEMES:
            hints.setColorScheme(_SCHEMES[choice])
        else:
            hints.unsetColorScheme()
        self._follow(hints.colorScheme())

    @Slot(Qt.ColorScheme)
    def _follow(self, system: Qt.ColorScheme) -> None:
        # A platform without themes says "unknown" and gets the light one.
        dark = _SCHEMES.get(self._choice, system) == Qt.ColorScheme.Dark
        if dark != self._dark:
            self._dark = dark
            QGuiApplication.setPalette(palette(dark))
            self.changed.emit(dark)
