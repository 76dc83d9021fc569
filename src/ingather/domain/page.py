"""What a source answers: records, and an opaque cursor to the next of them."""

from collections.abc import Sequence

from msgspec import Struct

from ingather.domain.records import Record


class Usage(Struct, frozen=True, gc=False):
    """What the platform says of its limit.

    percent: 0 to above 100, of the budget used; the largest of the numbers it names.
    regain: seconds until access is regained, None where it does not say.
    """

    percent: int
    regain: float | None = None


class Page(Struct, frozen=True):
    """One answer of a source.

    records: in the source's order.
    next: the cursor of the following page; None only where the source says that this is the last.
    usage: None where the source said nothing of its limit (which is not 0 %).
    repaired: texts in which NUL or half a surrogate pair was replaced by U+FFFD.
    units: what the source has billed since the page before this one, failed calls included; 0
    where it bills nothing.
    within: the list inside a row, such as a comment's replies, that this page is of; None for the
    list of rows itself.
    passed: rows of another sort than was asked for, such as photos in a list of reels; with some,
    a page without records is no empty one.
    more_calls: calls that were made for it of another source, which gave them their turns.
    """

    records: Sequence[Record]
    next: str | None
    usage: Usage | None = None
    repaired: int = 0
    within: str | None = None
    units: int = 0
    passed: int = 0
    more_calls: int = 0
