"""The real command line, as a process, in a folder of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

TOKEN = "sandbox-token"


class Answer:
    """What a command left: its exit code, standard output and error."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.raw = out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")
        assert "Traceback" not in self.err, self.err

    @property
    def json(self) -> dict:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- out\n{self.out[-2000:]}\n--- err\n{self.err[-4000:]}"


class Running:
    """A command that has not ended yet."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self.pid = process.pid
        self._ended = False

    def send(self, *numbers: int) -> None:
        for number in numbers:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()
        if not self._ended:
            self._process.communicate()
        self._ended = True

    def ended(self, within: float = 30.0) -> Answer:
        out, err = self._process.communicate(timeout=within)
        self._ended = True
        return Answer(self._process.returncode, out or b"", err or b"")


class Cli:
    """`ingather` with the settings of one user, who has a folder and an account."""

    def __init__(self, folder: Path, graph_url: str) -> None:
        self.folder = folder
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("INSTAGRAM_", "INGATHER_", "FACEBOOK_", "REDIS", "COMMENTS_"))
            and name != "PYTHONDONTWRITEBYTECODE"  # compiling is most of what a command would do
        } | {
            "INGATHER_DATA_DIR": str(folder / "data"),
            "INSTAGRAM_GRAPH_URL": graph_url,
            "INSTAGRAM_ACCESS_TOKEN": TOKEN,
            "COLUMNS": "200",
            "NO_PROXY": "*",
        }

    def start(self, *words: str, **options: object) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingather", *map(str, words)],
            cwd=self.folder,
            env=self.environ | options.pop("environ", {}),
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )
        return Running(process)

    def __call__(self, *words: str, code: int = 0, **options: object) -> Answer:
        """Run a command to its end, which must be this exit code."""
        answer = self.start(*words, **options).ended()
        assert answer.code == code, answer
        return answer

    def jobs(self) -> list[dict]:
        return json.loads(self("jobs", "list", "--json").out)

    def job(self) -> dict:
        """The only job there is."""
        (found,) = self.jobs()
        return found


@pytest.fixture
def cli(tmp_path: Path, outside) -> Cli:
    return Cli(tmp_path, outside.graph_url)


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition, as long as it is likely to take and no longer."""

    def wait(condition: Callable[[], bool], within: float = 30.0) -> None:
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.01)

    return wait


@pytest.fixture
def begun(cli, until):
    """Start an export that stands still once it has committed its fifth page, until it is sent
    SIGCONT; so that whatever is done meanwhile is done in the middle, however slow the machine."""
    started: list[Running] = []

    def start(*words: str) -> Running:
        point = {"INGATHER_TEST_POINT": "committed:5:stop"}
        running = cli.start("export", "comments", *words, environ=point)
        started.append(running)
        until(lambda: psutil.Process(running.pid).status() == psutil.STATUS_STOPPED)
        return running

    yield start
    for running in started:
        running.kill()
