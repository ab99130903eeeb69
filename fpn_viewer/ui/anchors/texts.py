"""Sentences of the tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.ui.anchors.scene import detections_shown

if TYPE_CHECKING:
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.ui.anchors.composer import Composer
    from fpn_viewer.ui.anchors.state import LayersState
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.states import RunState

#: what to do next, by the kind of `RunState`, while there is no trace to show
_NO_TRACE = {
    "empty": "Open a picture to see the detector's anchors on it (Ctrl+O)",
    "loading": "Reading the picture …",
    "opening": "Opening the detector …",
    "running": "Running the detector …",
    "ready": "Run the detector to see its anchors (F5)",
    "cancelled": "Cancelled. Run the detector to see its anchors (F5)",
}


def view_message(document: Document, anchors_missing: bool) -> str:
    """What the middle of the view says instead of, or over, its boxes; "" when there is nothing to say."""
    state = document.run_state
    if document.trace is not None:
        return busy(state) or ("Fetching the anchors …" if anchors_missing else "")
    if document.picture is None and state.kind == "ready":
        return _NO_TRACE["empty"]
    if document.detector is None and state.kind == "ready":
        return "Open a detector to see its anchors (Ctrl+K)"
    return state.text if state.kind == "failed" else busy(state) or _NO_TRACE[state.kind]


def follows_notice(trace: TraceView | None) -> str:
    """From where the replay cannot follow the detector, or ""."""
    if trace is None or trace.follows is None:
        return ""
    stage, why = trace.follows.stage, trace.follows.why.rstrip(".")
    return (
        f"The replay cannot follow this detector from {stage} on: {why}. Anchors, their objectness and what comes before {stage} "
        "are the detector's own; fates after it are not known. Proposals after NMS and detections are the detector's own as well."
    )


def nothing_notice(trace: TraceView | None) -> str:
    """A sentence when nothing was detected, or ""."""
    if trace is None or len(trace.detections):
        return ""
    what = f"{trace.anchors_count:,} anchors" if trace.spec.kind.one_stage else f"{trace.proposals_count:,} proposals"
    return f"Nothing was detected: of {what} none has a class above {trace.settings.box_score_thresh:g} (box_score_thresh)."


def footer(composer: Composer, state: LayersState) -> str:
    """What is in view, in numbers."""
    parts = []
    for name, layer in composer.layers.items():
        if layer.boxes is not None and layer.raster is not None:
            how = ", as density" if layer.raster.top else ""
            parts.append(f"{layer.raster.visible:,} of {len(layer.boxes):,} {name} in view{how}")
    if composer.trace is not None and state.detections:
        shown, total = len(detections_shown(composer.trace, state)), len(composer.trace.detections)
        parts.append(f"{shown:,} of {total:,} detections shown")
    return "  ·  ".join(parts)


def busy(state: RunState) -> str:
    """What the worker is at, with its progress; "" while it is at rest."""
    if state.kind not in ("opening", "running") or not state.stage:
        return ""
    return f"{state.stage} … {state.fraction:.0%}"
