"""Exceptions put into sentences."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import TypeAlias

from fpn_viewer.core.errors import CheckpointError, UserError

Describe: TypeAlias = Callable[[BaseException], tuple[str, str]]


def _user(error: BaseException) -> tuple[str, str]:
    return str(error), "user"


def _internal(error: BaseException) -> tuple[str, str]:
    # An exception class of foreign code may fail in its own str(); the standard formatter survives that.
    text = traceback.TracebackException.from_exception(error)
    return f"Something went wrong inside the program: {type(error).__name__}: {text}".rstrip(": "), "internal"


def _device_memory(_error: BaseException) -> tuple[str, str]:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    return "The graphics card ran out of memory; its cache was emptied. A smaller input size needs less.", "memory"


def _main_memory(_error: BaseException) -> tuple[str, str]:
    return "The computer ran out of memory. A smaller input size needs less.", "memory"


def _runtime(error: BaseException) -> tuple[str, str]:
    # On the CPU torch reports exhausted memory as a plain RuntimeError that names its allocator.
    return _main_memory(error) if "DefaultCPUAllocator" in str(error) else _internal(error)


# By class name, because importing torch here would delay the first window by seconds.
_DESCRIPTIONS: dict[str, Describe] = {
    UserError.__name__: _user,
    "OutOfMemoryError": _device_memory,
    MemoryError.__name__: _main_memory,
    RuntimeError.__name__: _runtime,
    BaseException.__name__: _internal,
}


def describe(error: BaseException) -> tuple[str, str]:
    """Put an exception into a sentence.

    Args:
        error: What a request raised.

    Returns:
        The title and the kind of a `Failure`.
    """
    names = (cls.__name__ for cls in type(error).__mro__)
    return next(_DESCRIPTIONS[name] for name in names if name in _DESCRIPTIONS)(error)


def details(error: BaseException) -> str:
    """What goes under Details: the lines that the error brings along, then where it was raised.

    Args:
        error: What a request raised.
    """
    lines = error.details if isinstance(error, CheckpointError) else ()
    frames = "".join(traceback.format_exception(error))
    return "\n".join((*lines, "", frames)) if lines else frames


def release_frames(error: BaseException) -> None:
    """Clear the locals of an exception's frames and of those it was raised from or during, whoever still holds them."""
    seen: set[int] = set()
    found: list[BaseException | None] = [error]
    while found:
        link = found.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            found += [link.__cause__, link.__context__]
            traceback.clear_frames(link.__traceback__)
