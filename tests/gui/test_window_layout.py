"""Keys, dialogs, messages, layout and the end of the window."""

from __future__ import annotations

import gc
import re
import sys
import threading
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QTabBar

from fpn_viewer.app import Program
from fpn_viewer.ui.actions import ACTIONS, GESTURES, MENUS
from fpn_viewer.ui.anchors.state import LAYERS
from fpn_viewer.ui.canvas.keys import KEYS
from fpn_viewer.ui.dialogs.shortcuts import ShortcutsDialog, sheet
from fpn_viewer.ui.settings_store import BUDGETS
from fpn_viewer.ui.theme import is_dark
from fpn_viewer.ui.theme_menu import ThemeMenu
from fpn_viewer.viewmodels.states import Problem
from tests.gui.window_flow import open_all, trigger

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication, QMainWindow
    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.settings_store import SettingsStore

pytestmark = pytest.mark.gui


# -- keys and dialogs ---------------------------------------------------------------------------------------------------


def test_no_key_is_given_twice(program: Program) -> None:
    """Neither in the window nor, for keys that work everywhere, against those of the maps."""
    window = program.window
    everywhere = [a for a in window.findChildren(QAction) if a.shortcutContext() != Qt.ShortcutContext.WidgetWithChildrenShortcut]
    keys = Counter(key.toString() for action in everywhere for key in action.shortcuts())
    keys.update(shortcut.key().toString() for shortcut in window.findChildren(QShortcut))
    assert [key for key, count in keys.items() if count > 1] == []
    assert len(keys) > 15
    maps = {QKeySequence(row.keys).toString() for row in KEYS} | {row.key for row in LAYERS}
    # Esc is Cancel's while something runs; the maps claim it while they are enlarged.
    assert set(keys) & maps <= {"Esc"}


def test_no_letter_leads_to_two_entries_of_a_menu() -> None:
    for menu in MENUS:
        letters = Counter(re.findall(r"&(\w)", row.text.replace("&&", ""))[0].lower() for row in ACTIONS if row.menu == menu)
        assert [letter for letter, count in letters.items() if count > 1] == [], menu


def test_the_sheet_names_every_key(program: Program, qtbot: QtBot) -> None:
    qtbot.keyClick(program.window, "?")
    dialog = next(d for d in program.window.findChildren(ShortcutsDialog))
    text = dialog.page.toPlainText()
    for heading in (*MENUS, *GESTURES, "Pyramid", "Anchors & RPN"):
        assert heading in text
    for row in ACTIONS:
        for key in row.keys:
            assert QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) in text
        if row.keys:
            assert row.tip in text
    assert len({keys for rows in sheet().values() for keys, _ in rows}) > 40
    dialog.close()


@pytest.mark.parametrize("name", ["shortcuts", "about", "preferences"])
def test_a_closed_dialog_is_gone(program: Program, name: str) -> None:
    trigger(program, name)
    dialogs = [d for d in program.window.findChildren(QDialog) if d.isVisible()]
    assert len(dialogs) == 1
    ref = weakref.ref(dialogs.pop())
    dialog = ref()
    assert dialog is not None
    dialog.close()
    del dialog
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert ref() is None
    assert [d for d in program.window.findChildren(QDialog) if d.isVisible()] == []


def test_preferences_are_in_force_at_once(program: Program, store: SettingsStore, qtbot: QtBot) -> None:
    trigger(program, "preferences")
    dialog: Any = next(d for d in program.window.findChildren(QDialog) if d.isVisible())
    dialog.theme.setCurrentIndex(2)
    dialog.theme.activated.emit(2)
    qtbot.waitUntil(lambda: is_dark(program.window.palette()))
    dialog.memory.activated.emit(2)
    assert (store.theme, store.memory_budget) == ("dark", BUDGETS[2])
    dialog.close()


