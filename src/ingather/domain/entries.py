"""draw/2, first step: who is in, frozen into a list that can no longer change.

Source: the protocol's draw/2, 1. Everything here is pure; only openings ever leave the house.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from json.encoder import encode_basestring  # escapes exactly what RFC 8785 does; tested against it

from msgspec import Struct

from ingather import errors
from ingather.domain import merkle
from ingather.domain.records import Comment


class Entry(Struct, frozen=True, gc=False):
    """One chance to win. id: of the comment; n: its how-manieth entry, from 1; th: hex SHA-256 of
    the comment's text in NFC; ts: UTC time ending in Z; u: lower-cased username."""

    id: str
    n: int
    th: str
    ts: str
    u: str


class Frozen(Struct, frozen=True):
    """A list that can no longer change. entries, leaves: in the order of the leaves' bytes.

    master: the giveaway's secret of 32 bytes, from which every salt comes; it stays here.
    """

    entries: tuple[Entry, ...]
    leaves: tuple[bytes, ...]
    root: bytes
    master: bytes

    def __repr__(self) -> str:
        return f"Frozen({len(self.entries)} entries, root {self.root.hex()})"

    def opening(self, position: int) -> "Opening":
        """What lets the writer of an entry find it among the leaves; position: from 0."""
        entry = self.entries[position]
        return Opening(entry, salt(self.master, entry).hex())


class Opening(Struct, frozen=True):
    """An entry and its salt (16 bytes in hex): together they make a leaf."""

    entry: Entry
    salt: str


def entry(comment: Comment, n: int = 1) -> Entry:
    """The n-th entry of an admitted comment. A comment without text has the hash of none.

    Raises BadInput where its id, username or time is not known.
    """
    if comment.comment_id is None or comment.username is None or comment.timestamp is None:
        raise errors.BadInput(
            "A comment without id, username or time cannot enter a draw.",
            hint="Leave it out, or draw from an export that names them.",
        )
    text = comment.text or ""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    name = comment.username.lower()
    return Entry(
        id=comment.comment_id,
        n=n,
        th=hashlib.sha256(text.encode()).hexdigest(),
        ts=comment.timestamp,
        u=comment.username if name == comment.username else name,  # one string for both
    )


def freeze(entries: Iterable[Entry], master: bytes) -> Frozen:
    """Hash every entry with its salt, sort, and hash the tree.

    master: 32 random bytes, made once for each giveaway and kept secret. The order in which
    entries come makes no difference. Raises NoParticipants, and BadInput for an entry twice.
    """
    if len(master) != 32:
        raise ValueError("the master secret has 32 bytes")
    listed = list(entries)
    if not listed:
        raise errors.NoParticipants
    made = list(_leaves(listed, master))
    order = sorted(range(len(made)), key=made.__getitem__)
    leaves, entries = tuple(made[i] for i in order), tuple(listed[i] for i in order)
    del made, order, listed  # of a million entries these are a good deal of memory
    if any(one == other for one, other in pairwise(leaves)):
        raise errors.BadInput(
            "The same entry is there twice.",
            hint="Number a comment's entries 1, 2, ….",
        )
    return Frozen(entries, leaves, merkle.root(leaves), master)


def salt(master: bytes, entry: Entry) -> bytes:
    """The 16 bytes that keep a leaf from being guessed."""
    return hmac.digest(master, f"{entry.id}:{entry.n}".encode(), "sha256")[:16]


def leaf(entry: Entry, salted: bytes) -> bytes:
    """H(0x00 ‖ salt ‖ canonical entry), 32 bytes."""
    return hashlib.sha256(b"\x00" + salted + entry_text(entry)).digest()


def _leaves(listed: Iterable[Entry], master: bytes) -> Iterator[bytes]:
    """As `leaf` and `salt` make them, thrice as fast: HMAC (RFC 2104) from its two inner states,
    which are the same for every entry."""
    block = master.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    sha256 = hashlib.sha256
    for each in listed:
        first, second = inner.copy(), outer.copy()
        first.update(f"{each.id}:{each.n}".encode())
        second.update(first.digest())
        yield sha256(b"\x00" + second.digest()[:16] + entry_text(each)).digest()


def entry_text(entry: Entry) -> bytes:
    """The canonical JSON of an entry, as `canonical.dumps` writes it and thrice as fast."""
    quote = encode_basestring
    text = (
        f'{{"id":{quote(entry.id)},"n":{entry.n},"th":{quote(entry.th)}'
        f',"ts":{quote(entry.ts)},"u":{quote(entry.u)}}}'
    )
    return text.encode()
