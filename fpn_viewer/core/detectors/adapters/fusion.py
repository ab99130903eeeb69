"""The graph of a neck that a user named the taps of: what is claimed of a node is checked on the maps of a real forward.

A node gets terms only where they give its map again; where they do not, it is shown as it is, and the graph says why. No
attribution is ever guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fpn_viewer.core.necks.evaluate import ACTIVATIONS, nearest, subsample
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term, level_names
from fpn_viewer.core.tracing.taps import submodule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from fpn_viewer.core.detectors.adapters.protocol import Taps
    from fpn_viewer.core.tracing.taps import Tap

#: how far a map may be from its terms, as a share of its largest value: rounding, in another order of summation
_TOLERANCE = 1e-4
#: letters of the roles in the names of nodes
_LETTERS = {"backbone": "C", "laterals": "L", "merged": "M", "outputs": "P"}
#: weights of lateral and top-down that are tried: sum, average
_WEIGHTS = (1.0, 0.5)


def named_taps(taps: Taps) -> dict[str, Tap]:
    """Node name to tap, in the order C, L, M, P, each fine to coarse."""
    numbers = level_names(taps.strides)
    return {f"{letter}{n}": tap for role, letter in _LETTERS.items() for n, tap in zip(numbers, taps.read(role), strict=False)}


def checked_graph(network: nn.Module, taps: Taps, maps: Mapping[str, Tensor]) -> Graph:
    """The graph of the named maps.

    Args:
        network: in eval mode.
        taps: as the user gave them.
        maps: node name to the map (1, C, h, w) that passed there in a forward.
    """
    with torch.inference_mode():
        return _Fusion(network, named_taps(taps), level_names(taps.strides), len(taps.backbone), maps).graph()


@dataclass
class _Fusion:
    """One neck while its nodes are checked.

    Attributes:
        network: its modules are run on the recorded maps.
        taps: by node.
        numbers: of the levels, fine to coarse.
        fused: how many of them have a backbone map.
        maps: by node, (1, C, h, w).
        why: what was found not to hold, in words.
    """

    network: nn.Module
    taps: Mapping[str, Tap]
    numbers: Sequence[str]
    fused: int
    maps: Mapping[str, Tensor]
    why: list[str] = field(default_factory=list)

    def graph(self) -> Graph:
        """The whole graph; its nodes in the order they are computed."""
        fused = self.numbers[: self.fused]
        nodes = [self._node("C", n, "backbone", ()) for n in fused]
        nodes += [self._node("L", n, "lateral", self._lateral(n)) for n in fused if f"L{n}" in self.maps]
        nodes += self._merged(fused)
        outputs = [self._node("P", n, "output", self._output(n, fused)) for n in self.numbers]
        kind = "FPN" if not self.why and any(node.role == "top-down" for node in nodes) else "pyramid"
        unknown = f"{'; '.join(self.why[:2])}." if self.why else ""
        return Graph(kind, tuple(f"P{n}" for n in self.numbers), (*nodes, *outputs), unknown[:1].upper() + unknown[1:])

    def _node(self, letter: str, number: str, role: str, terms: tuple[Term, ...]) -> Node:
        return Node(f"{letter}{number}", role, f"P{number}", terms)

    def _lateral(self, n: str) -> tuple[Term, ...]:
        term = self._by_module(f"L{n}", f"C{n}", "lateral")
        if term is None:
            self.why.append(f"L{n} is not what its module makes of C{n} alone")
        return () if term is None else (term,)

    def _merged(self, fused: Sequence[str]) -> list[Node]:
        """M of all levels, with T where all of them are sums of L and T: a sum that holds on some levels only is no FPN."""
        named = [n for n in fused if f"M{n}" in self.maps]
        if not named:
            return []
        if any(f"L{n}" not in self.maps for n in named):
            self.why.append("no laterals are named, so that what the merged maps are sums of is not known")
            return [self._node("M", n, "merged", ()) for n in named]
        weight = next((w for w in _WEIGHTS if self._sums(named, w) is None), None)
        if weight is None:
            self.why.append(self._sums(named, 1.0) or "")
            return [self._node("M", n, "merged", ()) for n in named]
        return [node for n in reversed(named) for node in self._summed(named, n, weight)]

    def _sums(self, named: Sequence[str], weight: float) -> str | None:
        """None when every M is its L plus the M above, upsampled; else where it is not, in words."""
        top = named[-1]
        if not self._alike(f"M{top}", self.maps[f"L{top}"]):
            return f"M{top} is not L{top}, although it is the coarsest"
        for fine, coarse in pairwise(named):
            lateral, above = self.maps[f"L{fine}"], self.maps[f"M{coarse}"]
            if lateral.shape[1] != above.shape[1]:
                return f"M{coarse} has {above.shape[1]} channels and L{fine} {lateral.shape[1]}: they cannot be summed"
            if not self._alike(f"M{fine}", weight * (lateral + nearest(above, lateral.shape[-2:]))):
                return f"M{fine} is not the sum of L{fine} and the nearest-upsampled M{coarse}: this neck fuses in another way"
        return None

    def _summed(self, named: Sequence[str], n: str, weight: float) -> list[Node]:
        index = named.index(n)
        if index + 1 == len(named):
            return [self._node("M", n, "merged", (Term("lateral", f"L{n}"),))]
        above = Term("top-down", f"M{named[index + 1]}", Op("nearest", label="nearest upsample"))
        terms = (Term("lateral", f"L{n}", weight=weight), Term("top-down", f"T{n}", weight=weight))
        return [self._node("T", n, "top-down", (above,)), self._node("M", n, "merged", terms)]

    # -- outputs ----------------------------------------------------------------------------------------------------

    def _output(self, n: str, fused: Sequence[str]) -> tuple[Term, ...]:
        term = self._smoothed(n) if n in fused else self._extra(n, fused[-1] if fused else "")
        if term is None:
            self.why.append(f"P{n} is not made from the other named maps alone")
        return () if term is None else (term,)

    def _smoothed(self, n: str) -> Term | None:
        for source in (name for name in (f"M{n}", f"L{n}", f"C{n}") if name in self.maps):
            if self._alike(f"P{n}", self.maps[source]):
                return Term({"M": "merged", "L": "lateral", "C": "backbone"}[source[0]], source)
            term = self._by_module(f"P{n}", source, "smoothing")
            if term is not None:
                return term
        return None

    def _extra(self, n: str, last: str) -> Term | None:
        """A level above those of the backbone: from the output before it, or from the coarsest fused maps."""
        before = f"P{self.numbers[self.numbers.index(n) - 1]}"
        for source in dict.fromkeys(name for name in (before, f"P{last}", f"C{last}", f"M{last}") if name in self.maps):
            if self._alike(f"P{n}", subsample(self.maps[source], 2)):
                return Term("subsample", source, Op("subsample", factor=2, label="every 2nd cell"))
            term = self._by_module(f"P{n}", source, "downsample")
            if term is not None:
                return term
        return None

    # -- checks -----------------------------------------------------------------------------------------------------

    def _by_module(self, target: str, source: str, name: str) -> Term | None:
        """The term by which the module that gives a node, or that is given its source, makes the one from the other."""
        after, before = self.taps[target], self.taps[source]
        paths = [after.path] * after.whole + [before.path] * (before.entering and not before.keys)
        terms = (self._of_module(target, source, name, path) for path in dict.fromkeys(paths) if path)
        return next((term for term in terms if term is not None), None)

    def _of_module(self, target: str, source: str, name: str, path: str) -> Term | None:
        module, x, y = submodule(self.network, path), self.maps[source], self.maps[target]
        factor = max(1, round(x.shape[-1] / y.shape[-1]))
        for activation in _activations(name):
            made = _tried(module, ACTIVATIONS[activation](x))
            if made is not None and self._alike(target, made):
                words = f"{'ReLU and ' if activation else ''}{'stride-2 ' if factor > 1 else ''}{_label(module)}"
                return Term(name, source, Op("module", path, factor, words, activation))
        return None

    def _alike(self, name: str, made: Tensor) -> bool:
        x = self.maps[name]
        return x.shape == made.shape and bool((x - made).abs().max() <= _TOLERANCE * x.abs().max())


def _activations(name: str) -> Iterator[str]:
    """What a module may be given its source through: RetinaNet's P7 is made behind a ReLU."""
    yield ""
    if name == "downsample":
        yield "relu"


def _tried(module: nn.Module, x: Tensor) -> Tensor | None:
    """What a module makes of a map; None when it does not take one like that."""
    try:
        made = module(x)
    except (RuntimeError, TypeError, ValueError, AttributeError, LookupError):
        return None
    return made if isinstance(made, Tensor) else None


def _label(module: nn.Module) -> str:
    kernels = [m.kernel_size for m in module.modules() if isinstance(m, torch.nn.Conv2d)]
    if len(kernels) == 1 and isinstance(kernels[0], tuple):
        return f"{kernels[0][0]}×{kernels[0][1]} conv"
    return type(module).__name__
