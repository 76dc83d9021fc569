"""Pure: a public profile page's tags as a Profile.

Source: contracts/hiker-web-archive.md, part 2. What the page does not tell is None; a page without
the description says nothing about the account, neither that it is gone nor that nobody follows it.
"""

import html
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ingather import errors
from ingather.domain.records import Profile
from ingather.providers.webpage_numbers import Counts, counts

ENDPOINT: Final = "profile page"
_MOST = 4 << 20
"""Bytes that are looked at: the tags stand in the head, which scripts may make long."""

_HANDLE = r"[A-Za-z0-9_.]{1,30}"
_TITLE = re.compile(rf"(?s)(?P<name>.*?)\s*[(（]?@(?P<handle>{_HANDLE})[)）]?(?![A-Za-z0-9_.]).*")
_TITLE_IN_BRACKETS = re.compile(rf"(?s)(?P<name>.*)[(（]@(?P<handle>{_HANDLE})[)）](?!.*[(（]@).*")
_PATH = re.compile(rf"https?://(?:www\.)?instagram\.com/(?P<handle>{_HANDLE})/?(?:[?#].*)?")
_APP = re.compile(rf"instagram://user\?username=(?P<handle>{_HANDLE})(?:&.*)?")
_BIO = re.compile(r"(?s)[(（]?@(?P<handle>[A-Za-z0-9_.]{1,30})[)）]?[^:：]{0,80}[:：]\s?"
                  r"[\"“„«「](?P<bio>.*)[\"”“»」]\s*")  # fmt: skip
_MISSING = ("page not found", "page isn't available", "page isn’t available")
_RESTRICTED = ("restricted profile", "not available for certain audiences")


class Tags(Struct, frozen=True, kw_only=True):
    """What the head of a page says; None where it does not."""

    title: str | None = None
    og_type: str | None = None
    og_title: str | None = None
    og_description: str | None = None
    og_image: str | None = None
    og_url: str | None = None
    canonical: str | None = None
    app_url: str | None = None
    description: str | None = None


def read(body: bytes, username: str) -> Profile:
    """The profile of the account asked for.

    Raises NothingShown (a shell, a login wall), WrongPage (another account's page, or a post's),
    NotReachable (gone, or kept from certain audiences), SchemaDrift (a description that cannot be
    read: no number is guessed).
    """
    found = tags(body)
    _not_found(found, body, username)
    description = found.og_description or found.description
    if description is None or _is_wall(found):
        raise errors.NothingShown()
    _check_whose(found, username)
    told = counts(description) or (counts(found.description) if found.description else None)
    if told is None:
        raise errors.SchemaDrift(ENDPOINT, "og:description")
    return Profile(
        user_id=None,
        username=username.lower(),
        full_name=_name(found),
        biography=_biography(found, username),
        profile_pic_url=_picture(found.og_image),
        followers_count=told.followers.value,
        follows_count=told.following.value,
        media_count=told.posts.value,
        approximate=tuple(_rounded(told)),
    )


def tags(body: bytes) -> Tags:
    """The tags of a page, the first of each; attributes in any order, entities read, twice where
    once leaves some."""
    from selectolax.lexbor import LexborHTMLParser

    head = body[:_MOST]
    ends = [at for mark in (b"</head", b"<body") if (at := head.find(mark)) >= 0]
    tree = LexborHTMLParser(head[: min(ends)] if ends else head)
    found: dict[str, str] = {}
    for node in tree.css("meta"):
        told = node.attributes
        name = (told.get("property") or told.get("name") or "").strip().lower()
        content = told.get("content")
        if name and content and content.strip():
            found.setdefault(name, _plain(content))
    canonical = tree.css_first("link[rel=canonical]")
    title = tree.css_first("title")
    return Tags(
        title=_plain(title.text()) or None if title is not None else None,
        og_type=found.get("og:type"),
        og_title=found.get("og:title"),
        og_description=found.get("og:description"),
        og_image=found.get("og:image"),
        og_url=found.get("og:url"),
        canonical=(canonical.attributes.get("href") or None) if canonical is not None else None,
        app_url=found.get("al:ios:url"),
        description=found.get("description"),
    )


def _plain(text: str) -> str:
    if "&#" in text or "&amp;" in text:
        text = html.unescape(text)
    return text.replace("\0", "\ufffd").strip()


def _not_found(found: Tags, body: bytes, username: str) -> None:
    title = (found.title or "").casefold()
    if any(words in title for words in _MISSING) and found.og_description is None:
        raise errors.NotReachable(
            f"Instagram shows no page for @{username}: no account has it now."
        )
    if found.og_description is None and any(
        words in title or words.encode() in body[:_MOST].lower() for words in _RESTRICTED
    ):
        raise errors.NotReachable(f"The profile of @{username} is kept from certain audiences.")


def _is_wall(found: Tags) -> bool:
    """The home page or the login, which describe Instagram and nobody's account."""
    if found.og_description is not None:
        return False
    told = found.description or ""
    return counts(told) is None and found.og_type != "profile"


def _check_whose(found: Tags, username: str) -> None:
    """Every tag that names an account names the one asked for, and at least one does."""
    if found.og_type is not None and found.og_type != "profile":
        raise errors.WrongPage(f"The page of @{username} is a {found.og_type[:20]}, not a profile.")
    handles = list(_handles(found))
    for handle in handles:
        if handle.lower() != username.lower():
            raise errors.WrongPage(f"The page of @{username} shows @{handle}.")
    if not handles:
        raise errors.WrongPage(f"The page of @{username} does not say whose it is.")


def _handles(found: Tags) -> Iterator[str]:
    for text, pattern in (
        (found.og_url, _PATH),
        (found.canonical, _PATH),
        (found.app_url, _APP),
    ):
        if text and (match := pattern.fullmatch(text.strip())):
            yield match["handle"]
    if found.og_title and (title := _title(found.og_title)):
        yield title["handle"]


def _title(text: str) -> re.Match[str] | None:
    """`Name (@user) • …`; `@user • …` where there is no name."""
    return _TITLE_IN_BRACKETS.fullmatch(text) or (
        _TITLE.fullmatch(text) if text.startswith("@") else None
    )


def _name(found: Tags) -> str | None:
    match = _title(found.og_title or "")
    return (match["name"].strip() or None) if match else None


def _biography(found: Tags, username: str) -> str | None:
    """`… (@user) on Instagram: "bio"`, which stands in `description` alone."""
    match = _BIO.search(found.description or "")
    if match is None or match["handle"].lower() != username.lower():
        return None
    return match["bio"].strip() or None


def _picture(address: str | None) -> str | None:
    return address if address and address.startswith("https://") else None


def _rounded(told: Counts) -> Iterator[str]:
    for name, count in (
        ("followers_count", told.followers),
        ("follows_count", told.following),
        ("media_count", told.posts),
    ):
        if count.rounded:
            yield name
