"""The tab "Anchors & RPN"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QSplitter, QVBoxLayout, QWidget

from fpn_viewer.ui.anchors.cell_table import CellTable
from fpn_viewer.ui.anchors.composer import Composer
from fpn_viewer.ui.anchors.scene import Scene
from fpn_viewer.ui.anchors.sections import AnchorSection, DetectionSection, LayerSection, ObjectnessSection, ProposalSection
from fpn_viewer.ui.anchors.state import LAYERS, Layers, has_proposals
from fpn_viewer.ui.anchors.texts import follows_notice, footer, nothing_notice, view_message
from fpn_viewer.ui.anchors.view import AnchorView
from fpn_viewer.ui.widgets.layer_action import layer_action
from fpn_viewer.ui.widgets.strip import Strip
from fpn_viewer.ui.widgets.texts import StripedBadge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QAction, QImage, QShowEvent

    from fpn_viewer.engine.values import AnchorField, PictureView, Plane, TraceView
    from fpn_viewer.ui.anchors.sections import Section
    from fpn_viewer.ui.anchors.state import LayersState
    from fpn_viewer.viewmodels.display import Display
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState
    from fpn_viewer.viewmodels.states import RunState
    from fpn_viewer.viewmodels.viewport import Viewport

_STRIP_WIDTH = 264
_BUSY = frozenset({"opening", "running"})


class AnchorsTab(QWidget):
    """Anchors, proposals, detections and objectness over the picture, with their filters and the numbers of a pinned cell.

    Signals:
        open_requested(): the button of the empty state was pressed.

    Attributes:
        layers: what is shown.
        view: the picture.
        table: the pinned cell's anchors.
        layer_actions: the actions that toggle the layers, by the layers' names; their keys work while the focus is in the tab.
    """

    open_requested = Signal()

    def __init__(
        self,
        document: Document,
        display: Display,
        selection: Selection,
        viewport: Viewport,
        parent: QWidget | None = None,
        *,
        objects: Objects | None = None,
    ) -> None:
        """Makes the tab; it asks for anchors when it is visible.

        Args:
            document: picture, trace, anchors.
            display: opacity and smoothing, shared with the pyramid.
            selection: cursor, current level, pinned cell.
            viewport: pan and zoom, shared with the pyramid.
            parent: the Qt parent.
            objects: annotated objects to draw; None where there are none.
        """
        super().__init__(parent)
        self._document, self._selection, self._objects = document, selection, objects
        self._composer = Composer()
        self._asked: _Asked | None = None
        self.layers = Layers(self)
        self.view = AnchorView(self._composer, self.layers, display, selection, viewport)
        self.table = CellTable(selection)
        self.layer_actions = {
            row.name: layer_action(self, row.name, row.key, row.text, getattr(self.layers.state, row.name), self._layer_toggled)
            for row in LAYERS
        }
        self.follows_strip, self.nothing_strip = Strip("notice"), Strip("notice")
        self.badge = StripedBadge("UNTRAINED", self.view)
        self.open_button = QPushButton("Open pictures…", self.view)
        self.footer = QLabel()
        self._objectness = ObjectnessSection(self.layers)
        first = (LayerSection(self.layers), AnchorSection(self.layers, selection))
        self.sections: tuple[Section, ...] = (*first, ProposalSection(self.layers), DetectionSection(self.layers), self._objectness)
        self._lay_out()
        self._connect()
        self._picture_changed(document.picture)
        self._trace_changed(document.trace)
        if objects is not None:
            self._objects_changed(objects.state)

    def key_target(self) -> tuple[QWidget, Iterable[QAction]]:
        """The picture, and the toggles of its layers."""
        return self.view, self.layer_actions.values()

    # -- pictures of the view ---------------------------------------------------------------------------------------

    def render_image(self, scale: float = 1.0) -> QImage:
        """The view as a picture.

        Args:
            scale: px of the picture per px of the view, above 0.
        """
        return self.view.render_image(scale)

    def render_svg(self, path: str) -> None:
        """Writes the view as SVG: boxes are rectangles, up to some twenty thousand of them; picture and maps are pixels."""
        self.view.render_svg(path, "Anchors & RPN")

    # -- making -----------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        left = _splitter(Qt.Orientation.Vertical, self._picture_column(), self.table, (600, 170))
        across = _splitter(Qt.Orientation.Horizontal, left, self._strip(), (1000, _STRIP_WIDTH))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addWidget(self.follows_strip)
        whole.addWidget(self.nothing_strip)
        whole.addWidget(across, 1)

    def _strip(self) -> QScrollArea:
        host = QWidget()
        column = QVBoxLayout(host)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(16)
        for section in self.sections:
            column.addWidget(section)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(host)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(_STRIP_WIDTH)
        return scroll

    def _picture_column(self) -> QWidget:
        host = QWidget()
        column = QVBoxLayout(host)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.view, 1)
        column.addWidget(self.footer)
        self.badge.setToolTip("The weights are random: what is drawn shows how the detector works, not what it has learnt")
        corner = QVBoxLayout(self.view)
        corner.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        corner.addStretch(3)
        corner.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        corner.addStretch(2)
        self.view.setMinimumSize(240, 180)
        self.footer.setContentsMargins(8, 0, 8, 4)
        self.footer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return host

    def _connect(self) -> None:
        document = self._document
        document.picture_changed.connect(self._picture_changed)
        document.trace_changed.connect(self._trace_changed)
        document.anchors_changed.connect(self._anchors_changed)
        document.objectness_changed.connect(self._objectness_changed)
        document.state_changed.connect(self._state_changed)
        self._selection.changed.connect(self._selection_changed)
        self.layers.changed.connect(self._layers_changed)
        if self._objects is not None:
            self._objects.changed.connect(self._objects_changed)
        self.view.composed.connect(self._show_footer, Qt.ConnectionType.QueuedConnection)
        self.open_button.clicked.connect(self.open_requested)

    # -- changes ----------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Asks for what was not needed while the tab was hidden."""
        super().showEvent(event)
        self._ask()

    def _picture_changed(self, view: PictureView | None) -> None:
        self._composer.set_picture(view)
        self._show_messages()
        self.view.refresh()

    def _trace_changed(self, trace: TraceView | None) -> None:
        self._composer.trace = trace
        self._composer.set_objectness(None)
        self._asked = None
        for strip, text in ((self.follows_strip, follows_notice(trace)), (self.nothing_strip, nothing_notice(trace))):
            strip.label.setText(text)
            strip.setVisible(bool(text))
        self.badge.setVisible(trace is not None and trace.spec.untrained)
        self.layer_actions["proposals"].setEnabled(has_proposals(trace))
        self._anchors_changed(self._document.anchors)

    def _anchors_changed(self, field: AnchorField | None) -> None:
        trace = self._composer.trace
        fits = trace is not None and field is not None and field.key == trace.key
        self._composer.scene = Scene(trace, field) if fits and trace is not None and field is not None else None
        self._composer.choose(self.layers.state)
        for section in self.sections:
            section.set_data(trace, self._composer.scene)
        self.table.set_scene(self._composer.scene)
        self._offer_shapes()
        self._show_messages()
        self.view.refresh()
        self._ask()

    def _objectness_changed(self, plane: Plane) -> None:
        if self._asked is not None and plane.cell[0] == self._asked.level:
            self._composer.set_objectness(plane)
            self.view.refresh()

    def _state_changed(self, state: RunState) -> None:
        self.view.set_dimmed(state.kind in _BUSY and self._composer.trace is not None)
        self._show_messages()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if "current" in names:
            self._offer_shapes()
            self._ask()

    def _layers_changed(self, state: LayersState, names: frozenset[str]) -> None:
        for section in self.sections:
            section.show_state(state)
        for name in names & set(self.layer_actions):
            self.layer_actions[name].setChecked(getattr(state, name))
        if self._objects is not None:
            self._objects.update(shown=state.ground_truth)
        self._ask()

    def _objects_changed(self, state: ObjectsState, names: frozenset[str] = frozenset({"rows"})) -> None:
        if names & {"rows", "shown"}:
            self._composer.truth = state.rows
            self.layers.update(ground_truth=state.shown)
            self.view.refresh()

    def _layer_toggled(self, on: bool) -> None:
        self.layers.update(**{name: action.isChecked() for name, action in self.layer_actions.items()})

    # -- asking and telling -----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Asks for anchors, and for objectness where it is shown, once for each trace, level and shape."""
        trace, scene = self._document.trace, self._composer.scene
        if trace is None or not self.isVisible():
            return
        if scene is None:
            self._document.need_anchors()
        elif self.layers.state.objectness and scene.scanned:
            level, shape = self.view.level(), self.layers.state.objectness_shape
            # another level may have fewer shapes
            shape = shape if shape is not None and shape < len(self._shapes()) else None
            wanted = _Asked(trace.key, level, shape)
            if self._asked != wanted:
                self._asked = wanted
                self._document.need_objectness(level, shape)

    def _shapes(self) -> tuple[str, ...]:
        scene = self._composer.scene
        index = scene.index(self.view.level()) if scene is not None else None
        return scene.field.shapes[index] if scene is not None and index is not None else ()

    def _offer_shapes(self) -> None:
        self._objectness.offer(self._shapes())

    def _show_messages(self) -> None:
        shown = self._document
        empty = shown.picture is None and shown.run_state.kind in ("empty", "ready")
        self.open_button.setVisible(empty)
        self.view.set_message(view_message(shown, self._composer.scene is None))

    def _show_footer(self) -> None:
        self.footer.setText(footer(self._composer, self.layers.state))


class _Asked(NamedTuple):
    """The objectness map that is shown or on its way."""

    key: str
    level: str
    shape: int | None


def _splitter(orientation: Qt.Orientation, first: QWidget, second: QWidget, sizes: tuple[int, int]) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.addWidget(first)
    splitter.addWidget(second)
    splitter.setStretchFactor(0, 1)
    splitter.setSizes(sizes)
    splitter.setChildrenCollapsible(False)
    return splitter
