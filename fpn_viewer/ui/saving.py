"""Saves and copies what the centre shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QTabWidget, QWidget

    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.viewmodels.document import Document

FILTERS = "PNG picture (*.png);;SVG drawing (*.svg)"


@runtime_checkable
class Rendered(Protocol):
    """A tab that can be saved."""

    def render_image(self) -> QImage:
        """The view as a picture."""

    def render_svg(self, path: str) -> None:
        """Writes the view as a drawing."""


class Saving(QObject):
    """Saves the current tab as PNG or SVG, or copies it.

    Signals:
        problem(problem): `Problem`, why nothing was saved.
        saved(path): A file was written.
    """

    problem = Signal(object)
    saved = Signal(object)

    def __init__(self, document: Document, tabs: QTabWidget, store: SettingsStore, window: QWidget) -> None:
        """Works for one window.

        Args:
            document: Names the picture.
            tabs: What is saved is the current one.
            store: Remembers the folder.
            window: Parent of the dialog.
        """
        super().__init__(window)
        self._document, self._tabs, self._store, self._window = document, tabs, store, window

    def choose_file(self) -> None:
        """Lets the user choose a file and saves the view there."""
        if self._view() is None:
            return
        dialog = QFileDialog(self._window, "Save picture", self._store.last_folder, FILTERS)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.selectFile(self._proposed_name())
        dialog.fileSelected.connect(self.save)
        dialog.open()

    def save(self, path: str) -> None:
        """Writes the view.

        Args:
            path: Ending in .svg for a drawing, or in .png or that of another format for a picture.
        """
        view = self._view()
        if view is None:
            return
        try:
            if path.lower().endswith(".svg"):
                # Qt's SVG writer does not say why it cannot write.
                Path(path).touch()
                view.render_svg(path)
            elif not view.render_image().save(path):
                raise OSError("the file cannot be written")
        except OSError as error:
            self.problem.emit(Problem(f"{path} was not saved: {error.strerror or error}; choose another place.", repr(error)))
        else:
            self.saved.emit(path)

    def copy(self) -> None:
        """Puts the view on the clipboard as a picture."""
        view = self._view()
        if view is not None:
            QGuiApplication.clipboard().setImage(view.render_image())

    def _view(self) -> Rendered | None:
        view = self._tabs.currentWidget()
        # a scan is about many pictures, whichever is shown
        shows_something = self._document.picture is not None or not getattr(view, "needs_picture", True)
        if shows_something and isinstance(view, Rendered):
            return view
        self.problem.emit(Problem("There is nothing to save yet; open a picture first."))
        return None

    def _proposed_name(self) -> str:
        tab = self._tabs.tabText(self._tabs.currentIndex()).replace("&", "").split()[0].lower()
        return f"{Path(self._document.path or 'view').stem}-{tab}.png"
