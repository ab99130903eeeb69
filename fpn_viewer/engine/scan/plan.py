"""What a scan is asked to do: detectors opened, pictures listed, annotations read, classes matched by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.annotations.labels import match_labels
from fpn_viewer.core.errors import PictureError, QuestionError
from fpn_viewer.core.images import list_pictures
from fpn_viewer.core.picture_files import SUFFIXES
from fpn_viewer.engine.scan import fingerprints
from fpn_viewer.engine.scan.store import DetectorPlan, Plan, ScanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.core.detectors.detector import Detector

MOST_DETECTORS = 4


@dataclass(frozen=True)
class Work:
    """All that a scan needs.

    Attributes:
        plan: what its file says of it.
        detectors: each with its label for each class name of the annotations.
        annotations: None without any.
    """

    plan: Plan
    detectors: tuple[tuple[Detector, Mapping[str, int | None]], ...]
    annotations: Annotations | None


def prepare(
    detectors: Any,
    images: Any,
    annotations: Any,
    *,
    iou: float,
    classes: Mapping[str, str | None] | None,
    recursive: bool,
    device: str,
    watcher: Reading | None,
) -> Work:
    """Opens everything; the arguments are those of `scan`.

    Raises:
        UserError: something cannot be opened.
    """
    if not 0 < iou <= 1:
        raise QuestionError(f"An overlap of {iou:g} cannot be scanned with; give an IoU above 0 and up to 1, as 0.5.")
    pictures, truth = _listed(images, recursive), _annotations(annotations, watcher)
    opened = _opened(detectors, device)
    names = truth.names if truth is not None else ()
    maps = [match_labels(names, detector.spec.class_names, classes) for detector in opened]
    plans = tuple(
        DetectorPlan(
            name,
            detector.spec.weights,
            fingerprints.of_detector(detector),
            detector.spec.to_json(),
            found.labels,
            found.unmatched,
            detector.origin,
        )
        for name, detector, found in zip(_told_apart([one.spec.name for one in opened]), opened, maps, strict=True)
    )
    where = truth.path if truth is not None else ""
    plan = Plan(pictures, plans, where, fingerprints.of_annotations(truth, pictures), float(iou))
    lent = tuple((detector, found.labels) for detector, found in zip(opened, maps, strict=True))
    return Work(plan, lent, truth)


def _told_apart(names: Sequence[str]) -> list[str]:
    """Names of their own for detectors, as many are called `best`: the second of a name becomes "best (2)"."""
    told: list[str] = []
    for name in names:
        others = (f"{name} ({number})" for number in range(2, len(names) + 2))
        told.append(name if name not in told else next(other for other in others if other not in (*told, *names)))
    return told


def _opened(detectors: Any, device: str) -> tuple[Detector, ...]:
    from fpn_viewer.core.detectors.detector import Detector, open_detector

    several = tuple(detectors) if isinstance(detectors, (list, tuple)) else (detectors,)
    if not 1 <= len(several) <= MOST_DETECTORS:
        raise ScanError(f"A scan takes one to {MOST_DETECTORS} detectors, not {len(several)}; leave some out.")
    return tuple(one if isinstance(one, Detector) else open_detector(one, device=device) for one in several)


def _listed(images: Any, recursive: bool) -> tuple[str, ...]:
    several = images if isinstance(images, (list, tuple)) else (images,)
    found = dict.fromkeys(str(path.absolute()) for one in several for path in _pictures(one, recursive, len(several)))
    if not found:
        raise PictureError("No picture was named; give a folder or pictures to scan.")
    return tuple(found)


def _pictures(one: Any, recursive: bool, several: int) -> Sequence[Path]:
    """The pictures that a path stands for; among others, one that cannot even be looked at costs a row as any broken one does."""
    try:
        return list_pictures(one, recursive=recursive)
    except PictureError:
        if several == 1 or not str(one).lower().endswith(tuple(SUFFIXES)):
            raise
        return [Path(one)]


def _annotations(given: Any, watcher: Reading | None) -> Annotations | None:
    from fpn_viewer.core.annotations.formats import open_annotations

    if given is None or given == "":
        return None
    return open_annotations(given, watcher) if isinstance(given, (str, Path)) else given
