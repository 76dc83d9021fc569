"""How an analysis came about, as a section of its page: who was asked, for what, to which end."""

from collections.abc import Mapping
from typing import Any

from ingather.domain.kinds import CALLED
from ingather.exports.page_table import table

_TOLD = {
    "why": "It ended because",
    "fetched": "Reels read",
    "kept": "Reels kept",
    "filtered": "Left out by a filter",
    "duplicates": "Told twice",
    "repairedTexts": "Damaged texts mended",
    "pages": "Pages",
    "calls": "Calls",
    "retries": "Calls made again",
    "waitedSeconds": "Seconds waited",
    "startedAt": "Begun",
    "finishedAt": "Ended",
    "exportId": "Analysis",
    "program": "Program",
}
"""What a reader may want to know of how the reels were read; files for programs have all of it."""


def section(told: Mapping[str, Any]) -> str:
    """The section. told: `receipt.of_sources`."""
    lines: list[tuple[str, object]] = [
        (f"Asked of {CALLED[one['source']]}", _cost(one)) for one in told["sources"]
    ]
    lines += [(words, _said(told[name])) for name, words in _TOLD.items() if told[name]]
    if told["partial"]:
        lines.insert(0, ("This is a part", "the analysis is not at its end"))
    return f"<section><h2>Receipt</h2>{table(('What', 'Figure'), lines)}</section>"


def _said(value: object) -> object:
    """A moment as people write it, to the second; whatever else there is as it is."""
    if isinstance(value, str) and value[10:11] == "T":
        return f"{value[:10]} {value[11:19]} UTC"
    return f"{value:,}" if isinstance(value, int) else value


def _cost(source: Mapping[str, Any]) -> str:
    """Calls and units of a source, and what it added where it is the second one."""
    said = f"{source['calls']:,} calls"
    if source["units"]:
        said += f", {source['units']:,} paid units"
    if "reels" in source:
        said += f"; it filled gaps of {source['reels']:,} reels"
    return f"{said}. {source['stopped']}" if source.get("stopped") else said
