"""A document without workers and made-up answers, for tests of the panels that ask for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.images import Picture
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term
from fpn_viewer.engine.values import ChannelRanking, PictureView, Probe, ProbeRow

KEY = "trace 1"
SIZE = (80, 120)
POINT = (33.7, 20.2)


def graph() -> Graph:
    """An FPN of three levels, P2 to P4, and P5 by subsampling."""
    nodes = [Node(f"C{k}", "backbone", f"P{k}") for k in (2, 3, 4)]
    for k in (4, 3, 2):
        nodes.append(Node(f"L{k}", "lateral", f"P{k}", (Term("lateral", f"C{k}", Op("module")),)))
        terms = [Term("lateral", f"L{k}")]
        if k < 4:
            nodes.append(Node(f"T{k}", "top-down", f"P{k}", (Term("top-down", f"M{k + 1}", Op("nearest")),)))
            terms.append(Term("top-down", f"T{k}"))
        nodes.append(Node(f"M{k}", "merged", f"P{k}", tuple(terms)))
        nodes.append(Node(f"P{k}", "output", f"P{k}", (Term("smoothing", f"M{k}", Op("module")),)))
    nodes.append(Node("P5", "output", "P5", (Term("subsample", "P4", Op("subsample", factor=2)),)))
    return Graph("FPN", ("P2", "P3", "P4", "P5"), tuple(nodes))


class FakeTrace:
    """What the panels read of a `TraceView`."""

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.graph = graph()


class FakeDocument(QObject):
    """The part of `Document` that the panels use.

    Attributes:
        probes: points asked for.
        rankings: (node, box) asked for.
    """

    picture_changed = Signal(object)
    trace_changed = Signal(object)
    probe_changed = Signal(object)
    ranking_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.path: str | None = None
        self.picture: PictureView | None = None
        self.trace: FakeTrace | None = None
        self.probes: list[tuple[float, float]] = []
        self.rankings: list[tuple[str, Any]] = []

    def probe(self, point_img: tuple[float, float]) -> None:
        self.probes.append(point_img)

    def rank_channels(self, node: str, box_img: Any) -> None:
        self.rankings.append((node, box_img))

    def show_picture(self, size: tuple[int, int] = SIZE) -> None:
        """Opens a picture of noise."""
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        self.path, self.picture = "a.png", PictureView("a.png", Picture(pixels, "a.png"), (pixels,))
        self.picture_changed.emit(self.picture)

    def show_trace(self, key: str = KEY) -> None:
        """Finishes a run."""
        self.trace = FakeTrace(key)
        self.trace_changed.emit(self.trace)

    def drop_trace(self) -> None:
        """Forgets the run, as when another picture is opened."""
        self.trace = None
        self.trace_changed.emit(None)


def probe(key: str = KEY, point: tuple[float, float] = POINT, factor: float = 1.0) -> Probe:
    """Four levels; P3's sources hold a negative share; P4 and P5 have no top-down term."""
    rows = (
        _row("P2", (5, 8), (0.2, 0.4, 0.1, 0.5, 0.0123), 0.25, {"C2": 0.4, "C3": 0.3, "C4": 0.2, "bias": 0.1}, factor),
        _row("P3", (2, 4), (0.8, 0.1, 0.3, 0.4, -1.5), 0.75, {"C3": 0.9, "C4": 0.4, "bias": -0.3}, factor),
        _row("P4", (1, 2), (0.4, 0.2, None, 0.2, 3.0), None, {"C4": 0.8, "bias": 0.2}, factor),
        _row("P5", (0, 1), (None, None, None, None, 2.0), None, {}, factor),
    )
    return Probe(key, point, rows)


def _row(
    level: str,
    cell: tuple[int, int],
    values: tuple[float | None, ...],
    share: float | None,
    sources: dict[str, float],
    factor: float,
) -> ProbeRow:
    roles = ("backbone", "lateral", "top-down", "merged", "output")
    scaled = {role: None if v is None else v * factor for role, v in zip(roles, values, strict=True)}
    side = 4.0 * 2 ** int(level[1:])
    return ProbeRow(level, cell, (16.0, 12.0, 20.0, 16.0), scaled, share, sources, (0.0, 0.0, side, side / 2))


BOX = (10.0, 10.0, 50.0, 40.0)


def ranking(node: str = "P3", box: Any = BOX, key: str = KEY, cells: int = 20) -> ChannelRanking:
    """Five channels; the last has no contrast, because its ring is even."""
    return ChannelRanking(
        key,
        node,
        box,
        channel=np.array([3, 0, 4, 2, 1], np.int32),
        contrast=np.array([4.0, 2.0, -0.5, -2.0, np.nan], np.float32),
        inside=np.array([1.5, 9.0, 0.25, -3.0, 0.0], np.float32),
        ring=np.array([0.5, 8.0, 0.5, 1.0, 0.0], np.float32),
        cells=cells,
    )
