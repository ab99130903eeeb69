"""Wires the program once: view-models, window, worker; shows the window before torch is loaded and ends everything cleanly."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Signal
from PySide6.QtWidgets import QApplication

from fpn_viewer.engine.session import Session
from fpn_viewer.ui.garbage import GuiGarbageCollector
from fpn_viewer.ui.icons import window_icon
from fpn_viewer.ui.main_window import MainWindow
from fpn_viewer.ui.settings_store import SettingsStore
from fpn_viewer.viewmodels.models import Models
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from torch import nn

    from fpn_viewer.core.detectors.adapters.named import NamedModel
    from fpn_viewer.engine.values import TraceView

NAME = "fpn_viewer"


class UncaughtErrors(QObject):
    """Shows what no one caught instead of losing it on a terminal nobody looks at.

    Signals:
        raised(problem): `Problem`; may be emitted on any thread.
    """

    raised = Signal(object)

    def __init__(self, debug: bool = False, parent: QObject | None = None) -> None:
        """Does nothing yet.

        Args:
            debug: Write tracebacks to the terminal too.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._debug = debug

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Takes Python's hooks for uncaught exceptions while the block runs."""
        before = sys.excepthook, threading.excepthook
        sys.excepthook, threading.excepthook = self._caught, self._caught_on_thread
        try:
            yield
        finally:
            sys.excepthook, threading.excepthook = before

    def _caught(self, kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, frames))
        if self._debug:
            sys.stderr.write(details)
        text = f"{kind.__name__}: {error}".rstrip(": ")
        self.raised.emit(Problem(f"Something went wrong inside the program: {text}", details))

    def _caught_on_thread(self, caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None:  # None when the interpreter is ending
            self._caught(caught.exc_type, caught.exc_value, caught.exc_traceback)


class Program(QObject):
    """View-models and window of one run, and their end."""

    def __init__(self, store: SettingsStore, debug: bool = False) -> None:
        """Builds everything; nothing is opened yet and the window is hidden.

        Args:
            store: What is remembered.
            debug: Write tracebacks to the terminal too.
        """
        super().__init__()
        self.models = Models.made(Session(store.memory_budget), store.labels, self)
        self.document, self.display = self.models.document, self.models.display
        self.selection, self.viewport = self.models.selection, self.models.viewport
        self._garbage = GuiGarbageCollector(self)
        self._errors = UncaughtErrors(debug, self)
        self.window = MainWindow(self.models, store)
        self._errors.raised.connect(self.window.report)
        self.document.trace_changed.connect(self._freeze)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Shows uncaught errors while the block runs; ends the workers afterwards, whatever happened in it."""
        try:
            with self._errors.installed():
                yield
        finally:
            self.shutdown()

    def shutdown(self) -> None:
        """Ends the workers, in the middle of whatever they do; may be called again."""
        self.window.hide()
        self.models.scans.shutdown()
        self.document.shutdown()
        self._garbage.stop()

    def _freeze(self, trace: TraceView | None) -> None:
        # By now torch is loaded: its 400,000 objects would otherwise be looked through at every full collection.
        if trace is not None:
            self._garbage.freeze()


@contextmanager
def _application() -> Iterator[QApplication]:
    """The running application, left with the style and palette it had, or a new one."""
    there = QApplication.instance()
    if isinstance(there, QApplication):
        style, palette = there.style().objectName(), there.palette()
        there.setStyle("Fusion")
        try:
            yield there
        finally:
            there.setStyle(style)
            there.setPalette(palette)
        return
    made = QApplication([NAME])
    made.setApplicationName(NAME)
    made.setDesktopFileName("fpn-viewer")
    made.setWindowIcon(window_icon())
    made.setStyle("Fusion")
    yield made


@contextmanager
def _interruptible(window: MainWindow) -> Iterator[None]:
    """Ctrl+C in the terminal closes the window; the collector's timer lets Python see the signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: window.close())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class Start:
    """What to open first.

    Attributes:
        pictures: Files and folders; the samples when empty.
        source: What names a detector; the bundled demo when None.
        device: "auto" for the device chosen last.
        settings: What goes to the detector with its source, and to those beside it.
        annotations: A file or folder of annotations; looked for beside the pictures when empty.
        compare: Detectors to be shown beside the first: files, bundled names or builders' names.
    """

    pictures: tuple[str, ...] = ()
    source: object = None
    device: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    annotations: str = ""
    compare: tuple[str, ...] = ()


def start(program: Program, wanted: Start) -> None:
    """Opens the first pictures and the first detector; the window is already there."""
    opening = program.window.opening
    if wanted.pictures:
        opening.open_pictures(wanted.pictures)
    else:
        opening.open_samples()
        # the first glance shows what the program is for: an object that was missed, and why
        program.models.objects.seek()
    opening.start_detector(wanted.source, wanted.device, **wanted.settings)
    for source in wanted.compare:
        program.models.comparison.add(source, **wanted.settings)
    if wanted.compare:
        program.window.comparing.show()
    if wanted.annotations:
        program.window.asking.open_annotations(wanted.annotations)


def _show(wanted: Start, debug: bool = False) -> int:
    with _application() as app:
        program = Program(SettingsStore(), debug)
        with program.running(), _interruptible(program.window):
            loop = QEventLoop()
            # A loop of our own, because a notebook's application runs on when this window is closed.
            program.window.closing.connect(loop.quit)
            app.aboutToQuit.connect(loop.quit)
            # Nothing is opened before the window has been painted: importing torch would hold that up by seconds.
            program.window.painted.connect(partial(start, program, wanted))
            program.window.show()
            loop.exec()
        # The window must not outlive the models it shows.
        program.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return 0


def run(
    pictures: Sequence[str] = (),
    checkpoint: str | None = None,
    device: str = "auto",
    debug: bool = False,
    settings: Mapping[str, object] | None = None,
    annotations: str = "",
    model: str = "",
    compare: Sequence[str] = (),
) -> int:
    """Opens the window and returns when it is closed.

    Args:
        pictures: Files and folders; the samples when empty.
        checkpoint: A file, a bundled name or a builder's name; the bundled demo when None. With `model` a file of its weights.
        device: "auto" for the device chosen last, "cpu", "cuda:0", "mps".
        debug: Uncaught errors are written to the terminal as well as into the window.
        settings: What the checkpoints cannot say, by name, and "precision".
        annotations: A file or folder of annotations; looked for beside the pictures when empty.
        model: "package.module:attribute" of the user's own code that makes the network; "" for none.
        compare: Up to three detectors to be shown beside the first: files, bundled names or builders' names.

    Returns:
        0.
    """
    source = _own_code(model, checkpoint or "") if model else checkpoint
    return _show(Start(tuple(pictures), source, device, settings or {}, annotations, tuple(compare)), debug)


def _own_code(model: str, weights: str) -> NamedModel:
    from fpn_viewer.core.detectors.adapters.named import NamedModel

    return NamedModel(model, weights)


def show_window(detector_or_module: Any = None, images: Any = None, annotations: Any = None) -> int:
    """Opens the window on what a script or notebook has at hand, and returns when it is closed.

    Args:
        detector_or_module: A `Detector`, a module, or a name or file; the bundled demo when None.
        images: A path, an array (H, W, 3) uint8, a PIL image, or a list of them; the samples when None.
        annotations: A file or folder of annotations; looked for beside the pictures when None.

    Returns:
        0.

    Raises:
        PictureError: An array or image is of a kind that cannot be shown.
    """
    from fpn_viewer.core.detectors.lending import lent

    source, settings = _unwrapped(detector_or_module)
    # a script that trains goes on with the module afterwards
    borrowed = lent(cast("nn.Module", source)) if hasattr(source, "named_parameters") else nullcontext()
    with borrowed, TemporaryDirectory(prefix="fpn-viewer-") as folder:
        return _show(Start(_as_paths(images, Path(folder)), source, "auto", settings, os.fspath(annotations or "")))


def _unwrapped(given: Any) -> tuple[object, dict[str, object]]:
    """What the worker opens for a detector made in Python: its module, with what its module cannot say."""
    from fpn_viewer.core.detectors.spec import DetectorSpec

    spec = getattr(given, "spec", None)
    if not isinstance(spec, DetectorSpec):
        return os.fspath(given) if isinstance(given, os.PathLike) else given, {}
    settings = {name: getattr(spec.settings, name) for name in spec.kind.settings}
    return given.module, {"name": spec.name, "class_names": spec.class_names, **settings}


def _as_paths(images: Any, folder: Path) -> tuple[str, ...]:
    """Paths of the given pictures; arrays and images are written, without loss, into a folder.

    Raises:
        PictureError: An array or image is of a kind that cannot be shown.
    """
    several = images if isinstance(images, (list, tuple)) else () if images is None else (images,)
    return tuple(str(one) if isinstance(one, (str, os.PathLike)) else _written(one, folder, n) for n, one in enumerate(several, 1))


def _written(image: Any, folder: Path, number: int) -> str:
    from PIL import Image

    from fpn_viewer.core.images import open_picture

    path = folder / f"image-{number}.png"
    Image.fromarray(open_picture(image).pixels).save(path, compress_level=1)
    return str(path)
