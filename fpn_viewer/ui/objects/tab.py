"""The tab "Object": one object in the picture, in the maps, and under what-ifs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QSplitter, QTabWidget, QVBoxLayout, QWidget

from fpn_viewer.ui.objects import texts
from fpn_viewer.ui.objects.header import Header
from fpn_viewer.ui.objects.layers import ObjectLayers
from fpn_viewer.ui.objects.signal_page import SignalPage
from fpn_viewer.ui.objects.view import ObjectView
from fpn_viewer.ui.widgets.layer_action import layer_action
from fpn_viewer.ui.widgets.texts import StripedBadge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QAction, QImage, QShowEvent

    from fpn_viewer.engine.values import PictureView, TraceView
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.question import Question, QuestionState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState
    from fpn_viewer.viewmodels.states import RunState
    from fpn_viewer.viewmodels.viewport import Viewport

_BUSY = frozenset({"opening", "running"})
#: px of the picture and of the pages below it, at first
_SHARES = (400, 330)


class ObjectTab(QWidget):
    """Annotated objects and detections over the picture; the asked one with its candidates, its signal and its curves.

    Signals:
        open_requested(): the button of the empty state was pressed.

    Attributes:
        view: the picture.
        header: what is asked and how it ended.
        signal: the page with the object in every map.
        pages: the pages below the picture.
        layer_actions: the actions that toggle layers, by name; their keys work while the focus is in the tab.
    """

    open_requested = Signal()

    def __init__(
        self,
        document: Document,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        objects: Objects,
        question: Question,
        curves: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        """Shows what the view-models hold, from now on.

        Args:
            document: picture, trace.
            display: hiding of overlays.
            selection: cursor, current node, drawn box.
            viewport: pan and zoom, shared with the other tabs.
            objects: annotated objects.
            question: what is asked.
            curves: the page "Curves".
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._selection, self._objects, self._question = document, selection, objects, question
        self._layers, self._zoom_wanted = ObjectLayers(), False
        self.view = ObjectView(self._layers, objects, question, display, selection, viewport)
        self.header = Header()
        self.signal = SignalPage(document, selection, question)
        self.pages = QTabWidget(documentMode=True)
        self.layer_actions = {"detections": layer_action(self, "detections", "D", "Detections", True, self._detections_toggled)}
        self.badge, self.open_button = StripedBadge("UNTRAINED", self.view), QPushButton("Open pictures…", self.view)
        self._lay_out(curves)
        self._connect()
        self._show_all()

    def key_target(self) -> tuple[QWidget, Iterable[QAction]]:
        """The picture, and the toggles of its layers."""
        return self.view, self.layer_actions.values()

    # -- pictures of the view ---------------------------------------------------------------------------------------

    def render_image(self, scale: float = 1.0) -> QImage:
        """The picture with its boxes.

        Args:
            scale: px of the result per px of the view, above 0.
        """
        return self.view.render_image(scale)

    def render_svg(self, path: str) -> None:
        """Writes the view as SVG: boxes are rectangles, the picture is pixels."""
        self.view.render_svg(path, "Object")

    # -- making -----------------------------------------------------------------------------------------------------

    def _lay_out(self, curves: QWidget) -> None:
        self.pages.addTab(self.signal, "Signal")
        self.pages.addTab(curves, "Curves")
        self.pages.setTabToolTip(0, "The object in every map of the pyramid, and how far it stands out there")
        self.pages.setTabToolTip(1, "What becomes of the object while one thing is varied")
        self.badge.setToolTip("The weights are random: what is drawn shows how the detector works, not what it has learnt")
        corner = QVBoxLayout(self.view)
        corner.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        corner.addStretch(3)
        corner.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        corner.addStretch(2)
        self.view.setMinimumSize(240, 90)
        self.pages.setMinimumHeight(96)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.view)
        splitter.addWidget(self.pages)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes(_SHARES)
        splitter.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(splitter, 1)

    def _connect(self) -> None:
        document = self._document
        document.picture_changed.connect(self._picture_changed)
        document.trace_changed.connect(self._trace_changed)
        document.detector_changed.connect(self._show_question)
        document.state_changed.connect(self._state_changed)
        self._selection.changed.connect(self._selection_changed)
        self._objects.changed.connect(self._objects_changed)
        self._question.changed.connect(self._question_changed)
        self.header.label_chosen.connect(self._question.set_label)
        self.header.step_wanted.connect(self._objects.step_missed)
        self.open_button.clicked.connect(self.open_requested)

    # -- changes ----------------------------------------------------------------------------------------------------

    def _picture_changed(self, view: PictureView | None) -> None:
        self._layers.backdrop.set_picture(view)
        self._show_messages()
        self.view.refresh()

    def _trace_changed(self, trace: TraceView | None) -> None:
        self._layers.shown.trace = trace
        self.badge.setVisible(trace is not None and trace.spec.untrained)
        self._show_messages()
        self._show_question()

    def _state_changed(self, state: RunState) -> None:
        self.view.set_dimmed(state.kind in _BUSY and self._document.trace is not None)
        self._show_messages()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if "current" in names:
            self._draw()

    def _objects_changed(self, state: ObjectsState, names: frozenset[str]) -> None:
        self._show_objects()
        row = texts.current_row(state)
        if "current" in names and row is not None and state.close:
            # what is in front shares the viewport, and knows better how much room there is
            self._zoom_wanted = not self.isVisible()
            if not self._zoom_wanted:
                self.view.zoom_to(row.box_img)

    def showEvent(self, event: QShowEvent) -> None:
        """Zooms to an object that was chosen elsewhere."""
        super().showEvent(event)
        row = texts.current_row(self._objects.state)
        if self._zoom_wanted and row is not None:
            self.view.zoom_to(row.box_img)
        self._zoom_wanted = False

    def _question_changed(self, state: QuestionState, names: frozenset[str]) -> None:
        if names - {"signal", "channel"}:
            self._show_question()

    def _detections_toggled(self, on: bool) -> None:
        self._layers.shown.detections = on
        self.view.refresh()

    def _show_all(self) -> None:
        self._picture_changed(self._document.picture)
        self._trace_changed(self._document.trace)
        self._show_objects()

    # -- showing ----------------------------------------------------------------------------------------------------

    def _show_objects(self) -> None:
        self._layers.shown.objects = self._objects.state
        self.header.show_objects(self._objects.state)
        self._show_question()

    def _show_question(self, _: object = None) -> None:
        self._layers.shown.question = self._question.state
        self.header.show_question(self._document, self._objects.state, self._question.state)
        self._draw()

    def _draw(self) -> None:
        self._layers.follow(self._selection.state.current[0])
        self.view.refresh()

    def _show_messages(self) -> None:
        shown = self._document
        self.open_button.setVisible(shown.picture is None and shown.run_state.kind in ("empty", "ready"))
        self.view.set_message(texts.view_message(shown))
