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

OF_POSTS = ("likers", "commenters")
"""Extractions whose target is a post; of the others it is an account, or a hashtag."""

SOURCES: dict[str, tuple[str, ...]] = {
    "comments": ("graph",),
    "commenters": ("graph", "hiker", "archive"),
    "followers": ("hiker", "archive"),
    "following": ("hiker", "archive"),
    "likers": ("hiker",),
    "posts": ("graph", "hiker", "archive"),
    "reels": ("graph", "hiker", "archive"),
    "hashtag-clips": ("hiker",),
    "liked": ("archive",),
}
"""Sources that can tell a kind, in the order in which they are asked: what costs nothing first."""

CALLED = {"graph": "the Graph API", "hiker": "HikerAPI", "archive": "an archive of your own"}
"""Sources in a sentence."""

REACH: dict[str, dict[str, str]] = {
    "graph": {
        "commenters": "of your own posts",
        "posts": "of yourself and of other business and creator accounts",
        "reels": "of yourself and of other business and creator accounts",
    },
    "hiker": {
        "hashtag-clips": "of any hashtag",
        "likers": "of any public post",
        "commenters": "of any public post",
    },
    "archive": {"commenters": "your own comments, without ids", "liked": "the posts you liked"},
}
"""Whose a kind can be, where it is not any public account's (hiker) or one's own (archive)."""

WITH_INSIGHTS = "media+insights"
"""Route of a job that asks the Graph API for the insights of one's own posts as well."""

FILLED = "+hiker"
"""What the route of an analysis ends with whose gaps HikerAPI fills."""
