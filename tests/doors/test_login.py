"""Logging in with Facebook: every door, every refusal, and no secret outside the doors."""

import json
import logging
import traceback
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from ingather import errors
from ingather.providers import login
from ingather.providers.http import Answer
from ingather.providers.login import App, Token
from ingather.sandbox.options import APP_ID, APP_SECRET, TOKEN

BACK = "http://127.0.0.1:8000/auth/facebook/callback?next=%2F"
CANARY = "EAAcanaryTOKENcanary0123456789"
SECRET = "canary-app-secret"
CODE = "AQcanary-code" + "0123456789" * 12


@pytest.fixture
def app(sandbox):
    return App(APP_ID, APP_SECRET, sandbox.graph_url)


class Told:
    """A way out that gives one answer and remembers what was asked."""

    def __init__(self, body, status=200):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.asked = []

    async def get(self, url, *, params=None, headers=None, deadline=None, again=None):
        self.asked.append((url, dict(params or {}), dict(headers or {})))
        return Answer(self.status, {}, self.body)


OURS = App("4711", SECRET, "https://graph.example/v26.0")


async def test_from_consent_to_a_long_token(sandbox, http, app):
    """The whole way: dialog, code, short token, long token, check, permissions, accounts."""
    url = login.authorize_url(app, redirect_uri=BACK, state="s t&te", dialog=sandbox.login_url)
    answer = await http.get(url)
    assert answer.status == 302
    back = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    code = login.code_in(back, state="s t&te")
    short = await login.exchange_code(http, app, code=code, redirect_uri=BACK)
    long = await login.lengthen(http, app, short.access_token)
    assert long.expires_in > 50 * 86_400 > short.expires_in
    state = await login.check(http, app, long.access_token)
    assert state.valid
    assert state.expires_at is not None
    assert "instagram_manage_comments" in state.scopes
    granted = await login.permissions(http, app, long.access_token)
    assert granted["instagram_manage_comments"] is True
    (account,) = await login.accounts(http, app, long.access_token)
    assert (account.instagram_id, account.username) == ("17841400000000000", "sandbox.bakery")


def test_the_dialog_asks_for_what_is_needed():
    """The address has the state and every scope; a configuration takes the scopes' place."""
    url = login.authorize_url(OURS, redirect_uri=BACK, state="x/y+z")
    asked = parse_qs(urlsplit(url).query)
    assert asked["redirect_uri"] == [BACK]
    assert asked["state"] == ["x/y+z"]
    assert asked["response_type"] == ["code"]
    assert asked["scope"] == [",".join(login.SCOPES)]
    assert SECRET not in url
    url = login.authorize_url(OURS, redirect_uri=BACK, state="x", config_id="99")
    asked = parse_qs(urlsplit(url).query)
    assert asked["config_id"] == ["99"]
    assert "scope" not in asked


@pytest.mark.parametrize("state", ["", "other", "ställe", "sent "])
def test_a_foreign_state_is_refused(state):
    """A browser that comes back with another state than was sent gets nowhere."""
    for answered in ({"code": "c", "state": state}, {"error": "access_denied", "state": state}):
        with pytest.raises(errors.Refused, match="not begun here"):
            login.code_in(answered, state="sent")


def test_a_code_is_read_without_facebooks_tail():
    """The `#_=_` that Facebook appends is no part of the code."""
    assert login.code_in({"code": "AQb#_=_", "state": "s"}, state="s") == "AQb"
    assert login.code_in({"code": "AQb#_", "state": "s"}, state="s") == "AQb"
    with pytest.raises(errors.Refused, match="no code"):
        login.code_in({"state": "s"}, state="s")


def test_a_person_may_decline():
    """Declining is told as such; another refusal is told in the platform's words, scrubbed."""
    with pytest.raises(errors.Refused, match="declined"):
        login.code_in({"error": "access_denied", "state": "s"}, state="s")
    words = f"bad\r\n{CANARY}"
    with pytest.raises(errors.Refused) as caught:
        login.code_in({"error": "x", "error_description": words, "state": "s"}, state="s")
    assert CANARY not in str(caught.value)
    assert str(caught.value).isprintable()


async def test_a_code_is_good_for_its_address_alone(sandbox, http, app):
    """A code exchanged for another redirect address is refused, not tried again."""
    url = login.authorize_url(app, redirect_uri=BACK, state="s", dialog=sandbox.login_url)
    back = dict(parse_qsl(urlsplit((await http.get(url)).headers["Location"]).query))
    code = login.code_in(back, state="s")
    with pytest.raises(errors.Refused):
        await login.exchange_code(http, app, code=code, redirect_uri="http://127.0.0.1/other")


async def test_a_wrong_app_secret_is_refused_not_retried(sandbox, http):
    """The platform calls a wrong secret an unknown trouble; here it is known."""
    wrong = App(APP_ID, SECRET, sandbox.graph_url)
    with pytest.raises(errors.Refused, match="app secret") as caught:
        await login.lengthen(http, wrong, TOKEN)
    assert SECRET not in str(caught.value)


