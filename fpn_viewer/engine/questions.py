"""Questions about a point, a box or the anchors of a trace. Imported by the requests that run; loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.channels import rank_channels
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.geometry import frozen
from fpn_viewer.core.structures import as_numpy
from fpn_viewer.core.tracing.probe import cell_sources, cell_vector, projections, top_down_share
from fpn_viewer.core.tracing.receptive import receptive_box_img
from fpn_viewer.engine.rendering import reduced_map
from fpn_viewer.engine.values import AnchorField, ChannelRanking, Probe, ProbeRow

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.core.geometry import Box, Level
    from fpn_viewer.core.necks.graph import Node
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.session import Session


def probe(session: Session, key: str, point_img: tuple[float, float], reduction: str, channel: int, token: Token) -> Probe:
    """One row for each level under an image point; none outside the picture.

    Raises:
        Cancelled: between two levels.
        UserError: the trace is no longer in memory.
    """
    trace = session.trace(key)
    rows = []
    for level in trace.levels:
        token.check()
        cell = trace.geometry.cell_at(level, *point_img)
        if cell is not None:
            rows.append(_row(session, key, trace, level, cell, reduction, channel))
    return Probe(key, point_img, tuple(rows))


def _row(session: Session, key: str, trace: Trace, level: Level, cell: tuple[int, int], reduction: str, channel: int) -> ProbeRow:
    output = trace.graph.at(level.name, "output")
    assert output is not None
    nodes = {role: trace.graph.at(level.name, role) for role in trace.graph.roles}
    sources = cell_sources(trace, output.name, *cell)
    return ProbeRow(
        level=level.name,
        cell=cell,
        cell_box_img=trace.geometry.cell_box_img(level, *cell),
        values={role: _value(session, key, trace, node, cell, reduction, channel) for role, node in nodes.items()},
        top_down_share=top_down_share(trace, level.name, *cell),
        sources=projections(sources, cell_vector(trace, output.name, *cell)),
        receptive_img=receptive_box_img(trace, output.name, *cell),
    )


def _value(
    session: Session, key: str, trace: Trace, node: Node | None, cell: tuple[int, int], reduction: str, channel: int
) -> float | None:
    """What the display shows in one cell: of principal components the first."""
    if node is None or (reduction == "channel" and channel >= trace.width(node.name)):
        return None
    return float(np.ravel(reduced_map(session, key, node.name, reduction, channel).values[cell])[0])


def channel_ranking(session: Session, key: str, node: str, box_img: Box) -> ChannelRanking:
    """The channels of a node by contrast between a box and the ring around it.

    Raises:
        UserError: the trace is no longer in memory, there is no such node, or the box lies outside the picture.
    """
    trace = session.trace(key)
    if node not in trace.graph:
        raise SettingError(f"The pyramid has no map {node!r}; it has {', '.join(n.name for n in trace.graph.nodes)}.")
    ranked = rank_channels(trace, node, box_img)
    return ChannelRanking(key, node, box_img, ranked.channel, ranked.contrast, ranked.inside, ranked.ring, ranked.cells)


def anchor_field(session: Session, key: str) -> AnchorField:
    """All anchors of a trace with their fate.

    Raises:
        UserError: the trace is no longer in memory.
    """
    trace = session.trace(key)
    boxes_net = as_numpy(trace.raw.anchors.float())
    shapes = tuple(_shapes(trace.settings, index, level) for index, level in enumerate(trace.levels))
    return AnchorField(
        key=key,
        anchors_img=_to_img(trace, boxes_net),
        candidates=trace.candidates,
        regressed_img=_to_img(trace, trace.candidates.box_net),
        proposals=trace.proposals,
        proposals_img=_to_img(trace, trace.proposals.box_net),
        shapes=shapes,
    )


def _to_img(trace: Trace, boxes_net: np.ndarray) -> np.ndarray:
    return frozen(trace.geometry.to_img(boxes_net), np.float32)


def _shapes(settings: Settings, index: int, level: Level) -> tuple[str, ...]:
    """Labels of a cell's anchors in torchvision's order (all sizes of the first ratio, then of the next): size and height:width."""
    if not level.anchor_shapes:
        return ()
    labels = tuple(f"{size:g} px {_ratio(ratio)}" for ratio in settings.aspect_ratios for size in settings.anchor_sizes[index])
    return labels if len(labels) == level.anchor_shapes else tuple(f"shape {k + 1}" for k in range(level.anchor_shapes))


def _ratio(ratio: float) -> str:
    return f"{ratio:.3g}:1" if ratio >= 1 else f"1:{1 / ratio:.3g}"
