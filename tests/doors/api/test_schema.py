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

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        api = new_api()
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [f"{api.url}/openapi.json", "--header"]
        command += [f"Authorization: Bearer {api.key('ann')}", "--checks", "all", "--seed", "1"]
        return subprocess.run(
            [*command, *words],
            cwd=tmp_path,
            env=os.environ | {"NO_PROXY": "*", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return start


def test_the_api_keeps_to_its_schema(run):
    """Every route answers what its document says, takes what it allows, and refuses the rest with
    a 4xx; nothing makes it fail."""
    examples = "100" if FULL else "8"
    said = run(*os.environ["ST"].split(), "--max-examples", examples)
    print(said.stdout.partition("FAILURES")[2][:7000]); assert said.returncode == 0
