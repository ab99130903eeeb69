"""What may be asked of the worker: frozen requests, each called with its job's token, each answered by a frozen value.

Importing this module loads neither torch nor Qt: what needs torch is imported by the request that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.engine.checkpoint_requests import CHECK_LANES
from fpn_viewer.engine.compare_requests import COMPARE_LANES, COMPARE_QUICK_LANES, COMPARE_SLOW_LANES
from fpn_viewer.engine.jobs import Lane
from fpn_viewer.engine.object_requests import QUICK_LANES, SLOW_LANES
from fpn_viewer.engine.object_values import Change
from fpn_viewer.engine.values import DetectorInfo, TraceView

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.session import Session
    from fpn_viewer.engine.values import AnchorField, ChannelRanking, Plane, Planes, Probe

#: lane table of the worker, most urgent first: what answers within a frame, then what everything waits for, then what can wait
LANES: tuple[Lane, ...] = (
    Lane("cell"),
    *COMPARE_QUICK_LANES,
    Lane("render"),
    Lane("probe"),
    *QUICK_LANES,
    Lane("detector"),
    Lane("identity"),
    Lane("trace"),
    *COMPARE_LANES,
    Lane("objectness"),
    Lane("channels"),
    Lane("anchors"),
    Lane("lend"),
    Lane("lend for remedies"),
    *CHECK_LANES,
    *COMPARE_SLOW_LANES,
    *SLOW_LANES,
)

Gains = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class OpenDetector:
    """Opens a detector and makes it the session's.

    Attributes:
        session: the worker's memory.
        source: a bundled name, a checkpoint file, a builder's name, a `torch.nn.Module`, or a `NamedModel`.
        device: "auto", "cpu", "cuda:0", "mps".
        precision: "float32", or on a GPU "float16" or "bfloat16".
        settings: what a checkpoint cannot say, by name.
    """

    session: Session = field(repr=False)
    source: object
    device: str = "auto"
    precision: str = "float32"
    settings: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, token: Token) -> DetectorInfo:
        """The detector, ready. When it fails, the detector before stays open.

        Raises:
            UserError: it cannot be opened; the sentence says why.
        """
        token.report("loading torch", 0.0)
        self.session.load()
        token.check()
        from fpn_viewer.core.detectors.detector import open_detector

        identity = self.session.identify(self.source, self.device, self.precision, self.settings)
        detector = open_detector(self.source, device=self.device, precision=self.precision, watcher=token, **self.settings)
        token.check()
        self.session.install(detector, identity)
        return info_of(self.source, detector, self.settings)


def info_of(source: object, detector: Detector, options: Mapping[str, object]) -> DetectorInfo:
    """What the window is told of an open detector.

    Args:
        source: what it was opened from.
        detector: the detector.
        options: what was said of it.
    """
    from fpn_viewer.core.detectors.device import available_devices

    return DetectorInfo(
        source=str(source) if isinstance(source, (str, NamedModel)) else type(source).__name__,
        spec=detector.spec,
        graph=detector.graph,
        device=str(detector.device),
        devices=available_devices(),
        parameters=sum(p.numel() for p in detector.module.parameters()),
        options=dict(options),
    )


@dataclass(frozen=True)
class TraceResult:
    """A trace and its first planes, which come together so that the grid never shows one without the other."""

    view: TraceView
    planes: Planes


@dataclass(frozen=True)
class RunTrace:
    """Runs the session's detector over a picture. What was run before, with nothing changed, is answered from memory.

    Attributes:
        session: the worker's memory.
        path: the picture's file, or what stands for it in the window.
        reduction: a key of `values.REDUCTIONS`.
        channel: for the reduction "channel".
        scale: a key of `values.SCALES`.
        gains: a what-if: factor on a term by (node, term).
        settings: other values of `Settings` for this run only.
        picture: the pixels when they are there already; the file is read otherwise.
    """

    session: Session = field(repr=False)
    path: str
    reduction: str
    channel: int
    scale: str
    gains: Gains = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    picture: Picture | None = field(default=None, repr=False)

    def __call__(self, token: Token) -> TraceResult:
        """The trace and its planes.

        Raises:
            Cancelled: the token says so, between two layers or two planes.
            UserError: no detector is open, or the picture cannot be read or run.
        """
        from fpn_viewer.engine.rendering import render_planes

        key, trace = self._trace(token)
        token.report("drawing", 1.0)
        return TraceResult(
            _view(key, self.path, trace), render_planes(self.session, key, self.reduction, self.channel, self.scale, token)
        )

    def _trace(self, token: Token) -> tuple[str, Trace]:
        from fpn_viewer.core.images import open_picture

        detector = self.session.ready()
        token.report("reading the picture", 0.0)
        picture = self.picture or open_picture(self.path)
        token.check()
        key = self.session.trace_key(self.session.identity, picture.digest, Change(self.settings, self.gains))
        trace = self.session.traces.get(key)
        if trace is None:
            trace = detector.trace(picture, gains=self.gains, settings=self.settings, watcher=token)
            self.session.remember(key, trace)
        return key, trace


def _view(key: str, path: str, trace: Trace) -> TraceView:
    import torch

    from fpn_viewer.core.detectors.device import device_memory

    return TraceView(
        key=key,
        path=path,
        spec=trace.spec,
        settings=trace.settings,
        gains=trace.gains,
        geometry=trace.geometry,
        levels=trace.levels,
        graph=trace.graph,
        channels={node.name: trace.width(node.name) for node in trace.graph.nodes},
        detections=trace.detections,
        proposals_count=len(trace.raw.proposals),
        anchors_count=sum(trace.raw.counts),
        follows=trace.follows,
        warnings=trace.warnings,
        times=trace.times,
        device=trace.device,
        memory=device_memory(torch.device(trace.device)),
    )


@dataclass(frozen=True)
class RenderPlanes:
    """Draws every cell of the grid under other display settings; see `RunTrace` for the attributes."""

    session: Session = field(repr=False)
    key: str
    reduction: str
    channel: int
    scale: str

    def __call__(self, token: Token) -> Planes:
        """The planes; a node that has no such channel has none.

        Raises:
            UserError: the trace is no longer in memory, or the display setting does not exist.
        """
        from fpn_viewer.engine.rendering import render_planes

        return render_planes(self.session, self.key, self.reduction, self.channel, self.scale, token)


@dataclass(frozen=True)
class RenderCell:
    """Draws one cell, the enlarged one, ahead of the others.

    Attributes:
        cell: (level, role); the role may be `values.SHARE`.
    """

    session: Session = field(repr=False)
    key: str
    cell: tuple[str, str]
    reduction: str
    channel: int
    scale: str

    def __call__(self, token: Token) -> Plane:
        """The plane.

        Raises:
            UserError: the trace is no longer in memory, or there is no such cell or channel.
        """
        from fpn_viewer.engine.rendering import render_cell

        return render_cell(self.session, self.key, self.cell, self.reduction, self.channel, self.scale, token)


@dataclass(frozen=True)
class ProbeAt:
    """Reads every level under one image point.

    Attributes:
        point_img: (x, y) image px.
    """

    session: Session = field(repr=False)
    key: str
    point_img: tuple[float, float]
    reduction: str
    channel: int

    def __call__(self, token: Token) -> Probe:
        """One row for each level, fine to coarse; none when the point lies outside the picture.

        Raises:
            UserError: the trace is no longer in memory.
        """
        from fpn_viewer.engine.questions import probe

        return probe(self.session, self.key, self.point_img, self.reduction, self.channel, token)


@dataclass(frozen=True)
class RankChannels:
    """Orders the channels of a node by how they answer inside a box against the ring around it.

    Attributes:
        node: "P3".
        box_img: xyxy image px.
    """

    session: Session = field(repr=False)
    key: str
    node: str
    box_img: Box

    def __call__(self, token: Token) -> ChannelRanking:
        """The ranking.

        Raises:
            UserError: the trace is no longer in memory, or the box lies outside the picture.
        """
        from fpn_viewer.engine.questions import channel_ranking

        token.check()
        return channel_ranking(self.session, self.key, self.node, self.box_img)


@dataclass(frozen=True)
class GetAnchors:
    """Lists all anchors with their fate."""

    session: Session = field(repr=False)
    key: str

    def __call__(self, token: Token) -> AnchorField:
        """The anchors, the candidates they became and the proposals.

        Raises:
            UserError: the trace is no longer in memory.
        """
        from fpn_viewer.engine.questions import anchor_field

        token.check()
        return anchor_field(self.session, self.key)


@dataclass(frozen=True)
class RenderObjectness:
    """Draws what the RPN thinks of one level.

    Attributes:
        level: "P3".
        shape: which of a cell's anchors; None for the best of them.
    """

    session: Session = field(repr=False)
    key: str
    level: str
    shape: int | None = None

    def __call__(self, token: Token) -> Plane:
        """Sigmoid of the objectness, 0 to 1; its cell is (level, "objectness").

        Raises:
            UserError: the trace is no longer in memory, or the RPN does not look at the level with such an anchor.
        """
        from fpn_viewer.engine.rendering import render_objectness

        token.check()
        return render_objectness(self.session, self.key, self.level, self.shape)
