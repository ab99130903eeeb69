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
    from fpn_viewer.engine.values import PictureView
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
        detector_wanted(spec): the detector that the scan ran is to be opened; without it the life line is the open one's.
        arrived(closer): the object is looked at; whether the tab of one object is to come to the front.
    """

    problem = Signal(object)
    detector_wanted = Signal(object)
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
        self._read = "" if document.picture is None else document.picture.path
        # behind the objects, which by then have those of the picture
        document.picture_changed.connect(self._picture_read)
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
        self.detector_wanted.emit(spec)

    def _has_annotations(self, path: str) -> bool:
        there = self._objects.state.annotations
        return there is not None and _same(str(there.path), path)

    def _went(self, _: object) -> None:
        """Lets go of an object when the user goes elsewhere before it is reached."""
        if self._shown and self._wanted is not None and not _same(self._document.path, self._wanted.path):
            self._wanted = None

    def _picture_read(self, view: PictureView | None) -> None:
        self._read = "" if view is None else view.path
        self._arrive()

    def _arrive(self, *_: object) -> None:
        wanted = self._wanted
        # a picture that is read before the annotations are would have its own looked for, in their place
        if wanted is None or not self._has_annotations(wanted.annotations):
            return
        if not self._shown:
            self._show(wanted.path)
        if self._read != self._document.path or not _same(self._read, wanted.path):
            return
        if self._wanted is wanted and wanted.object < len(self._objects.state.rows):
            self._wanted = None
            self._objects.select(wanted.object)
            self.arrived.emit(wanted.closer)


def _same(one: str | None, other: str) -> bool:
    return one is not None and (one == other or os.path.abspath(one) == os.path.abspath(other))
