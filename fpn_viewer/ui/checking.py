"""What menus and buttons do about checkpoint files: check-ups, settings, published weights, and the lines that tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.resources import is_bundled
from fpn_viewer.ui.panels.checkpoint_notice import CheckpointNotice
from fpn_viewer.ui.panels.download import DownloadStrip
from fpn_viewer.ui.published_menu import PublishedMenu
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QDialog, QWidget

    from fpn_viewer.core.checkpoints.values import Look
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.ui.dialogs.check_up import CheckUpDialog
    from fpn_viewer.ui.dialogs.detector_settings import DetectorSettingsDialog
    from fpn_viewer.ui.opening import Opening
    from fpn_viewer.viewmodels.models import Models


class Checking(QObject):
    """Opens the panels about checkpoints and does what is asked there.

    Attributes:
        notice: the line about the open file.
        download: the line of a download.
        published: the menu of published weights.

    Signals:
        problem(problem): `Problem`, something that could not even be tried.
        said(text): something for the status line.
    """

    problem = Signal(object)
    said = Signal(object)

    def __init__(self, models: Models, opening: Opening, window: QWidget) -> None:
        """Works for one window.

        Args:
            models: what the window shows.
            opening: opens detectors.
            window: parent of the dialogs.
        """
        super().__init__(window)
        self._models, self._opening, self._window = models, opening, window
        self._checkpoints = models.checkpoints
        self._check_up: CheckUpDialog | None = None
        self._settings: DetectorSettingsDialog | None = None
        self.notice = CheckpointNotice()
        self.download = DownloadStrip(self._checkpoints)
        self.published = PublishedMenu(self._checkpoints, window)
        self.notice.review_wanted.connect(self.show_settings)
        self.notice.entry_wanted.connect(self._use_entry)
        models.document.detector_changed.connect(self._detector_opened)
        models.objects.changed.connect(self._offer_names)
        self._checkpoints.looked.connect(self._file_looked_into)
        self._checkpoints.saved.connect(self._say_saved)
        self._checkpoints.detector_wanted.connect(self._open_fetched)

    # -- panels -----------------------------------------------------------------------------------------------------

    def show_check_up(self) -> None:
        """Has the doctor look at the open file; lets the user choose one when the detector is not made from a file."""
        info = self._models.document.detector
        path = self._checkpoints.open_file
        if info is None or not path:
            self.choose_file()
        else:
            self._check(path, info.options)

    def choose_file(self) -> None:
        """Lets the user choose a file for a check-up; it is not opened."""
        self._opening.ask_for_checkpoint("Check-up of a file", self.check_file)

    def check_file(self, path: str) -> None:
        """Has the doctor look at a file, open or not."""
        info = self._models.document.detector
        self._check(path, info.options if info is not None and path == self._checkpoints.open_file else {})

    def show_settings(self) -> None:
        """Shows what the open detector's checkpoint cannot say."""
        info = self._models.document.detector
        if info is None:
            self.problem.emit(Problem("Open a detector first (Ctrl+K); then its settings can be changed."))
            return
        self._edit(self._checkpoints.open_file, info.options, "")

    def propose(self, values: Mapping[str, Any]) -> None:
        """Shows the settings of the open detector with some of them filled in; they are in force once a person applies them."""
        info = self._models.document.detector
        if info is None:
            self.problem.emit(Problem("Open a detector first (Ctrl+K); then its settings can be changed."))
            return
        if self._settings is not None:
            self._settings.close()
        self._edit(self._checkpoints.open_file, {**info.options, **values}, next(iter(values), ""))

    def _check(self, path: str, options: Mapping[str, Any]) -> None:
        if self._check_up is None:
            from fpn_viewer.ui.dialogs.check_up import CheckUpDialog

            dialog = self._check_up = CheckUpDialog(self._checkpoints, self._window)
            dialog.open_wanted.connect(self._open)
            dialog.settings_wanted.connect(self._edit)
            dialog.file_wanted.connect(self.choose_file)
            dialog.finished.connect(self._forget_check_up)
        _bring(self._check_up)
        self._check_up.check(path, options)

    def _edit(self, path: str, options: Mapping[str, Any], name: str) -> None:
        if self._settings is not None and self._settings.path != path:
            self._settings.close()
        if self._settings is None:
            from fpn_viewer.ui.dialogs.detector_settings import DetectorSettingsDialog

            info = self._models.document.detector
            spec = info.spec if info is not None and not path else None
            dialog = self._settings = DetectorSettingsDialog(self._checkpoints, path, spec, options, self._window)
            dialog.open_wanted.connect(self._open)
            dialog.finished.connect(self._forget_settings)
            self._offer_names()
        _bring(self._settings)
        self._settings.go_to(name)

    def _forget_check_up(self) -> None:
        self._check_up = None

    def _forget_settings(self) -> None:
        self._settings = None

    # -- opening ----------------------------------------------------------------------------------------------------

    def _open(self, path: str, options: Mapping[str, Any]) -> None:
        if path == self._checkpoints.open_file:
            self._opening.open_again(options)
        else:
            self._opening.open_detector(path, **options)

    def _use_entry(self, name: str) -> None:
        info = self._models.document.detector
        if info is not None:
            self._opening.open_again({**info.options, "entry": name})

    def _open_fetched(self, source: str, options: Mapping[str, Any]) -> None:
        self._opening.open_detector(source, **options)

    # -- what is said -----------------------------------------------------------------------------------------------

    def _detector_opened(self, info: DetectorInfo | None) -> None:
        # settings of a module or a builder are about the one that was open
        if self._settings is not None and not self._settings.path:
            self._settings.close()
        self._show_notice(info)

    def _file_looked_into(self, look: Look) -> None:
        if look is self._checkpoints.open_look:
            self._show_notice(self._models.document.detector)

    def _show_notice(self, info: DetectorInfo | None) -> None:
        if info is None:
            self.notice.hide()
            return
        path = "" if is_bundled(info.source) else self._checkpoints.open_file
        self.notice.show_file(path, info.spec, self._checkpoints.open_look)

    def _say_saved(self, path: str) -> None:
        self.said.emit(f"Saved {path}")

    def _offer_names(self) -> None:
        if self._settings is not None:
            self._settings.offer(self._models.objects.state.annotations)


def _bring(dialog: QDialog) -> None:
    """Shows a dialog that leaves the window in use, in front of it."""
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
