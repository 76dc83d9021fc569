"""HikerAPI's refusals mean what their exc_type says, then their status; the key is never said."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather import errors
from ingather.providers import hiker_errors

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
NOW = 1_750_000_000.0
KEY = "canaryKEY0123456789"


def find(status, body=b"", headers=()):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hiker_errors.find(status, dict(headers), body, now=NOW, secrets=(KEY,))


def meaning(status, body=b"", headers=(), rate=None):
    fault = find(status, body, headers)
    return hiker_errors.meaning(fault, "v2/media/comments", "the post DRq", rate=rate)


def said(exc_type, detail="x"):
    return {"detail": detail, "exc_type": exc_type}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, said("UserNotFound"), errors.NotReachable),
        (404, said("MediaUnavailable"), errors.NotReachable),
        (404, said("MediaNotFound"), errors.NotReachable),
        (404, said("InvalidMediaId"), errors.NotReachable),
        (403, said("PrivateAccount"), errors.NotReachable),
        (404, said("PrivateAccount"), errors.NotReachable),
        (500, said("UserNotFound"), errors.NotReachable),
        (403, said("CommentsDisabled"), errors.CommentsDisabled),
        (404, said("Whatever"), errors.NotReachable),
        (404, b"", errors.NotReachable),
        (404, {"detail": "Not Found"}, errors.Refused),
        (404, b"<html>not here</html>", errors.Refused),
        (403, {"detail": "private"}, errors.NotReachable),
        (403, b"error code: 1010", errors.Refused),
        (403, b"<html>Attention Required</html>", errors.Refused),
        (400, said("ValidationError"), errors.Refused),
        (404, said("ValidationError"), errors.Refused),
        (401, b"", errors.NeedsLogin),
        (401, {"detail": "no key"}, errors.NeedsLogin),
        (402, said("InsufficientFunds"), errors.NoBalance),
        (402, b"", errors.NoBalance),
        (403, {"state": False, "error": "x", "exc_type": "InsufficientFunds"}, errors.NoBalance),
        (405, b"", errors.Refused),
        (408, b"", errors.Transient),
        (410, b"", errors.Refused),
        (410, said("EndpointDeprecated"), errors.Refused),
        (422, {"detail": [{"loc": ["query", "user_id"], "msg": "Field required"}]}, errors.Refused),
        (429, b"", errors.Throttled),
        (429, said("ClientThrottledError"), errors.Throttled),
        (430, b"", errors.Refused),
        (307, b"", errors.Refused),
        (204, b"", errors.Transient),
        (500, said("InstagramServerError"), errors.Transient),
        (500, b"<html>", errors.Transient),
        (502, b"", errors.Transient),
        (503, b"", errors.Transient),
        (504, b"", errors.Transient),
        (520, b"error code: 520", errors.Transient),
        (404, said("ClientConnectionError"), errors.Transient),
        (200, said("InternalError"), errors.Transient),
        (404, b'{"detail": "cut sho', errors.Transient),
    ],
)
def test_what_a_refusal_means(status, body, kind):
    """Every refusal is the error that says what can be done about it."""
    assert type(meaning(status, body)) is kind


def test_recorded_refusals():
    """Every recorded body means what was learnt of it."""
    path = FIXTURES / "hiker" / "errors.json"
    if not path.is_file():
        pytest.skip("no recorded answers beside this checkout")
    kinds = {
        402: errors.NoBalance, 400: errors.Refused, 410: errors.Refused, 422: errors.Refused,
        429: errors.Throttled, 500: errors.Transient, 401: errors.NeedsLogin,
        404: errors.NotReachable,
    }  # fmt: skip
    for one in json.loads(path.read_text()):
        body = one["body_text"].encode() if "body_text" in one else one.get("body") or b""
        fault = find(one["status"], body)
        if fault.exc_type == "NotFoundError":
            assert fault.empty
        elif one["status"] == 403:
            assert isinstance(meaning(403, body), errors.Refused | errors.CommentsDisabled)
        else:
            assert isinstance(meaning(one["status"], body), kinds[one["status"]])


def test_no_entries_is_no_failure():
    """A list without entries is told as 404 NotFoundError, and is an empty list."""
    assert find(404, said("NotFoundError", "Entries not found")).empty
    assert not find(404, said("UserNotFound")).empty


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"text":"\\"exc_type\\": 1"}', b'{"state":true}'])
def test_a_true_answer_is_no_refusal(body):
    """A page with 200 is a page, whatever people wrote in it."""
    assert find(200, body) is None


def test_reasons_are_named():
    """Who cannot be reached, and why, stands in the message."""
    told = str(meaning(403, said("PrivateAccount")))
    assert "The post DRq" in told
    assert "private" in told
    assert "User-Agent" in str(meaning(403, b"error code: 1010"))
    assert "HIKERAPI_KEY" in str(meaning(401))
    assert "retired" in str(meaning(410))
    told = str(meaning(422, {"detail": [{"loc": ["query", "user_id"], "msg": "Field required"}]}))
    assert "user_id: Field required" in told
    assert "top it up" in str(meaning(402))
    assert meaning(402).code == "no_balance"
    assert meaning(403, said("CommentsDisabled")).code == "comments_disabled"


@pytest.mark.parametrize(
    ("rate", "headers", "wait"),
    [
        (None, {}, 2.0),
        (1, {}, 2.0),
        (2, {}, 1.5),
        (10, {}, 1.1),
        (10, {"Retry-After": "7"}, 7.0),
        (10, {"Retry-After": "999999"}, 3600.0),
        (10, {"Retry-After": "soon"}, 1.1),
    ],
)
def test_how_long_to_wait(rate, headers, wait):
    """One to two seconds by the account's rate, longer where the service asks for it."""
    assert meaning(429, headers=headers, rate=rate).wait == pytest.approx(wait)


