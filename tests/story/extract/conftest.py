"""What the stories share: the program as its users run it, a process for each command."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingather.sandbox.hiker_world import HikerWorld
from ingather.sandbox.world import World


class Program:
    """Ingather in a folder of its own, pointed at the sandbox."""

    def __init__(self, command: Callable[..., Any], folder: Path, environ: dict[str, str]) -> None:
        self._command = command
        self.folder = folder
        self.environ = environ

    def __call__(self, *words: object, given: str = "", **environ: str) -> Any:
        """Run a command to its end; environ: settings for this run alone."""
        environ = self.environ | environ
        running = self._command(*words, folder=self.folder, environ=environ, given=given)
        return running.ended(within=120)

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a CSV file."""
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def column(self, name: str, column: str = "userId") -> list[str]:
        return [row[column] for row in self.rows(name)]

    def bytes(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, "utf-8")
        return name

    def jobs(self) -> list[dict[str, Any]]:
        return json.loads(self("jobs", "list", "--json").out)


@pytest.fixture
def new_program(command: Any, tmp_path: Path, outside: Any) -> Callable[..., Program]:
    """A program with data of its own, for every name another."""

    def make(name: str = "one", **settings: str) -> Program:
        folder = tmp_path / name
        folder.mkdir()
        ours = {key: value for key, value in os.environ.items() if not _is_setting(key)}
        pointed = {
            "INGATHER_DATA_DIR": str(folder / "data"),
            "HIKERAPI_KEY": "sandbox-key",
            "HIKERAPI_URL": outside.hiker_url,
            "NO_PROXY": "*",
            "COLUMNS": "200",
        }
        return Program(command, folder, ours | pointed | settings)

    return make


@pytest.fixture
def program(new_program: Callable[..., Program]) -> Program:
    return new_program()


@pytest.fixture(scope="session")
def people() -> Callable[[str], list[str]]:
    """Who follows an account, told by the sandbox's world and not by its paging."""
    world = HikerWorld(World(1))

    def ids(name: str) -> list[str]:
        owner = world.named(name)
        return [str(world.user(owner, place)["pk"]) for place in range(owner.shown)]

    return ids


def _is_setting(name: str) -> bool:
    from ingather.settings import SETTINGS

    return name in {each.name for each in SETTINGS} or name == "INGATHER_TEST_POINT"
