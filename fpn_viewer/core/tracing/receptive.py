"""Theoretical receptive fields: which net px a cell of a map can see at all.

Kernel, stride, padding and dilation of the backbone's convolutions and poolings are read in the order they are called. A residual
sum sees what its wider branch sees. Attention in windows (Swin) is taken as seeing all that any cell of a window may see, wherever
the cell lies in it. Squeeze-and-excitation (MobileNetV3) weights channels by means over the whole map, so strictly every cell sees
everything; the fields given here are those without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.swin_transformer import PatchMerging, PatchMergingV2, ShiftedWindowAttention

from fpn_viewer.core.necks.origins import origins
from fpn_viewer.core.tracing.record import hooked

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.detectors.anatomy import Anatomy
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.necks.graph import Graph, Node, Term
    from fpn_viewer.core.tracing.trace import Trace

_WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
#: side of the blank picture that is sent through the backbone, px; any side that survives its strides would do
_SIDE = 64


class _Kernel(NamedTuple):
    """What a layer reads, where it is no convolution."""

    kernel_size: int = 1
    stride: int = 1
    padding: int = 0


def _attended(attention: Any) -> _Kernel:
    # from the first cell of a window to the last and the other way round
    reach = max(attention.window_size) - 1
    return _Kernel(2 * reach + 1, 1, reach)


#: layers that do their work in an expression, not in the modules below them
_WHOLE: dict[type[nn.Module], Callable[[Any], _Kernel]] = {
    ShiftedWindowAttention: _attended,
    PatchMerging: lambda _: _Kernel(2, 2),
    PatchMergingV2: lambda _: _Kernel(2, 2),
}


def _read_by(module: nn.Module) -> Any:
    """What says how far a module reads around a cell, None for one that reads the cell only."""
    if isinstance(module, _WINDOWED):
        return module
    return next((read(module) for kind, read in _WHOLE.items() if isinstance(module, kind)), None)


class Window(NamedTuple):
    """What one cell of a map sees of the input it was computed from, rows and columns alike.

    Attributes:
        size: input cells seen by one cell.
        step: input cells from one cell's window to the next one's.
        start: first input cell seen by cell 0; negative where it is padding.
    """

    size: int = 1
    step: int = 1
    start: int = 0

    def then(self, layer: Any) -> Window:
        """The window after one more convolution or pooling."""
        kernel, stride, padding, dilation = (_side(getattr(layer, n, 1)) for n in ("kernel_size", "stride", "padding", "dilation"))
        return Window(
            self.size + (kernel - 1) * dilation * self.step,
            self.step * stride,
            self.start - padding * self.step,
        )

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Start and end (not included) of what the cells `first` to `last` see together, input cells."""
        return self.start + first * self.step, self.start + last * self.step + self.size


def _side(value: Any) -> int:
    return max(int(v) for v in value) if isinstance(value, tuple) else int(value)


def receptive_fields(module: nn.Module, anatomy: Anatomy, graph: Graph) -> dict[str, Window]:
    """The windows of a detector.

    Args:
        module: in eval mode; a small blank picture is sent through its backbone.
        anatomy: where things are in it.
        graph: of its neck.

    Returns:
        Backbone node name ("C2") to what its cells see in net px, and module path in the graph ("layer_blocks.0") to what its
        output's cells see in cells of its input. Nothing where the backbone is no module of its own.
    """
    if not anatomy.body:
        return {}
    body, neck = module.get_submodule(anatomy.body), module.get_submodule(anatomy.neck)
    paths = {term.op.module for node in graph.nodes for term in node.terms if term.op.kind == "module"}
    out = {path: _composed(neck.get_submodule(path)) for path in sorted(paths)}
    return out | dict(zip((node.name for node in graph.inputs), _backbone_windows(body), strict=True))


def _composed(module: nn.Module) -> Window:
    window = Window()
    for layer in module.modules():
        if isinstance(layer, _WINDOWED):
            window = window.then(layer)
    return window


def _backbone_windows(body: nn.Module) -> list[Window]:
    follower = _Follower()
    image = torch.zeros(1, 3, _SIDE, _SIDE, device=next(body.parameters()).device)
    with torch.inference_mode(), hooked([part.register_forward_hook(follower) for part in body.modules()]):
        maps = body(image)
    return [follower.of(x) for x in maps.values()]


class _Follower:
    """A forward hook that hands each tensor's window on to what is computed from it."""

    def __init__(self) -> None:
        # tensors are held, so that no id is used twice
        self._known: dict[int, tuple[Tensor, Window]] = {}
        self._at: dict[int, Window] = {}
        self._widest = Window()

    def of(self, x: Tensor) -> Window:
        """The window of a tensor; the widest so far for one that no module returned (a sum written as an expression).

        One that only looks otherwise at the numbers of a known one (permuted) has the window of that.
        """
        return self._known[id(x)][1] if id(x) in self._known else self._at.get(x.data_ptr(), self._widest)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        read = _read_by(module)
        is_container = read is None and any(True for _ in module.children())
        if not isinstance(out, Tensor) or (is_container and id(out) in self._known):
            return
        before = self._widest if is_container else self.of(args[0])
        window = before if read is None else before.then(read)
        self._known[id(out)] = out, window
        self._at[out.data_ptr()] = window
        if window.size >= self._widest.size:
            self._widest = window


def receptive_box_img(trace: Trace, name: str, row: int, column: int) -> Box:
    """What one cell of any node can see, xyxy image px, clipped to the picture; the whole picture where windows are not known."""
    (height, width), (ky, kx) = trace.image_size, trace.scale
    if not trace.receptive or trace.graph.unknown:
        return 0.0, 0.0, float(width), float(height)
    node = trace.graph[name]
    (top, bottom), (left, right) = (_span(trace, node, cell, cell, axis) for axis, cell in enumerate((row, column)))
    return max(0.0, left / kx), max(0.0, top / ky), min(float(width), right / kx), min(float(height), bottom / ky)


def _span(trace: Trace, node: Node, first: int, last: int, axis: int) -> tuple[int, int]:
    """Net px that the cells `first` to `last` of one axis (0 rows, 1 columns) see."""
    if not node.terms:
        return trace.receptive[node.name].span(first, last)
    spans = [
        _span(trace, trace.graph[term.source], *_source_cells(trace, node, term, (first, last), axis), axis) for term in node.terms
    ]
    return min(start for start, _ in spans), max(end for _, end in spans)


def _source_cells(trace: Trace, node: Node, term: Term, cells: tuple[int, int], axis: int) -> tuple[int, int]:
    size = trace.level(trace.graph[term.source].level).size[axis]
    if term.op.kind == "module":
        start, end = trace.receptive[term.op.module].span(*cells)
        return max(0, start), min(size, end) - 1
    first, last = origins(term.op, list(cells), size, trace.level(node.level).size[axis])
    return first, last