@pytest.mark.parametrize(
    ("status", "header", "body", "cost"),
    [
        (200, "reqs=2", b"[]", 2),
        (200, '{"reqs": 3}', b"[]", 3),
        (200, '{"reqs":"4"}', b"[]", 4),
        (200, 'x=1; reqs = "5"', b"[]", 5),
        (404, "reqs=1", b"{}", 1),
        (500, '{"reqs": 1}', b"", 1),
        (410, "reqs=0", b"{}", 0),
        (200, None, b"[]", 1),
        (404, None, b"{}", 1),
        (400, None, b"{}", 1),
        (403, None, b'{"detail":""}', 1),
        (403, None, b"error code: 1010", 0),
        (429, None, b"", 0),
        (500, None, b"{}", 0),
        (402, None, b"{}", 0),
        (200, "nonsense", b"[]", 1),
    ],
)
def test_what_an_answer_cost(status, header, body, cost):
    """Units are read in both spellings, on every status; unsaid, one where it is billed."""
    headers = {} if header is None else {"x-hiker-info": header}
    assert hiker_errors.units(status, headers, body) == cost


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 410, 422, 429, 500])
def test_the_key_is_never_said(status):
    """Whatever the service repeats, the key is in no error."""
    words = f"bad key {KEY} access_key={KEY}"
    for body in (
        said("Odd", words),
        said(words, words),
        said("ValidationError", words),
        {"detail": [{"loc": [words], "msg": words}], "exc_type": "X"},
        {"error": words, "state": False},
        words.encode(),
    ):
        fault = find(status, body)
        if fault is not None:
            error = hiker_errors.meaning(fault, "route", "@x")
            assert KEY not in f"{error} {error!r} {vars(error)} {fault!r}"


@given(
    st.integers(100, 599),
    st.binary(max_size=80)
    | st.dictionaries(
        st.sampled_from(["detail", "error", "exc_type", "state"]),
        st.recursive(
            st.none() | st.booleans() | st.text(max_size=30) | st.integers(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["loc", "msg", "type"]), inner, max_size=3)
            ),
        ),
    ).map(lambda found: json.dumps(found).encode()),
    st.text(max_size=20),
)
def test_any_refusal_is_a_source_error(status, body, header):
    """Whatever comes with whatever status, a refusal is a SourceError of one short line."""
    headers = {"x-hiker-info": header, "Retry-After": header}
    fault = hiker_errors.find(status, headers, body, now=NOW, secrets=(KEY,))
    assert hiker_errors.units(status, headers, body) >= 0
    assert (fault is None) <= (status == 200)
    if fault is not None:
        error = hiker_errors.meaning(fault, "route", "@x", rate=15)
        assert isinstance(error, errors.SourceError)
        assert "\n" not in str(error)
        assert len(str(error)) < 600
