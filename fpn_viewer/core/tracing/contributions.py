"""Exact linear contributions of the backbone maps to any node of an affine pyramid, from the recorded laterals (mode LINEAR-EXACT).

`contrib(C_k → P_l) = K_l * U_l(… U_{k-1}(W_k * C_k))`: upsampled step by step through the real size of every level, because one
direct resize is another map. What no C_k gives (biases, spread unevenly at zero-padded borders) is the pseudo-source "bias".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.evaluate import nearest, subsample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from fpn_viewer.core.necks.evaluate import Affine
    from fpn_viewer.core.necks.graph import Gains, Graph, Node, Term

BIAS = "bias"


def contributions(
    graph: Graph, name: str, maps: Mapping[str, Tensor], affines: Mapping[str, Affine], gains: Gains
) -> dict[str, Tensor]:
    """Each backbone map's share of a node, and the bias field; they sum to the node.

    Args:
        graph: of the neck.
        name: the node.
        maps: recorded values, (C, h, w).
        affines: module path in the graph to the affine map it is.
        gains: factors the trace was made with.

    Returns:
        "C2" … and "bias" to tensors of the node's shape (C, h, w); sources that cannot reach the node are left out.

    Raises:
        DetectorError: an operation on the way is not affine, or not known.
    """
    return _Walk(graph, maps, affines, gains).of(graph[name])


class _Walk:
    def __init__(self, graph: Graph, maps: Mapping[str, Tensor], affines: Mapping[str, Affine], gains: Gains) -> None:
        self._graph, self._maps, self._affines, self._gains = graph, maps, affines, gains

    def of(self, node: Node) -> dict[str, Tensor]:
        self._graph.check_known(node.name)
        if not node.terms:
            return {node.name: self._maps[node.name]}
        total: dict[str, Tensor] = {}
        for term in node.terms:
            factor = term.weight * self._gains.get((node.name, term.name), 1.0)
            for source, x in self._through(node, term).items():
                part = x if factor == 1.0 else x * factor
                total[source] = total[source] + part if source in total else part
        return total

    def _through(self, node: Node, term: Term) -> dict[str, Tensor]:
        if term.op.kind == "module":
            return self._convolved(node, term)
        return {source: _PLAIN[term.op.kind](term, x, self._size(node)) for source, x in self.of(self._graph[term.source]).items()}

    def _convolved(self, node: Node, term: Term) -> dict[str, Tensor]:
        affine = self._affines.get(term.op.module)
        if affine is None:
            raise DetectorError(
                f"{node.name} goes through {term.op.module}, which is not linear; its sources cannot be told apart exactly."
            )
        source = self._graph[term.source]
        self._graph.check_known(source.name)
        if not source.terms:
            # the model itself has computed W*C + b: taking the bias off is cheaper than convolving again
            field = affine.bias[:, None, None].expand_as(self._maps[node.name])
            return {source.name: self._maps[node.name] - field, BIAS: field}
        parts = {origin: affine.linear(x) for origin, x in self.of(source).items()}
        parts[BIAS] = parts.get(BIAS, torch.zeros(())) + affine.bias[:, None, None]
        return parts

    def _size(self, node: Node) -> tuple[int, int]:
        lateral = self._graph.at(node.level, "lateral")
        h, w = self._maps[(lateral or node).name].shape[-2:]
        return int(h), int(w)


_PLAIN: dict[str, Callable[[Term, Tensor, tuple[int, int]], Tensor]] = {
    "identity": lambda _, x, __: x,
    "nearest": lambda _, x, size: nearest(x, size),
    "subsample": lambda term, x, _: subsample(x, term.op.factor),
}
