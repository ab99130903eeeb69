"""A published file to this computer, into the folder where torch hub keeps its own: resumed, checked, and never there by halves."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request

from fpn_viewer.core.errors import CheckpointError
from fpn_viewer.core.weights.lock import alone
from fpn_viewer.core.weights.stream import NetworkError, Stream

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.weights.stream import Head
    from fpn_viewer.core.weights.table import Published

#: how often a connection that breaks is taken up again
ATTEMPTS = 4
#: the server has other bytes than those asked for
_NOT_THERE = 416
_PARTIAL = 206
_FULL = (errno.ENOSPC, errno.EDQUOT)
_BLOCK = 1 << 20


def hub_folder() -> Path:
    """Where torch hub keeps weights: $TORCH_HOME/hub/checkpoints, by default in ~/.cache/torch."""
    from torch import hub

    return Path(hub.get_dir()) / "checkpoints"


def fetched(published: Published, folder: Path | None = None) -> bool:
    """Whether the file is on this computer already. Imports torch when no folder is given."""
    return ((folder or hub_folder()) / published.file_name).exists()


def fetch(published: Published, watcher: Watcher | None = None, folder: Path | None = None) -> Path:
    """The file on this computer; what is there already is used, and what arrived before an interruption is not fetched again.

    Two programs that want the same file fetch it once: the second waits for the first.

    Args:
        published: which one, of `published()`.
        watcher: told "downloading NAME: 34 of 168 MB, 5.2 MB/s" and the share done; may raise to stop, then what arrived stays
            beside the file's place, called NAME.part.
        folder: torch hub's own when None, so that torchvision and this program share their files.

    Raises:
        CheckpointError: it cannot be had; the sentence says why and what to do. What arrived is kept where it is of use.
    """
    target = (folder or hub_folder()) / published.file_name
    download = _Download(published, target, watcher)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            with alone(target.with_name(f"{target.name}.lock"), download.waiting):
                if not target.exists():
                    download.run()
                    return target
        download.check_hash(target)
    except OSError as error:
        raise CheckpointError(_of_disk(error, published, target.parent)) from error
    return target


def _of_disk(error: OSError, published: Published, folder: Path) -> str:
    if error.errno in _FULL:
        return (
            f"the disk of {folder} has no room for {published.file_name} ({_mb(published.size)} MB); "
            "make room there, or set TORCH_HOME to another folder."
        )
    return (
        f"{published.file_name} cannot be kept in {folder} ({error.strerror or error}); "
        "see that the folder may be written to, or set TORCH_HOME to another."
    )


def _mb(size: float) -> str:
    return f"{size / 1e6:.3g}" if size < 1e7 else f"{size / 1e6:.0f}"


class _Download:
    """One file on its way: `NAME.part`, and `NAME.part.json` with what the server said of the whole."""

    def __init__(self, published: Published, target: Path, watcher: Watcher | None) -> None:
        self._published, self._target, self._watcher = published, target, watcher
        self._part = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    def waiting(self) -> None:
        """Told while another process fetches the same file."""
        self._tell(f"waiting for another program that is downloading {self._target.name}", self._have(), self._published.size)

    def run(self) -> None:
        """Fetches, checks and puts into place."""
        for attempt in range(1, ATTEMPTS + 1):
            before = self._have()
            try:
                self._receive()
                break
            except NetworkError as error:
                # what lies here is of another file, or longer than the server's
                useless = error.status == _NOT_THERE and before > 0
                if attempt == ATTEMPTS or not (useless or (not error.status and self._have() > before)):
                    raise CheckpointError(self._of_network(error)) from error
                if useless:
                    self._drop()
        self.check_hash(self._part)
        os.replace(self._part, self._target)
        self._note.unlink(missing_ok=True)

    def check_hash(self, path: Path) -> None:
        """Whether these are the bytes that torchvision published; a part that is not is removed.

        Raises:
            CheckpointError: they are not.
        """
        digest, done, size = hashlib.sha256(), 0, path.stat().st_size
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                done += len(block)
                self._tell(f"checking {self._target.name}", done, size)
        if digest.hexdigest().startswith(self._published.sha256):
            return
        if path == self._part:
            self._drop()
            raise CheckpointError(
                f"what arrived from {self._published.url} is not what torchvision published (its SHA-256 does not begin with "
                f"{self._published.sha256}) and was removed; try again, and look at what a proxy in between does."
            )
        raise CheckpointError(
            f"{path} is not the file that torchvision published (its SHA-256 does not begin with {self._published.sha256}); "
            "remove it to fetch it anew, or open it by its path."
        )

    def _receive(self) -> None:
        have, note = self._have(), self._read_note()
        if have and have == note.get("length"):
            return
        with Stream(Request(self._published.url, headers=_headers(have, note)), self._check) as stream:
            head = stream.head()
            start, length = _begins(head, have)
            if length is not None and shutil.disk_usage(self._part.parent).free < length - start:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._write_note(head, length)
            have = self._keep(stream, start, length)
        if length is not None and have < length:
            raise NetworkError(f"the connection to {_host(self._published)} broke off")

    def _keep(self, stream: Stream, start: int, length: int | None) -> int:
        """Writes what comes behind the first `start` bytes of the part, at most as much as was announced."""
        have, whole = start, length or self._published.size
        limit = length or 2 * self._published.size
        began = time.monotonic()
        # unbuffered: what is kept of an interrupted download is all that was counted, and a full disk speaks up at once
        with self._part.open("r+b" if start else "wb", buffering=0) as file:
            file.seek(start)
            for chunk in stream.chunks():
                _write(file, chunk)
                have += len(chunk)
                if have > limit:
                    self._drop()
                    raise CheckpointError(f"{self._published.url} sends more than torchvision published; nothing of it was kept.")
                rate = (have - start) / max(time.monotonic() - began, 1e-3)
                self._tell(f"downloading {self._target.name}: {_mb(have)} of {_mb(whole)} MB, {_mb(rate)} MB/s", have, whole)
        return have

    def _tell(self, stage: str, done: int, whole: int) -> None:
        if self._watcher is not None:
            self._watcher.check()
            self._watcher.report(stage, min(1.0, done / max(whole, 1)))

    def _check(self) -> None:
        if self._watcher is not None:
            self._watcher.check()

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _drop(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _read_note(self) -> dict[str, Any]:
        try:
            found = json.loads(self._note.read_bytes())
        except (FileNotFoundError, ValueError):
            # a part without its note is taken up all the same: the hash decides
            return {}
        return found if isinstance(found, dict) else {}

    def _write_note(self, head: Head, length: int | None) -> None:
        tag = head.headers.get("ETag") or ""
        # a weak tag (W/…) does not promise equal bytes
        version = head.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
        self._note.write_text(json.dumps({"version": version, "length": length}))

    def _of_network(self, error: NetworkError) -> str:
        kept = f"; the {_mb(self._have())} MB that arrived are kept" if self._have() else ""
        return (
            f"{self._target.name} cannot be downloaded: {error}{kept}; try again, or fetch {self._published.url} elsewhere "
            f"and put it into {self._target.parent}."
        )


def _write(file: Any, chunk: bytes) -> None:
    """All of it: a file without a buffer may take less than it is given."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _host(published: Published) -> str:
    return Request(published.url).host


def _headers(have: int, note: dict[str, Any]) -> dict[str, str]:
    # a proxy that compresses would give other bytes than those counted
    headers = {"User-Agent": "fpn-viewer", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if note.get("version"):
            headers["If-Range"] = str(note["version"])
    return headers


def _begins(head: Head, have: int) -> tuple[int, int | None]:
    """Where the answer begins in the file, and how long the whole file is; None when the server does not say.

    Raises:
        NetworkError: it is another part than was asked for.
    """
    announced = head.headers.get("Content-Length", "")
    length = int(announced) if announced.isdigit() else None
    if head.status != _PARTIAL:
        # the server knows no parts, or has another file by now
        return 0, length
    if not head.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise NetworkError("the server answers with another part than was asked for", _NOT_THERE)
    return have, None if length is None else have + length
