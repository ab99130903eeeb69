"""The list of what is in a zip file, read so strictly that no two readers can see different files in it."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from fpn_viewer.core.checkpoints.reading.limits import RECORDS, damaged, too_much

if TYPE_CHECKING:
    from collections.abc import Iterator

_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
#: values that say that the true one is in the 64-bit part
_IN_64_BITS = 0xFFFFFFFF
_ENCRYPTED = 1


@dataclass(frozen=True)
class Record:
    """One file in a zip.

    Attributes:
        name: with its folders.
        start: where its bytes begin, from the start of the zip.
        size: bytes it unpacks to.
        packed: bytes it has in the zip.
        header: where its own header begins.
        flags: bits of the format; the lowest is set when it is encrypted.
        method: 0 when it is stored as it is.
    """

    name: str
    start: int
    size: int
    packed: int
    header: int
    flags: int
    method: int

    @property
    def is_plain(self) -> bool:
        """Whether its bytes lie in the zip as they are."""
        return self.method == 0 and self.packed == self.size and not self.flags & _ENCRYPTED


def read_records(stream: IO[bytes], file: str) -> dict[str, Record]:
    """What a zip file holds, by name, in the order of its list.

    Raises:
        CheckpointError: its parts contradict each other, overlap, or are too many.
    """
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            start, size, count = _directory(data, file)
            records = list(_entries(data, start, size, count, file))
        except (struct.error, UnicodeDecodeError) as error:
            raise damaged(file, "its list of contents is damaged") from error
    named = {record.name: record for record in records}
    if len(named) < len(records):
        raise damaged(file, "two parts of it have the same name")
    _check_apart(records, start, file)
    return named


def _directory(data: mmap.mmap, file: str) -> tuple[int, int, int]:
    """Where the list is, its bytes, and its entries."""
    end = len(data) - 22
    if end < 0 or data[end : end + 4] != _END or data[end + 20 :] != b"\x00\x00":
        raise damaged(file, "its end is missing")
    disk, list_disk, here, count, size, start = struct.unpack_from("<4H2I", data, end + 4)
    if data[max(end - 20, 0) : end - 16] == _LOCATOR:
        end, disk, list_disk, here, count, size, start = _directory64(data, end - 20, file)
    if disk or list_disk or here != count or start + size != end:
        raise damaged(file, "its list of contents is not where it says")
    if count > RECORDS:
        raise too_much(file, "records")
    return start, size, count


def _directory64(data: mmap.mmap, locator: int, file: str) -> tuple[int, int, int, int, int, int, int]:
    _, end, _ = struct.unpack_from("<IQI", data, locator + 4)
    if end + 56 != locator or data[end : end + 4] != _END64:
        raise damaged(file, "its list of contents is not where it says")
    disk, list_disk, here, count, size, start = struct.unpack_from("<2I4Q", data, end + 16)
    return end, disk, list_disk, here, count, size, start


def _entries(data: mmap.mmap, start: int, size: int, count: int, file: str) -> Iterator[Record]:
    at = start
    for _ in range(count):
        if data[at : at + 4] != _ENTRY:
            raise damaged(file, "its list of contents is damaged")
        flags, method = struct.unpack_from("<2H", data, at + 8)
        packed, unpacked, name_size, extra_size, comment_size = struct.unpack_from("<2I3H", data, at + 20)
        (header,) = struct.unpack_from("<I", data, at + 42)
        name = data[at + 46 : at + 46 + name_size]
        extra = data[at + 46 + name_size : at + 46 + name_size + extra_size]
        unpacked, packed, header = _in_64_bits(extra, unpacked, packed, header)
        body = _body(data, header, name, start, file)
        yield Record(name.decode(), body, unpacked, packed, header, flags, method)
        at += 46 + name_size + extra_size + comment_size
    if at != start + size:
        raise damaged(file, "its list of contents is longer than it says")


def _in_64_bits(extra: bytes, *values: int) -> list[int]:
    """The values, with those that did not fit into 32 bits from where the format puts them."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + size]
            break
        at += 4 + size
    found = []
    for value in values:
        if value == _IN_64_BITS:
            (value,) = struct.unpack_from("<Q", wide)
            wide = wide[8:]
        found.append(value)
    return found


def _body(data: mmap.mmap, header: int, name: bytes, end: int, file: str) -> int:
    """Where the bytes of a record begin; its own header must have the name that the list has."""
    if header + 30 > end or data[header : header + 4] != _LOCAL:
        raise damaged(file, "a part of it is not where its list says")
    name_size, extra_size = (int(size) for size in struct.unpack_from("<2H", data, header + 26))
    if data[header + 30 : header + 30 + name_size] != name:
        raise damaged(file, "a part of it has another name than its list says")
    return header + 30 + name_size + extra_size


def _check_apart(records: list[Record], end: int, file: str) -> None:
    """Raises CheckpointError where records overlap each other or the list: that is how a small zip becomes a huge one."""
    ordered = sorted(records, key=lambda record: record.header)
    for record, following in zip(ordered, [*(r.header for r in ordered[1:]), end], strict=True):
        if record.start + record.packed > following:
            raise damaged(file, "parts of it overlap")
