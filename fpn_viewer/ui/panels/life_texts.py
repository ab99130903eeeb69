"""The life line in words and numbers: what the panel writes, what its tooltips say and what is copied. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.words import STAGE_WORDS, stage_title
from fpn_viewer.core.numbers import percent, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.analysis.line import LifeLine, Sizes, Stage, Suppressor, Training


STATES: dict[str, str] = {
    "info": "It informs and never loses an object.",
    "passed": "The object got past it.",
    "killer": "The object was lost here.",
    "after": "The object was lost before; nothing of it came here.",
    "unknown": "The replay cannot follow this detector here.",
}

MECHANISMS_TIP = (
    "fn_mechanisms (csiro-robotics) sorts missed objects by five causes: proposal process, regressor, interclass "
    "classification, background classification, classifier calibration."
)
TIDE_TIP = (
    "TIDE (Bolya et al. 2020) sorts a detector's errors: Cls, Loc, Both, Dupe, Bkg and Miss. An object that a detection of "
    "another class or at a bad place covers counts as Cls or Loc, not as Miss."
)

ROI_TIP = "Width × height in cells of this level. RoI: the box head reads a proposal of this size from this level"


@dataclass(frozen=True)
class Fact:
    """One row of a small table.

    Attributes:
        name: what it is.
        value: the number with its unit.
        note: said of it, muted.
        tip: one sentence.
        level: whose colour marks the row, "" for none.
        warn: it should not be overlooked.
    """

    name: str
    value: str
    note: str = ""
    tip: str = ""
    level: str = ""
    warn: bool = False


def number_text(stage: Stage) -> str:
    """The deciding number against its limit: "1,342 / 1,000", "0.712 > 0.700", "13.2 px"; "" when there is none."""
    value, limit = stage.value, stage.limit
    if value is None:
        return ""
    if stage.unit == "rank":
        return f"{round(value):,}" if limit is None else f"{round(value):,} / {round(limit):,}"
    after = " px" if stage.unit == "px" else ""
    if limit is None:
        return f"{significant(value)}{after}"
    left, right = told_apart(value, limit, stage.unit)
    return f"{left} {_relation(value, limit)} {right}{after}"


def full_number_text(stage: Stage) -> str:
    """The same with its unit in front: "IoU 0.712 > 0.700"."""
    text = number_text(stage)
    words = {"rank": "rank", "IoU": "IoU", "score": "score"}
    return f"{words[stage.unit]} {text}" if text and stage.unit in words else text


def told_apart(value: float, limit: float, unit: str) -> tuple[str, str]:
    """A number with three significant digits, or with as many more as it takes to see that it differs from its limit; the limit.

    Limits are exact, as the settings have them; overlaps are padded, so that they compare under each other.
    """
    short = f"{limit:g}"
    for digits in range(3, 9):
        left = significant(value, digits)
        right = significant(limit, digits) if unit == "IoU" else short
        if value == limit or (left != right and left != significant(limit, digits)):
            break
    return left, right


def _relation(value: float, limit: float) -> str:
    return "=" if value == limit else "<" if value < limit else ">"


def margin_text(stage: Stage) -> str:
    """How far on which side of the limit: "342 places too late", "0.0123 over the limit", "3.40 px to spare"; or ""."""
    if stage.margin is None or stage.value is None or stage.limit is None:
        return ""
    size, rank = abs(stage.margin), stage.unit == "rank"
    number = f"{round(size):,} place{'s' * (round(size) != 1)}" if rank else significant(size)
    unit = " px" if stage.unit == "px" else ""
    side = "over the limit" if stage.value > stage.limit else "short of the limit"
    return f"{number}{unit} {'to spare' if stage.margin >= 0 else 'too late' if rank else side}"


def stage_tip(stage: Stage) -> str:
    """Technical name, what the stage does, what it did, and how close it was."""
    words = STAGE_WORDS.get(stage.name)
    limit = "" if words is None or not words.setting else f"  ·  {words.setting}"
    lines = [f"{stage.name}{limit}", words.tip if words else "", STATES.get(stage.state, ""), stage.sentence, survivors_text(stage)]
    if margin_text(stage):
        lines.append(f"Margin: {margin_text(stage)}.")
    return "\n".join(line for line in lines if line)


def survivors_text(stage: Stage) -> str:
    """How many candidates near the object are left, and on which levels."""
    if stage.state == "unknown":
        return ""
    levels = ", ".join(f"{name} {count:,}" for name, count in stage.by_level.items() if count)
    boxes = "anchor" if stage.name in ("resize", "anchors") else "candidate"
    return f"{stage.survivors:,} {boxes}{'s' * (stage.survivors != 1)} near it{f' ({levels})' if levels else ''}."


def stage_spoken(stage: Stage) -> str:
    """A row in words, for a screen reader."""
    number = full_number_text(stage)
    return ". ".join(
        part for part in (stage_title(stage.name), STATES.get(stage.state, "").rstrip("."), number, stage.sentence) if part
    )


def suppressor_text(found: Suppressor, class_names: Sequence[str]) -> str:
    """Who removed the object's best box: "Suppressed by car 0.910 at P3 (12, 40), IoU 0.740; it overlaps the object by 0.120"."""
    named = found.label is not None and 0 <= found.label < len(class_names)
    who = class_names[found.label] if named and found.label is not None else "a proposal"
    place = f" from {found.level}" if found.level else ""
    cell = f" ({found.cell[0]}, {found.cell[1]})" if found.cell is not None else ""
    return (
        f"Suppressed by {who} {significant(found.score)}{place}{cell}, IoU {significant(found.iou)}; "
        f"it overlaps the object by {significant(found.iou_object)}."
    )


