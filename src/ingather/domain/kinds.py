"""What can be collected, and what record each kind is made of."""

from ingather.domain.records import Comment, Media, Record, User

RECORDS: dict[str, type[Record]] = {
    "comments": Comment,
    "commenters": Comment,
    "followers": User,
    "following": User,
    "likers": User,
    "posts": Media,
    "reels": Media,
    "hashtag-clips": Media,
    "liked": Media,
    "analysis": Media,
}
"""`comments` is the export of one post's comments, `analysis` reads an account's reels to the end
that they be analysed; the others are extractions."""

ALIASES = {"followings": "following", "hashtags": "hashtag-clips"}
"""Other names for the same kinds (seed extraction-platform.md)."""
