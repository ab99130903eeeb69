"""Two runs of one picture held against each other; everything is worked out when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.asked import check_overlap
from fpn_viewer.core.comparison import nodes
from fpn_viewer.core.comparison.channels import kinship
from fpn_viewer.core.comparison.notes import notes_on
from fpn_viewer.core.comparison.object_lines import object_pair, object_row
from fpn_viewer.core.comparison.objects import AnnotatedObjects, DetectedObjects
from fpn_viewer.core.comparison.pairing import pair_detections
from fpn_viewer.core.comparison.planes import check_reduction, plane_pair
from fpn_viewer.core.comparison.sides import value_at
from fpn_viewer.core.comparison.weights import weight_changes, what_was_trained
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.comparison.channels import Kinship, Partners
    from fpn_viewer.core.comparison.objects import Ends, Objects
    from fpn_viewer.core.comparison.planes import PlanePair
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.comparison.values import DetectionPair, NodeDifference, ObjectPair, ObjectRow, WeightChange
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.record import Watcher


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs of one picture. Made by `compare`.

    Attributes:
        trace_a: the first.
        trace_b: the second.
        ground_truth: the picture's objects, if there are any.
        iou: overlap from which a detection counts for an object.
        classes: a detector's class by a name of the ground truth, as the user said; None for one that is left out.
    """

    trace_a: Side
    trace_b: Side
    ground_truth: GroundTruth | None = None
    iou: float = 0.5
    classes: Mapping[str, str | None] = field(default_factory=dict)
    _partners: dict[str, Partners] = field(default_factory=dict, init=False, repr=False)
    _differences: dict[str, NodeDifference] = field(default_factory=dict, init=False, repr=False)
    _pairs: dict[int, ObjectPair] = field(default_factory=dict, init=False, repr=False)
    _ends: dict[int, Ends] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", MappingProxyType(dict(self.classes)))

    @property
    def _sides(self) -> tuple[Side, Side]:
        return self.trace_a, self.trace_b

    @cached_property
    def _kinship(self) -> Kinship:
        return kinship(self.trace_a, self.trace_b)

    # -- maps -------------------------------------------------------------------------------------------------------

    @cached_property
    def common_nodes(self) -> tuple[str, ...]:
        """Names of the nodes that both have, in A's computing order."""
        return tuple(node.name for node in self.trace_a.graph.nodes if node.name in self.trace_b.graph)

    @cached_property
    def all_nodes(self) -> tuple[str, ...]:
        """`common_nodes`, then those of A only, then those of B only."""
        each = (node.name for side in self._sides for node in side.graph.nodes)
        return tuple(dict.fromkeys((*self.common_nodes, *each)))

    def node_difference(self, node: str) -> NodeDifference:
        """One row of `nodes`, without working out the others.

        Raises:
            KeyError: one has no such node.
        """
        if node not in self._differences:
            self._differences[node] = nodes.node_difference(self.trace_a, self.trace_b, node, self._kinship)
        return self._differences[node]

    @cached_property
    def nodes(self) -> tuple[NodeDifference, ...]:
        """Every common node, in A's computing order."""
        return tuple(self.node_difference(name) for name in self.common_nodes)

    @cached_property
    def parting(self) -> str:
        """The first node in computing order whose relative L2 is above `nodes.TOLERANCE`; "" where none is."""
        return nodes.parting(self.nodes)

    @cached_property
    def parting_sentence(self) -> str:
        """The same in words, with the tolerance."""
        tolerance = f"by more than {100 * nodes.TOLERANCE:g} %"
        if not self.nodes:
            return "The two have no map of one name."
        if not self.parting:
            return f"No map differs {tolerance}."
        row = next(row for row in self.nodes if row.node == self.parting)
        how = "" if row.relative_l2 is None else f": its relative L2 is {significant(row.relative_l2)}"
        return f"{self.parting} is the first map that differs {tolerance}{how}."

    def planes(self, node: str, reduction: str = "mean_abs", channel: int = 0) -> PlanePair:
        """One node of both on one grid and one scale, and B − A.

        Args:
            node: a name in `all_nodes`.
            reduction: one of `imaging.reduce.REDUCERS`.
            channel: of A, for "channel".

        Raises:
            QuestionError: neither has such a node, or there is no such reduction or channel.
        """
        partners = self._partners_of(node) if reduction == "channel" and node in self.common_nodes else None
        return plane_pair(self.trace_a, self.trace_b, node, reduction, channel, partners)

    def _partners_of(self, node: str) -> Partners:
        if node not in self._partners:
            self._partners[node] = nodes.partners_of(self.trace_a, self.trace_b, node, self._kinship)
        return self._partners[node]

    def at(
        self, point_img: tuple[float, float], reduction: str = "mean_abs", channel: int = 0
    ) -> tuple[tuple[str, float | None, float | None], ...]:
        """(node, A's value, B's) in the cells over an image point for every row of `all_nodes`.

        A value is None where a side has no such node, channel or cell, and for "pca", which has no value.

        Args:
            point_img: (x, y) image px.
            reduction: one of `imaging.reduce.REDUCERS`.
            channel: of A, for "channel".

        Raises:
            QuestionError: there is no such reduction.
        """
        check_reduction(reduction)
        out = []
        for name in self.all_nodes:
            channels = (channel, channel)
            if reduction == "channel" and name in self.common_nodes and channel < self.trace_a.width(name):
                channels = (channel, int(self._partners_of(name).of[channel]))
            first, second = (
                value_at(side, name, point_img, reduction, own) for side, own in zip(self._sides, channels, strict=True)
            )
            out.append((name, first, second))
        return tuple(out)

    # -- detections and objects -------------------------------------------------------------------------------------

    @cached_property
    def detections(self) -> tuple[DetectionPair, ...]:
        """Every detection of both, in pairs where they are about the same thing."""
        return pair_detections(self.trace_a, self.trace_b)

    @cached_property
    def _asked(self) -> Objects:
        if self.ground_truth is None:
            return DetectedObjects(self._sides, self.detections, self.iou)
        return AnnotatedObjects(self._sides, self.ground_truth, self.iou, self.classes)

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """What became of every row of `objects`, a key of `values.STATUSES`; without life lines, and quickly."""
        return self._asked.statuses

    @cached_property
    def object_rows(self) -> tuple[ObjectRow, ...]:
        """Every row of `objects` in short, in a fraction of the time that all stages take."""
        self.follow(range(len(self._asked)))
        return tuple(self.object_row(number) for number in range(len(self._asked)))

    def object_row(self, number: int) -> ObjectRow:
        """One row of `objects` in short, as far as it is known: before `follow` the status alone.

        Raises:
            IndexError: there is no such row.
        """
        asked = self._asked.asked(number)
        return object_row(asked, self._ends.get(asked.number))

    def follow(self, numbers: Sequence[int], watcher: Watcher | None = None) -> None:
        """Finds out where some objects were lost, for `object_row`.

        Args:
            numbers: which rows.
            watcher: may stop between two of them.
        """
        self._ends.update(zip(numbers, self._asked.ends(numbers, watcher), strict=True))

    @cached_property
    def objects(self) -> tuple[ObjectPair, ...]:
        """Every object of the ground truth with both life lines; without ground truth, every pair of `detections`."""
        return tuple(self.object_pair(number) for number in range(len(self._asked)))

    def object_pair(self, number: int) -> ObjectPair:
        """One row of `objects`, without working out the others.

        Raises:
            IndexError: there is no such row.
        """
        number = range(len(self._asked))[number]
        if number not in self._pairs:
            self._pairs[number] = object_pair(self._sides, self._asked.asked(number), self.iou)
        return self._pairs[number]

    # -- weights and circumstances ----------------------------------------------------------------------------------

    @cached_property
    def weights(self) -> tuple[WeightChange, ...]:
        """Every module's weights.

        Raises:
            QuestionError: a trace came from a file, without its detector.
        """
        return weight_changes(self._detector(self.trace_a), self._detector(self.trace_b))

    @cached_property
    def weights_sentence(self) -> str:
        """Which parts differ, in words.

        Raises:
            QuestionError: as `weights`.
        """
        return what_was_trained(self.weights, self._detector(self.trace_a))

    def _detector(self, side: Side) -> Detector:
        if side.detector is None:
            raise QuestionError(
                f"the trace of {side.source} by {side.spec.name} was read from a file, without its weights; "
                "open the checkpoint and run the picture again to compare weights."
            )
        return side.detector

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what differs in how the two ran."""
        return notes_on(self.trace_a, self.trace_b)


def compare(
    trace_a: Side,
    trace_b: Side,
    ground_truth: GroundTruth | None = None,
    *,
    iou: float = 0.5,
    classes: Mapping[str, str | None] | None = None,
) -> Comparison:
    """Holds two runs of one picture against each other.

    Args:
        trace_a: of any detector.
        trace_b: of another, or of the same with other settings or gains, or in tiles (`comparison.tiles.trace_tiles`).
        ground_truth: the picture's objects; without, objects are what either of the two detected.
        iou: overlap from which a detection counts for an object.
        classes: a detector's class by a name of the ground truth, where names do not tell; None leaves a class out.

    Raises:
        QuestionError: the two are not of one picture, or the overlap cannot be asked for.
    """
    check_overlap(iou)
    if trace_a.digest != trace_b.digest or trace_a.image_size != trace_b.image_size:
        raise QuestionError(
            f"A is a run of {trace_a.source} and B one of {trace_b.source}, which is another picture; run both over one."
        )
    return Comparison(trace_a, trace_b, ground_truth, float(iou), dict(classes or {}))
