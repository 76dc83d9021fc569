"""Which records are kept: filters as data (`filter_kinds`), in words (`filter_words`), at work.

`Sieve.keep` is pure but for First, whose memory is no state of its own: it is what the rows kept
so far say. So a resumed job hands those rows to `remember`, and sieves on as if it had never
stopped. A record that was kept is kept again whenever it comes again, so that pages which are read
twice (after a dead cursor, or a commit whose answer was lost) give the same rows twice, and the
store drops them as what they are, duplicates.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime

from ingather import errors
from ingather.domain import text as writing
from ingather.domain.filter_kinds import (
    Count,
    Dates,
    Filter,
    First,
    Flag,
    Mentions,
    Text,
    Types,
    Users,
    fold,
    from_json,
    inlined,
    references,
    to_json,
)
from ingather.domain.filter_words import names_in, parse, spell
from ingather.domain.pattern import Pattern
from ingather.domain.records import Comment, Media, Record, User, moment, natural_id, writer

__all__ = [
    "Filter",
    "Sieve",
    "describe",
    "from_json",
    "inlined",
    "names_in",
    "parse",
    "references",
    "spell",
    "to_json",
    "untold",
]

Test = Callable[[Record], bool]

_NO_PICTURE = "44884218_345707102882519_2446069589734326272_n"
"""In the address of the grey figure that Instagram shows for accounts without a picture."""


class Sieve:
    """Filters at work on the records of one job, in their order.

    sets: the usernames behind each of `references(filters)`; raises BadInput where one is missing.
    """

    def __init__(
        self, filters: Iterable[Filter], *, sets: Mapping[str, Collection[str]] | None = None
    ) -> None:
        chosen = tuple(filters)
        self._tests = [_test(one, sets or {}) for one in chosen if not isinstance(one, First)]
        self.needs_rows = any(isinstance(one, First) for one in chosen)
        """Whether `remember` must be told the rows kept already, before a job goes on."""
        self._by_id: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._nameless: dict[str, str] = {}

    def keep(self, record: Record) -> bool:
        """Whether the record passes. First comes last, wherever it stands among the filters."""
        if not all(test(record) for test in self._tests):
            return False
        return not self.needs_rows or self._is_first(record)

    def remember(self, records: Iterable[Record]) -> None:
        """Rows that the job has kept: their users have had their first."""
        if self.needs_rows:
            for record in records:
                self._is_first(record)

    def _is_first(self, record: Record) -> bool:
        """Whether no other record of its user was kept. Users are one by id, and by name where one
        of two records has no id. Of a record with neither nobody can tell: it does not pass."""
        number, name, own = writer(record), _username(record), natural_id(record)
        if number is None and name is None:
            return False
        first = None if number is None else self._by_id.get(number)
        if first is None and name is not None:
            first = (self._by_name if number is None else self._nameless).get(name)
        if first is not None:
            return first == own
        if number is not None:
            self._by_id[number] = own
        if name is not None:
            self._by_name.setdefault(name, own)
            if number is None:
                self._nameless[name] = own
        return True


def _test(one: Filter, sets: Mapping[str, Collection[str]]) -> Test:
    match one:
        case Text(op, value):
            return _text_test(op, value)
        case Count(of, least, most):
            low, high = least or 0, float("inf") if most is None else most
            return lambda record: (n := _count(of, record)) is not None and low <= n <= high
        case Mentions(names, without):
            wanted = frozenset(names)
            return lambda record: wanted.isdisjoint(_mentions(record) or ()) == without
        case Users(names, reference, without):
            if reference is not None and reference not in sets:
                raise errors.BadInput(f"The usernames of {reference} are not to be had.")
            found = frozenset(map(str.lower, names if reference is None else sets[reference]))
            return lambda record: (_username(record) in found) != without
        case Flag(of, value):
            return lambda record: _flag(of, record) is value
        case Types(types, without):
            return lambda record: (getattr(record, "media_type", None) in types) != without
        case Dates(since, before):
            return _date_test(since, before)
        case First():
            raise AssertionError("a Sieve looks after First itself")


def _text_test(op: str, value: str) -> Test:
    found: Callable[[str], bool]
    if op in ("contains", "excludes"):
        wanted = fold(value)

        def found(text: str) -> bool:
            return wanted in text
    else:
        found = Pattern(value, fold=fold).found
    asked = op in ("contains", "matches")

    def test(record: Record) -> bool:
        text = _text(record)
        return (text is not None and found(fold(text))) == asked

    return test


def _date_test(since: str | None, before: str | None) -> Test:
    low = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
    high = datetime.fromisoformat(before) if before else datetime.max.replace(tzinfo=UTC)

    def test(record: Record) -> bool:
        try:
            made = datetime.fromisoformat(moment(record) or "")
            return low <= made < high
        except (ValueError, TypeError):  # no time, or one that does not tell its offset
            return False

    return test


def _username(record: Record) -> str | None:
    return record.username.lower() if record.username else None


def _text(record: Record) -> str | None:
    if isinstance(record, Comment):
        return record.text
    return record.caption if isinstance(record, Media) else record.full_name


def _mentions(record: Record) -> tuple[str, ...] | None:
    if isinstance(record, User):
        return None
    if isinstance(record, Media) and record.mentions is not None:
        return tuple(map(str.lower, record.mentions))
    text = _text(record)
    return None if text is None else writing.mentions(text)


def _count(of: str, record: Record) -> float | None:
    if of == "mentions":
        names = _mentions(record)
        return None if names is None else len(names)
    if of == "hashtags":
        told = getattr(record, "hashtags", None)
        text = None if isinstance(record, User) else _text(record)
        if told is None and text is not None:
            told = writing.hashtags(text)
        return None if told is None else len(told)
    found: float | None = getattr(record, _FIELDS[of], None)
    return found


def _flag(of: str, record: Record) -> bool | None:
    if not isinstance(record, User):
        return None
    if of == "picture":
        url = record.profile_pic_url
        return None if url is None else bool(url) and _NO_PICTURE not in url
    return record.is_private if of == "private" else record.is_verified


_FIELDS = {
    "followers": "follower_count",
    "likes": "like_count",
    "plays": "play_count",
    "comments": "comment_count",
    "duration": "duration",
}


def untold(filters: Iterable[Filter], kind: type[Record]) -> tuple[Filter, ...]:
    """The filters that no record of this kind can pass, for it never tells what they ask."""
    fields = frozenset(kind.__struct_fields__)

    def never(one: Filter) -> bool:
        match one:
            case Count(of):
                return kind is User if of in ("mentions", "hashtags") else _FIELDS[of] not in fields
            case Mentions(_, without):
                return kind is User and not without
            case Flag():
                return kind is not User
            case Types(_, without):
                return kind is not Media and not without
            case Dates():
                return kind is User
        return False

    return tuple(filter(never, filters))


def describe(one: Filter) -> str:
    """The filter as a person would say it."""
    match one:
        case Text(op, value):
            said = {"contains": "contains", "excludes": "does not contain"}
            said |= {"matches": "matches the pattern", "differs": "does not match the pattern"}
            return f"the text {said[op]} “{value}”"
        case Count(of, least, most):
            what = "seconds" if of == "duration" else of
            if least == most:
                return f"exactly {least} {what}"
            if least is None or most is None:
                return f"at most {most} {what}" if least is None else f"at least {least} {what}"
            return f"{least} to {most} {what}"
        case Mentions(names, without):
            return f"mentions {'none' if without else 'any'} of {_listed(names)}"
        case Users(names, reference, without):
            told = f"those in {reference}" if reference else _listed(names)
            return f"the user is {'none' if without else 'one'} of {told}"
        case Flag(of, value):
            said = {"private": "is private", "verified": "is verified", "picture": "has a picture"}
            return f"the account {said[of]}" if value else f"it is not so that it {said[of]}"
        case Types(types, without):
            return f"the type is {'not ' * without}{' or '.join(types)}"
        case Dates(since, before):
            ends = [f"from {since} on"] * bool(since) + [f"before {before}"] * bool(before)
            return f"made {' and '.join(ends)}"
        case First():
            return "of each user the first alone"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"@{name}" for name in names[:5])
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown
