"""Runs a detector's own forward and keeps what passed through: maps by node, the RPN's and the heads' raw answers.

Nothing of the model is replaced. Modules are watched with forward hooks; the selections that are plain methods
(`filter_proposals`, `postprocess_detections`) are watched by wrapping the bound method for the length of one forward.
All of it is undone on every way out.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from fpn_viewer.core.tracing import dense

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn
    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.core.tracing.dense import DenseHead


class Watcher(Protocol):
    """Who may stop a forward and wants to know how far it is (the engine's token)."""

    def check(self) -> None:
        """Raises to stop the forward between two layers."""

    def report(self, stage: str, fraction: float) -> None:
        """Told between layers: the stage's name and the share done, 0..1."""

    def pause(self) -> None:
        """Told between two runs of a search, when nothing is half changed: others may use the detector; may raise to stop."""


@dataclass
class Recording:
    """What one forward left behind. Tensors are the model's own, by reference; nothing after them works in place.

    Attributes:
        maps: node name to (C, h, w).
        logits: per level (A, h, w), objectness.
        anchors: (N, 4) xyxy net px.
        boxes: (N, 4) anchors after regression, net px, not clipped.
        counts: anchors per level.
        proposals: (R, 4) what the RPN gave to the RoI heads, best first.
        proposal_scores: (R,).
        class_logits: (R, K).
        class_boxes: (R, K, 4) decoded, net px, not clipped.
        regression: (R, 4·K) what they are decoded from.
        found: the RoI heads' own answer in net px: boxes (D, 4), scores (D,), labels (D,).
        output: the model's own answer in image px: the same names.
        padded_size: (H, W) of the batch tensor, net px.
        net_size: (H, W) before padding, net px.
        seconds: stage name to seconds.
        dense: a one-stage head's answers; there are then no proposals and no class boxes.
        inputs: the backbone's own names of its maps.
        stale_scales: the scales that RoI pooling held from another picture, when they are not those of this one.
    """

    maps: dict[str, Tensor] = field(default_factory=dict)
    logits: list[Tensor] = field(default_factory=list)
    anchors: Tensor = field(default_factory=lambda: torch.empty(0, 4))
    boxes: Tensor = field(default_factory=lambda: torch.empty(0, 4))
    counts: list[int] = field(default_factory=list)
    proposals: Tensor = field(default_factory=lambda: torch.empty(0, 4))
    proposal_scores: Tensor = field(default_factory=lambda: torch.empty(0))
    class_logits: Tensor = field(default_factory=lambda: torch.empty(0, 1))
    class_boxes: Tensor = field(default_factory=lambda: torch.empty(0, 1, 4))
    regression: Tensor = field(default_factory=lambda: torch.empty(0, 4))
    found: dict[str, Tensor] = field(default_factory=dict)
    output: dict[str, Tensor] = field(default_factory=dict)
    padded_size: tuple[int, int] = (0, 0)
    net_size: tuple[int, int] = (0, 0)
    seconds: dict[str, float] = field(default_factory=dict)
    dense: DenseHead | None = None
    inputs: tuple[str, ...] = ()
    stale_scales: tuple[float, ...] = ()


#: parts of the forward by name, in order: stage to path of the module that does it; a detector has those that it has
STAGE_MODULES: dict[str, str] = {
    "resize": "transform",
    "backbone": "backbone.body",
    "neck": "backbone.fpn",
    "RPN": "rpn",
    "RoI heads": "roi_heads",
    "head": "head",
}


def stage_modules(module: nn.Module) -> dict[str, nn.Module]:
    """The parts of one detector's forward, in order: stage to module."""
    return {stage: module.get_submodule(path) for stage, path in STAGE_MODULES.items() if hasattr(module, path.partition(".")[0])}


def record(
    module: FasterRCNN, graph: Graph, image: Tensor, watcher: Watcher | None = None, seen: Recording | None = None
) -> Recording:
    """One forward of `module` over one picture.

    Args:
        module: in eval mode.
        graph: of its neck.
        image: (3, H, W) float in 0..1 on the module's device.
        watcher: asked between layers whether to go on.
        seen: what is known of the parts that this forward leaves out.

    Returns:
        The recording; hooks and wrappers are gone.
    """
    seen = Recording() if seen is None else seen
    heads = _TWO_STAGE if hasattr(module, "roi_heads") else _ONE_STAGE
    with ExitStack() as stack:
        # a watcher may stop the forward anywhere, so it goes in after everything that must come out again
        for watch in (_watch_resize, _watch_neck, *heads, _watch_times):
            stack.enter_context(watch(module, graph, seen))
        if watcher is not None:
            stack.enter_context(_watch_progress(module, watcher))
        (seen.output,) = module([image])
    return seen


@contextmanager
def hooked(handles: list[Any]) -> Iterator[None]:
    """Removes hooks on the way out."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def wrapped(owner: nn.Module, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Puts `wrapper(bound method)` in the method's place on this one object, and takes it away again."""
    before = vars(owner).get(name)
    vars(owner)[name] = wrapper(getattr(owner, name))
    try:
        yield
    finally:
        if before is None:
            del vars(owner)[name]
        else:
            vars(owner)[name] = before


@contextmanager
def _watch_neck(module: FasterRCNN, graph: Graph, seen: Recording) -> Iterator[None]:
    neck = module.backbone.fpn

    def entered(_: nn.Module, args: tuple[Any, ...]) -> None:
        seen.inputs = tuple(args[0])
        for node, x in zip(graph.inputs, args[0].values(), strict=True):
            seen.maps[node.name] = x[0]

    def left(_: nn.Module, __: tuple[Any, ...], out: dict[str, Tensor]) -> None:
        for node, x in zip(graph.outputs, out.values(), strict=True):
            seen.maps[node.name] = x[0]

    with hooked([neck.register_forward_pre_hook(entered), neck.register_forward_hook(left), *_operation_hooks(neck, graph, seen)]):
        yield


def _operation_hooks(neck: nn.Module, graph: Graph, seen: Recording) -> list[Any]:
    """For every node that one module computes: its input is the source node, its output the node itself."""
    handles = []
    for node in graph.nodes:
        if len(node.terms) == 1 and node.terms[0].op.kind == "module":
            term = node.terms[0]
            handles.append(
                neck.get_submodule(term.op.module).register_forward_hook(_keeper(seen, term.source, node.name, term.op.activation))
            )
    return handles


def _keeper(seen: Recording, source: str, target: str, activation: str) -> Callable[..., None]:
    def keep(_: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
        if not activation:
            seen.maps[source] = args[0][0]
        seen.maps[target] = out[0]

    return keep


@contextmanager
def _watch_resize(module: nn.Module, _: Graph, seen: Recording) -> Iterator[None]:
    def resized(_: nn.Module, __: tuple[Any, ...], out: tuple[Any, Any]) -> None:
        images = out[0]
        seen.padded_size = (int(images.tensors.shape[-2]), int(images.tensors.shape[-1]))
        seen.net_size = (int(images.image_sizes[0][0]), int(images.image_sizes[0][1]))

    transform: Any = module.transform
    with hooked([transform.register_forward_hook(resized)]):
        yield


@contextmanager
def _watch_rpn(module: FasterRCNN, _: Graph, seen: Recording) -> Iterator[None]:
    def scored(_: nn.Module, __: tuple[Any, ...], out: tuple[list[Tensor], list[Tensor]]) -> None:
        seen.logits = [level[0] for level in out[0]]

    def laid(_: nn.Module, __: tuple[Any, ...], out: list[Tensor]) -> None:
        seen.anchors = out[0]

    rpn = module.rpn
    with hooked([rpn.head.register_forward_hook(scored), rpn.anchor_generator.register_forward_hook(laid)]):
        yield


@contextmanager
def _watch_selections(module: FasterRCNN, _: Graph, seen: Recording) -> Iterator[None]:
    # MultiScaleRoIAlign keeps the scales of the first picture it ever saw (vision#3747)
    pool = module.roi_heads.box_roi_pool
    held = tuple(getattr(pool, "scales", None) or ())
    pool.scales = pool.map_levels = None

    def proposing(filter_proposals: Callable[..., Any]) -> Callable[..., Any]:
        def watched(boxes: Tensor, logits: Tensor, sizes: Any, counts: list[int]) -> Any:
            seen.boxes, seen.counts = boxes[0], [int(n) for n in counts]
            out = filter_proposals(boxes, logits, sizes, counts)
            seen.proposals, seen.proposal_scores = out[0][0], out[1][0]
            return out

        return watched

    def detecting(postprocess: Callable[..., Any]) -> Callable[..., Any]:
        def watched(class_logits: Tensor, regression: Tensor, proposals: list[Tensor], sizes: Any) -> Any:
            if class_logits is not seen.class_logits:
                # decoded once more here, because the model's own decoded boxes never leave its method
                seen.class_boxes = module.roi_heads.box_coder.decode(regression, proposals)
            seen.class_logits, seen.regression, seen.proposals = class_logits, regression, proposals[0]
            out = postprocess(class_logits, regression, proposals, sizes)
            seen.found = {"boxes": out[0][0], "scores": out[1][0], "labels": out[2][0]}
            return out

        return watched

    with wrapped(module.rpn, "filter_proposals", proposing), wrapped(module.roi_heads, "postprocess_detections", detecting):
        yield
    seen.stale_scales = held if held != tuple(pool.scales or ()) else ()


@contextmanager
def _watch_times(module: FasterRCNN, _: Graph, seen: Recording) -> Iterator[None]:
    handles = []
    for stage, part in stage_modules(module).items():
        start, stop = _stopwatch(seen, stage)
        handles += [part.register_forward_pre_hook(start), part.register_forward_hook(stop)]
    with hooked(handles):
        yield


def _stopwatch(seen: Recording, stage: str) -> tuple[Callable[..., None], Callable[..., None]]:
    def start(*_: Any) -> None:
        seen.seconds[stage] = -_now()

    def stop(*_: Any) -> None:
        seen.seconds[stage] += _now()

    return start, stop


def _now() -> float:
    # work on a GPU is only queued when a module returns; without waiting, times would be those of the queueing
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def _watch_progress(module: FasterRCNN, watcher: Watcher) -> Iterator[None]:
    leaves = [(stage, leaf) for stage, part in stage_modules(module).items() for leaf in _leaves(part)]
    handles, total = [], max(1, len(leaves))
    for index, (stage, leaf) in enumerate(leaves):
        handles.append(leaf.register_forward_pre_hook(_checkpoint(watcher, stage, index / total)))
    with hooked(handles):
        yield


def _checkpoint(watcher: Watcher, stage: str, fraction: float) -> Callable[..., None]:
    def at_layer(*_: Any) -> None:
        watcher.check()
        watcher.report(stage, fraction)

    return at_layer


@contextmanager
def _watch_dense(module: Any, graph: Graph, seen: Recording) -> Iterator[None]:
    answers: dict[str, Tensor] = {}

    def answered(_: nn.Module, __: tuple[Any, ...], out: dict[str, Tensor]) -> None:
        answers.update({name: x[0] for name, x in out.items()})

    def laid(_: nn.Module, __: tuple[Any, ...], out: list[Tensor]) -> None:
        seen.anchors = out[0]

    def detecting(postprocess: Callable[..., Any]) -> Callable[..., Any]:
        def watched(outputs: Any, anchors: list[list[Tensor]], sizes: Any) -> Any:
            seen.counts = [len(level) for level in anchors[0]]
            if seen.dense is None:
                _keep_dense(seen, dense.head_of(module, answers), graph)
            out = postprocess(outputs, anchors, sizes)
            # a copy: the model scales the boxes to the picture in the very same dictionary
            seen.found = dict(out[0])
            return out

        return watched

    hooks = [module.head.register_forward_hook(answered), module.anchor_generator.register_forward_hook(laid)]
    with hooked(hooks), wrapped(module, "postprocess_detections", detecting):
        yield


def _keep_dense(seen: Recording, head: DenseHead, graph: Graph) -> None:
    sizes = [seen.maps[node.name].shape[-2:] for node in graph.outputs]
    seen.dense, seen.boxes, seen.logits = head, head.boxes(seen.anchors), dense.objectness(head, seen.counts, sizes)


#: what watches the heads of either kind of detector
_TWO_STAGE = (_watch_rpn, _watch_selections)
_ONE_STAGE = (_watch_dense,)


def _leaves(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if not any(True for _ in m.children())]
