"""The command `report`: what a scan found, as a page, tables and COCO results. No Qt, and torch only for remedies."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.jobs import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpn_viewer.engine.jobs import Progress
    from fpn_viewer.engine.scan.dataset.values import DataRemedies
    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.engine.scan.report.findings import Findings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("scan", type=Path, metavar="SCAN", help="the file that a scan wrote")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="gets the files")
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        default=[],
        choices=tuple(FORMATS),
        help="html: a page with charts and the worst losses; json: its numbers; csv, parquet: all tables; coco: detections as COCO "
        "results; may be repeated (default: html, json and csv)",
    )
    parser.add_argument("--cases", default=24, type=_cases, metavar="N", help="losses of each detector in the page (default: 24)")
    parser.add_argument(
        "--remedies",
        default=0,
        type=_cases,
        metavar="N",
        help="in the page: which single setting brings back how many objects, tried on a sample of N pictures; runs the detectors "
        "(default: 0, not at all)",
    )


def _cases(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number from 0")
    return number


@dataclass(frozen=True)
class Asked:
    """What a format is written from.

    Attributes:
        scan: to report on.
        out: folder.
        cases: worst losses of each detector in the page.
        remedies: pictures that single settings are tried on, for the page; 0 for no such section.
        token: told how far it is.
    """

    scan: Scan
    out: Path
    cases: int
    remedies: int
    token: Token

    @cached_property
    def numbers(self) -> Findings:
        """All numbers, computed once."""
        from fpn_viewer.engine.scan.report.findings import findings

        return findings(self.scan, self.token)


def run(args: argparse.Namespace) -> int:
    """Writes the files, and their names to stdout.

    Returns:
        0: done.

    Raises:
        UserError: the file is no scan, the folder cannot be written to, or something that a format needs is not installed.
    """
    from fpn_viewer.cli import make_folder
    from fpn_viewer.engine.scan.reading import Scan

    if not args.scan.is_file():
        raise UserError(f"{args.scan} is not there; give the file that `fpn-viewer scan` wrote.")
    scan = Scan(args.scan)
    # a file of another kind is refused before a folder is made
    _ = scan.about
    make_folder(args.out)
    asked = Asked(scan, args.out, args.cases, args.remedies, _telling())
    for name in dict.fromkeys(args.formats or _USUAL):
        for path in FORMATS[name](asked):
            print(path, flush=True)
    return 0


def _html(asked: Asked) -> Sequence[Path]:
    from fpn_viewer.engine.scan.report.page import write_page

    path = asked.out / "report.html"
    write_page(asked.scan, asked.numbers, path, asked.token, cases=asked.cases, remedies=_remedies(asked))
    return [path]


def _remedies(asked: Asked) -> Sequence[DataRemedies | str]:
    if not asked.remedies:
        return ()
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.engine.scan.report.remedies import remedies_of

    return remedies_of(asked.scan, asked.remedies, asked.token)


def _json(asked: Asked) -> Sequence[Path]:
    from fpn_viewer.engine.scan.report.findings import as_json

    path = asked.out / "numbers.json"
    path.write_text(json.dumps(as_json(asked.numbers), ensure_ascii=False, indent=1), encoding="utf-8")
    return [path]


def _csv(asked: Asked) -> Sequence[Path]:
    from fpn_viewer.engine.scan.exports import write_csv

    return write_csv(asked.scan, asked.out, asked.token)


def _parquet(asked: Asked) -> Sequence[Path]:
    from fpn_viewer.engine.scan.exports import write_parquet

    return write_parquet(asked.scan, asked.out, asked.token)


def _coco(asked: Asked) -> Sequence[Path]:
    from fpn_viewer.engine.scan.exports import write_coco

    return write_coco(asked.scan, asked.out, asked.token)


#: how each format is written
FORMATS: dict[str, Callable[[Asked], Sequence[Path]]] = {
    "html": _html,
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
    "coco": _coco,
}
_USUAL = ("html", "json", "csv")


def _telling() -> Token:
    """A token that says each new step on stderr."""
    said = ""

    def tell(progress: Progress) -> None:
        nonlocal said
        if progress.stage != said:
            said = progress.stage
            print(said, file=sys.stderr, flush=True)

    return Token(tell)
