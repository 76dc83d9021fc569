"""One HTTP/1.1 connection: one request out, one whole answer back, then the next.

No request is sent before the answer to the last one is whole, so no byte can be taken for another
answer's: what comes unasked ends the connection.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from ingather.providers import http_head
from ingather.providers.http_head import Broken, Head, Headers

Raw = tuple[int, Headers, bytes]
"""Status, headers, and the body as it was sent, without its chunks."""

_MOST_LINE: Final = 4096
"""Bytes that the line before a chunk may have, its extensions included."""


_MOST_SIZES: Final = 1024 * 1024
"""Bytes that a body may have beside its contents: tiny chunks would keep us busy for nothing."""


class Dropped(Exception):
    """The connection ended before the answer was whole. begun: whether a byte of it had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__()
        self.begun = begun


class TooLarge(Exception):
    """The body has more bytes than are taken."""


class Wire(asyncio.Protocol):
    """An open connection. most: bytes a body may have as it is sent. idle_since: on the loop's
    clock. lost: called when the connection has ended."""

    def __init__(self, most: int, lost: "Callable[[Wire], None]") -> None:
        self._most = most
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Raw] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._open = False
        self._clear()
        self.idle_since = 0.0

    def _clear(self) -> None:
        self._head: Head | None = None
        self._buffer = b""
        self._interim = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._chunks: Chunks | None = None
        self._begun = False

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        transport = self._transport
        return self._open and transport is not None and not transport.is_closing()

    def ask(self, request: bytes, seconds: float) -> "asyncio.Future[Raw]":
        """Send a request; its answer. Raises Broken, Dropped, TooLarge, TimeoutError, after each
        of which the connection is closed. Whoever gives the answer up must call `close`."""
        assert self._transport is not None
        answer: asyncio.Future[Raw] = self._loop.create_future()
        self._answer = answer
        self._timer = self._loop.call_later(seconds, self._fail, TimeoutError())
        self._transport.write(request)
        return answer

    def close(self) -> None:
        """End the connection at once."""
        self._open = False
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: other event loops' transports are not of asyncio's own class.
        self._transport = transport  # type: ignore[assignment]
        self._open = True

    def connection_lost(self, exc: Exception | None) -> None:
        head, until_it_ends = self._head, self._chunks is None
        whole = head is not None and head.length is None and until_it_ends and exc is None
        self._open = False
        if whole and head is not None:
            self._done(head)
        else:
            self._fail(Dropped(begun=self._begun))
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()
            return
        self._begun = True
        try:
            if self._head is None:
                self._read_head(data)
            else:
                self._read_body(self._head, data)
        except (Broken, TooLarge) as found:
            self._fail(found)

    def _read_head(self, data: bytes) -> None:
        raw = self._buffer + data if self._buffer else data
        while True:
            end = raw.find(b"\r\n\r\n")
            if (len(raw) if end < 0 else end) + self._interim > http_head.MOST_HEAD:
                raise Broken("a head without an end")
            if end < 0:
                if b"\n\n" in raw or not b"HTTP/1.".startswith(raw[:7]):
                    raise Broken("no HTTP status")
                self._buffer = raw
                return
            head = http_head.read(raw[:end])
            raw = raw[end + 4 :]
            if head.status >= 200:
                break
            if head.status == 101:
                raise Broken("another protocol")
            self._interim += end + 4
        self._head, self._buffer = head, b""
        if head.length is not None and head.length > self._most:
            raise TooLarge
        if head.chunked:
            self._chunks = Chunks(self._most)
        if raw or head.length == 0:
            self._read_body(head, raw)

    def _read_body(self, head: Head, data: bytes) -> None:
        if self._chunks is not None:
            if self._chunks.feed(data):
                self._parts = self._chunks.parts
                self._done(head, surplus=bool(self._chunks.rest))
            return
        self._size += len(data)
        if head.length is None:
            if self._size > self._most:
                raise TooLarge
            self._parts.append(data)
            return
        surplus = self._size - head.length
        if surplus > 0:
            data = data[: len(data) - surplus]
        self._parts.append(data)
        if surplus >= 0:
            self._done(head, surplus=surplus > 0)

    def _done(self, head: Head, *, surplus: bool = False) -> None:
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        answer, self._answer = self._answer, None
        self._stop_timer()
        self._clear()
        if surplus or not head.keep:
            self.close()
        if answer is not None and not answer.done():
            answer.set_result((head.status, head.headers, body))

    def _fail(self, reason: Exception) -> None:
        answer, self._answer = self._answer, None
        self.close()
        if answer is not None and not answer.done():
            answer.set_exception(reason)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Chunks:
    """A body that comes in chunks. parts: their contents. rest: what came after the last."""

    def __init__(self, most: int) -> None:
        self.parts: list[bytes] = []
        self.rest = b""
        self._left = most
        self._bytes = most + _MOST_SIZES
        self._buffer = bytearray()
        self._size: int | None = None

    def feed(self, data: bytes) -> bool:
        """Take more bytes; whether the body is whole. Raises Broken, TooLarge."""
        self._bytes -= len(data)
        if self._bytes < 0:
            raise TooLarge
        buffer = self._buffer
        buffer += data
        at = 0
        while True:
            if self._size is None:
                end = buffer.find(b"\r\n", at, at + _MOST_LINE)
                if end < 0:
                    if len(buffer) - at >= _MOST_LINE:
                        raise Broken("a chunk without a size")
                    break
                self._size = _size(bytes(buffer[at:end]))
                at = end + 2
                self._left -= self._size
                if self._left < 0:
                    raise TooLarge
            if self._size == 0:
                del buffer[:at]
                return self._trailed()
            end = at + self._size
            if len(buffer) < end + 2:
                break
            if buffer[end : end + 2] != b"\r\n":
                raise Broken("a chunk that does not end where it says")
            self.parts.append(bytes(buffer[at:end]))
            at, self._size = end + 2, None
        del buffer[:at]
        return False

    def _trailed(self) -> bool:
        """Whether the lines after the last chunk have ended; what they say is not used."""
        buffer = self._buffer
        end = 0 if buffer[:2] == b"\r\n" else buffer.find(b"\r\n\r\n") + 2
        if end == 1:
            if len(buffer) > http_head.MOST_HEAD:
                raise Broken("trailers without an end")
            return False
        self.rest = bytes(buffer[end + 2 :])
        return True


def _size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].rstrip(b" \t")
    if not 1 <= len(digits) <= 16 or not set(digits) <= _HEX:
        raise Broken("a chunk without a size")
    return int(digits, 16)


_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
