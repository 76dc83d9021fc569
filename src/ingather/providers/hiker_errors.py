"""Pure: what HikerAPI's refusals mean, and what an answer has cost.

`exc_type` decides before the status does: a 404 is a missing account, a private post or an empty
list. What the service writes is shown to people only after `scrub`, and never with the key.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.providers.graph_errors import retry_after, scrub

_UNREACHABLE: Final = {
    "UserNotFound": "no account has this name now",
    "UserNotFoundError": "no account has this name now",
    "MediaNotFound": "there is no such post now",
    "MediaNotFoundError": "there is no such post now",
    "MediaUnavailable": "it is gone, or its account is private",
    "InvalidMediaId": "there cannot be such a post",
    "PrivateAccount": "the account is private",
    "PrivateError": "the account is private",
    "CommentNotFound": "there is no such comment now",
    "HashtagNotFound": "there is no such hashtag",
}
_PASSING: Final = frozenset(
    {
        "InstagramServerError", "InternalError", "ClientError", "ClientConnectionError",
        "ClientIncompleteReadError", "ClientJSONDecodeError", "ClientRequestTimeout",
        "ClientThrottledError", "PleaseWaitFewMinutes", "GenericRequestError",
    }
)  # fmt: skip
"""Troubles between the service and Instagram; instagrapi's names for them."""
_BILLED: Final = (200, 400, 403, 404)
_UNITS = re.compile(r'reqs"?\s*[=:]\s*"?(\d{1,9})')
_LONGEST_WAIT = 3_600.0


class Fault(Struct, frozen=True, kw_only=True):
    """A refusal. spoken: it came as JSON (or with no body at all), so from the service itself.

    message: the service's words, scrubbed. broken: JSON that was cut short. wait: seconds that
    Retry-After asks for, 0.0 where there is none.
    """

    status: int
    exc_type: str = ""
    message: str = ""
    spoken: bool = True
    broken: bool = False
    wait: float = 0.0

    @property
    def empty(self) -> bool:
        """The list that was asked for has no entries: no failure at all."""
        return self.exc_type == "NotFoundError"


def find(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    secrets: Iterable[str] = (),
) -> Fault | None:
    """The refusal in an answer, None where it is none. One may come with status 200."""
    if status == 200 and b'"exc_type"' not in body:
        return None
    found = _object(body)
    exc_type = found.get("exc_type") if found else None
    if status == 200 and not isinstance(exc_type, str):
        return None
    return Fault(
        status=status,
        exc_type=scrub(exc_type, secrets)[:60] if isinstance(exc_type, str) else "",
        message=scrub(_words(found or {}), secrets),
        spoken=found is not None or not body.strip(),
        broken=found is None and body[:1] == b"{",
        wait=min(max(0.0, retry_after(headers, now)), _LONGEST_WAIT),
    )


def meaning(
    fault: Fault, asked: str, what: str, *, rate: float | None = None
) -> errors.SourceError:
    """The error to raise; asked: the route, what: the target, as `@natgeo`.

    rate: calls a second that the account allows, None where it is not known.
    """
    exc_type = fault.exc_type
    if exc_type == "InsufficientFunds":
        return _no_balance()
    if exc_type == "CommentsDisabled":
        return errors.CommentsDisabled(f"The author has turned off the comments of {what}.")
    if exc_type in _UNREACHABLE:
        return _unreachable(fault, what, _UNREACHABLE[exc_type])
    if exc_type == "EndpointDeprecated":
        return _retired(asked)
    if exc_type == "ValidationError":
        return _refused(fault, asked)
    if fault.status == 429:
        return errors.Throttled(
            "HikerAPI allows fewer calls a second.", wait=max(_pause(rate), fault.wait)
        )
    if exc_type in _PASSING:
        return errors.Transient(f"HikerAPI is briefly out of order{_numbers(fault)}.")
    return _by_status(fault, asked, what)


def unfit(fault: Fault) -> bool:
    """Whether what was sent is refused for its shape. Where a cursor went with it that is the
    cursor's fault: all else was taken before (reliability plan, R7: "cursor expired (400)")."""
    return fault.spoken and (fault.exc_type == "ValidationError" or fault.status in (400, 422))


def _by_status(fault: Fault, asked: str, what: str) -> errors.SourceError:
    status = fault.status
    if status in (408, 425) or status >= 500 or status < 300 or fault.broken:
        return errors.Transient(f"HikerAPI is briefly out of order{_numbers(fault)}.")
    if status == 401:
        return errors.NeedsLogin(
            "HikerAPI does not accept the key; set HIKERAPI_KEY to one of an account that lives."
        )
    if status == 402:
        return _no_balance()
    if status == 403 and not fault.spoken:
        return errors.Refused(
            "What stands before HikerAPI refused the call: it blocks this computer's address, or"
            " a proxy took the User-Agent away. It says nothing of the key or of the account."
        )
    if status == 403:
        return _unreachable(fault, what, "the account or post is private")
    if status == 404 and fault.spoken and fault.message != "Not Found":
        return _unreachable(fault, what, "there is nothing of that name now")
    if status == 404:
        return errors.Refused(f"There is no {asked} there; is HIKERAPI_URL HikerAPI's address?")
    if status == 410:
        return _retired(asked)
    return _refused(fault, asked)


def units(status: int, headers: Mapping[str, str], body: bytes) -> int:
    """What an answer has cost, from `x-hiker-info`: `reqs=1`, or the same as JSON.

    It is not on every answer; without it, an answer of a kind that is billed counts as one.
    """
    told = _UNITS.search(headers.get("x-hiker-info", ""))
    if told:
        return int(told[1])
    return 1 if status in _BILLED and body[:1] in (b"{", b"[", b"") else 0


def _pause(rate: float | None) -> float:
    """One to two seconds, as the service asks for; the slower the account, the longer."""
    return 2.0 if not rate or rate <= 1 else 1.0 + 1.0 / rate


def _no_balance() -> errors.NoBalance:
    return errors.NoBalance("The balance at HikerAPI is spent; top it up, then resume.")


def _unreachable(fault: Fault, what: str, why: str) -> errors.NotReachable:
    what = what[:1].upper() + what[1:]
    return errors.NotReachable(f"{what} cannot be read: {why}{_numbers(fault)}.")


def _retired(asked: str) -> errors.Refused:
    return errors.Refused(f"HikerAPI has retired {asked}; a newer Ingather may know another way.")


def _refused(fault: Fault, asked: str) -> errors.Refused:
    said = f": {fault.message}" if fault.message else ""
    return errors.Refused(f"HikerAPI refuses {asked}{said}{_numbers(fault)}.")


def _numbers(fault: Fault) -> str:
    return f" ({f'{fault.exc_type}, ' if fault.exc_type else ''}HTTP {fault.status})"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _words(found: dict[str, Any]) -> str:
    """`detail` is a text, or a list of what is wrong with which parameter; or `error` is there."""
    detail = found.get("detail")
    if isinstance(detail, list):
        return "; ".join(_parameter(one) for one in detail[:5] if isinstance(one, dict))
    for text in (detail, found.get("error")):
        if isinstance(text, str):
            return text
    return ""


def _parameter(one: dict[str, Any]) -> str:
    place = one.get("loc")
    steps = [str(step) for step in place if step != "query"] if isinstance(place, list) else []
    said = one.get("msg")
    return f"{'.'.join(steps)}: {said}" if isinstance(said, str) else ".".join(steps)
