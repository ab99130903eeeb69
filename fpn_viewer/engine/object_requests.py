"""Questions about one object of a trace. Like `requests`, without torch until one of them runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

from fpn_viewer.engine.jobs import Lane
from fpn_viewer.engine.object_values import (
    REMEDY_ROUNDS,
    CurveFound,
    Explained,
    RemediesFound,
    SignalView,
    StageView,
    TrapsFound,
    Verdicts,
    WhatIfAnswer,
    ZoomFound,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.object_values import Asked, Change
    from fpn_viewer.engine.session import Session

#: lanes of the questions a gesture waits for
QUICK_LANES: tuple[Lane, ...] = (Lane("explain"), Lane("stage"), Lane("what_if"))
#: lanes of what fills in by and by; the last two run the detector many times and are stopped when anything else is wanted
SLOW_LANES: tuple[Lane, ...] = (Lane("signal"), Lane("verdicts"), Lane("traps"), Lane("zoom"), Lane("remedies"), Lane("sweep"))

#: boxes of a stage that are drawn, those that overlap the object most; hundreds of distant ones would hide it
DRAWN = 120


@dataclass(frozen=True)
class Explain:
    """Follows an object through the detector.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked

    def __call__(self, token: Token) -> Explained:
        """Its life line.

        Raises:
            UserError: the trace is no longer in memory, or the box or class cannot be asked about.
        """
        token.check()
        return Explained(self.key, self.asked, _line(self.session.trace(self.key), self.asked))


def _line(trace: Trace, asked: Asked) -> LifeLine:
    from fpn_viewer.core.analysis.lifeline import explain

    line = explain(trace, asked.box_img, asked.label, iou=asked.iou, others=_others(asked))
    # what asks for remedies holds the trace, and answers hold no tensors
    return replace(line, ask=None)


def _others(asked: Asked) -> NDArray[np.float64]:
    import numpy as np

    return np.asarray(asked.others_img, np.float64).reshape(-1, 4)


@dataclass(frozen=True)
class ExplainAll:
    """Follows every object of a picture.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        objects: one for each; None where it cannot be asked about.
    """

    session: Session = field(repr=False)
    key: str
    objects: tuple[Asked | None, ...]

    def __call__(self, token: Token) -> Verdicts:
        """Killer, outcome and verdict of each; empty where there was nothing to ask.

        Raises:
            Cancelled: between two objects.
            UserError: the trace is no longer in memory.
        """
        trace = self.session.trace(self.key)
        return Verdicts(self.key, tuple(self._row(trace, asked, token) for asked in self.objects))

    def _row(self, trace: Trace, asked: Asked | None, token: Token) -> tuple[str, str, str]:
        token.check()
        if asked is None:
            return "", "", ""
        line = _line(trace, asked)
        return line.killer or "", line.outcome, line.verdict


@dataclass(frozen=True)
class LookAtStage:
    """Lists the boxes near the object that came to a stage.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
        stage: a name of `structures.STAGES`.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked
    stage: str

    def __call__(self, token: Token) -> StageView:
        """The boxes, best overlap first.

        Raises:
            UserError: the trace is no longer in memory, or it has no such stage.
        """
        from fpn_viewer.core.analysis.lifeline import candidates_at

        token.check()
        trace, asked = self.session.trace(self.key), self.asked
        boxes = candidates_at(trace, asked.box_img, self.stage, label=asked.label, iou=asked.iou, limit=DRAWN)
        return StageView(self.key, asked, self.stage, boxes)


@dataclass(frozen=True)
class ReadSignal:
    """Reads the object's contrast in every node.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
        channel: whose values the crops show; None for mean |x|.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked
    channel: int | None = None

    def __call__(self, token: Token) -> SignalView:
        """The signal.

        Raises:
            UserError: the trace is no longer in memory.
        """
        from fpn_viewer.core.analysis.signal import read_signal

        token.check()
        return SignalView(self.key, self.asked, read_signal(self.session.trace(self.key), self.asked.box_img, channel=self.channel))


