"""The works that are measured; each gives lines of a table."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import measure, venv
from benchmarks.lines import Line, Run
from benchmarks.measure import Found, middle
from benchmarks.servers import PAGE, TOKEN, Site, flat
from benchmarks.work_postgres import claim, postgres

SLOW = {"airbyte_cdk_source", "scrapy_spider", "facebook_business_sdk"}
ROUNDS = 5
LATENCY_MS = 50.0


def _name(store: str) -> str:
    return f"Ingather, {({'sql': 'SQLite', 'redis': 'Redis', 'memory': 'memory'})[store]}"


def _short(found: Found) -> dict[str, Any]:
    return {
        name: round(value, 3) for name, value in found.items() if isinstance(value, int | float)
    }


def _failed(work: str, who: str, found: Found) -> Line:
    return Line(work=work, who=who, figure=None, unit="", note=found["error"])


def _goal(figure: float, most: float) -> dict[str, Any]:
    return {"goal": f"<= {most:g}", "met": figure <= most}


def speed(run: Run) -> Iterator[Line]:
    """1. 5,000 comments at 50 ms a page: first request to last commit, over pages x latency."""
    work, rows = "1 speed", 1_000 if run.quick else 5_000
    ideal, times = rows / PAGE * LATENCY_MS / 1000, 1 if run.quick else 3
    with Site(LATENCY_MS) as site, measure.private_api(site, rows) as private:
        run.ingather(site, "memory", rows)  # the sandbox has made every page by then
        floor = middle([measure.bare(site, rows) for _ in range(times)])
        if "error" in floor:
            yield _failed(work, "nothing kept", floor)
        else:
            figure, unit = floor["wall"] / ideal, "x pages x latency"
            yield Line(work=work, who="nothing kept", figure=figure, unit=f"{unit}, floor")
        for store in run.stores:
            found = middle([run.ingather(site, store, rows) for _ in range(times)])
            if "error" in found:
                yield _failed(work, _name(store), found)
                continue
            ratio = found["commits"] / ideal
            goal = {} if store == "memory" else _goal(ratio, 1.03)
            unit = "x pages x latency"
            yield Line(
                work=work, who=_name(store), figure=ratio, unit=unit, more=_short(found), **goal
            )
        for name in run.peers:
            url = private if name in venv.SPEAK_PRIVATE else site.url
            measure.peer(name, url, rows)
            found = measure.peer(name, url, rows)
            if "error" in found:
                yield _failed(work, venv.PEERS[name], found)
                continue
            unit, more = "x pages x latency", _short(found)
            figure = found["wall"] / ideal
            yield Line(work=work, who=venv.PEERS[name], figure=figure, unit=unit, more=more)


def cpu(run: Run) -> Iterator[Line]:
    """2. 100,000 comments at 0 ms, a commit a page: the client's processor time."""
    work, rows = "2 cpu", 10_000 if run.quick else 100_000
    asked: dict[str, list[Found]] = {}
    with Site(0) as site, measure.private_api(site, rows) as private:

        def once(who: str) -> Found:
            if who in venv.PEERS:
                return measure.peer(who, private if who in venv.SPEAK_PRIVATE else site.url, rows)
            return run.ingather(site, who, rows)

        once("memory")
        fast = [*run.stores, *(name for name in run.peers if name not in SLOW)]
        for turn in range(1 if run.quick else ROUNDS):
            # In turns, so that whatever else the machine does falls on all alike.
            for who in fast if turn else [*fast, *(name for name in run.peers if name in SLOW)]:
                asked.setdefault(who, []).append(once(who))
    yield from _cpu_lines(work, rows, asked)


