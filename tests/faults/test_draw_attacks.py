"""How an organiser would steer a draw, and what each attempt meets (reliability plan, 3.2)."""

import hashlib
import json

import pytest
import rfc8785

from ingather import errors
from ingather.domain import draw1, draw2, draw_receipt, verifier
from ingather.domain.beacon import QUICKNET
from ingather.domain.records import Comment

ROUND_123 = bytes.fromhex(
    "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
)


class Organiser:
    """Holds the installation's key, and so can sign whatever it makes up."""

    def __init__(self, receipts) -> None:
        self.receipts = receipts
        self.honest = receipts.make()
        self.published = json.loads(self.honest)["commit"]

    def forged(self, change) -> verifier.Verdict:
        """The honest receipt changed, signed again by the installation, against the hash that the
        public saw."""
        body = json.loads(self.honest)
        change(body)
        body["installation"].pop("signature", None)
        text = draw_receipt.signed_text(body)
        body["installation"]["signature"] = self.receipts.installation.sign(text).hex()
        asked = self.receipts.asked(published=self.published)
        return verifier.verify(rfc8785.dumps(body) + b"\n", asked)


@pytest.fixture
def organiser(receipts):
    return Organiser(receipts)


def test_signing_again_alone_changes_nothing(organiser):
    """The forger's tool is sound: an unchanged receipt is proven."""
    assert organiser.forged(lambda body: None).verdict == "proven"


def recommitted(body, change):
    """Change the commitment and give it the hash that then fits."""
    change(body["commitment"])
    text = rfc8785.dumps(body["commitment"])
    body["commit"] = draw2.commit_hash(text).hex()
    body["log"]["draws"][0]["commit"] = body["commit"]


ATTACKS = {
    "another round": (
        lambda b: b["beacon"].update(round=123, signature=ROUND_123.hex()),
        "round",
    ),
    "another round's signature": (lambda b: b["beacon"].update(signature=ROUND_123.hex()), "draw"),
    "randomness of my own": (lambda b: b["beacon"].update(signature="ab" * 48), "draw"),
    "a key of my own": (
        lambda b: recommitted(b, lambda c: c["beacon"].update(public_key="ab" * 96)),
        "published",
    ),
    "other rules afterwards": (lambda b: b["commitment"]["rules"].update(winners=1), "commitment"),
    "other rules, and their hash": (
        lambda b: recommitted(b, lambda c: c["rules"].update(unique_winners=False)),
        "published",
    ),
    "another filter": (
        lambda b: b["commitment"]["rules"].update(keyword="friend"),
        "commitment",
    ),
    "another snapshot": (lambda b: b["commitment"]["snapshot"].update(kept=8), "commitment"),
    "another declared count": (
        lambda b: b["commitment"]["snapshot"].update(declared=8),
        "commitment",
    ),
    "a comment left out": (lambda b: b["leaves"].pop(0), "leaves"),
    "a comment added": (lambda b: b["leaves"].append("ff" * 32), "leaves"),
    "a comment exchanged": (lambda b: b["leaves"].__setitem__(0, "00" * 32), "root"),
    "another order": (lambda b: b["leaves"].reverse(), "leaves"),
    "a second attempt": (lambda b: b.update(attempt=2), "shape"),
    "a friend's name": (
        lambda b: b["drawn"][0]["opening"]["entry"].update(u="friend"),
        "opening",
    ),
    "a friend's rank": (lambda b: b["drawn"][0].update(position=3), "draw"),
    "a winner passed over": (
        lambda b: b["drawn"][0].update(status="already won", number=None),
        "places",
    ),
    "a silent disqualification": (
        lambda b: b["drawn"][0].update(status="disqualified", number=None),
        "places",
    ),
    "a disqualification without a reason": (
        lambda b: b["disqualified"].append(
            {"rank": 1, "reason": " ", "at": "2023-09-15T12:00:00Z"}
        ),
        "shape",
    ),
    "more places": (lambda b: b["drawn"].append(b["drawn"][0]), "draw"),
    "fewer places": (lambda b: b["drawn"].pop(), "places"),
    "a hidden earlier draw": (
        lambda b: recommitted(b, lambda c: c["log"].update(seq=2)),
        "published",
    ),
    "a draw that the log has not": (lambda b: b["log"]["draws"].clear(), "log"),
}


@pytest.mark.parametrize(("change", "check"), ATTACKS.values(), ids=ATTACKS)
def test_an_organiser_who_signs_anew_is_found_out(organiser, change, check):
    """Whatever is changed after the commitment is false by a check of the draw itself."""
    found = organiser.forged(change)
    assert (found.verdict, found.check) == ("false", check)


def test_the_moment_of_the_reveal_changes_nothing(receipts):
    """draw/1 is ground by the draw time; draw/2 has none: late or early, the winners are these."""
    frozen = receipts.frozen()
    committed = receipts.committed(frozen)
    one = receipts.make(frozen, committed, written="2023-09-15T11:05:00.000Z")
    other = receipts.make(frozen, committed, written="2024-09-15T11:05:00.000Z")
    assert json.loads(one)["drawn"] == json.loads(other)["drawn"]


