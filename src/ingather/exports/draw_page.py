"""The public page of a draw: one HTML file that loads nothing and verifies itself.

Names, captions and links come from strangers: every value is escaped, bidirectional text is
isolated, and the page's own policy lets no other script run.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from ingather import errors
from ingather.domain import beacon, draw_receipt, verifier

FILE = "index.html"
"""What the page is called where a folder is named."""

_HERE = Path(__file__).parent


def page(receipt: bytes, *, masked: bool = False) -> str:
    """The page of a receipt (the bytes of its file).

    masked: nobody is named; the receipt in the page has no openings then, and entrants are shown
    by the first and last letter of their names. Raises BadInput for a receipt that is false.
    """
    verdict = verifier.verify(receipt)
    if verdict.protocol != 2 or verdict.verdict == verifier.FALSE:
        why = f"It is false: {verdict.why}" if verdict.check else "It is no receipt of a draw/2."
        raise errors.BadInput(f"No page is made of this receipt. {why}")
    found = json.loads(receipt)
    said = found["commitment"]
    carried = draw_receipt.masked(receipt) if masked else receipt
    code = {name: (_HERE / f"draw_{name}.js").read_text("utf-8") for name in ("verify", "page")}
    css = (_HERE / "draw_page.css").read_text("utf-8")
    return Template((_HERE / "draw_page.html").read_text("utf-8")).substitute(
        _draw(found, masked),
        scripts=" ".join(map(_policy, code.values())),
        styles=_policy(css),
        css=css,
        posts=_posts(said["posts"]),
        rules=_rules(said["rules"]),
        snapshot=_snapshot(said["snapshot"]),
        anchors=_anchors(found["anchors"]),
        round=_public_round(said["beacon"]),
        unproven=_listed((*verifier.NEVER_PROVEN, verifier.NOT_PROVEN_2[0])),
        receipt=escape(carried.decode(), quote=False),
        **code,
    )


def _draw(found: dict[str, Any], masked: bool) -> dict[str, str]:
    """What the receipt says of the draw itself, escaped."""
    said = found["commitment"]
    public = bytes.fromhex(found["installation"]["public_key"])
    winners = [each for each in found["drawn"] if each["status"] == "winner"]
    known = said["beacon"]["chain"] == beacon.QUICKNET.hash
    return {
        "short": found["commit"][:16],
        "commit": found["commit"],
        "winners_title": "Winner" if len(winners) == 1 else "Winners",
        "winners": "\n".join(_place(each, masked) for each in winners + _alternates(found)),
        "passed": _passed_over(found, masked),
        "entries": f"{said['entries']['n']:,}",
        "number": str(said["beacon"]["round"]),
        "signature": found["beacon"]["signature"],
        "beacon": "the public beacon drand"
        if known
        else "the sandbox's or another beacon, which proves nothing",
        "time": escape(said["beacon"]["time"]),
        "time_words": _moment(said["beacon"]["time"]),
        "which": _which(found),
        "installation": draw_receipt.fingerprint(public),
        "written": escape(found["log"]["written"]),
        "written_words": _moment(found["log"]["written"]),
    }


def _policy(inline: str) -> str:
    """A script or style as the page's policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def _alternates(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in found["drawn"] if each["status"] == "alternate"]


def _place(each: dict[str, Any], masked: bool) -> str:
    kind = "Winner" if each["status"] == "winner" else "Alternate"
    name = _name(each, masked)
    return (
        f'<li><span class="number">{kind} {each["number"]}</span>'
        f' <span class="name">{name}</span>{_comment(each, masked)}</li>'
    )


def _name(each: dict[str, Any], masked: bool) -> str:
    """A name, escaped and isolated; or its first and last letter; or that it is not told."""
    if each["opening"] is None:
        return "(name not shown)"
    name = each["opening"]["entry"]["u"]
    if masked:
        name = f"{name[:1]}•••{name[-1:] if len(name) > 3 else ''}"
    plain = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name
    )
    return f"<bdi>@{escape(plain)}</bdi>"


def _comment(each: dict[str, Any], masked: bool) -> str:
    if masked or each["opening"] is None:
        return ""
    entry = each["opening"]["entry"]
    more = f", entry {entry['n']}" if entry["n"] > 1 else ""
    told = f"comment {escape(entry['id'])} of {_moment(entry['ts'])}{more}"
    return f' <span class="rest"><bdi>{told}</bdi></span>'


