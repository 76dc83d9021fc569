"""draw/2: the protocol's vectors, and what must hold of every draw."""

import hashlib
import unicodedata
from collections import Counter

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ingather import errors
from ingather.domain import draw2, entries, merkle
from ingather.domain.beacon import QUICKNET
from ingather.domain.records import Comment

MASTER = bytes(range(32))
SIGNATURE = bytes.fromhex(
    "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
)


def entry(i: int, user: str | None = None, n: int = 1) -> entries.Entry:
    text = hashlib.sha256(f"text {i}".encode()).hexdigest()
    return entries.Entry(id=str(i), n=n, th=text, ts="2026-01-01T00:00:00Z", u=user or f"u{i}")


def first(count: int, n: int, key: bytes | None = None) -> list[int]:
    drawn = draw2.ranks(key or draw2.key(hashlib.sha256(b"x").digest(), SIGNATURE), n)
    return [next(drawn) for _ in range(count)]


def test_the_ranks_of_the_vectors():
    """commit = H("x") and round 657413: the protocol's first ranks."""
    assert first(7, 7) == [5, 6, 3, 0, 1, 2, 4]
    assert first(6, 5000) == [3913, 1913, 2258, 3612, 4441, 3774]


def test_the_root_of_the_vector():
    """Seven leaves H(byte 0) … H(byte 6)."""
    leaves = [hashlib.sha256(bytes([i])).digest() for i in range(7)]
    root = "cc73b298e8e4f30a03faa5269796029c17e3fe4b1519250482ddc00a7d2e20da"
    assert merkle.root(leaves).hex() == root


def rfc_6962(leaves: list[bytes]) -> bytes:
    """The tree as the RFC defines it, from the top down."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = rfc_6962(leaves[:split]), rfc_6962(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_the_tree_is_that_of_the_rfc(leaves):
    """Pairing upwards and splitting downwards meet."""
    assert merkle.root(leaves) == rfc_6962(leaves)


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(any_text, st.integers(1, 10**6), any_text, any_text, any_text)
def test_entries_are_written_as_rfc_8785_says(comment_id, n, th, ts, u):
    """The fast writer of an entry and the library write the same bytes."""
    made = entries.Entry(id=comment_id, n=n, th=th, ts=ts, u=u)
    plain = {"u": u, "ts": ts, "th": th, "n": n, "id": comment_id}
    assert entries.entry_text(made) == rfc8785.dumps(plain)


def test_an_entry_is_made_of_a_comment():
    """The username in lower case, the text's hash in NFC, the time as it is."""
    text = "Cafe\u0301 \N{PARTY POPPER}"
    made = entries.entry(
        Comment(
            comment_id="1",
            user_id="2",
            username="Anna.B",
            timestamp="2026-01-01T00:00:00Z",
            like_count=None,
            text=text,
        ),
        3,
    )
    hashed = hashlib.sha256(unicodedata.normalize("NFC", text).encode()).hexdigest()
    assert made == entries.Entry(id="1", n=3, th=hashed, ts="2026-01-01T00:00:00Z", u="anna.b")


def test_a_leaf_takes_its_salt_from_the_master_secret():
    """salt = first 16 bytes of HMAC(master, id:n); leaf = H(0 ‖ salt ‖ entry)."""
    import hmac

    made = entry(5, n=2)
    salt = hmac.new(MASTER, b"5:2", "sha256").digest()[:16]
    assert entries.salt(MASTER, made) == salt
    plain = {"id": "5", "n": 2, "u": "u5", "ts": made.ts, "th": made.th}
    leaf = hashlib.sha256(b"\0" + salt + rfc8785.dumps(plain)).digest()
    assert entries.leaf(made, salt) == leaf
    frozen = entries.freeze([made], MASTER)
    assert frozen.leaves == (leaf,) and frozen.root == leaf
    assert frozen.opening(0) == entries.Opening(made, salt.hex())


@given(st.lists(any_text, min_size=1, max_size=9, unique=True), st.binary(min_size=32, max_size=32))
def test_freezing_makes_the_leaves_that_openings_make(ids, master):
    """The fast way to all leaves and the plain way to one agree."""
    frozen = entries.freeze([entry(i) for i in ids], master)
    for position, made in enumerate(frozen.leaves):
        opening = frozen.opening(position)
        assert entries.leaf(opening.entry, bytes.fromhex(opening.salt)) == made


def test_an_entry_twice_is_refused():
    """A comment's further entries have numbers of their own."""
    with pytest.raises(errors.BadInput, match="twice"):
        entries.freeze([entry(1), entry(2), entry(1)], MASTER)
    assert len(entries.freeze([entry(1), entry(1, n=2)], MASTER).leaves) == 2


def test_nobody_is_no_draw():
    """An empty list is refused in the seeds' words."""
    with pytest.raises(errors.NoParticipants, match="No participants available after filtering"):
        entries.freeze([], MASTER)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.randoms(use_true_random=False))
def test_the_order_in_which_entries_come_makes_no_difference(count, random):
    """Permuted input, same tree."""
    listed = [entry(i) for i in range(count)]
    frozen = entries.freeze(listed, MASTER)
    assert entries.freeze(random.sample(listed, count), MASTER) == frozen
    assert list(frozen.leaves) == sorted(frozen.leaves)


