"""The one way out: one total deadline, a bounded body, and errors that name no secret.

A failure of the network is `errors.Transient`, raised without a cause and without a context: what
the system says may quote an address, and an address may carry a secret. Redirects are never
followed, cookies never kept, proxies never asked of the environment.
"""

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, lru_cache
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from ingather import __version__, errors
from ingather.providers.http_dial import dial
from ingather.providers.http_head import Broken
from ingather.providers.http_wire import Dropped, Raw, TooLarge, Wire

DEADLINE: Final = 30.0
"""Seconds for one call, from its first packet to the last byte of its body."""

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes a body may have, both as sent and once decompressed."""

CONNECTIONS: Final = 256
IDLE: Final = 60.0
"""Seconds after which a connection that nobody used is not used again."""

Again = Callable[[], Awaitable[object]]

_AUTHORITY = re.compile(r"[^\s/?#@\\]+")
_UNSENDABLE = re.compile("[^\t -~\x80-\xff]")
_OURS: Final = {
    "user-agent": f"User-Agent: ingather/{__version__}\r\n",
    "accept": "Accept: */*\r\n",
    "accept-encoding": "Accept-Encoding: gzip\r\n",
}
"""What every request says where the caller does not say otherwise."""


class Answer(Struct, frozen=True, gc=False):
    """An HTTP answer whatever its status. headers: names in any case. body: decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status}, {len(self.body)} bytes)"


class Place(Struct, frozen=True):
    """Where to connect to. name: as the Host header has it."""

    host: str
    port: int
    tls: bool
    name: str


class Http:
    """A pool of kept-alive connections, made when they are needed."""

    def __init__(
        self,
        *,
        deadline: float = DEADLINE,
        max_body: int = MAX_BODY,
        connections: int = CONNECTIONS,
    ) -> None:
        self._deadline = deadline
        self._max_body = max_body
        self._slots = asyncio.Semaphore(connections)
        self._idle: dict[Place, list[Wire]] = {}
        self._wires: set[Wire] = set()

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        again: Again | None = None,
    ) -> Answer:
        """Fetch an address, percent-encoded already; params are encoded here.

        deadline: seconds for the whole call. again: awaited before the request is sent a second
        time, because a connection kept for long turned out to have ended; for those who count what
        they send. Raises Transient where no whole answer came in time, or one too large; Refused
        where the address is none.
        """
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params, quote_via=_quote)}"
        return await self._call("GET", url, headers, b"", deadline, again or _freely)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Send a body to an address; never a second time. headers: its Content-Type among them.
        Raises as `get` does."""
        more = {**(headers or {}), "Content-Length": str(len(body))}
        return await self._call("POST", url, more, body, deadline)

    async def close(self) -> None:
        """Close every connection; a later call opens new ones."""
        wires = list(self._wires)
        for wire in wires:
            wire.close()
        if wires:
            await asyncio.sleep(0)  # the transports let go of their sockets in the loop's next turn

    async def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes,
        deadline: float | None,
        again: Again | None = None,
    ) -> Answer:
        seconds = self._deadline if deadline is None else deadline
        place, request = _request(method, url, headers, body)
        failure: errors.SourceError
        try:
            status, found, packed = await self._exchange(place, request, seconds, again)
            return Answer(status, found, self._unpacked(found.get("content-encoding"), packed))
        except TimeoutError:
            failure = errors.Transient(f"{place.host} gave no whole answer within {seconds:g} s.")
        except (OSError, ssl.SSLError, Broken, Dropped, TooLarge, zlib.error) as found_wrong:
            failure = errors.Transient(self._sentence(found_wrong, place.host))
        raise failure

    async def _exchange(
        self, place: Place, request: bytes, seconds: float, again: Again | None
    ) -> Raw:
        """Send a request over a connection that is there, or a new one. again: None where it may
        not be sent a second time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._slots.locked():
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        else:
            await self._slots.acquire()
        try:
            if (wire := self._kept(place, loop.time())) is not None:
                try:
                    return await self._ask(wire, place, request, seconds)
                except Dropped as dropped:
                    if dropped.begun or again is None:
                        raise
                    await again()
                    until = loop.time() + seconds
            async with asyncio.timeout_at(until):
                wire = await self._connect(place)
            return await self._ask(wire, place, request, until - loop.time())
        finally:
            self._slots.release()

    async def _ask(self, wire: Wire, place: Place, request: bytes, seconds: float) -> Raw:
        try:
            answer = await wire.ask(request, seconds)
        except BaseException:
            wire.close()  # its answer may still be on the way
            raise
        if wire.usable:
            wire.idle_since = asyncio.get_running_loop().time()
            self._idle.setdefault(place, []).append(wire)
        return answer

    def _kept(self, place: Place, now: float) -> Wire | None:
        """The connection that was used last, if it is fresh enough."""
        idle = self._idle.get(place)
        while idle:
            wire = idle.pop()
            if wire.usable and now - wire.idle_since < IDLE:
                return wire
            wire.close()
        return None

    async def _connect(self, place: Place) -> Wire:
        loop = asyncio.get_running_loop()
        reached = await dial(place.host, place.port)
        try:
            _, wire = await loop.create_connection(
                lambda: Wire(self._max_body, self._wires.discard),
                sock=reached,
                ssl=self._tls if place.tls else None,
                server_hostname=place.host if place.tls else None,
            )
        except BaseException:
            reached.close()
            raise
        self._wires.add(wire)
        return wire

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _unpacked(self, encoding: str | None, body: bytes) -> bytes:
        """The body decompressed; no more of it than may be."""
        coding = (encoding or "").strip().lower()
        if coding in ("", "identity"):
            return body
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise Broken("an encoding that was not asked for")
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        plain = inflater.decompress(body, self._max_body + 1)
        if len(plain) > self._max_body:
            raise TooLarge
        if not inflater.eof:
            raise Dropped(begun=True)
        return plain

    def _sentence(self, found: Exception, host: str) -> str:
        """What went wrong, from the kind of the error alone."""
        match found:
            case socket.gaierror():
                return f"{host} has no address; is this computer online?"
            case ssl.SSLError():
                return f"{host} could not prove who it is (TLS)."
            case OSError():
                return f"{host} accepts no connection."
            case TooLarge():
                most = self._max_body // (1024 * 1024)
                return f"{host} answered with more than {most} MB; dropped."
            case Broken():
                return f"{host} did not answer in HTTP: {found}."
            case zlib.error():
                return f"{host} answered with something that cannot be decompressed."
        return f"{host} broke the connection off in the middle of a call."


