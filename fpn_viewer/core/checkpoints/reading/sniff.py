"""What kind of file something is, told from its bytes and never from its name."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

#: bytes looked at: enough for a tar header and the start of any text
_HEAD = 4096
#: the number that torch before 1.6 wrote first, as a pickle without its protocol
_TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
LFS = b"version https://git-lfs.github.com/spec/"

_ASK = "give the .pth, .pt, .ckpt, .pkl or .safetensors file that the training wrote"
_CONVERT = "save the PyTorch model's state_dict() with torch.save and open that"
_UNPACK = "unpack it and open the checkpoint inside"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: "zip", "legacy", "tar", "safetensors", "pickle" for what is read; else what it is, in words with an article.
        advice: what to do instead; "" for what is read.
    """

    name: str
    advice: str = ""


_PICTURE = Kind("a picture", _ASK)
_PACKED = Kind("a compressed archive", _UNPACK)
_TENSORFLOW = Kind("a TensorFlow file", _CONVERT)

#: (offset, bytes, kind), first match wins
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, LFS, Kind("a Git LFS pointer, not the weights themselves", "run `git lfs pull` in its repository")),
    (0, b"PK\x03\x04", Kind("zip")),
    (0, b"PK\x05\x06", Kind("an empty zip archive", _ASK)),
    (257, b"ustar", Kind("tar")),
    (0, b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file (Keras, MATLAB)", _CONVERT)),
    (0, b"GGUF", Kind("a GGUF file of a language model", _ASK)),
    (4, b"TFL3", Kind("a TensorFlow Lite model", _CONVERT)),
    (0, b"\x93NUMPY", Kind("a NumPy array", _ASK)),
    (0, b"\x89PNG", _PICTURE),
    (0, b"\xff\xd8\xff", _PICTURE),
    (0, b"GIF8", _PICTURE),
    (0, b"BM", _PICTURE),
    (0, b"II*\x00", _PICTURE),
    (0, b"MM\x00*", _PICTURE),
    (8, b"WEBP", _PICTURE),
    (0, b"%PDF", Kind("a PDF document", _ASK)),
    (0, b"\x1f\x8b", _PACKED),
    (0, b"7z\xbc\xaf\x27\x1c", _PACKED),
    (0, b"Rar!", _PACKED),
    (0, b"\xfd7zXZ", _PACKED),
    (0, b"BZh", _PACKED),
    (0, b"\x28\xb5\x2f\xfd", _PACKED),
    (0, b"\x7fELF", Kind("a program (ELF)", _ASK)),
    (0, b"MZ", Kind("a program (Windows)", _ASK)),
    (0, b"\x00asm", Kind("a WebAssembly program", _ASK)),
    (0, b"\x12\x01\x00\x00\x00\x00\x00\x00", Kind("an MXNet file", _CONVERT)),
)
#: the last bytes of the index that TensorFlow writes beside its weights
_TENSORFLOW_INDEX = struct.pack("<Q", 0xDB4775248B80FB57)
#: how pickles of protocols 0 and 1 start: a dict, a list, or a class by its name
_OLD_PICKLE = re.compile(rb"[}\]]q\x00|\((?:d|l)p?\d*\n|c[\w.]+\n\w+\n[(pq]")


def open_file(path: Path) -> IO[bytes]:
    """A regular file, open for reading; links are followed.

    Raises:
        CheckpointError: it is missing, a folder, a device or pipe, empty, or may not be read.
    """
    try:
        # a pipe that nobody writes to would make a blocking open wait for ever
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise CheckpointError(_not_opened(path, error)) from error
    status = os.fstat(number)
    sentence = _unreadable(path, status)
    if sentence:
        os.close(number)
        raise CheckpointError(sentence)
    return os.fdopen(number, "rb")


