"""The real command line, a process for each command, in a folder of its own."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

TOKEN = "sandbox-token"


class Cli:
    """`ingather` with the settings of one user, who has a folder and an account."""

    def __init__(self, command: Callable[..., Any], folder: Path, graph_url: str) -> None:
        self._command = command
        self.folder = folder
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("INSTAGRAM_", "INGATHER_", "FACEBOOK_", "REDIS", "COMMENTS_"))
        } | {
            "INGATHER_DATA_DIR": str(folder / "data"),
            "INSTAGRAM_GRAPH_URL": graph_url,
            "INSTAGRAM_ACCESS_TOKEN": TOKEN,
            "COLUMNS": "200",
            "NO_PROXY": "*",
        }

    def start(self, *words: object, environ: dict[str, str] | None = None, **more: Any) -> Any:
        """Start a command; environ: settings of its own, more: as `Warm.start` has it."""
        environ = self.environ | (environ or {})
        return self._command(*words, folder=self.folder, environ=environ, **more)

    def __call__(self, *words: object, code: int = 0, **more: Any) -> Any:
        """Run a command to its end, which must be this exit code."""
        answer = self.start(*words, **more).ended()
        assert answer.code == code, answer
        return answer

    def jobs(self) -> list[dict]:
        return json.loads(self("jobs", "list", "--json").out)

    def job(self) -> dict:
        """The only job there is."""
        (found,) = self.jobs()
        return found


@pytest.fixture
def cli(command, tmp_path: Path, outside) -> Cli:
    return Cli(command, tmp_path, outside.graph_url)


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

    def start(*words: str):
        point = {"INGATHER_TEST_POINT": "committed:5:stop"}
        running = cli.start("export", "comments", *words, environ=point)
        until(lambda: psutil.Process(running.pid).status() == psutil.STATUS_STOPPED)
        return running

    return start
