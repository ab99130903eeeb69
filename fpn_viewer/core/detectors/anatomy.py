"""Where things are in a detector's module, as one value: stages, neck, how maps enter and leave it, what watches the heads.

torchvision's detectors have the values here; a network with an adapter brings its own (`adapters/adapted.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.detectors.describe import check_supported
from fpn_viewer.core.detectors.families import family_of
from fpn_viewer.core.detectors.lending import as_it_was
from fpn_viewer.core.detectors.parts.anchors import own_strides
from fpn_viewer.core.detectors.settings import anchor_owner
from fpn_viewer.core.necks.fpn import fpn_graph
from fpn_viewer.core.tracing.taps import Tap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from fpn_viewer.core.necks.graph import Graph, Node

#: side of the blank picture that strides are measured with, px
_SIDE = 256


@dataclass(frozen=True)
class Anatomy:
    """Where things are in a module; paths are below it.

    Attributes:
        stages: parts of the forward in order: stage to path.
        body: path of the backbone, "" where it is no module of its own.
        neck: path of the module below which the operations of the graph are found.
        heads: what watches the heads and stands in for them: a key of `record.HEADS` and `resume.ANSWERS`.
        scored_by: paths of the modules whose answers boxes and scores are read from; in half precision they give float32.
        parts: of `resume.PARTS`, those that a forward can begin with.
        taps: node of the graph to the place where its map passes; a node that is only moved cells of another has none.
        outputs: nodes of the pyramid's maps, fine to coarse.
        strides: net px per cell of each level, where they are known and need not be measured.
    """

    stages: Mapping[str, str]
    body: str
    neck: str
    heads: str
    scored_by: tuple[str, ...]
    parts: tuple[str, ...]
    taps: Mapping[str, Tap] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    strides: tuple[int, ...] = ()

    @property
    def own_neck(self) -> bool:
        """Whether the neck is a module that takes the backbone's maps and gives the pyramid's, both as dicts."""
        return self.neck == _NECK


_NECK = "backbone.fpn"
_FRONT = {"resize": "transform", "backbone": "backbone.body", "neck": _NECK}


def _torchvision(heads: str, stages: Mapping[str, str], scored_by: tuple[str, ...], *parts: str) -> Anatomy:
    return Anatomy({**_FRONT, **stages}, "backbone.body", _NECK, heads, scored_by, parts)


#: torchvision's detectors, by whether they work in one stage
_TORCHVISION: dict[bool, Anatomy] = {
    False: _torchvision(
        "two-stage", {"RPN": "rpn", "RoI heads": "roi_heads"}, ("rpn.head", "roi_heads.box_predictor"), "neck", "rpn", "heads"
    ),
    True: _torchvision("one-stage", {"head": "head"}, ("head",), "neck", "heads"),
}


def dissect(module: Any) -> tuple[Graph, Anatomy]:
    """A detector's neck as a graph, and where things are in it.

    Args:
        module: one of torchvision's detectors, or a network with its adapter; left as it was.

    Raises:
        DetectorError: it cannot be followed.
    """
    own = getattr(module, "anatomy", None)
    if isinstance(own, Anatomy):
        return module.graph, own
    kind = _TORCHVISION[family_of(check_supported(module)).one_stage]
    graph = neck_graph(module)
    taps = {node.name: tap for node in graph.nodes if (tap := _tap(graph, node)) is not None}
    strides = own_strides(anchor_owner(module).anchor_generator)
    return graph, replace(kind, taps=taps, outputs=_names(graph.outputs), strides=strides)


def _names(nodes: Sequence[Node]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)


def neck_graph(module: Any) -> Graph:
    """The graph of a torchvision detector's neck, strides measured by a forward over a small blank picture.

    Raises:
        DetectorError: the neck cannot be followed.
    """
    sizes: list[int] = []

    def entered(_: nn.Module, args: tuple[Any, ...]) -> None:
        sizes.extend(int(x.shape[-1]) for x in args[0].values())

    weight = next(module.parameters())
    with as_it_was(module), torch.inference_mode():
        module.backbone.fpn.register_forward_pre_hook(entered)
        module.eval().backbone(torch.zeros(1, 3, _SIDE, _SIDE, device=weight.device, dtype=weight.dtype))
    return fpn_graph(module.backbone.fpn, [_SIDE // size for size in sizes])


def _tap(graph: Graph, node: Node) -> Tap | None:
    """Where a node of torchvision's neck passes: into or out of the neck, out of its own module, or into the next one."""
    for role, nodes, entering in (("backbone", graph.inputs, True), ("output", graph.outputs, False)):
        if node.role == role:
            return Tap(_NECK, entering=entering, keys=(nodes.index(node),))
    if len(node.terms) == 1 and node.terms[0].op.kind == "module":
        return Tap(f"{_NECK}.{node.terms[0].op.module}")
    into = (t.op.module for n in graph.nodes for t in n.terms if t.source == node.name and t.op.kind == "module")
    return next((Tap(f"{_NECK}.{path}", entering=True) for path in into), None)
