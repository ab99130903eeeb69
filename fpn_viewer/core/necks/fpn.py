"""The Feature Pyramid Network (Lin et al., CVPR 2017): torchvision's module as a graph, and the one without top-down path."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.evaluate import nearest
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term, level_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


class LateralPyramid(FeaturePyramidNetwork):
    """An FPN whose top-down path is cut, in training as well: `P_l = smoothing(lateral(C_l))`.

    What a detector trained this way loses is what the top-down path buys.
    """

    @classmethod
    def sharing(cls, fpn: nn.Module) -> LateralPyramid:
        """The cut pyramid that uses the modules of `fpn` (shared, not copied)."""
        cut = cls.__new__(cls)
        nn.Module.__init__(cut)
        cut.inner_blocks, cut.layer_blocks = fpn.inner_blocks, fpn.layer_blocks
        cut.extra_blocks = fpn.extra_blocks
        return cut

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Backbone maps, fine to coarse, to pyramid maps by name; each (N, C, h, w)."""
        names, maps = list(x), list(x.values())
        results = [smooth(inner(m)) for m, inner, smooth in zip(maps, self.inner_blocks, self.layer_blocks, strict=True)]
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results, strict=True))


class AveragingPyramid(FeaturePyramidNetwork):
    """An FPN that fuses by the mean of lateral and top-down: `M_l = L_l / 2 + U(M_{l+1}) / 2` (detectron2's "avg")."""

    @classmethod
    def sharing(cls, fpn: nn.Module) -> AveragingPyramid:
        """The averaging pyramid that uses the modules of `fpn` (shared, not copied)."""
        mean = cls.__new__(cls)
        nn.Module.__init__(mean)
        mean.inner_blocks, mean.layer_blocks = fpn.inner_blocks, fpn.layer_blocks
        mean.extra_blocks = fpn.extra_blocks
        return mean

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Backbone maps, fine to coarse, to pyramid maps by name; each (N, C, h, w)."""
        names, maps = list(x), list(x.values())
        merged = [inner(m) for m, inner in zip(maps, self.inner_blocks, strict=True)]
        for index in reversed(range(len(merged) - 1)):
            above = nearest(merged[index + 1], merged[index].shape[-2:])
            merged[index] = merged[index] * _HALF + above * _HALF
        results = [smooth(m) for m, smooth in zip(merged, self.layer_blocks, strict=True)]
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results, strict=True))


class LinearP6P7(LastLevelP6P7):
    """P6 and P7 by convolutions with nothing between them (mmdetection's RetinaNet), so that P7 is linear in the backbone."""

    @classmethod
    def sharing(cls, block: nn.Module) -> LinearP6P7:
        """The levels made by the convolutions of `block` (shared, not copied)."""
        linear = cls.__new__(cls)
        nn.Module.__init__(linear)
        linear.p6, linear.p7, linear.use_P5 = block.p6, block.p7, block.use_P5
        return linear

    def forward(self, p: list[Tensor], c: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        """The pyramid `p` and its `names` with two more levels, from the last map of `p` or of the backbone `c`."""
        p6 = self.p6(p[-1] if self.use_P5 else c[-1])
        return [*p, p6, self.p7(p6)], [*names, "p6", "p7"]


def fpn_graph(fpn: FeaturePyramidNetwork, strides: Sequence[int]) -> Graph:
    """The graph of a torchvision FPN.

    Args:
        fpn: the module; its weights stay where they are.
        strides: of the backbone maps, fine to coarse, net px per cell.

    Raises:
        DetectorError: the pyramid is of a class or has extra blocks that this program does not know.
    """
    if type(fpn) not in _FUSED:
        raise DetectorError(f"a neck of class {type(fpn).__name__} cannot be followed; FeaturePyramidNetwork can.")
    weight = _FUSED[type(fpn)]
    names = level_names(strides)
    nodes = [Node(f"C{n}", "backbone", f"P{n}") for n in names]
    for index in reversed(range(len(names))):
        nodes += _level(names, index, weight if index + 1 < len(names) else 0.0)
    extra = _extra_levels(fpn, names, strides)
    levels = (*(f"P{n}" for n in names), *(node.level for node in extra))
    return Graph("FPN" if weight else "FPN without top-down", levels, (*nodes, *extra))


def _level(names: Sequence[str], index: int, weight: float) -> list[Node]:
    """The nodes of one level; `weight` is that of lateral and top-down, 0 where there is no top-down."""
    n, level = names[index], f"P{names[index]}"
    lateral = Node(f"L{n}", "lateral", level, (Term("lateral", f"C{n}", Op("module", f"inner_blocks.{index}", label="1×1 conv")),))
    terms = [Term("lateral", f"L{n}", weight=weight or 1.0)]
    nodes = [lateral]
    if weight:
        above = Term("top-down", f"M{names[index + 1]}", Op("nearest", label="nearest upsample"))
        nodes.append(Node(f"T{n}", "top-down", level, (above,)))
        terms.append(Term("top-down", f"T{n}", weight=weight))
    nodes.append(Node(f"M{n}", "merged", level, tuple(terms)))
    smooth = Term("smoothing", f"M{n}", Op("module", f"layer_blocks.{index}", label="3×3 conv"))
    return [*nodes, Node(f"P{n}", "output", level, (smooth,))]


def _extra_levels(fpn: FeaturePyramidNetwork, names: Sequence[str], strides: Sequence[int]) -> list[Node]:
    if fpn.extra_blocks is None:
        return []
    if type(fpn.extra_blocks) not in _EXTRA:
        known = " and ".join(kind.__name__ for kind in _EXTRA if kind.__module__ != __name__)
        raise DetectorError(f"extra levels by {type(fpn.extra_blocks).__name__} cannot be followed; {known} can.")
    terms = _EXTRA[type(fpn.extra_blocks)](fpn.extra_blocks, names[-1])
    numbers = level_names([strides[-1] << (k + 1) for k in range(len(terms))])
    nodes: list[Node] = []
    for number, term in zip(numbers, terms, strict=True):
        source = term.source or nodes[-1].name
        nodes.append(Node(f"P{number}", "output", f"P{number}", (Term(term.name, source, term.op),)))
    return nodes


def _pooled(_: nn.Module, last: str) -> list[Term]:
    return [Term("subsample", f"P{last}", Op("subsample", factor=2, label="every 2nd cell"))]


def _convolved(block: nn.Module, last: str) -> list[Term]:
    """RetinaNet's P6, from P5 or C5, and P7, from P6 behind a ReLU or not; "" stands for the level before."""
    label, activation = "stride-2 3×3 conv", _P7_ACTIVATIONS[type(block)]
    p6 = Op("module", "extra_blocks.p6", factor=2, label=label)
    behind = f"ReLU and {label}" if activation else label
    p7 = Op("module", "extra_blocks.p7", factor=2, label=behind, activation=activation)
    return [Term("downsample", f"{'P' if block.use_P5 else 'C'}{last}", p6), Term("downsample", "", p7)]


def map_names(neck: nn.Module, names: Sequence[str]) -> tuple[str, ...]:
    """The names that a neck's own forward gives to its outputs, from those of the backbone maps."""
    return (*names, *_EXTRA_NAMES.get(type(neck.extra_blocks), ()))


#: extra levels by class: (block, number of the last backbone level) to one term for each new level
_EXTRA: dict[type[nn.Module], Callable[[nn.Module, str], list[Term]]] = {
    LastLevelMaxPool: _pooled,
    LastLevelP6P7: _convolved,
    LinearP6P7: _convolved,
}
_P7_ACTIVATIONS: dict[type[nn.Module], str] = {LastLevelP6P7: "relu", LinearP6P7: ""}
_EXTRA_NAMES: dict[type[Any], tuple[str, ...]] = {
    LastLevelMaxPool: ("pool",),
    LastLevelP6P7: ("p6", "p7"),
    LinearP6P7: ("p6", "p7"),
}
#: what lateral and top-down count in a merged map, by class; 0 where there is no top-down path
_HALF = 0.5
_FUSED: dict[type[nn.Module], float] = {FeaturePyramidNetwork: 1.0, AveragingPyramid: _HALF, LateralPyramid: 0.0}
