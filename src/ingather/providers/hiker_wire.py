"""The shapes in which HikerAPI answers.

Four of them: a pair `[items, cursor]`, a list of three, a page `{response, next_page_id}`, and
items alone. The same account's `pk` is a number here and a text there, in one body even.
"""

import msgspec
from msgspec import Struct

from ingather.providers.graph_wire import Count, Id

Mark = str | int | bool | None
"""A cursor as it comes; an end is null, "", false, or the cursor that was sent."""


class User(Struct, frozen=True, gc=False):
    pk: Id = None
    id: Id = None
    username: str | None = None
    full_name: str | None = None
    is_private: bool | None = None
    is_verified: bool | None = None
    profile_pic_url: str | None = None


class Account(User, frozen=True, gc=False):
    """account_type: 1 personal, 2 business, 3 creator."""

    follower_count: Count | None = None
    following_count: Count | None = None
    media_count: Count | None = None
    profile_pic_url_hd: str | None = None
    biography: str | None = None
    external_url: str | None = None
    account_type: int | None = None
    is_business: bool | None = None
    category: str | None = None
    category_name: str | None = None
    business_category_name: str | None = None


class Reply(Struct, frozen=True, gc=False):
    pk: Id = None
    text: str | None = None
    user: User | None = None
    user_id: Id = None
    created_at_utc: str | int | None = None
    created_at: str | int | None = None
    comment_like_count: Count | None = None
    like_count: Count | None = None
    parent_comment_id: Id = None


class Comment(Reply, frozen=True, gc=False):
    child_comment_count: Count | None = None
    preview_child_comments: list[Reply] | None = None


class Caption(Struct, frozen=True, gc=False):
    text: str | None = None


class Media(Struct, frozen=True, gc=False):
    """v1 tells `taken_at` as ISO 8601 and `caption_text`, v2 seconds and `caption.text`."""

    pk: Id = None
    id: Id = None
    code: str | None = None
    taken_at: str | int | None = None
    taken_at_ts: Count | None = None
    media_type: int | None = None
    product_type: str | None = None
    user: User | None = None
    comment_count: Count | None = None
    like_count: Count | None = None
    play_count: Count | None = None
    ig_play_count: Count | None = None
    view_count: Count | None = None
    video_duration: float | None = None
    caption_text: str | None = None
    caption: Caption | None = None
    like_and_view_counts_disabled: bool | None = None
    thumbnail_url: str | None = None
    is_paid_partnership: bool | None = None
    coauthor_producers: list[User] | None = None
    timeline_pinned_user_ids: list[Id] | None = None
    clips_tab_pinned_user_ids: list[Id] | None = None


class Users(Struct, frozen=True, gc=False):
    users: list[User]


class UserPage(Struct, frozen=True, gc=False):
    response: Users
    next_page_id: Mark


class Comments(Struct, frozen=True, gc=False):
    comments: list[Comment]


class CommentPage(Struct, frozen=True, gc=False):
    response: Comments
    next_page_id: Mark


class Thread(Struct, frozen=True, gc=False):
    """Replies, unwrapped. Towards `head` lie the ones that follow."""

    child_comments: list[Reply]
    child_comment_count: Count | None = None
    has_more_head_child_comments: bool | None = None
    has_more_tail_child_comments: bool | None = None
    next_min_child_cursor: Mark = None
    next_min_id: Mark = None


class Balance(Struct, frozen=True, gc=False):
    """requests: units left. rate: calls a second allowed to the key."""

    requests: Count
    rate: float | None = None
    currency: str | None = None
    amount: float | None = None


NOBODY = User()
ACCOUNT = msgspec.json.Decoder(Account)
USER_LIST = msgspec.json.Decoder(list[User])
USERS = msgspec.json.Decoder(Users)
USER_PAIR = msgspec.json.Decoder(tuple[list[User], Mark])
USER_PAGE = msgspec.json.Decoder(UserPage)
COMMENT_PAGE = msgspec.json.Decoder(CommentPage)
COMMENT_PAIR = msgspec.json.Decoder(tuple[list[Comment], Mark])
COMMENT_TRIPLE = msgspec.json.Decoder(tuple[list[Comment], Mark, Mark])
THREAD = msgspec.json.Decoder(Thread)
MEDIA_PAIR = msgspec.json.Decoder(tuple[list[Media], Mark])
MEDIA_LIST = msgspec.json.Decoder(list[Media])
MEDIA = msgspec.json.Decoder(Media)
BALANCE = msgspec.json.Decoder(Balance)
