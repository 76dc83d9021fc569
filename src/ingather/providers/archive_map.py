"""Pure: an entry of an archive's file, as records of the domain.

Labels follow the language of the account, so the structure decides what a value is: its place, its
neighbours, its form. A label that is known only ever settles what the structure leaves open.
Entries of another shape are `SchemaDrift(file, field)`.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ingather import errors
from ingather.domain import posts as naming
from ingather.domain import text as writing
from ingather.domain.records import Comment, Media, Record, User

_USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}")
_DAMAGE = re.compile("[\x00\ud800-\udfff]")
_WRITTEN_TIME = re.compile(r"(?=.*[0-9]{4})(?=.*[0-9]{1,2}:[0-9]{2}:[0-9]{2}).{12,40}")
"""Times as people read them ("Jul 27, 2026 10:48:07 pm", in any language) stand among the texts."""
_VIDEOS = (".mp4", ".mov", ".m4v", ".webm")
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".gif")
_LATEST = 253_402_300_799  # the last second of the year 9999
_NAME_LABELS = frozenset((
    "username", "gebruikersnaam", "benutzername", "nutzername", "nombre de usuario",
    "nom d’utilisateur", "nom d'utilisateur", "nome utente", "nome de usuário",
    "nome de utilizador", "kullanıcı adı", "имя пользователя", "ім’я користувача",
    "nazwa użytkownika", "nama pengguna", "användarnamn", "brukernavn", "brugernavn",
    "käyttäjänimi", "uživatelské jméno", "felhasználónév", "tên người dùng", "ชื่อผู้ใช้",
    "사용자 이름", "ユーザーネーム", "用户名", "用戶名稱", "اسم المستخدم", "שם משתמש",
))  # fmt: skip


def mend(text: str) -> str:
    """Text whose UTF-8 bytes were written as characters of their own, as it was meant.

    Anything else stays as it is. Once per text: a second time could spoil it.
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


class Mapper:
    """Entries of one kind as records. owner: whose archive it is, None where it does not tell.

    repaired: texts in which NUL or half a surrogate pair became U+FFFD.
    """

    def __init__(self, kind: str, owner: str | None) -> None:
        self.repaired = 0
        self._owner = owner
        kinds: dict[str, Callable[[dict[str, Any], str], Iterator[Record]]] = {
            "followers": self._users,
            "following": self._users,
            "comments": self._comments,
            "liked": self._liked,
            "posts": self._posts,
            "reels": self._reels,
        }
        self._map = kinds[kind]

    def records(self, item: Any, file: str) -> list[Record]:
        """The records of one entry, mostly one. Raises SchemaDrift."""
        if not isinstance(item, dict):
            raise errors.SchemaDrift(file, "list of entries")
        return list(self._map(item, file))

    def _users(self, item: dict[str, Any], file: str) -> Iterator[User]:
        """One account: its name as the entry's value, as its title (2025 on), or in its address."""
        for one in _dicts(item, "string_list_data", file):
            name = self._text(one.get("value")) or self._text(item.get("title"))
            yield User(user_id=None, username=name or _profile(one.get("href")))

    def _comments(self, item: dict[str, Any], file: str) -> Iterator[Comment]:
        """A comment that the owner wrote: the first of the values is its text, the second names
        the post's owner and may be missing; the one with nothing but a time is its time."""
        found = item.get("string_map_data")
        if not isinstance(found, dict):
            raise errors.SchemaDrift(file, "string_map_data")
        values: list[tuple[str, str]] = []
        timestamp = None
        for label, one in found.items():
            if not isinstance(one, dict):
                raise errors.SchemaDrift(file, "string_map_data")
            if value := self._text(one.get("value")):
                values.append((label, value))
            else:
                timestamp = timestamp or instant(one.get("timestamp"))
        # Alone, the owner's name would be taken for the text; its English label tells it apart.
        lonely = len(values) == 1 and values[0][0] == "Media Owner"
        yield Comment(
            comment_id=None,
            user_id=None,
            username=self._owner,
            timestamp=timestamp,
            like_count=None,
            text=values[0][1] if values and not lonely else None,
        )

    def _liked(self, item: dict[str, Any], file: str) -> Iterator[Media]:
        if isinstance(item.get("label_values"), list):
            yield self._labelled(item)
            return
        for one in _dicts(item, "string_list_data", file):
            yield self._media(
                permalink=one.get("href"),
                username=self._text(item.get("title")),
                timestamp=instant(one.get("timestamp")),
            )

    def _labelled(self, item: dict[str, Any]) -> Media:
        """A liked post since 2025: an address, texts of which the first is the caption, groups."""
        address: object = None
        texts: list[str | None] = []
        owner: str | None = None
        tags: list[str] = []
        for one in item["label_values"]:
            if not isinstance(one, dict):
                continue
            if isinstance(one.get("dict"), list):
                for group in _groups(one["dict"]):
                    if len(group) > 1:
                        owner = owner or self._owner_in(group)
                    else:
                        tags += [tag.removeprefix("#") for tag in self._values(group)]
                continue
            link = next((x for x in (one.get("href"), one.get("value")) if _is_post(x)), None)
            value = one.get("value")
            if link is not None:
                address = address or link
            elif isinstance(value, str) and not _WRITTEN_TIME.fullmatch(mend(value)):
                texts.append(self._text(value))
        return self._media(
            permalink=address,
            username=owner,
            timestamp=instant(item.get("timestamp")),
            caption=texts[0] if texts else None,
            hashtags=tuple(dict.fromkeys(tags)) or None,
        )

    def _owner_in(self, group: list[dict[str, Any]]) -> str | None:
        """Of a group of several values, the account: its address tells, else the last name."""
        for one in group:
            if name := _profile(one.get("href")) or _profile(one.get("value")):
                return name
        return next((v for v in reversed(self._values(group)) if _USERNAME.fullmatch(v)), None)

    def _values(self, group: list[dict[str, Any]]) -> list[str]:
        return [value for one in group if (value := self._text(one.get("value")))]

    def _posts(self, item: dict[str, Any], file: str) -> Iterator[Media]:
        """An own post: the caption of a carousel is the post's, a single picture has its own."""
        files = _dicts(item, "media", file) if "uri" not in item else [item]
        first = files[0] if files else {}
        kinds = {_kind_of(one.get("uri")) for one in files}
        single = kinds.pop() if len(kinds) == 1 else None
        yield self._media(
            media_type="CAROUSEL_ALBUM" if len(files) > 1 else single,
            username=self._owner,
            timestamp=instant(item.get("creation_timestamp"))
            or instant(first.get("creation_timestamp")),
            caption=self._text(item.get("title")) or self._text(first.get("title")),
        )

    def _reels(self, item: dict[str, Any], file: str) -> Iterator[Media]:
        for post in self._posts(item, file):
            yield Media(
                media_id=None,
                media_type="REELS",
                timestamp=post.timestamp,
                username=post.username,
                caption=post.caption,
                hashtags=post.hashtags,
                mentions=post.mentions,
            )

    def _media(
        self,
        *,
        permalink: object = None,
        media_type: str | None = None,
        username: str | None = None,
        timestamp: str | None = None,
        caption: str | None = None,
        hashtags: tuple[str, ...] | None = None,
    ) -> Media:
        address = permalink if isinstance(permalink, str) and _is_post(permalink) else None
        if address and "/reel" in urlsplit(address).path:
            media_type = "REELS"
        if caption is not None and hashtags is None:
            hashtags = writing.hashtags(caption)
        return Media(
            media_id=None,
            shortcode=naming.shortcode_in(address),
            permalink=address,
            media_type=media_type,
            timestamp=timestamp,
            username=username,
            caption=caption,
            hashtags=hashtags,
            mentions=None if caption is None else writing.mentions(caption),
        )

    def _text(self, value: object) -> str | None:
        """What somebody wrote, mended; None for nothing, which an archive writes as ""."""
        if not isinstance(value, str) or not value:
            return None
        text = mend(value)
        if _DAMAGE.search(text):
            self.repaired += 1
            text = _DAMAGE.sub("\ufffd", text)
        return text


