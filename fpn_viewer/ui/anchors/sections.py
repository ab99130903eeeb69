"""Sections of the control strip, one per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QRadioButton, QVBoxLayout, QWidget

from fpn_viewer.core.imaging.colours import class_colour, level_colour
from fpn_viewer.ui.anchors.controls import FieldBox, MemberBox, ValueSlider, heading, swatch
from fpn_viewer.ui.anchors.marks import class_name
from fpn_viewer.ui.anchors.scene import detections_shown
from fpn_viewer.ui.anchors.state import LAYERS, NO_PROPOSALS, has_proposals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.core.geometry import Level
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.ui.anchors.scene import Scene
    from fpn_viewer.ui.anchors.state import Layers, LayersState
    from fpn_viewer.viewmodels.selection import Selection

_TOP_STEPS = 1000
_SCORE_STEPS = 100
_COLUMNS = 3

TRUTH_TIP = "Ground truth: the annotated objects, drawn by what became of each, in all tabs. Key: G"


class Section(QWidget):
    """A titled part of the strip."""

    def __init__(self, layers: Layers, title: str, tip: str = "") -> None:
        """Makes an empty section.

        Args:
            layers: the settings.
            title: its heading.
            tip: the heading's tooltip.
        """
        super().__init__()
        self.layers = layers
        self.scene: Scene | None = None
        self.trace: TraceView | None = None
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(4)
        self.column.addWidget(heading(title, tip))

    def set_data(self, trace: TraceView | None, scene: Scene | None) -> None:
        """Offers what this trace has; `scene` is None until the anchors are there."""
        self.trace, self.scene = trace, scene
        self.show_state(self.layers.state)

    def show_state(self, state: LayersState) -> None:
        """Follows the settings."""
        for field in self.findChildren(FieldBox):
            field.show_state()
        for member in self.findChildren(MemberBox):
            member.show_state()


class LayerSection(Section):
    """The layers with their keys."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers, "Layers", "What is drawn over the picture. Hold Space on the picture to hide everything.")
        self.boxes: dict[str, FieldBox] = {}
        for row in LAYERS:
            box = FieldBox(layers, row.name, f"{row.text}  ({row.key})", f"{row.tip} Key: {row.key}")
            self.boxes[row.name] = box
            self.column.addWidget(box)
        # its key is one of the window's, because it is the same in every tab
        self.column.addWidget(FieldBox(layers, "ground_truth", "Ground truth  (G)", TRUTH_TIP))
        self._proposals_tip = self.boxes["proposals"].toolTip()

    def set_data(self, trace: TraceView | None, scene: Scene | None) -> None:
        """Offers proposals where the detector makes any."""
        super().set_data(trace, scene)
        box, offered = self.boxes["proposals"], has_proposals(trace)
        box.setEnabled(offered)
        box.setToolTip(self._proposals_tip if offered else NO_PROPOSALS)


