"""The list of pictures. Ten thousand of them cost no more than the dozen that is in sight."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage, QKeySequence, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.panels.picture_row import PATH_ROLE, PROBLEM_ROLE, RowDelegate
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPoint, QRect
    from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QPaintEvent, QResizeEvent

    from fpn_viewer.engine.files import Thumbnail
    from fpn_viewer.viewmodels.document import Document

#: thumbnails kept: 27 KB each
KEPT = 1000
#: ms without scrolling before the rows in sight ask for their thumbnails
PAUSE_MS = 40
EMPTY = "No pictures yet.\nDrop files or a folder here,\nor press Ctrl+O."
#: keys that belong to the list while it has the focus; all others go on to the maps
_OWN_KEYS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End})

Index = QModelIndex | QPersistentModelIndex


class PictureModel(QAbstractListModel):
    """Paths with the thumbnails that were asked for so far."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty model."""
        super().__init__(parent)
        self._paths: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        self._thumbnails: OrderedDict[str, QPixmap] = OrderedDict()
        self._problems: dict[str, str] = {}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        """Number of pictures."""
        return 0 if parent.isValid() else len(self._paths)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, path, thumbnail (or None) or problem (or "") of a picture."""
        if not index.isValid():
            return None
        path = self._paths[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return Path(path).name
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.get(path)
        if role == PATH_ROLE:
            return path
        if role == PROBLEM_ROLE:
            return self._problems.get(path, "")
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{path}\n{self._problems[path]}" if path in self._problems else path
        return None

    def set_paths(self, paths: tuple[str, ...]) -> None:
        """Replaces the list; what is only added behind, or taken out at one place, keeps the view where it is."""
        old = self._paths
        if paths[: len(old)] == old and len(paths) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(paths) - 1)
            self._set(paths)
            self.endInsertRows()
        elif len(paths) == len(old) - 1 and (row := _missing(old, paths)) is not None:
            self.beginRemoveRows(QModelIndex(), row, row)
            self._set(paths)
            self.endRemoveRows()
        elif paths != old:
            self.beginResetModel()
            self._set(paths)
            self.endResetModel()

    def wants(self, row: int) -> str | None:
        """The path of a row whose thumbnail is still to be asked for, else None."""
        path = self._paths[row]
        return None if path in self._thumbnails or path in self._problems else path

    def add_thumbnail(self, thumbnail: Thumbnail) -> None:
        """Takes a thumbnail, or the reason why there is none."""
        if thumbnail.pixels is None:
            self._problems[thumbnail.path] = thumbnail.problem
        else:
            height, width = thumbnail.pixels.shape[:2]
            image = QImage(thumbnail.pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            self._thumbnails[thumbnail.path] = QPixmap.fromImage(image)
            if len(self._thumbnails) > KEPT:
                self._thumbnails.popitem(last=False)
        row = self._rows.get(thumbnail.path)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    def _set(self, paths: tuple[str, ...]) -> None:
        self._paths = paths
        self._rows = {path: row for row, path in enumerate(paths)}


def _missing(old: Sequence[str], new: Sequence[str]) -> int | None:
    """The one place where `old` has something that `new` has not, or None."""
    row = next((row for row, path in enumerate(new) if path != old[row]), len(new))
    return row if tuple(old[row + 1 :]) == tuple(new[row:]) else None


class PictureList(QListView):
    """The view; keys that it has no use for go on to the window.

    Signals:
        remove_wanted(): Delete was pressed.
        moved(): Other rows are in sight.
    """

    remove_wanted = Signal()
    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes the view."""
        super().__init__(parent)
        self.setUniformItemSizes(True)
        self.setItemDelegate(RowDelegate(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Pictures")
        self.verticalScrollBar().valueChanged.connect(self.moved)
        self.verticalScrollBar().rangeChanged.connect(self.moved)

    def visible_rows(self) -> range:
        """The rows in sight."""
        count = self.model().rowCount()
        if not count:
            return range(0)
        height = max(1, self.sizeHintForRow(0))
        first = self.verticalScrollBar().value() // height
        return range(first, min(count, first + self.viewport().height() // height + 2))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Moves in the list, or leaves the key to the window."""
        if event.matches(QKeySequence.StandardKey.Delete):
            self.remove_wanted.emit()
        elif event.key() in _OWN_KEYS:
            super().keyPressEvent(event)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Brings other rows into sight."""
        super().resizeEvent(event)
        self.moved.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the rows, or what to do while there are none."""
        super().paintEvent(event)
        if self.model() is None or self.model().rowCount():
            return
        painter = QPainter(self.viewport())
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        room: QRect = self.viewport().rect().adjusted(8, 8, -8, -8)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, EMPTY)
        painter.end()


class PicturesPanel(QWidget):
    """Pictures with thumbnails; the chosen one is the document's current one."""

    def __init__(self, document: Document, buttons: Sequence[QAction], recent: QMenu, parent: QWidget | None = None) -> None:
        """Makes the panel over the document's list.

        Args:
            document: What is open.
            buttons: Actions shown above the list.
            recent: Menu of what was opened last.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._document = document
        self._syncing = False
        self._asked: set[str] = set()
        self.model = PictureModel(self)
        self.view = PictureList(self)
        self.view.setModel(self.model)
        self.count = ElidedLabel()
        self._recent = QToolButton(autoRaise=True)
        self._recent.setToolTip("Opened last")
        self._recent.setAccessibleName("Opened last")
        self._recent.setMenu(recent)
        self._recent.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._soon = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._soon.timeout.connect(self._ask)
        self._lay_out(buttons)
        self._connect()
        self._show_pictures(document.pictures)
        self._draw_icons()

    def sizeHint(self) -> QSize:
        """A column for names of usual length."""
        return QSize(232, 400)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offers what can be done with the picture under the mouse."""
        place = self.view.viewport().mapFromGlobal(event.globalPos())
        index = self.view.indexAt(place) if self.view.viewport().rect().contains(place) else self.view.currentIndex()
        if not index.isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.view.setCurrentIndex(index)
        menu.addAction("Show in &folder", self.show_in_folder)
        menu.addAction("&Copy path", self.copy_path)
        menu.addSeparator()
        menu.addAction("&Remove from list", QKeySequence(QKeySequence.StandardKey.Delete), self.remove_current)
        menu.popup(event.globalPos() if event.reason() == event.Reason.Mouse else self._corner(index))

    def show_in_folder(self) -> None:
        """Opens the folder of the chosen picture in the file manager."""
        path = self.view.currentIndex().data(PATH_ROLE)
        if path:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).absolute().parent)))

    def copy_path(self) -> None:
        """Puts the path of the chosen picture on the clipboard."""
        path = self.view.currentIndex().data(PATH_ROLE)
        if path:
            QGuiApplication.clipboard().setText(path)

    def remove_current(self) -> None:
        """Takes the chosen picture out of the list."""
        if self.view.currentIndex().isValid():
            self._document.remove(self.view.currentIndex().row())

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def _lay_out(self, buttons: Sequence[QAction]) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 4, 0)
        row.setSpacing(0)
        row.addWidget(self.count, 1)
        for action in buttons:
            button = QToolButton(autoRaise=True)
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            row.addWidget(button)
        row.addWidget(self._recent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.view, 1)

    def _connect(self) -> None:
        self._document.pictures_changed.connect(self._show_pictures)
        self._document.current_changed.connect(self._show_current)
        self._document.thumbnail_ready.connect(self._take)
        self.view.selectionModel().currentChanged.connect(self._choose)
        self.view.remove_wanted.connect(self.remove_current)
        self.view.moved.connect(self._soon.start)

    def _show_pictures(self, paths: tuple[str, ...]) -> None:
        self._syncing = True
        # Qt moves on to a neighbour of a removed row, which must not scroll the list.
        self.view.setAutoScroll(False)
        self.model.set_paths(paths)
        self.view.setAutoScroll(True)
        self._syncing = False
        self._show_current(self._document.index)
        self._soon.start()

    def _show_current(self, row: int) -> None:
        self._syncing = True
        self.view.setCurrentIndex(self.model.index(row) if row >= 0 else QModelIndex())
        self._syncing = False
        count = self.model.rowCount()
        self.count.set_text(f"{row + 1} of {count:,}" if row >= 0 else f"{count:,} picture{'s' * (count != 1)}")

    def _choose(self, index: QModelIndex) -> None:
        if not self._syncing and index.isValid():
            self._document.select(index.row())

    def _ask(self) -> None:
        for row in self.view.visible_rows() if self.view.isVisible() else ():
            path = self.model.wants(row)
            if path is not None and path not in self._asked:
                self._asked.add(path)
                self._document.request_thumbnail(path)

    def _take(self, thumbnail: Thumbnail) -> None:
        self._asked.discard(thumbnail.path)
        self.model.add_thumbnail(thumbnail)

    def _corner(self, index: QModelIndex) -> QPoint:
        return self.view.viewport().mapToGlobal(self.view.visualRect(index).center())

    def _draw_icons(self) -> None:
        self._recent.setIcon(icon("recent", self.palette()))
