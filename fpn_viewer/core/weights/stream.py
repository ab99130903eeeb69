"""An answer of a web server, read on a thread of its own: whoever waits for it can stop at any moment, also while nothing comes."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.request import build_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message
    from types import TracebackType
    from urllib.request import Request

#: s without a byte after which a server is given up
TIMEOUT = 20.0
_CHUNK = 1 << 16
#: chunks that may lie ready
_READY = 16
#: s between two questions whether to stop
_POLL = 0.05


class NetworkError(Exception):
    """Something came between this computer and the server.

    Attributes:
        status: the server's own answer, 404; 0 when there was none.
    """

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Head:
    """How an answer begins: the status, 200 or 206, and the headers."""

    status: int
    headers: Message


_Item: TypeAlias = Head | bytes | Exception


class Stream:
    """The answer to one request; a context, which lets go of the connection."""

    def __init__(self, request: Request, idle: Callable[[], None]) -> None:
        """Begins to ask.

        Args:
            request: to a web server; proxies are those of the environment.
            idle: called again and again while waiting; may raise to stop.
        """
        self._host, self._idle = request.host, idle
        self._items: Queue[_Item] = Queue(_READY)
        self._left = Event()
        Thread(target=self._pump, args=(request,), name="download", daemon=True).start()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left.set()

    def head(self) -> Head:
        """Waits for the beginning.

        Raises:
            NetworkError: there is none, or it says that there is no such file.
        """
        found = self._next()
        assert isinstance(found, Head)
        return found

    def chunks(self) -> Iterator[bytes]:
        """What follows, piece by piece as it comes.

        Raises:
            NetworkError: the connection broke.
        """
        while chunk := self._next():
            assert isinstance(chunk, bytes)
            yield chunk

    def _next(self) -> Head | bytes:
        while True:
            self._idle()
            try:
                item = self._items.get(timeout=_POLL)
            except Empty:
                continue
            if isinstance(item, Exception):
                raise NetworkError(_words(item, self._host), getattr(item, "code", 0)) from item
            return item

    def _pump(self, request: Request) -> None:
        try:
            with build_opener().open(request, timeout=TIMEOUT) as response:
                self._put(Head(response.status, response.headers))
                while (chunk := response.read1(_CHUNK)) and not self._left.is_set():
                    self._put(chunk)
            self._put(b"")
        except HTTPError as error:
            error.close()
            self._put(error)
        except (OSError, HTTPException, ValueError) as error:
            self._put(error)

    def _put(self, item: _Item) -> None:
        while not self._left.is_set():
            try:
                return self._items.put(item, timeout=_POLL)
            except Full:
                continue


def _words(error: Exception, host: str) -> str:
    """What happened, as a part of a sentence."""
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    if isinstance(error, HTTPError):
        return f"{host} answers {error.code} {error.reason}"
    if isinstance(reason, TimeoutError):
        return f"{host} has been silent for {TIMEOUT:g} s"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"{host} cannot be reached ({text})" if isinstance(error, URLError) else f"the connection to {host} broke ({text})"
