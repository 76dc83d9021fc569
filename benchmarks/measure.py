"""One measurement: a process of its own, bounded in time, that tells what it used as JSON."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import venv
from benchmarks.servers import Site, flat

ROOT = Path(__file__).parent.parent
LONGEST = 300.0
Found = dict[str, Any]


def ingather(
    site: Site,
    store: str,
    rows: int,
    *,
    jobs: int = 1,
    redis: str | None = None,
    database: str | None = None,
) -> Found:
    """`jobs` exports at once in one process, each of `rows` comments."""
    asked = {"store": store, "url": site.url, "post": flat(rows), "rows": rows, "jobs": jobs}
    asked |= {"redis": redis, "database": database}
    return run([sys.executable, "-m", "benchmarks.job", json.dumps(asked)])


def bare(site: Site, rows: int, *, jobs: int = 1) -> Found:
    """`jobs` loops at once that only fetch and decode `rows` comments each."""
    asked = {"url": site.url, "post": flat(rows), "jobs": jobs}
    return run([sys.executable, "-m", "benchmarks.bare", json.dumps(asked)])


def peer(name: str, url: str, rows: int) -> Found:
    script = Path(__file__).parent / "peers" / "run.py"
    return run([str(venv.python()), str(script), name, url, flat(rows), str(rows)])


def run(command: list[str], longest: float = LONGEST) -> Found:
    """What the process printed; where it failed, {"error": its last words}."""
    try:
        done = subprocess.run(
            command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=longest
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done within {longest:.0f} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no reason given"])[-1]}
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def middle(runs: list[Found]) -> Found:
    """Each figure's median; the error of a run that failed."""
    for one in runs:
        if "error" in one:
            return one
    return {name: median([one[name] for one in runs]) for name in runs[0]}


@contextlib.contextmanager
def private_api(site: Site, rows: int) -> Iterator[str]:
    """The address of the same rows in the private API's shape."""
    words = site.url, flat(rows), str(site.latency * 1000)
    with _serving("benchmarks.private_api", *words) as url:
        yield url


@contextlib.contextmanager
def followers(rows: int) -> Iterator[str]:
    """The address of a HikerAPI with so many followers."""
    with _serving("benchmarks.followers_api", str(rows)) as url:
        yield url


def extracted(rows: int, folder: str, database: str | None = None) -> Found:
    """So many followers in the folder's SQLite, or in a PostgreSQL."""
    with followers(rows) as url:
        asked = json.dumps({"url": url, "folder": folder, "database": database})
        return run([sys.executable, "-m", "benchmarks.list_job", asked])


@contextlib.contextmanager
def _serving(module: str, *words: str) -> Iterator[str]:
    """What a server in a process of its own prints first; it ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
