"""Computes a fusion graph with the modules of the neck it describes, and folds those modules into affine maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from fpn_viewer.core.necks.graph import Gains, Graph, Node, Op


@dataclass(frozen=True)
class Affine:
    """A convolution with everything linear after it folded in: `y = conv(x, weight) + bias`.

    Attributes:
        weight: (C_out, C_in, k, k).
        bias: (C_out,).
        stride: cells.
        padding: cells, of zeros.
    """

    weight: Tensor
    bias: Tensor
    stride: int = 1
    padding: int = 0

    def linear(self, x: Tensor) -> Tensor:
        """(C_in, h, w) to (C_out, h', w'), without the bias."""
        return functional.conv2d(x[None], self.weight, None, self.stride, self.padding)[0]


def fold(module: nn.Module) -> Affine | None:
    """The affine map that `module` is in eval mode, or None when it is not a convolution with at most a BatchNorm after it."""
    layers = [m for m in (module if isinstance(module, nn.Sequential) else [module]) if not isinstance(m, nn.Identity)]
    if not layers or not isinstance(layers[0], nn.Conv2d) or not _is_plain(layers[0]) or len(layers) > 2:
        return None
    conv = layers[0]
    weight = conv.weight.detach()
    bias = conv.bias.detach() if conv.bias is not None else weight.new_zeros(weight.shape[0])
    if len(layers) == 2:
        folded = _fold_norm(weight, bias, layers[1])
        if folded is None:
            return None
        weight, bias = folded
    return Affine(weight, bias, int(conv.stride[0]), int(conv.padding[0]))


def _is_plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution is one that `Affine` can say: square, not dilated, in one group, padded with zeros."""
    sides = (conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    square = all(not isinstance(side, str) and side[0] == side[1] for side in sides)
    return square and conv.dilation[0] == 1 and conv.groups == 1 and conv.padding_mode == "zeros"


def _fold_norm(weight: Tensor, bias: Tensor, norm: nn.Module) -> tuple[Tensor, Tensor] | None:
    if norm.training or getattr(norm, "running_var", None) is None or getattr(norm, "weight", None) is None:
        return None
    var, mean = norm.running_var, norm.running_mean
    gamma, beta = norm.weight, norm.bias
    scale = gamma.detach() / torch.sqrt(var + norm.eps)  # type: ignore[operator]
    return weight * scale[:, None, None, None], (bias - mean) * scale + beta.detach()  # type: ignore[operator]


def nearest(x: Tensor, size: Sequence[int]) -> Tensor:
    """(…, C, h, w) resized by nearest neighbour to `size`, exactly as torchvision's FPN does it (by size, not by factor)."""
    if x.dim() == 3:
        return functional.interpolate(x[None], size=list(size), mode="nearest")[0]
    return functional.interpolate(x, size=list(size), mode="nearest")


def subsample(x: Tensor, factor: int) -> Tensor:
    """(…, h, w) to every `factor`-th row and column, from the first."""
    return x[..., ::factor, ::factor]


class GraphNeck(nn.Module):
    """A graph bound to a neck's own modules (shared, not copied): computes the nodes, with gains on the terms.

    Args:
        graph: the description.
        neck: the module below which the paths in the graph's ops are found.
    """

    def __init__(self, graph: Graph, neck: nn.Module) -> None:
        super().__init__()
        self.graph = graph
        self.neck = neck

    def forward(self, maps: Sequence[Tensor], gains: Gains | None = None) -> dict[str, Tensor]:
        """The value of every node.

        Args:
            maps: the backbone maps in the order of `graph.inputs`, each (N, C_i, h_i, w_i).
            gains: factors on terms, by (node, term); a term that is not named keeps 1.

        Returns:
            Node name to tensor (N, C, h, w), in the order of computation.
        """
        gains = gains or {}
        self.graph.check_gains(gains)
        values = {node.name: x for node, x in zip(self.graph.inputs, maps, strict=True)}
        for node in self.graph.nodes:
            if node.terms:
                values[node.name] = self._fuse(node, values, gains)
        return values

    def _fuse(self, node: Node, values: dict[str, Tensor], gains: Gains) -> Tensor:
        total: Tensor | None = None
        for term in node.terms:
            x = OPS[term.op.kind](self, term.op, values[term.source], self._size(node, values))
            factor = term.weight * gains.get((node.name, term.name), 1.0)
            # without a factor there is no multiplication: the result stays bit for bit the model's own
            x = x if factor == 1.0 else x * factor
            total = x if total is None else total + x
        assert total is not None
        return total

    def _size(self, node: Node, values: dict[str, Tensor]) -> Sequence[int] | None:
        peers = [n.name for n in self.graph.nodes if n.level == node.level and n.name in values]
        return values[peers[0]].shape[-2:] if peers else None


def _identity(_: GraphNeck, __: Op, x: Tensor, ___: Sequence[int] | None) -> Tensor:
    return x


def _module(neck: GraphNeck, op: Op, x: Tensor, _: Sequence[int] | None) -> Tensor:
    out: Tensor = neck.neck.get_submodule(op.module)(ACTIVATIONS[op.activation](x))
    return out


def _nearest(_: GraphNeck, __: Op, x: Tensor, size: Sequence[int] | None) -> Tensor:
    if size is None:
        raise ValueError("nearest upsampling needs the size of a map that is already there")
    return nearest(x, size)


def _subsample(_: GraphNeck, op: Op, x: Tensor, __: Sequence[int] | None) -> Tensor:
    return subsample(x, op.factor)


#: what a map goes through before a module, by the name in `Op.activation`
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"": lambda x: x, "relu": functional.relu}
#: operations by kind: (neck, op, source (N, C, h, w), target size or None) -> (N, C', h', w')
OPS: dict[str, Callable[[GraphNeck, Op, Tensor, Sequence[int] | None], Tensor]] = {
    "identity": _identity,
    "module": _module,
    "nearest": _nearest,
    "subsample": _subsample,
}
