"""The command `scan`: every object of many pictures through one to four detectors, into one SQLite file.

It needs no Qt, and no torch before it runs.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.cli_source import checkpoints_argument
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.errors import PictureError, UserError
from fpn_viewer.core.images import list_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.engine.scan.numbers.values import Funnel
    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.engine.scan.run import Pace

_DONE, _SOME_FAILED, _NOTHING_DONE, _INTERRUPTED = 0, 1, 3, 130
#: lines about how far it is that are written where stderr is no terminal
_LINES = 20
#: sentences about the annotations that are written
_SENTENCES = 8


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes, but for device, precision and settings of the detectors."""
    parser.add_argument("pictures", nargs="+", metavar="PICTURE|FOLDER")
    parser.add_argument(
        "--annotations", default="", metavar="FILE|FOLDER", help="ground truth; without it there are detections only"
    )
    checkpoints_argument(
        parser,
        "a checkpoint, a bundled name or a builder's name; up to four times",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.sqlite", help="the results")
    parser.add_argument(
        "--resume", action="store_true", help="go on with a file that is there already; Ctrl+C stops a scan, Ctrl+Z pauses it"
    )
    parser.add_argument("--iou", default=0.5, type=float, help="overlap from which a detection counts for an object (default: 0.5)")
    parser.add_argument("--recursive", action="store_true", help="search folders inside folders too")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=CLASS",
        help="the detector's class for a class of the annotations that is called otherwise; NAME= leaves it out; may be repeated",
    )
    parser.add_argument("--at-once", type=_positive, metavar="N", help="pictures at the same time (default: one a core, 8 at most)")
    parser.add_argument("--runner", default="local", choices=("local", "ray"), help="ray: all machines of a Ray cluster")


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, known = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=CLASS")
    return name, known or None


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one picture is followed at a time")
    return number


def run(args: argparse.Namespace) -> int:
    """Scans, and writes what became of the objects to stdout.

    Returns:
        0: done. 1: some pictures could not be read or run, each named. 3: none could. 130: interrupted.

    Raises:
        UserError: the file, a detector, all pictures or the annotations cannot be used.
    """
    from fpn_viewer.engine.scan.reading import Scan

    # looked at before minutes are spent on opening detectors
    if args.out.exists() and not args.resume:
        raise UserError(f"{args.out} is there already; go on with it by --resume, or choose another file with --out.")
    pictures, problems = _listed(args.pictures, args.recursive)
    for sentence in problems:
        _say(f"fpn-viewer: {sentence}")
    if not pictures:
        return _NOTHING_DONE
    progress = Progress(args.out)
    try:
        found = _scanned(args, pictures, progress)
    except KeyboardInterrupt:
        progress.end()
        _say(f"interrupted with {progress.done:,} of {len(pictures):,} pictures done; go on with the same command and --resume")
        return _INTERRUPTED
    except BaseException:
        progress.end()
        raise
    progress.end()
    print("\n".join(text(found)))
    return _code(Scan(args.out), bool(problems))


def _scanned(args: argparse.Namespace, pictures: Sequence[Path], progress: Progress) -> Scan:
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.core.detectors.detector import open_detector
    from fpn_viewer.engine.scan.run import scan

    annotations = _annotations(args.annotations)
    options = {"device": args.device, "precision": args.precision, **dict(args.settings)}
    detectors = [open_detector(source, **options) for source in _sources(args)]
    # what torch and the detectors consist of need not be looked through again by every full collection
    gc.freeze()
    return scan(
        detectors,
        pictures,
        annotations,
        args.out,
        resume=args.resume,
        iou=args.iou,
        classes=dict(args.classes),
        runner=args.runner,
        at_once=args.at_once,
        told=progress,
    )


def _listed(names: Sequence[str], recursive: bool) -> tuple[list[Path], list[str]]:
    """Pictures, and a sentence for each name that gave none."""
    found: dict[Path, None] = {}
    problems = []
    for name in names:
        try:
            found.update(dict.fromkeys(list_pictures(name, recursive=recursive)))
        except PictureError as error:
            problems.append(str(error))
    return list(found), problems


def _sources(args: argparse.Namespace) -> list[str | NamedModel]:
    if args.model:
        return [NamedModel(args.model, weights) for weights in args.checkpoints or [""]]
    if not args.checkpoints:
        raise UserError("no detector is named; give --checkpoint FILE, or --model MODULE:NAME for a network of your own.")
    return list(args.checkpoints)


