"""A network with its adapter, as a module that is traced like torchvision's one-stage detectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fpn_viewer.core.detectors.adapters.blame import blamed
from fpn_viewer.core.detectors.adapters.compare import on_answers, same
from fpn_viewer.core.detectors.adapters.fusion import checked_graph, named_taps
from fpn_viewer.core.detectors.adapters.protocol import Adapter, Grid
from fpn_viewer.core.detectors.adapters.transform import Resize
from fpn_viewer.core.detectors.anatomy import Anatomy
from fpn_viewer.core.detectors.lending import as_it_was
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.errors import DetectorError, SettingError
from fpn_viewer.core.tracing.dense import DenseHead, select
from fpn_viewer.core.tracing.taps import meeting, watching

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from torchvision.models.detection.image_list import ImageList

    from fpn_viewer.core.detectors.adapters.compare import Found
    from fpn_viewer.core.detectors.adapters.protocol import Answer
    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.core.tracing.taps import Tap

_NETWORK = "network"
#: cells of the coarsest level that the picture of noise has on a side, with which a network is looked at
_CELLS = 4


@dataclass(frozen=True)
class Answers:
    """What an adapter read, of all levels together: row i is anchor i (level, row, column, anchor of the cell).

    Attributes:
        anchors: (N, 4) xyxy net px.
        scores: (N, K), 0..1.
        boxes: (N, 4) xyxy net px, not clipped.
        counts: anchors per level.
    """

    anchors: Tensor
    scores: Tensor
    boxes: Tensor
    counts: tuple[int, ...]


class Head(nn.Module):
    """Asks an adapter what the network answered, and checks that it can be true."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self._adapter = adapter

    def forward(self, output: Any, grids: Sequence[Grid]) -> Answers:
        """All levels together.

        Raises:
            DetectorError: the adapter's answers do not fit the levels.
        """
        if is_headless(self._adapter):
            nothing = torch.empty(0, 4, device=grids[0].device)
            return Answers(nothing, nothing[:, :1], nothing, (0,) * len(grids))
        with blamed(f"answers() of {_who(self._adapter)}"):
            answers = list(self._adapter.answers(output, grids))
        if len(answers) != len(grids):
            raise DetectorError(f"{_who(self._adapter)} gives {len(answers)} answers for {len(grids)} outputs; give one for each.")
        for index, (answer, grid) in enumerate(zip(answers, grids, strict=True)):
            _check(self._adapter, index, answer, grid)
        anchors = [_as_boxes(answer.anchors, grid) for answer, grid in zip(answers, grids, strict=True)]
        scores, boxes = [answer.scores for answer in answers], [answer.boxes for answer in answers]
        return Answers(_joined(anchors), _joined(scores), _joined(boxes), tuple(map(len, scores)))


def _joined(levels: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(levels)).detach().float()


def is_headless(adapter: Adapter) -> bool:
    """Whether an adapter says nothing of a head."""
    return type(adapter).answers is Adapter.answers


def _who(adapter: Adapter) -> str:
    return f"the adapter {type(adapter).__name__}"


def _check(adapter: Adapter, index: int, answer: Answer, grid: Grid) -> None:
    cells, where = grid.size[0] * grid.size[1], f"{_who(adapter)}, output {index + 1} of {grid.size[0]}×{grid.size[1]} cells:"
    count = len(answer.scores)
    if answer.scores.dim() != 2 or not count or count % cells:
        raise DetectorError(f"{where} scores of {_shape(answer.scores)} are not (cells × anchors per cell, classes).")
    if answer.boxes.shape != (count, 4) or answer.anchors.shape not in ((count, 4), (count, 2)):
        raise DetectorError(
            f"{where} {count} scores need boxes of {count}×4 and anchors of {count}×4 or points of {count}×2, "
            f"not {_shape(answer.boxes)} and {_shape(answer.anchors)}."
        )
    low, high = float(answer.scores.amin()), float(answer.scores.amax())
    if low != low:
        raise DetectorError(f"{where} scores hold NaN; the weights or the decoding are broken.")
    if low < 0 or high > 1:
        raise DetectorError(f"{where} scores reach from {low:.3g} to {high:.3g}, not 0 to 1; apply the sigmoid or softmax.")


def _shape(tensor: Tensor) -> str:
    return "×".join(str(side) for side in tensor.shape) or "a single number"