def _cpu_lines(work: str, rows: int, asked: dict[str, list[Found]]) -> Iterator[Line]:
    """A ratio is the middle one of the rounds: a machine is not as fast in each of them."""
    found = {who: middle(runs) for who, runs in asked.items()}
    per = {who: one["cpu"] * 100_000 / rows for who, one in found.items() if "error" not in one}

    def ratio_of(one: str, other: str) -> float:
        rounds = zip(asked[one], asked[other], strict=False)
        return median(each["cpu"] / beside["cpu"] for each, beside in rounds)

    for who, one in found.items():
        name = venv.PEERS.get(who) or _name(who)
        if who not in per:
            yield _failed(work, name, one)
            continue
        note = "" if one["rows"] == rows else f"{one['rows']:.0f} rows of {rows}"
        yield Line(
            work=work, who=name, figure=per[who], unit="s per 100,000", more=_short(one), note=note
        )
    for store in ("sql", "redis"):
        if store in per and "httpx_loop" in per:
            ratio = ratio_of(store, "httpx_loop")
            who = f"{_name(store)} / httpx"
            yield Line(work=work, who=who, figure=ratio, unit="x", **_goal(ratio, 0.45))
        for peer, least in (
            ("instagrapi_comments", 5),
            ("airbyte_cdk_source", 5),
            ("scrapy_spider", 10),
            ("facebook_business_sdk", 10),
        ):
            if store in per and peer in per:
                ratio = ratio_of(peer, store)
                who = f"{venv.PEERS[peer]} / {_name(store)}"
                goal, met = f">= {least}", ratio >= least
                yield Line(work=work, who=who, figure=ratio, unit="x", goal=goal, met=met)


def memory(run: Run) -> Iterator[Line]:
    """3. Peak memory of 100,000 comments against 5,000, each in a fresh process."""
    work, large = "3 memory", 20_000 if run.quick else 100_000
    with Site(0) as site, measure.private_api(site, large) as private:
        for store in [store for store in run.stores if store != "memory"]:
            few, many = run.ingather(site, store, 5_000), run.ingather(site, store, large)
            if "error" in few or "error" in many:
                yield _failed(work, _name(store), few if "error" in few else many)
                continue
            apart = many["peak_mb"] - few["peak_mb"]
            yield Line(
                work=work,
                who=f"{_name(store)}, {large:,} less 5,000",
                figure=apart,
                unit="MB",
                **_goal(apart, 10),
            )
            peak = many["peak_mb"]
            yield Line(
                work=work,
                who=f"{_name(store)}, {large:,}",
                figure=peak,
                unit="MB",
                **_goal(peak, 100),
            )
        for name in ("httpx_loop", "instagrapi_comments"):
            if name in run.peers:
                found = measure.peer(
                    name, private if name in venv.SPEAK_PRIVATE else site.url, large
                )
                if "error" in found:
                    yield _failed(work, venv.PEERS[name], found)
                else:
                    who = f"{venv.PEERS[name]}, {large:,}"
                    yield Line(work=work, who=who, figure=found["peak_mb"], unit="MB")


def many(run: Run) -> Iterator[Line]:
    """4. 50 and 200 exports at once in one process: wall over the wall of one. The floor is what
    loops take that only fetch and decode, with the same client."""
    work, rows = "4 at once", 1_000 if run.quick else 5_000
    crowds = ((10, 1.08),) if run.quick else ((50, 1.08), (200, 1.3))
    with Site(LATENCY_MS) as site:
        run.ingather(site, "memory", rows)
        yield from _floor(site, work, rows, [jobs for jobs, _ in crowds])
        for store in [store for store in run.stores if store != "memory"]:
            one = middle([run.ingather(site, store, rows) for _ in range(1 if run.quick else 3)])
            if "error" in one:
                yield _failed(work, _name(store), one)
                continue
            for jobs, most in crowds:
                before = site.cpu()
                found = run.ingather(site, store, rows, jobs=jobs)
                who = f"{_name(store)}, {jobs}"
                if "error" in found:
                    yield _failed(work, who, found)
                    continue
                note = _busy(site, before, found)
                unit = "x one, last commit"
                ratio = found["commits"] / one["commits"]
                more = _short(found)
                yield Line(
                    work=work,
                    who=who,
                    figure=ratio,
                    unit=unit,
                    note=note,
                    more=more,
                    **_goal(ratio, most),
                )
                whole = found["wall"] / one["wall"]
                yield Line(work=work, who=who, figure=whole, unit="x one, last file")


