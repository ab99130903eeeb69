"""What menus, keys and buttons do about scans: start and open, pause and cancel, the dock of misses, exports."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMainWindow

from fpn_viewer.core.annotations.labels import dataset_key
from fpn_viewer.engine.scan_running import DetectorOrder
from fpn_viewer.ui.docks import DOCKS
from fpn_viewer.ui.misses.likeness_strip import LikenessStrip
from fpn_viewer.ui.misses.place import MissesPlace
from fpn_viewer.ui.misses.run_strip import RunStrip
from fpn_viewer.ui.opening import bundled_names
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QDockWidget, QWidget

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.scan_requests import ScanAbout
    from fpn_viewer.engine.scan_running import ScanOrder
    from fpn_viewer.ui.misses.start_dialog import Offer, StartDialog
    from fpn_viewer.ui.opening import Opening
    from fpn_viewer.ui.scan.tab import ScanTab
    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.ui.tabs import Tabs
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

SCAN_FILTER = "Scans (*.sqlite *.db);;All files (*)"
_ANNOTATION_FILTER = "Annotations (*.json *.xml *.txt *.yaml *.yml);;All files (*)"
#: of the window's height that the table takes at first, at most
_SHARE = 0.3
#: actions that need an open scan
_NEED_OPEN = ("scan_next", "scan_previous", "scan_report", "scan_csv", "scan_parquet", "scan_coco")
#: lanes of `scan_requests` that write files
_EXPORTING = ("export", "report")


class Scanning(QObject):
    """Runs, opens and exports scans as menus ask for it.

    Signals:
        problem(problem): `Problem`, something that could not even be tried.
        said(text): something for the status line.
        closer_wanted(): the tab of one object is to come to the front, close to the current one.
        settings_wanted(values): the detector's settings are to be shown with these filled in.

    Attributes:
        strip: the line of a scan that runs.
        likeness: the line that says when a life line is not that of the scan's detector.
        place: what is in the dock.
    """

    problem = Signal(object)
    said = Signal(object)
    closer_wanted = Signal()
    settings_wanted = Signal(object)

    def __init__(self, models: Models, opening: Opening, tabs: Tabs, store: SettingsStore, window: QWidget) -> None:
        """Works for one window.

        Args:
            models: what the window shows.
            opening: opens detectors.
            tabs: the tab "Scan" is one of them.
            store: remembers folders and what was said of classes.
            window: parent of the dialogs.
        """
        super().__init__(window)
        self._models, self._opening, self._store, self._window = models, opening, store, window
        self._scans, self._tabs = models.scans, tabs
        self._start: StartDialog | None = None
        self._dock: QDockWidget | None = None
        self._actions: Mapping[str, QAction] = {}
        self.strip = RunStrip(self._scans)
        self.strip.show_wanted.connect(self.show_table)
        self.likeness = LikenessStrip(self._scans.likeness, models.document)
        self.likeness.file_wanted.connect(self._choose_detector)
        self.likeness.reset_wanted.connect(models.what_if.reset)
        self._scans.visits.arrived.connect(self._arrived)
        self._scans.likeness.open_wanted.connect(self._open_detector)
        self._scans.answered.connect(self._answered)
        self._scans.unanswered.connect(self._unanswered)
        self._scans.changed.connect(self._follow)

    # -- what the window has to show --------------------------------------------------------------------------------

    def follow(self, actions: Mapping[str, QAction]) -> None:
        """Keeps actions disabled while there is nothing for them to do.

        Args:
            actions: by id, as `make_actions` gives them.
        """
        self._actions = actions
        self.place = MissesPlace(self._scans, self._models.document, (actions["scan_start"], actions["scan_open"]))
        self._enable(self._scans.state)

    def use_dock(self, dock: QDockWidget) -> None:
        """Shows the dock of misses when a scan is opened."""
        self._dock = dock

    def connect_tab(self, tab: ScanTab) -> None:
        """Does what the tab of a scan asks for.

        Args:
            tab: a new one.
        """
        tab.start_requested.connect(self.start)
        tab.scan_requested.connect(self.choose_scan)
        tab.table_requested.connect(self.show_table)
        tab.problem.connect(self.problem)
        tab.said.connect(self.said)
        tab.settings_wanted.connect(self.settings_wanted)

    def show_tab(self) -> None:
        """Brings the tab of the scan to the front."""
        self._tabs.show_tab("scan")

    def show_table(self) -> None:
        """Brings the table of objects to the front."""
        if self._dock is not None:
            if self._dock.isHidden():
                self._dock.show()
                self._give_room(self._dock)
            self._dock.raise_()

    def _give_room(self, dock: QDockWidget) -> None:
        """Some rows; the centre keeps what it needs."""
        window = dock.parentWidget()
        if isinstance(window, QMainWindow) and not dock.isFloating():
            window.resizeDocks([dock], [min(DOCKS["misses"].extent, round(_SHARE * window.height()))], Qt.Orientation.Vertical)

    def _follow(self, state: ScansState, names: frozenset[str]) -> None:
        if "path" in names and state.path:
            self.show_table()
        if names & {"path", "about", "running"}:
            self._enable(state)

    def _enable(self, state: ScansState) -> None:
        running = state.running
        is_active = running is not None and running.active
        kind = "" if running is None else running.kind
        enabled = {
            "scan_start": not is_active,
            "scan_pause": kind == "running",
            "scan_go_on": kind in ("paused", "cancelled", "failed"),
            "scan_cancel": is_active,
            **dict.fromkeys(_NEED_OPEN, state.about is not None),
            "scan_close": bool(state.path),
        }
        for name, on in enabled.items():
            self._actions[name].setEnabled(on)

    # -- starting ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Asks what is to be scanned."""
        if self._start is None:
            from fpn_viewer.ui.misses.start_dialog import StartDialog

            dialog = self._start = StartDialog(self._offer(), self._window)
            dialog.folder_wanted.connect(self._choose_folder)
            dialog.annotations_wanted.connect(self._choose_annotations)
            dialog.checkpoint_wanted.connect(self._choose_checkpoint)
            dialog.out_wanted.connect(self._choose_out)
            dialog.started.connect(self.run)
            dialog.finished.connect(self._forget_start)
        self._start.show()
        self._start.raise_()
        self._start.activateWindow()

    def run(self, order: ScanOrder) -> None:
        """Starts a scan."""
        self._store.last_folder = str(Path(order.out).absolute().parent)
        self._scans.start(order)

    def _forget_start(self) -> None:
        self._start = None

    def _offer(self) -> Offer:
        from fpn_viewer.ui.misses.start_dialog import Offer

        models, annotations = self._models, self._models.objects.state.annotations
        folder = Path(self._store.last_folder or Path.home())
        return Offer(
            models.document.pictures,
            "" if annotations is None else str(annotations.path),
            tuple(self._open_detectors()),
            str(_fresh(folder)),
            models.objects.state.iou,
            {} if annotations is None else self._store.labels(dataset_key(annotations)),
            self._addable(),
            {} if models.document.detector is None else models.document.detector.options,
        )

    def _addable(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        recent = tuple((str(Path(*Path(path).parts[-2:])), path) for path in self._store.recent_checkpoints if Path(path).is_file())
        return ("Bundled", tuple((name, name) for name in bundled_names())), ("Opened last", recent)

    def _open_detectors(self) -> list[tuple[str, DetectorOrder]]:
        """The window's own, and those that it is compared with."""
        info, compared = self._models.document.detector, self._models.comparison.state
        found = [] if info is None else [(info.spec.summary, DetectorOrder())]
        for subject, other in list(zip(compared.subjects, compared.infos, strict=False))[1:]:
            if subject.source is not None and other is not None:
                found.append((other.spec.summary, DetectorOrder(subject.source, subject.options)))
        return found

    # -- dialogs ----------------------------------------------------------------------------------------------------

    def choose_scan(self) -> None:
        """Lets the user choose a scan's file."""
        dialog = self._dialog("Open a scan", SCAN_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.open)
        dialog.open()

    def open(self, path: str) -> None:
        """Opens a scan's file."""
        self._store.last_folder = str(Path(path).absolute().parent)
        self._scans.open(path)

    def _choose_folder(self, taker: Callable[[str], None]) -> None:
        dialog = self._dialog("Choose a folder", "")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._hand_on(dialog, taker)

    def _choose_annotations(self, taker: Callable[[str], None]) -> None:
        dialog = self._dialog("Choose annotations", _ANNOTATION_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._hand_on(dialog, taker)

    def _choose_out(self, taker: Callable[[str], None]) -> None:
        dialog = self._dialog("File of the results", SCAN_FILTER)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # a scan that is there is gone on with and not written over
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
        dialog.setDefaultSuffix("sqlite")
        self._hand_on(dialog, taker)

    def _choose_checkpoint(self, taker: Callable[[str], None]) -> None:
        self._opening.ask_for_checkpoint("Add a checkpoint to the scan", taker)

    def _hand_on(self, dialog: QFileDialog, taker: Callable[[str], None]) -> None:
        dialog.fileSelected.connect(taker)
        dialog.open()

    def _dialog(self, title: str, filters: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, self._store.last_folder, filters)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    # -- objects ----------------------------------------------------------------------------------------------------

    def next_missed(self) -> None:
        """Goes to the next lost object of the table."""
        self._scans.step_missed(1)

    def previous_missed(self) -> None:
        """Goes to the lost object before."""
        self._scans.step_missed(-1)

    def _arrived(self, closer: bool) -> None:
        state = self._models.objects.state
        if closer or self._tabs.current_key == "object":
            self.closer_wanted.emit()
        elif state.current is not None:
            # what was looked at closely before is another object's surroundings
            self._models.viewport.follow(state.rows[state.current].box_img)

    def _open_detector(self, about: ScanAbout, number: int, asked: bool) -> None:
        """Opens a detector as a scan ran it: from what the scan says, or else an open, bundled or recent one of its name."""
        origin = about.origins[number]
        is_code = origin.kind == "model"
        if origin.source is not None and (asked or not is_code) and (not origin.file or Path(origin.file).is_file()):
            self._opening.open_detector(origin.source, precision=origin.precision, **origin.options)
            return
        found = [] if is_code else self._namesakes(_spec_of(about, number))
        if found:
            self._opening.open_detector(found[0], precision=origin.precision, **_as_scanned(about, number))
        else:
            self._scans.likeness.refuse(number)

    def _namesakes(self, spec: DetectorSpec) -> list[object]:
        compared = self._models.comparison.state
        subjects = zip(compared.subjects, compared.infos, strict=False)
        found = [one.source for one, info in subjects if info is not None and info.spec == spec and one.source is not None]
        recent = (path for path in self._store.recent_checkpoints if Path(path).is_file())
        return [
            *found,
            *(name for name in bundled_names() if name == spec.name),
            *(path for path in recent if Path(path).stem == spec.name),
        ]

    def _choose_detector(self, about: ScanAbout, number: int) -> None:
        taker = partial(self._open_file, about, number)
        self._opening.ask_for_checkpoint(f"The checkpoint of {about.detectors[number]}", taker)

    def _open_file(self, about: ScanAbout, number: int, path: str) -> None:
        origin = about.origins[number]
        self._opening.open_detector(path, precision=origin.precision, **_as_scanned(about, number))

    # -- exports ----------------------------------------------------------------------------------------------------

    def export_csv(self) -> None:
        """Writes all tables as CSV into a folder."""
        self._choose_export("csv")

    def export_parquet(self) -> None:
        """Writes all tables as Parquet into a folder."""
        self._choose_export("parquet")

    def export_coco(self) -> None:
        """Writes the detections as COCO results into a folder."""
        self._choose_export("coco")

    def export_report(self) -> None:
        """Writes a page with charts and the worst losses into a folder."""
        self._choose_export("html")

    def _choose_export(self, kind: str) -> None:
        self._choose_folder(partial(self.export, kind))

    def export(self, kind: str, folder: str) -> None:
        """Writes the open scan into a folder.

        Args:
            kind: a key of `scan_requests.EXPORTS`.
            folder: made where it is not there.
        """
        from fpn_viewer.engine.scan_requests import ExportScan

        if self._scans.state.about is not None:
            self.said.emit(f"Writing {Path(self._scans.state.path).name} into {folder} …")
            self._scans.ask("report" if kind == "html" else "export", ExportScan(self._scans.state.path, folder, (kind,)))

    def _answered(self, lane: str, value: Any) -> None:
        if lane in _EXPORTING:
            count = len(value.files)
            self.said.emit(f"Wrote {count} file{'s' * (count != 1)} into {value.folder}")

    def _unanswered(self, lane: str, failure: Failure | None) -> None:
        if lane in _EXPORTING and failure is not None:
            self.problem.emit(Problem(failure.title, failure.details))


def _as_scanned(about: ScanAbout, number: int) -> dict[str, Any]:
    """What is said of a checkpoint so that it is opened as it was scanned."""
    origin = about.origins[number]
    if origin.kind:
        return dict(origin.options)
    spec = _spec_of(about, number)
    return {"class_names": spec.class_names, **{name: getattr(spec.settings, name) for name in spec.kind.settings}}


def _spec_of(about: ScanAbout, number: int) -> DetectorSpec:
    from fpn_viewer.core.detectors.spec import DetectorSpec

    return DetectorSpec.from_json(about.specs[number])


def _fresh(folder: Path) -> Path:
    """A file name that is not taken."""
    names = ("scan.sqlite", *(f"scan-{number}.sqlite" for number in range(2, 1000)))
    return next((folder / name for name in names if not (folder / name).exists()), folder / names[0])
