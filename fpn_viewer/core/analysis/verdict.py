"""From what a family measured to a judgement: who lost the object, what that is called, here and elsewhere, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.common_stages import matching_detection
from fpn_viewer.core.analysis.line import Rival
from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.analysis.readers import class_name
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import Stage, Suppressor
    from fpn_viewer.core.analysis.stages import Question, Reading

#: killer to outcome; "class_score" is told apart by what its boxes were taken for
OUTCOME_OF: dict[str, str] = {
    "rpn_regression": "never proposed",
    "rpn_top_k": "never proposed",
    "rpn_min_size": "never proposed",
    "rpn_score": "never proposed",
    "rpn_nms": "suppressed",
    "rpn_cap": "capped",
    "box_regression": "badly placed",
    "class_score": "background",
    "min_size": "badly placed",
    "top_k": "capped",
    "nms": "suppressed",
    "cap": "capped",
    "detected": "badly placed",
}

#: killer to the name in csiro-robotics' fn_mechanisms (fn_identifier_tools.py). It asks for a score of 0.3 where ours follows the
#: detector's own threshold; what its tree says of a box that scored enough is "classifier calibration", whatever removed it
MECHANISM_OF: dict[str, str] = {
    **dict.fromkeys(("rpn_regression", "rpn_top_k", "rpn_min_size", "rpn_score", "rpn_nms", "rpn_cap"), "proposal process"),
    "box_regression": "regressor",
    **dict.fromkeys(("min_size", "top_k", "nms", "cap", "detected"), "classifier calibration"),
}
_CLASSIFIED: dict[str, str] = {
    "background": "background classification",
    "other class": "interclass",
    "badly placed": "regressor",
}

#: what a person reads first, by killer; {name} is the object's class
HEADLINES: dict[str, str] = {
    "rpn_regression": "Never proposed, because the RPN moved no anchor onto it",
    "rpn_top_k": "Never proposed, because its boxes ranked too low in their level",
    "rpn_min_size": "Never proposed, because its boxes were too small for the RPN",
    "rpn_score": "Never proposed, because its objectness was under the RPN's limit",
    "rpn_nms": "Suppressed in the RPN by a stronger proposal",
    "rpn_cap": "Capped, because too many proposals were stronger",
    "box_regression": "Badly placed, because no regressed box overlaps it enough",
    "class_score": "Taken for background",
    "min_size": "Badly placed, because its boxes shrank to nothing",
    "top_k": "Capped, because too many boxes of its level scored higher",
    "nms": "Suppressed by a stronger detection of its class",
    "cap": "Capped, because too many detections scored higher",
    "detected": "Badly placed, because its detection does not overlap it enough",
}

#: TIDE's background threshold: a detection that overlaps less has nothing to do with the object
TIDE_BACKGROUND = 0.1


@dataclass(frozen=True)
class Judgement:
    """What is said about an object.

    Attributes:
        stages: with their states.
        killer: stage that lost it; None when detected.
        outcome: a key of `line.OUTCOMES`.
        verdict: one sentence.
        rival: detection that covers it without counting.
        detection: row of the detection that counts.
        mechanism: in fn_mechanisms.
        tide: in TIDE.
    """

    stages: tuple[Stage, ...]
    killer: str | None
    outcome: str
    verdict: str
    rival: Rival | None
    detection: int | None
    mechanism: str
    tide: str


def judge(question: Question, reading: Reading, factors: tuple[str, ...], others_img: NDArray[np.float64]) -> Judgement:
    """Who lost the object, in which words.

    Args:
        question: the object.
        reading: what its family measured.
        factors: what made it harder; goes to the end of a verdict that is no detection.
        others_img: (N, 4) other objects of the picture, xyxy image px.
    """
    detection, diverged = matching_detection(question), question.trace.follows
    killer = find_killer(reading, None if diverged is None else diverged.stage) if detection is None else None
    outcome = _outcome(killer, reading, None if diverged is None else diverged.stage)
    stages = _with_states(reading.stages, killer, outcome, None if diverged is None else diverged.stage)
    rival = _rival(question) if detection is None else taken(question, detection, others_img)
    if killer is None:
        verdict = detected_verdict(question, reading, rival)
    elif outcome == "unknown":
        verdict = f"Not detected, and from {killer} on it cannot be said why: {diverged.why if diverged else ''}"
    else:
        verdict = _lost_verdict(question, reading, killer, outcome, rival, factors)
    mechanism = "" if killer is None or outcome == "unknown" else MECHANISM_OF.get(killer) or _CLASSIFIED[outcome]
    return Judgement(stages, killer, outcome, verdict, rival, detection, mechanism, _tide(question) if killer else "")


def find_killer(reading: Reading, diverged: str | None) -> str:
    """The stage that lost an object that was not detected.

    Args:
        reading: what its family measured.
        diverged: stage from which the replay does not follow the model, or None.

    Returns:
        The first stage without survivors. Where the box head has boxes near the object, only what comes behind it is looked at: a
        proposal that lay badly was refined. The stage of the divergence when the object had survived until then.
    """
    names = [stage.name for stage in reading.stages]
    mortal = [stage for stage in reading.stages if stage.state != "info"]
    if reading.revives:
        turn = names.index(reading.revives)
        revived = reading.stages[turn].survivors > 0
        mortal = [stage for stage in mortal if (names.index(stage.name) > turn) == revived]
    killer = next(stage.name for stage in mortal if not stage.survivors)
    if diverged is not None and names.index(diverged) <= names.index(killer):
        return diverged
    return killer


def _outcome(killer: str | None, reading: Reading, diverged: str | None) -> str:
    if killer is None:
        return "detected"
    if killer == diverged:
        return "unknown"
    if killer == "class_score" and reading.rival_class is not None:
        return "other class"
    if killer == "class_score" and reading.strayed is not None:
        return "badly placed"
    return OUTCOME_OF[killer]


def _with_states(stages: tuple[Stage, ...], killer: str | None, outcome: str, diverged: str | None) -> tuple[Stage, ...]:
    names = [stage.name for stage in stages]
    end = len(names) if killer is None else names.index(killer)
    unknown = len(names) if diverged is None else names.index(diverged)

    def state(index: int, stage: Stage) -> str:
        if stage.state == "info":
            return "info"
        if index >= unknown and stage.name != "detected":
            return "unknown"
        if index == end and outcome != "unknown":
            return "killer"
        return "after" if index >= end else "passed"

    states = [state(index, stage) for index, stage in enumerate(stages)]
    return tuple(stage if stage.state == now else _with_state(stage, now) for stage, now in zip(stages, states, strict=True))


def _with_state(stage: Stage, state: str) -> Stage:
    # `dataclasses.replace` builds every field again, which for the ten stages behind a killer is felt
    out = object.__new__(type(stage))
    vars(out).update(vars(stage), state=state)
    return out


# -- detections around it ----------------------------------------------------------------------------------------------


def _rival(question: Question) -> Rival | None:
    """The best detection near it of another class, else the one of its class that covers it too little."""
    found = question.trace.detections
    iou, asked = question.detected_iou, question.detected_asked
    wrong = np.flatnonzero(~asked & (iou >= question.iou))
    if len(wrong):
        return _rival_of(question, int(wrong[found.scores[wrong].argmax()]), "other class")
    loose = np.flatnonzero(asked & (iou >= TIDE_BACKGROUND) & (iou < question.iou))
    return _rival_of(question, int(loose[iou[loose].argmax()]), "badly placed") if len(loose) else None


def taken(question: Question, detection: int, others_img: NDArray[np.float64]) -> Rival | None:
    """The object's own detection, where it fits one of the other objects better."""
    box = question.trace.detections.boxes_img[detection]
    own = float(question.detected_iou[detection])
    return _rival_of(question, detection, "taken") if iou_with(others_img, box).max(initial=0.0) > own else None