def _passed_over(found: dict[str, Any], masked: bool) -> str:
    """Ranks that were drawn and hold no place, each with the reason why."""
    reasons = {each["rank"]: each for each in found["disqualified"]}
    lines = []
    for each in found["drawn"]:
        if each["status"] == "already won":
            lines.append(f"Rank {each['rank']}, {_name(each, masked)}: held a place already.")
        elif each["status"] == "disqualified":
            why = reasons[each["rank"]]
            lines.append(
                f"Rank {each['rank']}, {_name(each, masked)}: disqualified on"
                f" {_moment(why['at'])}, because: <bdi>{escape(why['reason'])}</bdi>"
            )
    return "<h3>Drawn and passed over</h3>\n" + _items(lines) if lines else ""


def _items(lines: list[str]) -> str:
    """A list of lines that are HTML already."""
    return "<ul>\n" + "\n".join(f"<li>{line}</li>" for line in lines) + "\n</ul>"


def _posts(posts: list[dict[str, Any]]) -> str:
    told = []
    for each in posts:
        name = escape(each["permalink"] or f"post {each['id']}")
        if (each["permalink"] or "").startswith("https://"):
            name = f'<a href="{name}" rel="noopener noreferrer">{name}</a>'
        told.append(f"<p>Among the comments of <bdi>{name}</bdi></p>")
    return "\n".join(told)


def _rules(rules: dict[str, Any]) -> str:
    """The rules in words where the commitment has words, and always as they were committed."""
    words = rules.get("words")
    told = words if isinstance(words, list) and all(isinstance(each, str) for each in words) else []
    if not told:
        told = [
            f"{rules['winners']} to win, and {rules['alternates']} alternates after them.",
            "Each user takes part once." if rules["unique_users"] else "Each comment takes part.",
            "Each user wins once at the most."
            if rules["unique_winners"]
            else "A user may win more than once.",
        ]
    return _listed(told) + _committed({k: v for k, v in rules.items() if k != "words"})


def _snapshot(snapshot: dict[str, Any]) -> str:
    """What the export said of its own completeness, word for word where there are words."""
    words = snapshot.get("words")
    told = [words] if isinstance(words, str) else words if isinstance(words, list) else []
    said = [each for each in told if isinstance(each, str)]
    if not said and snapshot.get("complete") is True:
        said = ["By its own receipt, the export holds every comment that the platform declared."]
    return (_listed(said) if said else "") + _committed(snapshot)


def _committed(value: Any) -> str:
    text = escape(json.dumps(value, ensure_ascii=False, indent=2), quote=False)
    return f"<details><summary>As committed to</summary><pre><code>{text}</code></pre></details>"


def _listed(lines: Sequence[str]) -> str:
    """A list of lines by strangers."""
    return _items([f"<bdi>{escape(line)}</bdi>" for line in lines])


def _which(found: dict[str, Any]) -> str:
    draws = found["log"]["draws"]
    own = [each["seq"] for each in draws].index(found["commitment"]["log"]["seq"]) + 1
    told = f"Draw {own} for this post, of {len(draws)} when this page was written."
    states = [each["state"] for each in draws]
    if count := states.count("waiting"):
        told += f" {count} of them {'is' if count == 1 else 'are'} still to be drawn."
    if count := states.count("never drawn"):
        told += f" {count} of them {'was' if count == 1 else 'were'} never drawn."
    return told


def _anchors(anchors: list[dict[str, Any]]) -> str:
    told = []
    for each in anchors:
        if each["type"] == "comment":
            words = (
                f"comment {each['id']} of @{each['username']} under the post, {each['timestamp']}"
            )
            told.append(f"The hash was posted as <bdi>{escape(words)}</bdi>: look at it there.")
        else:
            told.append("A time-stamp authority stamped the hash; its stamp is in the receipt.")
    return " ".join(told) or (
        "None. Nothing outside the installation shows that the commitment came before the round."
    )


def _public_round(said: dict[str, Any]) -> str:
    """Where the round can be looked up, and a field to compare it in."""
    if said["chain"] != beacon.QUICKNET.hash:
        return "<p>Its beacon is none that is trusted: this is a rehearsal.</p>"
    address = f"https://api.drand.sh/{said['chain']}/public/{said['round']}"
    link = f'<a href="{address}" rel="noopener noreferrer">{address}</a>'
    return (
        f"<p>The round is public at {link}; any drand client verifies it.</p>\n"
        '<div class="script"><label for="round">Paste what that address shows</label>\n'
        '<input id="round" autocomplete="off" spellcheck="false" aria-describedby="round-answer">\n'
        '<div id="round-answer" class="told" role="status"></div></div>'
    )


def _moment(told: str) -> str:
    """2026-01-01T12:00:03.000Z as people read it."""
    day, _, rest = told.partition("T")
    return escape(f"{day} {rest[:8]} UTC")
