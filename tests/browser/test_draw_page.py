"""The page of a draw: it agrees with the Python verifier, and answers its visitors."""

import copy
import json
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import rfc8785

from ingather import errors
from ingather.domain import draw_receipt, verifier
from ingather.domain.entries import freeze
from ingather.exports.draw_page import page

EXPORTS = Path(draw_receipt.__file__).parents[1] / "exports"
LIBRARY = EXPORTS / "draw_verify.js"
NAMES = ["anna", "béa", "Зоя", "@x", "<b>", "\u202e", "a\u0000b", '"', "\\", "🪔"]


def made(receipts, random) -> bytes:
    """A whole receipt of any size, rules, names, anchors and log."""
    count = random.randint(1, 12)
    users = random.choices([*NAMES, None, None, None], k=random.randint(0, count))
    frozen = receipts.frozen(count, users)
    if random.random() < 0.2:
        frozen = freeze([*frozen.entries, receipts.entry(0, n=random.randint(2, 4))], bytes(32))
    bonus = random.choice([[], [{"entries": 1}, {"entries": 2}], [{"entries": 1}, "x"], {}, None])
    named = {} if random.random() < 0.8 else {"unique_users": True}
    once = random.random() < 0.7
    able = len({each.u for each in frozen.entries}) if once else count
    odd = {name: random.choice([1e21, 5e-324, 0.1, -3, True, [], {}, "x"]) for name in NAMES}
    committed = receipts.committed(
        frozen,
        seq=(seq := random.choice([1, 1, 2, 9])),
        winners=random.randint(1, able),
        alternates=random.randint(0, 5),
        unique_winners=once,
        more=odd,
        bonus=bonus,
        **named,
    )
    log = [draw_receipt.Logged(seq, committed.hex, "drawn")]
    if seq > 1 and random.random() < 0.5:
        log.insert(0, draw_receipt.Logged(seq - 1, "cd" * 32, "never drawn"))
    struck = [draw_receipt.Disqualified(1, "under age", receipts.late)]
    return receipts.make(
        frozen,
        committed,
        log=log,
        disqualified=struck if random.random() < 0.3 else [],
        anchors=[receipts.posted(receipts.early)],
    )


def fields(value, path=()):
    """Every place in a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from fields(value[key], (*path, key))


def spoilt(text: bytes, receipts, random) -> bytes:
    """The receipt with one thing changed; sometimes signed again by the installation."""
    if random.random() < 0.1:
        return random.choice(
            [
                text[:-1] + b" ",
                text.replace(b'"seq":', b'"seq": ', 1),
                text.replace(b'"v":', b'"v":1,"v":', 1),
                text.replace(b'"winners":', b'"winners":0', 1),
                text[: len(text) // 2],
            ]
        )
    body = json.loads(text)
    path = random.choice(list(fields(body)))
    parent = body
    for step in path[:-1]:
        parent = parent[step]
    other = random.choice(list(fields(body)))
    value = body
    for step in other:
        value = value[step]
    old = parent[path[-1]]
    parent[path[-1]] = random.choice(
        [
            copy.deepcopy(value),
            None,
            old + 1 if type(old) is int else old[::-1] if isinstance(old, str | list) else 0,
            f"{old}0",
        ]
    )
    if random.random() < 0.2:
        del parent[path[-1]]
    if random.random() < 0.6:
        _sign_again(body, receipts)
    return rfc8785.dumps(body) + b"\n"


def _sign_again(body, receipts) -> None:
    try:
        if random.random() < 0.5:
            text = rfc8785.dumps(body["commitment"])
            body["commit"] = draw_receipt.draw2.commit_hash(text).hex()
            own = body["commitment"]["log"]["seq"]
            next(each for each in body["log"]["draws"] if each["seq"] == own)["commit"] = body[
                "commit"
            ]
        signature = receipts.installation.sign(draw_receipt.signed_text(body))
        body["installation"]["signature"] = signature.hex()
    except (KeyError, TypeError, StopIteration, errors.BadInput):
        pass  # what is spoilt so far has nothing to sign


@pytest.fixture(scope="module")
def cases(receipts) -> list[tuple[str, str]]:
    """A thousand receipts, whole and spoilt, each with what the Python verifier says."""
    chance = random.Random(20261121)
    random.seed(20261121)
    found = []
    whole = [made(receipts, chance) for _ in range(60)]
    for i in range(1000):
        text = whole[i % 60]
        if i >= 90:
            text = spoilt(text, receipts, chance)
        elif i >= 60:
            text = draw_receipt.masked(text)
        found.append((text.decode(), said(verifier.verify(text))))
    return found


def said(verdict) -> str:
    """The Python verifier's word, in those things that the page checks too."""
    if verdict.check in (None, "beacon", "anchor"):
        return "holds"
    return {"json": "canonical"}.get(verdict.check, verdict.check)


ANSWERS = """async (texts) => {
  const answers = [];
  for (const text of texts) {
    const found = await Draw.verify(text);
    answers.push(found.holds ? "holds" : found.check === "json" ? "canonical" : found.check);
  }
  return answers;
}"""