async def test_a_dead_token_needs_a_login(sandbox, http, app):
    """A dead token is told with a 200, and says why it died."""
    sandbox.control(faults={"password": 1.0})
    with pytest.raises(errors.NeedsLogin):
        await login.permissions(http, app, TOKEN)
    sandbox.control(faults={})
    with pytest.raises(errors.NeedsLogin, match="password"):
        await login.check(http, app, TOKEN)
    with pytest.raises(errors.NeedsLogin):
        await login.check(http, app, "unknown")


async def test_a_permission_that_was_unticked_shows(sandbox, http, app):
    """Declined permissions are told apart from granted ones."""
    sandbox.control(without=["instagram_manage_comments"])
    granted = await login.permissions(http, app, TOKEN)
    assert granted["instagram_manage_comments"] is False
    assert granted["instagram_basic"] is True


@pytest.mark.parametrize(
    ("data", "expires"),
    [
        ({"app_id": "4711", "expires_at": 1_900_000_000, "user_id": "9"}, 1_900_000_000),
        ({"app_id": 4711, "expires_at": 0, "user_id": 9, "profile_id": 1}, None),
        ({"app_id": "4711"}, None),
    ],
)
async def test_zero_means_never(data, expires):
    """`expires_at` 0 is never; ids come as numbers in older answers."""
    state = await login.check(Told({"data": {"is_valid": True} | data}), OURS, CANARY)
    assert state.expires_at == expires
    assert state.user_id == ("9" if "user_id" in data else None)


async def test_a_token_of_another_app_is_refused():
    """A valid token that another app was given is not taken."""
    with pytest.raises(errors.Refused, match="another app"):
        await login.check(Told({"data": {"is_valid": True, "app_id": "1"}}), OURS, CANARY)


async def test_accounts_are_read_to_the_last_page():
    """Only a missing `next` ends the list of Pages, and each account comes once."""

    class Paged(Told):
        async def get(self, url, *, params=None, headers=None, deadline=None, again=None):
            await super().get(url, params=params, headers=headers)
            number = {None: 1, "a": 2, "b": 3}[params.get("after")]
            account = {"id": str(17 + number % 2), "username": "ada"}
            body = {"data": [{"id": "1", "instagram_business_account": account}]}
            cursors = {"after": {1: "a", 2: "b", 3: "c"}[number]}
            more = {} if number == 3 else {"next": "https://x/?access_token=t"}
            body["paging"] = {"cursors": cursors} | more
            return Answer(200, {}, json.dumps(body).encode())

    http = Paged({})
    found = await login.accounts(http, OURS, CANARY)
    assert [one.instagram_id for one in found] == ["18", "17"]
    assert len(http.asked) == 3
    for url, params, headers in http.asked:
        assert headers == {"Authorization": f"Bearer {CANARY}"}
        assert CANARY not in url + str(params)
        assert "appsecret_proof" in params


async def test_secrets_go_into_the_query_of_the_doors_that_demand_them():
    """The oauth doors get their secrets as the platform wants them, in the query alone."""
    told = Told({"access_token": CANARY, "token_type": "bearer"})
    assert await login.exchange_code(told, OURS, code=CODE, redirect_uri=BACK) == Token(CANARY)
    url, params, _ = told.asked[0]
    assert url == "https://graph.example/v26.0/oauth/access_token"
    assert params == {
        "client_id": "4711",
        "redirect_uri": BACK,
        "client_secret": SECRET,
        "code": CODE,
    }


def test_nothing_shows_its_secrets():
    """The repr of tokens and of the app hides what is secret."""
    assert CANARY not in repr(Token(CANARY, 5))
    assert SECRET not in repr(OURS)
    assert CANARY not in repr(Answer(200, {}, CANARY.encode()))


WORDS = f"Bad {CANARY} {SECRET} {CODE} https://x/?client_secret={SECRET}&code={CODE}"


@pytest.mark.parametrize(
    "told",
    [
        Told({"error": {"code": 100, "message": WORDS}}, 400),
        Told({"error": {"code": 1, "message": WORDS}}, 400),
        Told({"error": {"code": 190, "message": WORDS}}, 400),
        Told({"error": {"code": 2, "message": WORDS}}, 500),
        Told({"error_type": "OAuthException", "code": 400, "error_message": WORDS}, 400),
        Told({"data": {"is_valid": False, "error": {"message": WORDS}}}),
        Told({"data": {"is_valid": True, "app_id": CANARY}}),
        Told({"access_token": [WORDS], "data": WORDS}),
        Told({"access_token": None}),
        Told(WORDS.encode()),
        Told(b'{"access_token":"' + CANARY.encode()),
        Told(b"", 502),
    ],
)
async def test_a_canary_is_never_said(told, caplog):
    """Whatever the doors answer, no error, trace or log repeats token, code or app secret."""
    caplog.set_level(logging.DEBUG)
    said, failed = "", 0
    for call in (
        lambda: login.exchange_code(told, OURS, code=CODE, redirect_uri=BACK),
        lambda: login.lengthen(told, OURS, CANARY),
        lambda: login.permissions(told, OURS, CANARY),
        lambda: login.accounts(told, OURS, CANARY),
        lambda: login.check(told, OURS, CANARY),
    ):
        try:
            said += repr(await call())
        except errors.SourceError as error:
            failed += 1
            said += "".join(traceback.format_exception(error)) + f"{error!r}{error.__context__!r}"
    assert failed >= 4
    for secret in (CANARY, SECRET, CODE):
        assert secret not in said + caplog.text
