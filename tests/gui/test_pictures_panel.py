from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QColor, QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from fpn_viewer.engine.files import Thumbnail
from fpn_viewer.ui.panels.pictures import KEPT, PictureModel, PicturesPanel

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui


class FakeDocument(QObject):
    """A document that only keeps a list and notes what it is asked for."""

    pictures_changed = Signal(object)
    current_changed = Signal(object)
    thumbnail_ready = Signal(object)

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        self.pictures: tuple[str, ...] = names(count)
        self.index = -1
        self.asked: list[str] = []
        self.owner: QWidget | None = None

    def request_thumbnail(self, path: str) -> None:
        self.asked.append(path)

    def select(self, index: int) -> None:
        self.index = index
        self.current_changed.emit(index)

    def remove(self, index: int) -> None:
        was_current = index == self.index
        self.set(self.pictures[:index] + self.pictures[index + 1 :])
        if was_current:
            self.select(min(index, len(self.pictures) - 1))

    def set(self, pictures: tuple[str, ...]) -> None:
        self.pictures = pictures
        self.pictures_changed.emit(pictures)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"/data/street/{n:05}.jpg" for n in range(count))


def make(qtbot: QtBot, count: int) -> tuple[PicturesPanel, FakeDocument]:
    document = FakeDocument(count)
    owner = QWidget()
    qtbot.addWidget(owner)
    panel = PicturesPanel(document, [QAction("Open", owner)], QMenu(owner), owner)  # type: ignore[arg-type]
    panel.resize(240, 500)
    owner.resize(240, 500)
    owner.show()
    document.owner = owner  # alive as long as the test holds the document
    return panel, document


def painted(panel: PicturesPanel, row: int, dx: int = 36) -> QColor:
    """The colour in the middle of a row's thumbnail, or `dx` from the left."""
    place = panel.view.visualRect(panel.model.index(row))
    image = panel.view.viewport().grab().toImage()
    return image.pixelColor(place.left() + dx, place.center().y())


