"""Facebook Login for Business: from a person's consent to a token that lives about 60 days.

The platform demands secrets in the query of its oauth doors; they go there and nowhere else: not
into an error, not into a log, not into the `repr` of what is returned here.
"""

import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.providers import graph_accounts, graph_errors, graph_people, graph_wire
from ingather.providers.graph_errors import Fault
from ingather.providers.graph_people import Linked
from ingather.providers.http import Answer, Http

DIALOG: Final = "https://www.facebook.com/v26.0/dialog/oauth"
SCOPES: Final = (
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_insights",
    "pages_show_list",
    "pages_read_engagement",
    "business_management",
)
_MOST_PAGES: Final = 100

T = TypeVar("T")


class Token(Struct, frozen=True):
    """An access token. expires_in: seconds it lives for, None where the platform does not say."""

    access_token: str
    expires_in: int | None = None

    def __repr__(self) -> str:
        return f"Token([hidden], expires_in={self.expires_in})"


class TokenState(Struct, frozen=True, kw_only=True):
    """What the platform says of a token of our own app.

    expires_at, data_access_expires_at: seconds since the epoch; None for never, or not told.
    """

    valid: bool
    kind: str | None = None
    user_id: str | None = None
    expires_at: int | None = None
    data_access_expires_at: int | None = None
    scopes: frozenset[str] = frozenset()


class App(Struct, frozen=True):
    """Our own app at Facebook, and where its Graph API is. url: with its version segment."""

    id: str
    secret: str
    url: str = "https://graph.facebook.com/v26.0"

    def __repr__(self) -> str:
        return f"App({self.id!r}, [hidden], {self.url!r})"


class _WireToken(Struct):
    access_token: str | None = None
    expires_in: int | None = None


class _WirePermission(Struct):
    permission: str
    status: str


class _WirePermissions(Struct):
    data: list[_WirePermission]


class _WireDebugError(Struct):
    subcode: int | None = None


class _WireDebug(Struct):
    app_id: str | int | None = None
    type: str | None = None
    is_valid: bool = False
    expires_at: int | None = None
    data_access_expires_at: int | None = None
    user_id: str | int | None = None
    scopes: list[str] = []
    error: _WireDebugError | None = None


class _WireDebugged(Struct):
    data: _WireDebug


_token = msgspec.json.Decoder(_WireToken)
_permissions = msgspec.json.Decoder(_WirePermissions)
_debugged = msgspec.json.Decoder(_WireDebugged)


def authorize_url(
    app: App,
    *,
    redirect_uri: str,
    state: str,
    scopes: Iterable[str] = SCOPES,
    config_id: str | None = None,
    dialog: str = DIALOG,
) -> str:
    """Where to send the person's browser. config_id: a login configuration, in the place of scopes
    (apps of type Business)."""
    asked = {"client_id": app.id, "redirect_uri": redirect_uri, "state": state}
    asked["response_type"] = "code"
    if config_id:
        asked["config_id"] = config_id
    else:
        asked["scope"] = ",".join(scopes)
    return f"{dialog}?{urlencode(asked, quote_via=quote)}"


def code_in(answered: Mapping[str, str], *, state: str) -> str:
    """The code in the query with which the browser came back; raises Refused where the person
    declined, or where the state is not the one that was sent."""
    if not hmac.compare_digest(answered.get("state", "").encode(), state.encode()):
        raise errors.Refused("This login was not begun here, or is too old; begin it again.")
    if answered.get("error"):
        if answered["error"] == "access_denied":
            raise errors.Refused("The login was declined.")
        said = graph_errors.scrub(answered.get("error_description") or answered["error"])
        raise errors.Refused(f"Facebook refused the login: {said}")
    code = answered.get("code", "").removesuffix("#_=_").removesuffix("#_")
    if not code:
        raise errors.Refused("Facebook sent no code; begin the login again.")
    return code


async def exchange_code(http: Http, app: App, *, code: str, redirect_uri: str) -> Token:
    """A token of about an hour for a code; redirect_uri exactly as the dialog had it."""
    asked = {"client_id": app.id, "redirect_uri": redirect_uri, "client_secret": app.secret}
    return await _granted_token(http, app, asked | {"code": code}, (app.secret, code))