def _floor(site: Site, work: str, rows: int, crowds: list[int]) -> Iterator[Line]:
    alone = measure.bare(site, rows)
    for jobs in crowds:
        before = site.cpu()
        found = measure.bare(site, rows, jobs=jobs)
        who = f"nothing kept, {jobs}"
        if "error" in alone or "error" in found:
            yield _failed(work, who, alone if "error" in alone else found)
            continue
        ratio, note = found["wall"] / alone["wall"], _busy(site, before, found)
        yield Line(
            work=work, who=who, figure=ratio, unit="x one, floor", note=note, more=_short(found)
        )


def _busy(site: Site, before: float, found: Found) -> str:
    """How much of the time the sandbox was at work; `before`: its processor time until then."""
    busy = (site.cpu() - before) / found["wall"]
    return f"server busy {busy:.0%}" + (", it is the limit" if busy > 0.8 else "")


def start(run: Run) -> Iterator[Line]:
    """5. `ingather --help`, and `ingather export` to its first request."""
    work, times = "5 start", 3 if run.quick else 7
    command = str(Path(sys.executable).with_name("ingather"))
    helped, asked = [], []
    with Site(0) as site, tempfile.TemporaryDirectory(prefix="igb-") as folder:
        env = _plain_environment(site, folder)
        for turn in range(times + 1):
            began = time.perf_counter()
            subprocess.run(
                [command, "--help"], check=True, capture_output=True, env=env, timeout=30
            )
            helped.append(time.perf_counter() - began)
            seen = len(site.process.calls())
            began = time.time()
            subprocess.run(
                [command, "export", "comments", flat(10), "-o", f"{folder}/{turn}.csv", "--fresh"],
                check=True,
                capture_output=True,
                env=env,
                cwd=folder,
                timeout=60,
            )
            asked.append(float(str(site.process.calls(seen)[0]["at"])) - began)
    # The first of each compiles the modules, as an installation does once.
    for who, taken, most in (
        ("ingather --help", helped[1:], 0.35),
        ("ingather export, to first request", asked[1:], 0.8),
    ):
        figure = median(taken)
        yield Line(work=work, who=who, figure=figure, unit="s", **_goal(figure, most))


def _plain_environment(site: Site, folder: str) -> dict[str, str]:
    """Of a user with a token and nothing else set, whose Python may keep compiled modules."""
    ours = ("PYTHONDONTWRITEBYTECODE", "DATABASE_URL", "COMMENTS_STORE")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {
        **{name: value for name, value in kept.items() if "REDIS" not in name},
        "PYTHONPYCACHEPREFIX": f"{folder}/compiled",
        "INGATHER_DATA_DIR": f"{folder}/data",
        "INSTAGRAM_GRAPH_URL": site.url,
        "INSTAGRAM_ACCESS_TOKEN": TOKEN,
    }


def files(run: Run) -> Iterator[Line]:
    """6. Every export format (benchmarks/files.py); its own table follows."""
    rows = "100000" if run.quick else "1000000"
    done = subprocess.run(
        [sys.executable, "benchmarks/files.py", rows],
        check=False,
        cwd=measure.ROOT,
        capture_output=True,
        text=True,
        timeout=1_800,
    )
    text = done.stdout if done.returncode == 0 else done.stderr[-500:]
    yield Line(work="6 files", who="benchmarks/files.py", figure=None, unit="", note=text.strip())


WORKS = {
    "speed": speed,
    "cpu": cpu,
    "memory": memory,
    "many": many,
    "start": start,
    "postgres": postgres,
    "claim": claim,
}


def as_json(lines: list[Line], facts: dict[str, Any]) -> str:
    import msgspec

    return json.dumps({**facts, "lines": msgspec.to_builtins(lines)}, indent=1, ensure_ascii=False)