@given(st.integers(1, 300), st.binary(min_size=32, max_size=32))
def test_the_ranks_are_everybody_once(n, key):
    """Every position is drawn exactly once, and the same key draws the same again."""
    drawn = list(draw2.ranks(key, n))
    assert sorted(drawn) == list(range(n))
    assert drawn == list(draw2.ranks(key, n))


def test_everybody_is_equally_likely_at_every_rank():
    """Chi-square over 6,000 keys and 7 entrants, at the first, the third and the last rank."""
    counts = [Counter(), Counter(), Counter()]
    for i in range(6_000):
        drawn = list(draw2.ranks(hashlib.sha256(b"%d" % i).digest(), 7))
        for counted, rank in zip(counts, (0, 2, 6), strict=True):
            counted[drawn[rank]] += 1
    for counted in counts:
        assert chisquare([counted[i] for i in range(7)]).pvalue > 0.001


def test_words_that_would_favour_the_low_positions_are_passed_over(monkeypatch):
    """x is rejected from 2^64 - (2^64 mod m) on."""
    monkeypatch.setattr(draw2, "_words", lambda key: iter([2**64 - 1, 5, 2**64 - 1, 1]))
    # 2^64 mod 3 = 1, so the highest word is passed over for three; 2^64 mod 2 = 0, not for two.
    assert list(draw2.ranks(bytes(32), 3)) == [2, 0, 1]


def committed(frozen, **rules):
    asked = {"winners": 1, "alternates": 0, "unique_users": True, "unique_winners": True} | rules
    return draw2.commitment(
        posts=[{"id": "1", "published_at": "2026-01-01T00:00:00+0000", "permalink": None}],
        rules=asked,
        snapshot={"kept": 3},
        frozen=frozen,
        chain=QUICKNET,
        round_number=657413,
        seq=1,
        prev=None,
    )


def test_a_commitment_hashes_its_canonical_text():
    """commit = H("ingather/draw/2/commit" ‖ 0 ‖ C), C being all that could steer the draw."""
    frozen = entries.freeze([entry(i) for i in range(3)], MASTER)
    made = committed(frozen)
    assert made.text == rfc8785.dumps(made.said)
    expected = hashlib.sha256(b"ingather/draw/2/commit\0" + made.text).hexdigest()
    assert made.hex == expected
    assert set(made.said) == {"v", "posts", "rules", "snapshot", "entries", "beacon", "log"}
    assert made.said["beacon"]["time"] == "2023-09-15T11:00:03.000Z"


@pytest.mark.parametrize(
    "rules", [{"winners": 0}, {"winners": 4}, {"alternates": -1}, {"unique_winners": 1}]
)
def test_rules_that_cannot_be_drawn_are_refused(rules):
    """Before anything is published."""
    frozen = entries.freeze([entry(i) for i in range(3)], MASTER)
    with pytest.raises(errors.IngatherError):
        committed(frozen, **rules)


@pytest.mark.parametrize("number", [2**53, 1e16, float("nan")])
def test_numbers_that_no_verifier_could_read_are_refused(number):
    """A commitment is never published that its own receipt would then contradict."""
    frozen = entries.freeze([entry(i) for i in range(3)], MASTER)
    with pytest.raises(errors.BadInput):
        committed(frozen, budget=number)


def test_a_user_who_won_is_passed_over():
    """Further entries of a winner are recorded as already won, and the next rank takes over."""
    listed = tuple(entry(i, user="both" if i < 5 else None) for i in range(8))
    keys = (hashlib.sha256(b"%d" % i).digest() for i in range(1000))
    key = next(k for k in keys if [p < 5 for p in first(3, 8, k)] == [True, True, False])
    walked = draw2.places(listed, key, winners=2, unique_winners=True)
    assert [place.status for place in walked] == ["winner", "already won", "winner"]
    assert [place.number for place in walked] == [1, None, 2]
    twice = draw2.places(listed, key, winners=2, unique_winners=False)
    assert [place.status for place in twice] == ["winner", "winner"]


def test_a_disqualified_rank_passes_its_place_on():
    """The next rank wins, an alternate moves up, and the reason stays."""
    listed = tuple(entry(i) for i in range(9))
    key = hashlib.sha256(b"k").digest()
    before = draw2.places(listed, key, winners=2, alternates=1)
    after = draw2.places(listed, key, winners=2, alternates=1, disqualified={1: "under age"})
    assert [place.status for place in before] == ["winner", "winner", "alternate"]
    assert [place.status for place in after] == ["disqualified", "winner", "winner", "alternate"]
    assert after[0].reason == "under age"
    assert [p.position for p in after[:3]] == [p.position for p in before]


def test_a_rank_that_was_not_drawn_cannot_be_disqualified():
    """Nobody is struck out before being drawn."""
    listed = tuple(entry(i) for i in range(9))
    with pytest.raises(errors.BadInput, match="Rank 5"):
        draw2.places(listed, bytes(32), winners=1, disqualified={5: "no"})


def test_a_draw_ends_when_nobody_is_left():
    """Fewer entrants than winners and alternates: everybody has a place, and that is all."""
    listed = tuple(entry(i) for i in range(3))
    walked = draw2.places(listed, bytes(32), winners=2, alternates=5)
    assert len(walked) == 3
