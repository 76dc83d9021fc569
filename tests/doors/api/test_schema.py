"""The published schema is true: schemathesis sends what it allows, and what it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = os.environ.get("INGATHER_FAULTS") == "full"
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def run(new_api, tmp_path):
    """Schemathesis, with all of its checks, against a server of its own."""

    def start(*words: str) -> None:
        api = new_api()
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [f"{api.url}/openapi.json", "--header"]
        command += [f"Authorization: Bearer {api.key('local')}", "--checks", "all", "--seed", "1"]
        said = subprocess.run(
            [*command, *words],
            cwd=tmp_path,
            env=os.environ
            | {
                "NO_PROXY": "*",
                "NO_COLOR": "1",
                "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
                "PYTHONPATH": str(CONFIG.parent),
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert said.returncode == 0, said.stdout.partition("FAILURES")[2][:8000] or said.stderr

    return start


def test_made_up_requests(run):
    """Every route answers what its document says, takes what it allows, and refuses the rest with
    a 4xx; nothing makes it fail."""
    if FULL:
        run("--phases", "examples,coverage,fuzzing", "--max-examples", "100")
    else:  # the routes of a job are the same ones in both rooms
        run("--phases", "fuzzing", "--max-examples", "3", "--exclude-path-regex", "/exports/.id")


def test_what_was_made_can_be_followed_and_deleted(run):
    """Jobs that were made are found at once, and no more once they were deleted."""
    run(
        *("--phases", "stateful", "--exclude-path-regex", "events"),
        *("--max-examples", "30" if FULL else "3"),
    )


@pytest.mark.skipif(not FULL, reason="a minute of requests; INGATHER_FAULTS=full")
def test_every_corner_of_every_field(run):
    """The bounds of every field, from within and from beyond."""
    run("--phases", "coverage")
