"""The command line: the window, and what runs without one. Neither Qt nor torch is imported before a command needs it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer import cli_checkpoint, cli_compare, cli_dataset, cli_explain, cli_report, cli_scan, cli_source
from fpn_viewer.cli_progress import telling
from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.compare_values import LETTERS
from fpn_viewer.engine.failures import describe
from fpn_viewer.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpn_viewer.engine.inspect import Inspector, Report

DONE, SOME_FAILED, USAGE, NOTHING_DONE, INTERRUPTED = 0, 1, 2, 3, 130
PROGRAM = "fpn-viewer"
#: lines that follow the sentence of an error
_DETAILS = 8

_EXIT_CODES = """\
exit codes: 0 done · 1 some inputs failed (each named, the rest done) · 2 usage · 3 nothing could be done
"""


@dataclass(frozen=True)
class Command:
    """A row of the table of commands.

    Attributes:
        help: one line.
        arguments: adds what it takes to a parser.
        run: does it with the parsed arguments and returns the exit code.
    """

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        argv: the words behind the program's name; those of the process when None.

    Returns:
        The exit code: 0 done, 1 some inputs failed, 2 usage, 3 nothing could be done.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # a picture called like a command is given as ./inspect
    name = words.pop(0) if words and words[0] in COMMANDS else ""
    parser = _parser(name)
    try:
        args = parser.parse_args(words)
        cli_source.check(parser, args)
    except SystemExit as stop:
        return int(stop.code or 0)
    return _guarded(COMMANDS[name].run if name else run_window, args)


def _guarded(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Runs a command; an error becomes one sentence, with a traceback only when it is asked for."""
    try:
        code = run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # whoever reads has enough (`… | head`); what Python still wants to flush goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        complain(error, args.debug)
        return NOTHING_DONE


def say(line: str) -> None:
    """Writes a line to stderr, at once."""
    print(line, file=sys.stderr, flush=True)


def complain(error: BaseException, debug: bool, about: str = "") -> None:
    """Says in one sentence what went wrong.

    Args:
        error: what was raised.
        debug: the traceback goes before the sentence.
        about: the input it happened with; named unless the sentence does.
    """
    if debug:
        traceback.print_exception(error)
    sentence = _file_error(error) if isinstance(error, OSError) else describe(error)[0]
    say(f"{PROGRAM}: {sentence if about in sentence else f'{about}: {sentence}'}")
    for line in _some(getattr(error, "details", ())):
        say(f"  {line}")


def _some(lines: Sequence[str]) -> list[str]:
    """The first few lines, and where the others are."""
    left = len(lines) - _DETAILS
    more = f"… and {left:,} more; {PROGRAM} checkpoint FILE lists all"
    return list(lines) if left <= 1 else [*lines[:_DETAILS], more]


def _file_error(error: OSError) -> str:
    where = f"{error.filename} cannot be written or read" if error.filename else "a file cannot be written or read"
    return f"{where} ({error.strerror or error}); check that it is there, that you may, and that the disk has room."


# -- arguments ----------------------------------------------------------------------------------------------------------


def _parser(name: str) -> argparse.ArgumentParser:
    if name:
        parser = argparse.ArgumentParser(f"{PROGRAM} {name}", description=COMMANDS[name].help, epilog=_EXIT_CODES)
        COMMANDS[name].arguments(parser)
    else:
        commands = "\n".join(f"  {PROGRAM} {key:12} {row.help}" for key, row in COMMANDS.items())
        parser = argparse.ArgumentParser(
            PROGRAM,
            description="Shows what a Feature-Pyramid detector saw in a picture. Without a command, opens the window.",
            epilog=f"commands:\n{commands}\n\nA picture called like a command is given as ./NAME.\n{_EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _window_arguments(parser)
        parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument("--debug", action="store_true", help="show a traceback with every error")
    return parser


def _window_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="*", metavar="PICTURE|FOLDER", help="what to open; the sample pictures by default")
    parser.add_argument("--checkpoint", metavar="FILE|NAME", help="detector to open; the bundled demo by default")
    cli_source.model_argument(parser)
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="FILE|NAME",
        help="a second detector, opened with the same settings and shown beside the first in the tab Compare; up to three times",
    )
    parser.set_defaults(misuse=_too_many)
    parser.add_argument(
        "--annotations", default="", metavar="FILE|FOLDER", help="ground truth; looked for beside the pictures by default"
    )
    _detector_arguments(parser)


