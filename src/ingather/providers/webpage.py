"""The public profile page as a voice: one GET, no account, no cookies, and no guesses.

Source: contracts/hiker-web-archive.md, part 2. The page is asked for in English; where it comes in
another language all the same, it is read in that one or not at all.
"""

import time
from typing import Final
from urllib.parse import quote, urlsplit

from ingather import errors
from ingather.domain.page import Usage
from ingather.domain.records import Profile
from ingather.ports import Clock
from ingather.providers import webpage_map
from ingather.providers.graph_errors import retry_after
from ingather.providers.http import Answer, Http

URL: Final = "https://www.instagram.com"
_HEADERS: Final = {"Accept-Language": "en-US,en;q=0.9", "Accept": "text/html"}


class PageSource:
    """Profiles from the tags of public pages. limit_key: what shares its limit is this computer's
    own address, so all who run here share one."""

    name = "page"
    limit_key = "page"
    usage: Usage | None = None

    def __init__(self, http: Http, *, url: str = URL, clock: Clock | None = None) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._now = clock.now if clock else time.time

    async def profile(self, username: str) -> Profile:
        """What the page of an account shows. Counts above ten thousand or so are rounded, and are
        named in `approximate`; id, website and privacy are not on it.

        Raises NotReachable, NothingShown, WrongPage, SchemaDrift, Throttled, Transient, Refused.
        """
        address = f"{self._url}/{quote(username, safe='')}/?hl=en"
        answer = await self._http.get(address, headers=_HEADERS)
        if answer.status == 200:
            return webpage_map.read(answer.body, username)
        raise self._meaning(answer, username)

    async def close(self) -> None:
        await self._http.close()

    def _meaning(self, answer: Answer, username: str) -> errors.SourceError:
        status = answer.status
        if status == 429:
            wait = retry_after(answer.headers, self._now())
            return errors.Throttled(wait=wait if wait > 0 else None)
        if 300 <= status < 400:
            return _elsewhere(answer.headers.get("Location", ""), username)
        if status in (404, 410):
            return errors.NotReachable(f"Instagram shows no page for @{username} now.")
        if status in (401, 403):
            return errors.NothingShown(f"Instagram shows this computer no pages (HTTP {status}).")
        if status in (408, 425) or status >= 500:
            return errors.Transient(f"Instagram is briefly out of order (HTTP {status}).")
        return errors.Refused(f"Instagram refuses the profile page (HTTP {status}).")


def _elsewhere(location: str, username: str) -> errors.SourceError:
    """Where a redirect leads: to the login, or to another page."""
    try:
        steps = [step for step in urlsplit(location).path.split("/") if step]
    except ValueError:
        steps = []
    if steps[:1] in (["accounts"], ["challenge"], []):
        return errors.NothingShown()
    return errors.WrongPage(f"Instagram leads from the page of @{username} to another one.")
