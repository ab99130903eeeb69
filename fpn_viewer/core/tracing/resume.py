"""Runs a forward again from a later part on: everything before it is answered from a trace.

The module's own forward is called; the parts in front are given the trace's tensors to return in place of computing them. Parts:
"neck" (the backbone's maps are known), "rpn" (so are the pyramid and the RPN's answers) and "heads" (so are the proposals; in a
one-stage detector the head's answers).
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torchvision.models.detection.image_list import ImageList

from fpn_viewer.core.necks.fpn import map_names
from fpn_viewer.core.tracing.dense import QUALITIES
from fpn_viewer.core.tracing.record import Recording, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from fpn_viewer.core.detectors.anatomy import Anatomy
    from fpn_viewer.core.tracing.raw import RawSelection
    from fpn_viewer.core.tracing.trace import Trace

    Answer = tuple[Any, str, Callable[..., Any]]

#: parts that a forward can begin with, earliest first; the first one is a forward like any other
PARTS: tuple[str, ...] = ("forward", "neck", "rpn", "heads")
#: stages of `Anatomy.stages` that are computed when a forward begins with a part
COMPUTED: dict[str, tuple[str, ...]] = {
    "neck": ("neck", "RPN", "RoI heads", "head"),
    "rpn": ("RPN", "RoI heads"),
    "heads": ("RoI heads",),
}
#: fields of `Recording` and `RawSelection` that the selections behind the pyramid write
_SELECTED = ("proposals", "proposal_scores", "class_logits", "class_boxes", "regression", "found", "output")


def begun(trace: Trace, part: str) -> Recording:
    """A recording that already holds what lies before a part."""
    if part == "neck":
        return Recording()
    raw = trace.raw
    return Recording(
        maps=dict(trace.maps),
        logits=list(raw.logits),
        anchors=raw.anchors,
        boxes=raw.boxes,
        counts=list(raw.counts),
        proposals=raw.proposals,
        proposal_scores=raw.proposal_scores,
        class_logits=raw.class_logits,
        class_boxes=raw.class_boxes,
        regression=raw.regression,
        dense=raw.dense,
        inputs=raw.inputs,
    )


def selected(raw: RawSelection, seen: Recording) -> RawSelection:
    """The selection of a forward that began behind the pyramid; what was known stays the very same tensors."""
    return replace(raw, **{name: getattr(seen, name) for name in _SELECTED})


@contextmanager
def answered(module: Any, anatomy: Anatomy, trace: Trace, part: str) -> Iterator[None]:
    """The module with everything before `part` answered from the trace, and as it was again after the block.

    Args:
        module: the one that made the trace.
        anatomy: where things are in it.
        trace: of a model whose selection the replay follows.
        part: one of `Anatomy.parts`.
    """
    with ExitStack() as stack:
        stack.enter_context(wrapped(module.get_submodule(anatomy.stages["resize"]), "forward", _always(_resized(trace))))
        for owner, name, wrapper in ANSWERS[anatomy.heads](module, anatomy, trace, part):
            stack.enter_context(wrapped(owner, name, wrapper))
        yield


def _given(module: Any, _: Anatomy, trace: Trace, __: str) -> list[Answer]:
    """An adapter's network: its whole forward and what was read from it."""
    head, raw = trace.raw.dense, trace.raw
    assert head is not None
    return [
        (module, "run", _always(None)),
        (module.head, "forward", _always(module.answers(raw.anchors, head.class_logits, head.regression, raw.counts))),
    ]


def _one_stage(module: Any, anatomy: Anatomy, trace: Trace, part: str) -> list[Answer]:
    return [
        *_pyramid(module, anatomy, trace, part),
        *([] if part == "neck" else [(module.head, "forward", _always(_dense(trace)))]),
    ]


def _two_stage(module: Any, anatomy: Anatomy, trace: Trace, part: str) -> list[Answer]:
    out = _pyramid(module, anatomy, trace, part)
    if part == "neck":
        return out
    return [*out, (module.rpn, "forward", _PROPOSING[part](module, trace)), *_KnownRows(trace.raw).answers(module.roi_heads)]


def _pyramid(module: Any, anatomy: Anatomy, trace: Trace, part: str) -> list[Answer]:
    """torchvision's backbone with its neck, or the backbone alone when the neck is to be computed again."""
    names = trace.raw.inputs
    if part == "neck":
        return [(module.get_submodule(anatomy.body), "forward", _always(_named(trace, names, trace.graph.inputs)))]
    names = map_names(module.get_submodule(anatomy.neck), names)
    return [(module.backbone, "forward", _always(_named(trace, names, trace.graph.outputs)))]


