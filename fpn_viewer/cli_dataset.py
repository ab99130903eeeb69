"""The commands `coverage` and `remedies`: which anchors would fit a data set, and which single setting finds more of it.

Neither needs Qt; `coverage` needs torch only to open a checkpoint, so not for a scan.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import UserError
from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.engine.jobs import Token
from fpn_viewer.engine.scan.dataset.values import KINDS
from fpn_viewer.engine.scan.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.jobs import Progress
    from fpn_viewer.engine.scan.dataset.objects import DataObjects
    from fpn_viewer.engine.scan.dataset.values import Coverage, DataRemedies, Fit, Proposal
    from fpn_viewer.engine.scan.reading import Scan

_DONE, _SOME_LEFT_OUT = 0, 1
#: why there is no detector, by whether one was named
_NOT_THERE = {
    False: "{args.scan} does not tell where {name} is, or it is no longer there; name it with --checkpoint FILE.",
    True: "{args.checkpoint} is not the {name} that {args.scan} was made with; name the same checkpoint, or scan again.",
}
#: of the whole between two lines about how far it is
_STEP = 0.1


def coverage_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `coverage` takes, but for device, precision and settings of the detector."""
    parser.add_argument("source", nargs="+", metavar="SCAN.sqlite|PICTURE|FOLDER", help="a scan, or pictures with --annotations")
    _scan_arguments(parser)
    parser.add_argument("--annotations", default="", metavar="FILE|FOLDER", help="ground truth of pictures")
    parser.add_argument("--checkpoint", default="demo", metavar="FILE|NAME", help="whose anchors, for pictures (default: demo)")
    parser.add_argument("--propose", action="store_true", help="look for sizes and ratios that fit better")
    parser.add_argument("--sizes-per-level", type=_positive, metavar="N", help="for --propose (default: as many as there are)")
    parser.add_argument("--ratios", type=_positive, metavar="N", help="for --propose (default: as many as there are)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as JSON")


