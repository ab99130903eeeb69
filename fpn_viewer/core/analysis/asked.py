"""Checks a question about an object before it is answered; every refusal is one sentence."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.stages import Question
from fpn_viewer.core.errors import QuestionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace


def ask(trace: Trace, box_img: Sequence[float], label: int | str | None, iou: float) -> Question:
    """A question that can be answered.

    Args:
        trace: of any family.
        box_img: xyxy image px; it may reach over the picture's edge.
        label: a class, its name, or None for any.
        iou: overlap from which a box counts as near.

    Raises:
        QuestionError: the box, the class or the overlap cannot be asked about, or nothing detects objects here.
    """
    if not trace.spec.kind.detects:
        raise QuestionError(
            f"{trace.spec.name} is a pyramid without a head: it detects nothing, so there is nothing to ask about objects. "
            "An adapter with answers() adds the head."
        )
    box = checked_box(box_img, trace.image_size)
    check_overlap(iou)
    return Question(trace, box, None if label is None else checked_label(trace, label), float(iou))


def check_overlap(iou: float) -> None:
    """Refuses what is no IoU from which a box may count.

    Raises:
        QuestionError: it is not above 0 and up to 1.
    """
    if not isfinite(iou) or not 0 < iou <= 1:
        raise QuestionError(f"An overlap of {iou:g} cannot be asked for; give an IoU above 0 and up to 1, as 0.5.")


def checked_box(box_img: Sequence[float], image_size: tuple[int, int]) -> Box:
    """Four finite numbers with area that touch the picture.

    Args:
        box_img: xyxy image px.
        image_size: (H, W) image px.

    Raises:
        QuestionError: they are not.
    """
    box, (height, width) = _four_numbers(box_img), image_size
    x1, y1, x2, y2 = box
    words = f"The box {x1:g},{y1:g},{x2:g},{y2:g}"
    if x2 <= x1 or y2 <= y1:
        raise QuestionError(f"{words} has no area; give left, top, right, bottom, with right beyond left and bottom below top.")
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        raise QuestionError(f"{words} lies outside the picture, which is {width}×{height} px; give a box that touches it.")
    return box


def _four_numbers(box_img: Sequence[float]) -> Box:
    try:
        values = tuple(float(v) for v in box_img)
    except (TypeError, ValueError) as error:
        raise QuestionError(f"{box_img!r} is not a box; give four numbers: left, top, right, bottom, in picture px.") from error
    if len(values) != 4:
        raise QuestionError(f"A box has four numbers (left, top, right, bottom, in picture px), not {len(values)}.")
    if not all(isfinite(v) for v in values):
        raise QuestionError("A number of the box is NaN or infinite; give left, top, right, bottom in picture px.")
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


def checked_label(trace: Trace, label: int | str) -> int:
    """The number of a class.

    Raises:
        QuestionError: the detector has no such class.
    """
    names, first = trace.spec.class_names, 0 if trace.spec.kind.one_stage else 1
    known = range(first, len(names))
    if isinstance(label, str):
        found = [k for k in known if names[k] == label] or [k for k in known if names[k].casefold() == label.casefold()]
    else:
        found = [k for k in known if k == label]
    if not found:
        what = repr(label) if isinstance(label, str) else f"class {label}"
        raise QuestionError(f"{trace.spec.name} does not know {what}; its classes are: {', '.join(names[first:])}.")
    return found[0]