async def _freely() -> None:
    """Nobody counts what is sent."""


def _request(
    method: str, url: str, headers: Mapping[str, str] | None, body: bytes
) -> tuple[Place, bytes]:
    """Where a request goes, and its bytes. Raises Refused for what cannot be sent."""
    url = url.partition("#")[0]
    begin = url.find("/", url.find("://") + 3)
    origin, path = (url, "/") if begin < 0 else (url[:begin], url[begin:])
    place = _place(origin)
    if place is None or not path.isascii() or not path.isprintable() or " " in path:
        raise errors.Refused("The address of the source is not a usable URL.")
    lines = {"": f"{method} {path} HTTP/1.1\r\nHost: {place.name}\r\n", **_OURS}
    for name, value in (headers or {}).items():
        if not (value.isascii() and value.isprintable()) and _UNSENDABLE.search(value):
            raise errors.Refused(
                f"What is to be sent to {place.host} as {name} holds a character that cannot be"
                " sent, such as the end of a line."
            )
        lines[name.lower()] = f"{name}: {value}\r\n"
    return place, "".join([*lines.values(), "\r\n"]).encode("latin-1") + body


_quote = lru_cache(maxsize=64)(quote)
"""For most words of a query are those of the one before."""


@lru_cache(maxsize=64)
def _place(origin: str) -> Place | None:
    """Where `https://host:port` is; None where that names no place."""
    scheme, _, authority = origin.partition("://")
    tls = scheme.lower() == "https"
    if not (tls or scheme.lower() == "http") or not _AUTHORITY.fullmatch(authority):
        return None
    try:
        parts = urlsplit(f"//{authority}")
        host = parts.hostname or ""
        port = parts.port or (443 if tls else 80)
        name = host if ":" in host else host.encode("idna").decode()
    except ValueError:
        return None
    if not name:
        return None
    shown = f"[{name}]" if ":" in name else name
    usual = port == (443 if tls else 80)
    return Place(name, port, tls, shown if usual else f"{shown}:{port}")
