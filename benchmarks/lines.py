"""What a work is given, and what it gives."""

from typing import Any

from msgspec import Struct

from benchmarks import measure
from benchmarks.measure import Found
from benchmarks.servers import Site


class Line(Struct, kw_only=True):
    """A line: who, what figure, the goal it has (None: shown beside), and what else is known."""

    work: str
    who: str
    figure: float | None
    unit: str
    goal: str = ""
    met: bool | None = None
    more: dict[str, Any] = {}
    note: str = ""


class Run(Struct):
    """What a run works with. peers: those that can be imported."""

    quick: bool
    redis: str | None
    peers: list[str]

    @property
    def stores(self) -> list[str]:
        return ["memory", "sql", "redis"] if self.redis else ["memory", "sql"]

    def ingather(self, site: Site, store: str, rows: int, *, jobs: int = 1) -> Found:
        return measure.ingather(site, store, rows, jobs=jobs, redis=self.redis)
