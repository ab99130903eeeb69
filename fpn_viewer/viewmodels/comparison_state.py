"""What the Compare tab shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.engine.compare_values import Subject

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.values import ObjectPair
    from fpn_viewer.core.necks.graph import Graph, Node
    from fpn_viewer.engine.compare_values import (
        ComparedNodes,
        ComparedObjects,
        ComparedPoint,
        ComparedWeights,
        ComparePlanes,
        CompareView,
    )
    from fpn_viewer.engine.values import DetectorInfo

#: ways of showing two maps: key to a word
LAYOUTS: dict[str, str] = {"side": "A | B | difference", "wiper": "wiper over one picture", "difference": "difference only"}


@dataclass(frozen=True)
class ComparisonState:
    """What is compared and what is known.

    Attributes:
        subjects: up to four; the first is the window's own detector and follows it.
        infos: the detector of each; None until it is open.
        shown: which of them are A and B.
        active: the tab is in front; nothing runs while it is not.
        view: how both ran, None until they did.
        planes: the node that is looked at, in both.
        nodes: how much every node differs.
        objects: what became of every object in both, as far as it is known.
        following: where more of them were lost is being found out.
        weights: what was trained.
        point: both under the cursor.
        node: the one that is looked at: "P3".
        reduction: a key of `values.REDUCTIONS`, the same as in the other tabs.
        channel: of A, when the reduction is "channel".
        object: `number` of the row of `objects` that is looked at, or None.
        lines: both life lines of that one; None until they are there.
        layout: a key of `LAYOUTS`.
        wiper: where the wiper stands, 0 (all B) .. 1 (all A).
        running: what is being done, in words; "" when nothing is.
        stage: what it is at: "B: backbone".
        fraction: how much of it, 0..1.
        problem: why nothing new is shown; "" when nothing went wrong.
    """

    subjects: tuple[Subject, ...] = (Subject(),)
    infos: tuple[DetectorInfo | None, ...] = (None,)
    shown: tuple[int, int] = (0, 0)
    active: bool = False
    view: CompareView | None = None
    planes: ComparePlanes | None = None
    nodes: ComparedNodes | None = None
    objects: ComparedObjects | None = None
    following: bool = False
    weights: ComparedWeights | None = None
    point: ComparedPoint | None = None
    node: str = ""
    reduction: str = "mean_abs"
    channel: int = 0
    object: int | None = None
    lines: ObjectPair | None = None
    layout: str = "side"
    wiper: float = 0.5
    running: str = ""
    stage: str = ""
    fraction: float = 0.0
    problem: str = ""

    def node_named(self, name: str) -> Node | None:
        """A node of A, or else of B."""
        return next((graph[name] for graph in self._graphs() if name in graph), None)

    def node_at(self, cell: tuple[str, str]) -> str:
        """The name of the node in a cell (level, role) of the grid; "" where neither has one."""
        nodes = (graph.at(*cell) for graph in self._graphs())
        return next((node.name for node in nodes if node is not None), "")

    def wanted_node(self, cell: tuple[str, str]) -> str:
        """Of the nodes in the view the one that was looked at, else the one of a cell (level, role), else the finest output."""
        if self.view is None:
            return ""
        finest = (side.levels[0].name for side in (self.view.a, self.view.b) if side is not None)
        names = (self.node, self.node_at(cell), *finest, *self.view.nodes)
        return next((name for name in names if name in self.view.nodes), "")

    def _graphs(self) -> list[Graph]:
        infos = (self.infos[place] for place in self.shown)
        return [info.graph for info in infos if info is not None]