@dataclass(frozen=True)
class TryWhatIf:
    """Runs again what a change touches, and asks about the object.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
        change: relative to the detector as it was opened.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked
    change: Change

    def __call__(self, token: Token) -> WhatIfAnswer:
        """What becomes of the object.

        Raises:
            Cancelled: between two layers.
            UserError: the trace is no longer in memory, or the change does not fit the detector.
        """
        from fpn_viewer.core.analysis.what_if import what_if

        start = perf_counter()
        trace = what_if(
            self.session.trace(self.key), gains=dict(self.change.gains), settings=dict(self.change.settings), watcher=token
        )
        line = _line(trace, self.asked)
        return WhatIfAnswer(self.key, self.asked, self.change, line, trace.detections, trace.began, perf_counter() - start)


@dataclass(frozen=True)
class SearchRemedies:
    """Tries single changes until the object is found.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
        round: which of `REMEDY_ROUNDS` is tried.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked
    round: int = 0

    def __call__(self, token: Token) -> RemediesFound:
        """Those that worked, smallest first.

        Raises:
            Cancelled: between two tries.
            UserError: the trace is no longer in memory.
        """
        from fpn_viewer.core.analysis.remedies import find_remedies

        trace, asked = self.session.trace(self.key), self.asked
        # a box drawn into a picture without ground truth: nobody knows which detections are false
        known = asked.index >= 0 or bool(asked.others_img)
        remedies = find_remedies(
            trace, _line(trace, asked), others=_others(asked) if known else None, watcher=token, kinds=REMEDY_ROUNDS[self.round]
        )
        return RemediesFound(self.key, self.asked, remedies, self.round)


@dataclass(frozen=True)
class Sweep:
    """Varies one gain, or the object's size, and follows the object.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
        term: (node, term) of the gain; None for the size.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked
    term: tuple[str, str] | None = None

    def __call__(self, token: Token) -> CurveFound:
        """The curve.

        Raises:
            Cancelled: between two points.
            UserError: the trace is no longer in memory, or its picture or detector is not at hand.
        """
        from fpn_viewer.core.analysis.sweeps import gain_sweep, scale_sweep

        trace, asked = self.session.trace(self.key), self.asked
        if self.term is None:
            curve = scale_sweep(trace, asked.box_img, asked.label, iou=asked.iou, watcher=token)
        else:
            curve = gain_sweep(trace, self.term, asked.box_img, asked.label, iou=asked.iou, watcher=token)
        return CurveFound(self.key, asked, self.term, curve)


@dataclass(frozen=True)
class ZoomIn:
    """Runs only the object's surroundings, which then fill the network's input.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        asked: the object.
        around: sides of the object that are run on each side of it.
    """

    session: Session = field(repr=False)
    key: str
    asked: Asked
    around: float = 2.0

    def __call__(self, token: Token) -> ZoomFound:
        """What becomes of it there.

        Raises:
            Cancelled: between two layers.
            UserError: the trace is no longer in memory, or its picture or detector is not at hand.
        """
        from fpn_viewer.core.analysis.lifeline import explain
        from fpn_viewer.core.analysis.what_if import whole_pixels, zoom_in

        trace, asked = self.session.trace(self.key), self.asked
        x0, y0, x1, y1 = asked.box_img
        wide, high = self.around * (x1 - x0), self.around * (y1 - y0)
        region = whole_pixels((x0 - wide, y0 - high, x1 + wide, y1 + high), trace.image_size)
        near = zoom_in(trace, region, watcher=token)
        left, top = region[:2]
        line = replace(explain(near, (x0 - left, y0 - top, x1 - left, y1 - top), asked.label, iou=asked.iou), ask=None)
        larger = near.scale[0] / trace.scale[0]
        found = line.detection
        score = float(near.detections.scores[found]) if found is not None else 0.0
        iou = line.stages[-1].best_iou if found is not None else 0.0
        return ZoomFound(self.key, asked, region, larger, max(line.sizes.net), line, score, iou)


@dataclass(frozen=True)
class LookForTraps:
    """Looks for known traps.

    Attributes:
        session: the worker's memory.
        key: of the trace.
        ground_truth: the picture's objects, when they are known.
    """

    session: Session = field(repr=False)
    key: str
    ground_truth: GroundTruth | None = field(default=None, repr=False)

    def __call__(self, token: Token) -> TrapsFound:
        """Those that were recognised.

        Raises:
            UserError: the trace is no longer in memory.
        """
        from fpn_viewer.core.analysis.traps import find_traps

        token.check()
        return TrapsFound(self.key, find_traps(self.session.trace(self.key), self.ground_truth))
