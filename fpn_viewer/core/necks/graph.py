"""The fusion graph: the one description of a neck that recording, terms, sources, gains and the grid's columns come from.

Named nodes (C3, L3, M3, P3 …) in the order they are computed, each with its terms, each term with the node it comes from, the
operation on the way and the weight. This module is a plain value (no torch); `evaluate.py` computes with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import DetectorError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Gains = Mapping[tuple[str, str], float]

#: the kinds of node, in the order of the grid's columns, with the column's heading
ROLES: dict[str, str] = {
    "backbone": "backbone C",
    "lateral": "lateral L",
    "top-down": "top-down T",
    "merged": "merged M",
    "output": "output P",
}
#: the name of the term that comes from the level above
TOP_DOWN = "top-down"


@dataclass(frozen=True)
class Op:
    """What happens to a term on its way into a node.

    Attributes:
        kind: a row of `evaluate.OPS`: "identity", "module", "nearest", "subsample".
        module: for "module", the path of the module below the neck: "inner_blocks.0".
        factor: cells of the source per cell, where that is more than 1: the stride of "subsample" or of the module.
        activation: for "module", what the source goes through first: a row of `evaluate.ACTIVATIONS`; "" for nothing.
        label: the operation as a person reads it: "1×1 conv".
    """

    kind: str = "identity"
    module: str = ""
    factor: int = 1
    label: str = ""
    activation: str = ""


@dataclass(frozen=True)
class Term:
    """One summand of a node.

    Attributes:
        name: the paper's word: "lateral", "top-down", "bottom-up", "smoothing", "subsample" …
        source: the node it comes from.
        op: what is done to the source on the way.
        weight: constant factor (1 in an FPN; 1/2 under detectron2's "avg" fusion).
    """

    name: str
    source: str
    op: Op = field(default_factory=Op)
    weight: float = 1.0


@dataclass(frozen=True)
class Node:
    """One named map of the pyramid.

    Attributes:
        name: "C3", "L3", "T3", "M3", "P3"; unique in the graph.
        role: a key of `ROLES`.
        level: the level whose size it has, by the name of that level's output: "P3".
        terms: its summands in the order they are added; none for a backbone map.
    """

    name: str
    role: str
    level: str
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A neck as a value.

    Attributes:
        kind: "FPN", "FPN without top-down".
        levels: names of the levels (the grid's rows), fine to coarse.
        nodes: in the order they are computed; every term's source comes before its node. A node that is not a backbone map and
            has no terms is one of which is not known how it is made.
        unknown: why there are such nodes, in a sentence; "" where there are none.
        fixed: why no gains can be tried, in a sentence; "" where they can.
    """

    kind: str
    levels: tuple[str, ...]
    nodes: tuple[Node, ...]
    unknown: str = ""
    fixed: str = ""

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            missing = [t.source for t in node.terms if t.source not in seen]
            if missing or node.name in seen or node.role not in ROLES or node.level not in self.levels:
                raise ValueError(f"graph {self.kind}: node {node.name} repeats, has no place or needs {missing} first")
            seen.add(node.name)

    def __getitem__(self, name: str) -> Node:
        if name not in self._by_name:
            raise KeyError(f"the pyramid has no node {name!r}; it has {', '.join(self._by_name)}")
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The backbone maps, fine to coarse."""
        return tuple(node for node in self.nodes if node.role == "backbone")

    @property
    def outputs(self) -> tuple[Node, ...]:
        """The pyramid maps, fine to coarse."""
        return tuple(node for level in self.levels if (node := self.at(level, "output")) is not None)

    @property
    def roles(self) -> tuple[str, ...]:
        """The kinds of node this pyramid has, in the order of the grid's columns."""
        present = {node.role for node in self.nodes}
        return tuple(role for role in ROLES if role in present)

    def at(self, level: str, role: str) -> Node | None:
        """The node in one cell of the grid, or None where the pyramid has none."""
        return next((n for n in self.nodes if n.level == level and n.role == role), None)

    def is_known(self, name: str) -> bool:
        """Whether it is known how a node is made; a backbone map is where knowing begins."""
        node = self[name]
        return bool(node.terms) or node.role == "backbone"

    def check_known(self, name: str) -> None:
        """Refuses to take apart a node of which is not known how it is made.

        Raises:
            DetectorError: it is such a node; the sentence says why.
        """
        if not self.is_known(name):
            raise DetectorError(f"How {name} is made is not known. {self.unknown}")

    def check_gains(self, gains: Gains) -> None:
        """Refuses gains on terms that do not exist.

        Raises:
            SettingError: a key names no (node, term) of this graph, or gains cannot be tried on it.
        """
        if gains and (self.unknown or self.fixed):
            raise SettingError(f"No gains can be tried on this network. {self.unknown or self.fixed}")
        known = [(node.name, term.name) for node in self.nodes for term in node.terms]
        for key in gains:
            if key not in known:
                raise SettingError(f"the pyramid has no term {key!r} to scale; it has {', '.join(f'{n}/{t}' for n, t in known)}.")


def level_names(strides: Sequence[int]) -> tuple[str, ...]:
    """Numbers of levels from their strides (net px per cell): stride 2^l gives "l".

    Where two levels have one stride (torchvision's MobileNetV3 pyramids), they are told apart by letters: "5a", "5b".
    """
    numbers = [max(int(s), 1).bit_length() - 1 for s in strides]
    letters = {n: iter("abcdefgh") for n in numbers if numbers.count(n) > 1}
    return tuple(f"{n}{next(letters[n])}" if n in letters else str(n) for n in numbers)


def level_strides(levels: Sequence[str]) -> tuple[int, ...]:
    """Net px per cell of levels by their names: ("P2", "P5a") gives (4, 32)."""
    return tuple(1 << int(re.findall(r"\d+", name)[0]) for name in levels)