def _as_boxes(anchors: Tensor, grid: Grid) -> Tensor:
    if anchors.shape[1] == 4:
        return anchors
    return torch.cat((anchors - grid.stride / 2, anchors + grid.stride / 2), -1)


class Adapted(nn.Module):
    """A network that answers like torchvision's detectors: a list of pictures in, their detections out.

    Attributes:
        network: the user's own module.
        adapter: what was said of it.
        graph: of its neck, checked on a forward.
        anatomy: where things are in this module.
        num_classes: that its head scores; 0 without a head.
        transform, head, score_thresh, nms_thresh, detections_per_img, topk_candidates: as a torchvision detector has them.
    """

    def __init__(self, network: nn.Module, adapter: Adapter) -> None:
        """Looks at one forward of the network, and leaves it as it was.

        Raises:
            DetectorError: the adapter does not fit the network.
        """
        super().__init__()
        if not hasattr(adapter, "taps"):
            raise DetectorError(f"{_who(adapter)} names no taps; give it an attribute `taps` of class Taps.")
        self.network, self.adapter = network, adapter
        self.transform, self.head = Resize(adapter.preprocessing), Head(adapter)
        chosen = adapter.selection
        self.score_thresh, self.nms_thresh = chosen.score_threshold, chosen.nms_threshold
        self.detections_per_img, self.topk_candidates = chosen.detections, chosen.per_level
        self._taps = named_taps(adapter.taps)
        self._outputs = {name: tap for name, tap in self._taps.items() if name[0] == "P"}
        self._declared = read_settings(self)
        self.graph: Graph
        self._look()
        self.anatomy = Anatomy(
            stages={"resize": "transform", "network": _NETWORK, "head": "head"},
            body="",
            neck=_NETWORK,
            heads="given",
            scored_by=(),
            parts=("heads",),
            taps={name: tap.below(_NETWORK) for name, tap in self._taps.items()},
            outputs=tuple(self._outputs),
            strides=tuple(int(s) for s in adapter.taps.strides),
        )

    # -- looking at a forward ---------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Takes down the graph, the classes and the anchors from a forward over noise."""
        maps: dict[str, Tensor] = {}
        with as_it_was(self.network), torch.inference_mode():
            self.network.eval()
            noise = self._noise(0)
            with blamed(f"the forward of {type(self.network).__name__}"), watching(self.network, self._taps, maps.__setitem__):
                answers = self._answered(noise)
            _check_passed(self._taps, maps)
            self._check_strides(maps, noise)
            self.graph = checked_graph(self.network, self.adapter.taps, maps)
            self.num_classes = 0 if is_headless(self.adapter) else int(answers.scores.shape[1])
            self.first_anchors = tuple(_of_first_cell(answers, index, maps[name]) for index, name in enumerate(self._outputs))
            if not self.graph.unknown and self.num_classes and not self._reads_outputs_only(maps):
                beside = "The head reads other maps beside the named outputs, which gains would not reach."
                self.graph = replace(self.graph, fixed=beside)

    def _noise(self, seed: int) -> Tensor:
        weight = next(self.network.parameters(), torch.zeros(()))
        how, side = self.adapter.preprocessing, _CELLS * int(self.adapter.taps.strides[-1])
        shape = (1, 3, how.max_size, how.max_size) if how.square else (1, 3, side, side)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(weight)

    def _check_strides(self, maps: dict[str, Tensor], batch: Tensor) -> None:
        for name, stride in zip(self._outputs, self.adapter.taps.strides, strict=True):
            side = batch.shape[-1]
            if not side // stride <= maps[name].shape[-1] <= -(-side // stride):
                raise DetectorError(
                    f"{str(self._taps[name])!r} gives a map of {maps[name].shape[-1]} columns for an input of {side} px, which is "
                    f"not stride {stride}; correct the strides of {_who(self.adapter)}."
                )

    def _reads_outputs_only(self, maps: dict[str, Tensor]) -> bool:
        """Whether another picture with the same outputs put in their places is answered alike."""

        def put(name: str, tap: Tap, passing: Any) -> Any:
            return tap.with_map(passing, maps[name])

        seen = []
        for seed in (0, 1):
            with meeting(self.network, self._outputs, put):
                seen.append(self._answered(self._noise(seed)))
        return torch.equal(seen[0].scores, seen[1].scores) and torch.equal(seen[0].boxes, seen[1].boxes)

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, batch: Tensor) -> tuple[Any, list[Grid]] | None:
        """The user's own forward: what it gave, and the cells of each output."""
        sizes: dict[str, tuple[int, int]] = {}

        def keep(name: str, x: Tensor) -> None:
            sizes[name] = (int(x.shape[-2]), int(x.shape[-1]))

        weight = next(self.network.parameters(), batch)
        with watching(self.network, self._outputs, keep):
            output = self.adapter.forward(self.network, batch.to(weight.dtype))
        _check_passed(self._outputs, sizes)
        grids = [Grid(int(s), sizes[name], batch.device) for name, s in zip(self._outputs, self.adapter.taps.strides, strict=True)]
        return _in_float32(output), grids

    def _answered(self, batch: Tensor) -> Answers:
        ran = self.run(batch)
        assert ran is not None
        answers: Answers = self.head(*ran)
        return answers

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        """Detections of one picture (3, H, W), RGB in 0..1: boxes image px, scores, labels.

        Raises:
            DetectorError: the adapter's answers do not fit the levels.
            SettingError: the network selects in its own way, so that other settings say nothing about it.
        """
        batch: ImageList = self.transform(images)[0]
        # in a what-if the forward is stood in for, and what the head answered is known
        output, grids = self.run(batch.tensors) or (None, [])
        answers = self.head(output, grids)
        size = batch.image_sizes[0]
        found = self.select(answers, output, size)
        height, width = images[0].shape[-2:]
        scale = found["boxes"].new_tensor([width / size[1], height / size[0]] * 2)
        return [{**found, "boxes": found["boxes"] * scale}]

    def select(self, answers: Answers, output: Any, size: tuple[int, int]) -> Found:
        """The detections, net px: the network's own where the adapter gives them and nothing was changed."""
        settings = read_settings(self)
        ours = _selected(answers, size, settings)
        with blamed(f"detections() of {_who(self.adapter)}"):
            own = None if output is None else self.adapter.detections(output)
        if own is None:
            return ours
        theirs = on_answers(own, answers.scores, answers.boxes, size)
        if _chosen(settings) == _chosen(self._declared):
            return ours if same(theirs, ours) else theirs
        if not same(theirs, _selected(answers, size, self._declared)):
            raise SettingError("This network selects in a way of its own, so that other settings of the selection cannot be tried.")
        return ours

    def answers(self, anchors: Tensor, scores: Tensor, boxes: Tensor, counts: Sequence[int]) -> Answers:
        """Answers that are known from a trace."""
        return Answers(anchors, scores, boxes, tuple(counts))


