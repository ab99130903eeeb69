"""The annotated objects of the current picture and what became of each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.annotations.labels import classes_of, dataset_key, match_labels
from fpn_viewer.core.annotations.structures import LabelMap
from fpn_viewer.core.errors import AnnotationError
from fpn_viewer.engine.annotation_requests import FindAnnotations, OpenAnnotations
from fpn_viewer.engine.object_requests import ExplainAll, LookForTraps
from fpn_viewer.engine.object_values import Asked
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import numpy as np
    from PySide6.QtCore import QObject

    from fpn_viewer.core.analysis.matching import Matching
    from fpn_viewer.core.analysis.trap_values import Trap
    from fpn_viewer.core.annotations.structures import Annotations, GroundTruth
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.annotation_requests import OpenedAnnotations
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.object_values import TrapsFound, Verdicts
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.states import RunState

NO_ANNOTATIONS = "There are no annotations to go through; open some with “Open annotations…” in the list of objects."
NONE_MISSED = "No object that was missed is left in the open pictures at this overlap."
#: what the worker does before a picture has its trace
_BUSY = frozenset({"loading", "opening", "running"})
#: outcomes that a person wants to look into, as `step_missed` visits them
MISSED = frozenset({"missed", "badly placed", "wrong class", "taken"})


@dataclass(frozen=True)
class ObjectRow:
    """One annotated object.

    Attributes:
        index: its place in the file.
        box_img: xyxy image px.
        name: its class as annotated.
        label: the detector's label for it, or None.
        outcome: as in `matching.OUTCOMES`; "" before the picture was run.
        detection: row of the detection that decides the outcome, or -1.
        iou: of that detection.
        score: of that detection.
        flaw: what is wrong with the annotation, "" when nothing.
        killer: stage that lost it, "" when found or not known yet.
        verdict: one sentence, "" when not known yet.
    """

    index: int
    box_img: Box
    name: str
    label: int | None
    outcome: str = ""
    detection: int = -1
    iou: float = 0.0
    score: float = 0.0
    flaw: str = ""
    killer: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class ObjectsState:
    """The current picture's objects.

    Attributes:
        annotations: what is open, or None.
        ground_truth: of the current picture, or None when it is not annotated.
        rows: one for each object, in the order of the file.
        current: row that is looked at, or None.
        close: views zoom to it.
        iou: overlap from which a detection counts as a match.
        labels: the data set's classes as the detector's labels.
        kinds: for each detection of the trace: "match", "ignored", "duplicate", "wrong class", "badly placed", "background".
        traps: known traps that this run steps into.
        shown: ground truth is drawn over the picture.
    """

    annotations: Annotations | None = None
    ground_truth: GroundTruth | None = None
    rows: tuple[ObjectRow, ...] = ()
    current: int | None = None
    close: bool = True
    iou: float = 0.5
    labels: LabelMap = dataclasses.field(default_factory=lambda: LabelMap({}))
    kinds: tuple[str, ...] = ()
    traps: tuple[Trap, ...] = ()
    shown: bool = True


class Objects(Observable[ObjectsState]):
    """Finds annotations by convention or opens named ones, matches them with the detections, and walks from miss to miss.

    Signals:
        problem(problem): `Problem`, annotations that cannot be read.
        labels_wanted(state): classes of the data set that the detector does not know, the first time that they are met.
    """

    problem = Signal(object)
    labels_wanted = Signal(object)

    def __init__(
        self,
        document: Document,
        remembered: Callable[[str], Mapping[str, str | None]] = lambda _: {},
        parent: QObject | None = None,
    ) -> None:
        """Follows a document.

        Args:
            document: pictures, detector, trace.
            remembered: by key of a data set, what the user said of its classes: the detector's class name, or None to leave out.
            parent: the Qt parent.
        """
        super().__init__(ObjectsState(), parent)
        self._document, self._remembered = document, remembered
        self._named = False
        self._seeking = 0
        self._from_afar = False
        self._visited = 0
        self._walking = self._finding = False
        self._path = document.path
        self._wanted: set[tuple[str, tuple[str, ...]]] = set()
        self._told: set[str] = set()
        document.current_changed.connect(self._went)
        document.state_changed.connect(self._ended)
        document.picture_changed.connect(self._read)
        document.detector_changed.connect(self._relabel)
        document.trace_changed.connect(self._rematch)
        document.answered.connect(self._answered)
        document.unanswered.connect(self._failed)

    # -- what the user does -----------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        """Opens a file or folder of annotations in place of what is open."""
        self._finding = True
        self._document.ask_files("annotations", OpenAnnotations(path))

    def close(self) -> None:
        """Forgets the annotations; the next picture's are looked for again."""
        self._named = False
        self.update(annotations=None, ground_truth=None, rows=(), current=None, kinds=(), labels=LabelMap({}))

    def select(self, row: int | None, *, close: bool = True) -> None:
        """Makes an object the one that is looked at; `close` says whether views zoom to it."""
        if row is None or 0 <= row < len(self.state.rows):
            self.update(current=row, close=close)

    def set_iou(self, iou: float) -> None:
        """Matches again at another overlap, 0..1."""
        self.update(iou=min(0.95, max(0.05, round(iou, 2))))
        self._rematch()

    def step_missed(self, by: int) -> None:
        """The next (1) or previous (-1) missed object, on into the other pictures; stops after one round without any."""
        self._visited, self._from_afar = 0, False
        if self.state.annotations is None and not self._finding:
            self.problem.emit(Problem(NO_ANNOTATIONS))
        elif self._finding or (not self._is_run() and self._document.run_state.kind in _BUSY):
            # what this picture has is not known yet
            self._seeking = by
        else:
            self._seek(by)

    def _seek(self, by: int) -> None:
        rows = [row.index for row in self.state.rows if row.outcome in MISSED]
        current = self.state.current
        rest = [r for r in rows if current is None or (r > current if by > 0 else r < current)]
        if rest:
            self._seeking = self._visited = 0
            self.select(rest[0] if by > 0 else rest[-1], close=not self._from_afar)
            self._from_afar = False
        elif len(self._document.pictures) > 1 and self._visited < len(self._document.pictures):
            self._seeking = by
            self._visited += 1
            self._walking = True
            self._document.step(by)
            self._walking = False
        else:
            self._stop_seeking(rows, by)

    def seek(self) -> None:
        """Looks at the first missed object as soon as one is known, from where the whole picture is seen."""
        self._seeking, self._visited, self._from_afar = 1, 0, True
        self._rematch()

    def _stop_seeking(self, rows: list[int], by: int) -> None:
        self._seeking = self._visited = 0
        if rows:
            self.select(rows[0] if by > 0 else rows[-1])
        else:
            self.problem.emit(Problem(NONE_MISSED))

    def _went(self, _: object) -> None:
        """Stops seeking when the user goes to another picture; the very first one is nobody's choice."""
        if not self._walking and self._path is not None:
            self._seeking = self._visited = 0
        self._path = self._document.path

    def _ended(self, state: RunState) -> None:
        """Passes over a picture that cannot be read, and stops seeking when a run failed or was cancelled."""
        if not self._seeking or state.kind not in ("failed", "cancelled"):
            return
        if state.kind == "failed" and self._document.picture is None and self._visited:
            self._seek(self._seeking)
        else:
            self._seeking = self._visited = 0

    def set_labels(self, names: Mapping[str, str | None]) -> None:
        """Maps classes of the data set to classes of the detector; None leaves one out."""
        detector = self._document.detector
        if detector is None or self.state.annotations is None:
            return
        labels = {to: label for label, to in classes_of(detector.spec.class_names).items()}
        chosen = {name: labels.get(to) if to is not None else None for name, to in names.items()}
        self.update(labels=LabelMap({**self.state.labels.labels, **chosen}))
        self._rebuild()

    def others(self, index: int) -> tuple[Box, ...]:
        """The other usable objects of the picture, xyxy image px."""
        return tuple(row.box_img for row in self.state.rows if row.index != index and not row.flaw)

    # -- annotations ------------------------------------------------------------------------------------------------

    def _read(self, view: object) -> None:
        self.update(ground_truth=None, rows=(), current=None, kinds=(), traps=())
        if view is None or self._document.path is None:
            return
        self._load_truth()
        if self.state.ground_truth is None and not self._named:
            self._finding = True
            self._document.ask_files("annotations", FindAnnotations(self._document.path))
        if self.state.ground_truth is None:
            self._rematch()

    def _load_truth(self) -> None:
        view, annotations = self._document.picture, self.state.annotations
        if view is None or annotations is None:
            return
        try:
            truth = annotations.of(view.path, view.picture.size)
        except AnnotationError as error:
            self.problem.emit(Problem(str(error)))
            return
        for sentence in truth.notes if truth is not None else ():
            if sentence not in self._told:
                self._told.add(sentence)
                self.problem.emit(Problem(sentence))
        self.update(ground_truth=truth)
        self._rebuild()

    def _opened(self, opened: OpenedAnnotations) -> None:
        self._finding = False
        for sentence in opened.problems:
            self.problem.emit(Problem(sentence))
        if opened.annotations is not None:
            self._named = opened.named
            self.update(annotations=opened.annotations, ground_truth=None, rows=(), current=None, kinds=())
            self._relabel()
            self._load_truth()
        self._seek_on()

    def _relabel(self, _: object = None) -> None:
        detector, annotations = self._document.detector, self.state.annotations
        if detector is None or annotations is None:
            return
        key = dataset_key(annotations)
        labels = match_labels(annotations.names, detector.spec.class_names, self._remembered(key))
        self.update(labels=labels)
        self._rebuild()
        met = (key, detector.spec.class_names)
        if labels.unmatched and met not in self._wanted:
            self._wanted.add(met)
            self.labels_wanted.emit(self.state)

    def _rebuild(self) -> None:
        truth = self.state.ground_truth
        if truth is None:
            return
        labels = self.state.labels.labels
        rows = tuple(
            ObjectRow(i, tuple(map(float, box)), name, labels.get(name), flaw=flaw)  # type: ignore[arg-type]
            for i, (box, name, flaw) in enumerate(zip(truth.boxes_img, truth.names, truth.flaws, strict=True))
        )
        self.update(rows=rows)
        self._rematch()

    # -- matching ---------------------------------------------------------------------------------------------------

    def _rematch(self, _: object = None) -> None:
        trace, truth = self._document.trace, self.state.ground_truth
        if trace is None or not self._is_run():
            self.update(rows=tuple(_unrun(row) for row in self.state.rows), kinds=(), traps=())
            return
        self._document.ask("traps", LookForTraps(self._document.session, trace.key, truth))
        if truth is not None:
            self._match(trace, truth)
        self._seek_on()

    def _is_run(self) -> bool:
        """Whether picture and trace are of the current path; either may come first."""
        trace, view, path = self._document.trace, self._document.picture, self._document.path
        return trace is not None and view is not None and trace.path == view.path == path

    def _match(self, trace: TraceView, truth: GroundTruth) -> None:
        found = trace.detections
        labels = [row.label for row in self.state.rows]
        matching = match(truth, labels, found.boxes_img, found.scores, found.labels, iou=self.state.iou)
        self.update(rows=tuple(_matched(row, matching, found.scores) for row in self.state.rows), kinds=matching.kinds)
        self._ask_verdicts(trace.key)

    def _seek_on(self) -> None:
        """Goes on with what `step_missed` began, once it is known what became of this picture's objects."""
        if self._seeking and self._is_run() and self.state.annotations is not None and not self._finding:
            self._seek(self._seeking)

    def _ask_verdicts(self, key: str) -> None:
        asked = tuple(self._asked(row) if row.outcome in MISSED else None for row in self.state.rows)
        if any(asked):
            self._document.ask("verdicts", ExplainAll(self._document.session, key, asked))
        else:
            # those of another overlap would be taken for these
            self._document.withdraw("verdicts")

    def _asked(self, row: ObjectRow) -> Asked | None:
        # the training side is asked for when the object is looked at
        return None if row.flaw or row.label is None else Asked(row.box_img, row.label, self.state.iou, (), row.index)

    def asked(self, index: int) -> Asked:
        """The question about one of the objects."""
        row = self.state.rows[index]
        return Asked(row.box_img, row.label, self.state.iou, self.others(index), index)

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answered(self, lane: str, value: Any) -> None:
        answers: dict[str, Callable[[Any], None]] = {
            "annotations": self._opened,
            "verdicts": self._judged,
            "traps": self._trapped,
        }
        if lane in answers:
            answers[lane](value)

    def _judged(self, verdicts: Verdicts) -> None:
        trace, rows = self._document.trace, self.state.rows
        if trace is None or trace.key != verdicts.key or len(rows) != len(verdicts.rows):
            return
        self.update(
            rows=tuple(
                dataclasses.replace(row, killer=killer, verdict=verdict)
                for row, (killer, _, verdict) in zip(rows, verdicts.rows, strict=True)
            )
        )

    def _trapped(self, found: TrapsFound) -> None:
        if self._document.trace is not None and self._document.trace.key == found.key:
            self.update(traps=found.traps)

    def _failed(self, lane: str, failure: Failure | None) -> None:
        if failure is not None and lane in ("annotations", "verdicts", "traps"):
            self.problem.emit(Problem(failure.title, failure.details))
        if lane == "annotations":
            self._finding = False
            self._seek_on()


def _unrun(row: ObjectRow) -> ObjectRow:
    return ObjectRow(row.index, row.box_img, row.name, row.label, flaw=row.flaw)


def _matched(row: ObjectRow, matching: Matching, scores: np.ndarray) -> ObjectRow:
    detection = int(matching.detection[row.index])
    return dataclasses.replace(
        _unrun(row),
        outcome=matching.outcomes[row.index],
        detection=detection,
        iou=float(matching.iou[row.index]),
        score=float(scores[detection]) if detection >= 0 else 0.0,
    )
