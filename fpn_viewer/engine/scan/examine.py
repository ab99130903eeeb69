"""One picture of a scan: every object followed through every detector. Needs torch once it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.errors import AnnotationError, PictureError
from fpn_viewer.core.images import open_picture
from fpn_viewer.engine.failures import describe, release_frames
from fpn_viewer.engine.scan.values import DetectionRow, FateRow, ObjectRow, PictureRow, RunRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.analysis.briefs import Brief
    from fpn_viewer.core.analysis.matching import Matching
    from fpn_viewer.core.annotations.structures import Annotations, GroundTruth
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

    Labels = Mapping[str, int | None]
    Lent = Sequence[tuple[Detector, Labels]]


@dataclass(frozen=True)
class Read:
    """A picture as it was read.

    Attributes:
        number: of the picture in the scan.
        path: of its file.
        picture: its pixels; None when it cannot be read.
        problem: why not, one sentence.
        seconds: what it took.
    """

    number: int
    path: str
    picture: Picture | None
    problem: str
    seconds: float


def examine(read: Read, annotations: Annotations | None, detectors: Lent, iou: float, watcher: Watcher | None = None) -> PictureRow:
    """What every detector makes of a picture and its objects.

    Args:
        read: the picture.
        annotations: of all pictures; None without any.
        detectors: each with its label for each class name of the annotations.
        iou: overlap from which a detection matches an object.
        watcher: may stop between two layers and between two objects.
    """
    truth, problem = _truth(read, annotations)
    if read.picture is None:
        return PictureRow(read.number, problem=problem, seconds=read.seconds)
    runs = tuple(
        _run(place, detector, labels, read.picture, truth, iou, watcher) for place, (detector, labels) in enumerate(detectors)
    )
    height, width = read.picture.size
    return PictureRow(
        read.number, height, width, read.picture.digest, problem, truth is not None, _objects(truth), runs, read.seconds
    )


def read_picture(number: int, path: str) -> Read:
    """Reads and decodes a picture; one that cannot be read is an answer too."""
    start = perf_counter()
    try:
        picture, problem = open_picture(path), ""
        # hashed here, ahead of its turn
        _ = picture.digest
    except PictureError as error:
        picture, problem = None, str(error)
    return Read(number, path, picture, problem, perf_counter() - start)


def _truth(read: Read, annotations: Annotations | None) -> tuple[GroundTruth | None, str]:
    """A picture's objects, and the sentence about what is wrong with it or with them."""
    if read.picture is None or annotations is None:
        return None, read.problem
    try:
        return annotations.of(read.path, read.picture.size), ""
    except AnnotationError as error:
        return None, str(error)


def _run(
    place: int, detector: Detector, labels: Labels, picture: Picture, truth: GroundTruth | None, iou: float, watcher: Watcher | None
) -> RunRow:
    """One detector on one picture; whatever keeps it from being run costs the detector's row and nothing else."""
    start = perf_counter()
    try:
        # without its maps, which no scan asks for, a trace is small
        trace = replace(detector.trace(picture, watcher=watcher), maps={}, picture=None)
        ran = perf_counter()
        row = _followed(place, trace, truth, labels, iou, watcher)
    except Exception as error:
        # the frames hold the maps that were at work
        release_frames(error)
        return RunRow(place, describe(error)[0], seconds=(perf_counter() - start, 0.0))
    return replace(row, seconds=(ran - start, perf_counter() - ran))


def _objects(truth: GroundTruth | None) -> tuple[ObjectRow, ...]:
    if truth is None:
        return ()
    columns = (
        truth.names,
        truth.boxes_img.tolist(),
        truth.areas.tolist(),
        truth.crowd.tolist(),
        truth.ignored.tolist(),
        truth.flaws,
    )
    return tuple(
        ObjectRow(number, name, tuple(box), area, crowd, ignored, flaw)
        for number, (name, box, area, crowd, ignored, flaw) in enumerate(zip(*columns, strict=True))
    )


def _followed(place: int, trace: Trace, truth: GroundTruth | None, labels: Labels, iou: float, watcher: Watcher | None) -> RunRow:
    fates: tuple[FateRow, ...] = ()
    matching = None
    if truth is not None:
        wanted = [labels.get(name) for name in truth.names]
        found = trace.detections
        matching = match(truth, wanted, found.boxes_img, found.scores, found.labels, iou=iou)
        fates = _fates(trace, truth, matching, wanted, iou, watcher)
    height, width = trace.net_size
    follows = trace.follows.stage if trace.follows is not None else ""
    return RunRow(place, "", height, width, follows, fates, _detections(trace, matching))


def _detections(trace: Trace, matching: Matching | None) -> tuple[DetectionRow, ...]:
    found, names = trace.detections, dict(enumerate(trace.spec.class_names))
    kinds = matching.kinds if matching is not None else ("",) * len(found)
    objects = matching.matched.tolist() if matching is not None else [-1] * len(found)
    columns = (found.labels.tolist(), found.scores.tolist(), found.boxes_img.tolist(), kinds, objects)
    return tuple(
        DetectionRow(number, label, names.get(label, f"class {label}"), score, tuple(box), kind, matched if matched >= 0 else None)
        for number, (label, score, box, kind, matched) in enumerate(zip(*columns, strict=True))
    )


def _fates(
    trace: Trace,
    truth: GroundTruth,
    matching: Matching,
    wanted: Sequence[int | None],
    iou: float,
    watcher: Watcher | None,
) -> tuple[FateRow, ...]:
    from fpn_viewer.core.analysis.briefs import briefs

    sound = [number for number, flaw in enumerate(truth.flaws) if not flaw]
    told = briefs(trace, truth.boxes_img[sound], [wanted[number] for number in sound], iou=iou, watcher=watcher)
    by_number = dict(zip(sound, told, strict=True))
    scores = trace.detections.scores.tolist()
    out = []
    columns = (wanted, matching.outcomes, matching.detection.tolist(), matching.iou.tolist())
    for number, (label, outcome, row, overlap) in enumerate(zip(*columns, strict=True)):
        plain = FateRow(number, label, outcome, detection=row if row >= 0 else None, iou=overlap)
        brief = by_number.get(number)
        out.append(plain if brief is None else _told(plain, brief, scores[row] if row >= 0 else None))
    return tuple(out)


def _told(plain: FateRow, brief: Brief, score: float | None) -> FateRow:
    killer = brief.killer
    return replace(
        plain,
        killer=killer.name if killer else "",
        stage_outcome=brief.outcome,
        value=killer.value if killer else None,
        limit=killer.limit if killer else None,
        margin=killer.margin if killer else None,
        unit=killer.unit if killer else "",
        score=score,
        net_h=brief.net[0],
        net_w=brief.net[1],
        cells=brief.cells,
        level=brief.level,
        anchor_iou=brief.anchor_iou,
        positives=brief.positives,
        verdict=brief.verdict,
    )