def side_text(size: tuple[float, float], unit: str = "") -> str:
    """(h, w) as people write it: "14 × 12 px" is width × height; whole numbers only of px."""
    whole = bool(unit) and all(length == round(length) for length in size)
    height, width = (f"{length:.0f}" if whole else significant(length, 3 if length >= 10 else 2) for length in size)
    return f"{width} × {height} {unit}".rstrip()


def size_facts(sizes: Sizes) -> tuple[Fact, ...]:
    """The object in every frame, as rows."""
    facts = [
        Fact("Picture", side_text(sizes.image, "px"), tip="Width × height as annotated or drawn, image px"),
        Fact("Network", side_text(sizes.net, "px"), _scale(sizes), "Width × height after the detector's resize, net px"),
    ]
    for level, cells in sizes.cells.items():
        note = "RoI" if level == sizes.roi_level else ""
        tip = (
            ROI_TIP
            if note
            else "Width × height in cells of this level; what is smaller than one cell shares it with its surroundings"
        )
        facts.append(Fact(f"{level} cells", side_text(cells), note, tip, level))
    changed = sizes.bucket_img != sizes.bucket_net
    facts.append(
        Fact(
            "COCO size",
            f"{sizes.bucket_img} → {sizes.bucket_net}" if changed else sizes.bucket_img,
            "changed" if changed else "same",
            "COCO counts an object as small below 32² px and as large from 96² px, in px of the picture; the network sees net px",
            warn=changed,
        )
    )
    return (*facts, *_erasure(sizes))


def _scale(sizes: Sizes) -> str:
    return f"× {significant(sizes.net[1] / sizes.image[1])}" if sizes.image[1] else ""


def _erasure(sizes: Sizes) -> tuple[Fact, ...]:
    found = sizes.erasure
    if found is None:
        return ()
    return (
        Fact(
            "Contrast",
            f"{percent(found.lost)} lost" if found.lost else "kept",
            f"{significant(found.plain)} of {significant(found.antialiased)}",
            "The detector resizes without anti-aliasing: contrast of object against ring in grey levels, of an anti-aliased one's",
            warn=found.lost >= 0.25,
        ),
    )


def training_facts(training: Training) -> tuple[Fact, ...]:
    """What training would have done with the object, as rows."""
    how = "rescued" if training.rescued else ""
    if training.robbed_by is not None:
        how = f"taken by object {training.robbed_by + 1}"
    return (
        Fact(
            "Best anchor",
            f"IoU {significant(training.best_iou)}",
            training.level,
            "The anchor that overlaps it most, over all levels",
            training.level,
        ),
        Fact("Match", training.match, "", "Foreground from IoU 0.7, background below 0.3, ignored between: by that anchor alone"),
        Fact(
            "Positives",
            f"{training.positives:,}",
            how,
            "Anchors that training assigns to this object. Rescued: only the low-quality rule gives it any, as it gives every "
            "object its best anchors, unless they overlap a neighbour more: then that one gets them",
            warn=training.positives == 0,
        ),
        Fact(
            "Share",
            f"{significant(training.share)} of {training.budget:,}",
            "",
            "How many of this object's anchors are expected among the positives that one step of training samples",
        ),
    )


def headline(line: LifeLine) -> tuple[str, str]:
    """The verdict as (what happened, how it came): "Taken for background (class_score)", "the best score …"."""
    first, colon, rest = line.verdict.partition(": ")
    return (first, f"{rest[:1].upper()}{rest[1:]}") if colon else (line.verdict, "")


def further_factors(line: LifeLine) -> str:
    """What else made it harder and is not in the verdict."""
    parts = [factor for factor in line.factors if factor not in line.verdict]
    return f"Harder by: {'; '.join(parts)}" if parts else ""


def other_names(line: LifeLine) -> str:
    """What others call this outcome: "fn_mechanisms: regressor · TIDE: Loc"; "" when it was detected."""
    parts = ((("fn_mechanisms", line.mechanism)), ("TIDE", line.tide))
    return " · ".join(f"{who}: {name}" for who, name in parts if name)
