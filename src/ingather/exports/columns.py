"""Which columns a kind of record has, by what name, and of what kind."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Kind = Literal["id", "text", "int", "float", "bool", "list", "time", "url"]
"""What a column holds, so that each format can choose its own way of keeping it.

id: decimal digits too long for a spreadsheet's numbers (15 digits), hence never a number.
text, url: what people wrote; may hold anything. int: a count. float: a measure.
list: words without blanks in them; a format without lists puts a blank between two.
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

USERS = Layout(
    "users",
    (
        Column("userId", "user_id", "id"),
        Column("username", "username", "text"),
        Column("fullName", "full_name", "text"),
        Column("isPrivate", "is_private", "bool"),
        Column("isVerified", "is_verified", "bool"),
        Column("profilePicUrl", "profile_pic_url", "url"),
    ),
)

MEDIA = Layout(
    "media",
    (
        Column("mediaId", "media_id", "id"),
        Column("shortcode", "shortcode", "text"),
        Column("permalink", "permalink", "url"),
        Column("mediaType", "media_type", "text"),
        Column("timestamp", "timestamp", "time"),
        Column("username", "username", "text"),
        Column("likeCount", "like_count", "int"),
        Column("commentCount", "comment_count", "int"),
        Column("playCount", "play_count", "int"),
        Column("duration", "duration", "float"),
        Column("caption", "caption", "text"),
        Column("hashtags", "hashtags", "list"),
        Column("mentions", "mentions", "list"),
        Column("thumbnailUrl", "thumbnail_url", "url"),
        Column("likesHidden", "likes_hidden", "bool"),
        Column("isPinned", "is_pinned", "bool"),
        Column("isPaidPartnership", "is_paid_partnership", "bool"),
        Column("coauthors", "coauthors", "list"),
        Column("playsFrom", "plays_from", "text"),
        Column("reach", "reach", "int"),
        Column("saved", "saved", "int"),
        Column("shares", "shares", "int"),
        Column("totalInteractions", "total_interactions", "int"),
        Column("avgWatchMs", "avg_watch_ms", "int"),
        Column("totalWatchMs", "total_watch_ms", "int"),
        Column("filledFrom", "filled_from", "list"),
    ),
)
