"""The application, and the server that carries it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from ingather import errors
from ingather.api import (
    accounts,
    analyses,
    cron,
    exports,
    extractions,
    giveaways,
    health,
    problems,
    schema,
    site,
)
from ingather.api.door import Door
from ingather.api.guard import Guard
from ingather.api.limits import PeerLimit
from ingather.engine.meanwhile import meanwhile

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.engine.stop import Stop

ROUTERS = (
    cron.router,  # before extractions, whose {id} would take the word `process`
    extractions.router,
    exports.router,
    analyses.router,
    giveaways.router,
    accounts.router,
    accounts.log_router,
    health.router,
    site.router,
)

RATE = 1_200
"""Requests a minute from one address."""

DRAIN = 8
"""Seconds that requests under way are given when the server ends."""


def build(world: "World", *, rate: int = RATE) -> FastAPI:
    """The application over a world. rate: requests a minute that one address may send."""
    here = Door(world)
    app = FastAPI(
        title="Ingather",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        default_response_class=Response,
        redirect_slashes=False,
        generate_unique_id_function=_operation,
    )
    app.state.door = here
    app.openapi = lambda: schema.document(app)  # type: ignore[method-assign]
    for router in ROUTERS:
        app.include_router(router)

    @app.exception_handler(errors.IngatherError)
    async def ours(_: Request, failure: errors.IngatherError) -> Response:
        return problems.of(failure)

    @app.exception_handler(HTTPException)
    async def http(request: Request, failure: HTTPException) -> Response:
        if failure.status_code == 405:
            return problems.of_http(failure, allowed=_allowed(request.url.path))
        return problems.of_http(failure)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, failure: RequestValidationError) -> Response:
        return problems.of(errors.Invalid(_sentence(failure)))

    shared = world.limiter if world.settings.redis_url is not None else None
    limit = PeerLimit(rate, world.clock, shared=shared)
    app.add_middleware(Guard, limit=limit, observe=here.metrics.observe)
    return app


def _operation(route: APIRoute) -> str:
    """A name for a route, which generated clients call their methods by."""
    return f"{route.tags[0]}_{route.name.rstrip('_')}"


def _allowed(path: str) -> list[str]:
    """Every method that this address takes: the framework names those of one route alone."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    first = next((route.path for route in routes if _matches(route.path, path)), None)
    methods = {method for route in routes if route.path == first for method in route.methods or ()}
    return sorted(methods)


def _matches(template: str, path: str) -> bool:
    return compile_path(template)[0].match(path) is not None


def _sentence(failure: RequestValidationError) -> str:
    """What is wrong with which parameter; never its value."""
    said = [
        f"{'.'.join(str(part) for part in each['loc'][1:]) or each['loc'][0]}: {each['msg']}"
        for each in failure.errors()[:5]
    ]
    return f"{'; '.join(said)}."


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: whoever started it has handlers of its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; raises BadInput where the address is taken or is none of this machine."""
    if not host:  # which would be all of them, and is what a variable without a value is
        raise errors.BadInput(
            "There is no address to listen at.", hint="--host 0.0.0.0 is every one."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as failure:
        raise errors.BadInput(
            f"Nothing can listen at {host} port {port}: {failure}.",
            hint="End what uses the port, or choose another with --port.",
        ) from None


async def serve(
    world: "World",
    host: str,
    port: int,
    stop: "Stop",
    *,
    sock: socket.socket | None = None,
    app: FastAPI | None = None,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until `stop` is requested; requests under way are then given a few seconds.

    port: 0 for a free one. sock: what `bound` gave for them, where it was asked before. app: that
    of `build`, where it was built already. ready: told the address once it can be connected to.
    """
    sock = sock or bound(host, port)
    app = app or build(world)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            proxy_headers=bool(world.settings.trusted_proxies),
            forwarded_allow_ips=list(world.settings.trusted_proxies),
            timeout_graceful_shutdown=DRAIN,
            h11_max_incomplete_event_size=2**16,
        )
    )
    here: Door = app.state.door
    async with here.delivering(here.metrics.sent), _until(stop, here, server):
        ready(f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}")
        try:
            await server.serve(sockets=[sock])
        finally:
            sock.close()
            here.close()
            for connection in list(server.server_state.connections):
                connection.transport.abort()  # its reader has stalled, and has had his time
            if here.tasks:
                await asyncio.wait(here.tasks, timeout=DRAIN)


@asynccontextmanager
async def _until(stop: "Stop", here: Door, server: uvicorn.Server) -> AsyncIterator[None]:
    """Tell the server when it is to end."""

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            here.close()
            server.should_exit = True

    async with meanwhile(wait()) as task:
        stop.over(task)
        yield
