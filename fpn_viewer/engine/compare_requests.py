"""Questions about two runs of one picture. Like `requests`, without torch until one of them runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpn_viewer.engine.compare_values import ComparedLines, ComparedNodes, ComparedPoint, ComparedWeights, OpenedSubject
from fpn_viewer.engine.jobs import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.images import Picture
    from fpn_viewer.engine.compare_values import ComparedObjects, ComparePlanes, CompareView, Subject
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.session import Session

#: lanes of what a gesture waits for, before the grid of the other tab
COMPARE_QUICK_LANES: tuple[Lane, ...] = (Lane("compare_planes"), Lane("compare_at"))
#: lanes of what opens and runs, after the window's own detector and run
COMPARE_LANES: tuple[Lane, ...] = (Lane("subject", latest_only=False), Lane("compare"))
#: lanes of what fills in by and by
COMPARE_SLOW_LANES: tuple[Lane, ...] = (
    Lane("compare_lines"),
    Lane("compare_objects"),
    Lane("compare_nodes"),
    Lane("compare_weights"),
)


@dataclass(frozen=True)
class OpenSubject:
    """Opens another detector beside the window's own.

    Attributes:
        session: the worker's memory.
        handle: what it is asked for by from now on.
        subject: its source and options; "device" and "precision" among them are those of the window's own where not given.
        kept: handles of the others that stay open.
    """

    session: Session = field(repr=False)
    handle: str
    subject: Subject
    kept: tuple[str, ...] = ()

    def __call__(self, token: Token) -> OpenedSubject:
        """The detector, ready; one that is open already is not opened again.

        Raises:
            UserError: it cannot be opened; the sentence says why.
        """
        # which in its turn takes its lanes from here
        from fpn_viewer.engine.requests import info_of

        token.report("loading torch", 0.0)
        self.session.load()
        token.check()
        self.session.retain(self.kept)
        own, settings = self.session.detector, dict(self.subject.options)
        device = str(settings.pop("device", "auto" if own is None else own.device))
        precision = str(settings.pop("precision", "float32" if own is None else own.precision))
        identity = self.session.identify(self.subject.source, device, precision, settings)
        detector = self.session.known(identity) or self._opened(device, precision, settings, token)
        token.check()
        self.session.keep(self.handle, identity, detector)
        return OpenedSubject(self.handle, info_of(self.subject.source, detector, settings))

    def _opened(self, device: str, precision: str, settings: Mapping[str, object], token: Token) -> Detector:
        from fpn_viewer.core.detectors.detector import open_detector

        return open_detector(self.subject.source, device=device, precision=precision, watcher=token, **settings)


@dataclass(frozen=True)
class RetainDetectors:
    """Lets go of detectors that are no longer compared.

    Attributes:
        session: the worker's memory.
        kept: handles of those that stay open.
        alone: nothing is compared any more; the runs that were go as well.
    """

    session: Session = field(repr=False)
    kept: tuple[str, ...]
    alone: bool = False

    def __call__(self, token: Token) -> None:
        """Nothing is answered."""
        self.session.retain(self.kept)
        if self.alone:
            self.session.forget_pairs()


@dataclass(frozen=True)
class Contender:
    """One of the two that are run.

    Attributes:
        handle: of its detector with the session; "" for the window's own.
        subject: how it is run.
        letter: "A" or "B", as it is shown.
    """

    handle: str
    subject: Subject
    letter: str


@dataclass(frozen=True)
class RunCompare:
    """Runs two sides over a picture; what was run before, by the window or here, is answered from memory.

    Attributes:
        session: the worker's memory.
        path: the picture's file, or what stands for it in the window.
        a: the first side.
        b: the second.
        picture: the pixels when they are there already; the file is read otherwise.
    """

    session: Session = field(repr=False)
    path: str
    a: Contender
    b: Contender
    picture: Picture | None = field(default=None, repr=False)

    def __call__(self, token: Token) -> CompareView:
        """Both sides; one that cannot be run is missing, with the reason.

        Raises:
            Cancelled: the token says so, between two layers.
            UserError: the picture cannot be read.
        """
        from fpn_viewer.core.images import open_picture
        from fpn_viewer.engine.comparing import run_both

        picture = self.picture or open_picture(self.path)
        return run_both(self.session, picture, self.path, self.a, self.b, token)


@dataclass(frozen=True)
class RenderCompare:
    """Draws one node of both sides on one scale, and their difference.

    Attributes:
        session: the worker's memory.
        key: of the comparison.
        node: one of its `nodes`.
        reduction: a key of `values.REDUCTIONS`.
        channel: of A, for the reduction "channel".
    """

    session: Session = field(repr=False)
    key: str
    node: str
    reduction: str
    channel: int

    def __call__(self, token: Token) -> ComparePlanes:
        """The planes; those of one side where the other is missing.

        Raises:
            UserError: the comparison is no longer in memory, or there is no such node or reduction.
        """
        from fpn_viewer.engine.comparing import draw

        token.check()
        return draw(self.session.pair(self.key), self.node, self.reduction, self.channel)


@dataclass(frozen=True)
class CompareAt:
    """Reads both sides under one image point; see `RenderCompare` for the other attributes.

    Attributes:
        point_img: (x, y) image px.
    """

    session: Session = field(repr=False)
    key: str
    point_img: tuple[float, float]
    reduction: str
    channel: int

    def __call__(self, token: Token) -> ComparedPoint:
        """One row for each node.

        Raises:
            UserError: the comparison is no longer in memory, or a side is missing.
        """
        token.check()
        rows = self.session.pair(self.key).both.at(self.point_img, self.reduction, self.channel)
        return ComparedPoint(self.key, self.point_img, rows)


@dataclass(frozen=True)
class CompareNodes:
    """Measures how much every node differs."""

    session: Session = field(repr=False)
    key: str

    def __call__(self, token: Token) -> ComparedNodes:
        """One row for each node that both have.

        Raises:
            Cancelled: between two nodes.
            UserError: the comparison is no longer in memory, or a side is missing.
        """
        from fpn_viewer.core.comparison.nodes import TOLERANCE

        both = self.session.pair(self.key).both
        for node in both.common_nodes:
            # a large map takes a while, and a gesture does not wait for all of them
            token.pause()
            both.node_difference(node)
        return ComparedNodes(self.key, both.nodes, both.parting, TOLERANCE, both.parting_sentence)


@dataclass(frozen=True)
class CompareObjects:
    """Says what became of every object, or follows some more of them through both sides.

    Attributes:
        session: the worker's memory.
        key: of the comparison.
        ground_truth: the picture's objects; what was detected takes their place where there are none.
        iou: overlap from which a detection counts.
        classes: a detector's class by a name of the ground truth, as the user said; None for one that is left out.
        follow: goes on for a moment; without, what is known is answered at once.
    """

    session: Session = field(repr=False)
    key: str
    ground_truth: GroundTruth | None = field(default=None, repr=False)
    iou: float = 0.5
    classes: Mapping[str, str | None] = field(default_factory=dict)
    follow: bool = False

    def __call__(self, token: Token) -> ComparedObjects:
        """One row for each object.

        Raises:
            Cancelled: between two objects; what was found out before is kept.
            UserError: the comparison is no longer in memory, or a side is missing.
        """
        from fpn_viewer.engine.comparing import objects_of

        token.check()
        both = self.session.pair(self.key).asked(self.ground_truth, self.iou, self.classes)
        return objects_of(self.key, both, token if self.follow else None)


@dataclass(frozen=True)
class CompareLines:
    """Follows one object stage by stage; see `CompareObjects` for the other attributes.

    Attributes:
        number: of its row.
    """

    session: Session = field(repr=False)
    key: str
    number: int
    ground_truth: GroundTruth | None = field(default=None, repr=False)
    iou: float = 0.5
    classes: Mapping[str, str | None] = field(default_factory=dict)

    def __call__(self, token: Token) -> ComparedLines:
        """Both life lines.

        Raises:
            UserError: the comparison is no longer in memory, or a side is missing.
        """
        token.check()
        both = self.session.pair(self.key).asked(self.ground_truth, self.iou, self.classes)
        return ComparedLines(self.key, both.object_pair(self.number))


@dataclass(frozen=True)
class CompareWeights:
    """Measures what was trained between the two."""

    session: Session = field(repr=False)
    key: str

    def __call__(self, token: Token) -> ComparedWeights:
        """One row for each module.

        Raises:
            UserError: the comparison is no longer in memory, or a side is missing.
        """
        token.check()
        both = self.session.pair(self.key).both
        return ComparedWeights(both.trace_a.spec.name, both.trace_b.spec.name, both.weights, both.weights_sentence)
