"""The one way out: GET, one total deadline, a bounded body, and errors that name no secret.

A failure of the network is `errors.Transient`, raised without a cause and without a context: what
aiohttp says may quote an address, and an address may carry a secret. Redirects are never followed,
cookies never kept.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from ingather import __version__, errors

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

DEADLINE: Final = 30.0
"""Seconds for one call, from its first packet to the last byte of its body."""

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes a body may have, both as sent and once decompressed."""

CONNECTIONS: Final = 256


class Answer(Struct, frozen=True, gc=False):
    """An HTTP answer whatever its status. headers: names in any case. body: decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status}, {len(self.body)} bytes)"


class Http:
    """A pool of kept-alive connections, made at the first call."""

    def __init__(
        self,
        *,
        deadline: float = DEADLINE,
        max_body: int = MAX_BODY,
        connections: int = CONNECTIONS,
    ) -> None:
        self._deadline = deadline
        self._max_body = max_body
        self._connections = connections
        self._session: ClientSession | None = None

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Fetch an address, percent-encoded already; params are encoded here.

        deadline: seconds for the whole call. Raises Transient where no whole answer came in time,
        or one too large; Refused where the address is none.
        """
        import aiohttp
        from yarl import URL

        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params, quote_via=quote)}"
        seconds = self._deadline if deadline is None else deadline
        response: ClientResponse | None = None
        failure: errors.SourceError
        try:
            target = URL(url, encoded=True)
            async with asyncio.timeout(seconds):
                response = await self._open().get(target, headers=headers, allow_redirects=False)
                body = await self._read(response)
            return Answer(response.status, response.headers, body)
        except TimeoutError:
            failure = errors.Transient(f"{_host(url)} gave no whole answer within {seconds:g} s.")
        except errors.Transient as found:
            failure = found
        except aiohttp.InvalidURL:
            failure = errors.Refused("The address of the source is not a usable URL.")
        except (aiohttp.ClientError, OSError, ValueError, EOFError, zlib.error) as found:
            failure = errors.Transient(_sentence(found, _host(url)))
        finally:
            if response is not None:
                response.close()
        raise failure

    async def close(self) -> None:
        """Close every connection; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> "ClientSession":
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                headers={"User-Agent": f"ingather/{__version__}", "Accept-Encoding": "gzip"},
                auto_decompress=False,
            )
        return self._session

    async def _read(self, response: "ClientResponse") -> bytes:
        """The body, whole; stops reading as soon as it is too large."""
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return await self._plain(response)
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise errors.Transient(f"{response.host} answered in an encoding not asked for.")
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        packed, parts, size = 0, [], 0
        while chunk := await response.content.readany():
            packed += len(chunk)
            parts.append(inflater.decompress(chunk, self._max_body + 1 - size))
            size += len(parts[-1])
            if size > self._max_body or packed > self._max_body:
                raise self._too_large(response)
        if not inflater.eof:
            raise errors.Transient(f"{response.host} broke off in the middle of an answer.")
        return b"".join(parts)

    async def _plain(self, response: "ClientResponse") -> bytes:
        body = await response.content.readany()
        if len(body) <= self._max_body and response.content.at_eof():
            return body
        parts, size = [body], len(body)
        while size <= self._max_body:
            chunk = await response.content.readany()
            if not chunk:
                return b"".join(parts)
            parts.append(chunk)
            size += len(chunk)
        raise self._too_large(response)

    def _too_large(self, response: "ClientResponse") -> errors.Transient:
        most = self._max_body // (1024 * 1024)
        return errors.Transient(f"{response.host} answered with more than {most} MB; dropped.")


def _host(url: str) -> str:
    """Who was called, for messages: never more of the address than its host."""
    try:
        return urlsplit(url).hostname or "The source"
    except ValueError:
        return "The source"


def _sentence(found: BaseException, host: str) -> str:
    """What went wrong, from the kind of the error alone."""
    import aiohttp

    if isinstance(found, aiohttp.ClientConnectorDNSError):
        return f"{host} has no address; is this computer online?"
    if isinstance(found, aiohttp.ClientSSLError):
        return f"{host} could not prove who it is (TLS)."
    if isinstance(found, aiohttp.ClientConnectorError):
        return f"{host} accepts no connection."
    return f"{host} broke the connection off ({type(found).__name__})."
