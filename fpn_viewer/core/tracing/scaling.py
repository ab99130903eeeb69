"""Gains on the terms of a neck, for the length of one forward: the neck is computed by its graph, with the module's own weights."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.evaluate import GraphNeck
from fpn_viewer.core.necks.fpn import map_names
from fpn_viewer.core.tracing.record import wrapped
from fpn_viewer.core.tracing.taps import meeting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from fpn_viewer.core.detectors.anatomy import Anatomy
    from fpn_viewer.core.necks.graph import Gains, Graph
    from fpn_viewer.core.tracing.taps import Tap


@contextmanager
def scaled(module: nn.Module, anatomy: Anatomy, graph: Graph, gains: Gains) -> Iterator[dict[str, Tensor]]:
    """The neck computed by its graph with gains; without gains the model's own forward is left alone.

    Yields:
        Filled in the forward: the maps (1, C, h, w) that differ from those that pass at the taps, by node. torchvision's necks,
        whose forward is stood in for, leave it empty.
    """
    values: dict[str, Tensor] = {}
    if not gains:
        yield values
    elif anatomy.own_neck:
        neck = module.get_submodule(anatomy.neck)
        with wrapped(neck, "forward", _whole(graph, neck, gains)):
            yield values
    else:
        ends = {node.name: anatomy.taps[node.name] for node in (*graph.inputs, *graph.outputs)}
        with meeting(module, ends, _Replacing(module, anatomy, graph, gains, values)):
            yield values


def _whole(graph: Graph, neck: nn.Module, gains: Gains) -> Callable[..., Any]:
    graph_neck = GraphNeck(graph, neck)
    outputs = [node.name for node in graph.outputs]

    def scaling(_: Callable[..., Any]) -> Callable[..., Any]:
        def forward(maps: dict[str, Tensor]) -> dict[str, Tensor]:
            values = graph_neck(list(maps.values()), gains)
            return dict(zip(map_names(neck, tuple(maps)), (values[name] for name in outputs), strict=True))

        return forward

    return scaling


class _Replacing:
    """Takes the backbone's maps as they pass, computes the graph at the first output, and puts its maps in the outputs' place."""

    def __init__(self, module: nn.Module, anatomy: Anatomy, graph: Graph, gains: Gains, values: dict[str, Tensor]) -> None:
        self._neck = module.get_submodule(anatomy.neck)
        self._graph, self._gains, self._values = graph, gains, values
        self._inputs: dict[str, Tensor] = {}

    def __call__(self, name: str, tap: Tap, passing: Any) -> Any:
        if not self._graph[name].terms:
            self._inputs[name] = tap.map_in(passing)
            return None
        if not self._values:
            self._compute()
        return tap.with_map(passing, self._values[name])

    def _compute(self) -> None:
        late = [node.name for node in self._graph.inputs if node.name not in self._inputs]
        if late:
            raise DetectorError(
                f"{late[0]} passes after the pyramid's first output, so that gains cannot be tried on this network."
            )
        with _unwatched(self._neck):
            maps = [self._inputs[node.name] for node in self._graph.inputs]
            self._values.update(GraphNeck(self._graph, self._neck)(maps, self._gains))


@contextmanager
def _unwatched(module: nn.Module) -> Iterator[None]:
    """No hook on what a module gives is called in the block: these calls are not the network's own."""
    before = [(part, part._forward_hooks) for part in module.modules()]
    for part, _ in before:
        part._forward_hooks = OrderedDict()
    try:
        yield
    finally:
        for part, hooks in before:
            part._forward_hooks = hooks
