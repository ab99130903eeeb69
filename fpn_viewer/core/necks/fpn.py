"""The Feature Pyramid Network (Lin et al., CVPR 2017): torchvision's module as a graph, and the one without top-down path."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term

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


def level_names(strides: Sequence[int]) -> tuple[str, ...]:
    """Numbers of levels from their strides (net px per cell): stride 2^l gives "l".

    Where two levels have one stride (torchvision's MobileNetV3 pyramids), they are told apart by letters: "5a", "5b".
    """
    numbers = [max(int(s), 1).bit_length() - 1 for s in strides]
    letters = {n: iter("abcdefgh") for n in numbers if numbers.count(n) > 1}
    return tuple(f"{n}{next(letters[n])}" if n in letters else str(n) for n in numbers)


def fpn_graph(fpn: FeaturePyramidNetwork, strides: Sequence[int]) -> Graph:
    """The graph of a torchvision FPN.

    Args:
        fpn: the module; its weights stay where they are.
        strides: of the backbone maps, fine to coarse, net px per cell.

    Raises:
        DetectorError: the pyramid is of a class or has extra blocks that this program does not know.
    """
    if type(fpn) not in _TOP_DOWN:
        raise DetectorError(f"a neck of class {type(fpn).__name__} cannot be followed; FeaturePyramidNetwork can.")
    top_down = _TOP_DOWN[type(fpn)]
    names = level_names(strides)
    nodes = [Node(f"C{n}", "backbone", f"P{n}") for n in names]
    for index in reversed(range(len(names))):
        nodes += _level(names, index, top_down and index + 1 < len(names))
    extra = _extra_levels(fpn, names, strides)
    levels = (*(f"P{n}" for n in names), *(node.level for node in extra))
    return Graph("FPN" if top_down else "FPN without top-down", levels, (*nodes, *extra))


def _level(names: Sequence[str], index: int, has_top_down: bool) -> list[Node]:
    n, level = names[index], f"P{names[index]}"
    lateral = Node(f"L{n}", "lateral", level, (Term("lateral", f"C{n}", Op("module", f"inner_blocks.{index}", label="1×1 conv")),))
    terms = [Term("lateral", f"L{n}")]
    nodes = [lateral]
    if has_top_down:
        above = Term("top-down", f"M{names[index + 1]}", Op("nearest", label="nearest upsample"))
        nodes.append(Node(f"T{n}", "top-down", level, (above,)))
        terms.append(Term("top-down", f"T{n}"))
    nodes.append(Node(f"M{n}", "merged", level, tuple(terms)))
    smooth = Term("smoothing", f"M{n}", Op("module", f"layer_blocks.{index}", label="3×3 conv"))
    return [*nodes, Node(f"P{n}", "output", level, (smooth,))]


def _extra_levels(fpn: FeaturePyramidNetwork, names: Sequence[str], strides: Sequence[int]) -> list[Node]:
    if fpn.extra_blocks is None:
        return []
    if type(fpn.extra_blocks) not in _EXTRA:
        known = " and ".join(kind.__name__ for kind in _EXTRA)
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
    """RetinaNet's P6, from P5 or C5, and P7, from P6 behind a ReLU; "" stands for the level before."""
    label = "stride-2 3×3 conv"
    p6 = Op("module", "extra_blocks.p6", factor=2, label=label)
    p7 = Op("module", "extra_blocks.p7", factor=2, label=f"ReLU and {label}", activation="relu")
    return [Term("downsample", f"{'P' if block.use_P5 else 'C'}{last}", p6), Term("downsample", "", p7)]


def map_names(neck: nn.Module, names: Sequence[str]) -> tuple[str, ...]:
    """The names that a neck's own forward gives to its outputs, from those of the backbone maps."""
    return (*names, *_EXTRA_NAMES.get(type(neck.extra_blocks), ()))


#: extra levels by class: (block, number of the last backbone level) to one term for each new level
_EXTRA: dict[type[nn.Module], Callable[[nn.Module, str], list[Term]]] = {LastLevelMaxPool: _pooled, LastLevelP6P7: _convolved}
_EXTRA_NAMES: dict[type[Any], tuple[str, ...]] = {LastLevelMaxPool: ("pool",), LastLevelP6P7: ("p6", "p7")}
_TOP_DOWN: dict[type[nn.Module], bool] = {FeaturePyramidNetwork: True, LateralPyramid: False}
