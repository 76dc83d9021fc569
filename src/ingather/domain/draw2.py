"""draw/2: commit and draw; nobody can steer it once its commitment is published.

Source of every rule: the protocol's section draw/2, pinned by its vectors in tests/unit. The
verifier (`domain.verifier`) is written anew from the same protocol and imports nothing from here.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from msgspec import Struct

from ingather import errors
from ingather.domain import canonical
from ingather.domain.beacon import Chain
from ingather.domain.entries import Entry, Frozen
from ingather.domain.instants import iso

VERSION = "ingather/draw/2"
_COMMIT = b"ingather/draw/2/commit\x00"
_EXPAND = b"ingather/draw/2"
_WORDS = 1 << 64
_CHUNK = 4096

Status = Literal["winner", "alternate", "already won", "disqualified"]


class Committed(Struct, frozen=True, kw_only=True):
    """A commitment: what it says, its canonical text C, and the 32 bytes that are published."""

    said: dict[str, Any]
    text: bytes
    hash: bytes

    @property
    def hex(self) -> str:
        """The hash as people publish it."""
        return self.hash.hex()


class Place(Struct, frozen=True, kw_only=True):
    """What became of one drawn rank. rank: from 1, in the order drawn. position: among the
    leaves, from 0. number: which winner or which alternate, from 1, else None.
    reason: why a rank was disqualified, else None."""

    rank: int
    position: int
    status: Status
    number: int | None = None
    reason: str | None = None


def commitment(
    *,
    posts: Sequence[Mapping[str, Any]],
    rules: Mapping[str, Any],
    snapshot: Mapping[str, Any],
    frozen: Frozen,
    chain: Chain,
    round_number: int,
    seq: int,
    prev: str | None,
) -> Committed:
    """Bind everything that could steer the draw, before its randomness exists.

    posts: `{"id", "published_at", "permalink"}` of each. rules: every option, among them the whole
    numbers `winners` (from 1) and `alternates` and the truth values `unique_users` and
    `unique_winners`. snapshot: the receipt of the exports' completeness, in words where they are
    not complete. seq: how-manieth commitment of this installation, from 1; prev: the hex hash of
    the one before it, None for the first. Raises BadInput, TooFewParticipants.
    """
    for name, kind in _RULES.items():
        if type(rules.get(name)) is not kind:
            raise errors.BadInput(f"The rules of a draw say {name}, a {kind.__name__}.")
    if rules["winners"] < 1 or rules["alternates"] < 0:
        raise errors.BadInput("A draw has one winner at least, and alternates from 0.")
    able = _able(frozen, rules["winners"], rules["unique_winners"])
    if rules["winners"] > able:
        raise errors.TooFewParticipants(rules["winners"], able)
    try:
        due = iso(chain.time_of(round_number))
    except (ValueError, OverflowError, OSError):
        raise errors.BadInput(f"Round {round_number} of {chain.name} never comes.") from None
    said = {
        "v": VERSION,
        "posts": [dict(each) for each in posts],
        "rules": dict(rules),
        "snapshot": dict(snapshot),
        "entries": {"n": len(frozen.entries), "root": frozen.root.hex()},
        "beacon": {
            "chain": chain.hash,
            "public_key": chain.public_key,
            "round": round_number,
            "time": due,
        },
        "log": {"seq": seq, "prev": prev},
    }
    text = canonical.dumps(said)
    if canonical.dumps(msgspec.json.decode(text)) != text:  # 1e16 is written as a whole number
        raise errors.BadInput("A number in the rules or the snapshot is beyond 2^53.")
    return Committed(said=said, text=text, hash=commit_hash(text))


def _able(frozen: Frozen, enough: int, unique: bool) -> int:
    """How many could win; users are counted where each may win once, and no further than enough."""
    if not unique:
        return len(frozen.entries)
    users: set[str] = set()
    for each in frozen.entries:
        users.add(each.u)
        if len(users) == enough:
            break
    return len(users)


_RULES: dict[str, type] = {
    "winners": int,
    "alternates": int,
    "unique_users": bool,
    "unique_winners": bool,
}


def commit_hash(text: bytes) -> bytes:
    """The published hash of a commitment's canonical text."""
    return hashlib.sha256(_COMMIT + text).digest()


def key(commit: bytes, signature: bytes) -> bytes:
    """The draw's 32 bytes of ChaCha20 key: HKDF (RFC 5869) of the round's signature, salted with
    the commitment's hash."""
    extracted = hmac.digest(commit, signature, "sha256")
    return hmac.digest(extracted, _EXPAND + b"\x01", "sha256")


def ranks(key: bytes, n: int) -> Iterator[int]:
    """Positions from 0 to n - 1 in the order drawn, each once, made as they are asked for.

    Fisher-Yates over the key stream; a word that would favour the low positions is passed over.
    """
    words = _words(key)
    moved: dict[int, int] = {}
    for i in range(n):
        left = n - i
        limit = _WORDS - _WORDS % left
        word = next(words)
        while word >= limit:
            word = next(words)
        j = i + word % left
        drawn = moved.pop(j, j)
        if j != i:
            moved[j] = moved.pop(i, i)
        yield drawn


def _words(key: bytes) -> Iterator[int]:
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
    while True:
        block = stream.update(bytes(_CHUNK))
        for at in range(0, _CHUNK, 8):
            yield int.from_bytes(block[at : at + 8], "big")


def places(
    entries: Sequence[Entry],
    key: bytes,
    *,
    winners: int,
    alternates: int = 0,
    unique_winners: bool = True,
    disqualified: Mapping[int, str] | None = None,
) -> tuple[Place, ...]:
    """Walk the ranks until every winner and alternate is found, or nobody is left.

    entries: in the order of their leaves. unique_winners: an entry whose user holds an earlier
    place is passed over as `already won`. disqualified: reasons by rank; such a rank passes its
    place to the next. Raises BadInput for a disqualified rank that was not drawn.
    """
    struck = disqualified or {}
    walked: list[Place] = []
    holding: set[str] = set()
    won = standing_by = 0
    drawn = enumerate(ranks(key, len(entries)), 1)
    while won < winners or standing_by < alternates:
        rank, position = next(drawn, (0, 0))
        if not rank:
            break
        user = entries[position].u
        status: Status
        number = None
        if rank in struck:
            status = "disqualified"
        elif unique_winners and user in holding:
            status = "already won"
        elif won < winners:
            won += 1
            status, number = "winner", won
        else:
            standing_by += 1
            status, number = "alternate", standing_by
        if number is not None:
            holding.add(user)
        walked.append(
            Place(
                rank=rank,
                position=position,
                status=status,
                number=number,
                reason=struck.get(rank),
            )
        )
    if beyond := set(struck) - {each.rank for each in walked}:
        raise errors.BadInput(f"Rank {min(beyond)} was not drawn, and cannot be disqualified.")
    return tuple(walked)
