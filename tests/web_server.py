"""A web server in a thread that gives files as servers of weights do, and misbehaves when told to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Web:
    """What the server does, and what it was asked.

    Attributes:
        files: path to bytes.
        ranges: whether it gives parts.
        tag: its ETag; none when empty.
        cut: closes the connection after so many bytes of each of the next answers.
        hold: bytes after which an answer waits for `gate`.
        status: answers this to everything instead.
        says_length: whether it announces how much comes.
        longer: bytes that it announces and never sends.
        shift: begins a part so many bytes away from where it was asked to.
        asked: for each request, its path and headers.
        held: set when an answer waits for the gate.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    tag: str = '"one"'
    cut: list[int] = field(default_factory=list)
    hold: int | None = None
    status: int = 0
    says_length: bool = True
    longer: int = 0
    shift: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def starts(self) -> list[int]:
        """For each request, the byte it began at."""
        return [int(headers.get("Range", "bytes=0-")[6:-1]) for _, headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        """Answers as `web` says."""
        web = self.web
        web.asked.append((self.path, dict(self.headers)))
        data = web.files.get(self.path)
        if web.status or data is None:
            return self.send_error(web.status or 404)
        start = self._start(data)
        if start >= len(data):
            return self.send_error(416)
        self._head(data, start)
        self._body(data[start:])

    def _start(self, data: bytes) -> int:
        asked = self.headers.get("Range")
        if asked is None or not self.web.ranges or self.headers.get("If-Range", self.web.tag) != self.web.tag:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-")) + self.web.shift

    def _head(self, data: bytes, start: int) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.web.says_length:
            self.send_header("Content-Length", str(len(data) - start + self.web.longer))
        if self.web.tag:
            self.send_header("ETag", self.web.tag)
        self.end_headers()

    def _body(self, data: bytes) -> None:
        web = self.web
        if web.cut:
            data = data[: web.cut.pop(0)]
        first = len(data) if web.hold is None else web.hold
        try:
            self.wfile.write(data[:first])
            if data[first:]:
                self.wfile.flush()
                web.held.set()
                web.gate.wait(60)
                self.wfile.write(data[first:])
        except (BrokenPipeError, ConnectionResetError):
            # whoever asked has gone, as a test wanted
            pass
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Is silent."""


class _Server(ThreadingHTTPServer):
    # a gate that nobody opens must not keep the tests from ending
    daemon_threads = True
    block_on_close = False


@contextmanager
def web_server() -> Iterator[Web]:
    """A running server on a port of its own."""
    web = Web()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web}))
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
