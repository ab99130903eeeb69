"""Progress of downloads on a terminal or in a log: a line now and then. Imports neither Qt nor torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from fpn_viewer.engine.jobs import Token

if TYPE_CHECKING:
    from fpn_viewer.engine.jobs import Progress

#: of the whole between two lines
_STEP = 0.1


def telling() -> Token:
    """A token that writes what is downloaded to stderr; what else is done on the way takes seconds and is not told."""
    said = -_STEP

    def tell(progress: Progress) -> None:
        nonlocal said
        if progress.stage.startswith("downloading ") and progress.fraction >= min(said + _STEP, 1.0) and said < 1.0:
            said = progress.fraction
            print(progress.stage, file=sys.stderr, flush=True)

    return Token(tell)
