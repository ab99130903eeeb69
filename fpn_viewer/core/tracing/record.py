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
from fpn_viewer.core.tracing.taps import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.detectors.anatomy import Anatomy
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


def record(
    module: Any, anatomy: Anatomy, image: Tensor, watcher: Watcher | None = None, seen: Recording | None = None
) -> Recording:
    """One forward of `module` over one picture.

    Args:
        module: in eval mode.
        anatomy: where things are in it.
        image: (3, H, W) float in 0..1 on the module's device.
        watcher: asked between layers whether to go on.
        seen: what is known of the parts that this forward leaves out.

    Returns:
        The recording; hooks and wrappers are gone.
    """
    seen = Recording() if seen is None else seen
    with ExitStack() as stack:
        # a watcher may stop the forward anywhere, so it goes in after everything that must come out again
        for watch in (_watch_resize, _watch_neck, *HEADS[anatomy.heads], _watch_times):
            stack.enter_context(watch(module, anatomy, seen))
        if watcher is not None:
            stack.enter_context(_watch_progress(module, anatomy, watcher))
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
def _watch_neck(module: nn.Module, anatomy: Anatomy, seen: Recording) -> Iterator[None]:
    def keep(name: str, x: Tensor) -> None:
        seen.maps[name] = x[0]

    def entered(_: nn.Module, args: tuple[Any, ...]) -> None:
        seen.inputs = tuple(args[0])

    neck = [module.get_submodule(anatomy.neck).register_forward_pre_hook(entered)] if anatomy.own_neck else []
    with hooked(neck), watching(module, anatomy.taps, keep):
        yield


@contextmanager
def _watch_resize(module: nn.Module, _: Anatomy, seen: Recording) -> Iterator[None]:
    def resized(_: nn.Module, __: tuple[Any, ...], out: tuple[Any, Any]) -> None:
        images = out[0]
        seen.padded_size = (int(images.tensors.shape[-2]), int(images.tensors.shape[-1]))
        seen.net_size = (int(images.image_sizes[0][0]), int(images.image_sizes[0][1]))

    transform: Any = module.transform
    with hooked([transform.register_forward_hook(resized)]):
        yield


@contextmanager
def _watch_rpn(module: FasterRCNN, _: Anatomy, seen: Recording) -> Iterator[None]:
    def scored(_: nn.Module, __: tuple[Any, ...], out: tuple[list[Tensor], list[Tensor]]) -> None:
        seen.logits = [level[0] for level in out[0]]

    def laid(_: nn.Module, __: tuple[Any, ...], out: list[Tensor]) -> None:
        seen.anchors = out[0]

    rpn = module.rpn
    with hooked([rpn.head.register_forward_hook(scored), rpn.anchor_generator.register_forward_hook(laid)]):
        yield


@contextmanager
def _watch_selections(module: FasterRCNN, _: Anatomy, seen: Recording) -> Iterator[None]:
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

    with ExitStack() as stack:
        stack.enter_context(wrapped(module.rpn, "filter_proposals", proposing))
        stack.enter_context(wrapped(module.roi_heads, "postprocess_detections", detecting))
        # masks and keypoints are read from boxes that are chosen by then; nobody asks a trace for them
        for part in ("mask_roi_pool", "keypoint_roi_pool"):
            stack.enter_context(_without(module.roi_heads, part))
        yield
    seen.stale_scales = held if held != tuple(pool.scales or ()) else ()


@contextmanager
def _without(owner: nn.Module, name: str) -> Iterator[None]:
    """A module without one of its parts, where it has it."""
    part = getattr(owner, name, None)
    if part is None:
        yield
        return
    setattr(owner, name, None)
    try:
        yield
    finally:
        setattr(owner, name, part)


@contextmanager
def _watch_times(module: nn.Module, anatomy: Anatomy, seen: Recording) -> Iterator[None]:
    handles = []
    for stage, part in _stages(module, anatomy).items():
        start, stop = _stopwatch(seen, stage)
        handles += [part.register_forward_pre_hook(start), part.register_forward_hook(stop)]
    with hooked(handles):
        yield


def _stages(module: nn.Module, anatomy: Anatomy) -> dict[str, nn.Module]:
    return {stage: module.get_submodule(path) for stage, path in anatomy.stages.items()}


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
def _watch_progress(module: nn.Module, anatomy: Anatomy, watcher: Watcher) -> Iterator[None]:
    leaves = [(stage, leaf) for stage, part in _stages(module, anatomy).items() for leaf in _leaves(part)]
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
def _watch_dense(module: Any, anatomy: Anatomy, seen: Recording) -> Iterator[None]:
    answers: dict[str, Tensor] = {}

    def answered(_: nn.Module, __: tuple[Any, ...], out: dict[str, Tensor]) -> None:
        answers.update({name: x[0] for name, x in out.items()})

    def laid(_: nn.Module, __: tuple[Any, ...], out: list[Tensor]) -> None:
        seen.anchors = out[0]

    def detecting(postprocess: Callable[..., Any]) -> Callable[..., Any]:
        def watched(outputs: Any, anchors: list[list[Tensor]], sizes: Any) -> Any:
            seen.counts = [len(level) for level in anchors[0]]
            if seen.dense is None:
                _keep_dense(seen, dense.head_of(module, answers), anatomy)
            out = postprocess(outputs, anchors, sizes)
            # a copy: the model scales the boxes to the picture in the very same dictionary
            seen.found = dict(out[0])
            return out

        return watched

    hooks = [module.head.register_forward_hook(answered), module.anchor_generator.register_forward_hook(laid)]
    with hooked(hooks), wrapped(module, "postprocess_detections", detecting):
        yield


def _keep_dense(seen: Recording, head: DenseHead, anatomy: Anatomy) -> None:
    sizes = [seen.maps[name].shape[-2:] for name in anatomy.outputs]
    seen.dense, seen.boxes, seen.logits = head, head.boxes(seen.anchors), dense.objectness(head, seen.counts, sizes)


@contextmanager
def _watch_given(module: Any, anatomy: Anatomy, seen: Recording) -> Iterator[None]:
    def answered(_: nn.Module, __: tuple[Any, ...], out: Any) -> None:
        if seen.dense is None:
            seen.anchors, seen.counts = out.anchors, list(out.counts)
            seen.dense, seen.boxes = dense.DenseHead(out.scores, out.scores[:, :0], out.boxes, "given", "boxes"), out.boxes
            if len(out.anchors):
                _keep_dense(seen, seen.dense, anatomy)

    def selecting(select: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            seen.found = dict(select(*args))
            return seen.found

        return watched

    with hooked([module.head.register_forward_hook(answered)]), wrapped(module, "select", selecting):
        yield


#: what watches the heads, by `Anatomy.heads`
HEADS: dict[str, tuple[Callable[[Any, Anatomy, Recording], AbstractContextManager[None]], ...]] = {
    "two-stage": (_watch_rpn, _watch_selections),
    "one-stage": (_watch_dense,),
    "given": (_watch_given,),
}


def _leaves(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if not any(True for _ in m.children())]
