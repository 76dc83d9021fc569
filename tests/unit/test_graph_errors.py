"""The platform's refusals mean what its numbers say, and its words never leak a secret."""

import json
import os
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.page import Usage
from ingather.providers import graph_errors

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
NOW = 1_750_000_000.0


def fault(status=400, headers=(), secrets=(), **error):
    body = json.dumps({"error": error}).encode()
    return graph_errors.find(status, dict(headers), body, now=NOW, secrets=secrets)


def meaning(status=400, headers=(), asked="media/comments", **error):
    return graph_errors.meaning(fault(status, headers, **error), asked)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"code": 1}, 500, errors.Transient),
        ({"code": 1, "error_subcode": 1965014, "is_transient": False}, 400, errors.Transient),
        ({"code": 2, "is_transient": True}, 500, errors.Transient),
        ({"code": 2}, 200, errors.Transient),
        ({"code": 9999, "is_transient": True}, 400, errors.Transient),
        ({"code": 9999}, 503, errors.Transient),
        ({"code": 4, "is_transient": True}, 403, errors.Throttled),
        ({"code": 17}, 400, errors.Throttled),
        ({"code": 32}, 403, errors.Throttled),
        ({"code": 341}, 400, errors.Throttled),
        ({"code": 613, "error_subcode": 1996}, 400, errors.Throttled),
        ({"code": 80001}, 400, errors.Throttled),
        ({"code": 80002, "error_subcode": 2446079}, 400, errors.Throttled),
        ({"code": 80006}, 400, errors.Throttled),
        ({"code": 1}, 429, errors.Throttled),
        ({"code": 190, "error_subcode": 463}, 400, errors.NeedsLogin),
        ({"code": "190", "error_subcode": "463"}, 400, errors.NeedsLogin),
        ({"code": 190}, 401, errors.NeedsLogin),
        ({"code": 190, "is_transient": True}, 500, errors.NeedsLogin),
        ({"code": 102}, 400, errors.NeedsLogin),
        ({"code": 10}, 403, errors.Refused),
        ({"code": 200}, 403, errors.Refused),
        ({"code": 299}, 403, errors.Refused),
        ({"code": 300}, 400, errors.Refused),
        ({"code": 100, "error_subcode": 33}, 400, errors.NotReachable),
        ({"code": 803}, 404, errors.NotReachable),
        ({"code": 100}, 400, errors.Refused),
        ({"code": 3}, 400, errors.Refused),
        ({"code": 368}, 400, errors.Refused),
        ({"code": 2500}, 400, errors.Refused),
        ({}, 400, errors.Refused),
    ],
)
def test_numbers_decide(error, status, kind):
    """Each code of the contract's table becomes the error that says what can be done about it,
    whatever the words."""
    found = meaning(status, message="Etwas ist schiefgegangen. 後でもう一度。", **error)
    assert type(found) is kind


def test_reduce_the_amount_of_data_asks_for_a_smaller_page():
    """The one refusal that only its words can tell from an unknown trouble."""
    words = "Please reduce the amount of data you're asking for, then retry your request"
    assert type(meaning(500, code=1, message=words)) is errors.TooMuchData


@pytest.mark.parametrize(
    ("subcode", "says"),
    [
        (458, "removed"),
        (459, "facebook.com"),
        (460, "password"),
        (463, "expired"),
        (464, "facebook.com"),
        (467, "revoked"),
        (492, "role"),
        (None, "no longer valid"),
        (12345, "no longer valid"),
    ],
)
def test_a_dead_token_says_why_it_died(subcode, says):
    """Each subcode of 190 has a sentence that tells what to do."""
    found = meaning(code=190, error_subcode=subcode)
    assert says in str(found)
    assert "log in" in str(found)


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        ("media/comments", "instagram_manage_comments"),
        ("comment/replies", "instagram_manage_comments"),
        ("me/accounts", "pages_show_list"),
        ("user/media", "instagram_basic"),
    ],
)
def test_a_missing_permission_is_named(asked, scope):
    """A refusal for want of a permission names the permission that this endpoint needs."""
    assert scope in str(meaning(403, code=10, asked=asked))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"Retry-After": formatdate(NOW - 90, usegmt=True)}, None),
        ({"Retry-After": "9" * 30}, 86_400.0),
        ({"X-App-Usage": '{"call_count":103}'}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers, wait):
    """The wait is what Retry-After says, in either form, at most a day, and None without one."""
    assert meaning(429, headers, code=4).wait == wait


