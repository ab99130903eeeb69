"""A life line as Markdown, made for an issue tracker. No Qt."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.line import OUTCOMES
from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.panels.life_texts import full_number_text, margin_text, other_names, size_facts, suppressor_text, training_facts
from fpn_viewer.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.core.analysis.line import LifeLine, Stage
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.ui.panels.life_texts import Fact

_HEAD = ("stage", "state", "near", "best IoU", "decided by", "margin", "what happened")
_RULE = ("---", "---", "---:", "---:", "---:", "---:", "---")


def copied_line(line: LifeLine, trace: TraceView | None) -> str:
    """Verdict, table of stages, sizes, training and the settings in force.

    Args:
        line: the object's life line.
        trace: the run it was made of; without one, picture, detector and settings are left out.
    """
    names = trace.spec.class_names if trace is not None else ()
    blocks = [
        [f"**{_cell(line.verdict)}**"],
        [*_object(line), *(_run(trace) if trace is not None else ())],
        [_row(_HEAD), _row(_RULE), *(_row(_stage(stage)) for stage in line.stages)],
        [suppressor_text(line.suppressor, names)] if line.suppressor is not None else [],
        ["Sizes (width × height)", "", *_facts(size_facts(line.sizes)), *_note(line.sizes.sentence)],
    ]
    if line.training is not None:
        blocks.append(["Training", "", *_facts(training_facts(line.training)), *_note(line.training.sentence)])
    if trace is not None:
        blocks.append(["Settings in force", "", *_settings(trace)])
    blocks.append([f"fpn_viewer {__version__}"])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def copied_stage(stage: Stage, line: LifeLine, trace: TraceView | None) -> str:
    """One stage: name, number, sentence, and who suppressed the object when it was there."""
    names = trace.spec.class_names if trace is not None else ()
    by = suppressor_text(line.suppressor, names) if line.suppressor is not None and line.suppressor.stage == stage.name else ""
    return "\n".join(part for part in (f"{stage.name}: {full_number_text(stage)}".rstrip(": "), stage.sentence, by) if part)


def _object(line: LifeLine) -> list[str]:
    x0, y0, x1, y1 = (f"{side:g}" for side in line.box_img)
    rows = [
        f"- object: {line.label_name or 'any class'}, box {x0}, {y0}, {x1}, {y1} px, near from IoU {line.iou:g}",
        f"- outcome: {line.outcome} ({OUTCOMES.get(line.outcome, '')})",
        f"- lost at: {line.killer or 'nowhere'}",
    ]
    if other_names(line):
        rows.append(f"- {other_names(line)}")
    if line.factors:
        rows.append(f"- made harder by: {'; '.join(line.factors)}")
    return rows


def _run(trace: TraceView) -> list[str]:
    height, width = trace.geometry.image_size
    return [
        f"- picture: `{Path(trace.path).name}`, {width} × {height} px",
        f"- detector: {trace.spec.summary}, weights {trace.spec.weights}, on {trace.device}",
    ]


def _stage(stage: Stage) -> tuple[str, ...]:
    near = "" if stage.state == "unknown" else f"{stage.survivors:,}"
    return (
        stage.name,
        stage.state,
        near,
        significant(stage.best_iou),
        full_number_text(stage),
        margin_text(stage),
        stage.sentence,
    )


def _facts(facts: Iterable[Fact]) -> list[str]:
    return [f"- {fact.name}: {fact.value}{f' ({fact.note})' if fact.note else ''}" for fact in facts]


def _note(sentence: str) -> list[str]:
    return [f"- {sentence}"] if sentence else []


def _settings(trace: TraceView) -> list[str]:
    known = trace.spec.kind.settings
    values = {f.name: getattr(trace.settings, f.name) for f in dataclasses.fields(trace.settings) if f.name in known}
    opened = trace.spec.settings
    rows = [
        f"- {name} = {value}{f' (opened with {before})' if (before := getattr(opened, name)) != value else ''}"
        for name, value in values.items()
    ]
    return rows + [f"- gain of {term} into {node} = {factor:g}" for (node, term), factor in trace.gains.items()]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
