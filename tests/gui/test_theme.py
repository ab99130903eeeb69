from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QLabel

from fpn_viewer.core.resources import resources
from fpn_viewer.ui.actions import ACTIONS
from fpn_viewer.ui.icons import icon, pixmap, window_icon
from fpn_viewer.ui.panels.picture_row import PROBLEM_COLOURS
from fpn_viewer.ui.theme import STRIPS, Theme, is_dark, palette, strip_colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

Role = QPalette.ColorRole
AA = 4.5
#: text role and the grounds it stands on
PAIRS = [
    (Role.WindowText, (Role.Window, Role.Base)),
    (Role.Text, (Role.Base, Role.AlternateBase)),
    (Role.PlaceholderText, (Role.Base, Role.Window)),
    (Role.ButtonText, (Role.Button, Role.Window)),
    (Role.HighlightedText, (Role.Highlight,)),
    (Role.ToolTipText, (Role.ToolTipBase,)),
    (Role.Link, (Role.Base, Role.Window)),
    (Role.LinkVisited, (Role.Base, Role.Window)),
]


def luminance(colour: QColor) -> float:
    parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    before = qapp.palette()
    theme = Theme("light")
    yield theme
    theme.choose("system")
    theme.deleteLater()
    qapp.setPalette(before)


def ink(drawn: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> QColor:
    """The colour of the most opaque pixel."""
    image = drawn.pixmap(32, 32, mode).toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=lambda colour: colour.alpha())


@pytest.mark.parametrize("dark", [False, True])
def test_all_texts_have_the_contrast_of_aa(dark: bool) -> None:
    shown = palette(dark)
    for text, grounds in PAIRS:
        for ground in grounds:
            assert contrast(shown.color(text), shown.color(ground)) >= AA, (text, ground)
    for kind in STRIPS:
        assert contrast(shown.color(Role.WindowText), strip_colour(kind, shown)) >= AA, kind
    assert contrast(QColor(PROBLEM_COLOURS[dark]), shown.color(Role.Base)) >= AA


@pytest.mark.parametrize("dark", [False, True])
def test_every_role_is_set_so_that_no_platform_colour_shines_through(dark: bool) -> None:
    shown = palette(dark)
    for role in Role:
        if role not in (Role.NoRole, Role.NColorRoles):
            assert shown.isBrushSet(QPalette.ColorGroup.Active, role), role


def test_choosing_a_theme_repaints_the_widgets(theme: Theme, qtbot: QtBot) -> None:
    label = QLabel()
    label.resize(20, 20)
    qtbot.addWidget(label)
    for choice in ("dark", "light", "dark"):
        theme.choose(choice)
        assert theme.dark == (choice == "dark")
        # Qt tells the widgets with the next events.
        qtbot.waitUntil(lambda dark=theme.dark: is_dark(label.palette()) == dark)
        assert label.grab().toImage().pixelColor(2, 2) == palette(theme.dark).color(Role.Window)


def test_the_system_is_followed_until_a_theme_is_chosen(theme: Theme) -> None:
    says = QGuiApplication.styleHints().colorSchemeChanged
    theme.choose("system")
    for scheme in (Qt.ColorScheme.Light, Qt.ColorScheme.Dark, Qt.ColorScheme.Unknown, Qt.ColorScheme.Dark):
        says.emit(scheme)
        assert theme.dark == (scheme == Qt.ColorScheme.Dark)
    theme.choose("light")
    says.emit(Qt.ColorScheme.Dark)
    assert not theme.dark


def test_icons_have_the_colour_of_the_text_beside_them(qapp: QApplication) -> None:
    for dark in (False, True):
        shown = palette(dark)
        for mode, group in ((QIcon.Mode.Normal, QPalette.ColorGroup.Active), (QIcon.Mode.Disabled, QPalette.ColorGroup.Disabled)):
            painted, wanted = ink(icon("run", shown), mode), shown.color(group, Role.ButtonText)
            assert all(abs(a - b) <= 2 for a, b in zip(painted.getRgb()[:3], wanted.getRgb()[:3], strict=True)), (dark, mode)


def test_every_action_has_its_drawing_and_all_drawings_one_line_weight(qapp: QApplication) -> None:
    drawings = {path.stem: path.read_text(encoding="utf-8") for path in (resources() / "icons").glob("*.svg")}
    assert {row.icon for row in ACTIONS} - {""} <= set(drawings)
    lines = {name: text for name, text in drawings.items() if name != "fpn-viewer"}
    assert {tuple(re.findall(r'stroke-width="([^"]+)"', text)) for text in lines.values()} == {("1.75",)}
    for name, text in lines.items():
        assert 'stroke="currentColor"' in text
        assert not re.search(r"#[0-9a-fA-F]{3}", text), name
        assert ink(icon(name, palette(False))).alpha() > 200, name


def test_a_label_s_icon_is_sharp_on_a_dense_screen(qapp: QApplication) -> None:
    drawn = pixmap("error", 18, 2.0, palette(False))
    assert (drawn.width(), drawn.devicePixelRatio(), drawn.deviceIndependentSize().width()) == (36, 2.0, 18.0)


def test_the_window_icon_has_the_colours_of_the_levels(qapp: QApplication) -> None:
    image = window_icon().pixmap(64, 64).toImage()
    seen = {image.pixelColor(32, y).name() for y in range(64)}
    assert {"#0072b2", "#009e73", "#e69f00"} <= seen
