"""The stages of a detector in words, wherever they are written: the window, the command line and reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageWords:
    """How a stage is written.

    Attributes:
        title: two or three words.
        tip: what it does, one sentence.
        setting: of `Settings`, what its limit is; "" where none is.
    """

    title: str
    tip: str
    setting: str = ""


STAGE_WORDS: dict[str, StageWords] = {
    "resize": StageWords("Resize", "The picture is scaled before the network sees it; the number is the object's shorter side."),
    "anchors": StageWords("Anchors", "The boxes that the detector starts from, of a few fixed sizes in every cell."),
    "rpn_regression": StageWords("RPN boxes", "The RPN moves every anchor towards what it takes for an object."),
    "rpn_top_k": StageWords("RPN top-k", "Of each level, only the best by objectness go on.", "rpn_pre_nms_top_n"),
    "rpn_min_size": StageWords("RPN min size", "Boxes of which nothing is left inside the picture are dropped."),
    "rpn_score": StageWords("RPN score", "Boxes of low objectness are dropped.", "rpn_score_thresh"),
    "rpn_nms": StageWords("RPN NMS", "Of two boxes of one level that overlap too much the weaker goes.", "rpn_nms_thresh"),
    "rpn_cap": StageWords("RPN cap", "Of all levels together, only the best by objectness become proposals.", "rpn_post_nms_top_n"),
    "box_regression": StageWords("Box head", "The head moves every box once more, for each class by itself."),
    "class_score": StageWords("Class score", "Boxes whose score for the class is too low are dropped.", "box_score_thresh"),
    "top_k": StageWords("Top-k", "Of each level, only the best pairs of anchor and class go on.", "topk_candidates"),
    "min_size": StageWords("Min size", "Boxes of which nothing is left inside the picture are dropped."),
    "nms": StageWords("NMS", "Of two boxes of one class that overlap too much the weaker goes.", "box_nms_thresh"),
    "cap": StageWords("Cap", "Of all classes together, only the best by score become detections.", "box_detections_per_img"),
    "detected": StageWords("Detected", "A detection of its class overlaps it enough."),
}


def stage_title(name: str) -> str:
    """A stage as it is written; a stage nobody has described keeps its technical name."""
    return STAGE_WORDS[name].title if name in STAGE_WORDS else name
