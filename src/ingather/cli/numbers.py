"""Numbers, sums and spans of time as options take them: each error says what to write."""

import re
from collections.abc import Callable

import typer

MOST = 2**31 - 1
_WHOLE = re.compile(r"[+-]?[0-9]+")
_SUM = re.compile(r"[0-9]{0,12}\.?[0-9]{1,12}")


def whole(least: int = 1, most: int = MOST) -> Callable[[str | int], int]:
    """Reads a whole number from one to another."""

    def read(words: str | int) -> int:  # a default comes as the number that it is
        typed = str(words).strip()
        if not _WHOLE.fullmatch(typed):
            raise typer.BadParameter(
                f"“{words}” is no whole number. Write it in digits alone, such as"
                f" {min(max(least, 10), most)}."
            )
        if len(typed) > 20 or int(typed) > most:
            shown = typed if len(typed) <= 20 else f"{typed[:20]}…"
            raise typer.BadParameter(f"{shown} is too much. Write {most} or less.")
        if int(typed) < least:
            raise typer.BadParameter(f"{typed} is too little. Write {least} or more.")
        return int(typed)

    return read


def money(words: str) -> float:
    """Reads a sum of money above 0."""
    found = float(words) if _SUM.fullmatch(words.strip()) else 0.0
    if not found:
        raise typer.BadParameter(f"“{words}” is no sum of money. Give one above 0, such as 0.50.")
    return found


def days(words: str | float) -> float:
    """Reads days, or parts of one."""
    found = float(words) if _SUM.fullmatch(str(words).strip()) else 0.0
    if not 0.01 <= found <= 36_500:
        raise typer.BadParameter(f"“{words}” is no number of days. Write 7, or 0.5 for half a day.")
    return found


def span(words: str | float) -> float:
    """Reads a span of time that says its unit, as seconds."""
    return words if isinstance(words, float) else _span(words, alone=None)


def seconds(words: str) -> float:
    """Reads seconds, as the name of the option has it; or a span with its unit."""
    return _span(words, alone="s")


def _span(words: str, *, alone: str | None) -> float:
    from ingather import errors
    from ingather.domain import instants

    try:
        return instants.span(words, alone=alone)
    except errors.BadInput as failure:
        raise typer.BadParameter(str(failure)) from None
