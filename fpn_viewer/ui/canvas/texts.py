"""What the grid says about columns, nodes and empty cells; made from the graph, so that it is true of any neck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.necks.graph import ROLES
from fpn_viewer.engine.values import REDUCTIONS, SCALES, SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.geometry import Level
    from fpn_viewer.core.necks.graph import Graph, Node, Term
    from fpn_viewer.engine.values import Plane

#: column heading by role
HEADINGS: dict[str, str] = {**ROLES, SHARE: "share T/(L+T)"}

#: what a column is, by role
LESSONS: dict[str, str] = {
    "backbone": "C: what a stage of the backbone (bottom-up pathway) puts out. Fine maps see edges, coarse ones see things.",
    "lateral": "L: the lateral connection, a 1×1 convolution that brings C to the pyramid's width.",
    "top-down": "T: the merged map of the next coarser level, enlarged to this size: what the top-down pathway brings along.",
    "merged": "M: lateral plus top-down, added cell by cell, before smoothing.",
    "output": "P: the merged map after the 3×3 smoothing convolution: what RPN and heads read.",
    SHARE: "How much of M came from above: |T| / (|L| + |T|) in each cell. Grey is half and half, red mostly top-down.",
}


def columns(graph: Graph) -> tuple[str, ...]:
    """The roles of the grid's columns; the share only where something comes down."""
    return (*graph.roles, SHARE) if "top-down" in graph.roles else graph.roles


def cell_name(graph: Graph, cell: tuple[str, str]) -> str:
    """The name of a cell's node, "M3"; "share of M3"; the cell itself in words when it is empty."""
    level, role = cell
    node = graph.at(level, "merged" if role == SHARE else role)
    if node is None:
        return f"{level} {HEADINGS.get(role, role)}"
    return f"share of {node.name}" if role == SHARE else node.name


def formula(graph: Graph, cell: tuple[str, str]) -> str:
    """How a cell is computed: "M3 = lateral L3 + top-down T3 (nearest upsample of M4)"."""
    level, role = cell
    if role == SHARE:
        parts = [node.name if node else "–" for node in (graph.at(level, r) for r in ("top-down", "lateral"))]
        return "|{0}| / (|{1}| + |{0}|): how much of the merged map came from above".format(*parts)
    node = graph.at(level, role)
    if node is None:
        return why_empty(graph, cell)
    if not graph.is_known(node.name):
        return f"{node.name}: how it is made is not known. {graph.unknown}"
    if not node.terms:
        return f"{node.name} = output of a backbone stage"
    terms = " + ".join(_term(graph, node, term) for term in node.terms)
    return f"{node.name} = {terms}"


def _term(graph: Graph, node: Node, term: Term) -> str:
    weight = "" if term.weight == 1 else f"{term.weight:g} × "
    if term.op.label:
        return f"{weight}{term.op.label} of {term.source}"
    source = graph[term.source]
    # a term that is only carried over is explained by how it was made, where that is one step on another level
    inner = source.terms[0] if len(source.terms) == 1 and source.role == "top-down" else None
    made = f" ({_term(graph, source, inner)})" if inner else ""
    return f"{weight}{term.name} {term.source}{made}"


def why_empty(graph: Graph, cell: tuple[str, str]) -> str:
    """Why the pyramid has nothing in a cell of the grid."""
    level, role = cell
    output = graph.at(level, "output")
    if output is not None and graph.at(level, "backbone") is None and output.terms:
        term = output.terms[0]
        return f"{level} is made from {term.source} alone ({term.op.label or term.name}): it has no other maps."
    if role in ("top-down", SHARE) and not graph.unknown:
        return f"{level} is the coarsest level of the backbone: nothing above it could come down."
    return f"This pyramid has no {HEADINGS.get(role, role)} on {level}."


def no_channel(name: str, width: int, channel: int) -> str:
    """Why a node has no plane under the reduction "channel"."""
    return f"{name} has {width} channels, 0 to {width - 1}: there is no channel {channel}."


def level_lesson(level: Level, visible: tuple[int, int]) -> str:
    """What a row's header explains."""
    return (
        f"{level.name}: one cell covers {stride(level)} net px and the map has {size(level.size)} cells (height × width), "
        f"of which {size(visible)} lie on the picture; the rest is padding."
    )


def stride(level: Level) -> str:
    """ "4", or "61×64" where the two sides differ."""
    y, x = level.stride
    return f"{y:g}" if y == x else f"{y:.3g}×{x:.3g}"


def size(cells: tuple[int, int]) -> str:
    """ "200×272"."""
    return f"{cells[0]}×{cells[1]}"


def scale_lesson(plane: Plane, scale: str, low: str, high: str) -> str:
    """What the colour bar's tooltip explains."""
    text = f"{plane.title}: {plane.unit}, from {low} to {high}; colours {SCALES.get(scale, scale)}."
    return f"{text} {not_finite(plane.broken)} (drawn hatched)." if plane.broken else text


def not_finite(count: int) -> str:
    """ "3 cells are not finite"."""
    return f"{count} cell{'s are' if count != 1 else ' is'} not finite"


def reduction_line(reduction: str, channel: int, width: int | None) -> str:
    """What one plane is made of: "channel 17 of 0–63", "mean |x| over channels"."""
    if reduction == "channel":
        return f"channel {channel}" + (f" of 0–{width - 1}" if width else "")
    return REDUCTIONS[reduction]


def width_of(channels: Mapping[str, int], graph: Graph, cell: tuple[str, str]) -> int | None:
    """The number of channels of a cell's node, or None where it has none of its own."""
    node = graph.at(*cell)
    return channels.get(node.name) if node is not None else None
