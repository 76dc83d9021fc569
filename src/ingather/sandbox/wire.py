"""HTTP/1.1 by hand, on loopback: answers in the time asked for, and every way of not answering."""

import asyncio
import time
from collections.abc import Callable
from functools import lru_cache
from typing import cast

from msgspec import Struct

from ingather.sandbox.answers import Answer

_HEAD_MOST = 64 << 10
_BODY_MOST = 1 << 20
_DRIP_SECONDS = 0.5


class Request(Struct):
    """One request as it came; `arrived` is on the loop's monotonic clock."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    arrived: float


class Wire(asyncio.Protocol):
    """One connection: requests are answered one after the other, in order."""

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        delay: Callable[[Request], float],
        open_wires: "set[Wire]",
    ) -> None:
        self._answer = answer
        self._delay = delay
        self._open = open_wires
        self._buffer = b""
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self.stop()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy:
            self._serve(time.perf_counter())

    def stop(self) -> None:
        """Drop the connection, an answer in the making included."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    def _serve(self, arrived: float) -> None:
        while self._buffer and not self._busy:
            request = self._read(arrived)
            if request is None:
                return
            close = request.headers.get("connection", "").lower() == "close"
            answer = self._answer(request)
            data = answer.head() + answer.body  # now: what is made after the wait comes late
            wait = self._delay(request) - (time.perf_counter() - arrived)
            if wait <= 0 and answer.manner == "plain":
                self._transport.write(data)
                if close:
                    self._transport.close()
                    return
                continue
            self._busy = True
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, wait), self._send, answer.manner, data, close)

    def _send(self, manner: str, data: bytes, close: bool) -> None:
        match manner:
            case "hang":
                return
            case "reset":
                self._transport.abort()
                return
            case "slow":
                self._drip(data, 0)
                return
        self._transport.write(data)
        self._busy = False
        if close:
            self._transport.close()
        else:
            self._serve(time.perf_counter())

    def _drip(self, data: bytes, at: int) -> None:
        if at >= len(data):
            self._busy = False
            self._serve(time.perf_counter())
            return
        self._transport.write(data[at : at + 1])
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_DRIP_SECONDS, self._drip, data, at + 1)

    def _read(self, arrived: float) -> Request | None:
        """The next whole request of the buffer; None where more must come first."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > _HEAD_MOST:
            if len(self._buffer) > _HEAD_MOST:
                self._refuse(431)
            return None
        head = _head(self._buffer[:end])
        if head is None:
            self._refuse(400)
            return None
        method, target, headers = head
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal() or int(length) > _BODY_MOST:
            self._refuse(411)
            return None
        stop = end + 4 + int(length)
        if len(self._buffer) < stop:
            return None
        body = self._buffer[end + 4 : stop]
        self._buffer = self._buffer[stop:]
        return Request(method, target, headers, body, arrived)

    def _refuse(self, status: int) -> None:
        self._buffer = b""
        answer = Answer(status=status, headers={"connection": "close"})
        self._transport.write(answer.head())
        self._transport.close()


@lru_cache(maxsize=8192)  # clients repeat themselves, and benchmarks repeat whole walks
def _head(raw: bytes) -> tuple[str, str, dict[str, str]] | None:
    """(method, target, headers by lower-case name) of a request; None where it is none."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return parts[0], parts[1], headers