def _too_many(args: argparse.Namespace) -> str:
    return "" if len(args.compare) < len(LETTERS) else f"{len(LETTERS)} detectors can be compared; give --compare fewer times"


def _detector_arguments(parser: argparse.ArgumentParser) -> None:
    _device_arguments(parser)
    _setting_argument(parser)


def _device_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--precision", default="float32", choices=("float32", "float16", "bfloat16"), help="half only on a GPU")


def _setting_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a setting of the detector, as min_size=800 or class_names=car,boat; weights=COCO_V1 downloads the weights that "
        "torchvision publishes for a builder's name; may be repeated",
    )


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    from fpn_viewer.engine.values import REDUCTIONS, SCALES

    parser.add_argument("pictures", nargs="+", metavar="PICTURE|FOLDER")
    cli_source.arguments(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="gets one folder for each picture")
    parser.add_argument("--reduction", default="mean_abs", choices=REDUCTIONS, help="how channels become one map")
    parser.add_argument("--channel", default=0, type=_channel, metavar="K", help="for --reduction channel, from 0 (default: 0)")
    parser.add_argument("--scale", default="cell", choices=SCALES, help="over which maps one colour scale is shared")
    _detector_arguments(parser)


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    cli_explain.arguments(parser)
    cli_source.arguments(parser)
    _detector_arguments(parser)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    cli_compare.arguments(parser, _setting)
    _detector_arguments(parser)


def _scan_arguments(parser: argparse.ArgumentParser) -> None:
    cli_scan.arguments(parser)
    _detector_arguments(parser)


def _coverage_arguments(parser: argparse.ArgumentParser) -> None:
    cli_dataset.coverage_arguments(parser)
    _detector_arguments(parser)


def _remedies_arguments(parser: argparse.ArgumentParser) -> None:
    cli_dataset.remedies_arguments(parser)
    # its settings are those of the scan
    _device_arguments(parser)


def _checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    cli_checkpoint.arguments(parser)
    _setting_argument(parser)


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="gets the checkpoints; goes on where it was cut off")


