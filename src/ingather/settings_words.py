"""What a setting's words say: a number, yes or no, a list, a secret, a URL; else BadSetting."""

from collections.abc import Mapping

from ingather import errors

LEAST_SECRET = 16
"""Letters of a secret that we are given, at the least: fewer can be tried out."""
_LONGEST = 36_500
"""Days of a hundred years: beyond them no calendar tells."""


def number(name: str, value: str, default: int, *, least: int = 1) -> int:
    if not value:
        return default
    if not value.isdecimal() or int(value) < least:
        raise errors.BadSetting(
            f"{name} is {value!r}.", hint=f"It takes a whole number from {least}."
        )
    return int(value)


def days(name: str, value: str, default: int | None) -> int | None:
    """A time in days, which is what a setting's bare number is; None: for good."""
    if not value:
        return default
    if not value.isdecimal() or not 1 <= int(value) <= _LONGEST:
        raise errors.BadSetting(
            f"{name} is {value!r}.",
            hint=f"It takes a whole number of days, from 1 to {_LONGEST:,}.",
        )
    return int(value)


def yes(name: str, value: str) -> bool:
    if value.lower() not in ("", "yes", "no"):
        raise errors.BadSetting(f"{name} is {value!r}.", hint="It takes yes or no.")
    return value.lower() == "yes"


def several(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def secret(name: str, value: str) -> str:
    """A secret that somebody has thought of. It is never repeated."""
    if len(value) < LEAST_SECRET:
        raise errors.BadSetting(
            f"{name} is too short: whoever tries will find it out.",
            hint=f"It takes {LEAST_SECRET} characters at the least; `openssl rand -hex 32` makes"
            " a good one. Leave it unset to do without.",
        )
    return value


def url(name: str, values: Mapping[str, str], default: str) -> str:
    value = values[name].rstrip("/") or default
    if not value.startswith(("https://", "http://")):
        raise errors.BadSetting(f"{name} is not an address.", hint="It begins with https://.")
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise errors.BadSetting(
            f"{name} holds a user or a password, which no call sends.",
            hint="Leave them out; keys and tokens have settings of their own.",
        )
    return value


def plain(value: str) -> str:
    """A value as it may be shown: of an address neither user nor password nor parameters."""
    begin, slashes, rest = value.partition("://")
    if not slashes:
        return value
    host, slash, path = rest.partition("/")
    return f"{begin}://{host.rpartition('@')[2]}{slash}{path}".partition("?")[0]
