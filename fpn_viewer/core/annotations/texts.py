"""Reads files whose size is not known to be sane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from pathlib import Path

#: bytes; COCO's largest files are half a gigabyte
LARGEST = 2 << 30


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """A file's bytes.

    Raises:
        AnnotationError: it cannot be read or is too large.
    """
    try:
        if not path.is_file():
            raise AnnotationError(f"{path} does not exist or is not a file; check the path.")
        if path.stat().st_size > largest:
            raise AnnotationError(f"{path} has more than {largest >> 20} MB, too much for annotations; choose another file.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AnnotationError(f"{path} cannot be read ({reason}); check the path and its permissions.") from error
    except MemoryError as error:
        raise AnnotationError(f"{path} needs more memory than is free; close other programs.") from error


def read_text(path: Path, largest: int = LARGEST) -> str:
    """A text file, UTF-8 or UTF-16 with a mark; bytes that are neither become "�".

    Raises:
        AnnotationError: it cannot be read or is too large.
    """
    raw = read_bytes(path, largest)
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    return raw.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")
