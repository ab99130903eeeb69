"""What the program remembers between two starts, as typed properties over one `QSettings`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECENT = 8
THEMES = ("system", "light", "dark")
#: bytes of traces kept for going back to an earlier picture, as the preferences offer them
BUDGETS = tuple(gigabytes << 30 for gigabytes in (1, 2, 4, 8, 16, 32))
DEFAULT_BUDGET = 2 << 30
#: raised when docks or toolbars change so much that an old layout no longer fits
LAYOUT_VERSION = 2


class SettingsStore:
    """Typed access to the remembered settings; whatever a file holds instead of a usable value counts as absent."""

    def __init__(self, settings: QSettings | None = None) -> None:
        """Open the store.

        Args:
            settings: Where to keep it; the user's own file when None.
        """
        scope = QSettings.Scope.UserScope
        self._settings = settings or QSettings(QSettings.Format.IniFormat, scope, "fpn-viewer", "fpn-viewer")

    @property
    def theme(self) -> str:
        """One of `THEMES`."""
        theme = self._text("theme")
        return theme if theme in THEMES else THEMES[0]

    @theme.setter
    def theme(self, name: str) -> None:
        self._settings.setValue("theme", name)

    @property
    def device(self) -> str:
        """The device that was chosen, "auto" before any choice."""
        return self._text("device") or "auto"

    @device.setter
    def device(self, name: str) -> None:
        self._settings.setValue("device", name)

    @property
    def memory_budget(self) -> int:
        """Bytes that traces may take; one of `BUDGETS`."""
        text = self._text("memory_budget")
        budget = int(text) if text.isdecimal() else 0
        return budget if budget in BUDGETS else DEFAULT_BUDGET

    @memory_budget.setter
    def memory_budget(self, size: int) -> None:
        # As text, because an INI number of more than 32 bits comes back changed on some platforms.
        self._settings.setValue("memory_budget", str(size))

    @property
    def welcome(self) -> bool:
        """Whether the welcome is still to be shown."""
        return self._text("welcome") != "dismissed"

    @welcome.setter
    def welcome(self, wanted: bool) -> None:
        self._settings.setValue("welcome", "shown" if wanted else "dismissed")

    @property
    def last_folder(self) -> str:
        """The folder the last picture or checkpoint was opened from, or ""."""
        return self._text("last_folder")

    @last_folder.setter
    def last_folder(self, folder: str) -> None:
        self._settings.setValue("last_folder", folder)

    @property
    def recent_pictures(self) -> tuple[str, ...]:
        """Pictures and folders opened last, newest first."""
        return self._texts("recent/pictures")

    @property
    def recent_checkpoints(self) -> tuple[str, ...]:
        """Checkpoints opened last, newest first."""
        return self._texts("recent/checkpoints")

    def note_pictures(self, paths: Iterable[str]) -> None:
        """Put opened paths in front of `recent_pictures`."""
        self._note("recent/pictures", paths)

    def note_checkpoint(self, path: str) -> None:
        """Put an opened file in front of `recent_checkpoints`."""
        self._note("recent/checkpoints", (path,))

    def forget_recent(self) -> None:
        """Empty both lists of recent files."""
        self._settings.remove("recent")

    @property
    def unfinished_scan(self) -> str:
        """The scan that runs, or ran when the program ended, as `resuming.order_as_text` gave it; "" for none."""
        return self._text("unfinished_scan")

    @unfinished_scan.setter
    def unfinished_scan(self, order: str) -> None:
        self._settings.setValue("unfinished_scan", order)
        # the program may be killed before the next event
        self._settings.sync()

    def labels(self, data_set: str) -> dict[str, str | None]:
        """What the user said of a data set's classes: the detector's class by name, or None to leave one out.

        Args:
            data_set: as `annotations.labels.dataset_key` names it.
        """
        try:
            known = json.loads(self._text(f"labels/{data_set}") or "{}")
        except ValueError:
            return {}
        entries = known.items() if isinstance(known, dict) else ()
        return {name: to for name, to in entries if to is None or isinstance(to, str)}

    def keep_labels(self, data_set: str, names: Mapping[str, str | None]) -> None:
        """Remember what the user said of a data set's classes."""
        self._settings.setValue(f"labels/{data_set}", json.dumps(dict(names)))

    @property
    def geometry(self) -> QByteArray | None:
        """The window's size and place, as `QWidget.saveGeometry` gave it."""
        return self._bytes("window/geometry")

    @property
    def layout(self) -> QByteArray | None:
        """Docks and toolbars, as `QMainWindow.saveState` gave it."""
        return self._bytes("window/layout")

    def keep_window(self, geometry: QByteArray, layout: QByteArray) -> None:
        """Remember the window's place and its docks."""
        self._settings.setValue("window/geometry", geometry)
        self._settings.setValue("window/layout", layout)

    def sync(self) -> None:
        """Write to disk now."""
        self._settings.sync()

    def _text(self, key: str) -> str:
        value = self._settings.value(key, "")
        return value if isinstance(value, str) else ""

    def _texts(self, key: str) -> tuple[str, ...]:
        # A list of one comes back from an INI file as a plain string.
        value = self._settings.value(key, [])
        values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return tuple(text for text in values if isinstance(text, str) and text)

    def _bytes(self, key: str) -> QByteArray | None:
        value = self._settings.value(key)
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None

    def _note(self, key: str, paths: Iterable[str]) -> None:
        newest = tuple(paths)[:RECENT]
        older = tuple(path for path in self._texts(key) if path not in newest)
        self._settings.setValue(key, list((*newest, *older)[:RECENT]))