def test_the_theme_menu_changes_every_part_of_the_window(program: Program, qtbot: QtBot) -> None:
    window = program.window
    grounds = {}
    for action in window.findChild(ThemeMenu).actions()[1:]:
        action.trigger()
        qtbot.waitUntil(lambda: is_dark(window.palette()) == window.theme.dark)
        image = window.grab().toImage()
        bar, strip, status = window.top_bar, window.welcome, window.status
        places = [w.mapTo(window, QPoint(w.width() // 2, w.height() - 5)) for w in (bar, strip, status)]
        grounds[action.data()] = [image.pixelColor(place).lightness() for place in places]
    assert all(light > 200 > 90 > dark for light, dark in zip(grounds["light"], grounds["dark"], strict=True)), grounds


# -- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_thread", [False, True])
def test_what_nobody_caught_is_shown_in_the_messages(program: Program, qtbot: QtBot, on_thread: bool) -> None:
    def fail() -> None:
        raise ValueError("beyond all rows")

    with program._errors.installed():
        if on_thread:
            worker = threading.Thread(target=fail)
            worker.start()
            worker.join()
        else:
            try:
                fail()
            except ValueError as error:
                sys.excepthook(ValueError, error, error.__traceback__)
        qtbot.waitUntil(lambda: program.window.messages.list.count() == 1)
    assert "beyond all rows" in program.window.message_bar.label.text()
    assert "in fail" in program.window.messages.details.toPlainText()
    assert sys.excepthook is not program._errors._caught


def test_repeated_messages_are_counted_and_erased(program: Program) -> None:
    window = program.window
    for _ in range(3):
        window.report(Problem("The disk is full", "df"))
    assert window.messages.list.count() == 1
    assert "× 3" in window.messages.list.item(0).text()
    window._show_messages()
    window.messages.clear()
    assert not window.docks["messages"].isVisible()
    assert not window.message_bar.isVisible()


def end(program: Program) -> None:
    program.window.close()
    program.shutdown()
    program.window.deleteLater()


# -- layout and end -----------------------------------------------------------------------------------------------------


def test_layout_is_remembered_and_reset(program: Program, store: SettingsStore, qtbot: QtBot) -> None:
    first = program.window
    first.docks["channels"].close()
    first.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, first.docks["pictures"])
    first.close()
    again = Program(store)
    try:
        again.window.show()
        assert not again.window.docks["channels"].isVisible()
        assert again.window.dockWidgetArea(again.window.docks["pictures"]) == Qt.DockWidgetArea.RightDockWidgetArea
        trigger(again, "reset_layout")
        assert again.window.docks["channels"].isVisible()
        assert again.window.dockWidgetArea(again.window.docks["pictures"]) == Qt.DockWidgetArea.LeftDockWidgetArea
        assert not again.window.docks["messages"].isVisible()
    finally:
        end(again)


def shown_bars(window: QMainWindow) -> list[list[str]]:
    """Titles on the bars of tabs that are painted; none may lie over the centre."""
    QCoreApplication.processEvents()
    centre = window.centralWidget().geometry()
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    shown = [bar for bar in bars if bar.isVisible() and bar.count() and window.rect().intersects(bar.geometry())]
    assert not [bar.geometry() for bar in shown if bar.geometry().intersects(centre)]
    assert not [bar for bar in bars if bar not in shown and bar.isVisible() and bar.count() > 1]
    return sorted([bar.tabText(index) for index in range(bar.count())] for bar in shown)


SIDE_BARS = [["Channels", "What-if"], ["Probe", "Life line"]]


@pytest.mark.parametrize("resets", [0, 1, 3])
def test_every_bar_of_tabs_is_there_once(program: Program, resets: int) -> None:
    """Bars that Qt forgot would be painted over the centre, and take the focus."""
    window = program.window
    for _ in range(resets):
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, window.docks["what_if"])
        trigger(program, "reset_layout")
    assert shown_bars(window) == SIDE_BARS
    for name in ("misses", "messages"):
        window.docks[name].show()
    assert shown_bars(window) == sorted([*SIDE_BARS, ["Misses", "Messages"]])
    window.resize(1100, 800)
    assert shown_bars(window) == sorted([*SIDE_BARS, ["Misses", "Messages"]])


def test_bars_of_tabs_of_a_remembered_layout(program: Program, store: SettingsStore) -> None:
    first = program.window
    first.tabifyDockWidget(first.docks["pictures"], first.docks["objects"])
    first.close()
    again = Program(store)
    try:
        again.window.show()
        assert shown_bars(again.window) == sorted([*SIDE_BARS, ["Pictures", "Objects"]])
    finally:
        end(again)


def test_panels_get_their_sizes_back(program: Program, store: SettingsStore) -> None:
    first = program.window
    QCoreApplication.processEvents()
    first.resizeDocks([first.docks["pictures"], first.docks["probe"]], [180, 300], Qt.Orientation.Horizontal)
    QCoreApplication.processEvents()
    before = {name: first.docks[name].width() for name in ("pictures", "objects", "probe", "channels")}
    first.close()
    again = Program(store)
    try:
        again.window.show()
        QCoreApplication.processEvents()
        assert again.window.width() == first.width()
        assert {name: again.window.docks[name].width() for name in before} == before
    finally:
        end(again)


def test_a_layout_from_before_a_panel_was_there(program: Program, store: SettingsStore) -> None:
    """A panel that the remembered layout does not know stands where it is at first; the others as they were left."""
    first = program.window
    unknown = first.docks["misses"]
    first.removeDockWidget(unknown)
    unknown.setObjectName("")
    unknown.setParent(None)
    first.docks["channels"].close()
    first.close()
    unknown.deleteLater()
    again = Program(store)
    try:
        again.window.show()
        assert not again.window.docks["channels"].isVisible()
        assert not again.window.docks["misses"].isVisible()
        again.window.docks["misses"].show()
        QCoreApplication.processEvents()
        assert again.window.dockWidgetArea(again.window.docks["misses"]) == Qt.DockWidgetArea.BottomDockWidgetArea
        assert again.window.docks["misses"].height() > 100
    finally:
        end(again)


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900), (3840, 2160)])
def test_nothing_is_cut_off(program: Program, folder: Path, module: Any, qtbot: QtBot, size: tuple[int, int]) -> None:
    window = program.window
    open_all(program, folder, module, qtbot)
    window.resize(*size)
    QCoreApplication.processEvents()
    assert (window.width(), window.height()) == size
    for widget in (window.top_bar.button, window.top_bar.device, window.status.found, window.tabs, *window.docks.values()):
        # a panel behind another one of its place is visible to Qt, and nowhere
        if not widget.visibleRegion().isEmpty():
            corner = widget.mapTo(window, widget.rect().bottomRight())
            assert window.rect().contains(corner), widget
            assert widget.width() >= widget.minimumSizeHint().width(), widget
    assert window.tabs.width() >= size[0] // 2


def test_closing_frees_the_window(store: SettingsStore, qapp: QApplication) -> None:
    program = Program(store)
    program.window.show()
    trigger(program, "tab_anchors")
    ref = weakref.ref(program.window)
    program.window.close()
    program.shutdown()
    program.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del program
    gc.collect()
    assert ref() is None
