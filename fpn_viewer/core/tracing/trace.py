"""A trace: everything that happened to one picture in one detector, as a value that is questioned later.

Maps stay where they were computed. Terms, sources and the replayed selection are worked out when first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fpn_viewer.core.necks.evaluate import nearest, subsample
from fpn_viewer.core.structures import STAGES, Candidates, ClassBoxes, Detections, Proposals, as_numpy
from fpn_viewer.core.tracing import compare_outputs, contributions, replay

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.geometry import Geometry, Level
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.necks.evaluate import Affine
    from fpn_viewer.core.necks.graph import Gains, Graph
    from fpn_viewer.core.structures import Divergence, StageTime
    from fpn_viewer.core.tracing.receptive import Window


@dataclass(frozen=True)
class RawSelection:
    """The tensors the selections worked on and what the model itself selected.

    Attributes:
        logits: per level (A, h, w), objectness.
        anchors: (N, 4) xyxy net px.
        boxes: (N, 4) anchors after regression, net px, not clipped.
        counts: anchors per level.
        proposals: (R, 4) net px, the model's own.
        proposal_scores: (R,).
        class_logits: (R, K).
        class_boxes: (R, K, 4) net px, not clipped.
        found: the model's own detections in net px: boxes, scores, labels.
        output: the same in image px.
        roi_levels: index of the first and last pyramid level that RoIs are read from.
    """

    logits: tuple[Tensor, ...]
    anchors: Tensor
    boxes: Tensor
    counts: tuple[int, ...]
    proposals: Tensor
    proposal_scores: Tensor
    class_logits: Tensor
    class_boxes: Tensor
    found: Mapping[str, Tensor]
    output: Mapping[str, Tensor]
    roi_levels: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Trace:
    """What one detector did with one picture.

    Attributes:
        spec: the detector.
        settings: in force for this trace.
        gains: factors on terms, by (node, term); empty for the model as it is.
        geometry: sizes and the maps between the frames.
        levels: fine to coarse.
        graph: the neck's nodes and terms.
        maps: recorded nodes, (C, h, w).
        affines: the neck's convolutions, folded, by path in the graph.
        raw: what the selections worked on.
        times: per stage, in order.
        device: "cpu", "cuda:0".
        source: the picture's path, or "<array>".
        digest: of the picture's pixels.
        warnings: sentences about what looks wrong (NaN in a map, …).
        receptive: what one cell sees: by node name of a backbone map in net px, by path of a neck's module in cells of its input.
        began: the first part that was computed for this trace: "forward", or for a what-if "neck", "rpn", "heads".
        picture: the pixels that were run; None in a trace from a file of an earlier version.
        detector: made this trace and answers what-ifs about it; None in a trace from a file. It is never saved.
    """

    spec: DetectorSpec
    settings: Settings
    gains: Gains
    geometry: Geometry
    levels: tuple[Level, ...]
    graph: Graph
    maps: Mapping[str, Tensor] = field(repr=False)
    affines: Mapping[str, Affine] = field(repr=False)
    raw: RawSelection = field(repr=False)
    times: tuple[StageTime, ...]
    device: str
    source: str
    digest: str
    warnings: tuple[str, ...] = ()
    receptive: Mapping[str, Window] = field(default_factory=dict, repr=False)
    began: str = "forward"
    picture: Picture | None = field(default=None, repr=False)
    detector: Detector | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("maps", "affines", "gains", "receptive"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    # -- sizes ------------------------------------------------------------------------------------------------------

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W) of the picture, image px."""
        return self.geometry.image_size

    @property
    def net_size(self) -> tuple[int, int]:
        """(H, W) after the resize, net px."""
        return self.geometry.net_size

    @property
    def padded_size(self) -> tuple[int, int]:
        """(H, W) after padding, net px."""
        return self.geometry.padded_size

    @property
    def scale(self) -> tuple[float, float]:
        """Net px per image px, (y, x)."""
        return self.geometry.scale

    def level(self, name: str) -> Level:
        """The level of that name.

        Raises:
            KeyError: there is none.
        """
        for level in self.levels:
            if level.name == name:
                return level
        raise KeyError(f"the pyramid has no level {name!r}; it has {', '.join(one.name for one in self.levels)}")

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors held (shared storage counted once); what the cache counts."""
        raw = self.raw
        tensors = [*self.maps.values(), *raw.logits, raw.anchors, raw.boxes, raw.class_logits, raw.class_boxes]
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
        return sum(storages.values())

    # -- the pyramid ------------------------------------------------------------------------------------------------

    def node(self, name: str) -> Tensor:
        """A node's map (C, h, w), as the model computed it; the top-down terms are the exact stepwise upsample.

        Raises:
            KeyError: the pyramid has no such node.
        """
        if name in self.maps:
            return self.maps[name]
        # a node that no module computes is its one term, gain included
        (value,) = self.terms(name).values()
        return value

    def width(self, name: str) -> int:
        """How many channels a node has, without computing it.

        Raises:
            KeyError: the pyramid has no such node.
        """
        while name not in self.maps:
            (term,) = self.graph[name].terms
            name = term.source
        return int(self.maps[name].shape[0])

    def terms(self, name: str) -> dict[str, Tensor]:
        """The summands of a node by term name, gains applied; summed in this order they are the node bit for bit.

        A term that is a convolution is the node itself: its parts are told apart by `sources`.
        """
        out = {}
        for term in self.graph[name].terms:
            module = term.op.kind == "module"
            x = self.maps[name] if module else self._arrived(name, term.source, term.op.kind, term.op.factor)
            factor = term.weight * self.gains.get((name, term.name), 1.0)
            out[term.name] = x if module or factor == 1.0 else x * factor
        return out

    def sources(self, name: str) -> dict[str, Tensor]:
        """What each backbone map, and the biases, gave to a node: LINEAR-EXACT, they sum to the node.

        Raises:
            DetectorError: an operation on the way is not affine.
        """
        with torch.inference_mode():
            return contributions.contributions(self.graph, name, self.maps, self.affines, self.gains)

    def _arrived(self, name: str, source: str, kind: str, factor: int) -> Tensor:
        x = self.node(source)
        if kind == "nearest":
            return nearest(x, self.level(self.graph[name].level).size)
        return subsample(x, factor) if kind == "subsample" else x

    # -- the RPN and the heads --------------------------------------------------------------------------------------

    def objectness(self, level: str) -> Tensor:
        """(A, h, w) logits of one level."""
        return self.raw.logits[self.levels.index(self.level(level))]

    def anchors(self, level: str) -> Tensor:
        """(h, w, A, 4) xyxy net px of one level."""
        index = self.levels.index(self.level(level))
        start = sum(self.raw.counts[:index])
        h, w = self.levels[index].size
        return self.raw.anchors[start : start + self.raw.counts[index]].view(h, w, -1, 4)

    @cached_property
    def candidates(self) -> Candidates:
        """Every anchor with its fate, through both stages."""
        fate, raw = self._rpn, self.raw
        alive = as_numpy(fate.alive_after)
        rows = self.proposals.candidate
        known = rows >= 0
        # an anchor got as far as the best of its class boxes
        best = np.full(len(rows), -1, np.int8)
        np.maximum.at(best, self.class_boxes.proposal, self.class_boxes.alive_after)
        np.maximum.at(alive, rows[known], best[known])
        level, y, x, shape = _cells(self.levels, raw.counts)
        return Candidates(
            level=level,
            y=y,
            x=x,
            shape=shape,
            objectness=as_numpy(self._flat_logits.float()),
            box_net=as_numpy(fate.boxes.float()),
            alive_after=alive,
            suppressed_by=as_numpy(fate.suppressed_by).astype(np.int32),
            rank=as_numpy(replay.ranks(self._flat_logits, raw.counts)),
        )

    @cached_property
    def proposals(self) -> Proposals:
        """What the RPN handed over: the model's own, with provenance where the replay follows."""
        raw = self.raw
        rows = compare_outputs.matching_rows(raw.proposals, self._rpn)
        lo, hi = raw.roi_levels
        return Proposals(
            as_numpy(raw.proposals.float()),
            as_numpy(raw.proposal_scores.float()),
            as_numpy(rows).astype(np.int32),
            roi_levels(as_numpy(raw.proposals.float()), lo, hi),
        )

    @cached_property
    def class_boxes(self) -> ClassBoxes:
        """Every proposal under every class with its fate in the second stage."""
        fate = self._head
        classes = max(1, self.raw.class_logits.shape[-1] - 1)
        count = len(fate.scores) // classes
        return ClassBoxes(
            np.repeat(np.arange(count, dtype=np.int32), classes),
            np.tile(np.arange(1, classes + 1, dtype=np.int32), count),
            as_numpy(fate.scores.float()),
            as_numpy(fate.boxes.float()),
            as_numpy(fate.alive_after),
            as_numpy(fate.suppressed_by).astype(np.int32),
        )

    @cached_property
    def detections(self) -> Detections:
        """The model's own output with the candidate each detection grew from."""
        out = self.raw.output
        rows = compare_outputs.matching_detections(self.raw.found, self._head, self.class_boxes, self.proposals)
        return Detections(
            as_numpy(out["boxes"].float()).reshape(-1, 4), as_numpy(out["scores"].float()), as_numpy(out["labels"]), rows
        )

    @cached_property
    def follows(self) -> Divergence | None:
        """None when the replay reproduces the model's own output bit for bit; else where it first differs."""
        return compare_outputs.first_difference(self.raw, self._rpn, self._head, self.class_boxes)

    def stage_of(self, code: int) -> str:
        """The name of a stage from its index in `alive_after`."""
        return STAGES[code]

    @cached_property
    def _flat_logits(self) -> Tensor:
        # torchvision's order: level, row, column, shape
        parts = [x.permute(1, 2, 0).reshape(-1) for x in self.raw.logits]
        return torch.cat(parts) if parts else torch.empty(0)

    @cached_property
    def _rpn(self) -> replay.Fate:
        with torch.inference_mode():
            return replay.select_proposals(self.raw.boxes, self._flat_logits, self.raw.counts, self.net_size, self.settings)

    @cached_property
    def _head(self) -> replay.Fate:
        with torch.inference_mode():
            return replay.select_detections(self.raw.class_boxes, self.raw.class_logits, self.net_size, self.settings)

    # -- files ------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Writes the trace to one file; `Trace.load` opens it again without the model."""
        from fpn_viewer.core.tracing.files import save_trace

        save_trace(self, path)

    @staticmethod
    def load(path: str | Path) -> Trace:
        """A trace that `save` wrote.

        Raises:
            UserError: the file cannot be read or is not a trace.
        """
        from fpn_viewer.core.tracing.files import load_trace

        return load_trace(path)