def test_ten_thousand_pictures_cost_what_is_in_sight(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are read, and thumbnails that are asked for, do not depend on the length of the list."""
    read: list[int] = []
    data = PictureModel.data

    def counting(self: PictureModel, index: Any, role: int = 0) -> Any:
        read.append(index.row())
        return data(self, index, role)

    monkeypatch.setattr(PictureModel, "data", counting)
    reads = {}
    for count in (100, 10_000):
        read.clear()
        panel, document = make(qtbot, count)
        qtbot.waitUntil(lambda asked=document.asked: bool(asked))
        panel.view.viewport().grab()
        reads[count] = len(read)
        assert len(document.asked) <= 500 // 57 + 2
        assert set(read) <= set(range(20))
    assert reads[10_000] <= 2 * reads[100]


def test_thumbnails_follow_the_scrolling_and_are_asked_for_once(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 1000)
    qtbot.waitUntil(lambda: bool(document.asked))
    assert document.pictures[0] in document.asked
    document.asked.clear()
    panel.view.scrollTo(panel.model.index(500))
    qtbot.waitUntil(lambda: document.pictures[500] in document.asked)
    assert len(document.asked) < 20
    assert document.pictures[250] not in document.asked
    before = list(document.asked)
    panel.view.moved.emit()
    qtbot.wait(2 * panel._soon.interval())
    assert document.asked == before


def test_a_thumbnail_is_painted_where_its_picture_stands(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 5)
    red = np.zeros((60, 80, 3), np.uint8)
    red[..., 0] = 255
    document.thumbnail_ready.emit(Thumbnail(document.pictures[2], red))
    assert painted(panel, 2) == QColor("#ff0000")
    assert painted(panel, 1) != QColor("#ff0000")


def test_a_file_that_cannot_be_read_says_so_and_is_not_asked_for_again(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 3)
    qtbot.waitUntil(lambda: len(document.asked) == 3)
    document.thumbnail_ready.emit(Thumbnail(document.pictures[1], None, "It is damaged; save it again."))
    assert "damaged" in panel.model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert panel.model.wants(1) is None
    assert panel.model.wants(0) == document.pictures[0]


def test_only_so_many_thumbnails_are_kept(qtbot: QtBot) -> None:
    panel, document = make(qtbot, KEPT + 10)
    dot = np.zeros((1, 1, 3), np.uint8)
    for path in document.pictures:
        panel.model.add_thumbnail(Thumbnail(path, dot))
    assert panel.model.wants(0) == document.pictures[0]
    assert panel.model.wants(KEPT + 9) is None


def test_clicks_and_arrows_choose_the_document_s_picture(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 4)
    place = panel.view.visualRect(panel.model.index(2)).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert document.index == 2
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert document.index == 3
    qtbot.keyClick(panel.view, Qt.Key.Key_Home)
    assert document.index == 0
    assert panel.count.text() == "1 of 4"


def test_the_document_s_picture_is_the_marked_one(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 400)
    document.select(300)
    assert panel.view.currentIndex().row() == 300
    assert 300 in panel.view.visible_rows()


def test_letters_and_sideways_arrows_are_left_to_the_maps(qtbot: QtBot) -> None:
    left: list[int] = []

    class Owner(QWidget):
        def keyPressEvent(self, event: QKeyEvent) -> None:
            left.append(event.key())

    panel, document = make(qtbot, 4)
    owner = Owner()
    qtbot.addWidget(owner)
    panel.setParent(owner)
    document.select(1)
    keys = [Qt.Key.Key_F, Qt.Key.Key_Left, Qt.Key.Key_BracketLeft, Qt.Key.Key_Space]
    for key in keys:
        qtbot.keyClick(panel.view, key)
    assert left == keys
    assert document.index == 1


def test_removing_keeps_the_place_and_the_current_picture(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 100)
    document.select(50)
    top = panel.view.verticalScrollBar().value()
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    assert len(document.pictures) == 99
    assert document.pictures[50].endswith("00051.jpg")
    assert panel.view.currentIndex().row() == document.index == 50
    assert panel.view.verticalScrollBar().value() == top


def test_adding_and_replacing_keep_list_and_document_the_same(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 3)
    document.select(1)
    resets: list[bool] = []
    panel.model.modelReset.connect(lambda: resets.append(True))
    for pictures in (names(9), names(9)[2:], (), names(2)):
        document.index = min(document.index, len(pictures) - 1)
        document.set(pictures)
        assert tuple(panel.model.index(row).data(Qt.ItemDataRole.UserRole) for row in range(panel.model.rowCount())) == pictures
        assert panel.view.currentIndex().row() == document.index
    assert len(resets) == 2


def test_an_empty_list_says_what_to_do(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 0)
    empty = panel.view.viewport().grab().toImage()
    document.set(names(1))
    filled = panel.view.viewport().grab().toImage()
    assert panel.count.text() == "1 picture"

    def inked(image: Any) -> bool:
        middle = range(image.height() // 2 - 20, image.height() // 2 + 20)
        return len({image.pixelColor(x, y).name() for y in middle for x in range(image.width())}) > 1

    assert inked(empty)
    assert not inked(filled)


@pytest.mark.qt_log_ignore("does not support grabbing", extend=True)
def test_the_context_menu_copies_and_removes(qtbot: QtBot) -> None:
    panel, document = make(qtbot, 3)
    place = panel.view.viewport().mapTo(panel, panel.view.visualRect(panel.model.index(1)).center())
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, panel.mapToGlobal(place))
    QApplication.sendEvent(panel, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    entries = {action.text().replace("&", ""): action for action in menu.actions()}
    entries["Copy path"].trigger()
    assert QGuiApplication.clipboard().text() == document.pictures[1]
    entries["Remove from list"].trigger()
    assert document.pictures == (names(3)[0], names(3)[2])
    menu.close()
