"""What menus and buttons do about objects: annotations, classes, cases; the dialogs that go with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from fpn_viewer.core.annotations.labels import dataset_key
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from fpn_viewer.ui.dialogs.label_mapping import LabelMappingDialog
    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.objects import ObjectsState

ANNOTATION_FILTER = "Annotations (*.json *.xml *.txt *.yaml *.yml);;All files (*)"
#: classes that are named in a sentence
_NAMED = 5


class Asking(QObject):
    """Opens annotations, asks about classes, walks from miss to miss, saves and copies cases.

    Signals:
        problem(problem): `Problem`, something that could not even be tried.
        said(text): something for the status line.
    """

    problem = Signal(object)
    said = Signal(object)

    def __init__(self, models: Models, store: SettingsStore, tab: Callable[[], str], window: QWidget) -> None:
        """Works for one window.

        Args:
            models: what the window shows.
            store: remembers folders and decisions about classes.
            tab: says which tab is in front.
            window: parent of the dialogs.
        """
        super().__init__(window)
        self._models, self._store, self._tab, self._window = models, store, tab, window

    # -- annotations ------------------------------------------------------------------------------------------------

    def choose_annotations(self) -> None:
        """Lets the user choose a file of annotations."""
        dialog = self._dialog("Open annotations", ANNOTATION_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.open_annotations)
        dialog.open()

    def choose_annotation_folder(self) -> None:
        """Lets the user choose a folder with one file of annotations for each picture."""
        dialog = self._dialog("Open a folder of annotations", "")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.open_annotations)
        dialog.open()

    def open_annotations(self, path: str) -> None:
        """Opens a file or folder of annotations."""
        self._models.objects.open(path)

    def show_classes(self) -> None:
        """Asks which class of the detector each class of the data set is."""
        annotations, detector = self._models.objects.state.annotations, self._models.document.detector
        if annotations is None or detector is None:
            self.problem.emit(Problem("Open annotations and a detector first; then their classes can be matched."))
            return
        state = self._models.objects.state
        counts = dict.fromkeys(annotations.names, 0)
        for row in state.rows:
            counts[row.name] = counts.get(row.name, 0) + 1
        from fpn_viewer.ui.dialogs.label_mapping import LabelMappingDialog

        dialog = LabelMappingDialog(counts, detector.spec.class_names, state.labels, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._keep_classes(dialog))
        dialog.open()

    def say_unmatched(self, state: ObjectsState) -> None:
        """Says which classes of the data set nobody has matched."""
        names = state.labels.unmatched
        shown = ", ".join(f"“{name}”" for name in names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
        classes = "classes" if len(names) > 1 else "a class"
        sentence = f"The annotations have {classes} that the detector does not know: {shown}; see Object › Match classes."
        self.problem.emit(Problem(sentence))

    def _keep_classes(self, dialog: LabelMappingDialog) -> None:
        annotations = self._models.objects.state.annotations
        if annotations is not None:
            self._store.keep_labels(dataset_key(annotations), dialog.mapping())
            self._models.objects.set_labels(dialog.mapping())

    # -- objects ----------------------------------------------------------------------------------------------------

    def next_missed(self) -> None:
        """Looks at the next missed object."""
        self._models.objects.step_missed(1)

    def previous_missed(self) -> None:
        """Looks at the previous missed object."""
        self._models.objects.step_missed(-1)

    def toggle_truth(self) -> None:
        """Draws the ground truth, or not."""
        self._models.objects.update(shown=not self._models.objects.state.shown)

    def draw_box(self) -> None:
        """Makes the next drag draw a box."""
        self._models.selection.update(tool="box")

    def clear(self) -> None:
        """Asks about nothing any more."""
        self._models.question.clear()

    # -- cases ------------------------------------------------------------------------------------------------------

    def choose_case(self) -> None:
        """Lets the user choose a case to open."""
        dialog = self._dialog("Open a case", _case_filter())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._models.cases.open)
        dialog.open()

    def choose_case_file(self) -> None:
        """Lets the user choose where the case of the asked object goes."""
        case = self._models.cases.current()
        if case is None:
            self.problem.emit(Problem("There is no case yet: click an object or draw a box (B), and wait for its life line."))
            return
        from fpn_viewer.core.cases import SUFFIX

        dialog = self._dialog("Save the case", _case_filter())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        dialog.selectFile(f"{Path(case.picture).stem}-{case.label_name or 'object'}-{case.killer or 'detected'}{SUFFIX}")
        dialog.fileSelected.connect(self.save_case)
        dialog.open()

    def save_case(self, path: str) -> None:
        """Writes the case of the asked object."""
        self._models.cases.save(path, self._tab())

    def copy_case(self) -> None:
        """Puts the case on the clipboard as text for an issue tracker."""
        case = self._models.cases.current(self._tab())
        if case is None:
            self.problem.emit(Problem("There is nothing to copy yet: click an object or draw a box (B)."))
            return
        QGuiApplication.clipboard().setText(case.text())
        self.said.emit("Copied the case as text")

    def _dialog(self, title: str, filters: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, self._store.last_folder, filters)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog


def _case_filter() -> str:
    from fpn_viewer.core.cases import SUFFIX

    return f"Cases (*{SUFFIX});;All files (*)"
