"""The list of annotated objects in words and numbers. No Qt."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.ui.panels.life_texts import side_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.viewmodels.objects import ObjectRow

NO_PICTURE = "No picture is open.\nOpen one with Ctrl+O."
READING = "Reading the picture …"
NO_ANNOTATIONS = (
    "No annotations were found beside this picture.\n\n"
    "Looked for a file of the picture's name (.xml, .json, .txt) and for a COCO .json that lists it: beside the picture, and in "
    "folders called annotations or labels beside and above it."
)
NOT_RUN = "Not run yet: press F5 to see which of them the detector finds."
NONE_LEFT = "No object of this kind here."


#: kinds of detections, as people read them, with what they are
KINDS: dict[str, tuple[str, str]] = {
    "match": ("match", "The best-scored detection of its class that overlaps an object enough"),
    "ignored": ("ignored", "They cover a crowd region, where nothing is counted"),
    "duplicate": ("duplicate", "They cover an object that a better-scored detection has already been counted for"),
    "wrong class": ("wrong class", "They cover an object of another class"),
    "badly placed": ("badly placed", "They overlap an object of their class, but too little"),
    "background": ("background", "They cover no annotated object"),
}


def status_text(row: ObjectRow, missed: frozenset[str], killer: str = "") -> str:
    """What became of an object: "missed at RPN top-k", "0.912 · IoU 0.744", "no width".

    Args:
        row: the object.
        missed: outcomes that count as missed.
        killer: the stage that lost it, where the row does not know yet.
    """
    if row.flaw:
        return f"flawed: {row.flaw}"
    if row.outcome == "found":
        return f"{significant(row.score)} · IoU {significant(row.iou)}"
    stage = row.killer or killer
    if row.outcome in missed and stage:
        return (
            f"{row.outcome} at {stage_title(stage)}" if row.outcome == "missed" else f"{row.outcome}, lost at {stage_title(stage)}"
        )
    return row.outcome or "not run"


def size_text(row: ObjectRow) -> str:
    """Width × height, image px."""
    x0, y0, x1, y1 = row.box_img
    return side_text((y1 - y0, x1 - x0), "px")


def row_tip(row: ObjectRow, meaning: str, verdict: str) -> str:
    """The whole story of a row.

    Args:
        row: the object.
        meaning: of its outcome, one sentence.
        verdict: one sentence, "" when not known yet.
    """
    x0, y0, x1, y1 = (f"{side:g}" for side in row.box_img)
    killer = f"Lost at {row.killer}." if row.killer else ""
    flaw = f"The annotation is broken: {row.flaw}." if row.flaw else ""
    place = f"{row.name} {row.index + 1}: x {x0} to {x1}, y {y0} to {y1} px"
    return "\n".join(text for text in (place, flaw or f"{meaning}.", verdict or killer) if text)


def counts_text(numbers: Mapping[str, int]) -> str:
    """All of them in numbers: "7 objects · 4 found · 3 missed · 2 flawed annotations".

    Args:
        numbers: of "all", "found", "missed" and "flawed" objects.
    """
    total, found, missed, flawed = (numbers[kind] for kind in ("all", "found", "missed", "flawed"))
    parts = [f"{total:,} object{'s' * (total != 1)}"]
    if found or missed:
        parts += [f"{found:,} found", f"{missed:,} missed"]
    if flawed:
        parts.append(f"{flawed:,} flawed annotation{'s' * (flawed != 1)}")
    return " · ".join(parts)


def kinds_text(kinds: Iterable[str]) -> str:
    """What the detections are: "Detections: 4 match · 2 background"; "" without any."""
    counted = Counter(kinds)
    parts = [f"{counted[kind]:,} {words}" for kind, (words, _) in KINDS.items() if counted[kind]]
    return f"Detections: {' · '.join(parts)}" if parts else ""


def reading_text(fraction: float) -> str:
    """How far the annotations are read, 0..1."""
    return f"Reading annotations … {percent(fraction)}"


def source_text(annotations: Annotations) -> str:
    """Where they come from: "COCO · samples.json"."""
    return f"{annotations.format} · {Path(annotations.path).name}"


def source_tip(annotations: Annotations) -> str:
    """The file, how much is in it, and what is wrong with it."""
    flaws: Mapping[str, int] = annotations.flaws
    lines = [annotations.path]
    if annotations.count is not None:
        lines.append(f"{annotations.count:,} objects of {len(annotations.names):,} classes")
    lines += [f"{count:,} × {flaw}" for flaw, count in flaws.items() if count]
    return "\n".join([*lines, *annotations.problems[:5]])


def not_annotated(picture: str, annotations: Annotations) -> str:
    """That these annotations do not know the picture."""
    return f"{Path(picture).name} is not annotated in {Path(annotations.path).name}.\n\nOpen other annotations, or another picture."


def without_objects(picture: str, annotations: Annotations) -> str:
    """That the picture is known and empty."""
    return f"{Path(annotations.path).name} has no objects in {Path(picture).name}."


def rows_tsv(rows: Iterable[ObjectRow]) -> str:
    """The rows with all digits, one line for each, under a heading."""
    head = ("object", "class", "outcome", "lost at", "score", "IoU", "x0", "y0", "x1", "y1", "flaw", "verdict")
    lines = [
        (
            *(str(row.index + 1), row.name, row.outcome, row.killer),
            *((f"{row.score:.6g}", f"{row.iou:.6g}") if row.detection >= 0 else ("", "")),
            *(f"{side:.7g}" for side in row.box_img),
            *(row.flaw, row.verdict),
        )
        for row in rows
    ]
    return "\n".join("\t".join(line) for line in (head, *lines))
