"""The login: a dialog that says yes at once, codes, tokens, and what can be asked of a token."""

import hashlib
import hmac
import time
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from ingather.sandbox import ids
from ingather.sandbox.answers import Answer, GraphError, dump
from ingather.sandbox.options import APP_ID, APP_SECRET, TOKEN
from ingather.sandbox.things import ACCOUNT_ID, PAGES, PERSON

SCOPES = (
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_insights",
    "pages_show_list",
    "pages_read_engagement",
    "business_management",
    "public_profile",
)
_LONG = 5_183_944
_SHORT = 3_600
_WRONG_CODE = (
    "Error validating verification code. Please make sure your redirect_uri is identical to the "
    "one you used in the OAuth dialog request"
)


class Issued(Struct):
    """A token as the sandbox knows it; `expires` is unix time, 0 where it never does."""

    kind: str
    issued: int
    expires: int
    holder: str


class Login:
    """Codes and tokens of one sandbox."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._minted = 0
        self._codes: dict[str, str | None] = {}  # code -> redirect_uri; None once used
        now = int(time.time())
        self.tokens = {TOKEN: Issued("USER", now, now + _LONG, PERSON.id)}
        for page in PAGES:
            self.tokens[page.token] = Issued("PAGE", now, 0, page.id)
        self.tokens[f"{APP_ID}|{APP_SECRET}"] = Issued("APP", now, 0, APP_ID)

    def dialog(self, params: dict[str, str], denied: bool) -> Answer:
        """`GET /dialog/oauth`: straight back to where the caller wishes, with a code or without."""
        target = params.get("redirect_uri", "")
        if params.get("client_id") != APP_ID:
            raise GraphError(101, "Invalid app ID: The provided app ID does not look valid.")
        if urlsplit(target).scheme not in ("http", "https"):
            raise GraphError(191, "Can't load URL: The domain of this URL isn't included.")
        if params.get("response_type", "code") != "code":
            raise GraphError(100, "(#100) The parameter response_type must be code")
        back: dict[str, str] = {}
        if denied or "deny" in params:
            back = {
                "error": "access_denied",
                "error_code": "200",
                "error_description": "Permissions error",
                "error_reason": "user_denied",
            }
        else:
            back["code"] = self._mint("AQ")
            self._codes[back["code"]] = target
        if "state" in params:
            back["state"] = params["state"]
        joint = "&" if urlsplit(target).query else "?"
        return Answer(
            status=302, headers={"location": f"{target}{joint}{urlencode(back)}#_=_"}, body=b""
        )

    def token(self, params: dict[str, str]) -> Answer:
        """`/oauth/access_token`: a code, a short token or the app's own word for a token."""
        if params.get("client_id") != APP_ID:
            raise GraphError(101, "Error validating application. Invalid application ID.")
        if params.get("client_secret") != APP_SECRET:
            raise GraphError(1, "Error validating client secret.")
        match params.get("grant_type", "authorization_code"):
            case "client_credentials":
                body = {"access_token": f"{APP_ID}|{APP_SECRET}", "token_type": "bearer"}
                return Answer(body=dump(body))
            case "fb_exchange_token":
                old = params.get("fb_exchange_token", "")
                if old not in self.tokens:
                    raise GraphError(190, "Invalid OAuth access token.")
                return self.long_lived()
            case "authorization_code":
                self._spend(params)
                return self._grant(_SHORT)
        raise GraphError(100, "(#100) Unknown grant type")

    def long_lived(self) -> Answer:
        """A token of sixty days, whoever was let in to ask for it."""
        return self._grant(_LONG)

    def instagram_code(self, params: dict[str, str]) -> Answer:
        """Instagram Login's code exchange; its errors have an envelope of their own."""
        try:
            if (params.get("client_id"), params.get("client_secret")) != (APP_ID, APP_SECRET):
                raise GraphError(101, "Invalid platform app")
            self._spend(params)
        except GraphError as error:
            told = {"error_type": "OAuthException", "code": 400, "error_message": error.message}
            return Answer(status=400, body=dump(told))
        body = {
            "access_token": self._issue(_SHORT),
            "user_id": int(ACCOUNT_ID),  # a number, as it once was; clients must not mind
            "permissions": ["instagram_business_basic", "instagram_business_manage_comments"],
        }
        return Answer(body=dump(body))

    def debug(
        self, params: dict[str, str], dead: dict[str, int], declined: Iterable[str]
    ) -> Answer:
        """`GET /debug_token`: what a token is; an invalid one is told with a 200."""
        token = params.get("input_token", "")
        known = self.tokens.get(token)
        if known is None or token in dead:
            told: dict[str, object] = {"code": 190, "message": "Error validating access token"}
            if token in dead:
                told["subcode"] = dead[token]
            return Answer(body=dump({"data": {"error": told, "is_valid": False, "scopes": []}}))
        scopes = [scope for scope in SCOPES if scope not in set(declined)]
        data: dict[str, object] = {
            "app_id": APP_ID,
            "type": known.kind,
            "application": "Sandbox",
            "data_access_expires_at": known.issued + 90 * 86_400,
            "expires_at": known.expires,
            "is_valid": True,
            "issued_at": known.issued,
            "scopes": scopes,
            "granular_scopes": [
                {"scope": scope, "target_ids": [ACCOUNT_ID]}
                if scope.startswith("instagram")
                else {"scope": scope}
                for scope in scopes
            ],
            "user_id": PERSON.id,
        }
        if known.kind == "PAGE":
            data["profile_id"] = known.holder
        return Answer(body=dump({"data": data}))

    def _spend(self, params: dict[str, str]) -> None:
        code = params.get("code", "")
        if code not in self._codes:
            raise GraphError(100, "Invalid verification code format.", subcode=36007)
        meant = self._codes[code]
        if meant is None:
            raise GraphError(100, "This authorization code has been used.", subcode=36009)
        if meant != params.get("redirect_uri"):
            raise GraphError(100, _WRONG_CODE, subcode=36008)
        self._codes[code] = None

    def _grant(self, seconds: int) -> Answer:
        token = self._issue(seconds)
        body = {"access_token": token, "token_type": "bearer", "expires_in": seconds}
        return Answer(body=dump(body))

    def _issue(self, seconds: int) -> str:
        token = self._mint("EAAsandbox")
        now = int(time.time())
        self.tokens[token] = Issued("USER", now, now + seconds, PERSON.id)
        return token

    def _mint(self, prefix: str) -> str:
        self._minted += 1
        return prefix + "".join(
            f"{ids.mix(self._seed + 99, self._minted * 4 + n):x}" for n in range(4)
        )


def permissions(declined: Iterable[str]) -> dict[str, object]:
    """`GET /me/permissions`: what was asked for, and what of it was declined."""
    refused = set(declined)
    return {
        "data": [
            {"permission": scope, "status": "declined" if scope in refused else "granted"}
            for scope in SCOPES
        ]
    }


def proof(token: str) -> str:
    """The appsecret_proof that belongs to a token."""
    return hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()


def dead(subcode: int) -> GraphError:
    """190 with its subcode: the session is over."""
    if subcode == 463:
        now = time.strftime("%A, %d-%b-%y %H:%M:%S PDT", time.gmtime())
        message = (
            "Error validating access token: Session has expired on Thursday, 29-Jul-21 10:00:00 "
            f"PDT. The current time is {now}."
        )
    else:
        message = (
            "Error validating access token: The session has been invalidated because the user "
            "changed their password or Facebook has changed the session for security reasons."
        )
    return GraphError(190, message, subcode=subcode)
