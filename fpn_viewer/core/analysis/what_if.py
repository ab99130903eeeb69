"""What-ifs: a trace under other gains and settings, computed again from the first part that they touch."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.images import Picture
from fpn_viewer.core.tracing.resume import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.core.geometry import Box, Size
    from fpn_viewer.core.necks.graph import Gains
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

#: the first part of the forward that a setting touches
TOUCHES: dict[str, str] = {
    "min_size": "forward",
    "max_size": "forward",
    "image_mean": "forward",
    "image_std": "forward",
    "anchor_sizes": "neck",
    "aspect_ratios": "neck",
    "rpn_pre_nms_top_n": "rpn",
    "rpn_post_nms_top_n": "rpn",
    "rpn_nms_thresh": "rpn",
    "rpn_score_thresh": "rpn",
    "box_score_thresh": "heads",
    "box_nms_thresh": "heads",
    "box_detections_per_img": "heads",
    "topk_candidates": "heads",
}


def what_if(
    trace: Trace, *, gains: Gains | None = None, settings: Mapping[str, object] | None = None, watcher: Watcher | None = None
) -> Trace:
    """The trace as it would be under other gains and settings.

    Args:
        trace: of a detector that is at hand.
        gains: factor on a term by (node, term); all that are to be in force, as `Detector.trace` takes them.
        settings: all that are to differ from the detector's own, by name.
        watcher: told of progress between layers, and may stop.

    Returns:
        A whole trace; `began` and `times` say what was computed for it. It is equal to a new forward bit for bit, but for
        proposals that other `rpn_…` settings let in anew: their last bits may differ. The trace itself when nothing changes.

    Raises:
        QuestionError: the trace came from a file.
        SettingError: a gain or a setting does not exist or does not fit.
        DeviceError: the device ran out of memory.
    """
    detector, picture = at_hand(trace)
    in_force = trace.spec.settings_with(dict(settings or {}))
    gains = dict(gains or {})
    trace.graph.check_gains(gains)
    part = first_part(trace, gains, in_force)
    if part is None:
        return trace
    if part == "forward":
        return detector.trace(picture, gains=gains, settings=settings, watcher=watcher)
    return detector.resume(trace, part, gains, in_force, watcher)


def first_part(trace: Trace, gains: Gains, settings: Settings) -> str | None:
    """The first part that must be computed again, one of `resume.PARTS`; None when nothing changes.

    A model that selects in a way of its own may do anything in its forward, so that is run as a whole; so is one in which the part
    cannot be told from what lies before it.
    """
    touched = {TOUCHES[name] for name in changed_settings(trace.settings, settings)}
    if _scaling(gains) != _scaling(trace.gains):
        touched.add("neck")
    if not touched:
        return None
    part = min(touched, key=PARTS.index)
    known = PARTS if trace.detector is None else trace.detector.anatomy.parts
    return "forward" if trace.follows is not None or part not in known else part


def changed_settings(before: Settings, after: Settings) -> dict[str, object]:
    """Settings whose values differ, with the value after."""
    return {name: getattr(after, name) for name in TOUCHES if getattr(after, name) != getattr(before, name)}


def _scaling(gains: Gains) -> dict[tuple[str, str], float]:
    return {term: factor for term, factor in gains.items() if factor != 1}


def at_hand(trace: Trace) -> tuple[Detector, Picture]:
    """The detector that made a trace, and the picture.

    Raises:
        QuestionError: the trace came from a file.
    """
    if trace.detector is None or trace.picture is None:
        raise QuestionError(
            f"this trace of {trace.source} was read from a file, without the detector that made it; "
            "open the detector and run the picture again to try changes."
        )
    return trace.detector, trace.picture


def zoom_in(
    trace: Trace, region_img: Box, *, settings: Mapping[str, object] | None = None, watcher: Watcher | None = None
) -> Trace:
    """The forward over a region of the picture, which then fills the network's input.

    A box of the result is in px of the region: add the region's first corner, `whole_pixels(region_img, trace.image_size)[:2]`,
    to have it in px of the picture.

    Args:
        trace: of the whole picture; its gains stay in force.
        region_img: xyxy image px; widened to whole pixels and cut to the picture.
        settings: all that are to differ from the detector's own; those of the trace when None.
        watcher: told of progress between layers, and may stop.

    Raises:
        QuestionError: the trace came from a file, or no pixel lies in the region.
        SettingError: a setting does not exist or does not fit.
        DeviceError: the device ran out of memory.
    """
    detector, picture = at_hand(trace)
    if settings is None:
        settings = changed_settings(trace.spec.settings, trace.settings)
    return detector.trace(cut_out(picture, region_img), gains=trace.gains, settings=settings, watcher=watcher)


def whole_pixels(region_img: Box, size: Size) -> tuple[int, int, int, int]:
    """A region widened to whole pixels and cut to a picture of `size` (H, W): xyxy image px.

    Raises:
        QuestionError: no pixel lies in it.
    """
    x1, y1, x2, y2 = region_img
    out = max(0, floor(x1)), max(0, floor(y1)), min(size[1], ceil(x2)), min(size[0], ceil(y2))
    if out[0] >= out[2] or out[1] >= out[3]:
        raise QuestionError(
            f"the region {x1:g}, {y1:g}, {x2:g}, {y2:g} holds no pixel of the picture ({size[1]}×{size[0]} px); draw it inside."
        )
    return out


def cut_out(picture: Picture, region_img: Box) -> Picture:
    """A region of a picture as a picture of its own, named after both.

    Raises:
        QuestionError: no pixel lies in it.
    """
    x1, y1, x2, y2 = whole_pixels(region_img, picture.size)
    return Picture(picture.pixels[y1:y2, x1:x2].copy(), f"{picture.source} [{x1}, {y1}, {x2}, {y2}]", picture.notes)


class _Stopping:
    """Passes on a watcher's wish to stop, and keeps the progress of one run among many to itself."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def check(self) -> None:
        """Raises when the watcher wants to stop."""
        self._watcher.check()

    def report(self, stage: str, fraction: float) -> None:
        """Is not told on."""

    def pause(self) -> None:
        """Between two runs: is told on."""
        self._watcher.pause()


def stopping(watcher: Watcher | None) -> Watcher | None:
    """A watcher for one run among many, whose progress means nothing by itself."""
    return None if watcher is None else _Stopping(watcher)
