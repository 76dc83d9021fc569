"""A sandbox on a loopback address, within this process."""

import asyncio
import ipaddress
from types import TracebackType

from ingather.sandbox.app import App
from ingather.sandbox.options import BEACON_PATH, HIKER_PATH, TSA_PATH, VERSION, WEB_PATH, Options
from ingather.sandbox.state import Logged, Wish
from ingather.sandbox.wire import Wire


class Sandbox:
    """A running sandbox; `async with` closes it.

    url: its front door, where the catalogue is. graph_url and login_url stand for
    graph.facebook.com and for the login dialog, hiker_url for api.hikerapi.com,
    beacon_url for api.drand.sh, web_url for www.instagram.com,
    tsa_url for a time-stamp authority.
    """

    def __init__(self, app: App, server: asyncio.Server, wires: set[Wire], url: str) -> None:
        self._app = app
        self._server = server
        self._wires = wires
        self.url = url
        self.graph_url = f"{url}/{VERSION}"
        self.login_url = f"{url}/{VERSION}/dialog/oauth"
        self.hiker_url = f"{url}{HIKER_PATH}"
        self.beacon_url = f"{url}{BEACON_PATH}"
        self.tsa_url = f"{url}{TSA_PATH}"
        self.web_url = f"{url}{WEB_PATH}"

    def control(self, **wish: object) -> dict[str, object]:
        """As a POST to the control door: `control(faults={"throttle": 0.02})`."""
        import msgspec

        return self._app.control(msgspec.convert(wish, Wish))

    @property
    def names(self) -> dict[str, str]:
        """Media ids of the catalogue's posts by their names."""
        return {post.name: post.id for post in self._app.world.named if post.name}

    @property
    def codes(self) -> dict[str, str]:
        """Shortcodes of the same posts by the same names."""
        return {post.name: post.shortcode for post in self._app.world.named if post.name}

    def calls(self) -> list[Logged]:
        """The last 10,000 calls, oldest first, without tokens."""
        return list(self._app.state.log)

    async def close(self) -> None:
        """Stop listening and drop every connection, answers in the making included."""
        self._server.close()
        for wire in list(self._wires):
            wire.stop()
        await self._server.wait_closed()

    async def __aenter__(self) -> "Sandbox":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def serve(options: Options | None = None, host: str = "127.0.0.1", port: int = 0) -> Sandbox:
    """Start a sandbox on a loopback address; port 0 picks a free one. ValueError elsewhere."""
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the sandbox answers on loopback alone, not on {host}")
    loop = asyncio.get_running_loop()
    options = options or Options()
    wires: set[Wire] = set()
    # The address goes into answers, and is known only once the port is; nobody can call before.
    app: list[App] = []
    server = await loop.create_server(lambda: Wire(app[0], app[0].delay, wires), host, port)
    bound = server.sockets[0].getsockname()
    name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    url = f"http://{name}:{bound[1]}"
    app.append(App(options, url))
    return Sandbox(app[0], server, wires, url)