def _not_opened(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist; check the name."
    if isinstance(error, PermissionError):
        # Windows says the same of a folder
        return _folder(path) if path.is_dir() else f"{path} may not be read by you; ask for permission to read it."
    if isinstance(error, IsADirectoryError):
        return _folder(path)
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return f"{path} is a link that leads back to itself; give the file itself."
    return f"{path} cannot be opened ({getattr(error, 'strerror', None) or error}); check the name and the disk."


def _unreadable(path: Path, status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return _folder(path)
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is a device or pipe, not a file; give a checkpoint file."
    return "" if status.st_size else f"{path} is empty; copy or download it again."


def _folder(path: Path) -> str:
    return f"{path} is a folder; give the checkpoint file in it."


def sniff(file: IO[bytes]) -> Kind:
    """What kind of file it is; the file's position is put back to its start."""
    head = file.read(_HEAD)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 8, 0))
    tail = file.read(8)
    file.seek(0)
    by_magic = next((kind for offset, magic, kind in _MAGIC if head.startswith(magic, offset)), None)
    by_end = _TENSORFLOW if tail == _TENSORFLOW_INDEX else None
    return (
        _first(_READ, head, size)
        or by_magic
        or by_end
        or _first(_LOOKS, head, size)
        or Kind("no kind of checkpoint that is known", _ASK)
    )


def _first(looks: Sequence[tuple[Callable[[bytes, int], bool], Kind]], head: bytes, size: int) -> Kind | None:
    return next((kind for is_kind, kind in looks if is_kind(head, size)), None)


def _is_legacy(head: bytes, _size: int) -> bool:
    return head[:1] == b"\x80" and head.startswith(_TORCH_MAGIC, 2)


def _is_pickle(head: bytes, _size: int) -> bool:
    return (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")) or bool(_OLD_PICKLE.match(head))


def _is_safetensors(head: bytes, size: int) -> bool:
    if len(head) < 10 or head[8:9] != b"{":
        return False
    (length,) = struct.unpack_from("<Q", head)
    return length <= size - 8 or b'"dtype"' in head or b'"__metadata__"' in head


def _is_onnx(head: bytes, _size: int) -> bool:
    # field 1 (the version, a small number), then the producer's name or the graph
    return len(head) > 3 and head[0] == 0x08 and 0 < head[1] < 0x20 and head[2] in (0x12, 0x3A)


def _is_tensorflow(head: bytes, _size: int) -> bool:
    return b"saved_model_schema" in head or head.startswith(b"\x08\x01\x12") or b"\x12\x0bPlaceholder" in head


def _is_zeros(head: bytes, _size: int) -> bool:
    return not head.strip(b"\x00")


def _text(head: bytes) -> str:
    """The start of a text file; "" for anything else."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        # the last character may be cut
        text = head[: error.start].decode() if error.start >= len(head) - 3 else ""
    return text if all(c.isprintable() or c.isspace() for c in text) else ""


def _is_page(head: bytes, _size: int) -> bool:
    return bool(re.match(r"\s*<(?:!doctype html|html|head|!--)", _text(head), re.IGNORECASE))


def _is_xml(head: bytes, _size: int) -> bool:
    return _text(head).lstrip().startswith("<")


def _is_json(head: bytes, size: int) -> bool:
    text = _text(head).strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        # of a long file only the start was looked at
        return size > _HEAD or '"' in text
    return True


#: looked for before the two letters that other formats start with, which are a length as well
_READ = ((_is_safetensors, Kind("safetensors")), (_is_legacy, Kind("legacy")), (_is_pickle, Kind("pickle")))
_LOOKS: tuple[tuple[Callable[[bytes, int], bool], Kind], ...] = (
    (_is_tensorflow, _TENSORFLOW),
    (_is_onnx, Kind("an ONNX model", _CONVERT)),
    (_is_zeros, Kind("full of zeros: a copy or download that never finished", "copy or download it again")),
    (_is_page, Kind("a web page, not the weights themselves", "download the file behind the page's button or its raw link")),
    (_is_xml, Kind("an XML file", _ASK)),
    (_is_json, Kind("a JSON file", _ASK)),
    (lambda head, _size: bool(_text(head)), Kind("a text file", _ASK)),
)


def refusal(path: Path, kind: Kind) -> CheckpointError:
    """The sentence about a file of a kind that is not read."""
    return CheckpointError(f"{path.name} is {kind.name}; {kind.advice}.")
