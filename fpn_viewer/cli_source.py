"""What names a detector on the command line: a checkpoint, or a network of the user's own. Imports neither Qt nor torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.detectors.adapters.named import NamedModel

if TYPE_CHECKING:
    import argparse


def model_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--model`."""
    parser.add_argument(
        "--model",
        default="",
        metavar="MODULE:NAME",
        help="your own network: a function, module or adapter to import from the current folder or what is installed; "
        "--checkpoint is then a file of its weights",
    )


def checkpoints_argument(parser: argparse.ArgumentParser, about: str) -> None:
    """Adds `--checkpoint` as often as it is given, and `--model`."""
    parser.add_argument("--checkpoint", dest="checkpoints", action="append", default=[], metavar="FILE|NAME", help=about)
    model_argument(parser)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what names a detector: `--checkpoint`, `--model` or both."""
    parser.add_argument("--checkpoint", metavar="FILE|NAME", help="a checkpoint, a bundled name or a builder's name")
    model_argument(parser)
    parser.set_defaults(needs_detector=True)


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Ends with the usage when a command needs a detector and none was named, or finds another misuse itself (`misuse`)."""
    if getattr(args, "needs_detector", False) and not (args.model or args.checkpoint):
        parser.error("no detector is named; give --checkpoint FILE, or --model MODULE:NAME for a network of your own")
    sentence = args.misuse(args) if hasattr(args, "misuse") else ""
    if sentence:
        parser.error(sentence)


def source_of(args: argparse.Namespace) -> str | NamedModel:
    """The detector that the arguments name."""
    return NamedModel(args.model, args.checkpoint or "") if args.model else str(args.checkpoint)
