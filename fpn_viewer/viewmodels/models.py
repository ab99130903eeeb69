"""All view-models of one window, made together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.viewmodels.cases import Cases
from fpn_viewer.viewmodels.checkpoints import Checkpoints
from fpn_viewer.viewmodels.comparison import Comparison
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.document import Document
from fpn_viewer.viewmodels.objects import Objects
from fpn_viewer.viewmodels.question import Question
from fpn_viewer.viewmodels.scans import Scans
from fpn_viewer.viewmodels.selection import Selection
from fpn_viewer.viewmodels.viewport import Viewport
from fpn_viewer.viewmodels.what_if import WhatIf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtCore import QObject

    from fpn_viewer.engine.session import Session


@dataclass(frozen=True)
class Models:
    """What a window shows.

    Attributes:
        document: pictures, detector, trace.
        display: how maps are shown.
        selection: what is pointed at.
        viewport: pan and zoom.
        objects: annotated objects and what became of them.
        question: the object that is asked about.
        what_if: what would become of it.
        cases: saves and opens what was asked.
        checkpoints: check-ups, and what is said of files.
        comparison: two detectors on the current picture.
        scans: a scan of many pictures.
    """

    document: Document
    display: Display
    selection: Selection
    viewport: Viewport
    objects: Objects
    question: Question
    what_if: WhatIf
    cases: Cases
    checkpoints: Checkpoints
    comparison: Comparison
    scans: Scans

    @classmethod
    def made(cls, session: Session, remembered: Callable[[str], Mapping[str, str | None]], parent: QObject) -> Models:
        """All of them, wired to each other.

        Args:
            session: the worker's memory.
            remembered: what the user said of a data set's classes, by its key.
            parent: the Qt parent.
        """
        display, selection, viewport = Display(parent), Selection(parent), Viewport(parent)
        document = Document(session, display, parent)
        objects = Objects(document, remembered, parent)
        question = Question(document, objects, selection, parent)
        what_if = WhatIf(document, question, parent)
        cases = Cases(document, objects, question, selection, viewport, parent)
        checkpoints = Checkpoints(document, parent)
        comparison = Comparison(document, objects, display, selection, parent)
        scans = Scans(document, objects, parent)
        return cls(document, display, selection, viewport, objects, question, what_if, cases, checkpoints, comparison, scans)
