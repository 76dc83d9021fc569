"""One connection to Redis: commands out, replies back in the same order.

hiredis over an asyncio connection of our own costs about half of what redis-py's asyncio client
does per command, and 10 ms of import instead of half a second (performance.md). A lost connection
raises `errors.StoreUnavailable` for whatever was under way; the next call connects again. Whether
a command was executed is then unknown, so only what may be done twice should be tried again.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis
from msgspec import Struct

from ingather import errors

Word = str | bytes | int | float
Reply = Any
"""bytes, int, None, or a list of these."""

_SCHEMES = {"redis": False, "valkey": False, "rediss": True, "valkeys": True, "unix": False}


class NoScript(Exception):
    """The server does not know this script's hash; it has to be sent whole."""


class Address(Struct, frozen=True, kw_only=True):
    """Where a Redis is and as whom to speak to it. `place` is safe to show to people."""

    host: str = ""
    port: int = 6379
    path: str | None = None
    user: str | None = None
    password: str | None = None
    database: int = 0
    tls: bool = False
    ca_file: str | None = None
    verify: bool = True

    @property
    def place(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Address({self.place!r})"


def address_of(url: str) -> Address:
    """Read redis://, rediss:// or unix://[user:password@]host[:port][/database].

    TLS takes ?ssl_ca_certs=FILE and ?ssl_cert_reqs=none; a unix socket's database is ?db=N.
    Raises BadSetting, which never repeats the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        tls = _SCHEMES[parts.scheme]
        local = parts.scheme == "unix"
        if local and not parts.path:
            raise ValueError
        return Address(
            host=parts.hostname or "localhost",
            port=parts.port or 6379,
            path=unquote(parts.path) if local else None,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            database=int(query.get("db", "0") if local else parts.path.strip("/") or "0"),
            tls=tls,
            ca_file=query.get("ssl_ca_certs"),
            verify=query.get("ssl_cert_reqs", "required") != "none",
        )
    except (ValueError, KeyError):
        raise errors.BadSetting(
            "The address of Redis cannot be read.",
            hint="It looks like redis://localhost:6379/0, rediss://… or unix:///path/to/socket.",
        ) from None


def _translated(failure: Exception, place: str) -> Exception:
    """A server's error reply as an error of ours. Its first word says what it is; inside an old
    server's script error it stands further on."""
    text = str(failure)
    kind = text.partition(" ")[0]
    if kind == "NOSCRIPT":
        return NoScript(text)
    if "OOM command not allowed" in text or kind == "MISCONF":
        return errors.StorageFull(
            f"The Redis at {place} has no room left.",
            hint="Raise its maxmemory or free some of it, then resume: everything so far is kept.",
        )
    if "WRONGTYPE" in text:
        return errors.DamagedRecord(f"A key in the Redis at {place} is not of its type: {text}")
    if kind in ("NOAUTH", "WRONGPASS", "NOPERM") or "AUTH" in kind or "invalid password" in text:
        return errors.BadSetting(f"The Redis at {place} refuses this user or password ({kind}).")
    if kind in ("LOADING", "BUSY", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"):
        return errors.StoreUnavailable(f"The Redis at {place} cannot write just now: {text}")
    return errors.StoreError(f"The Redis at {place} answered: {text}")


class Talk(asyncio.Protocol):
    """A connection that is open."""

    def __init__(self, place: str, timeout: float) -> None:
        self.open = False
        self._place = place
        self._timeout = timeout
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._loop = asyncio.get_running_loop()
        self._heard = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: other event loops' transports are not of asyncio's own class.
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def ask(self, *words: Word) -> asyncio.Future[Reply]:
        """Send a command; its reply comes when awaited. Errors are those of `errors`."""
        answer: asyncio.Future[Reply] = self._loop.create_future()
        if not self.open or self._transport is None:
            answer.set_exception(self._gone())
            return answer
        if not self._waiting:
            self._heard = self._loop.time()
            if self._watch is None:
                self._watch = self._loop.call_later(self._timeout, self._check)
        self._waiting.append(answer)
        self._transport.write(hiredis.pack_command(words))  # type: ignore[arg-type]
        return answer

    def data_received(self, data: bytes) -> None:
        reader, waiting = self._reader, self._waiting
        self._heard = self._loop.time()
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                answer = waiting.popleft()
                if answer.done():  # nobody waits for it any more
                    continue
                if isinstance(reply, hiredis.ReplyError):
                    answer.set_exception(_translated(reply, self._place))
                else:
                    answer.set_result(reply)
        except (hiredis.ProtocolError, IndexError):  # whoever answers there is no Redis
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(self._gone())

    def close(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def _check(self) -> None:
        """Close a connection on which an answer is overdue."""
        self._watch = None
        if not self._waiting:
            return
        left = self._heard + self._timeout - self._loop.time()
        if left <= 0:
            self.close()
        else:
            self._watch = self._loop.call_later(left, self._check)

    def _gone(self) -> errors.StoreUnavailable:
        return errors.StoreUnavailable(f"The Redis at {self._place} does not answer.")


class Wire:
    """Calls to one Redis, over one connection that is opened when needed.

    timeout: seconds without any answer after which the connection is given up.
    greet: called with each new connection before anything else may use it.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        greet: Callable[[Talk], Awaitable[None]] | None = None,
    ) -> None:
        self.address = address_of(url)
        self._timeout = timeout
        self._greet = greet
        self._talk: Talk | None = None
        self._opening = asyncio.Lock()

    async def call(self, *words: Word) -> Reply:
        """The reply to one command. Raises StoreUnavailable, StorageFull, DamagedRecord,
        BadSetting (a refused password), NoScript, StoreError."""
        talk = self._talk
        if talk is None or not talk.open:
            talk = await self._connect()
        return await talk.ask(*words)

    async def close(self) -> None:
        if self._talk is not None:
            self._talk.close()
            self._talk = None
            await asyncio.sleep(0)  # the transport lets go of its socket in the loop's next turn

    async def _connect(self) -> Talk:
        async with self._opening:
            if self._talk is not None and self._talk.open:
                return self._talk
            try:
                async with asyncio.timeout(self._timeout):
                    talk = await self._open()
            except (OSError, TimeoutError) as failure:
                reason = getattr(failure, "strerror", None) or "nobody answers"
                raise errors.StoreUnavailable(
                    f"The Redis at {self.address.place} cannot be reached: {reason}."
                ) from failure
            self._talk = talk
            return talk

    async def _open(self) -> Talk:
        address = self.address
        loop = asyncio.get_running_loop()
        talk = Talk(address.place, self._timeout)
        if address.path is not None:
            await loop.create_unix_connection(lambda: talk, address.path)
        else:
            await loop.create_connection(
                lambda: talk, address.host, address.port, ssl=self._context()
            )
        try:
            if address.password is not None:
                user = (address.user,) if address.user else ()
                await talk.ask("AUTH", *user, address.password)
            if address.database:
                await talk.ask("SELECT", address.database)
            if self._greet is not None:
                await self._greet(talk)
        except BaseException:
            talk.close()
            raise
        return talk

    def _context(self) -> ssl.SSLContext | None:
        if not self.address.tls:
            return None
        context = ssl.create_default_context(cafile=self.address.ca_file)
        if not self.address.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