def _annotations(path: str) -> Annotations | None:
    """The ground truth; what could not be read of it is said."""
    from fpn_viewer.core.annotations.formats import open_annotations

    if not path:
        return None
    found = open_annotations(path)
    for sentence in found.problems[:_SENTENCES]:
        _say(f"fpn-viewer: {sentence}")
    if len(found.problems) > _SENTENCES:
        _say(f"fpn-viewer: … and {len(found.problems) - _SENTENCES:,} more about {path}")
    return found


def _code(found: Scan, some_missing: bool) -> int:
    if not found.rows("SELECT 1 FROM runs WHERE problem = '' LIMIT 1"):
        return _NOTHING_DONE
    return _SOME_FAILED if some_missing or found.problems else _DONE


# -- while it runs ------------------------------------------------------------------------------------------------------


class Progress:
    """Says on stderr how far a scan is: in one line that changes on a terminal, in some lines elsewhere.

    Attributes:
        done: pictures in the file.
    """

    def __init__(self, out: Path) -> None:
        """Nothing is said before the first call."""
        self.done, self._out = 0, out
        self._is_terminal, self._shown = sys.stderr.isatty(), 0

    def __call__(self, pace: Pace) -> None:
        """One more picture is done; the first call comes before the first picture."""
        self.done = pace.done
        if not pace.picture:
            self._begin(pace)
        if pace.problem:
            self._line(f"fpn-viewer: {pace.problem if pace.picture in pace.problem else f'{pace.picture}: {pace.problem}'}")
        if self._is_terminal:
            self._show(_words(pace))
        elif pace.picture and (pace.done % max(1, pace.total // _LINES) == 0 or pace.done == pace.total):
            _say(_words(pace))

    def _begin(self, pace: Pace) -> None:
        from fpn_viewer.engine.scan.reading import Scan

        found = Scan(self._out)
        for name, classes in zip(found.detectors, found.unmatched, strict=True):
            if classes:
                listed = ", ".join(repr(one) for one in classes)
                self._line(f"fpn-viewer: {name} has no class for {listed} of the annotations; say which by --class NAME=CLASS")
        if pace.done:
            self._line(f"{pace.done:,} of {pace.total:,} pictures are in {self._out} already")

    def _line(self, line: str) -> None:
        self.end()
        _say(line)

    def _show(self, words: str) -> None:
        words = words[: shutil.get_terminal_size().columns - 1]
        print("\r" + words.ljust(self._shown), end="", file=sys.stderr, flush=True)
        self._shown = len(words)

    def end(self) -> None:
        """Leaves the line that changes as it is, and goes to the next."""
        if self._shown:
            print(file=sys.stderr, flush=True)
        self._shown = 0


def _words(pace: Pace) -> str:
    left = pace.seconds_left
    rate = "" if left is None else f" · {pace.rate:.3g} pictures/s · {_clock(left)} left"
    return f"[{pace.done:,}/{pace.total:,}]{rate} · {Path(pace.picture).name}".removesuffix(" · ")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# -- at the end ---------------------------------------------------------------------------------------------------------


def text(found: Scan) -> list[str]:
    """For each detector a table of what became of the objects: found, or lost at which stage, by size in the network."""
    out = []
    for number, name in enumerate(found.detectors):
        out += [name, *_became(found, number), ""]
    problems = len(found.problems)
    said = f"{problems:,} problem{'s' * (problems != 1)}, named above or in the file" if problems else "no problems"
    return [*out, said, f"→ {found.path}"]


def _became(found: Scan, number: int) -> list[str]:
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.numbers.counts import funnel

    if not found.about["annotations"][0]:
        ((count,),) = found.rows("SELECT COUNT(*) FROM detections WHERE detector = ?", (number,))
        return [f"  {count:,} detection{'s' * (count != 1)}; no objects to look for, as there are no --annotations"]
    return _aligned(_table(funnel(found, Filter(detector=number))))


def _table(counts: Funnel) -> list[tuple[str, ...]]:
    """A row for each size that there is, and one for all; found objects before the stages that lose some."""
    from fpn_viewer.engine.scan.numbers.values import bucket_name

    states = [counts.states[-1], *counts.states[:-1]]
    columns = [*zip((bucket_name(*size) for size in counts.sizes), counts.by_size.T, strict=True), ("all", counts.by_state)]
    rows = [(name, column.sum(), *column[-1:], *column[:-1]) for name, column in columns if column.any()]
    return [("net px", "objects", *states), *((name, *(f"{number:,}" for number in numbers)) for name, *numbers in rows)]


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in table]