def _check_passed(taps: Mapping[str, Tap], passed: Container[str]) -> None:
    missing = next((name for name in taps if name not in passed), None)
    if missing is not None:
        raise DetectorError(f"nothing passed at {str(taps[missing])!r} in a forward, where {missing} was to be.")


def _chosen(settings: Settings) -> tuple[float, ...]:
    return settings.box_score_thresh, settings.box_nms_thresh, settings.box_detections_per_img, settings.topk_candidates


def _selected(answers: Answers, size: tuple[int, int], settings: Settings) -> Found:
    head = DenseHead(answers.scores, answers.scores[:, :0], answers.boxes, "given", "boxes")
    fate = select(head, answers.anchors, answers.counts, size, settings)
    return {"boxes": fate.boxes[fate.kept], "scores": fate.scores[fate.kept], "labels": fate.groups[fate.kept]}


def _of_first_cell(answers: Answers, index: int, x: Tensor) -> tuple[tuple[float, float], ...]:
    """Width and height, net px, of the anchors in the first cell of a level."""
    start, shapes = sum(answers.counts[:index]), answers.counts[index] // (x.shape[-2] * x.shape[-1])
    boxes = answers.anchors[start : start + shapes]
    return tuple((float(w), float(h)) for w, h in (boxes[:, 2:] - boxes[:, :2]).tolist())


def _in_float32(output: Any) -> Any:
    """What a network in half precision gave, in float32: boxes are decoded and compared in that."""
    if isinstance(output, Tensor):
        return output.float() if output.is_floating_point() else output
    if isinstance(output, dict):
        return {name: _in_float32(part) for name, part in output.items()}
    if type(output) in (list, tuple):
        return type(output)(_in_float32(part) for part in output)
    return output
