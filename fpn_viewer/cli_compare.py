"""The command `compare`: one picture through two detectors, or through one in two ways. No Qt, and no torch before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.cli_progress import telling
from fpn_viewer.cli_source import checkpoints_argument
from fpn_viewer.core.analysis.asked import check_overlap
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.errors import UserError
from fpn_viewer.core.images import open_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.comparison.comparison import Comparison
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.images import Picture

#: modules and nodes that are written to the terminal, most changed first
_ROWS = 8


def arguments(parser: argparse.ArgumentParser, setting: Callable[[str], tuple[str, Any]]) -> None:
    """Adds what the command takes, but for what holds for both detectors: device, precision and settings.

    Args:
        parser: gets the arguments.
        setting: reads NAME=VALUE.
    """
    from fpn_viewer.engine.values import REDUCTIONS

    parser.add_argument("picture", metavar="PICTURE")
    checkpoints_argument(
        parser,
        "A, and given again B; given once, B is the same detector run in another way (see --set-b, --gain-b, --tile-b)",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="gets the maps, tables and comparison.json")
    _truth_arguments(parser)
    parser.add_argument("--reduction", default="mean_abs", choices=REDUCTIONS, help="how channels become one map")
    parser.add_argument(
        "--channel", default=0, type=_channel, metavar="K", help="of A for --reduction channel, from 0 (default: 0)"
    )
    for letter in "ab":
        _ways(parser, letter, setting)
    parser.set_defaults(misuse=_misuse)


def _truth_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--annotations", default="", metavar="FILE|FOLDER", help="ground truth; without it objects are what either detected"
    )
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        type=_class,
        metavar="NAME=CLASS",
        help="the detectors' class for a class of the annotations that is called otherwise; NAME= leaves it out; may be repeated",
    )
    parser.add_argument("--iou", default=0.5, type=float, help="overlap from which a detection counts (default: 0.5)")


def _ways(parser: argparse.ArgumentParser, letter: str, setting: Callable[[str], tuple[str, Any]]) -> None:
    """Adds how one side can be run in another way than the other."""
    what = letter.upper()
    parser.add_argument(
        f"--set-{letter}", action="append", default=[], type=setting, metavar="NAME=VALUE", help=f"a setting of {what} alone"
    )
    parser.add_argument(
        f"--gain-{letter}",
        action="append",
        default=[],
        type=_gain,
        metavar="NODE/TERM=FACTOR",
        help=f"a factor on a term in {what}, as M3/top-down=0",
    )
    parser.add_argument(
        f"--tile-{letter}", default=0, type=int, metavar="PX", help=f"run {what} in overlapping tiles with this side"
    )


def _channel(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a channel is a number from 0")
    return number


def _class(text: str) -> tuple[str, str | None]:
    name, equals, known = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=CLASS")
    return name, known or None


def _gain(text: str) -> tuple[tuple[str, str], float]:
    place, equals, factor = text.partition("=")
    node, slash, term = place.partition("/")
    try:
        value = float(factor)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in a number; write it as M3/top-down=0") from error
    if not (equals and slash and node and term):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NODE/TERM=FACTOR, as M3/top-down=0")
    return (node, term), value


def _misuse(args: argparse.Namespace) -> str:
    """Why the arguments name no two runs; "" where they do."""
    if len(args.checkpoints) > 2:
        return f"two detectors are compared, and {len(args.checkpoints)} were named; give --checkpoint once or twice"
    if not args.checkpoints and not args.model:
        return "no detector is named; give --checkpoint FILE, or --model MODULE:NAME for a network of your own"
    ways = ("set_a", "gain_a", "tile_a", "set_b", "gain_b", "tile_b")
    if len(args.checkpoints) < 2 and not any(getattr(args, way) for way in ways):
        return (
            "one detector is named and nothing that its two runs differ in; "
            "give a second --checkpoint, or one of --set-b, --gain-b and --tile-b"
        )
    return ""


def run(args: argparse.Namespace) -> int:
    """Compares, writes everything into the folder, and a summary to stdout.

    Returns:
        0: done.

    Raises:
        UserError: the picture, a detector, the annotations, a setting or the folder cannot be used.
        OSError: a file cannot be written.
    """
    check_overlap(args.iou)
    picture = open_picture(args.picture)
    truth = _truth(args.annotations, args.picture, picture)
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.core.comparison.comparison import compare
    from fpn_viewer.engine.compare_files import Drawing, write_comparison

    side_a, side_b = _sides(args, picture)
    comparison = compare(side_a, side_b, truth, iou=args.iou, classes=dict(args.classes))
    names = _names(args)
    written = write_comparison(comparison, picture, args.out, Drawing(args.reduction, args.channel, names))
    print("\n".join([*text(comparison, names), "", f"→ {args.out} ({written} maps)"]))
    return 0


def _truth(annotations: str, path: str, picture: Picture) -> GroundTruth | None:
    from fpn_viewer.core.annotations.formats import open_annotations

    if not annotations:
        return None
    truth = open_annotations(annotations).of(path, picture.size)
    if truth is None:
        raise UserError(f"{annotations} says nothing about {path}; check the picture's name in it, or leave --annotations out.")
    return truth


def _sources(args: argparse.Namespace) -> tuple[str | NamedModel, str | NamedModel]:
    named = [NamedModel(args.model, weights) if args.model else weights for weights in args.checkpoints or [""]]
    return named[0], named[-1]


def _names(args: argparse.Namespace) -> tuple[str, str]:
    """What the two are called: the detector, and what is done to it alone."""
    out = []
    for letter, source in zip("ab", _sources(args), strict=True):
        name = source if isinstance(source, str) else source.checkpoint or source.name
        parts = [Path(name).name]
        parts += [f"{key} {value}" for key, value in getattr(args, f"set_{letter}")]
        parts += [f"{node}/{term} × {factor:g}" for (node, term), factor in getattr(args, f"gain_{letter}")]
        tile = getattr(args, f"tile_{letter}")
        out.append(" · ".join([*parts, f"{tile} px tiles"] if tile else parts))
    return out[0], out[1]


def _sides(args: argparse.Namespace, picture: Picture) -> tuple[Side, Side]:
    """Both runs; a backbone that is the same in both runs once."""
    from fpn_viewer.core.comparison.shared_backbone import can_begin_from, trace_from
    from fpn_viewer.core.detectors.detector import open_detector
    from fpn_viewer.core.tracing.trace import Trace

    watcher = telling()
    options = {"device": args.device, "precision": args.precision, "watcher": watcher}
    first, second = (
        open_detector(source, **options, **{**dict(args.settings), **dict(own)})
        for source, own in zip(_sources(args), (args.set_a, args.set_b), strict=True)
    )
    side_a = _run(first, picture, dict(args.gain_a), args.tile_a)
    if not args.tile_b and isinstance(side_a, Trace) and can_begin_from(side_a, second):
        return side_a, trace_from(side_a, second, gains=dict(args.gain_b), watcher=watcher)
    return side_a, _run(second, picture, dict(args.gain_b), args.tile_b)


def _run(detector: Detector, picture: Picture, gains: Mapping[tuple[str, str], float], tile: int) -> Side:
    from fpn_viewer.core.comparison.tiles import trace_tiles

    if tile:
        return trace_tiles(detector, picture, tile, gains=gains)
    return detector.trace(picture, gains=gains)


# -- at the end ---------------------------------------------------------------------------------------------------------


def text(comparison: Comparison, names: tuple[str, str]) -> list[str]:
    """What came out, in lines: who is who, where maps part, what became of objects and detections, what was trained."""
    from collections import Counter

    from fpn_viewer.core.comparison.values import PAIRS, STATUSES

    statuses, kinds = Counter(comparison.statuses), Counter(pair.kind for pair in comparison.detections)
    what = "objects" if comparison.ground_truth is not None else "detections of either"
    return [
        *(f"{letter}  {name}" for letter, name in zip("AB", names, strict=True)),
        *comparison.notes,
        "",
        comparison.parting_sentence,
        *_weights(comparison),
        "",
        f"{len(comparison.statuses):,} {what}",
        *_counted(statuses, STATUSES),
        *_hint(comparison, statuses),
        f"{len(comparison.detections):,} detections of both together",
        *_counted(kinds, PAIRS),
    ]


def _weights(comparison: Comparison) -> list[str]:
    most = sorted((row for row in comparison.weights if row.relative), key=lambda row: -(row.relative or 0.0))[:_ROWS]
    return [comparison.weights_sentence, *(f"  {row.module}  {100 * (row.relative or 0.0):.3g} %" for row in most)]


def _hint(comparison: Comparison, statuses: Mapping[str, int]) -> list[str]:
    """What to do about classes that were not matched."""
    if comparison.ground_truth is None or not statuses.get("unknown"):
        return []
    return ["  a class that is called otherwise in a detector is named by --class NAME=CLASS or --set class_names=NAME,NAME"]


def _counted(counts: Mapping[str, int], words: Mapping[str, str]) -> Sequence[str]:
    return [f"  {counts[key]:6,}  {sentence}" for key, sentence in words.items() if counts.get(key)]