def test_draw_1_is_ground_in_seconds_and_says_so():
    """The known weakness, shown: some draw time within seconds makes a chosen entrant win."""
    comments = [
        Comment(
            comment_id=f"{i:03}", user_id=str(i), username=f"u{i}", timestamp=None,
            like_count=None, text=None,
        )
        for i in range(100)
    ]  # fmt: skip
    ground = [
        moment
        for moment in range(2_000)
        if draw1.draw(
            comments,
            post_id="1",
            post_date_iso="2025-01-01T00:00:00+0000",
            comment_count=100,
            giveaway_date_iso=f"2025-01-08T12:00:{moment // 1000:02}.{moment % 1000:03}Z",
            winner_count=1,
        )
        .winners[0]
        .participant.user_id
        == "42"
    ]
    assert ground
    assert any("draw time" in each for each in draw1.CANNOT_PROMISE)


def test_many_silent_commitments_prove_nothing(receipts):
    """Sixty stamped commitments, the best one shown: without the public's hash it is not provable,
    with it only the one that the public saw is not false."""
    frozen = receipts.frozen()
    many = [receipts.committed(frozen, note=i) for i in range(60)]
    friend = max(range(60), key=lambda i: draw2.key(many[i].hash, receipts.signature))
    shown = receipts.make(frozen, many[friend])
    assert verifier.verify(shown, receipts.asked()).verdict == "not provable"
    public = receipts.asked(published=many[(friend + 1) % 60].hex)
    assert verifier.verify(shown, public).check == "published"


def test_many_commitments_show_in_the_log(receipts):
    """Draw 3 of 3 for this post: the two that were not drawn stay visible."""
    frozen = receipts.frozen()
    committed = receipts.committed(frozen, seq=3)
    log = [
        draw_receipt.Logged(1, "ab" * 32, "never drawn"),
        draw_receipt.Logged(2, "cd" * 32, "waiting"),
        draw_receipt.Logged(3, committed.hex, "drawn"),
    ]
    text = receipts.make(frozen, committed, log=log)
    facts = verifier.verify(text, receipts.asked(text)).facts
    assert (facts["draw"], facts["draws_of_post"]) == (3, 3)


def test_a_commitment_made_after_the_round_is_not_provable(receipts):
    """Back-dating: the time stamp tells."""
    frozen = receipts.frozen()
    committed = receipts.committed(frozen)
    text = receipts.make(frozen, committed, anchors=[receipts.stamp(committed.hash, receipts.late)])
    assert verifier.verify(text, receipts.asked(text)).verdict == "not provable"


def test_a_stamp_at_the_very_moment_of_the_round_is_too_late(receipts):
    """Before the round means before."""
    frozen = receipts.frozen()
    committed = receipts.committed(frozen)
    stamp = receipts.stamp(committed.hash, "2023-09-15T11:00:03Z")
    text = receipts.make(frozen, committed, anchors=[stamp])
    assert verifier.verify(text, receipts.asked(text)).verdict == "not provable"


def test_another_writing_of_the_signature_is_no_second_try():
    """The draw's key is made of the signature's bytes: only one writing of a point is accepted."""
    other = bytearray(ROUND_123)
    for mask in (0x20, 0x40, 0x80, 0xE0):
        other[0] = ROUND_123[0] ^ mask
        assert not QUICKNET.holds(123, bytes(other))
    assert not QUICKNET.holds(123, ROUND_123 + bytes(1))


