"""Faults by name: what the outside answers when it is not well, by chance or by schedule."""

import json
import random
import zlib
from collections.abc import Callable
from functools import lru_cache

from ingather.sandbox import pager
from ingather.sandbox.answers import Answer, GraphError, dump
from ingather.sandbox.things import ACCOUNT_ID

TOKEN_DEATHS = {"expired": 463, "password": 460}
HTML = "text/html; charset=utf-8"
_BOMB_MB = 200
_HUGE_MB = 10

_WALL = b"""<!DOCTYPE html><html lang="en" id="facebook"><head><title>Log in to Facebook</title>
</head><body><form method="post" action="/login/"><input name="email"><input name="pass"
type="password"><button>Log In</button></form></body></html>"""


def _gateway(status: int) -> Answer:
    words = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}[status]
    body = f"<html><head><title>{status} {words}</title></head><body>{words}</body></html>"
    return Answer(status=status, body=body.encode(), content_type=HTML)


def _throttle(trace: str) -> Answer:
    error = GraphError(4, "(#4) Application request limit reached", status=403, is_transient=True)
    answer = error.answer(trace)
    answer.headers["x-app-usage"] = usage_of_app(103)
    return answer


def _too_many(trace: str, retry_after: int) -> Answer:
    answer = _throttle(trace)
    answer.status = 429
    answer.headers["retry-after"] = str(retry_after)
    return answer


def _account_limit(trace: str, minutes: int) -> Answer:
    message = "(#80002) There have been too many calls to this Instagram account. Wait a bit and"
    error = GraphError(80002, f"{message} try again.", subcode=2446079, is_transient=False)
    answer = error.answer(trace)
    answer.headers["x-business-use-case-usage"] = usage_of_account(104, minutes)
    return answer


@lru_cache(maxsize=256)
def usage_of_app(percent: int) -> str:
    """The header's value: flat, whole percent of the hour's budget; above 100 when abused."""
    cpu, spent = percent // 3, percent // 2
    return f'{{"call_count":{percent},"total_cputime":{cpu},"total_time":{spent}}}'


@lru_cache(maxsize=256)
def usage_of_account(percent: int, minutes: int = 0) -> str:
    """The header's value: an object of arrays; minutes are minutes and no percentage."""
    one = {
        "type": "instagram",
        "call_count": percent,
        "total_cputime": percent // 3,
        "total_time": percent // 2,
        "estimated_time_to_regain_access": minutes,
    }
    return json.dumps({ACCOUNT_ID: [one]}, separators=(",", ":"))


def _temporary(trace: str) -> Answer:
    message = "Service temporarily unavailable"
    return GraphError(2, message, status=500, is_transient=True).answer(trace)


def _unknown(trace: str) -> Answer:
    return GraphError(1, "An unknown error has occurred.", status=500).answer(trace)


def _reduce(trace: str) -> Answer:
    message = "Please reduce the amount of data you're asking for, then retry your request"
    return GraphError(1, message, status=500).answer(trace)


def _error_in_200(trace: str) -> Answer:
    answer = _temporary(trace)
    answer.status = 200
    return answer


def _localised(trace: str) -> Answer:
    return GraphError(
        2,
        "(#2) Der Dienst ist vorübergehend nicht verfügbar. 後でもう一度お試しください。",
        status=500,
        is_transient=True,
        error_user_title="Vorübergehend nicht verfügbar",
        error_user_msg="Bitte versuche es später noch einmal.",
    ).answer(trace)


def _data_as_string(trace: str) -> Answer:
    data = '{"blame_field_specs":[[""]]}'
    message = "An unknown error occurred"
    return GraphError(1, message, status=500, is_transient=True, error_data=data).answer(trace)


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = b" " * (1 << 20)
    parts = [packer.compress(b'{"data":[')]
    parts += [packer.compress(megabyte) for _ in range(_BOMB_MB)]
    return b"".join((*parts, packer.compress(b"]}"), packer.flush()))