def _rival_of(question: Question, row: int, why: str) -> Rival:
    found = question.trace.detections
    x1, y1, x2, y2 = (float(v) for v in found.boxes_img[row])
    score, iou = float(found.scores[row]), float(question.detected_iou[row])
    return Rival(row, (x1, y1, x2, y2), int(found.labels[row]), score, iou, why)


def _tide(question: Question) -> str:
    """TIDE's name: that of the detection nearest to counting, in the order in which a missed object is covered by one."""
    iou, asked = question.detected_iou, question.detected_asked
    if (~asked & (iou >= question.iou)).any():
        return "Cls"
    touched = iou >= TIDE_BACKGROUND
    if (asked & touched).any():
        return "Loc"
    return "Both" if touched.any() else "Miss"


# -- words --------------------------------------------------------------------------------------------------------------


def detected_verdict(question: Question, reading: Reading, rival: Rival | None) -> str:
    """The sentence about an object that was detected.

    Args:
        question: the object.
        reading: what its family measured; "detected" comes last.
        rival: as `taken` gives it.
    """
    clauses = [f"Detected: {_lowered(reading.stages[-1].sentence)}", *_refined(reading)]
    if rival is not None:
        clauses.append("it fits another object of the picture better, and an evaluation may count it for that one")
    return _sentence(clauses)


def _lost_verdict(
    question: Question, reading: Reading, killer: str, outcome: str, rival: Rival | None, factors: tuple[str, ...]
) -> str:
    stage = next(stage for stage in reading.stages if stage.name == killer)
    clauses = [f"{_headline(question, reading, killer, outcome)} ({killer}): {_lowered(stage.sentence)}"]
    by = reading.suppressors.get(killer)
    clauses += [*_refined(reading), *_by_whom(by)]
    # where the suppressor is itself what covers the object, it has been named
    if rival is not None and not (by is not None and by.label == rival.label and abs(by.iou_object - rival.iou) < 1e-4):
        clauses.append(_rival_clause(question, rival))
    clauses += factors
    return _sentence(clauses)


def _headline(question: Question, reading: Reading, killer: str, outcome: str) -> str:
    if outcome == "other class" and reading.rival_class is not None:
        label, score = reading.rival_class
        return f"Taken for {class_name(question.trace, label)} with score {significant(score)}"
    if killer == "class_score" and outcome == "badly placed":
        return f"Badly placed, because its own class's box was moved away to IoU {significant(reading.strayed or 0.0)}"
    return HEADLINES[killer]


def _refined(reading: Reading) -> list[str]:
    """Says so where the RPN had nothing near the object and the box head mended that."""
    if not reading.revives:
        return []
    turn = [stage.name for stage in reading.stages].index(reading.revives)
    lost = [stage.name for stage in reading.stages[:turn] if stage.state != "info" and not stage.survivors]
    if not lost or not reading.stages[turn].survivors:
        return []
    return [f"no proposal overlapped it enough after {lost[0]}, but the box head refined a badly placed one"]


def _by_whom(by: Suppressor | None) -> list[str]:
    if by is None:
        return []
    where = f" grew from an anchor on {by.level} (row {by.cell[0]}, column {by.cell[1]}) and" if by.cell else ""
    return [f"the stronger one{where} overlaps the object by IoU {significant(by.iou_object)}"]


def _rival_clause(question: Question, rival: Rival) -> str:
    name = class_name(question.trace, rival.label)
    return f"a detection of {name} with score {significant(rival.score)} overlaps it by IoU {significant(rival.iou)}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def _sentence(clauses: list[str]) -> str:
    return "; ".join(clauses) + "."
