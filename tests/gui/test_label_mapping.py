"""The dialog of classes: what it fills in, what it asks, what it gives back, by mouse and by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QWidget

from fpn_viewer.core.annotations.labels import match_labels
from fpn_viewer.ui.dialogs.label_mapping import LEAVE_OUT, STATES, LabelMappingDialog
from fpn_viewer.ui.theme import palette

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

CLASSES = ("__background__", "person", "car", "N/A", "truck")
NAMES = {"Person": 3, "lorry": 12, "small car": 0, "cars": 7}


@pytest.fixture
def dialog(qtbot: QtBot) -> Callable[..., LabelMappingDialog]:
    window = QWidget()
    qtbot.addWidget(window)

    def make(names: Any = NAMES, said: Any = None) -> LabelMappingDialog:
        made = LabelMappingDialog(names, CLASSES, match_labels(names, CLASSES, said), window)
        made.show()
        qtbot.waitExposed(made)
        return made

    return make


def column(dialog: LabelMappingDialog, number: int) -> list[str]:
    items = [dialog.table.item(row, number) for row in range(dialog.table.rowCount())]
    return [item.text() for item in items if item is not None]


def test_undecided_classes_come_first_with_a_guess_and_a_mark(dialog: Callable[..., LabelMappingDialog]) -> None:
    shown = dialog()
    assert column(shown, 0) == ["lorry", "small car", "Person", "cars"]
    assert column(shown, 1) == ["12", "–", "3", "7"]
    assert column(shown, 3) == [STATES["open"], STATES["guess"], "", ""]
    assert [combo.currentText() for combo in shown.combos] == [LEAVE_OUT, "car", "person", "car"]
    grounds = {row: shown.table.item(row, 0).background().style() for row in range(4)}  # type: ignore[union-attr]
    assert grounds[0] == grounds[1] == Qt.BrushStyle.SolidPattern
    assert grounds[2] == Qt.BrushStyle.NoBrush


def test_only_real_classes_can_be_chosen(dialog: Callable[..., LabelMappingDialog]) -> None:
    combo = dialog().combos[0]
    assert [combo.itemText(row) for row in range(combo.count())] == [LEAVE_OUT, "person", "car", "truck"]


def test_the_answer_is_what_is_shown(dialog: Callable[..., LabelMappingDialog], qtbot: QtBot) -> None:
    shown = dialog()
    assert shown.mapping() == {"lorry": None, "small car": "car", "Person": "person", "cars": "car"}
    shown.combos[0].setFocus()
    qtbot.keyClick(shown.combos[0], Qt.Key.Key_T)
    assert shown.mapping()["lorry"] == "truck"
    assert column(shown, 3)[0] == "", "what was chosen is no open question any more"


def test_what_was_left_out_before_is_no_question(dialog: Callable[..., LabelMappingDialog]) -> None:
    shown = dialog(said={"lorry": None, "small car": "truck"})
    assert column(shown, 3) == [""] * 4
    assert shown.mapping() == {"Person": "person", "lorry": None, "small car": "truck", "cars": "car"}


def test_return_accepts_and_escape_does_not(dialog: Callable[..., LabelMappingDialog], qtbot: QtBot) -> None:
    for key, signal in ((Qt.Key.Key_Return, "accepted"), (Qt.Key.Key_Escape, "rejected")):
        shown = dialog()
        with qtbot.waitSignal(getattr(shown, signal)):
            qtbot.keyClick(shown, key)


def test_mapping_can_still_be_read_when_accepted(dialog: Callable[..., LabelMappingDialog], qtbot: QtBot) -> None:
    shown = dialog()
    answers = []
    shown.accepted.connect(lambda: answers.append(shown.mapping()))
    use = next(b for b in shown.buttons.buttons() if shown.buttons.buttonRole(b) == QDialogButtonBox.ButtonRole.AcceptRole)
    qtbot.mouseClick(use, Qt.MouseButton.LeftButton)
    assert answers[0]["cars"] == "car"


def test_tab_goes_from_choice_to_choice_and_brings_the_row_into_view(
    dialog: Callable[..., LabelMappingDialog], qtbot: QtBot
) -> None:
    shown = dialog({f"class {n}": n for n in range(60)})
    shown.activateWindow()
    qtbot.waitUntil(shown.isActiveWindow)
    shown.combos[0].setFocus()
    for row in range(1, 40):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is shown.combos[row]
    top = shown.combos[39].mapTo(shown.table.viewport(), QPoint(0, 0)).y()
    assert 0 <= top <= shown.table.viewport().height() - shown.combos[39].height()


def test_the_wheel_changes_no_choice(dialog: Callable[..., LabelMappingDialog]) -> None:
    combo = dialog().combos[2]
    combo.setFocus()
    place = QPointF(combo.rect().center())
    turn = QWheelEvent(
        place,
        combo.mapToGlobal(place),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(combo, turn)
    assert combo.currentText() == "person"


def test_no_classes_at_all(dialog: Callable[..., LabelMappingDialog]) -> None:
    assert dialog({}).mapping() == {}


@pytest.mark.parametrize("dark", [False, True])
def test_marked_rows_can_be_read_in_both_themes(dialog: Callable[..., LabelMappingDialog], qapp: QApplication, dark: bool) -> None:
    before = qapp.palette()
    try:
        qapp.setPalette(palette(dark))
        shown = dialog()
        ground = shown.table.item(0, 0).background().color()  # type: ignore[union-attr]
        text = shown.table.palette().text().color()
        assert abs(ground.lightness() - text.lightness()) > 100
    finally:
        qapp.setPalette(before)