def test_the_cases_are_of_every_kind(cases):
    """Else the agreement below would say little."""
    met = {answer for _, answer in cases}
    assert met >= {"holds", "canonical", "shape", "commitment", "leaves", "root", "draw"}
    assert met >= {"opening", "places", "log", "signature", "round"}
    assert sum(answer == "holds" for _, answer in cases) < 200


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    return found


def run_in_node(node: str, folder: Path, expression: str, given) -> list:
    """What an async function of the library's answers to a value, in Node."""
    (folder / "given.json").write_text(json.dumps(given), "utf-8")
    code = (
        f"require({json.dumps(str(LIBRARY))});"
        f"const given = JSON.parse(require('fs').readFileSync('given.json', 'utf8'));"
        f"({expression})(given).then((a) => console.log(JSON.stringify(a)));"
    )
    done = subprocess.run(
        [node, "--no-warnings", "-e", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
        timeout=60,
    )
    return json.loads(done.stdout)


def differences(cases, answers) -> list:
    return [
        (expected, answer, text[:200])
        for (text, expected), answer in zip(cases, answers, strict=True)
        if expected != answer
    ]


def test_a_thousand_receipts_in_node(cases, node, tmp_path):
    """The second implementation and the first say the same of every one of them."""
    answers = run_in_node(node, tmp_path, ANSWERS, [text for text, _ in cases])
    assert not differences(cases, answers)


def test_a_thousand_receipts_in_chromium(cases, chromium, tmp_path):
    """And so does the browser that visitors have."""
    blank = tmp_path / "blank.html"
    blank.write_text("<!doctype html><title>-</title>")
    tab = chromium.new_page()
    tab.goto(blank.as_uri())
    tab.add_script_tag(path=str(LIBRARY))
    answers = tab.evaluate(ANSWERS, [text for text, _ in cases])
    tab.close()
    assert not differences(cases, answers)


def test_canonical_json_is_the_same_in_node(node, tmp_path):
    """A thousand values with every letter, number and nesting are written the same."""
    chance = random.Random(8785)

    def value(depth: int = 0):
        kind = chance.randrange(8 if depth < 3 else 5)
        if kind == 0:
            return chance.choice([None, True, False])
        if kind == 1:
            return chance.randrange(-(2**53) + 1, 2**53)
        if kind == 2:
            return chance.choice([1e21, 1e-7, 5e-324, 1.7976931348623157e308, 0.1, 1e-300, -0.0])
        if kind == 3:
            return chance.uniform(-1, 1) * 10.0 ** chance.choice([*range(-30, 16), *range(22, 30)])
        if kind == 4:
            points = [*range(0x30), *range(0x7F, 0xA1), 0x2028, 0xFB33, 0x20AC, 0x1F602, 0xFEFF]
            return "".join(chr(chance.choice(points)) for _ in range(chance.randrange(9)))
        if kind < 7:
            return {str(value(9)): value(depth + 1) for _ in range(chance.randrange(5))}
        return [value(depth + 1) for _ in range(chance.randrange(5))]

    values = [value() for _ in range(1000)]
    ours = [rfc8785.dumps(each).decode() for each in values]
    assert run_in_node(node, tmp_path, "async (v) => v.map(Draw.canonical)", values) == ours


# --- the page itself ---------------------------------------------------------------------------


HOSTILE = "</template><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def opened(chromium, tmp_path):
    """Open a page as a file; whatever it asks of a network or says to the console is a failure."""
    asked, tabs = [], []

    def open_(html: str, **options):
        (tmp_path / "index.html").write_text(html, "utf-8")
        tab = chromium.new_page(**options)
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: asked.append(message.text))
        tab.on("dialog", lambda dialog: asked.append(dialog.message))
        tab.on("pageerror", lambda error: asked.append(str(error)))
        tab.goto((tmp_path / "index.html").as_uri())
        if options.get("java_script_enabled", True):
            tab.wait_for_selector("#verdict[data-state]")
        tabs.append(tab)
        return tab

    yield open_
    for tab in tabs:
        tab.close()
    assert [each for each in asked if not each.startswith("file:")] == []


def test_a_whole_draw_holds(opened, receipts):
    """Every check holds, winners are named, and the visitor's own hash and opening are answered."""
    frozen = receipts.frozen()
    text = receipts.make(frozen)
    tab = opened(page(text))
    assert tab.get_attribute("#verdict", "data-state") == "holds"
    states = tab.eval_on_selector_all("[data-check]", "all => all.map((e) => e.dataset.state)")
    assert set(states) == {"holds"} and len(states) == 9
    body = json.loads(text)
    for each in body["drawn"]:
        assert f"@{each['opening']['entry']['u']}" in tab.inner_text(".winners")

    tab.fill("#seen", body["commit"].upper())
    assert tab.get_attribute("#seen-answer", "data-state") == "holds"
    tab.fill("#seen", "0" * 64)
    assert tab.get_attribute("#seen-answer", "data-state") == "false"

    shown = {"round": body["beacon"]["round"], "signature": body["beacon"]["signature"]}
    tab.fill("#round", json.dumps(shown | {"randomness": "00"}))
    assert tab.get_attribute("#round-answer", "data-state") == "holds"
    tab.fill("#round", json.dumps(shown | {"round": 1}))
    assert tab.get_attribute("#round-answer", "data-state") == "false"

    drawn = {each["position"] for each in body["drawn"]}
    missed = next(i for i in range(9) if i not in drawn)
    opening = frozen.opening(missed)
    from msgspec import to_builtins

    tab.fill("#opening", json.dumps(to_builtins(opening)))
    tab.click("#opening-form button")
    tab.wait_for_selector("#opening-answer[data-state=holds]")
    assert "It was not drawn" in tab.inner_text("#opening-answer")
    tab.fill("#opening", json.dumps(to_builtins(opening) | {"salt": "00" * 16}))
    tab.click("#opening-form button")
    tab.wait_for_selector("#opening-answer[data-state=false]")