async def lengthen(http: Http, app: App, token: str) -> Token:
    """A token of about 60 days for one still valid; the same again renews it."""
    asked = {
        "grant_type": "fb_exchange_token",
        "client_id": app.id,
        "client_secret": app.secret,
        "fb_exchange_token": token,
    }
    return await _granted_token(http, app, asked, (app.secret, token))


async def permissions(http: Http, app: App, token: str) -> dict[str, bool]:
    """Each permission asked for, and whether it was granted: a person can untick."""
    answer = await _get(
        http, f"{app.url}/me/permissions", "me/permissions", token=token, app=app, params={}
    )
    found = _decode(_permissions, answer, "me/permissions")
    return {one.permission: one.status == "granted" for one in found.data}


async def accounts(http: Http, app: App, token: str) -> list[Linked]:
    """The Instagram professional accounts behind the person's Pages, each once."""
    found: dict[str, Linked] = {}
    asked = {"fields": graph_people.LINKED_FIELDS, "limit": "100"}
    for _ in range(_MOST_PAGES):
        answer = await _get(
            http, f"{app.url}/me/accounts", "me/accounts", token=token, app=app, params=asked
        )
        page, after = graph_people.linked(answer.body, "me/accounts")
        for one in page:
            found.setdefault(one.instagram_id, one)
        if after is None or after == asked.get("after"):
            break
        asked["after"] = after
    return list(found.values())


async def check(http: Http, app: App, token: str) -> TokenState:
    """What a token is worth. Raises NeedsLogin where it is dead, Refused where it is another
    app's."""
    answer = await _get(
        http,
        f"{app.url}/debug_token",
        "debug_token",
        params={"input_token": token, "access_token": f"{app.id}|{app.secret}"},
        secrets=(token, app.secret),
    )
    found = _decode(_debugged, answer, "debug_token").data
    if not found.is_valid:
        subcode = found.error.subcode if found.error else None
        raise graph_errors.meaning(Fault(status=200, code=190, subcode=subcode), "debug_token")
    if str(found.app_id) != app.id:
        raise errors.Refused("This access token was given to another app than FACEBOOK_APP_ID.")
    return TokenState(
        valid=True,
        kind=found.type,
        user_id=None if found.user_id is None else str(found.user_id),
        expires_at=found.expires_at or None,
        data_access_expires_at=found.data_access_expires_at or None,
        scopes=frozenset(found.scopes),
    )


async def _granted_token(
    http: Http, app: App, asked: dict[str, str], secrets: tuple[str, ...]
) -> Token:
    where = "oauth/access_token"
    answer = await _get(http, f"{app.url}/{where}", where, params=asked, secrets=secrets)
    found = _decode(_token, answer, where)
    if not found.access_token:
        raise errors.SchemaDrift(where, "access_token")
    return Token(found.access_token, found.expires_in)


async def _get(
    http: Http,
    url: str,
    asked: str,
    *,
    params: dict[str, str],
    token: str | None = None,
    app: App | None = None,
    secrets: tuple[str, ...] = (),
) -> Answer:
    """One read; with a token it goes in the header, signed with the app's secret."""
    headers = {}
    if token is not None and app is not None:
        headers["Authorization"] = f"Bearer {token}"
        proof = graph_accounts.proof_of(token, app.secret)
        params = params | ({"appsecret_proof": proof} if proof else {})
        secrets = (*secrets, token, app.secret, proof or "")
    answer = await http.get(url, params=params, headers=headers)
    fault = graph_errors.find(
        answer.status, answer.headers, answer.body, now=time.time(), secrets=secrets
    )
    if fault is not None and fault.code == 1 and fault.status == 400 and not fault.transient:
        # Anywhere else this number is a passing trouble; here it is how a wrong secret is told.
        raise errors.Refused(f"Facebook refuses {asked}; are app id and app secret the right ones?")
    if fault is not None:
        raise graph_errors.meaning(fault, asked)
    return answer


def _decode(decoder: "msgspec.json.Decoder[T]", answer: Answer, asked: str) -> T:
    return graph_wire.decode(decoder, answer.body, asked)[0]
