"""What HikerAPI's addresses answer once they let one in."""

from collections.abc import Callable
from urllib.parse import urlsplit

from msgspec import Struct

from ingather.sandbox import hiker_answers as answers
from ingather.sandbox import hiker_pages, ids
from ingather.sandbox.hiker_answers import HikerError
from ingather.sandbox.hiker_pages import NESTED, OFFSET, PAIRED, TAGGED, TOKEN, Ask, Cut
from ingather.sandbox.hiker_world import HikerWorld, Item, Listed
from ingather.sandbox.state import State
from ingather.sandbox.world import World

_MOST_LIKERS = 10_000


class Way(Struct, frozen=True):
    """One address. needs: its first parameter; cursor: that of its cursor; size: of its pages."""

    kind: str
    needs: str
    cursor: str = ""
    sort: str = TOKEN
    size: int = 50
    units: int = 1


class Call(Struct, frozen=True):
    """One call understood. faults: paging faults that are on for it."""

    path: str
    way: Way
    params: dict[str, str]
    faults: dict[str, float]


WAYS = {
    "v1/user/by/username": Way("hiker_user", "username"),
    "v2/user/by/username": Way("hiker_user", "username"),
    "v1/user/by/id": Way("hiker_user", "id"),
    "v2/user/followers": Way("hiker_followers", "user_id", "page_id"),
    "g2/user/followers": Way("hiker_followers", "user_id", "page_id", size=15),
    "gql/user/followers/chunk": Way("hiker_followers", "user_id", "end_cursor", size=46, units=2),
    "v1/user/followers/chunk": Way("hiker_followers", "user_id", "max_id"),
    "v2/user/following": Way("hiker_following", "user_id", "page_id", OFFSET, 25),
    "g2/user/following": Way("hiker_following", "user_id", "page_id", OFFSET, 25),
    "gql/user/following/chunk": Way("hiker_following", "user_id", "end_cursor", units=2),
    "v1/user/following/chunk": Way("hiker_following", "user_id", "max_id", OFFSET, 25),
    "v1/media/likers": Way("hiker_likers", "id"),
    "v2/media/likers": Way("hiker_likers", "id"),
    "v2/media/comments": Way("hiker_comments", "id", "page_id", NESTED, 15),
    "v1/media/comments/chunk": Way("hiker_comments", "id", "min_id", NESTED, 15),
    "v2/media/comments/replies": Way("hiker_replies", "media_id", "min_id", NESTED, 20),
    "v1/user/medias/chunk": Way("hiker_medias", "user_id", "end_cursor", PAIRED, 33),
    "v1/user/clips/chunk": Way("hiker_clips", "user_id", "end_cursor"),
    "v1/hashtag/medias/clips/chunk": Way("hiker_hashtag", "name", "max_id", TAGGED, 27),
    "v1/hashtag/medias/recent/chunk": Way("hiker_hashtag", "name", "max_id"),
    "v1/media/by/url": Way("hiker_media", "url"),
    "v1/media/by/code": Way("hiker_media", "code"),
    "v1/media/by/id": Way("hiker_media", "id"),
    "v1/media/pk/from/code": Way("hiker_media", "code"),
    "v1/media/pk/from/url": Way("hiker_media", "url"),
}  # fmt: skip


