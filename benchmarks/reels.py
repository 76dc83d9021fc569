"""The works of analyses: reading an account's reels, and saying what they say."""

import json
import sys
from collections.abc import Iterator

from benchmarks import measure
from benchmarks.servers import Site
from benchmarks.works import LATENCY_MS, Line, Run, _failed, _goal, _short


def _job(**asked: object) -> measure.Found:
    return measure.run([sys.executable, "-m", "benchmarks.reel_job", json.dumps(asked)])


def reels(run: Run) -> Iterator[Line]:
    """8. 1,000 reels at 50 ms a page, over calls x latency; an analysis of 100,000 in the store."""
    work, rows = "8 reels", 10_000 if run.quick else 100_000
    with Site(LATENCY_MS) as site:
        _job(url=site.url, reels=1_000)  # the sandbox has made every reel by then
        found = _job(url=site.url, reels=1_000)
    if "error" in found:
        yield _failed(work, "1,000 reels", found)
    else:
        figure = found["wall"] / (found["calls"] * LATENCY_MS / 1000)
        who = "1,000 reels, first call to last commit"
        yield Line(
            work=work,
            who=who,
            figure=figure,
            unit="x ideal",
            more=_short(found),
            **_goal(figure, 1.05),
        )
    found = _job(rows=rows)
    who = f"{rows:,} reels of the store"
    if "error" in found:
        yield _failed(work, who, found)
        return
    wall, peak = found["wall"], found["peak_mb"]
    yield Line(work=work, who=who, figure=wall, unit="s", more=_short(found), **_goal(wall, 1))
    yield Line(work=work, who=who, figure=peak, unit="MB", **_goal(peak, 150))
