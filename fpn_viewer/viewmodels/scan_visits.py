"""Bringing an object of a scan into the window: its picture, the scan's annotations and detector, then its life line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from fpn_viewer.engine.scan_requests import ScanAbout
    from fpn_viewer.engine.scan_table import ScanRow
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects


@dataclass(frozen=True)
class _Wanted:
    path: str
    object: int
    annotations: str
    closer: bool


class Visits(QObject):
    """Goes to objects of a scan.

    Signals:
        problem(problem): `Problem`.
        detector_wanted(source, options): the detector that the scan ran is to be opened.
        arrived(closer): the object is looked at; whether the tab of one object is to come to the front.
    """

    problem = Signal(object)
    detector_wanted = Signal(object, object)
    arrived = Signal(object)

    def __init__(self, document: Document, objects: Objects, parent: QObject | None = None) -> None:
        """Nothing is wanted yet.

        Args:
            document: shows pictures.
            objects: the annotated objects of the one that is shown.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._objects = document, objects
        self._wanted: _Wanted | None = None
        self._shown = False
        document.picture_changed.connect(self._arrive)
        document.current_changed.connect(self._went)
        objects.changed.connect(self._arrive)

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
        self._wanted, self._shown = _Wanted(row.path, row.object, about.annotations, closer), False
        if round(about.iou, 2) != self._objects.state.iou:
            self._objects.set_iou(about.iou)
        if not self._has_annotations(about.annotations):
            self._objects.open(about.annotations)
        self._use_detector(about, detector)
        self._arrive()

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

    def _use_detector(self, about: ScanAbout, detector: int) -> None:
        info, spec = self._document.detector, DetectorSpec.from_json(about.specs[detector])
        if info is not None and info.spec == spec:
            return
        if spec.untrained or not spec.weights:
            self.problem.emit(
                Problem(f"The weights of {spec.name}, which the scan ran, are in no file; the life line is the open detector's.")
            )
            return
        settings = {name: getattr(spec.settings, name) for name in spec.kind.settings}
        self.detector_wanted.emit(spec.weights, {"class_names": spec.class_names, **settings})

    def _has_annotations(self, path: str) -> bool:
        there = self._objects.state.annotations
        return there is not None and _same(str(there.path), path)

    def _went(self, _: object) -> None:
        """Lets go of an object when the user goes elsewhere before it is reached."""
        if self._shown and self._wanted is not None and not _same(self._document.path, self._wanted.path):
            self._wanted = None

    def _arrive(self, *_: object) -> None:
        wanted = self._wanted
        # a picture that is read before the annotations are would have its own looked for, in their place
        if wanted is None or not self._has_annotations(wanted.annotations):
            return
        if not self._shown:
            self._show(wanted.path)
        view = self._document.picture
        if view is None or view.path != self._document.path or not _same(view.path, wanted.path):
            return
        if self._wanted is wanted and wanted.object < len(self._objects.state.rows):
            self._wanted = None
            self._objects.select(wanted.object)
            self.arrived.emit(wanted.closer)


def _same(one: str | None, other: str) -> bool:
    return one is not None and (one == other or os.path.abspath(one) == os.path.abspath(other))