class Lists:
    """Answers by kind of call; raises HikerError and BadCursor."""

    def __init__(self, state: State, world: World) -> None:
        self.state = state
        self.world = HikerWorld(world)
        self._tell: dict[str, Callable[[Call], object]] = {
            "hiker_user": self._user,
            "hiker_followers": self._people,
            "hiker_following": self._people,
            "hiker_likers": self._likers,
            "hiker_comments": self._comments,
            "hiker_replies": self._replies,
            "hiker_medias": self._medias,
            "hiker_clips": self._medias,
            "hiker_hashtag": self._medias,
            "hiker_media": self._media,
        }

    def tell(self, call: Call) -> object:
        """The body of the answer, before it is JSON."""
        return self._tell[call.way.kind](call)

    def _cut(self, call: Call, listed: Listed) -> Cut:
        state, way = self.state, call.way
        sent = call.params.get(way.cursor) or None
        seed = state.options.seed
        ask = Ask(call.path, way.sort, way.size, sent, state.epoch, seed, call.faults)
        return hiker_pages.cut(listed, ask)

    def _user(self, call: Call) -> object:
        asked = call.params[call.way.needs]
        by_name = call.way.needs == "username"
        found = self.world.named(asked) if by_name else self.world.account(asked)
        if found is None:
            raise answers.gone("UserNotFound")
        profile = self.world.profile(found)
        return {"user": profile, "status": "ok"} if call.path.startswith("v2") else profile

    def _account(self, call: Call) -> Listed:
        found = self.world.account(call.params[call.way.needs])
        if found is None:
            raise answers.gone("UserNotFound")
        if found.mood == "private":
            raise answers.private()
        return found

    def _people(self, call: Call) -> object:
        found = self._account(call)
        page = self._cut(call, found)
        wrapped = call.path[:2] in ("v2", "g2")
        rows = [self.world.user(found, place, mixed=wrapped) for place in page.places]
        if not wrapped:
            return [rows, page.cursor]
        response = {"users": rows, "big_list": None, "page_size": None, "has_more": None,
                    "should_limit_list_of_followers": found.mood == "early"}  # fmt: skip
        return {"response": response, "next_page_id": page.cursor}

    def _item(self, call: Call) -> Item:
        item = self.world.item(call.params[call.way.needs])
        if item is None or item.mood == "unavailable":
            raise answers.gone("MediaUnavailable")
        if item.mood == "private":
            raise answers.private()
        return item

    def _likers(self, call: Call) -> object:
        """One page is all there is, whatever the post counts."""
        item = self._item(call)
        count = item.post.layout.total if item.post else 0
        shown = 0 if item.mood == "empty" else min(count, _MOST_LIKERS)
        whole = call.path.startswith("v2")
        rows = [self.world.user(item.owner, place, mixed=whole) for place in range(shown)]
        return {"users": rows, "user_count": count * 27, "status": "ok"} if whole else rows

    def _comments(self, call: Call) -> object:
        item = self._item(call)
        if item.mood == "disabled":
            raise answers.disabled()
        post = item.post
        if item.mood == "empty" or post is None:
            raise answers.gone("NotFoundError")
        listed = Listed(item.pk | 1, "", "flat", post.positions)  # their last cursor is null
        page = self._cut(call, listed)
        v1 = call.path.startswith("v1")
        rows = [
            self.world.comment(post, one.number, whole=True, v1=v1)
            for place in page.places
            if (one := self.world.world.top_level(post, place)) is not None
        ]
        if v1:
            return [rows, page.cursor, None]
        response = {"comments": rows, "comment_count": post.comments_count, "status": "ok",
                    "has_more_comments": False,
                    "has_more_headload_comments": bool(page.cursor)}  # fmt: skip
        return {"response": response, "next_page_id": page.cursor}

    def _replies(self, call: Call) -> object:
        self._item(call)
        if not call.params.get("comment_id"):
            raise answers.missing("comment_id")
        one = self.world.world.comment(call.params["comment_id"])
        if one is None:
            raise answers.gone("CommentNotFound")
        page = self._cut(call, Listed(int(one.id) | 1, "", "flat", one.replies))
        post = one.post
        rows = [
            self.world.comment(post, one.number + 1 + place, whole=False, v1=False)
            for place in page.places
        ]
        answer: dict[str, object] = {
            "child_comment_count": one.replies,
            "child_comments": rows,
            "has_more_head_child_comments": bool(page.cursor),
            "has_more_tail_child_comments": False,
            "parent_comment": self.world.comment(post, one.number, whole=False, v1=False),
            "status": "ok",
        }
        return answer | ({"next_min_child_cursor": page.cursor} if page.cursor else {})

    def _medias(self, call: Call) -> object:
        if call.way.kind != "hiker_hashtag":
            found = self._account(call)
        else:
            tag = self.world.named(call.params["name"])
            if tag is None:
                raise answers.gone("HashtagNotFound")
            if "recent" in call.path:
                return [[], ""]
            found = tag
        page = self._cut(call, found)
        return [[self._listed(call, found, place) for place in page.places], page.cursor]

    def _listed(self, call: Call, found: Listed, place: int) -> dict[str, object]:
        """A post in a list; every third of a hashtag's and ninth of an account's reels is none."""
        item = self.world.item_at(found, place)
        assert item is not None
        owner = Listed(found.id, found.username, found.mood, found.size)
        photo = {"hiker_hashtag": place % 3 == 2, "hiker_clips": place % 9 == 8}
        clip = None if call.way.kind == "hiker_medias" else not photo[call.way.kind]
        return self.world.media(Item(item.pk, owner, place, item.mood, item.post), clip=clip)

    def _media(self, call: Call) -> object:
        asked = call.params[call.way.needs]
        if call.way.needs == "url":
            steps = [step for step in urlsplit(asked).path.split("/") if step]
            asked = steps[1] if len(steps) > 1 and steps[0] in ("p", "reel", "tv") else ""
        if call.way.needs != "id":
            try:
                asked = str(ids.pk_of(asked[:11]))
            except KeyError:
                asked = ""
        if asked in ("", "0"):
            said = f"Invalid media_id {call.params[call.way.needs]}"
            raise HikerError(404, said, "InvalidMediaId", billed=1)
        if "/pk/" in call.path:
            return asked
        return self.world.media(self._item(Call(call.path, Way("", "id"), {"id": asked}, {})))
