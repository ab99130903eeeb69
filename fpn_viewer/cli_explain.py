"""The command `explain`: the life line of one object, as a table or as JSON. No Qt, and no torch before it runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpn_viewer.cli_progress import telling
from fpn_viewer.cli_source import source_of
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.analysis.line import LifeLine, Remedy, Stage, Suppressor

_COLUMNS = ("stage", "", "survivors", "best IoU", "value", "limit", "margin", "")
#: how a stage's state is marked
_MARKS = {"killer": "← lost here", "unknown": "not followed"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes, but for the detector's own arguments."""
    parser.add_argument("picture", metavar="PICTURE")
    parser.add_argument(
        "--box", required=True, type=_box, metavar="X1,Y1,X2,Y2", help="the object in picture px; write --box=-3,0,… below 0"
    )
    parser.add_argument("--label", metavar="NAME", help="its class; any class by default")
    parser.add_argument("--iou", default=0.5, type=float, help="overlap from which a box counts (default: 0.5)")
    parser.add_argument("--json", action="store_true", help="write everything as JSON")
    parser.add_argument("--no-remedies", dest="remedies", action="store_false", help="do not try what would bring it back")


def _box(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not four numbers separated by commas") from error
    if len(numbers) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} has {len(numbers)} numbers; four are needed: left, top, right, bottom")
    return numbers


def run(args: argparse.Namespace) -> int:
    """Explains one object to stdout.

    Returns:
        0: done, whether the object was detected or not.

    Raises:
        UserError: the picture, the detector, the box or the class cannot be used.
    """
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.core.analysis.lifeline import explain
    from fpn_viewer.core.detectors.detector import open_detector

    where = {"device": args.device, "precision": args.precision, "watcher": telling()}
    detector = open_detector(source_of(args), **where, **dict(args.settings))
    line = explain(detector.trace(args.picture), args.box, args.label, iou=args.iou)
    remedies = line.remedies if args.remedies else None
    print(_as_json(line, remedies) if args.json else "\n".join(text(line, remedies, detector.spec.class_names)))
    return 0


def _as_json(line: LifeLine, remedies: Sequence[Remedy] | None) -> str:
    found = {} if remedies is None else {"remedies": plain(remedies)}
    return json.dumps(plain(line) | found, ensure_ascii=False, indent=1)


def plain(value: Any) -> Any:
    """A value of dataclasses, mappings and tuples as JSON knows it; functions are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: plain(one) for name, one in fields.items() if not callable(one) and name != "ask"}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return value


def text(line: LifeLine, remedies: Sequence[Remedy] | None, class_names: Sequence[str]) -> list[str]:
    """The life line as lines: the verdict, the stages as a table, sizes, training, suppressor, remedies.

    Args:
        line: what happened.
        remedies: what would bring it back; None when nobody asked.
        class_names: by label.
    """
    lines = [line.verdict, "", *_table([_COLUMNS, *(_row(stage) for stage in line.stages)]), ""]
    lines += [f"{name:12}{words}" for name, words in _notes(line, class_names).items() if words]
    if remedies is not None and line.killer is not None:
        lines += ["", "What would bring it back:" if remedies else "No single change that was tried brings it back."]
        lines += [f"  {remedy.outcome}" for remedy in remedies]
    return lines


def _notes(line: LifeLine, class_names: Sequence[str]) -> dict[str, str]:
    elsewhere = f"fn_mechanisms: {line.mechanism} · TIDE: {line.tide}" if line.mechanism else ""
    return {
        "size": line.sizes.sentence,
        "training": line.training.sentence if line.training is not None else "",
        "suppressor": _suppressor(line.suppressor, class_names),
        "factors": "; ".join(line.factors),
        "elsewhere": elsewhere,
    }


def _suppressor(by: Suppressor | None, class_names: Sequence[str]) -> str:
    if by is None:
        return ""
    corners = ",".join(f"{side:.1f}" for side in by.box_img)
    name = "" if by.label is None else f" {class_names[by.label]}"
    origin = f", from {by.level} row {by.cell[0]} column {by.cell[1]}" if by.cell is not None else ""
    overlaps = f"IoU {significant(by.iou)} with what it removed, {significant(by.iou_object)} with the object"
    return f"{corners}{name}, score {significant(by.score)}{origin}; {overlaps}"


def _row(stage: Stage) -> tuple[str, ...]:
    numbers = (_number(value, stage.unit) for value in (stage.value, stage.limit, stage.margin))
    unit = stage.unit if stage.value is not None else ""
    return stage.name, _MARKS.get(stage.state, ""), f"{stage.survivors:,}", significant(stage.best_iou), *numbers, unit


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}".replace("-", "−") if unit == "rank" else significant(value)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows with columns under each other: words to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    words = (0, 1, len(_COLUMNS) - 1)
    padded = (
        [
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    )
    return ["  ".join(cells).rstrip() for cells in padded]
