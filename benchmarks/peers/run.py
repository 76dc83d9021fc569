"""Runs one peer: `python run.py NAME URL POST ROWS`; measures `main` alone, imports excluded."""

import importlib
import json
import resource
import sys
import time
from pathlib import Path


def peak_mb() -> float:
    """Peak memory in MB; on Linux ru_maxrss would begin at that of the parent."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        unit = 2**20 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(name: str, url: str, post: str, rows: int) -> dict[str, object]:
    sys.path.insert(0, str(Path(__file__).parent))
    peer = importlib.import_module(name)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    got = peer.main(url, post, rows)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "rows": got,
        "wall": wall,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    out = sys.stdout
    sys.stdout = sys.stderr  # some of them talk
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))), file=out)
