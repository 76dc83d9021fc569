"""What changes while a sandbox runs: faults, counters, the log of calls, who may enter."""

import time
from collections import Counter, deque
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ingather.sandbox import pager
from ingather.sandbox.faults import NAMES, Plan
from ingather.sandbox.options import Options

_LOGGED = 10_000


class Logged(Struct, frozen=True):
    """One call as it is remembered: never with its token."""

    number: int
    at: float
    method: str
    path: str
    token_in_query: bool
    fault: str | None


class Scheduled(Struct, frozen=True, forbid_unknown_fields=True):
    """A fault for one call by its number, the first since the last reset being 1."""

    call: int
    fault: str


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What a POST to the control door may set; what is left out stays as it is.

    faults and schedule replace what was set before. paging: post id or `*` -> paging fault names.
    in_calls: as schedule, counted from now. without: permissions that the person declined.
    hiker_requests: units left at HikerAPI, None for plenty. hiker_rate: calls a second that it
    allows, None for any. page_language: the language in which profile pages come, whatever is
    asked for. beacon_late: seconds by which its rounds are behind; beacon_false: its signatures
    are of another round. late: post id -> rows that have come to it since, each the id of the
    comment that it answers, null where it is a comment itself.
    """

    reset: bool = False
    heal: bool = False
    kill_cursors: bool = False
    faults: dict[str, float] | UnsetType = UNSET
    schedule: list[Scheduled] | UnsetType = UNSET
    in_calls: list[Scheduled] | UnsetType = UNSET
    paging: dict[str, list[str]] | UnsetType = UNSET
    edges: list[str] | UnsetType = UNSET
    only_post: str | UnsetType | None = UNSET
    only_kind: str | UnsetType | None = UNSET
    latency_ms: float | UnsetType = UNSET
    require_proof: bool | UnsetType = UNSET
    deny: bool | UnsetType = UNSET
    without: list[str] | UnsetType = UNSET
    budget: int | UnsetType | None = UNSET
    regain_minutes: int | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET
    hiker_requests: int | UnsetType | None = UNSET
    hiker_rate: int | UnsetType | None = UNSET
    beacon_late: float | UnsetType = UNSET
    beacon_false: bool | UnsetType = UNSET
    page_language: str | UnsetType | None = UNSET
    late: dict[str, list[str | None]] | UnsetType = UNSET


_SIMPLE = (
    "edges", "only_post", "only_kind", "latency_ms", "require_proof", "deny", "without", "budget",
    "regain_minutes", "retry_after", "hiker_requests", "hiker_rate",
    "page_language", "beacon_late", "beacon_false",
)  # fmt: skip


class State:
    """One sandbox's moods and memory."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.reset()

    def reset(self) -> None:
        """Back to how the sandbox was started."""
        options = self.options
        self.plan = Plan(options.seed, options.faults)
        self.paging: dict[str, list[str]] = {}
        self.edges: list[str] = ["comments"]
        self.latency_ms = options.latency_ms
        self.require_proof = options.require_proof
        self.budget = options.budget
        self.only_post: str | None = None
        self.only_kind: str | None = None
        self.deny = False
        self.without: list[str] = []
        self.regain_minutes = 5
        self.retry_after = 1
        self.hiker_requests: int | None = None
        self.hiker_rate: int | None = None
        self.hiker_billed = 0
        self.page_language: str | None = None
        self.beacon_late = 0.0
        self.beacon_false = False
        self.epoch = 0
        self.dead: dict[str, int] = {}  # token -> subcode of the 190 it gets
        self.total = 0
        self.spent = 0
        self.kinds: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.log: deque[Logged] = deque(maxlen=_LOGGED)

    def apply(self, wish: Wish) -> None:
        """Set what is wished for; ValueError, and nothing set, where a name or number is none."""
        _check(wish)
        if wish.reset:
            self.reset()
        if wish.heal:
            self.dead.clear()
            self.spent = 0
        if wish.kill_cursors:
            self.epoch += 1
        if wish.faults is not UNSET:
            self.plan.set(wish.faults)
        if wish.schedule is not UNSET:
            self.plan.schedule = {one.call: one.fault for one in wish.schedule}
        if wish.in_calls is not UNSET:
            self.plan.schedule |= {one.call + self.total: one.fault for one in wish.in_calls}
        if wish.paging is not UNSET:
            self.paging = wish.paging
        for name in _SIMPLE:
            value = getattr(wish, name)
            if value is not UNSET:
                setattr(self, name, value)

    def bends(self, kind: str, post: str | None) -> dict[str, float]:
        """The paging faults that are on for an edge of a post."""
        if not (self.plan.bends or self.paging) or kind not in self.edges:
            return {}
        found = dict(self.plan.bends) if self.within(kind, post) else {}
        for name in (*self.paging.get("*", ()), *self.paging.get(post or "", ())):
            found[name] = 1.0
        return found

    def within(self, kind: str, post: str | None) -> bool:
        """Whether faults by chance may strike this kind of call, and this post."""
        if self.only_kind is not None and kind != self.only_kind:
            return False
        return self.only_post is None or post == self.only_post

    def enter(self, method: str, kind: str, path: str, in_query: bool, cost: int) -> int:
        """Count and log a call; its number."""
        self.total += 1
        self.spent += cost
        self.kinds[kind] += 1
        self.log.append(Logged(self.total, time.time(), method, path, in_query, None))
        return self.total

    def note(self, fault: str) -> None:
        """Remember that the latest call met a fault."""
        self.struck[fault] += 1
        self.log[-1] = msgspec.structs.replace(self.log[-1], fault=fault)

    def report(self) -> dict[str, Any]:
        """State and counters, as the control door shows them."""
        return {
            "calls": {
                "total": self.total,
                "by_kind": dict(self.kinds),
                "by_fault": dict(self.struck),
            },
            "faults": self.plan.probabilities | self.plan.bends,
            "schedule": [{"call": n, "fault": name} for n, name in self.plan.schedule.items()],
            "paging": self.paging,
            "hiker_billed": self.hiker_billed,
            "cursor_epoch": self.epoch,
            "dead_tokens": len(self.dead),
            **{name: getattr(self, name) for name in _SIMPLE},
        }


def _check(wish: Wish) -> None:
    if wish.faults is not UNSET:
        Plan(0, wish.faults)
    for entries in (wish.schedule, wish.in_calls):
        for one in entries or ():
            if one.fault not in NAMES:
                raise ValueError(f"no fault is called {one.fault!r}; there are {', '.join(NAMES)}")
    if wish.paging is not UNSET:
        for name in (name for names in wish.paging.values() for name in names):
            if name not in pager.NAMES:
                raise ValueError(
                    f"no paging fault is called {name!r}; {', '.join(pager.NAMES)} are"
                )
