"""A proxy that stands between us and a server and may spoil the way, as Toxiproxy does."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

TOXICS = ("down", "reset", "timeout", "latency", "bandwidth", "slicer", "limit", "slow_close")


class Proxy:
    """Passes a loopback port on to a unix socket, or to another port (host, port).

    toxic: what is done to the way now, None for nothing. down: closed, and nobody answers. reset:
    every connection is reset, new ones too. timeout: nothing passes. latency: 100 ms late.
    bandwidth: 200 kB a second. slicer: in pieces of 500 bytes. limit: closed after 3,000 bytes.
    slow_close: the end of a connection is told a second late. half_open, not among the TOXICS: what
    is sent on the connections that there are is lost, and they are never heard of again.
    """

    def __init__(self, target: Path | tuple[str, int]) -> None:
        self._target = target
        self._toxic: str | None = None
        self._calm = asyncio.Event()
        self._calm.set()
        self._ways: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def poison(self, toxic: str | None) -> None:
        self._toxic = toxic
        if toxic == "timeout":
            self._calm.clear()
        else:
            self._calm.set()
        if toxic in ("down", "reset"):
            ways = list(self._ways)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        if toxic == "down":
            await self.close()
        elif self._server is None:
            await self.open()

    @contextlib.asynccontextmanager
    async def poisoned(self, toxic: str) -> AsyncIterator[None]:
        await self.poison(toxic)
        try:
            yield
        finally:
            await self.poison(None)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ways.add(task)
        try:
            if self._toxic == "reset":
                raise asyncio.CancelledError
            there, back = await self._connect()
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass(reader, back))
                    both.create_task(self._pass(there, writer))
            except* OSError:
                pass
            finally:
                back.close()
        except asyncio.CancelledError:
            if self._toxic == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
        finally:
            writer.close()
            self._ways.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await reader.read(65_536):
            await self._calm.wait()
            toxic = self._toxic
            if toxic == "half_open":
                await asyncio.Event().wait()
            if toxic == "latency":
                await asyncio.sleep(0.1)
            elif toxic == "bandwidth":
                await asyncio.sleep(len(data) / 200_000)
            elif toxic == "limit" and (passed := passed + len(data)) > 3_000:
                raise ConnectionResetError
            for at in range(0, len(data), step := 500 if toxic == "slicer" else len(data)):
                writer.write(data[at : at + step])
                await writer.drain()
                if toxic == "slicer":
                    await asyncio.sleep(0.002)
        if self._toxic == "slow_close":
            await asyncio.sleep(1.0)
        raise ConnectionResetError  # one side has ended: so does the other