def business(minutes, kind="instagram", **percents):
    entry = {"type": kind, "estimated_time_to_regain_access": minutes, **percents}
    return {"X-Business-Use-Case-Usage": json.dumps({"17841400000000000": [entry]})}


def test_the_longer_wait_counts():
    """Of Retry-After and the minutes of the usage header, the longer one is waited."""
    headers = business(19, call_count=100)
    assert meaning(400, headers, code=80002).wait == 19 * 60
    assert meaning(400, headers | {"Retry-After": "5"}, code=80002).wait == 19 * 60
    assert meaning(400, headers | {"Retry-After": "5000"}, code=80002).wait == 5000


@pytest.mark.parametrize(
    ("headers", "usage"),
    [
        ({}, None),
        ({"X-App-Usage": '{"call_count":28,"total_time":31,"total_cputime":25}'}, Usage(31)),
        ({"X-App-Usage": '{"call_count":162}'}, Usage(162)),
        ({"X-App-Usage": "{}"}, None),
        ({"X-App-Usage": "not json"}, None),
        ({"X-App-Usage": "[1]"}, None),
        (business(19, call_count=7, total_time=9), Usage(9, 1140.0)),
        (business(0, call_count=7), Usage(7)),
        (business(90, call_count=7), Usage(7, 5400.0)),
        (business(19, kind="messenger", call_count=99), None),
        ({"X-Business-Use-Case-Usage": '{"call_count":50}'}, None),
        (business(5, call_count=7) | {"X-App-Usage": '{"call_count":28}'}, Usage(28, 300.0)),
    ],
)
def test_usage_is_percents_and_minutes(headers, usage):
    """The larger of all percents counts; minutes are no percent; silence is not 0 %."""
    assert graph_errors.usage(headers) == usage


def test_recorded_usage_headers_are_read():
    """The usage headers of the documentation and of a real answer are understood."""
    samples = FIXTURES / "graph/docs_samples"
    if not samples.is_dir():
        pytest.skip("the recorded answers are not beside this checkout")
    app = json.loads((samples / "header_x_app_usage.json").read_text())
    text = app if isinstance(app, str) else json.dumps(app)
    assert graph_errors.usage({"X-App-Usage": text}) is not None


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":"1","text":"error"}]}',
        b'{"data":[{"id":"1","text":"the \\"error\\" of my life"}]}',
        b'{"data":[{"id":"1","text":"\\ud83d"},{"id":"2","text":"error"}]}',
        b"{}",
        b"",
    ],
)
def test_a_comment_about_errors_is_no_error(body):
    """The word in a comment does not make an answer a refusal."""
    assert graph_errors.find(200, {}, body, now=NOW) is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html>Bad Gateway</html>", errors.Transient),
        (500, b"", errors.Transient),
        (400, b'{"error":{"message":"Unsup', errors.Transient),
        (302, b"", errors.Transient),
        (204, b"", errors.Transient),
        (408, b"", errors.Transient),
        (401, b"<html>", errors.NeedsLogin),
        (403, b"<html>Forbidden</html>", errors.Refused),
        (404, b"not found", errors.Refused),
        (429, b"", errors.Throttled),
        (400, b"[[[[", errors.Refused),
        (400, b"[" * 100_000, errors.Refused),
        (400, b'{"error":"invalid_request"}', errors.Refused),
        (400, b'{"error_type":"OAuthException","code":400,"error_message":"x"}', errors.Refused),
    ],
)
def test_a_refusal_without_numbers_goes_by_its_status(status, body, kind):
    """Gateways, walls and broken bodies have an error too."""
    found = graph_errors.meaning(graph_errors.find(status, {}, body, now=NOW), "media")
    assert type(found) is kind