def instead(name: str, trace: str, *, retry_after: int, minutes: int, call: int) -> Answer | None:
    """The answer that a fault gives in the place of the true one; None where it bends that one."""
    simple: dict[str, Callable[[str], Answer]] = {
        "throttle": _throttle,
        "unavailable": _temporary,
        "unknown": _unknown,
        "reduce": _reduce,
        "error200": _error_in_200,
        "localised": _localised,
        "errordata_string": _data_as_string,
    }
    if name in simple:
        return simple[name](trace)
    match name:
        case "buc":
            return _account_limit(trace, minutes)
        case "rate429":
            return _too_many(trace, retry_after)
        case "html502":
            return _gateway(502)
        case "badgateway":
            return _gateway((502, 503, 504)[call % 3])
        case "html200":
            return Answer(body=_WALL, content_type=HTML)
        case "reset" | "hang":
            return Answer(manner=name)
        case "gzipbomb":
            return Answer(body=_bomb(), headers={"content-encoding": "gzip"})
    return None


def bent(name: str, answer: Answer) -> Answer:
    """The true answer, spoilt."""
    match name:
        case "slow":
            answer.manner = "slow"
        case "truncated":
            answer.body = answer.body[: len(answer.body) * 2 // 3]
        case "huge":
            filler = b'{"debug":"' + b"x" * (_HUGE_MB << 20) + b'",'
            answer.body = filler + answer.body[1:]
        case "nullids":
            page = json.loads(answer.body)
            for row in page.get("data", [page]):
                row["id"] = None
            answer.body = dump(page)
    return answer


OF_HIKER = ("nobalance", "cloudflare", "retired", "invalid", "constantcursor", "emptypage")
"""These strike HikerAPI's calls alone; `hiker_faults` makes the answers."""
OF_PAGES = ("shell", "loginwall")
"""These strike profile pages alone."""
ANSWERS = (
    "throttle", "buc", "rate429", *TOKEN_DEATHS, "unavailable", "unknown", "reduce", "html502",
    "html200", "error200", "truncated", "reset", "slow", "hang", "gzipbomb", "huge", "nullids",
    "badgateway", "localised", "errordata_string", "deadcursor",
    *OF_HIKER, *OF_PAGES,
)  # fmt: skip
NAMES = (*ANSWERS, *pager.NAMES)


class Plan:
    """Which fault strikes which call: by probability from a seeded source, or by call number."""

    def __init__(self, seed: int, probabilities: dict[str, float]) -> None:
        self._random = random.Random(f"{seed}:faults")
        self.schedule: dict[int, str] = {}
        self.probabilities: dict[str, float] = {}
        self.bends: dict[str, float] = {}  # paging faults
        self.set(probabilities)

    def set(self, probabilities: dict[str, float]) -> None:
        """Replace all probabilities; ValueError on an unknown name or an impossible number."""
        for name, probability in probabilities.items():
            if name not in NAMES:
                raise ValueError(f"no fault is called {name!r}; there are {', '.join(NAMES)}")
            if not 0 <= probability <= 1:
                raise ValueError(f"the probability of {name} must be within 0 and 1")
        wanted = {name: odds for name, odds in probabilities.items() if odds > 0}
        self.probabilities = {name: odds for name, odds in wanted.items() if name in ANSWERS}
        self.bends = {name: odds for name, odds in wanted.items() if name not in ANSWERS}

    def strike(self, call: int, *, limit: int, paged: bool, within: bool) -> str | None:
        """The fault of this call, if any; a scheduled one first. `within`: chance may strike."""
        if call in self.schedule:
            return self.schedule.pop(call)
        if not within:
            return None
        for name, odds in self.probabilities.items():
            if name == "reduce" and limit <= 10:
                continue
            if name == "deadcursor" and not paged:
                continue
            if self._random.random() < odds:
                return name
        return None