class AnchorSection(Section):
    """Filters by level, size and ratio, and the level whose cells are pointed at."""

    def __init__(self, layers: Layers, selection: Selection) -> None:
        super().__init__(layers, "Anchors", "Filters by level, size and ratio; levels also filter the proposals")
        self._selection = selection
        self._grid_host = QWidget()
        self.level = QComboBox()
        self.level.setAccessibleName("Level whose cells are pointed at")
        self.level.setToolTip(
            "The anchors of the cell under the mouse are those of this level. ↑ and ↓ change it, a click or Enter pins the cell, "
            "Shift+arrows move the pin, Esc lets it go."
        )
        self.level.activated.connect(self._level_chosen)
        selection.changed.connect(self._selection_changed)
        self.column.addWidget(self._grid_host)
        self.column.addWidget(QLabel("Cells under the mouse"))
        self.column.addWidget(self.level)

    def set_data(self, trace: TraceView | None, scene: Scene | None) -> None:
        """Offers the levels and shapes of this trace."""
        if _shapes(scene) != _shapes(self.scene) or (scene is None) != (self.scene is None):
            self._rebuild(scene)
        super().set_data(trace, scene)
        self._show_level()

    def _rebuild(self, scene: Scene | None) -> None:
        self.column.removeWidget(self._grid_host)
        self._grid_host.hide()
        self._grid_host.deleteLater()
        self._grid_host = QWidget()
        grid = QGridLayout(self._grid_host)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        if scene is not None:
            self._add(grid, "hidden_levels", [(one.name, _level_tip(one), level_colour(one.name)) for one in scene.scanned])
            self._add(grid, "hidden_sizes", [(size, f"Anchors of {size} (root of the area, net px)", "") for size in scene.sizes])
            self._add(grid, "hidden_ratios", [(ratio, f"Anchors of ratio {ratio} (height : width)", "") for ratio in scene.ratios])
        self.column.insertWidget(1, self._grid_host)
        self._grid_host.show()
        with QSignalBlocker(self.level):
            self.level.clear()
            for one in scene.scanned if scene is not None else ():
                self.level.addItem(swatch(level_colour(one.name)), f"{one.name}, cells of {one.stride[0]:g} net px", one.name)

    def _add(self, grid: QGridLayout, field: str, members: Iterable[tuple[str, str, str]]) -> None:
        first = grid.rowCount()
        for index, (member, tip, colour) in enumerate(members):
            box = MemberBox(self.layers, field, member, member, tip, colour)
            grid.addWidget(box, first + index // _COLUMNS, index % _COLUMNS)

    def _show_level(self) -> None:
        with QSignalBlocker(self.level):
            self.level.setCurrentIndex(max(0, self.level.findData(self._selection.state.current[0])))
        self.level.setEnabled(self.level.count() > 0)

    def _selection_changed(self, state: object, names: frozenset[str]) -> None:
        if "current" in names:
            self._show_level()

    def _level_chosen(self, index: int) -> None:
        self._selection.update(current=(self.level.itemData(index), self._selection.state.current[1]))


class ProposalSection(Section):
    """Before or after NMS, how many, from which score."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers, "Proposals", "Colours are those of the level an anchor belonged to")
        self.before = QRadioButton("before NMS")
        self.before.setToolTip("Candidates that survived the top-k of their level, after the RPN's regression")
        self.after = QRadioButton("after NMS")
        self.after.setToolTip("What the RPN handed to the RoI heads, after its NMS and its cap")
        self.top = ValueSlider("best", "Only the best by objectness, on a logarithmic scale", _TOP_STEPS)
        self.score = ValueSlider("objectness ≥", "Sigmoid objectness that a proposal needs to be drawn", _SCORE_STEPS)
        self.count = _count_label()
        self.before.toggled.connect(self._stage_chosen)
        self.top.moved.connect(self._top_moved)
        self.score.moved.connect(self._score_moved)
        for widget in (self.after, self.before, self.top, self.score, self.count):
            self.column.addWidget(widget)

    def total(self) -> int:
        """How many there are to choose from."""
        return len(self.scene.ranked(self.layers.state.before_nms)) if self.scene is not None else 0

    def show_state(self, state: LayersState) -> None:
        """Follows the settings, and counts."""
        super().show_state(state)
        total = self.total()
        with QSignalBlocker(self.before), QSignalBlocker(self.after):
            (self.before if state.before_nms else self.after).setChecked(True)
        top = total if state.proposals_top is None else min(state.proposals_top, total)
        place = _TOP_STEPS if top >= total or total < 2 else round(_TOP_STEPS * np.log(max(top, 1)) / np.log(total))
        self.top.show_value(place, f"{top:,}")
        self.score.show_value(round(state.proposals_score * _SCORE_STEPS), f"{state.proposals_score:.2f}")
        shown = len(self.scene.proposals(state)) if self.scene is not None else 0
        offered = has_proposals(self.trace)
        text = f"{shown:,} of {total:,} proposals shown" if self.scene is not None else "–"
        self.count.setText(text if offered else NO_PROPOSALS)
        self.setEnabled(self.scene is not None and offered)

    def _stage_chosen(self, before: bool) -> None:
        self.layers.update(before_nms=before)

    def _top_moved(self, place: int) -> None:
        self.layers.update(proposals_top=None if place >= _TOP_STEPS else max(1, round(self.total() ** (place / _TOP_STEPS))))

    def _score_moved(self, place: int) -> None:
        self.layers.update(proposals_score=place / _SCORE_STEPS)


class DetectionSection(Section):
    """Score, classes, colours and labels."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers, "Detections", "Point at a detection to see the anchor it grew from")
        self.score = ValueSlider("score ≥", "Score that a detection needs to be drawn", _SCORE_STEPS)
        self.score.moved.connect(self._score_moved)
        self.colour = QComboBox()
        self.colour.setAccessibleName("Colour of detections")
        self.colour.addItem("Colour by class", "class")
        self.colour.addItem("Colour by level of the anchor", "level")
        self.colour.activated.connect(self._colour_chosen)
        self.classes = QWidget()
        self.count = _count_label()
        labels = FieldBox(layers, "labels", "Labels", "Class and score at each detection, where there is room for them")
        for widget in (self.score, self.colour, labels, self.classes, self.count):
            self.column.addWidget(widget)

    def set_data(self, trace: TraceView | None, scene: Scene | None) -> None:
        """Lists the classes that were detected."""
        if trace is not self.trace:
            self._rebuild(trace)
        super().set_data(trace, scene)

    def show_state(self, state: LayersState) -> None:
        """Follows the settings, and counts."""
        super().show_state(state)
        self.score.show_value(round(state.detections_score * _SCORE_STEPS), f"{state.detections_score:.2f}")
        self.colour.setCurrentIndex(self.colour.findData(state.colour_by))
        if self.trace is not None:
            self.count.setText(f"{len(detections_shown(self.trace, state)):,} of {len(self.trace.detections):,} detections shown")
        else:
            self.count.setText("–")
        self.setEnabled(self.trace is not None)

    def _rebuild(self, trace: TraceView | None) -> None:
        place = self.column.indexOf(self.classes)
        self.column.removeWidget(self.classes)
        self.classes.hide()
        self.classes.deleteLater()
        self.classes = QWidget()
        column = QVBoxLayout(self.classes)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        found, counts = np.unique(trace.detections.labels, return_counts=True) if trace is not None else ((), ())
        for label, count in zip(found, counts, strict=True):
            name = class_name(trace, int(label)) if trace is not None else ""
            tip = f"Detections of class {name}"
            box = MemberBox(self.layers, "hidden_classes", int(label), f"{name}  {count:,}", tip, class_colour(int(label)))
            column.addWidget(box)
        self.column.insertWidget(place, self.classes)
        self.classes.show()

    def _score_moved(self, place: int) -> None:
        self.layers.update(detections_score=place / _SCORE_STEPS)

    def _colour_chosen(self, index: int) -> None:
        self.layers.update(colour_by=self.colour.itemData(index))


class ObjectnessSection(Section):
    """Whose objectness the map shows."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers, "Objectness", "A map of the level chosen above (↑ ↓); Ctrl+wheel changes its opacity")
        self.shape = QComboBox()
        self.shape.setAccessibleName("Anchor shape of the objectness map")
        self.shape.setToolTip("The map of one anchor shape, or for every cell the best of its shapes")
        self.shape.activated.connect(self._shape_chosen)
        self.column.addWidget(self.shape)
        self._offered: tuple[str, ...] = ()

    def offer(self, shapes: tuple[str, ...]) -> None:
        """Offers the anchor shapes of the level shown."""
        if shapes == self._offered:
            return
        self._offered = shapes
        with QSignalBlocker(self.shape):
            self.shape.clear()
            self.shape.addItem("best of all shapes", None)
            for index, label in enumerate(shapes):
                self.shape.addItem(label, index)
        self.show_state(self.layers.state)

    def show_state(self, state: LayersState) -> None:
        """Follows the settings."""
        super().show_state(state)
        chosen = state.objectness_shape
        with QSignalBlocker(self.shape):
            self.shape.setCurrentIndex(0 if chosen is None or chosen >= len(self._offered) else chosen + 1)
        self.setEnabled(self.scene is not None)

    def _shape_chosen(self, index: int) -> None:
        self.layers.update(objectness_shape=self.shape.itemData(index))


def _count_label() -> QLabel:
    label = QLabel("–")
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard)
    return label


def _shapes(scene: Scene | None) -> tuple[object, ...]:
    return (scene.levels, scene.field.shapes) if scene is not None else ()


def _level_tip(level: Level) -> str:
    (h, w), cells, anchors = level.size, level.stride, level.anchor_stride
    tip = f"{level.name}: {h}×{w} cells of {cells[0]:g} net px, {h * w * level.anchor_shapes:,} anchors."
    if tuple(map(float, anchors)) == tuple(map(float, cells)):
        return tip
    return (
        f"{tip} Its cells step by {cells[0]:g} net px but its anchors by {anchors[0]} (down) and {anchors[1]} (right): torchvision "
        "divides the padded picture by the map's size and rounds down, so that anchors drift away from their cells."
    )