def _cells(levels: tuple[Level, ...], counts: tuple[int, ...]) -> tuple[Any, ...]:
    parts = []
    for index, (level, count) in enumerate(zip(levels, counts, strict=False)):
        h, w = level.size
        y, x, shape = (a.reshape(-1) for a in np.indices((h, w, count // (h * w)), np.int32))
        parts.append((np.full(count, index, np.int16), y, x, shape.astype(np.int16)))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def roi_levels(boxes_net: np.ndarray, first: int, last: int, canonical: int = 224) -> np.ndarray:
    """Index of the pyramid level each RoI is read from: torchvision's `LevelMapper` (FPN paper, equation 1).

    Args:
        boxes_net: (R, 4) xyxy net px.
        first: log2 stride of the finest level that RoIs may use.
        last: log2 stride of the coarsest.
        canonical: net px side that belongs on stride 16.

    Returns:
        (R,) int16, counted from `first` = 0.
    """
    side = np.sqrt((boxes_net[:, 2] - boxes_net[:, 0]) * (boxes_net[:, 3] - boxes_net[:, 1])).astype(np.float32)
    with np.errstate(divide="ignore"):
        k = np.floor(4 + np.log2(side / np.float32(canonical)) + np.float32(1e-6))
    out: np.ndarray = (np.clip(k, first, last) - first).astype(np.int16)
    return out
