"""Public profile pages: their tags in many languages, walls, shells, other names.

A name says what its page is like: `missing…` has none, `restricted…` is kept from some, `renamed…`
shows another account's, `shell…` and `walled…` never show anything. Personal accounts (`personal…`)
have a page, though business discovery does not find them.
"""

import html
from urllib.parse import parse_qsl, unquote, urlsplit

from ingather.sandbox import faults, others
from ingather.sandbox.answers import Answer
from ingather.sandbox.options import WEB_PATH
from ingather.sandbox.state import State
from ingather.sandbox.things import Account
from ingather.sandbox.wire import Request
from ingather.sandbox.world import World

# words, abbreviations (thousands, millions), separators (thousands, decimal), the dash and its end
LANGUAGES: dict[str, tuple[str, str, str, str, str]] = {
    "en": ("{} Followers, {} Following, {} Posts", "K", "M", ",", "."),
    "de": ("{} Abonnenten, {} folgen, {} Beiträge", " Tsd.", " Mio.", ".", ","),
    "fr": ("{} abonnés, {} abonnements, {} publications", " k", " M", "", ","),
    "it": ("{} follower, {} seguiti, {} post", " mila", " Mln", ".", ","),
    "pt": ("{} seguidores, {} seguindo, {} publicações", " mil", " mi", ".", ","),
    "es": ("{} seguidores, {} seguidos, {} publicaciones", " mil", " M", ".", ","),
    "tr": ("{} Takipçi, {} Takip Edilen, {} Gönderi", " bin", " Mn", ".", ","),
    "ru": ("Подписчики: {}, подписки: {}, публикации: {}", " тыс.", " млн", "\u00a0", ","),
    "ko": ("팔로워 {}명, 팔로잉 {}명, 게시물 {}개", "K", "M", ",", "."),
    "zh": ("{} 位粉丝、已关注 {} 人、 {} 篇帖子", "K", "M", ",", "."),
    "ja": ("フォロワー{}人、フォロー中{}人、投稿{}件", "K", "M", ",", "."),
    "id": ("{} Pengikut, {} Mengikuti, {} Postingan", " rb", " juta", ".", ","),
}
_HTML = faults.HTML
_SCRIPTS = "<script>window.__bbox=" + "x" * 40_000 + "</script>"
_HEAD = '<!DOCTYPE html><html lang="{}"><head><meta charset="utf-8">{}</head><body>{}</body></html>'


class Pages:
    """Instagram's website for somebody who is not logged in."""

    def __init__(self, state: State, world: World) -> None:
        self.state = state
        self._world = world

    def __call__(self, request: Request) -> Answer:
        url = urlsplit(request.target)
        steps = [unquote(step) for step in url.path.removeprefix(WEB_PATH).split("/") if step]
        name = steps[0].lower() if len(steps) == 1 else ""
        kind = "profile_page" if name else "web_other"
        number = self.state.enter(request.method, kind, url.path, False, 0)
        within = self.state.within(kind, name)
        fault = self.state.plan.strike(number, limit=1, paged=False, within=within)
        answer = None
        if fault:
            self.state.note(fault)
            answer = self._instead(fault, number)
        if answer is None:
            answer = self._page(name, dict(parse_qsl(url.query)).get("hl", "en"))
            if fault and answer.status == 200:
                answer = faults.bent(fault, answer)
        return answer

    def _instead(self, fault: str, number: int) -> Answer | None:
        if fault == "shell":
            return _shell()
        if fault == "loginwall":
            return _login("")
        if fault in ("rate429", "throttle", "buc"):
            wait = {"retry-after": str(self.state.retry_after)}
            body = b"<html><body>Please wait a few minutes before you try again.</body></html>"
            return Answer(status=429, headers=wait, body=body, content_type=_HTML)
        if fault in ("html502", "badgateway", "html200", "reset", "hang", "gzipbomb"):
            return faults.instead(fault, "", retry_after=1, minutes=1, call=number)
        if fault in ("unavailable", "unknown", "localised", "errordata_string"):
            return faults.instead("html502", "", retry_after=1, minutes=1, call=number)
        return None

    def _page(self, name: str, asked: str) -> Answer:
        if not name or name.startswith("missing") or name.startswith("ghost"):
            title = "<title>Page not found • Instagram</title>"
            return _html(_HEAD.format("en", title, ""), status=404)
        if name.startswith("shell"):
            return _shell()
        if name.startswith("walled"):
            return _login(name)
        if name.startswith("restricted"):
            said = "Restricted profile. This account is not available for certain audiences"
            return _html(_HEAD.format("en", "<title>Instagram</title>", said))
        if name.startswith("renamed"):
            name = f"new.{name}"[:30]
        language = self.state.page_language or asked
        language = language if language in LANGUAGES else "en"
        account = self._world.account
        if name != account.username:
            account = others.make(name, self._world.seed)
        posts = account.size if isinstance(account, others.Other) else len(self._world.posts)
        return _html(write(account, posts, language))


def write(account: Account, posts: int, language: str) -> str:
    """The page of an account: tags in the head, and a great deal of script after them."""
    told = LANGUAGES[language][0].format(
        *(
            short(count, language)
            for count in (account.followers_count, account.follows_count, posts)
        )
    )
    shown = f"{account.name} (@{account.username})" if account.name else f"@{account.username}"
    address = f"https://www.instagram.com/{account.username}/"
    tags = {
        "og:type": "profile",
        "og:image": f"https://scontent.sandbox.invalid/{account.id}.jpg?oh=00&oe=69DC19A9",
        "og:title": f"{shown} • Instagram photos and videos",
        "og:url": address,
        "og:description": f"{told} - See Instagram photos and videos from {shown}",
        "al:ios:url": f"instagram://user?username={account.username}",
    }
    lines = [
        f'<meta property="{name}" content="{_escaped(text)}" />' for name, text in tags.items()
    ]
    bio = _escaped(f'{told} - {shown} on Instagram: "{account.biography}"')
    lines.append(f'<meta\n  content="{bio}"\n  name="description"\n/>')
    lines.append(f'<link rel="canonical" href="{address}" />')
    lines.append(f"<title>{_escaped(tags['og:title'])}</title>")
    return _HEAD.format(language, "\n".join(lines), _SCRIPTS)


def short(count: int, language: str) -> str:
    """A count as the website writes it: whole below ten thousand, then cut to one decimal."""
    _, thousands, millions, group, point = LANGUAGES[language]
    if count < 10_000:
        return f"{count:,}".replace(",", group)
    scale, unit = (1_000_000, millions) if count >= 1_000_000 else (1_000, thousands)
    whole, tenths = divmod(count * 10 // scale, 10)
    return f"{whole}{point}{tenths}{unit}" if tenths else f"{whole}{unit}"


def _escaped(text: str) -> str:
    return html.escape(text).replace("@", "&#064;").replace("•", "&#x2022;")


def _html(text: str, status: int = 200) -> Answer:
    return Answer(status=status, body=text.encode(), content_type=_HTML)


def _shell() -> Answer:
    """What a blocked address sees, whoever is asked for: a page without a single tag."""
    return _html(_HEAD.format("en", "<title>Instagram</title>", _SCRIPTS))


def _login(name: str) -> Answer:
    return Answer(
        status=302,
        headers={"location": f"https://www.instagram.com/accounts/login/?next=%2F{name}%2F"},
        content_type=_HTML,
    )
