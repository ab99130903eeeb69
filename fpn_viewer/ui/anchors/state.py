"""Which layers of the tab are shown and what their filters let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from fpn_viewer.engine.values import TraceView


@dataclass(frozen=True)
class LayersState:
    """The control strip's settings; what is hidden is listed, so that another detector starts with everything shown.

    Attributes:
        anchors: the layer is shown.
        proposals: the layer is shown.
        detections: the layer is shown.
        objectness: the layer is shown.
        hidden_levels: names of levels whose anchors and proposals are not drawn.
        hidden_sizes: anchor sizes not drawn, "32 px".
        hidden_ratios: anchor ratios not drawn, "1:2".
        objectness_shape: which of a cell's anchors the objectness is of; None for the best of all.
        before_nms: proposals are the candidates that survived the top-k; otherwise what the RPN handed over.
        proposals_top: so many of the best are drawn; None for all.
        proposals_score: sigmoid objectness that a proposal needs, 0..1.
        detections_score: score that a detection needs, 0..1.
        hidden_classes: labels not drawn.
        colour_by: "class" or "level": what a detection's colour says.
        labels: detections carry class and score.
        ground_truth: the annotated objects are shown; the same in every tab.
    """

    anchors: bool = False
    proposals: bool = False
    detections: bool = True
    objectness: bool = False
    hidden_levels: frozenset[str] = frozenset()
    hidden_sizes: frozenset[str] = frozenset()
    hidden_ratios: frozenset[str] = frozenset()
    objectness_shape: int | None = None
    before_nms: bool = False
    proposals_top: int | None = None
    proposals_score: float = 0.0
    detections_score: float = 0.0
    hidden_classes: frozenset[int] = frozenset()
    colour_by: str = "class"
    labels: bool = True
    ground_truth: bool = True


#: the settings that anchors and proposals depend on; the others only change what is painted over them
BOX_FIELDS = frozenset(
    {"anchors", "proposals", "hidden_levels", "hidden_sizes", "hidden_ratios", "before_nms", "proposals_top", "proposals_score"}
)


@dataclass(frozen=True)
class LayerRow:
    """One layer of the tab.

    Attributes:
        name: field of `LayersState`.
        key: toggles it.
        text: in the strip.
        tip: the paper's term in a sentence.
    """

    name: str
    key: str
    text: str
    tip: str


LAYERS: tuple[LayerRow, ...] = (
    LayerRow(
        "anchors",
        "A",
        "Anchors",
        "Anchors (Faster R-CNN, 3.1): the boxes of fixed size and ratio, around every cell, that the RPN refines and scores.",
    ),
    LayerRow(
        "proposals",
        "R",
        "Proposals",
        "Region proposals: anchors after the RPN's regression that survived its selection and go to the RoI heads.",
    ),
    LayerRow("detections", "D", "Detections", "Detections: what the detector itself answered, after the RoI heads' NMS and cap."),
    LayerRow(
        "objectness",
        "O",
        "Objectness",
        "Objectness: the RPN's probability, 0 to 1, that an anchor of a cell covers some object (sigmoid of its logit). In a "
        "one-stage detector, which has no RPN, the score of the anchor's best class.",
    ),
)


#: why a one-stage detector has no such layer
NO_PROPOSALS = "This detector works in one stage: it classifies every anchor at once and proposes nothing before."


def has_proposals(trace: TraceView | None) -> bool:
    """Whether there may be proposals: not in a trace of a one-stage detector."""
    return trace is None or not trace.spec.kind.one_stage


class Layers(Observable[LayersState]):
    """The settings of the tab; see `LayersState`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(LayersState(), parent)

    def toggle(self, layer: str) -> None:
        """Shows or hides a layer, by its name in `LAYERS`."""
        self.update(**{layer: not getattr(self.state, layer)})

    def set_hidden(self, field: str, member: object, hidden: bool) -> None:
        """Adds a member to one of the `hidden_…` sets, or takes it out."""
        members = getattr(self.state, field)
        self.update(**{field: members | {member} if hidden else members - {member}})
