"""Two sides run, held against each other and drawn. Imported by the requests that run; loads torch."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, cast

from fpn_viewer.core.comparison.comparison import compare
from fpn_viewer.core.comparison.shared_backbone import can_begin_from, trace_from
from fpn_viewer.core.comparison.sides import reduced
from fpn_viewer.core.comparison.tiles import TiledTrace, trace_tiles
from fpn_viewer.core.comparison.values import WHAT_DIFFERS_FIRST
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.imaging.quantise import Reduced
from fpn_viewer.core.tracing.trace import Trace
from fpn_viewer.engine.compare_values import ComparedObjects, ComparePlanes, CompareView, SideView, title_of
from fpn_viewer.engine.failures import describe
from fpn_viewer.engine.rendering import covered_img, plane_of
from fpn_viewer.engine.values import REDUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.comparison.comparison import Comparison
    from fpn_viewer.core.comparison.planes import PlanePair
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.comparison.values import ObjectRow
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.imaging.quantise import Range
    from fpn_viewer.engine.compare_requests import Contender
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.session import Session
    from fpn_viewer.engine.values import Floats, Plane

    Box = tuple[float, float, float, float]


#: objects that are followed together at least, and seconds after which what is known is shown
_TOGETHER, _A_MOMENT = 32, 0.25


@dataclass(frozen=True, eq=False)
class Pair:
    """Two runs of one picture, as the session keeps them.

    Attributes:
        key: names it.
        runs: keys of the two.
        a: the first; None where it could not be run.
        b: the second, the same.
        troubles: why not; "" where it ran.
        comparison: of the two; None where one is missing.
        questions: the last one that was asked about objects, with what was found out.
    """

    key: str
    runs: tuple[str, str]
    a: Side | None = field(repr=False)
    b: Side | None = field(repr=False)
    troubles: tuple[str, str]
    comparison: Comparison | None = field(repr=False)
    questions: list[Comparison] = field(default_factory=list, repr=False)

    def asked(self, truth: GroundTruth | None, iou: float, classes: Mapping[str, str | None]) -> Comparison:
        """The comparison by some objects, which keeps what it finds out until others are asked about.

        Raises:
            QuestionError: a side is missing, or the overlap cannot be asked for.
        """
        for known in self.questions:
            if known.ground_truth is truth and known.iou == iou and dict(known.classes) == dict(classes):
                return known
        both = self.both
        self.questions[:] = [compare(both.trace_a, both.trace_b, truth, iou=iou, classes=classes)]
        return self.questions[0]

    @property
    def both(self) -> Comparison:
        """The comparison.

        Raises:
            QuestionError: a side is missing; the sentence says why.
        """
        if self.comparison is None:
            raise QuestionError(next(sentence for sentence in self.troubles if sentence))
        return self.comparison


# -- running ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Watch:
    """A part of a job: one side's run."""

    token: Token
    letter: str
    start: float
    share: float

    def check(self) -> None:
        self.token.check()

    def report(self, stage: str, fraction: float) -> None:
        self.token.report(f"{self.letter}: {stage}", self.start + fraction * self.share)

    def pause(self) -> None:
        self.token.pause()


def run_both(session: Session, picture: Picture, path: str, a: Contender, b: Contender, token: Token) -> CompareView:
    """Runs two sides and keeps them as a pair; what one of them has computed already the other does not compute again.

    Raises:
        Cancelled: between two layers.
        UserError: a detector is no longer open.
    """
    both = [_Run(session, picture, one) for one in (a, b)]
    # one against itself runs once
    runs = {run.key: run for run in reversed(both)}
    order = sorted(runs.values(), key=lambda run: not run.known)
    other: Side | None = None
    for number, run in enumerate(order):
        watch = _Watch(token, run.contender.letter, number / len(order), 1 / len(order))
        run.attempt(watch, other)
        other = run.side
        # what the window waits for goes first
        token.pause()
    pair = _paired(*(runs[run.key] for run in both))
    session.keep_pair(pair)
    return _view(pair, path, picture, a, b)


class _Run:
    """One side of a pair, before and after it ran."""

    def __init__(self, session: Session, picture: Picture, contender: Contender) -> None:
        self.contender, self.trouble = contender, ""
        self._session, self._picture = session, picture
        subject = contender.subject
        # taken now: while this job pauses the window may open another
        identity, self._detector = session.beside(contender.handle)
        cut = (subject.tile, subject.overlap) if subject.tile else ()
        self.key = session.trace_key(identity, picture.digest, subject.change, cut)
        self.side: Side | None = None

    @property
    def known(self) -> bool:
        """Whether it need not be run."""
        return self.key in self._session.traces

    def attempt(self, watch: _Watch, other: Side | None) -> None:
        """Runs it, unless it is known; what a user can mend becomes `trouble`, so that the other side is still shown."""
        self.side = cast("Side | None", self._session.traces.get(self.key))
        if self.side is not None:
            return
        try:
            self.side = self._side(watch, other)
        except Exception as error:
            self.trouble, kind = describe(error)
            if kind == "internal":
                raise
        else:
            # tiles are asked like a trace, and take room like one
            self._session.remember(self.key, cast("Trace", self.side))

    def _side(self, watch: _Watch, other: Side | None) -> Side:
        subject, detector = self.contender.subject, self._detector
        gains, settings = dict(subject.change.gains), dict(subject.change.settings)
        run: Callable[..., Side] = partial(detector.trace, self._picture)
        if subject.tile:
            run = partial(trace_tiles, detector, self._picture, subject.tile, subject.overlap)
        elif isinstance(other, Trace) and can_begin_from(other, detector, settings):
            run = partial(trace_from, other, detector)
        return run(gains=gains, settings=settings, watcher=watch)


