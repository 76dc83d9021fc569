"""The receipt of a draw/2: one public file from which anybody can verify it without us.

It is one line of canonical JSON (RFC 8785). The installation signs all of it but the openings,
which the leaves bind already: so names can be masked later and the signature still holds.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from ingather import errors
from ingather.domain import canonical, draw2
from ingather.domain.entries import Frozen

VERSION = "ingather/receipt/2"
_SIGNED = b"ingather/draw/2/receipt\x00"


class Disqualified(Struct, frozen=True):
    """A drawn rank that may not keep its place. rank: from 1. at: ISO 8601 in UTC."""

    rank: int
    reason: str
    at: str


class Stamp(Struct, frozen=True, tag="rfc3161", tag_field="type"):
    """An anchor: the answer of a time-stamp authority (RFC 3161 TimeStampResp, DER in base64) over
    the commitment's 32 bytes, the imprint being their SHA-256, -384 or -512."""

    token: str


class Posted(Struct, frozen=True, tag="comment", tag_field="type"):
    """An anchor: the commitment's hash as a comment under the post. timestamp: ISO 8601 in UTC."""

    id: str
    username: str
    timestamp: str


Anchor = Stamp | Posted


class Logged(Struct, frozen=True):
    """One commitment of this installation for the same post, drawn or not."""

    seq: int
    commit: str
    state: Literal["drawn", "waiting", "never drawn"]


def stamp(response: bytes) -> Stamp:
    """An anchor of a time-stamp authority's answer in DER."""
    return Stamp(base64.b64encode(response).decode())


def receipt(
    *,
    committed: draw2.Committed,
    frozen: Frozen,
    signature: bytes,
    disqualified: Sequence[Disqualified] = (),
    anchors: Sequence[Anchor] = (),
    log: Sequence[Logged],
    written: str,
    installation: Ed25519PrivateKey,
) -> bytes:
    """The file's bytes, with a line feed at the end.

    signature: of the committed round, verified before (`Chain.holds`). log: every commitment of
    this installation for these posts up to `written` (ISO 8601 in UTC), oldest first, this one
    included. installation: the key that signs for this house.
    Raises BadInput where a disqualified rank was not drawn or the list is not the committed one.
    """
    said = committed.said
    if frozen.root.hex() != said["entries"]["root"]:
        raise errors.BadInput("This is not the list that the commitment was made for.")
    drawn = places(committed, frozen, signature, {each.rank: each.reason for each in disqualified})
    body: dict[str, Any] = {
        "v": VERSION,
        "commit": committed.hex,
        "commitment": said,
        "anchors": msgspec.to_builtins(list(anchors)),
        "beacon": {"round": said["beacon"]["round"], "signature": signature.hex()},
        "leaves": [leaf.hex() for leaf in frozen.leaves],
        "drawn": [
            {
                "rank": each.rank,
                "position": each.position,
                "status": each.status,
                "number": each.number,
                "opening": msgspec.to_builtins(frozen.opening(each.position)),
            }
            for each in drawn
        ],
        "disqualified": msgspec.to_builtins(sorted(disqualified, key=lambda each: each.rank)),
        "log": {"written": written, "draws": msgspec.to_builtins(list(log))},
        "installation": {"public_key": public_key(installation).hex()},
    }
    body["installation"]["signature"] = installation.sign(signed_text(body)).hex()
    return canonical.dumps(body) + b"\n"


def places(
    committed: draw2.Committed,
    frozen: Frozen,
    signature: bytes,
    disqualified: Mapping[int, str] | None = None,
) -> tuple[draw2.Place, ...]:
    """Who is drawn by a commitment once its round is known, under the rules it commits to."""
    rules = committed.said["rules"]
    return draw2.places(
        frozen.entries,
        draw2.key(committed.hash, signature),
        winners=rules["winners"],
        alternates=rules["alternates"],
        unique_winners=rules["unique_winners"],
        disqualified=disqualified,
    )


def signed_text(body: Mapping[str, Any]) -> bytes:
    """What the installation signs: the receipt without openings and without the signature."""
    plain = {
        **body,
        "drawn": [{**each, "opening": None} for each in body["drawn"]],
        "installation": {"public_key": body["installation"]["public_key"]},
    }
    return _SIGNED + canonical.dumps(plain)


def masked(text: bytes) -> bytes:
    """The same receipt without openings, for a page that is to name nobody."""
    body = msgspec.json.decode(text)
    body["drawn"] = [{**each, "opening": None} for each in body["drawn"]]
    return canonical.dumps(body) + b"\n"


def public_key(installation: Ed25519PrivateKey) -> bytes:
    """The 32 bytes that verify an installation's signatures."""
    return installation.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(key: bytes) -> str:
    """A public key's name for people: the hex SHA-256 of its 32 bytes."""
    return hashlib.sha256(key).hexdigest()
