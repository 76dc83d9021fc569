"""Filters in words: one syntax for the command line, the API and the pages.

| words | pass |
|---|---|
| `text~=word`, `text!~=word` | what contains it, or not (also in captions and full names) |
| `text=/pattern/`, `text!=/pattern/` | what a regular expression is found in, or not (`pattern`) |
| `mentions~=ann,bob`, `mentions!~=ann` | what mentions any of them, none of them |
| `mentions>=2`, `hashtags`, `followers`, `likes`, `plays`, `comments` | `= >= <= > <`, `=2..9` |
| `duration<=30` | seconds of a video: `>= <=`, `=2..9` |
| `user=ann,bob`, `user!=ann` | records of these users, of all others |
| `user=@names.txt`, `user!=job:ID` | the same, with the names in a file, or of another job |
| `private=yes`, `verified=no`, `picture=yes` | accounts that are so |
| `type=reels,video`, `type!=image` | posts of these types: image, video, carousel, reels |
| `date=2025-03`, `date>=2025-01-31`, `date=2025-01-01..2025-01-31` | what was made then, in UTC |
| `first-per-user` | of each user the first record that passes all the others |

All filters must pass. Numbers may be 10k or 1.5m. A period includes both of its ends.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn, get_args

from ingather import errors
from ingather.domain import names
from ingather.domain.filter_kinds import (
    Count,
    CountOf,
    Dates,
    Filter,
    First,
    Flag,
    FlagOf,
    Mentions,
    Text,
    Types,
    Users,
    fold,
)
from ingather.domain.pattern import Pattern, PatternError

MOST_FILTERS = 50
MOST_LETTERS = 10_000
"""Of one filter: a list of a few hundred names; longer ones come from a file."""

_FIRST = "first-per-user"
_WORD = re.compile(r"\s*([A-Za-z-]*)\s*(!~=|~=|!=|>=|<=|=|>|<)?\s*(.*?)\s*", re.DOTALL)
_NUMBER = re.compile(r"([0-9]{1,15})(\.[0-9]{1,6})?([kKmM]?)")
_NAME = re.compile(r"[a-z0-9._]{1,30}")
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_JOB = re.compile(r"job:[A-Za-z0-9_-]{1,100}")
_ALSO = {"views": "plays"}
"""Other names; a filter has one spelling."""
_TYPES = {
    "image": "IMAGE",
    "photo": "IMAGE",
    "video": "VIDEO",
    "carousel": "CAROUSEL_ALBUM",
    "album": "CAROUSEL_ALBUM",
    "carousel_album": "CAROUSEL_ALBUM",
    "reels": "REELS",
    "reel": "REELS",
}
_SPELT = {"CAROUSEL_ALBUM": "carousel"}
_TEXT_OPS = {"~=": "contains", "!~=": "excludes", "=": "matches", "!=": "differs"}
_ANSWERS = {"yes": True, "true": True, "no": False, "false": False}


def parse(words: Sequence[str]) -> tuple[Filter, ...]:
    """Filters, one in each word. Raises BadInput, which says where and why."""
    if len(words) > MOST_FILTERS:
        raise errors.BadInput(f"There can be at most {MOST_FILTERS} filters.")
    return tuple(_Word(one).filter() for one in words)


def names_in(text: str) -> tuple[str, ...]:
    """The usernames in a file: names and addresses between commas or blanks; # begins a remark.
    Raises UnreadableName: an account that was to be left out must not be in for a slip."""
    lines = (line.partition("#")[0] for line in text.lstrip("\ufeff").splitlines())
    words = (word for line in lines for word in re.split(r"[\s,;]+", line) if word.strip("\"'"))
    return tuple(dict.fromkeys(map(names.username, words)))


class _Word:
    """One filter as it was written."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = _WORD.fullmatch(text)
        if len(text) > MOST_LETTERS or found is None:
            self._fail(f"it is longer than {MOST_LETTERS} letters", MOST_LETTERS)
        for at, letter in enumerate(text):
            if letter == "\0" or "\ud800" <= letter <= "\udfff":
                self._fail("this is no letter of any text", at)
        self._field, self._op, self._value = found[1].lower(), found[2] or "", found[3]
        self._field = _ALSO.get(self._field, self._field)
        self._op_at, self._at = max(found.start(2), found.end(1)), found.start(3)
        self._field_at = found.start(1)

    def _fail(self, why: str, at: int) -> NoReturn:
        shown = "".join(one if one.isprintable() else "\ufffd" for one in self._text[:80])
        end = why if why.endswith("?") else f"{why}."
        raise errors.BadInput(f"The filter “{shown}” cannot be read at letter {at + 1}: {end}")

    def filter(self) -> Filter:
        readers: dict[str, Callable[[], Filter]] = {
            "text": self._of_text,
            "user": self._users,
            "type": self._types,
            "date": self._dates,
            **dict.fromkeys(get_args(CountOf), self._count),
            **dict.fromkeys(get_args(FlagOf), self._flag),
        }
        if self._field == _FIRST:
            if self._op or self._value:
                self._fail(f"nothing follows {_FIRST}", self._op_at)
            return First()
        if self._field not in readers:
            near = difflib.get_close_matches(self._field, [*readers, _FIRST], 1)
            known = f"did you mean {near[0]}?" if near else f"known are {', '.join(readers)}"
            self._fail(f"nothing is called “{self._field}”; {known}", self._field_at)
        if not self._op:
            self._fail(f"after {self._field} there must be one of = != ~= !~= >= <= > <",
                       self._op_at)  # fmt: skip
        if not self._value:
            self._fail("nothing stands behind it", self._at)
        return readers[self._field]()

    def _allow(self, *ops: str) -> None:
        if self._op not in ops:
            self._fail(f"{self._field} knows {' '.join(ops)}, and not {self._op}", self._op_at)

    def _of_text(self) -> Filter:
        self._allow(*_TEXT_OPS)
        value = unicodedata.normalize("NFC", self._value)
        if self._op in ("=", "!="):
            if len(value) < 3 or value[0] != "/" or value[-1] != "/":
                self._fail("a pattern stands between slashes, as in text=/wins?/", self._at)
            value = value[1:-1]
            try:
                Pattern(value, fold=fold)
            except PatternError as error:
                self._fail(error.why, self._at + 1 + error.position)
        elif not fold(value):
            self._fail("no reader could see this", self._at)
        return Text(_TEXT_OPS[self._op], value)  # type: ignore[arg-type]

    def _count(self) -> Filter:
        of: CountOf = self._field  # type: ignore[assignment]
        if of == "mentions" and self._op in ("~=", "!~="):
            return Mentions(self._names(), without=self._op == "!~=")
        if of == "duration":  # seconds have fractions: less than 30 is not at most 29
            self._allow("=", ">=", "<=")
        self._allow("=", ">=", "<=", ">", "<", *(("~=", "!~=") if of == "mentions" else ()))
        low, dots, high = self._value.partition("..")
        if dots and self._op != "=":
            self._fail("from .. to goes with = alone", self._op_at)
        if dots:
            least = self._number(low, self._at) if low.strip() else None
            most = self._number(high, self._at + len(low) + 2) if high.strip() else None
            if least is None and most is None:
                self._fail("at least one end must be given", self._at)
        else:
            number = self._number(low, self._at)
            least = {"=": number, ">=": number, ">": number + 1}.get(self._op)
            most = {"=": number, "<=": number, "<": number - 1}.get(self._op)
        if most is not None and (most < 0 or (least is not None and most < least)):
            self._fail("no number is like that", self._at)
        return Count(of, least, most)

    def _number(self, text: str, at: int) -> int:
        found = _NUMBER.fullmatch(text.strip().replace("_", ""))
        times = {"k": 1_000, "m": 1_000_000}.get(found[3].lower(), 1) if found else 1
        digits = (found[2] or ".0")[1:] if found else ""
        fine = times * int(digits or 0)
        if found is None or fine % 10 ** len(digits):
            self._fail(f"“{text.strip()[:40]}” is no whole number", at)
        return int(found[1]) * times + int(fine // 10 ** len(digits))

    def _names(self) -> tuple[str, ...]:
        names: list[str] = []
        at = self._at
        for one in self._value.split(","):
            name = one.strip().removeprefix("@").lower()
            if not _NAME.fullmatch(name):
                self._fail(f"“{one.strip()[:40]}” is no username", at)
            names.append(name)
            at += len(one) + 1
        return tuple(dict.fromkeys(names))

    def _users(self) -> Filter:
        self._allow("=", "!=")
        without = self._op == "!="
        if self._value.startswith("@"):
            if len(self._value) == 1:
                self._fail("after @ comes the name of a file", self._at)
            return Users(reference=self._value, without=without)
        if self._value.startswith("job:"):
            if not _JOB.fullmatch(self._value):
                self._fail("after job: comes the id of a job", self._at)
            return Users(reference=self._value, without=without)
        return Users(self._names(), without=without)

    def _types(self) -> Filter:
        self._allow("=", "!=")
        types: list[str] = []
        at = self._at
        for one in self._value.split(","):
            name = one.strip().lower()
            if name not in _TYPES:
                self._fail("types are image, video, carousel and reels", at)
            types.append(_TYPES[name])
            at += len(one) + 1
        return Types(tuple(dict.fromkeys(types)), without=self._op == "!=")

    def _flag(self) -> Filter:
        self._allow("=")
        if self._value.lower() not in _ANSWERS:
            self._fail("the answer is yes or no", self._at)
        return Flag(self._field, _ANSWERS[self._value.lower()])  # type: ignore[arg-type]

    def _dates(self) -> Filter:
        self._allow("=", ">=", "<=", ">", "<")
        low, dots, high = self._value.partition("..")
        if dots and self._op != "=":
            self._fail("from .. to goes with = alone", self._op_at)
        start, end = self._span(low, self._at)
        if dots:
            _, end = self._span(high, self._at + len(low) + 2)
        if end <= start:
            self._fail("this period ends before it begins", self._at)
        since = {"=": start, ">=": start, ">": end}.get(self._op)
        before = {"=": end, "<=": end, "<": start}.get(self._op)
        return Dates(_iso(since) if since else None, _iso(before) if before else None)

    def _span(self, text: str, at: int) -> tuple[datetime, datetime]:
        """The first moment of a year, month, day or second, and the first one after it."""
        said = text.strip()
        try:
            if day := _DAY.fullmatch(said):
                year, month, date = (int(one) if one else None for one in day.groups())
                assert year is not None
                start = datetime(year, month or 1, date or 1, tzinfo=UTC)
                if date:
                    return start, start + timedelta(days=1)
                ahead = (year + 1, 1) if month in (None, 12) else (year, (month or 0) + 1)
                return start, datetime(*ahead, 1, tzinfo=UTC)
            found = datetime.fromisoformat(said)
            found = found.replace(microsecond=0, tzinfo=found.tzinfo or UTC).astimezone(UTC)
            return found, found + timedelta(seconds=1)
        except (ValueError, OverflowError):
            self._fail(f"“{said[:40]}” is no date such as 2025-01-31", at)


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat("T", "seconds") + "Z"


def spell(one: Filter) -> str:
    """The words that `parse` reads as this filter."""
    match one:
        case Text(op, value):
            sign = next(sign for sign, name in _TEXT_OPS.items() if name == op)
            return f"text{sign}{value}" if sign.endswith("~=") else f"text{sign}/{value}/"
        case Count(of, least, most):
            if least == most:
                return f"{of}={least}"
            if least is None or most is None:
                return f"{of}<={most}" if least is None else f"{of}>={least}"
            return f"{of}={least}..{most}"
        case Mentions(names, without):
            return f"mentions{'!' * without}~={','.join(names)}"
        case Users(names, reference, without):
            return f"user{'!' * without}={reference or ','.join(names)}"
        case Flag(of, value):
            return f"{of}={'yes' if value else 'no'}"
        case Types(types, without):
            spelt = ",".join(_SPELT.get(name, name.lower()) for name in types)
            return f"type{'!' * without}={spelt}"
        case Dates(since, before):
            if since is None or before is None:
                return f"date<{before}" if since is None else f"date>={since}"
            last = datetime.fromisoformat(before) - timedelta(seconds=1)
            return f"date={since}..{_iso(last)}"
        case First():
            return _FIRST
