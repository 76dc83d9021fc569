"""Pure: what the Graph API's refusals mean, decided by their numbers and never by their words.

The one exception is "reduce the amount of data", which shares its number with everything unknown.
What the platform writes is shown to people only after `scrub`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.page import Usage

THROTTLES: Final = frozenset({4, 17, 32, 341, 613, 80001, 80002, 80006})
"""Limits: calls made now lengthen the wait, whatever `is_transient` says."""

_LONGEST_WAIT = 24 * 3600.0
_LOGIN: Final = {
    458: "The app was removed from the account; log in again to allow it.",
    459: "Facebook wants the account's owner to act: open facebook.com, log in and follow what it"
    " says, then log in here again.",
    460: "The account's password was changed, which ended every token; log in again.",
    463: "The access token has expired; log in again.",
    464: "The account is not confirmed: open facebook.com, log in and follow what it says, then"
    " log in here again.",
    467: "The access token was revoked; log in again.",
    492: "The person who logged in no longer has a role on the Facebook Page; log in with one who"
    " has.",
}
_ANEW: Final = (
    "That is `ingather login`, or another INSTAGRAM_ACCESS_TOKEN; the same command then goes on"
    " with what it had begun."
)
_SCOPES: Final = {
    "me/accounts": "pages_show_list",
    "media/comments": "instagram_manage_comments",
    "comment/replies": "instagram_manage_comments",
    "media/insights": "instagram_manage_insights",
    "user/insights": "instagram_manage_insights",
    "business_discovery": "instagram_basic, instagram_manage_insights and pages_read_engagement",
}
_USUAL_SCOPES = "instagram_basic and pages_read_engagement"
_SECRET = re.compile(
    r"""\b(?:EAA|IG[A-Za-z]{2})[A-Za-z0-9_\-.|%]{8,}          # tokens of Facebook and Instagram
      | (?<=[Bb]earer\ )\S+
      | (?<=access_token=)[^&\s"'<>]+ | (?<=exchange_token=)[^&\s"'<>]+
      | (?<=input_token=)[^&\s"'<>]+  | (?<=client_secret=)[^&\s"'<>]+
      | (?<=appsecret_proof=)[^&\s"'<>]+ | (?<=[?&]code=)[^&\s"'<>]+
      | [A-Za-z0-9_\-|]{40,}                                   # whatever else looks like one
    """,
    re.VERBOSE,
)
_REDACTED = "[hidden]"


class Fault(Struct, frozen=True, kw_only=True):
    """A refusal: HTTP status, the platform's numbers (None: none given), and its words, scrubbed.

    wait: seconds until calls may succeed again, None where nothing says.
    """

    status: int
    code: int | None = None
    subcode: int | None = None
    transient: bool = False
    message: str = ""
    wait: float | None = None

    @property
    def gone(self) -> bool:
        """The object is gone, another account's, or private."""
        return (self.code, self.subcode) == (100, 33) or self.code == 803

    @property
    def passing(self) -> bool:
        """The same call may succeed soon."""
        return self.code in (1, 2) or self.status >= 500 or self.transient


def find(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    secrets: Iterable[str] = (),
) -> Fault | None:
    """The refusal in an answer, None where it is none. An error may come with status 200."""
    if status == 200 and b'"error"' not in body:
        return None
    error = _envelope(body)
    if error is None and status == 200:
        return None
    if error is None:
        # A refusal cut short says nothing: it may be read whole the next time.
        return Fault(
            status=status,
            transient=status in (408, 425) or 200 <= status < 400 or body[:1] == b"{",
            wait=_wait(headers, now),
        )
    return Fault(
        status=status,
        code=_whole(error.get("code")),
        subcode=_whole(error.get("error_subcode")),
        transient=error.get("is_transient") is True,
        message=scrub(_text(error), secrets),
        wait=_wait(headers, now),
    )


def meaning(fault: Fault, asked: str) -> errors.SourceError:
    """The error to raise for a refusal; asked: the endpoint, as `media/comments`."""
    if fault.code in THROTTLES or fault.status == 429:
        return errors.Throttled(wait=fault.wait)
    if fault.code in (102, 190):
        return errors.NeedsLogin(
            _LOGIN.get(fault.subcode or 0, "The access token is no longer valid; log in again."),
            hint=_ANEW,
        )
    if fault.code is not None and (fault.code == 10 or 200 <= fault.code <= 299):
        scope = _SCOPES.get(asked, _USUAL_SCOPES)
        return errors.Refused(
            f"The access token lacks a permission for {asked}: it needs {scope}. Log in again and"
            f" leave every permission ticked{_numbers(fault)}."
        )
    if fault.gone:
        return errors.NotReachable()
    if fault.passing:
        if "reduce the amount" in fault.message.lower():
            return errors.TooMuchData()
        return errors.Transient(f"The source is briefly out of order{_numbers(fault)}.")
    if fault.code is None and fault.status == 401:
        return errors.NeedsLogin(
            "The source does not accept the access token; log in again.", hint=_ANEW
        )
    if fault.code == 368:
        return errors.Refused(
            "The platform has blocked this account for a while for its policies; leave it alone"
            f" for some hours{_numbers(fault)}."
        )
    said = f": {fault.message}" if fault.message else ""
    return errors.Refused(f"The source refuses {asked}{said}{_numbers(fault)}.")


def usage(headers: Mapping[str, str]) -> Usage | None:
    """What the headers say of the limit; None where they say nothing, which is not 0 %.

    X-App-Usage holds percents. X-Business-Use-Case-Usage is an object of arrays, whose
    `estimated_time_to_regain_access` is in minutes.
    """
    return _usage(headers.get("X-App-Usage"), headers.get("X-Business-Use-Case-Usage"))


@lru_cache(maxsize=256)
def _usage(app: str | None, business: str | None) -> Usage | None:
    """Whole percents change seldom, so most pages repeat the headers of the one before."""
    percents: list[int] = []
    minutes = 0
    if app is not None:
        percents += _percents(_json(app))
    found = _json(business) if business is not None else None
    for entries in found.values() if isinstance(found, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("type") == "instagram":
                percents += _percents(entry)
                minutes = max(minutes, _whole(entry.get("estimated_time_to_regain_access")) or 0)
    if not percents:
        return None
    return Usage(max(percents), min(minutes * 60.0, _LONGEST_WAIT) if minutes > 0 else None)


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Words of the platform without secrets, on one line, of bounded length."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _REDACTED)
    text = _SECRET.sub(_REDACTED, text)
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:300]


def _envelope(body: bytes) -> dict[str, Any] | None:
    """`{"error": {...}}`, and the older `{error_type, code, error_message}` of the login doors."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        answer = _json(body.decode("utf-8", "replace"))
    if not isinstance(answer, dict):
        return None
    error = answer.get("error")
    if isinstance(error, dict):
        return error
    if "error_message" in answer:
        return {"code": answer.get("code"), "message": answer["error_message"]}
    return {"message": error} if isinstance(error, str) else None


def _text(error: dict[str, Any]) -> str:
    message = error.get("message")
    return message if isinstance(message, str) else ""


def _numbers(fault: Fault) -> str:
    parts = [f"HTTP {fault.status}"] if fault.status != 200 else []
    if fault.code is not None:
        parts.insert(0, f"code {fault.code}" + (f"/{fault.subcode}" if fault.subcode else ""))
    return f" ({', '.join(parts)})" if parts else ""


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: the longer of Retry-After and what the usage header says."""
    found = usage(headers)
    waits = [found.regain or 0.0 if found else 0.0, retry_after(headers, now)]
    return min(max(waits), _LONGEST_WAIT) if max(waits) > 0 else None


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Retry-After in seconds; it may be a number or a date."""
    text = headers.get("Retry-After", "").strip()[:64]
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def _percents(entry: object) -> list[int]:
    if not isinstance(entry, dict):
        return []
    names = ("call_count", "total_time", "total_cputime")
    found = [_whole(entry.get(name)) for name in names]
    return [percent for percent in found if percent is not None and percent >= 0]


def _whole(value: object) -> int | None:
    """A number that may have come as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 2**53 else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