def test_a_rehearsal_is_never_shown_as_a_draw(opened, receipts):
    """Over the sandbox's beacon the page says that it proves nothing, and names no public round."""
    from ingather.domain.beacon import SANDBOX
    from ingather.sandbox.beacon import sign

    frozen = receipts.frozen()
    committed = receipts.committed(frozen, chain=SANDBOX, number=1000)
    html = page(receipts.make(frozen, committed, signature=sign(1000)))
    assert "api.drand.sh" not in html
    tab = opened(html)
    assert tab.get_attribute("#verdict", "data-state") == "unknown"
    assert "rehearsal" in tab.inner_text("#verdict")


def test_names_from_strangers_are_only_text(opened, receipts):
    """Usernames, reasons, rules and links are escaped; the page's policy would stop them too."""
    frozen = receipts.frozen(2, [HOSTILE, "\u202eevil"])
    committed = receipts.committed(frozen, note=HOSTILE, words=[HOSTILE])
    committed.said["posts"][0]["permalink"] = "javascript:alert(3)"
    text = rfc8785.dumps(committed.said)
    from ingather.domain import draw2

    committed = draw2.Committed(said=committed.said, text=text, hash=draw2.commit_hash(text))
    struck = [draw_receipt.Disqualified(1, HOSTILE, receipts.late)]
    html = page(receipts.make(frozen, committed, disqualified=struck))
    assert "<script>alert" not in html and "<img" not in html and 'href="javascript' not in html
    tab = opened(html)
    assert tab.get_attribute("#verdict", "data-state") == "holds"
    assert tab.locator("img").count() == 0


def test_a_masked_page_names_nobody(opened, receipts):
    """No full name is anywhere in the file, and what is left still holds."""
    frozen = receipts.frozen(3, ["annabella", "bartholomew", "clementine"])
    text = receipts.make(frozen)
    html = page(text, masked=True)
    for name in ("annabella", "bartholomew", "clementine"):
        assert name not in html
    for each in json.loads(text)["drawn"]:
        assert each["opening"]["salt"] not in html and each["opening"]["entry"]["id"] not in html
    tab = opened(html)
    assert tab.get_attribute("#verdict", "data-state") == "holds"
    assert "masked" in tab.inner_text("#verdict") and "a•••a" in tab.inner_text(".winners")


def test_a_page_that_was_changed_says_that_it_is_false(opened, receipts):
    """The receipt in the page is checked again by every visitor."""
    html = page(receipts.make())
    tab = opened(html.replace('"number":1', '"number":2', 1))
    assert tab.get_attribute("#verdict", "data-state") == "false"
    assert "“places”" in tab.inner_text("#verdict")


def test_without_scripts_the_page_still_tells(opened, receipts):
    """Winners and commitment are there, and what cannot be checked is said."""
    tab = opened(page(receipts.make()), java_script_enabled=False)
    assert "Scripts are off" in tab.inner_text("#verdict")
    assert "Winner 1" in tab.inner_text(".winners")
    assert not tab.is_visible("#opening-form")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(opened, receipts, width, scheme):
    """Nothing is wider than the window, every text has contrast enough, every field a label."""
    frozen = receipts.frozen(4, ["a_name_of_thirty_letters_in_all", "x"])
    tab = opened(
        page(receipts.make(frozen)),
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CONTRAST) == []
    assert tab.evaluate("[...document.querySelectorAll('input,textarea')].every(e => e.labels[0])")
    levels = tab.eval_on_selector_all("h1,h2,h3", "all => all.map((e) => Number(e.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


CONTRAST = """() => {
  const numbers = (c) => c.match(/[0-9.]+/g).map(Number);
  const light = (c) => {
    const part = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = numbers(c);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !e.checkVisibility()) continue;
    const [one, other] = [light(getComputedStyle(e).color), light(behind(e))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) poor.push([e.className || e.tagName, ratio]);
  }
  return poor;
}"""


def test_no_page_is_made_of_a_false_receipt(receipts):
    """Nor of a record of draw/1: one sentence, naming the check's reason."""
    with pytest.raises(errors.BadInput, match="It is false"):
        page(receipts.make().replace(b'"winners":2', b'"winners":1'))
    with pytest.raises(errors.BadInput):
        page(b'{"participantsHash": 1}')