def owner_of(item: Any) -> str | None:
    """Whose archive it is, by an entry of personal_information; None where it does not tell.

    Many values look like a username, so here a known label is asked for, in any of its languages.
    """
    found = item.get("string_map_data") if isinstance(item, dict) else None
    if not isinstance(found, dict):
        return None
    for label, one in found.items():
        value = one.get("value") if isinstance(one, dict) else None
        if mend(str(label)).strip().lower() in _NAME_LABELS and isinstance(value, str):
            return value.lower() if _USERNAME.fullmatch(value) else None
    return None


def instant(seconds: object) -> str | None:
    """Seconds since the epoch as ISO 8601; None for 0, which an archive writes for unknown."""
    if type(seconds) is not int or not 0 < seconds <= _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat() + "Z"


def _dicts(item: dict[str, Any], name: str, file: str) -> list[dict[str, Any]]:
    found = item.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise errors.SchemaDrift(file, name)
    return found


def _groups(found: list[Any]) -> Iterator[list[dict[str, Any]]]:
    for one in found:
        inner = one.get("dict") if isinstance(one, dict) else None
        if isinstance(inner, list):
            yield [pair for pair in inner if isinstance(pair, dict)]


def _address(value: object) -> list[str] | None:
    """The steps of an address at instagram.com, None for anything else."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        return None
    if host != "instagram.com" and not host.endswith(".instagram.com"):
        return None
    return [step for step in parts.path.split("/") if step]


def _is_post(value: object) -> bool:
    return _address(value) is not None and naming.shortcode_in(str(value)) is not None


def _profile(value: object) -> str | None:
    """The account of /name or /_u/name."""
    steps = _address(value) or []
    if steps[:1] == ["_u"]:
        steps = steps[1:]
    return steps[0] if len(steps) == 1 and _USERNAME.fullmatch(steps[0]) else None


def _kind_of(uri: object) -> str | None:
    name = str(uri).lower()
    return "VIDEO" if name.endswith(_VIDEOS) else "IMAGE" if name.endswith(_PICTURES) else None
