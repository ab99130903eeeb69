"""A trace: everything that happened to one picture in one detector, as a value that is questioned later.

Maps stay where they were computed. Terms, sources and the replayed selection are worked out when first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.necks.evaluate import nearest, subsample
from fpn_viewer.core.structures import Candidates, ClassBoxes, Detections, Proposals, as_numpy
from fpn_viewer.core.tracing import compare_outputs, contributions, dense, replay
from fpn_viewer.core.tracing.places import anchor_cells, roi_levels
from fpn_viewer.core.tracing.sides import Columns, Side

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.geometry import Geometry, Level
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.necks.evaluate import Affine
    from fpn_viewer.core.necks.graph import Gains, Graph
    from fpn_viewer.core.structures import Divergence, StageTime
    from fpn_viewer.core.tracing.raw import RawSelection
    from fpn_viewer.core.tracing.receptive import Window


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
        stale_scales: what RoI pooling held from another picture when this trace began, where that does not fit this one; the
            trace itself was made with the right scales.
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
    stale_scales: tuple[float, ...] = ()

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
        tensors = [*self.maps.values(), *self.raw.tensors]
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

        Raises:
            DetectorError: how the node is made is not known.
        """
        self.graph.check_known(name)
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
            DetectorError: an operation on the way is not affine, or not known.
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
        if self.dense_fate is not None:
            cells = anchor_cells(self.levels, self.raw.counts)
            return dense.candidates(self.dense_fate, self.raw.answers, self.raw.counts, self.net_size, cells)
        fate, raw = self._rpn, self.raw
        alive = as_numpy(fate.alive_after)
        rows = self.proposals.candidate
        known = rows >= 0
        # an anchor got as far as the best of its class boxes
        best = as_numpy(self._head.alive_after).reshape(-1, self.classes).max(1, initial=-1)
        np.maximum.at(alive, rows[known], best[known])
        level, y, x, shape = anchor_cells(self.levels, raw.counts)
        objectness = as_numpy(raw.answers.objectness.float())
        return Candidates(
            level=level,
            y=y,
            x=x,
            shape=shape,
            objectness=objectness,
            box_net=as_numpy(fate.boxes.float()),
            alive_after=alive,
            suppressed_by=as_numpy(fate.suppressed_by).astype(np.int32),
            rank=replay.ranks(objectness, raw.counts),
        )

    @cached_property
    def proposals(self) -> Proposals:
        """What the RPN handed over: the model's own, with provenance where the replay follows; none in a one-stage detector."""
        raw = self.raw
        rows = compare_outputs.matching_rows(raw.proposals, self._rpn) if raw.dense is None else torch.empty(0)
        lo, hi = raw.roi_levels
        return Proposals(
            as_numpy(raw.proposals.float()),
            as_numpy(raw.proposal_scores.float()),
            as_numpy(rows).astype(np.int32),
            roi_levels(as_numpy(raw.proposals.float()), lo, hi),
        )

    @property
    def classes(self) -> int:
        """Rows of `class_boxes` for each proposal: classes without background."""
        return max(1, self.raw.class_logits.shape[-1] - 1)

    @cached_property
    def class_boxes(self) -> ClassBoxes:
        """Every proposal under every class with its fate in the second stage."""
        if self.dense_fate is not None:
            return dense.class_boxes(self.dense_fate)
        fate = self._head
        classes, count = self.classes, len(fate.scores) // self.classes
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
        if self.dense_fate is not None:
            return dense.detections(self.dense_fate, self.detection_rows, out)
        owner = np.where(self.detection_rows >= 0, self.detection_rows // self.classes, -1)
        anchors = self.proposals.candidate[owner] if len(self.proposals) else np.full(len(owner), -1, np.int32)
        return Detections(
            as_numpy(out["boxes"].float()).reshape(-1, 4),
            as_numpy(out["scores"].float()),
            as_numpy(out["labels"]),
            np.where(owner >= 0, anchors, -1).astype(np.int32),
        )

    @cached_property
    def detection_rows(self) -> NDArray[np.int64]:
        """Row of `class_boxes` behind each detection (N,), or -1 where the replay cannot follow."""
        if self.dense_fate is not None:
            return dense.detection_rows(self.raw.found, self.dense_fate)
        return compare_outputs.detection_rows(self.raw.found, self._head)

    @cached_property
    def follows(self) -> Divergence | None:
        """None when the replay reproduces the model's own output bit for bit; else where it first differs."""
        if self.dense_fate is not None:
            return dense.first_difference(self.raw.found, self.dense_fate)
        return compare_outputs.first_difference(self.raw, self._rpn, self._head)

    @property
    def stages(self) -> tuple[str, ...]:
        """Every stage of the detector's selection in order; `alive_after` counts in them."""
        return self.spec.kind.stages

    @cached_property
    def dense_fate(self) -> dense.DenseFate | None:
        """What a one-stage selection did to its pairs of anchor and class; None in a two-stage detector."""
        raw = self.raw
        if raw.dense is None:
            return None
        with torch.inference_mode():
            first = self.spec.conventions.clip_before_nms
            return dense.select(raw.dense, raw.anchors, raw.counts, self.net_size, self.settings, clip_before_nms=first)

    @cached_property
    def _rpn(self) -> replay.Fate:
        with torch.inference_mode():
            return replay.select_proposals(self.raw.answers, self.raw.counts, self.net_size, self.settings)

    @cached_property
    def _head(self) -> replay.Fate:
        with torch.inference_mode():
            return replay.select_detections(self.raw.class_boxes, self.raw.class_logits, self.net_size, self.settings)

    @cached_property
    def rpn_side(self) -> Side:
        """The first selection as arrays: row i is anchor i, scores are sigmoid objectness."""
        return Side(self._rpn)

    @cached_property
    def head_side(self) -> Side:
        """The last selection as arrays: row i is row i of `class_boxes`."""
        return Side(self._head if self.dense_fate is None else self.dense_fate)

    def anchor_scores(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Sigmoid of the objectness of some anchors (n,)."""
        answers = self.raw.answers
        return as_numpy(answers.scores[torch.from_numpy(rows).to(answers.scores.device)].float())

    @cached_property
    def level_ends(self) -> NDArray[np.int64]:
        """Row behind the last anchor of each level (L,)."""
        return np.cumsum(self.raw.counts)

    @cached_property
    def anchor_columns(self) -> Columns:
        """All anchors, net px, as the generator laid them."""
        return Columns(self.raw.anchors)

    @cached_property
    def candidate_columns(self) -> Columns:
        """The boxes of `candidates`, net px."""
        return Columns(self.raw.answers.clipped(self.net_size))

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