def _paired(a: _Run, b: _Run) -> Pair:
    key = hashlib.sha256(f"{a.key} {b.key}".encode()).hexdigest()
    both = compare(a.side, b.side) if a.side is not None and b.side is not None else None
    return Pair(key, (a.key, b.key), a.side, b.side, (a.trouble, b.trouble), both)


def _view(pair: Pair, path: str, picture: Picture, a: Contender, b: Contender) -> CompareView:
    both = pair.comparison
    alone = pair.a or pair.b
    names = () if alone is None else tuple(node.name for node in alone.graph.nodes)
    return CompareView(
        key=pair.key,
        path=path,
        image_size=picture.size,
        a=_shown(pair.a, a),
        b=_shown(pair.b, b),
        nodes=names if both is None else both.all_nodes,
        detections=() if both is None else both.detections,
        notes=() if both is None else both.notes,
        troubles=pair.troubles,
    )


def _shown(side: Side | None, contender: Contender) -> SideView | None:
    if side is None:
        return None
    return SideView(
        letter=contender.letter,
        name=title_of(contender.subject, side.spec.name),
        spec=side.spec,
        settings=side.settings,
        geometry=side.geometry,
        levels=side.levels,
        nodes={node.name: side.width(node.name) for node in side.graph.nodes},
        detections=side.detections,
        tiles=side.boxes_img if isinstance(side, TiledTrace) else (),
        follows=side.follows,
        times=side.times,
        warnings=side.warnings,
    )


# -- objects ------------------------------------------------------------------------------------------------------------


class _Following:
    """Lets what is more urgent pass between two objects."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def check(self) -> None:
        self._token.pause()

    def pause(self) -> None:
        self._token.pause()

    def report(self, stage: str, fraction: float) -> None:
        """What is found out is itself shown."""


def objects_of(key: str, both: Comparison, token: Token | None) -> ComparedObjects:
    """What is known of every object.

    Args:
        key: of the comparison.
        both: asked about its objects.
        token: with it some more objects are followed for a moment, what differs first.

    Raises:
        Cancelled: between two objects.
    """
    rows = _rows(both)
    if token is not None:
        _follow(both, rows, token)
        rows = _rows(both)
    return ComparedObjects(key, rows, annotated=both.ground_truth is not None)


def _rows(both: Comparison) -> tuple[ObjectRow, ...]:
    return tuple(both.object_row(number) for number in range(len(both.statuses)))


def _follow(both: Comparison, rows: tuple[ObjectRow, ...], token: Token) -> None:
    order = sorted((row for row in rows if not row.followed), key=lambda row: WHAT_DIFFERS_FIRST.index(row.status))
    end = time.monotonic() + _A_MOMENT
    # what an object needs of the others is worked out anew each time
    step = max(_TOGETHER, len(rows) // 4)
    for start in range(0, len(order), step):
        both.follow([row.number for row in order[start : start + step]], _Following(token))
        if time.monotonic() > end:
            return


# -- drawing ------------------------------------------------------------------------------------------------------------


def draw(pair: Pair, node: str, reduction: str, channel: int) -> ComparePlanes:
    """One node of both, or of the side that ran.

    Raises:
        QuestionError: neither has such a node, or there is no such reduction or channel.
    """
    if pair.comparison is None:
        return _drawn_alone(pair, node, reduction, channel)
    found = pair.comparison.planes(node, reduction, channel)
    title = {letter: f"{node} of {letter}" for letter in "AB"}
    limits = found.limits
    a, b = pair.comparison.trace_a, pair.comparison.trace_b
    return ComparePlanes(
        key=pair.key,
        node=node,
        reduction=reduction,
        channel_a=found.channel_a,
        channel_b=found.channel_b,
        matched=found.matched,
        a=_plane(a, node, title["A"], found.a, found.signed, limits, _unit(reduction, found.channel_a), found.box_img),
        b=_plane(b, node, title["B"], found.b_own, found.signed, limits, _unit(reduction, found.channel_b), found.box_b_img),
        difference=_difference(pair, found),
        sentence=found.sentence,
    )


def _difference(pair: Pair, found: PlanePair) -> Plane | None:
    unit = f"B − A, {_unit(found.reduction, found.channel_a)}"
    assert pair.a is not None
    title = f"{found.node}, B − A"
    return _plane(pair.a, found.node, title, found.difference, True, found.difference_limits, unit, found.box_img)


def _drawn_alone(pair: Pair, node: str, reduction: str, channel: int) -> ComparePlanes:
    """The side that ran, on a scale of its own."""
    trouble = next(sentence for sentence in pair.troubles if sentence)
    a, b = (None if side is None else _alone(side, node, reduction, channel) for side in (pair.a, pair.b))
    return ComparePlanes(pair.key, node, reduction, channel, channel, "", a, b, None, trouble)


def _alone(side: Side, node: str, reduction: str, channel: int) -> Plane | None:
    if node not in side.graph or (reduction == "channel" and channel >= side.width(node)):
        return None
    values = reduced(side, node, reduction, channel)
    level = side.graph[node].level
    box_img = covered_img(side.geometry, side.level(level), values.visible)
    return plane_of(values, (level, side.graph[node].role), node, values.range, _unit(reduction, channel), box_img)


def _plane(
    side: Side, node: str, title: str, values: Floats | None, signed: bool, limits: Range, unit: str, box_img: Box
) -> Plane | None:
    if values is None:
        return None
    whole = Reduced(values, (values.shape[0], values.shape[1]), signed)
    return plane_of(whole, (side.graph[node].level, side.graph[node].role), title, limits, unit, box_img)


def _unit(reduction: str, channel: int) -> str:
    return f"channel {channel}" if reduction == "channel" else REDUCTIONS[reduction]
