"""Everything that opens something: dialogs, recent files, drops, bundled detectors, samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QFileDialog, QMenu

from fpn_viewer.core.picture_files import SUFFIXES
from fpn_viewer.core.resources import bundled_checkpoints, sample_pictures
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.viewmodels.document import Document

CHECKPOINT_SUFFIXES = (".pth", ".pt", ".safetensors", ".ckpt", ".pkl", ".bin")
DEMO = "demo"
#: torchvision's builders, opened with random weights
UNTRAINED: dict[str, str] = {
    "fasterrcnn_resnet50_fpn": "Faster R-CNN · ResNet-50 · FPN",
    "fasterrcnn_resnet50_fpn_v2": "Faster R-CNN v2 · ResNet-50 · FPN",
    "fasterrcnn_mobilenet_v3_large_fpn": "Faster R-CNN · MobileNetV3-Large · FPN",
    "fasterrcnn_mobilenet_v3_large_320_fpn": "Faster R-CNN · MobileNetV3-Large 320 · FPN",
    "retinanet_resnet50_fpn": "RetinaNet · ResNet-50 · FPN",
    "retinanet_resnet50_fpn_v2": "RetinaNet v2 · ResNet-50 · FPN",
    "fcos_resnet50_fpn": "FCOS · ResNet-50 · FPN",
}
#: more files than this are remembered as their folder
_FEW = 3


def dropped_paths(mime: QMimeData) -> list[str]:
    """The local files and folders in what is dragged."""
    return [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]


class Opening(QObject):
    """Opens pictures and detectors into the document and remembers what was opened.

    Signals:
        problem(problem): `Problem`, something that could not even be tried.
    """

    problem = Signal(object)

    def __init__(self, document: Document, store: SettingsStore, window: QWidget) -> None:
        """Works for one window.

        Args:
            document: Where things are opened.
            store: What is remembered.
            window: Parent of the dialogs.
        """
        super().__init__(window)
        self._document, self._store, self._window = document, store, window
        self._asked: object = None
        self._source: object = None
        self._settings: dict[str, Any] = {}
        self._in_use: dict[str, Any] = {}
        self._device = store.device
        document.detector_changed.connect(self._note_detector)

    # -- pictures ---------------------------------------------------------------------------------------------------

    def choose_pictures(self) -> None:
        """Lets the user choose picture files."""
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        dialog = self._dialog("Open pictures", f"Pictures ({patterns});;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.open_pictures)
        dialog.open()

    def choose_folder(self) -> None:
        """Lets the user choose a folder of pictures."""
        dialog = self._dialog("Open a folder of pictures", "")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.filesSelected.connect(self.open_pictures)
        dialog.open()

    def open_pictures(self, paths: Sequence[str]) -> None:
        """Adds pictures and folders to the list, shows the first new one and remembers them."""
        if not paths:
            return
        first = Path(paths[0]).absolute()
        self._store.last_folder = str(first if first.is_dir() else first.parent)
        absolute = [str(Path(path).absolute()) for path in paths]
        self._store.note_pictures(absolute if len(absolute) <= _FEW else [str(first.parent)])
        self._document.open_paths(absolute)

    def open_samples(self) -> None:
        """Adds the bundled scenes."""
        try:
            samples = [str(path) for path in sample_pictures()]
        except FileNotFoundError as error:
            self.problem.emit(Problem(str(error)))
            return
        if samples:
            self._document.open_paths(samples)
        else:
            self.problem.emit(Problem("This installation has no sample pictures; open your own with Ctrl+O."))

    # -- detectors --------------------------------------------------------------------------------------------------

    def choose_checkpoint(self) -> None:
        """Lets the user choose a file of weights."""
        self.ask_for_checkpoint("Open a checkpoint", self.open_detector)

    def ask_for_checkpoint(self, title: str, chosen: Callable[[str], None]) -> None:
        """Lets the user choose a file of weights.

        Args:
            title: of the dialog.
            chosen: a bound method that gets the path.
        """
        patterns = " ".join(f"*{suffix}" for suffix in CHECKPOINT_SUFFIXES)
        dialog = self._dialog(title, f"Checkpoints ({patterns});;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(chosen)
        dialog.open()

    def open_detector(self, source: object, device: str = "", **settings: Any) -> None:
        """Opens a detector on the chosen device; it is remembered once it is open.

        Args:
            source: A bundled name, a file, a builder's name or a module.
            device: The device; the one in use when empty.
            settings: What a checkpoint cannot say.
        """
        self._asked = source
        self._device = device or self._device
        self._settings = settings
        self._document.open_detector(source, self._device, **settings)

    def open_again(self, options: Mapping[str, Any]) -> None:
        """Opens the detector in use with other options, on the same device and with the same precision."""
        kept = {name: value for name, value in self._in_use.items() if name == "precision"}
        self.open_detector(self._source, **{**kept, **options})

    def set_device(self, name: str) -> None:
        """Opens the detector in use, or the one that failed to open, on another device."""
        is_open = self._document.detector is not None
        source, settings = (self._source, self._in_use) if is_open else (self._asked, self._settings)
        if source is None:
            self._device = name
        else:
            self.open_detector(source, name, **settings)

    def start_detector(self, source: object, device: str, **settings: Any) -> None:
        """Opens the first detector of a run.

        Args:
            source: As for `open_detector`; the bundled demo when None.
            device: "auto" stands for the device chosen last.
            settings: What a checkpoint cannot say, and the precision.
        """
        self._device = self._store.device if device == "auto" else device
        if source is not None:
            self.open_detector(source, **settings)
        elif DEMO in bundled_names():
            self.open_detector(DEMO, **settings)

    # -- drops and menus --------------------------------------------------------------------------------------------

    def open_dropped(self, paths: Iterable[str]) -> None:
        """Opens dropped files: the first checkpoint as detector, all others as pictures."""
        paths = list(paths)
        checkpoints = [path for path in paths if path.lower().endswith(CHECKPOINT_SUFFIXES)]
        if checkpoints:
            self.open_detector(checkpoints[0])
        self.open_pictures([path for path in paths if path not in checkpoints])

    def recent_menu(self) -> QMenu:
        """A menu of the pictures and folders opened last, filled whenever it opens."""
        menu = QMenu("Open &recent", self._window)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill_recent)
        menu.triggered.connect(self._open_recent)
        self._recent = menu
        # An empty menu would not open at all, and so never be filled.
        self._fill_recent()
        return menu

    def detector_menu(self, choose: QAction) -> QMenu:
        """A menu of bundled, recent and untrained detectors, filled whenever it opens.

        Args:
            choose: The action that lets the user choose a file.
        """
        menu = QMenu("Choose &detector", self._window)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill_detectors)
        menu.triggered.connect(self._open_chosen)
        self._detectors, self._choose = menu, choose
        self._fill_detectors()
        return menu

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self._store.recent_pictures:
            _add(self._recent, _short(path), path)
        if self._recent.isEmpty():
            self._recent.addAction("Nothing was opened yet").setEnabled(False)

    def _open_recent(self, action: QAction) -> None:
        if action.data():
            self.open_pictures([action.data()])

    def _fill_detectors(self) -> None:
        menu = self._detectors
        menu.clear()
        group = QActionGroup(menu)
        current = self._source if self._document.detector is not None else None
        sections = {
            "Bundled": {name: name for name in bundled_names()},
            "Opened last": {path: _short(path) for path in self._store.recent_checkpoints},
            "Untrained (random weights)": UNTRAINED,
        }
        for title, entries in sections.items():
            if entries:
                menu.addSection(title)
            for source, text in entries.items():
                action = _add(menu, text, source)
                action.setCheckable(True)
                action.setChecked(source == current)
                group.addAction(action)
        menu.addSeparator()
        menu.addAction(self._choose)

    def _open_chosen(self, action: QAction) -> None:
        if action.data():
            self.open_detector(action.data())

    def _note_detector(self, info: DetectorInfo | None) -> None:
        if info is None:
            return
        self._source, self._in_use = self._asked, self._settings
        self._store.device = self._device
        if isinstance(self._asked, str) and Path(self._asked).is_file():
            path = Path(self._asked).absolute()
            self._store.note_checkpoint(str(path))
            self._store.last_folder = str(path.parent)

    def _dialog(self, title: str, filters: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, self._store.last_folder, filters)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog


def bundled_names() -> tuple[str, ...]:
    """Names of the bundled detectors; none in an installation without them."""
    try:
        return tuple(bundled_checkpoints())
    except FileNotFoundError:
        # The samples say so already; own pictures and checkpoints still work.
        return ()


def _add(menu: QMenu, text: str, source: str) -> QAction:
    action = menu.addAction(text.replace("&", "&&"))
    action.setData(source)
    action.setToolTip(source)
    return action


def _short(path: str) -> str:
    """The last two parts of a path."""
    return str(Path(*Path(path).parts[-2:]))
