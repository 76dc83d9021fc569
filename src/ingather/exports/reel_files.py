"""An analysis as a file: CSV under a section about the profile, nested JSON, a workbook, a page."""

import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.analysis import Analysis, Change
from ingather.domain.job import File
from ingather.domain.records import Profile
from ingather.domain.reel_rows import ReelRow
from ingather.exports import aside, csv_file
from ingather.exports.columns import Column, Layout

ENDINGS = (".csv", ".csv.gz", ".json", ".json.gz", ".xlsx", ".html", ".pdf")

REELS = Layout(
    "reels",
    (
        Column("reelId", "reel_id", "id"),
        Column("shortcode", "shortcode", "text"),
        Column("url", "url", "url"),
        Column("thumbnailUrl", "thumbnail_url", "url"),
        Column("datePosted", "date_posted", "time"),
        Column("duration", "duration", "float"),
        Column("views", "views", "int"),
        Column("likes", "likes", "int"),
        Column("comments", "comments", "int"),
        Column("engagement", "engagement", "int"),
        Column("engagementRate", "engagement_rate", "float"),
        Column("tier", "tier", "text"),
        Column("caption", "caption", "text"),
        Column("hashtags", "hashtags", "list"),
        Column("mentions", "mentions", "list"),
        Column("likesHidden", "likes_hidden", "bool"),
        Column("isPinned", "is_pinned", "bool"),
        Column("isPaidPartnership", "is_paid_partnership", "bool"),
        Column("collaboration", "collaboration", "bool"),
        Column("coauthors", "coauthors", "list"),
        Column("reach", "reach", "int"),
        Column("saves", "saves", "int"),
        Column("shares", "shares", "int"),
        Column("interactions", "interactions", "int"),
        Column("avgWatch", "avg_watch", "float"),
        Column("viewsFrom", "views_from", "text"),
        Column("source", "source", "text"),
        Column("filledFrom", "filled_from", "list"),
    ),
)


class Story(Struct, frozen=True, kw_only=True):
    """All that a file may tell. others: analyses that this one is compared with."""

    analysis: Analysis
    rows: Sequence[ReelRow]
    receipt: Mapping[str, Any]
    change: Change | None = None
    others: Sequence[Analysis] = ()


def none_at_all(receipt: Mapping[str, Any]) -> str:
    """Why there is nothing to analyse: nothing was there, or nothing passed."""
    if left := receipt["filtered"]:
        return (
            f"No reel to analyse: of {left:,} that were read, none is from --since on and passes"
            " every --filter."
        )
    return "There are no reels to analyse."


def ending_of(path: str, explicit: str | None = None) -> str:
    """The ending that picks the format, with its .gz; raises UnknownFileEnding."""
    name = Path(path).name.lower()
    squeezed = name.endswith(".gz")
    if explicit is not None:
        ending = "." + explicit.lower().removeprefix(".")
        if squeezed and not ending.endswith(".gz"):
            ending += ".gz"
    else:
        ending = "".join(Path(name).suffixes[-2:] if squeezed else Path(name).suffixes[-1:])
    if ending not in ENDINGS:
        raise errors.UnknownFileEnding(
            f"An analysis has no format {ending or 'without an ending'}.",
            hint=f"These exist: {' '.join(ENDINGS)}",
        )
    return ending


def check_streams(ending: str) -> None:
    """Raise BadInput for formats that make no sense on standard output."""
    if ending in (".pdf", ".xlsx"):
        raise errors.BadInput(
            f"A {ending} file cannot be written to standard output.",
            hint="Name a file, or choose html, csv or json.",
        )


