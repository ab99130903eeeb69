"""The command `checkpoint`: what is in a file, what is assumed, what is suspicious. No Qt, and no torch before it runs."""

from __future__ import annotations

import json
import math
import shutil
import sys
from typing import TYPE_CHECKING, Any

from fpn_viewer.cli_explain import plain
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from fpn_viewer.core.checkpoints.values import CheckUp

DONE, SOME_DO_NOT, NONE_DOES = 0, 1, 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes, but for the settings of detectors."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="checkpoints, or names of bundled ones")
    parser.add_argument("--json", action="store_true", help="write everything as JSON, one line for each file")


def run(args: argparse.Namespace) -> int:
    """Writes a report of every file to stdout.

    Returns:
        0 when all of them open, 1 when some do not, 3 when none does.

    Raises:
        SettingError: weights are asked for, which a file has.
    """
    weights = dict(args.settings).get("weights", "random")
    if weights != "random":
        raise SettingError(f"weights={weights} is for torchvision's builders; {args.files[0]} has its own: leave it out.")
    from fpn_viewer.core.torch_check import import_torch

    import_torch()
    from fpn_viewer.core.checkpoints.checkup import check_up

    opened = 0
    for number, name in enumerate(args.files):
        progress = _Progress(name) if sys.stderr.isatty() else None
        found = check_up(_file(name), dict(args.settings), progress)
        if progress is not None:
            progress.report("done", 1.0)
        opened += found.opens
        _print(found, args.json, first=number == 0)
    if opened == len(args.files):
        return DONE
    return SOME_DO_NOT if opened else NONE_DOES


def _file(name: str) -> str | Path:
    from fpn_viewer.core.resources import bundled_checkpoints

    return bundled_checkpoints().get(name, name)


def _print(found: CheckUp, as_json: bool, first: bool) -> None:
    from fpn_viewer.core.checkpoints.checkup import report_text

    if as_json:
        print(json.dumps(_finite(plain(found)), ensure_ascii=False, allow_nan=False), flush=True)
        return
    width = shutil.get_terminal_size().columns
    print(f"{'' if first else chr(10)}{report_text(found, width)}", flush=True)


def _finite(value: Any) -> Any:
    """The value with null for numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _Progress:
    """Says on a terminal how far a large file is, on one line that goes away."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said = ""

    def check(self) -> None:
        """Ctrl+C stops a command; nothing else does."""

    pause = check

    def report(self, stage: str, fraction: float) -> None:
        line = f"{self._name}: {stage} {fraction:.0%}" if fraction < 1 else ""
        if line != self._said:
            # back to the first column, over what was said before
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
            self._said = line
