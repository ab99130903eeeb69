"""What goes wrong in a user's own code, as a sentence that names the line it went wrong at."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import DetectorError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: folders whose code is not the user's
_OURS = str(Path(__file__).parents[3])
_INSTALLED = ("site-packages", "dist-packages", "importlib", "<frozen")


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Turns what the block raises into a sentence.

    Args:
        what: was being done, as the sentence's subject: "importing nets".

    Raises:
        DetectorError: the block raised something that was not meant for a person; it is the cause.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise DetectorError(f"{what} failed with {_named(error)}{_place(error)}.") from error


def _named(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0].rstrip(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _place(error: BaseException) -> str:
    """The innermost line of the user's own, or of an unreadable file; "" where none of the code was theirs."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_foreign(f.filename)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""


def _is_foreign(path: str) -> bool:
    return path.startswith(_OURS) or any(part in path for part in _INSTALLED)