def remedies_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `remedies` takes, but for device and precision."""
    parser.add_argument("scan", metavar="SCAN.sqlite", help="what the command scan wrote")
    _scan_arguments(parser)
    parser.add_argument(
        "--checkpoint", default="", metavar="FILE|NAME", help="the scanned detector, where it is no longer where it was"
    )
    for name, what in (("killer", "lost at this stage, as rpn_top_k"), ("class", "of this class")):
        parser.add_argument(
            f"--{name}", dest=f"{name}_names", action="append", default=[], help=f"only objects {what}; may be repeated"
        )
    parser.add_argument("--below", type=float, metavar="PX", help="only objects smaller than this, net px (root of the area)")
    parser.add_argument("--from", dest="above", type=float, metavar="PX", help="only objects at least as large")
    parser.add_argument(
        "--kind", dest="kinds", action="append", default=[], choices=tuple(KINDS), help="what to try (default: selection and input)"
    )
    parser.add_argument("--pictures", type=_positive, default=32, metavar="N", help="of the sample (default: 32)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table there")


def _scan_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detector", type=_positive, default=1, metavar="N", help="which one of the scan, from 1 (default: 1)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def _telling() -> Token:
    """A token that says on stderr now and then how far it is."""
    said = 0.0

    def tell(progress: Progress) -> None:
        nonlocal said
        if progress.fraction >= said + _STEP:
            said = progress.fraction
            print(f"[{percent(progress.fraction)}] {progress.stage}", file=sys.stderr, flush=True)

    return Token(tell)


# -- coverage -----------------------------------------------------------------------------------------------------------


def run_coverage(args: argparse.Namespace) -> int:
    """Writes how the anchors fit to stdout.

    Returns:
        0: done. 1: some pictures were left out, each named at the end.

    Raises:
        UserError: scan, pictures, annotations or detector cannot be used, or there are no anchors to fit.
    """
    from fpn_viewer.engine.scan.dataset.coverage import coverage
    from fpn_viewer.engine.scan.dataset.proposals import propose

    spec, objects = _objects(args)
    token, found = _telling(), None
    if args.propose:
        found = propose(spec, objects, sizes_per_level=args.sizes_per_level, ratios=args.ratios, watcher=token)
    covered = coverage(spec, objects) if found is None else found.coverage
    print("\n".join(coverage_text(covered, found)))
    if args.json is not None:
        _write(args.json, json.dumps(_plain(covered, found), indent=1))
    return _SOME_LEFT_OUT if covered.problems else _DONE


def _objects(args: argparse.Namespace) -> tuple[DetectorSpec, DataObjects]:
    """The detector and the objects, from a scan or from pictures."""
    from fpn_viewer.engine.scan.dataset.coverage import spec_of
    from fpn_viewer.engine.scan.dataset.objects import from_annotations, from_scan

    if args.annotations:
        return (spec := _spec(args)), from_annotations(_annotations(args.annotations), _pictures(args.source), spec, _telling())
    if len(args.source) > 1 or Path(args.source[0]).is_dir():
        raise UserError("pictures have no objects by themselves; name their ground truth with --annotations, or give one scan.")
    scan = _scan(args.source[0])
    return spec_of(scan, args.detector - 1), from_scan(scan, Filter(detector=args.detector - 1))


def _spec(args: argparse.Namespace) -> DetectorSpec:
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.core.detectors.detector import open_detector

    return open_detector(args.checkpoint, device=args.device, precision=args.precision, **dict(args.settings)).spec


def _annotations(path: str) -> Any:
    from fpn_viewer.core.annotations.formats import open_annotations

    return open_annotations(path)


def _pictures(names: Sequence[str]) -> list[str]:
    from fpn_viewer.core.images import list_pictures

    return list(dict.fromkeys(str(path) for name in names for path in list_pictures(name)))


def _scan(path: str) -> Scan:
    from fpn_viewer.engine.scan.reading import Scan

    if not Path(path).is_file():
        raise UserError(f"{path} is not there; give the file that `fpn-viewer scan` wrote.")
    scan = Scan(Path(path))
    # says what is wrong with the file before anything is worked out
    _ = scan.about
    return scan


def coverage_text(covered: Coverage, found: Proposal | None) -> list[str]:
    """Lines for a terminal."""
    rules = covered.rules
    sizes = [("net px", "objects", f"reach {rules.high:g}", f"below {rules.low:g}", "median IoU")]
    for one in covered.now.bins:
        if one.objects:
            middle = f"{one.quantiles[1]:.2f}" if one.quantiles else ""
            name = f"{significant(one.low)}–{significant(one.high)}"
            sizes.append((name, f"{one.objects:,}", f"{one.reached:,}", f"{one.below:,}", middle))
    out = [covered.sentence, "", *_aligned(sizes), ""]
    out += [f"no anchor fits a square of {hole.span}: {hole.objects:,} objects" for hole in covered.now.holes]
    if found is not None:
        rows = [("", "reached", "best is background", "mean IoU", "anchors")]
        rows += [(name, *_fit_words(fit), str(fit.anchors)) for name, fit in found.fits]
        out += ["", found.sentence, "", *_aligned(rows), "", found.evolved.anchors.text, found.evolved.anchors.code]
    return [*out, *(f"left out: {sentence}" for sentence in covered.problems)]


def _fit_words(fit: Fit) -> tuple[str, str, str]:
    every = fit.objects
    return f"{fit.reached:,} ({percent(fit.reached / every)})", f"{fit.below:,} ({percent(fit.below / every)})", f"{fit.mean:.3f}"


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in table]


def _plain(covered: Coverage, found: Proposal | None) -> dict[str, Any]:
    """Everything as JSON can hold it: infinite sizes are null."""
    fits = found.fits if found is not None else (("now", covered.now),)
    return {
        "detector": covered.detector,
        "family": covered.family,
        "levels": covered.levels,
        "foreground": covered.rules.high,
        "background": covered.rules.low,
        "sentence": covered.sentence if found is None else f"{covered.sentence} {found.sentence}",
        "problems": covered.problems,
        "anchors": {name: _plain_fit(fit) for name, fit in fits},
    }


def _plain_fit(fit: Fit) -> dict[str, Any]:
    holes = [{**asdict(hole), "high": hole.high if hole.high < float("inf") else None} for hole in fit.holes]
    return {
        **fit.anchors.options,
        "objects": fit.objects,
        **{name: getattr(fit, name) for name in ("reached", "below", "misplaced", "mean", "fitness", "levels")},
        "bins": [asdict(one) for one in fit.bins],
        "classes": [{"class": name, "objects": every, "reached": reached} for name, every, reached in fit.classes],
        "holes": holes,
    }


# -- remedies -----------------------------------------------------------------------------------------------------------


def run_remedies(args: argparse.Namespace) -> int:
    """Writes to stdout what each change brings back.

    Returns:
        0: done. 1: some pictures were left out, each named at the end.

    Raises:
        UserError: the scan or its detector cannot be used, or nothing is lost.
    """
    scan = _scan(args.scan)
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.engine.scan.dataset.remedies import USUAL, data_remedies, remedies_table, reopened

    number = args.detector - 1
    detector = reopened(scan, number, args.checkpoint, device=args.device, precision=args.precision)
    if detector is None:
        raise UserError(_NOT_THERE[bool(args.checkpoint)].format(args=args, name=scan.detectors[number]))
    found = data_remedies(scan, (detector,), _chosen(args), kinds=args.kinds or USUAL, pictures=args.pictures, watcher=_telling())
    rows = remedies_table(found)
    print("\n".join([found.sentence, "", *_aligned(rows), "", _sample_text(found)]))
    if args.csv is not None:
        _write_csv(args.csv, rows)
    return _SOME_LEFT_OUT if found.problems else _DONE


def _chosen(args: argparse.Namespace) -> Filter:
    return Filter(
        detector=args.detector - 1,
        killers=tuple(args.killer_names),
        classes=tuple(args.class_names),
        sides=(args.above, args.below),
    )


def _sample_text(found: DataRemedies) -> str:
    lines = [
        f"pictures tried: {sum(found.done):,}, {found.done[0]:,} of them with such misses ({found.misses:,} in the scan); "
        f"now {found.wrong:.1f} false positives a picture",
        *(f"{row.change.name} at {row.change.after}: {row.problem}" for row in found.rows if row.problem),
        *(f"left out: {sentence}" for sentence in found.problems),
    ]
    return "\n".join(lines)


def _write_csv(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    _write(path, out.getvalue())


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error
