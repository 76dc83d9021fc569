"""The works of extractions: a long list into SQLite, and its rows out of it again."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure, servers, venv
from benchmarks.measure import Found
from benchmarks.rows_out import ALONE
from benchmarks.work_postgres import Pair, against_sqlite
from benchmarks.works import Line, Run, _failed, _goal, _short

PEER = "hikerapi_followers"
TURNS = 3
LEAST = {"csv": 0.7, "jsonl": 0.4, "parquet": 0.4, "xlsx": 3.0}


def lists(run: Run) -> Iterator[Line]:
    """7. 1,000,000 followers at 0 ms into SQLite, against hikerapi's own client keeping nothing."""
    work, rows = "7 lists", 100_000 if run.quick else 1_000_000
    who = f"Ingather, SQLite, {rows:,}"
    with (
        tempfile.TemporaryDirectory(prefix="igb-") as few,
        tempfile.TemporaryDirectory(prefix="igb-") as folder,
    ):
        small, found = measure.extracted(10_000, few), measure.extracted(rows, folder)
        if "error" in small or "error" in found:
            yield _failed(work, who, small if "error" in small else found)
            return
        per = found["cpu"] * 100_000 / rows
        note = "" if found["rows"] == rows else f"{found['rows']} rows"
        yield Line(
            work=work, who=who, figure=per, unit="s per 100,000", more=_short(found), note=note
        )
        apart = found["peak_mb"] - small["peak_mb"]
        named = f"Ingather, {rows:,} less 10,000"
        yield Line(work=work, who=named, figure=apart, unit="MB", **_goal(apart, 20))
        if "hikerapi_comments" in run.peers:
            yield from _against_client(work, rows, per)
        with servers.postgres() as database:
            if database is not None:
                runs = Pair()
                for _ in range(1 if run.quick else TURNS):
                    runs.sqlite.append(measure.extracted(rows, few))
                    runs.postgres.append(measure.extracted(rows, few, database))
                yield against_sqlite(work, f"{rows:,} followers", rows, runs, "wall")
        yield from _out(folder, str(found["job"]), rows)


def _against_client(work: str, rows: int, per: float) -> Iterator[Line]:
    with measure.followers(rows) as url:
        script = Path(__file__).parent / "peers" / "run.py"
        found = measure.run([str(venv.python()), str(script), PEER, url, "-", str(rows)])
    who = "hikerapi (async), keeping nothing"
    if "error" in found:
        yield _failed(work, who, found)
        return
    theirs = found["cpu"] * 100_000 / rows
    yield Line(work=work, who=who, figure=theirs, unit="s per 100,000", more=_short(found))
    ratio = per / theirs
    yield Line(work=work, who="Ingather / hikerapi", figure=ratio, unit="x", **_goal(ratio, 0.6))


def _cost(found: Found) -> float:
    """CPU seconds; what failed is worst of all, so that one good turn is not hidden by it."""
    return float("inf") if "error" in found else float(found["cpu"])


def _out(folder: str, job: str, rows: int) -> Iterator[Line]:
    """Rows out of SQLite against what writes them alone, in turns; of each its best turn."""
    work = "8 rows out"
    for ending, (name, _) in ALONE.items():
        turns: dict[str, list[Found]] = {"ingather": [], "alone": []}
        for _ in range(1 if ending == "xlsx" else TURNS):  # xlsxwriter takes its time
            for who, found in turns.items():
                command = [sys.executable, "-m", "benchmarks.rows_out", who, ending, folder, job]
                found.append(measure.run(command, 1_200))
        mine, other = (min(found, key=_cost) for found in turns.values())
        who = f"Ingather, .{ending}, {rows:,}"
        if "error" in mine or "error" in other:
            yield _failed(work, who, mine if "error" in mine else other)
            continue
        least, ratio = LEAST[ending], other["cpu"] / mine["cpu"]
        yield Line(
            work=work,
            who=f"{who} / {name}",
            figure=ratio,
            unit="x its speed",
            goal=f">= {least:g}",
            met=ratio >= least,
            more=_short(mine),
        )
        peak = mine["peak_mb"]
        yield Line(work=work, who=who, figure=peak, unit="MB", **_goal(peak, 200))