def layout(fields: str | None) -> Layout:
    """The columns that were asked for, in that order; all of them where none were."""
    if fields is None:
        return REELS
    known = {column.name: column for column in REELS}
    chosen = [name.strip() for name in fields.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise errors.BadInput(
            f"There is no field {', '.join(unknown) or 'without a name'}.",
            hint=f"These exist: {', '.join(known)}.",
        )
    return Layout(REELS.kind, tuple(known[name] for name in dict.fromkeys(chosen)))


def save(
    story: Story, path: str, ending: str, *, columns: Layout = REELS, raw_csv: bool = False
) -> File:
    """Write the file whole or not at all. Blocks. Raises StorageFull, UnwritablePath."""
    write = _writer(story, ending, columns, raw_csv)
    with aside.written(Path(path)) as out:
        write(out)
    return _file(str(Path(path).absolute()), story, ending, out)


def pour(
    story: Story,
    stream: BinaryIO,
    ending: str,
    *,
    columns: Layout = REELS,
    raw_csv: bool = False,
) -> File:
    """Write the same bytes to an open stream. Raises StorageFull, BrokenPipeError."""
    out = aside.Tally(stream.write)
    with aside.poured():
        _writer(story, ending, columns, raw_csv)(out)
        stream.flush()
    return _file("-", story, ending, out)


def _file(path: str, story: Story, ending: str, out: aside.Tally) -> File:
    return File(
        path=path,
        format=ending[1:],
        size_bytes=out.size,
        rows=len(story.rows),
        sha256=out.sha256,
    )


def _writer(story: Story, ending: str, columns: Layout, raw_csv: bool) -> Callable[[Any], object]:
    write = _plain_writer(story, ending.removesuffix(".gz"), columns, raw_csv)
    return _packed(write) if ending.endswith(".gz") else write


def _packed(write: Callable[[Any], object]) -> Callable[[Any], object]:
    def pack(out: Any) -> None:
        # Neither name nor time in its header: the same rows give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
            write(packed)

    return pack


def _plain_writer(
    story: Story, kind: str, columns: Layout, raw_csv: bool
) -> Callable[[Any], object]:
    if kind == ".csv":
        return lambda out: _csv(out, story, columns, raw_csv)
    if kind == ".json":
        return lambda out: out.write(as_json(story, columns))
    if kind == ".xlsx":
        from ingather.exports import reel_book

        return lambda out: reel_book.write(out, story, columns)
    from ingather.exports import reel_page

    page = reel_page.page(story)
    if kind == ".html":
        return lambda out: out.write(page.encode())
    from ingather.exports import pdf

    printed = pdf.printed(page)
    return lambda out: out.write(printed)


def as_json(story: Story, columns: Layout = REELS) -> bytes:
    """profile, analysis and reels as objects within one, with the receipt."""
    encoded = msgspec.to_builtins(story.analysis)
    profile = encoded.pop("profile")
    told = {
        "profile": profile,
        "analysis": encoded,
        "change": msgspec.to_builtins(story.change),
        "comparedWith": [msgspec.to_builtins(other) for other in story.others],
        "receipt": story.receipt,
        "reels": [
            {column.name: getattr(row, column.attribute) for column in columns}
            for row in story.rows
        ],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def _csv(out: Any, story: Story, columns: Layout, raw: bool) -> None:
    """Unless raw, the profile stands above the table, as name and value, and a blank line."""
    if not raw:
        out.write(csv_file.BOM)
        lines = [*profile_lines(story.analysis), ("", "")]
        out.write("".join(_line(pair) for pair in lines).encode())
        out = _Unmarked(out)
    csv_file.write(out, [story.rows], columns, raw=raw)  # type: ignore[list-item]


def profile_lines(found: Analysis) -> list[tuple[str, str]]:
    """What stands above the table: the account, and what the figures rest on."""
    who: Profile = found.profile
    counts = (who.followers_count, who.follows_count, who.media_count)
    followers, following, media = ("" if each is None else str(each) for each in counts)
    return [
        ("username", who.username),
        ("fullName", who.full_name or ""),
        ("userId", who.user_id or ""),
        ("followers", followers),
        ("following", following),
        ("posts", media),
        ("analysedAt", found.at),
        ("timeZone", found.zone),
        ("reels", str(found.reels)),
        ("reelsCompared", str(found.compared)),
    ]


def _line(cells: Iterable[str]) -> str:
    quoted = []
    for cell in cells:
        safe = csv_file.escape(cell)
        needs = any(sign in safe for sign in ',"\r\n')
        quoted.append('"' + safe.replace('"', '""') + '"' if needs else safe)
    return ",".join(quoted) + "\r\n" if any(quoted) else "\r\n"


class _Unmarked:
    """An output on which a byte order mark is no more to be written."""

    def __init__(self, out: Any) -> None:
        self._out = out

    def write(self, data: Any) -> object:
        return None if data == csv_file.BOM else self._out.write(data)
