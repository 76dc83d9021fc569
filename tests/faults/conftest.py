"""What the fault tests share: oracles, the two durable backings, and workers as processes."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FULL = os.environ.get("INGATHER_FAULTS") == "full"


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether everything is asked for: INGATHER_FAULTS=full."""
    return FULL


@pytest.fixture
def ram(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is killed here is a process and not the power,
    and files that are synced a thousand times should not wait for a disk."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="ingather-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "redis"])
def durable(request: pytest.FixtureRequest, ram: Path) -> dict[str, str]:
    """Settings of a store that outlives its process, one for each backing there is."""
    found = {"INGATHER_DATA_DIR": str(ram / "data")}
    if request.param == "redis":
        if find_spec("ingather.stores.redis_jobs") is None:
            pytest.skip("jobs do not rest in Redis yet")
        found["REDIS_URL"] = request.getfixturevalue("valkey")
    return found


class Workers:
    """A running `workers.py`: what it prints, line by line."""

    def __init__(self, environ: dict[str, str], **plan: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "workers.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ, "NO_PROXY": "*"},
        )
        self.tell(json.dumps(plan))

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str) -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def lines(self) -> Iterator[dict]:
        for line in self._process.stdout:
            yield json.loads(line)

    def line(self) -> dict:
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        try:
            assert self._process.wait(30) == 0
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()


@pytest.fixture
def workers(outside, durable) -> Iterator[Callable[..., Workers]]:
    """Start worker processes over `durable` that read `outside`."""
    begun: list[Workers] = []

    def start(**plan: object) -> Workers:
        environ = durable | {
            "INSTAGRAM_GRAPH_URL": outside.graph_url,
            "INSTAGRAM_ACCESS_TOKEN": "sandbox-token",
        }
        begun.append(Workers(environ, **plan))
        return begun[-1]

    yield start
    for one in begun:
        one.close()
