"""What one cell is made of, without computing the maps it lies in.

`cell_sources` is `contributions` for a single cell: the few cells that reach it through the neck are gathered, step by step as the
model moves them, and pass through the same weights (mode LINEAR-EXACT). That takes milliseconds: it can follow the cursor.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.necks.graph import TOP_DOWN
from fpn_viewer.core.necks.origins import origins
from fpn_viewer.core.tracing.contributions import BIAS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from fpn_viewer.core.necks.evaluate import Affine
    from fpn_viewer.core.necks.graph import Node, Term
    from fpn_viewer.core.tracing.trace import Trace


def region(trace: Trace, name: str, rows: Sequence[int], columns: Sequence[int]) -> Tensor:
    """Some rows and columns of any node, (C, rows, columns) float32; a node that only moves cells of another is read there."""
    while name not in trace.maps:
        node = trace.graph[name]
        (term,) = node.terms
        rows, columns = (_origins(trace, node, term, cells, axis) for axis, cells in enumerate((rows, columns)))
        name = term.source
    return _gathered(trace.maps[name], rows, columns)


def cell_vector(trace: Trace, name: str, row: int, column: int) -> Tensor:
    """One cell of any node, (C,) float32."""
    return region(trace, name, [row], [column])[:, 0, 0]


def top_down_share(trace: Trace, level: str, row: int, column: int) -> float | None:
    """‖T‖ / (‖L‖ + ‖T‖) of a merged cell, 0 to 1, with the trace's gains; None without a top-down term, or when all terms are 0."""
    node = trace.graph.at(level, "merged")
    if node is None or all(term.name != TOP_DOWN for term in node.terms):
        return None
    with torch.inference_mode():
        norms = {t.name: _factor(trace, node, t) * float(cell_vector(trace, t.source, row, column).norm()) for t in node.terms}
    norms = {name: abs(norm) for name, norm in norms.items()}
    total = sum(norms.values())
    return norms[TOP_DOWN] / total if total > 0 else None


def is_linear(trace: Trace, name: str) -> bool:
    """Whether every operation on the way to a node is affine, so that its sources can be told apart exactly."""
    return trace.graph.is_known(name) and all(
        (term.op.kind != "module" or term.op.module in trace.affines) and is_linear(trace, term.source)
        for term in trace.graph[name].terms
    )


def cell_sources(trace: Trace, name: str, row: int, column: int) -> dict[str, Tensor]:
    """What each backbone map, and the biases, gave to one cell of a node.

    Returns:
        "C2" … and "bias" to (C,) float32 on the trace's device: the values of `trace.sources(name)` at that cell. Empty when an
        operation on the way is not affine.
    """
    if not is_linear(trace, name):
        return {}
    with torch.inference_mode():
        return {source: part[:, 0, 0] for source, part in _parts(trace, trace.graph[name], [row], [column]).items()}


def projections(sources: Mapping[str, Tensor], whole: Tensor) -> dict[str, float]:
    """How far each source carries a cell's vector: <c_s, P> / <P, P>; a share may be negative, and together they are 1.

    Args:
        sources: to (C,).
        whole: the cell's own vector (C,).

    Returns:
        Source to share; empty when the vector is 0 or not finite.
    """
    if not sources:
        return {}
    *dots, square = (torch.stack([*sources.values(), whole]).double() @ whole.double()).tolist()
    return {source: dot / square for source, dot in zip(sources, dots, strict=True)} if 0 < square < inf else {}


def _parts(trace: Trace, node: Node, rows: Sequence[int], columns: Sequence[int]) -> dict[str, Tensor]:
    """The sources of a node at a grid of its cells, each (C, rows, columns)."""
    if not node.terms:
        return {node.name: _gathered(trace.maps[node.name], rows, columns)}
    total: dict[str, Tensor] = {}
    for term in node.terms:
        factor = _factor(trace, node, term)
        for source, x in _through(trace, node, term, rows, columns).items():
            part = x if factor == 1.0 else x * factor
            total[source] = total[source] + part if source in total else part
    return total


def _through(trace: Trace, node: Node, term: Term, rows: Sequence[int], columns: Sequence[int]) -> dict[str, Tensor]:
    source = trace.graph[term.source]
    if term.op.kind != "module":
        return _parts(trace, source, _origins(trace, node, term, rows, 0), _origins(trace, node, term, columns, 1))
    affine = trace.affines[term.op.module]
    if not source.terms:
        # the model itself has computed W*C + b here
        field = affine.bias.float()[:, None, None].expand(-1, len(rows), len(columns))
        return {source.name: _gathered(trace.maps[node.name], rows, columns) - field, BIAS: field}
    return _convolved(trace, source, affine, rows, columns)


def _convolved(trace: Trace, source: Node, affine: Affine, rows: Sequence[int], columns: Sequence[int]) -> dict[str, Tensor]:
    """The parts of the source's cells under the kernel, through its weights; beyond the map they are the padding's zeros."""
    side = affine.weight.shape[-1]
    height, width = trace.level(source.level).size
    (ys, inside_y), (xs, inside_x) = (_under(affine, cells, size) for cells, size in ((rows, height), (columns, width)))
    parts = _parts(trace, source, ys, xs)
    stack = torch.stack(list(parts.values()))
    device = stack.device
    stack = stack * (torch.tensor(inside_y, device=device)[:, None] & torch.tensor(inside_x, device=device))
    # (source, in, row, ky, column, kx) to (in, ky, kx, source, row, column): one product with the weights as they lie in memory
    stack = stack.view(len(parts), -1, len(rows), side, len(columns), side).permute(1, 3, 5, 0, 2, 4)
    out = affine.weight.float().flatten(1) @ stack.flatten(0, 2).flatten(1)
    through = dict(zip(parts, out.view(-1, len(parts), len(rows), len(columns)).unbind(1), strict=True))
    through[BIAS] = through.get(BIAS, torch.zeros((), device=device)) + affine.bias.float()[:, None, None]
    return through


def _under(affine: Affine, cells: Sequence[int], size: int) -> tuple[list[int], list[bool]]:
    """The input cells under each output cell's kernel, moved onto the map where they are beyond it, and whether they were on it."""
    side = affine.weight.shape[-1]
    wanted = [cell * affine.stride - affine.padding + k for cell in cells for k in range(side)]
    return [min(max(cell, 0), size - 1) for cell in wanted], [0 <= cell < size for cell in wanted]


def _gathered(x: Tensor, rows: Sequence[int], columns: Sequence[int]) -> Tensor:
    # cut out first, so that what is gathered from lies close together
    top, left = rows[0], columns[0]
    near = x[:, top : rows[-1] + 1, left : columns[-1] + 1]
    if near.shape[1:] == (len(rows), len(columns)):
        return near.float()
    ys, xs = (torch.tensor(cells, device=x.device) for cells in ([r - top for r in rows], [c - left for c in columns]))
    return near[:, ys[:, None], xs[None, :]].float()


def _origins(trace: Trace, node: Node, term: Term, cells: Sequence[int], axis: int) -> list[int]:
    sizes = (trace.level(trace.graph[one].level).size[axis] for one in (term.source, node.name))
    return origins(term.op, cells, *sizes)


def _factor(trace: Trace, node: Node, term: Term) -> float:
    return term.weight * trace.gains.get((node.name, term.name), 1.0)
