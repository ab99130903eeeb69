"""What is open: pictures, a detector, the trace of the current picture; asks the worker and publishes its answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal

from fpn_viewer.core.resources import checkpoint_file
from fpn_viewer.engine import files, requests
from fpn_viewer.engine.object_values import Change
from fpn_viewer.viewmodels.states import Problem, RunState
from fpn_viewer.viewmodels.workers import WorkerDesk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QObject

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.session import Session
    from fpn_viewer.engine.values import AnchorField, DetectorInfo, PictureView, Plane, Planes, Probe, TraceView
    from fpn_viewer.viewmodels.display import Display, DisplayState

THUMBNAIL_SIDE = 96
#: sliders and keys that repeat are answered after this pause, ms
DEBOUNCE_MS = 30


class Document(WorkerDesk):
    """Pictures, detector and trace.

    Signals:
        pictures_changed(paths): the list of pictures, a tuple of str.
        current_changed(index): which of them is current, or -1.
        picture_changed(view): `PictureView`, or None while the next one is read.
        detector_changed(info): `DetectorInfo`, or None while one is opened.
        change_applied(change): the `Change` that runs are made with from now on.
        trace_changed(view): `TraceView` of the current picture, or None.
        planes_changed(planes): `Planes` of the current trace, or None.
        plane_changed(plane): one `Plane`, of the enlarged cell.
        probe_changed(probe): `Probe` under the cursor, or None.
        ranking_changed(ranking): `ChannelRanking`, or None.
        anchors_changed(field): `AnchorField` of the current trace, or None.
        objectness_changed(plane): `Plane` with role "objectness".
        thumbnail_ready(thumbnail): `files.Thumbnail`.
        state_changed(state): `RunState`.
        problem(problem): `Problem`.
    """

    pictures_changed = Signal(object)
    current_changed = Signal(object)
    picture_changed = Signal(object)
    detector_changed = Signal(object)
    change_applied = Signal(object)
    trace_changed = Signal(object)
    planes_changed = Signal(object)
    plane_changed = Signal(object)
    probe_changed = Signal(object)
    ranking_changed = Signal(object)
    anchors_changed = Signal(object)
    objectness_changed = Signal(object)
    thumbnail_ready = Signal(object)
    state_changed = Signal(object)
    problem = Signal(object)

    def __init__(self, session: Session, display: Display, parent: QObject | None = None) -> None:
        """Starts both workers' queues; nothing runs until something is opened.

        Args:
            session: handed to every request; only the worker touches it.
            display: how maps are shown; changes ask for new planes.
            parent: the Qt parent.
        """
        super().__init__(session, parent)
        self._display = display
        self._paths: tuple[str, ...] = ()
        self._index = -1
        self._picture: PictureView | None = None
        self._detector: DetectorInfo | None = None
        self._trace: TraceView | None = None
        self._planes: Planes | None = None
        self._anchors: AnchorField | None = None
        self._anchors_asked = ""
        self._state = RunState()
        self._enlarged: tuple[str, str] | None = None
        self._select_first = False
        self._opening, self._file = False, ""
        self._change = Change()
        self._render_soon = QTimer(self)
        self._render_soon.setSingleShot(True)
        self._render_soon.setInterval(DEBOUNCE_MS)
        self._render_soon.timeout.connect(self._render)
        display.changed.connect(self._display_changed)

    # -- what is open -----------------------------------------------------------------------------------------------

    @property
    def pictures(self) -> tuple[str, ...]:
        """Paths, in the order of the list."""
        return self._paths

    @property
    def index(self) -> int:
        """The current picture's place in the list, or -1."""
        return self._index

    @property
    def path(self) -> str | None:
        """The current picture's path."""
        return self._paths[self._index] if 0 <= self._index < len(self._paths) else None

    @property
    def picture(self) -> PictureView | None:
        """The current picture's pixels, once they are read."""
        return self._picture

    @property
    def detector(self) -> DetectorInfo | None:
        """The detector, once it is open."""
        return self._detector

    @property
    def trace(self) -> TraceView | None:
        """The trace shown; during a run still the one before."""
        return self._trace

    @property
    def planes(self) -> Planes | None:
        """The planes shown."""
        return self._planes

    @property
    def anchors(self) -> AnchorField | None:
        """The anchors of the trace, once they were asked for."""
        return self._anchors

    @property
    def run_state(self) -> RunState:
        """What the worker is doing."""
        return self._state

    # -- pictures ---------------------------------------------------------------------------------------------------

    def open_paths(self, paths: Sequence[str]) -> None:
        """Adds pictures, and the pictures of folders, and makes the first new one current."""
        self._select_first = True
        self.add_paths(paths)

    def add_paths(self, paths: Sequence[str]) -> None:
        """Adds pictures, and the pictures of folders, behind those that are there."""
        self._files.request("folder", files.ListPictures(tuple(str(p) for p in paths)))

    def remove(self, index: int) -> None:
        """Takes a picture out of the list (the file stays)."""
        was_current = index == self._index
        self._paths = self._paths[:index] + self._paths[index + 1 :]
        self._index -= index < self._index
        self.pictures_changed.emit(self._paths)
        if was_current:
            self._index = -1
            self.current_changed.emit(-1)
            self._clear_picture()
            self.select(min(index, len(self._paths) - 1))

    def select(self, index: int) -> None:
        """Makes a picture current: shows it and runs the detector over it."""
        if index == self._index or not 0 <= index < len(self._paths):
            return
        self._index = index
        self.current_changed.emit(index)
        self._files.request("picture", files.LoadPicture(self._paths[index]))
        # what takes seconds is said; that a picture is being read meanwhile is seen
        if not self._opening:
            self._set_state("loading", text=f"Reading {Path(self._paths[index]).name}")
        self.run()

    def step(self, by: int) -> None:
        """The next (1) or previous (-1) picture, around the ends."""
        if self._paths:
            self.select((self._index + by) % len(self._paths))

    def request_thumbnail(self, path: str) -> None:
        """Asks for a thumbnail; `thumbnail_ready` brings it."""
        self._files.request("thumbnail", files.LoadThumbnail(path, THUMBNAIL_SIDE))

    # -- detector and runs ------------------------------------------------------------------------------------------

    def open_detector(self, source: object, device: str = "auto", precision: str = "float32", **settings: Any) -> None:
        """Opens a detector; the one before stays in use when this fails. Arguments as in `open_detector` of the core."""
        self._opening, self._file = True, checkpoint_file(source)
        self._set_state("opening", text=f"Opening {Path(source).name}" if isinstance(source, str) else "Opening the given detector")
        request = requests.OpenDetector(self._session, source, device, precision, settings)
        self._worker.request("detector", request)

    def run(self) -> None:
        """Runs the detector over the current picture."""
        if self.path is None or self._detector is None:
            return
        shown = self._display.state
        self._set_state("running", text=f"Running {self._detector.spec.name} over {Path(self.path).name}")
        request = requests.RunTrace(
            self._session, self.path, shown.reduction, shown.channel, shown.scale, self._change.gains, self._change.settings
        )
        self._worker.request("trace", request)

    @property
    def change(self) -> Change:
        """The what-if that runs are made with; empty for the detector as it was opened."""
        return self._change

    def apply(self, change: Change) -> None:
        """Runs everything under a what-if from now on, until an empty one is applied."""
        if change != self._change:
            self._change = change
            self.change_applied.emit(change)
            self.run()

    def cancel(self) -> None:
        """Stops what runs; what was shown stays."""
        for lane in ("detector", "trace"):
            self._worker.cancel(lane)

    # -- questions about the trace ----------------------------------------------------------------------------------

    def enlarge(self, cell: tuple[str, str] | None) -> None:
        """Says which cell fills the centre; display changes then render that one first."""
        self._enlarged = cell
        if cell is None:
            self._render_soon.start()

    def probe(self, point_img: tuple[float, float] | None) -> None:
        """Asks for every level under an image point; None clears the probe."""
        if point_img is None or self._trace is None:
            self.probe_changed.emit(None)
            return
        shown = self._display.state
        self._worker.request("probe", requests.ProbeAt(self._session, self._trace.key, point_img, shown.reduction, shown.channel))

    def rank_channels(self, node: str, box_img: Box | None) -> None:
        """Asks for the channels of a node ranked inside a box; None clears the ranking."""
        if box_img is None or self._trace is None:
            self.ranking_changed.emit(None)
            return
        self._worker.request("channels", requests.RankChannels(self._session, self._trace.key, node, box_img))

    def need_anchors(self) -> None:
        """Asks for the anchors of the trace, once per trace."""
        if self._trace is not None and self._anchors_asked != self._trace.key:
            self._anchors_asked = self._trace.key
            self._worker.request("anchors", requests.GetAnchors(self._session, self._trace.key))

    def need_objectness(self, level: str, shape: int | None) -> None:
        """Asks for the objectness of a level under one anchor shape, or the best of all shapes."""
        if self._trace is not None:
            self._worker.request("objectness", requests.RenderObjectness(self._session, self._trace.key, level, shape))

    def shutdown(self) -> None:
        """Ends both workers, in the middle of whatever they do."""
        self._render_soon.stop()
        super().shutdown()

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answered(self, lane: str, value: Any) -> None:
        answers: dict[str, Callable[[Any], None]] = {
            "folder": self._listed,
            "picture": self._read,
            "thumbnail": self.thumbnail_ready.emit,
            "detector": self._opened,
            "trace": self._traced,
            "render": self._rendered,
            "cell": self._rendered_cell,
            "probe": self._probed,
            "channels": self.ranking_changed.emit,
            "anchors": self._anchored,
            "objectness": self.objectness_changed.emit,
        }
        answers[lane](value)

    def _listed(self, listed: files.PictureList) -> None:
        for sentence in listed.problems:
            self.problem.emit(Problem(sentence))
        known = set(self._paths)
        new = tuple(p for p in dict.fromkeys(listed.paths) if p not in known)
        first = self._paths.index(listed.paths[0]) if listed.paths and not new else len(self._paths)
        if new:
            self._paths += new
            self.pictures_changed.emit(self._paths)
        wanted, self._select_first = self._select_first, False
        if listed.paths and (wanted or self._index < 0):
            self.select(first)

    def _read(self, view: PictureView) -> None:
        if view.path != self.path:
            return
        self._picture = view
        if self._trace is not None and self._trace.path != view.path:
            self._clear_trace()
        self.picture_changed.emit(view)
        if self._state.kind == "loading":
            self._set_state("ready", text="No detector is open" if self._detector is None else "")

    def _opened(self, info: DetectorInfo) -> None:
        self._detector, self._opening = info, False
        width = info.spec.neck_channels
        self._display.update(channels=width, channel=min(self._display.state.channel, width - 1))
        self.detector_changed.emit(info)
        if self._change:
            # a what-if is about one detector
            self._change = Change()
            self.change_applied.emit(self._change)
        self._set_state("ready")
        self.run()

    def _traced(self, result: requests.TraceResult) -> None:
        if result.view.path != self.path:
            return
        self._trace, self._planes, self._anchors = result.view, result.planes, None
        # the same picture again has the same key, and its anchors must be asked for again
        self._anchors_asked = ""
        self.trace_changed.emit(result.view)
        self.planes_changed.emit(result.planes)
        for sentence in result.view.warnings:
            self.problem.emit(Problem(sentence))
        self._set_state("ready", text=_found(len(result.view.detections)))
        shown = self._display.state
        if (shown.reduction, shown.channel, shown.scale) != _shown(result.planes):
            self._render_soon.start()

    def _rendered(self, planes: Planes) -> None:
        if self._trace is not None and planes.key == self._trace.key:
            self._planes = planes
            self.planes_changed.emit(planes)

    def _rendered_cell(self, plane: Plane) -> None:
        self.plane_changed.emit(plane)

    def _probed(self, probe: Probe) -> None:
        if self._trace is not None and probe.key == self._trace.key:
            self.probe_changed.emit(probe)

    def _anchored(self, field: AnchorField) -> None:
        if self._trace is not None and field.key == self._trace.key:
            self._anchors = field
            self.anchors_changed.emit(field)

    def _failed(self, lane: str, failure: Failure) -> None:
        self._opening &= lane != "detector"
        if lane == "picture":
            self._clear_picture()
            self._worker.cancel("trace")
        # reader and detector open the same file, in either order: what one has said of it the other need not repeat
        repeated = self._state.kind == "failed" and (lane == "trace" or self._state.text == failure.title)
        if not repeated:
            self.problem.emit(Problem(failure.title, failure.details, self._file if lane == "detector" else ""))
        if lane in ("detector", "trace", "picture"):
            self._set_state("failed", text=failure.title)

    def _cancelled(self, lane: str) -> None:
        self._opening &= lane != "detector"
        if lane in ("detector", "trace") and self._state.kind != "failed":
            self._set_state("cancelled", text="Cancelled; what was there before is still shown" if self._trace else "Cancelled")

    def _progressed(self, lane: str, stage: str, fraction: float) -> None:
        kinds = {"detector": "opening", "trace": "running"}
        if lane in kinds and self._state.kind == kinds[lane]:
            self._set_state(kinds[lane], stage, fraction, self._state.text)

    # -- display ----------------------------------------------------------------------------------------------------

    def _display_changed(self, state: DisplayState, names: frozenset[str]) -> None:
        if self._trace is None or not names & {"reduction", "channel", "scale"}:
            return
        if self._enlarged is not None:
            request = requests.RenderCell(
                self._session, self._trace.key, self._enlarged, state.reduction, state.channel, state.scale
            )
            self._worker.request("cell", request)
        # the other cells follow when the stepping pauses
        self._render_soon.start()

    def _render(self) -> None:
        if self._trace is not None:
            shown = self._display.state
            request = requests.RenderPlanes(self._session, self._trace.key, shown.reduction, shown.channel, shown.scale)
            self._worker.request("render", request)

    def _clear_picture(self) -> None:
        self._picture = None
        self.picture_changed.emit(None)
        self._clear_trace()
        if self.path is None:
            self._set_state("empty")

    def _clear_trace(self) -> None:
        self._trace = self._planes = self._anchors = None
        self._anchors_asked = ""
        self.trace_changed.emit(None)
        self.planes_changed.emit(None)
        self.anchors_changed.emit(None)
        self.probe_changed.emit(None)
        self.ranking_changed.emit(None)

    def _set_state(self, kind: str, stage: str = "", fraction: float = 0.0, text: str = "") -> None:
        state = RunState(kind, stage, fraction, text)
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)


def _found(count: int) -> str:
    return f"{count} detection{'s' * (count != 1)}" if count else "The detector found nothing in this picture"


def _shown(planes: Planes) -> tuple[str, int, str]:
    return planes.reduction, planes.channel, planes.scale
