"""What is remembered, and the words of the status line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QSettings

from fpn_viewer.ui.panels.status import device_text, duration
from fpn_viewer.ui.settings_store import BUDGETS, DEFAULT_BUDGET, RECENT, SettingsStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gui


# -- values -------------------------------------------------------------------------------------------------------------


def test_the_store_keeps_what_it_is_given_and_survives_nonsense(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.ini")
    store = SettingsStore(QSettings(path, QSettings.Format.IniFormat))
    store.theme, store.device, store.memory_budget, store.welcome = "dark", "cuda:1", BUDGETS[-1], False
    store.note_checkpoint("/a.pth")
    store.note_pictures([f"/{n}.png" for n in range(20)])
    store.note_pictures(["/3.png"])
    store.sync()
    again = SettingsStore(QSettings(path, QSettings.Format.IniFormat))
    assert (again.theme, again.device, again.memory_budget, again.welcome) == ("dark", "cuda:1", BUDGETS[-1], False)
    assert again.recent_checkpoints == ("/a.pth",)
    assert again.recent_pictures[:3] == ("/3.png", "/0.png", "/1.png")
    assert len(again.recent_pictures) == RECENT
    again.forget_recent()
    assert again.recent_pictures == again.recent_checkpoints == ()
    nonsense = QSettings(path, QSettings.Format.IniFormat)
    for key in ("theme", "memory_budget", "window/geometry", "window/layout"):
        nonsense.setValue(key, ["odd", "list"])
    broken = SettingsStore(nonsense)
    assert (broken.theme, broken.memory_budget, broken.geometry, broken.layout) == ("system", DEFAULT_BUDGET, None, None)


@pytest.mark.parametrize(("seconds", "text"), [(0.00412, "4.12 ms"), (0.0412, "41.2 ms"), (0.412, "412 ms"), (1.2345, "1.23 s")])
def test_times_have_units_and_three_digits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_memory_of_a_graphics_card_is_shown_with_its_name() -> None:
    class Trace:
        device, memory = "cuda:0", (1_288_490_188, 8 << 30)

    assert device_text(Trace(), None) == "cuda:0  1.2 / 8 GB"  # type: ignore[arg-type]
