"""What the tab "Compare" holds once there are two sides: head, pictures, controls and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.board import Board
from fpn_viewer.ui.compare.controls import CompareBar, PointLine
from fpn_viewer.ui.compare.found_page import FoundPage
from fpn_viewer.ui.compare.head import Head
from fpn_viewer.ui.compare.nodes_page import NodesPage
from fpn_viewer.ui.compare.objects_page import ObjectsPage
from fpn_viewer.ui.compare.offer import SettingsOffer
from fpn_viewer.ui.compare.scene import CompareScene
from fpn_viewer.ui.compare.steps import Steps
from fpn_viewer.ui.compare.weights_page import WeightsPage
from fpn_viewer.ui.widgets.layer_action import layer_action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QResizeEvent, QShowEvent

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.values import PictureView
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.objects import ObjectsState
    from fpn_viewer.viewmodels.selection import SelectionState

#: px that the pages keep when the room is shared out, that titles and colour bars take, and that a picture has at least
_PAGES, _FRAME, _LEAST = 200, 56, 90


class CompareBody(QWidget):
    """Two sides over one picture.

    Signals:
        file_wanted(place): a file is to be chosen for A (0) or B (1).

    Attributes:
        head: who is compared.
        offer: what to do about settings that only one was given.
        board: the pictures.
        bar: the controls.
        point: what lies under the mouse.
        pages: the tables.
        layer_actions: actions that toggle layers, by name.
    """

    file_wanted = Signal(object)

    def __init__(self, models: Models, recent: Callable[[], Sequence[str]], parent: QWidget | None = None) -> None:
        """Shows what the view-models hold, from now on.

        Args:
            models: comparison, picture, display, selection, viewport, objects.
            recent: the checkpoints that were opened last.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._models, self._comparison = models, models.comparison
        self.layer_actions = {"detections": layer_action(self, "detections", "D", "Detections", True, self._show_detections)}
        self.layer_actions["detections"].setToolTip("Detections of both: what only one has, what moved, what was rescored (D)")
        self._scene = CompareScene(self._comparison.state, self)
        self._steps = Steps(self._comparison, models.display, self)
        self.head = Head(self._comparison, recent)
        self.offer = SettingsOffer(self._comparison)
        shared = (models.display, models.selection, models.viewport)
        self.board = Board(self._scene, self._comparison, self._steps, *shared)
        self.bar = CompareBar(models.display, self.layer_actions.values())
        self.point = PointLine()
        self._make_pages()
        self._lay_out()
        self._connect()
        self._picture_changed(models.document.picture)
        self._objects_changed(models.objects.state)
        self._show(self._comparison.state, frozenset({"view", "objects", "object"}))

    def _make_pages(self) -> None:
        self.objects, self.found, self.nodes, self.weights = ObjectsPage(), FoundPage(), NodesPage(), WeightsPage()
        self.pages = QTabWidget(documentMode=True)
        pages = {
            "Objects": (self.objects, "What became of every object in both, and at which stage they part"),
            "Detections": (self.found, "Only in A, only in B, moved, rescored"),
            "Maps": (self.nodes, "How much every map differs, and where in the network both part company"),
            "Weights": (self.weights, "How far every module was trained from A to B"),
        }
        for title, (page, tip) in pages.items():
            self.pages.setTabToolTip(self.pages.addTab(page, title), tip)
        self.pages.setMinimumHeight(100)

    def _lay_out(self) -> None:
        upper = self._upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(8, 2, 8, 0)
        column.setSpacing(2)
        column.addWidget(self.board, 1)
        column.addWidget(self.bar)
        column.addWidget(self.point)
        splitter = self._splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(upper)
        splitter.addWidget(self.pages)
        splitter.setStretchFactor(0, 1)
        splitter.setChildrenCollapsible(False)
        self._is_arranged = False
        splitter.splitterMoved.connect(self._keep)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.head)
        whole.addWidget(self.offer)
        whole.addWidget(splitter, 1)

    def _connect(self) -> None:
        models = self._models
        models.document.picture_changed.connect(self._picture_changed)
        models.objects.changed.connect(self._objects_changed)
        models.selection.changed.connect(self._selection_changed)
        self._comparison.changed.connect(self._show)
        self.head.file_wanted.connect(self.file_wanted)
        self.bar.fit_requested.connect(models.viewport.fit)
        self.bar.one_to_one_requested.connect(self._one_to_one)
        self.objects.chosen.connect(self._comparison.select_object)
        self.nodes.chosen.connect(self._comparison.set_node)
        self.found.chosen.connect(self._zoom_to)
        self.pages.currentChanged.connect(self._need_weights)

    # -- room -------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shares the room out."""
        super().resizeEvent(event)
        self._share_room()

    def showEvent(self, event: QShowEvent) -> None:
        """Shares the room out when there is some."""
        super().showEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Gives pictures beside each other the height that they need and the pages the rest, until the user moves the handle."""
        width = max(1, self._splitter.width() - 16)
        controls = self.bar.heightForWidth(width) + self.point.sizeHint().height()
        self._upper.setMinimumHeight(controls + _FRAME + _LEAST)
        if self._is_arranged:
            return
        height, across = self._models.viewport.state.image_size
        wanted = round(width / len(self.board.parts) * height / max(1, across)) + _FRAME + controls
        room = self._splitter.height()
        upper = max(self._upper.minimumHeight(), min(wanted, room - _PAGES))
        self._splitter.setSizes([upper, max(1, room - upper)])

    @Slot()
    def _keep(self, *_: int) -> None:
        self._is_arranged = True

    # -- changes ----------------------------------------------------------------------------------------------------

    @Slot(object)
    def _picture_changed(self, view: PictureView | None) -> None:
        self._scene.set_picture(view)
        self._share_room()

    @Slot(object, object)
    def _objects_changed(self, state: ObjectsState, _: object = None) -> None:
        if state.shown != self._scene.truth:
            self._scene.show_layers(truth=state.shown)

    @Slot(object, object)
    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if "cursor_img" in names and self._comparison.state.active:
            self._comparison.probe(state.cursor_img)

    @Slot(object, object)
    def _show(self, state: ComparisonState, names: frozenset[str]) -> None:
        self._scene.set_state(state, names)
        if names & {"point", "node"}:
            self.point.show_text(texts.point_line(state.point, state.node))
        if names & {"objects", "object", "lines", "following", "view", "running"}:
            picture = self._models.document.picture
            self.objects.show_state(state, picture.picture.pixels if picture is not None else None)
        if "layout" in names:
            self._share_room()
        if "view" in names:
            self.found.show_state(state)
            self._need_weights()
        if names & {"nodes", "node", "view", "running"}:
            self.nodes.show_state(state)
        if names & {"weights", "view", "running"}:
            self.weights.show_state(state)
        current = self._scene.current()
        if "object" in names and current is not None:
            self.pages.setCurrentWidget(self.objects)
            self._zoom_to(current.box_img)

    def _show_detections(self, on: bool) -> None:
        self._scene.show_layers(detections=on)

    @Slot()
    def _need_weights(self, _: int = 0) -> None:
        if self.pages.currentWidget() is self.weights and self._comparison.state.view is not None:
            self._comparison.need_weights()

    @Slot(object)
    def _zoom_to(self, box_img: Box) -> None:
        self.board.view.zoom_to(box_img)

    @Slot()
    def _one_to_one(self) -> None:
        view = self.board.view
        self._models.viewport.one_to_one((view.width(), view.height()), 1 / view.devicePixelRatioF())
