"""Bringing an object of a scan into the window: its picture, the scan's annotations and detector, then its life line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.scan_requests import ScanAbout
    from fpn_viewer.engine.scan_table import ScanRow
    from fpn_viewer.engine.values import DetectorInfo, PictureView
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects
    from fpn_viewer.viewmodels.scan_likeness import Likeness

#: image px by which a box may differ from the scanned one, for annotations that are written with decimals
_ROUNDING = 0.01


@dataclass(frozen=True)
class _Wanted:
    row: ScanRow
    annotations: str
    #: the detector's class name for each class name of the annotations, None where the scan left it out
    names: dict[str, str | None]
    closer: bool


class Visits(QObject):
    """Goes to objects of a scan.

    Signals:
        problem(problem): `Problem`.
        arrived(closer): the object is looked at; whether the tab of one object is to come to the front.
    """

    problem = Signal(object)
    arrived = Signal(object)

    def __init__(self, document: Document, objects: Objects, likeness: Likeness, parent: QObject | None = None) -> None:
        """Nothing is wanted yet.

        Args:
            document: shows pictures.
            objects: the annotated objects of the one that is shown.
            likeness: has the scan's detector opened.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._objects, self._likeness = document, objects, likeness
        self._wanted: _Wanted | None = None
        self._last: _Wanted | None = None
        self._shown = False
        self._read = "" if document.picture is None else document.picture.path
        # behind the objects, which by then have those of the picture
        document.picture_changed.connect(self._picture_read)
        document.current_changed.connect(self._went)
        document.detector_changed.connect(self._detector_changed)
        document.answered.connect(self._answered)
        document.unanswered.connect(self._unanswered)
        objects.changed.connect(self._arrive)
        likeness.settled.connect(self._fetch)

    def go(self, row: ScanRow, about: ScanAbout, detector: int, *, closer: bool) -> None:
        """Opens what is needed for an object and looks at it; `arrived` follows, or a problem.

        Args:
            row: the object.
            about: the scan.
            detector: whose life line is wanted, by its place in the scan.
            closer: handed on to `arrived`.
        """
        if not Path(row.path).is_file():
            self.problem.emit(Problem(f"{row.path} is not there any more; put it back, or scan its folder's new place."))
            return
        self._wanted, self._shown = _Wanted(row, about.annotations, _names(about, detector), closer), False
        if round(about.iou, 2) != self._objects.state.iou:
            self._objects.set_iou(about.iou)
        self._likeness.visit(row.path)
        self._fetch()
        self._settle()

    def _fetch(self) -> None:
        """Opens the annotations, behind the detector: its classes are asked for where they are not known to the one before."""
        wanted = self._wanted
        if wanted is not None and self._likeness.is_settled and not self._has_annotations(wanted.annotations):
            self._objects.open(wanted.annotations)

    def _show(self, path: str) -> None:
        self._shown = True
        if _same(self._document.path, path):
            return
        places = (place for place, one in enumerate(self._document.pictures) if _same(one, path))
        place = next(places, None)
        if place is None:
            self._document.open_paths([path])
        else:
            self._document.select(place)

    def _has_annotations(self, path: str) -> bool:
        there = self._objects.state.annotations
        return there is not None and _same(str(there.path), path)

    # -- what arrives -----------------------------------------------------------------------------------------------

    def _went(self, _: object) -> None:
        """Lets go of an object when the user goes elsewhere before it is reached."""
        if self._shown and self._wanted is not None and not _same(self._document.path, self._wanted.row.path):
            self._wanted = None

    def _picture_read(self, view: PictureView | None) -> None:
        self._read = "" if view is None else view.path
        self._settle()

    def _answered(self, lane: str, value: Any) -> None:
        if lane == "annotations" and value.named:
            self._settle()

    def _unanswered(self, lane: str, failure: Failure | None) -> None:
        """Shows at least the picture where the annotations cannot be read, which is said elsewhere."""
        if lane == "annotations" and failure is not None and self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self._show(wanted.row.path)

    def _detector_changed(self, info: DetectorInfo | None) -> None:
        """The classes of a detector that was just opened are matched anew, and not as in the scan."""
        if info is not None and self._last is not None and _same(self._document.path, self._last.row.path):
            self._match_classes(self._last)

    def _settle(self) -> None:
        """Goes there, or says why there is nothing to go to."""
        self._arrive()
        wanted = self._wanted
        if wanted is not None and self._is_there(wanted):
            self._wanted = None
            said = f"{Path(wanted.row.path).name} is annotated otherwise than when it was scanned: object {wanted.row.object + 1}"
            self.problem.emit(Problem(f"{said}, a {wanted.row.name}, is not where it was; scan again."))

    def _is_there(self, wanted: _Wanted) -> bool:
        """Whether picture and annotations are there. The annotations come first: a picture's own would be looked for otherwise."""
        return (
            self._has_annotations(wanted.annotations) and self._read == self._document.path and _same(self._read, wanted.row.path)
        )

    def _arrive(self, *_: object) -> None:
        wanted = self._wanted
        if wanted is None or not self._has_annotations(wanted.annotations):
            return
        if not self._shown:
            self._show(wanted.row.path)
        if self._wanted is wanted and self._is_there(wanted) and self._is_same_object(wanted.row):
            self._wanted, self._last = None, wanted
            self._match_classes(wanted)
            self._objects.select(wanted.row.object)
            self.arrived.emit(wanted.closer)

    def _is_same_object(self, row: ScanRow) -> bool:
        rows = self._objects.state.rows
        if row.object >= len(rows):
            return False
        there = rows[row.object]
        return there.name == row.name and np.allclose(there.box_img, row.box_img, rtol=0.0, atol=_ROUNDING, equal_nan=True)

    def _match_classes(self, wanted: _Wanted) -> None:
        """Classes of the annotations are those of the detector that the scan took them for."""
        detector, labels = self._document.detector, self._objects.state.labels.labels
        if detector is None:
            return
        own = detector.spec.class_names
        here = {name: own[label] if label is not None else None for name, label in labels.items()}
        others = {name: to for name, to in wanted.names.items() if name in here and here[name] != to and (to is None or to in own)}
        if others:
            self._objects.set_labels(others)


def _names(about: ScanAbout, detector: int) -> dict[str, str | None]:
    from fpn_viewer.core.detectors.spec import DetectorSpec

    classes = DetectorSpec.from_json(about.specs[detector]).class_names
    return {name: None if label is None else classes[label] for name, label in about.labels[detector].items()}


def _same(one: str | None, other: str) -> bool:
    return one is not None and (one == other or os.path.abspath(one) == os.path.abspath(other))