def _always(value: Any) -> Callable[..., Any]:
    return lambda _: lambda *args, **named: value


def _resized(trace: Trace) -> tuple[ImageList, None]:
    # only its shape is looked at: no memory is taken
    batch = torch.zeros((), device=trace.raw.anchors.device).expand(1, 3, *trace.padded_size)
    return ImageList(batch, [trace.net_size]), None


def _named(trace: Trace, names: tuple[str, ...], nodes: tuple[Any, ...]) -> OrderedDict[str, Tensor]:
    return OrderedDict((name, trace.maps[node.name][None]) for name, node in zip(names, nodes, strict=True))


def _dense(trace: Trace) -> dict[str, Tensor]:
    head = trace.raw.dense
    assert head is not None
    out = {"cls_logits": head.class_logits[None], "bbox_regression": head.regression[None]}
    return out | {name: head.quality[None] for name, score in QUALITIES.items() if score == head.score}


#: what is stood in for, by `Anatomy.heads`: (module, anatomy, trace, part) to methods as (owner, name, wrapper)
ANSWERS: dict[str, Callable[[Any, Anatomy, Trace, str], list[Answer]]] = {
    "two-stage": _two_stage,
    "one-stage": _one_stage,
    "given": _given,
}


def _filtering(module: Any, trace: Trace) -> Callable[..., Any]:
    """The RPN's own filter on its recorded answers."""
    raw = trace.raw

    def forward(images: ImageList, *_: Any, **__: Any) -> tuple[list[Tensor], dict[str, Tensor]]:
        logits = raw.answers.objectness[:, None]
        proposals, _scores = module.rpn.filter_proposals(raw.boxes[None], logits, images.image_sizes, list(raw.counts))
        return proposals, {}

    return lambda _: forward


def _proposed(_: nn.Module, trace: Trace) -> Callable[..., Any]:
    return _always(([trace.raw.proposals], {}))


_PROPOSING: dict[str, Callable[[Any, Trace], Callable[..., Any]]] = {"rpn": _filtering, "heads": _proposed}


class _KnownRows:
    """Answers of the box head: from the trace for proposals it has seen before, computed for the others only.

    A proposal is known by its box: the head sees nothing else of it. A proposal computed in another batch than the trace's may
    differ from the full forward's in its last bits.
    """

    def __init__(self, raw: RawSelection) -> None:
        self._raw = raw
        self._rows = torch.empty(0, dtype=torch.int64)
        self._same = False

    def answers(self, heads: Any) -> list[Answer]:
        """The methods to stand in for: (owner, name, wrapper)."""
        return [
            (heads.box_roi_pool, "forward", self._pooling),
            (heads.box_head, "forward", self._describing),
            (heads.box_predictor, "forward", self._predicting),
        ]

    def _pooling(self, pool: Callable[..., Any]) -> Callable[..., Any]:
        def forward(features: dict[str, Tensor], proposals: list[Tensor], sizes: Any) -> Tensor:
            (boxes,) = proposals
            self._same = torch.equal(boxes, self._raw.proposals)
            self._rows = torch.zeros(len(boxes)) if self._same else _rows_of(boxes, self._raw.proposals)
            fresh = boxes[self._rows < 0]
            out: Tensor = pool(features, [fresh], sizes) if len(fresh) else fresh
            return out

        return forward

    def _describing(self, head: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: head(x) if len(x) else x

    def _predicting(self, predict: Callable[..., Any]) -> Callable[..., Any]:
        def forward(x: Tensor) -> tuple[Tensor, Tensor]:
            fresh = predict(x) if len(x) else (None, None)
            logits, regression = self._merged(self._raw.class_logits, fresh[0]), self._merged(self._raw.regression, fresh[1])
            return logits, regression

        return forward

    def _merged(self, known: Tensor, fresh: Tensor | None) -> Tensor:
        if self._same:
            # the very tensor: what was decoded from it need not be decoded again
            return known
        out, has = known.new_empty((len(self._rows), known.shape[1])), self._rows >= 0
        out[has] = known[self._rows[has]]
        if fresh is not None:
            out[~has] = fresh.to(out.dtype)
        return out


def _rows_of(boxes: Tensor, known: Tensor) -> Tensor:
    """Row of the same box among the known ones (N,), or -1."""
    distinct, numbers = torch.unique(torch.cat([known, boxes]), dim=0, return_inverse=True)
    row_of = torch.full((len(distinct),), -1, dtype=torch.int64, device=known.device)
    row_of[numbers[: len(known)]] = torch.arange(len(known), device=known.device)
    return row_of[numbers[len(known) :]]