def _channel(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a channel is a number from 0")
    return number


def _setting(text: str) -> tuple[str, Any]:
    """A setting as the user writes it: JSON, words separated by commas, or one word."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        words = tuple(word.strip() for word in value.split(","))
        return name, words if len(words) > 1 or name == "class_names" else value


# -- commands -----------------------------------------------------------------------------------------------------------


def run_window(args: argparse.Namespace) -> int:
    """Opens the window; pictures that are not there are named and left out.

    Raises:
        UserError: there is no Qt, no display, or nothing of what was given.
    """
    missing = [name for name in args.pictures if not Path(name).exists()]
    for name in missing:
        say(f"{PROGRAM}: {name} is neither a picture nor a folder; check the path.")
    if missing and len(missing) == len(args.pictures):
        return NOTHING_DONE
    if not _has_display():
        raise UserError(f"there is no display to open a window on; `{PROGRAM} inspect` works without one.")
    try:
        from fpn_viewer import app
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("PySide6", "shiboken6", "pyqtgraph"):
            raise
        raise UserError(
            f"the window needs {error.name}, which is not installed; run: pip install PySide6-Essentials pyqtgraph"
        ) from error
    pictures = [name for name in args.pictures if name not in missing]
    settings = {"precision": args.precision, **dict(args.settings)}
    words = (args.checkpoint, args.device, args.debug, settings, args.annotations, args.model, tuple(args.compare))
    code = app.run(pictures, *words)
    return code or (SOME_FAILED if missing else DONE)


def _has_display() -> bool:
    """Whether Qt would find a display; it ends the process where there is none."""
    if sys.platform != "linux" or "QT_QPA_PLATFORM" in os.environ:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def run_inspect(args: argparse.Namespace) -> int:
    """Writes maps and tables of every picture.

    Raises:
        UserError: the detector cannot be opened, or the folder cannot be written to.
    """
    from fpn_viewer.core.torch_check import import_torch
    from fpn_viewer.engine.files import ListPictures
    from fpn_viewer.engine.inspect import Inspector, Show
    from fpn_viewer.engine.jobs import Token

    listed = ListPictures(tuple(args.pictures))(Token())
    for sentence in listed.problems:
        say(f"{PROGRAM}: {sentence}")
    if not listed.paths:
        return NOTHING_DONE
    make_folder(args.out)
    import_torch()
    show = Show(args.reduction, args.channel, args.scale)
    where = (args.out, show, args.device, args.precision)
    inspector = Inspector(cli_source.source_of(args), *where, token=telling(), **dict(args.settings))
    reports = _inspect_all(inspector, listed.paths, args.debug)
    if not reports:
        return NOTHING_DONE
    _write_all_detections(args.out, reports)
    return DONE if len(reports) == len(listed.paths) and not listed.problems else SOME_FAILED


def _inspect_all(inspector: Inspector, paths: Sequence[str], debug: bool) -> list[Report]:
    """Every picture in turn; one that fails is named and passed over."""
    reports = []
    for number, path in enumerate(paths, 1):
        try:
            report = inspector.inspect(path)
        except Exception as error:
            complain(error, debug, about=path)
            continue
        reports.append(report)
        found = f"{report.detections} detection{'s' * (report.detections != 1)}, {report.maps} maps, {report.seconds:.1f} s"
        say(f"[{number}/{len(paths)}] {path}: {found} → {report.folder}")
        for sentence in report.warnings:
            say(f"{PROGRAM}: {path}: {sentence}")
    return reports


def _write_all_detections(out: Path, reports: Sequence[Report]) -> None:
    from fpn_viewer.engine.inspect import write_detections

    write_detections(out / "detections.csv", [row for report in reports for row in report.rows])


def run_train_demo(args: argparse.Namespace) -> int:
    """Trains the bundled detectors anew.

    Raises:
        UserError: torch is missing, or the folder cannot be written to.
    """
    from fpn_viewer.core.torch_check import import_torch

    make_folder(args.out)
    import_torch()
    from fpn_viewer.core.demo.run import run

    run(args.out, say)
    return DONE


def make_folder(path: Path) -> None:
    """Makes a folder for results, and sees that it can be written to before hours are spent.

    Raises:
        UserError: it cannot be made or written to.
    """
    mark = path / ".fpn-viewer-was-here"
    try:
        path.mkdir(parents=True, exist_ok=True)
        mark.touch()
        mark.unlink()
    except OSError as error:
        raise UserError(f"{path} cannot be written to ({error.strerror or error}); choose another folder with --out.") from error


#: commands by their first word; anything else opens the window
COMMANDS: dict[str, Command] = {
    "inspect": Command("write maps, a contact sheet and tables of pictures, without a window", _inspect_arguments, run_inspect),
    "explain": Command("say where the detector lost an object, and what would bring it back", _explain_arguments, cli_explain.run),
    "compare": Command("hold two detectors, or two ways to run one, against each other", _compare_arguments, cli_compare.run),
    "scan": Command("follow every object of many pictures through one to four detectors", _scan_arguments, cli_scan.run),
    "coverage": Command(
        "say which objects of a data set no anchor fits, and which anchors would", _coverage_arguments, cli_dataset.run_coverage
    ),
    "remedies": Command(
        "say which single setting brings back how many lost objects of a scan", _remedies_arguments, cli_dataset.run_remedies
    ),
    "report": Command("write what a scan found as a page, tables and COCO results", cli_report.arguments, cli_report.run),
    "checkpoint": Command(
        "say what is in checkpoints, what is assumed and what is suspicious",
        _checkpoint_arguments,
        cli_checkpoint.run,
    ),
    "train-demo": Command("train the bundled detectors anew", _train_arguments, run_train_demo),
}