def test_a_point_of_small_order_added_to_the_signature_is_no_second_try():
    """Such a point vanishes in the pairing: without the subgroup check each would be a re-roll."""
    from py_ecc.bls.g2_primitives import G1_to_pubkey, pubkey_to_G1
    from py_ecc.optimized_bls12_381 import FQ, add, curve_order, field_modulus, is_inf, multiply

    x = 0
    while pow(x**3 + 4, (field_modulus - 1) // 2, field_modulus) != 1:
        x += 1
    y = pow(x**3 + 4, (field_modulus + 1) // 4, field_modulus)
    small = multiply((FQ(x), FQ(y), FQ(1)), curve_order)
    assert not is_inf(small)
    other = G1_to_pubkey(add(pubkey_to_G1(ROUND_123), small))
    assert other != ROUND_123
    assert not verifier._holds_in_python(QUICKNET.public_key, 123, other)


def test_a_log_that_links_to_another_commitment_is_false(receipts):
    """The commitment names the one before it; a log that shows another in its place is found."""
    frozen = receipts.frozen()
    committed = receipts.committed(frozen, seq=3)
    log = [
        draw_receipt.Logged(2, "ab" * 32, "drawn"),
        draw_receipt.Logged(3, committed.hex, "drawn"),
    ]
    text = receipts.make(frozen, committed, log=log)
    assert verifier.verify(text, receipts.asked(text)).check == "log"


def test_one_entry_cannot_be_doubled_in_silence(receipts):
    """The same comment twice is refused; a second entry has a number that the receipt shows."""
    from ingather.domain.entries import freeze

    with pytest.raises(errors.BadInput, match="twice"):
        freeze([receipts.entry(1), receipts.entry(1)], bytes(32))


def test_the_list_cannot_be_guessed_from_the_leaves(receipts):
    """Names in the list are salted: who knows all comments cannot tell who was let in."""
    frozen = receipts.frozen(3)
    leaves = {
        hashlib.sha256(b"\x00" + salt + rfc8785.dumps({"id": f"{0:017}", "n": 1})).digest()
        for salt in (b"", bytes(16))
    }
    assert not leaves & set(frozen.leaves)
    assert "master" not in repr(frozen) and frozen.master.hex() not in repr(frozen)


def test_a_small_group_key_of_another_chain_is_not_provable(receipts):
    """A chain that only the organiser knows is no beacon."""
    from msgspec import structs

    own = structs.replace(QUICKNET, hash="ab" * 32, name="mine")
    frozen = receipts.frozen()
    committed = receipts.committed(frozen, chain=own)
    text = receipts.make(frozen, committed)
    found = verifier.verify(text, receipts.asked(text))
    assert (found.verdict, found.exit_code) == ("not provable", 4)


# --- draw/1's ambiguities, each pinned ----------------------------------------------------------


def record(**changed):
    """A GiveawayRecord of the protocol's first vector."""
    comments = [
        Comment(
            comment_id=f"179000000000000{i}", user_id=u, username=u, timestamp=None,
            like_count=None, text=None,
        )
        for i, u in (("10", "u3"), ("01", "u1"), ("02", "u2"), ("09", "u1"))
    ]  # fmt: skip
    asked = {
        "post_id": "17841400000000000",
        "post_date_iso": "2025-01-01T00:00:00+0000",
        "comment_count": 4,
        "giveaway_date_iso": "2025-01-08T12:00:00.000Z",
        "winner_count": 3,
        "unique_users": False,
        "unique_winners": True,
    } | changed
    drawn = draw1.draw(comments, **asked)
    from msgspec import to_builtins

    return {
        "giveawayId": "1",
        "createdAt": asked["giveaway_date_iso"],
        "exportId": "2",
        "profileId": "3",
        "post": {"mediaId": asked["post_id"], "postDateIso": asked["post_date_iso"]},
        "commentCount": asked["comment_count"],
        "participantsHash": drawn.participants_hash,
        "filteredParticipantCount": drawn.filtered_participant_count,
        "options": {
            "uniqueUsers": asked["unique_users"],
            "uniqueWinners": asked["unique_winners"],
            "winnerCount": asked["winner_count"],
        },
        "winners": to_builtins(list(drawn.winners)),
    }


IDS = [f"179000000000000{i}" for i in ("10", "01", "02", "09")]


def verified(found, ids=IDS):
    return verifier.verify(json.dumps(found).encode(), verifier.Asked(ids=ids))


def test_a_record_of_draw_1_repeats():
    """From the record and the ids, in whatever order; what it cannot prove is said beside it."""
    found = verified(record())
    assert (found.verdict, found.exit_code, found.protocol) == ("proven", 0, 1)
    assert any("draw time" in each for each in found.unproven)
    without = verified(record(), ids=None)
    assert (without.verdict, without.exit_code) == ("not provable", 4)
    assert "--ids" in without.why


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda r: r.update(createdAt="2025-01-08T12:00:00.001Z"), "seed"),
        (lambda r: r["post"].update(postDateIso="2025-01-01T00:00:00.000Z"), "seed"),
        (lambda r: r["post"].update(mediaId="1"), "seed"),
        (lambda r: r.update(commentCount=3), "seed"),
        (lambda r: r.update(participantsHash="ab" * 32), "participants"),
        (lambda r: r.update(filteredParticipantCount=3), "participants"),
        (lambda r: r["winners"][0].update(seedHash="ab" * 32), "seed"),
        (lambda r: r["winners"][0].update(winnerIndex=0), "winners"),
        (lambda r: r["winners"][0].update(attempt=2), "seed"),
        (lambda r: r["winners"][1].update(status="active"), "winners"),
        (lambda r: r["winners"][0]["participant"].update(commentId="1"), "winners"),
        (lambda r: r["winners"].pop(), "winners"),
        (lambda r: r["winners"].pop(1), "winners"),
        (lambda r: r["options"].update(winnerCount=2), "winners"),
        (lambda r: r["options"].update(uniqueWinners=False), "winners"),
        (lambda r: r.pop("winners"), "shape"),
    ],
)
def test_a_changed_record_of_draw_1_is_false(change, check):
    """Time, post, count, hash, seeds, winners: each is found by its check."""
    found = record()
    change(found)
    verdict = verified(found)
    assert (verdict.verdict, verdict.check) == ("false", check)


def test_other_comment_ids_are_found_out():
    """A deleted or added comment is another list."""
    assert verified(record(), IDS[1:]).check == "participants"
    assert verified(record(), [*IDS, "18"]).check == "participants"
