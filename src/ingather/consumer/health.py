"""`/health`, `/ready` and `/metrics` of the consumer, on a port of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ingather import errors
from ingather.consumer.metrics import Metrics
from ingather.domain.instants import iso
from ingather.ports.refresh import Accounts

_PATIENCE = 2.0


class Health:
    """health: 200 where the store answers. ready: 200 where messages are taken as well, which a
    Kafka that is gone does not give: nothing is gained by starting us again."""

    def __init__(self, accounts: Accounts, metrics: Metrics, ready: Callable[[], bool]) -> None:
        self._accounts = accounts
        self._metrics = metrics
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def start(self, port: int, host: str = "0.0.0.0") -> int:  # noqa: S104 - for probes
        """Listen; the port, a free one where 0 was asked for. Raises BadInput where it is taken."""
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._is_ready)
        app.router.add_get("/metrics", self._told)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as failure:
            await self._runner.cleanup()
            raise errors.BadInput(
                f"Port {port} cannot be listened on: {failure.strerror}.",
                hint="Pick another with --health-port; 0 picks a free one.",
            ) from None
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return await self._answer(True)

    async def _is_ready(self, _: web.Request) -> web.Response:
        return await self._answer(self._ready())

    async def _answer(self, ready: bool) -> web.Response:
        wait = self._metrics.longest
        told: dict[str, Any] = {
            "status": "ok",
            "store": "ok",
            "waiting": self._metrics.waiting,
            "waiting_for": None if wait is None else wait.what,
            "until": None if wait is None else iso(wait.until),
        }
        try:
            await asyncio.wait_for(self._accounts.load(["-"]), _PATIENCE)
        except (errors.IngatherError, TimeoutError) as failure:
            told |= {"status": "down", "store": getattr(failure, "code", "timeout")}
        if not ready and told["status"] == "ok":
            told["status"] = "not ready"
        return web.json_response(told, status=200 if told["status"] == "ok" else 503)

    async def _told(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), content_type="text/plain")
