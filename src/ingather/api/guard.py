"""What every request passes, whichever room it is for: limits, size, headers, the last resort."""

import logging
import time
import traceback
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingather import errors
from ingather.api import problems
from ingather.api.limits import PeerLimit

log = logging.getLogger("ingather.api")

BODY = 2**20
"""Bytes of a body at the most."""

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
UNCOUNTED = frozenset({"/healthz", "/readyz"})

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise itself."""

Observe = Callable[[str, str, int, float], None]
"""Told of each request: method, the route's own template, status, seconds."""


class Broken(Exception):
    """An answer broke off in the middle; the connection is closed, so that its reader knows."""


class Guard:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, *, limit: PeerLimit, observe: Observe) -> None:
        self._app = app
        self._limit = limit
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refused = await self._refused(scope)
            if refused is not None:
                await refused(scope, receive, answer)
                return
            await self._app(scope, _bounded(receive), answer)
        except Exception as failure:  # noqa: BLE001 - the last resort
            _log(scope, failure)
            if status:
                raise Broken from None
            await problems.unexpected()(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._observe(scope["method"], route, status, time.perf_counter() - began)

    async def _refused(self, scope: Scope) -> Response | None:
        """The problem with a request that is not let in."""
        headers = Headers(scope=scope)
        try:
            if scope["path"] not in UNCOUNTED:
                await self._limit.admit((scope.get("client") or ("unknown",))[0])
            if scope["method"] in UNSAFE and headers.get("sec-fetch-site") == "cross-site":
                raise errors.Forbidden("Pages of other sites may not send requests here.")
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > BODY:
                raise errors.TooLarge(f"The body is larger than {BODY:,} bytes.")
        except errors.IngatherError as failure:
            return problems.of(failure)
        return None


def _bounded(receive: Receive) -> Receive:
    """The body as it comes, till it is too large."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY:
            raise errors.TooLarge(f"The body is larger than {BODY:,} bytes.")
        return message

    return bounded


def _log(scope: Scope, failure: Exception) -> None:
    """Where it went wrong. The error's own words may hold a secret, and stay out."""
    frames = traceback.extract_tb(failure.__traceback__)[-6:]
    where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    route = getattr(scope.get("route"), "path", "?")
    log.error("%s %s: %s at %s", scope["method"], route, type(failure).__name__, where)