SECRET_WORDS = [
    "Malformed access token EAAGm0PX4ZCpsBAKZCq8vXhZAZCdEZD1234",
    "Malformed access token IGQVJXZAkhPcmRfc0lEMTI5ZAk",
    "Malformed access token IGAAJ1ZAkhPcmRfc0lEMTI5ZAk",
    "Bad request: https://graph.facebook.com/x?access_token=canary-in-url&limit=5",
    "Bad request: https://x/?limit=5&appsecret_proof=canary-proof",
    "Bad request: fb_exchange_token=canary&client_secret=canary",
    "Bad header Authorization: Bearer canary-in-header",
    "Cannot parse " + "canary" * 20,
]


@pytest.mark.parametrize("words", SECRET_WORDS)
def test_words_that_quote_a_token_are_scrubbed(words):
    """Whatever looks like a token is hidden before a person or a log sees the words."""
    shown = str(meaning(400, code=100, message=words))
    assert "[hidden]" in shown
    for secret in ("canary", "EAAG", "IGQV", "IGAAJ"):
        assert secret not in shown


def test_own_secrets_are_scrubbed_whatever_they_look_like():
    """A short secret that looks like a word is hidden too, where it is known."""
    found = fault(code=100, message="not a good 'swordfish' at all", secrets=("swordfish", ""))
    assert "swordfish" not in repr(found)


def test_words_stay_on_one_line_and_short():
    """Control characters and novels of the platform do not reach a log."""
    shown = str(meaning(400, code=100, message="a\r\nb\x1b[31m" + "very long " * 200))
    assert shown.isprintable()
    assert len(shown) < 450


def recorded_errors():
    folder = FIXTURES / "graph"
    return sorted([*folder.glob("errors/*.json"), *folder.glob("docs_samples/error_*.json")])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("airbyte_10", errors.Refused),
        ("airbyte_100_33", errors.NotReachable),
        ("bd_110_2207013", errors.Refused),
        ("error_190_460", errors.NeedsLogin),
        ("error_32", errors.Throttled),
        ("error_80001", errors.Throttled),
        ("restfb_ig_login_exception", errors.Refused),
        ("wild_100_appsecret_proof_required", errors.Refused),
        ("wild_190_463", errors.NeedsLogin),
        ("wild_4_is_transient", errors.Throttled),
        ("wild_80002", errors.Throttled),
    ],
)
def test_recorded_errors_mean_what_they_say(name, kind):
    """Bodies recorded from the real platform become the right errors."""
    found = [path for path in recorded_errors() if path.stem == name]
    if not found:
        pytest.skip(f"the recorded answer {name} is not beside this checkout")
    answer = graph_errors.find(400, {}, found[0].read_bytes(), now=NOW)
    assert type(graph_errors.meaning(answer, "media")) is kind


def test_every_recorded_error_is_a_source_error():
    """No recorded refusal is taken for an answer, whatever its status."""
    paths = [path for path in recorded_errors() if path.read_bytes().lstrip()[:1] == b"{"]
    if not paths:
        pytest.skip("the recorded answers are not beside this checkout")
    for path in paths:
        for status in (200, 400, 500):
            answer = graph_errors.find(status, {}, path.read_bytes(), now=NOW)
            if status == 200 and b'"error"' not in path.read_bytes():
                continue  # the login doors' own envelope never comes with a 200
            assert isinstance(graph_errors.meaning(answer, "media"), errors.SourceError)


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["message", "code", "error_subcode", "is_transient", "error_data"]),
        json_value,
    ),
    st.text(max_size=40),
    st.text(max_size=80),
)
def test_any_refusal_has_a_meaning(status, error, header, usage):
    """No number, header or shape makes the reading of an error fail."""
    headers = {"Retry-After": header, "X-App-Usage": usage, "X-Business-Use-Case-Usage": usage}
    body = json.dumps({"error": error}).encode()
    found = graph_errors.find(status, headers, body, now=NOW)
    assert isinstance(graph_errors.meaning(found, "media"), errors.SourceError)
