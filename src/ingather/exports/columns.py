"""Which columns a kind of record has, by what name, and of what kind."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Kind = Literal["id", "text", "int", "time", "url"]
"""What a column holds, so that each format can choose its own way of keeping it.

id: decimal digits too long for a spreadsheet's numbers (15 digits), hence never a number.
text, url: what people wrote; may hold anything. int: a count.
time: ISO 8601 with its offset from UTC.
"""


class Column(Struct, frozen=True):
    """name: as users read it. attribute: of the record."""

    name: str
    attribute: str
    kind: Kind


class Layout(Struct, frozen=True):
    """The columns of one kind of record.

    kind: plural noun, which names the list in a `.json` file and the sheet in an `.xlsx` one.
    """

    kind: str
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


COMMENTS = Layout(
    "comments",
    (
        Column("commentId", "comment_id", "id"),
        Column("userId", "user_id", "id"),
        Column("username", "username", "text"),
        Column("timestamp", "timestamp", "time"),
        Column("likeCount", "like_count", "int"),
        Column("parentCommentId", "parent_comment_id", "id"),
        Column("text", "text", "text"),
    ),
)
