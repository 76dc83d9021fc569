"""draw/1: the protocol's vectors, the seeds' words, and that everybody is equally likely."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ingather import errors
from ingather.domain import draw1
from ingather.domain.records import Comment


def comment(comment_id: str, user: str) -> Comment:
    return Comment(
        comment_id=comment_id,
        user_id=user,
        username=f"name_{user}",
        timestamp="2025-01-02T00:00:00Z",
        like_count=0,
        text="in",
    )


VECTOR = (
    comment("17900000000000010", "u3"),
    comment("17900000000000001", "u1"),
    comment("17900000000000002", "u2"),
    comment("17900000000000009", "u1"),
)


def drawn(comments=VECTOR, **changed):
    asked = {
        "post_id": "17841400000000000",
        "post_date_iso": "2025-01-01T00:00:00+0000",
        "comment_count": 4,
        "giveaway_date_iso": "2025-01-08T12:00:00.000Z",
        "winner_count": 1,
        "unique_users": True,
        "unique_winners": False,
    }
    return draw1.draw(comments, **(asked | changed))


def test_the_vector_of_unique_users():
    """Four comments of three users, one winner: the protocol's hash, seed and winner."""
    found = drawn()
    assert (
        found.participants_hash
        == "d1646953000daf6aeed11018dfe761c91a16b13f7b519f0c841e1f2040912651"
    )
    assert found.filtered_participant_count == 3
    (winner,) = found.winners
    assert winner.seed_hash.startswith("19c6be0354cad898")
    assert (winner.winner_number, winner.attempt, winner.winner_index) == (1, 1, 1)
    assert winner.participant.comment_id == "17900000000000002"
    assert winner.seed_input == (
        "17841400000000000|2025-01-01T00:00:00+0000|4|2025-01-08T12:00:00.000Z|"
        f"{found.participants_hash}|1|1"
    )


def test_the_vector_of_unique_winners():
    """Three winners who differ: deprecated attempts are kept, the list is never shortened."""
    found = drawn(winner_count=3, unique_users=False, unique_winners=True)
    assert (
        found.participants_hash
        == "56e4d21d7f1a7e972f51aec91e32016bf70f82c884f672ab9aeb986e09185221"
    )
    assert found.filtered_participant_count == 4
    steps = [(w.winner_number, w.attempt, w.winner_index, w.status) for w in found.winners]
    assert steps[:3] == [(1, 1, 3, "active"), (2, 1, 3, "deprecated"), (2, 2, 2, "active")]
    assert [number for number, *_ in steps].count(3) == 13
    assert steps[-1] == (3, 13, 1, "active")
    assert {status for _, _, _, status in steps[3:-1]} == {"deprecated"}


def test_the_key_stream_is_that_of_rfc_8439():
    """A.1 #1: zero key, zero nonce, block 0."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    stream = Cipher(algorithms.ChaCha20(bytes(32), bytes(16)), mode=None).encryptor()
    assert stream.update(bytes(16)).hex() == "76b8e0ada0f13d90405d6ae55386bd28"


def test_a_winner_is_written_as_the_seeds_write_it():
    """GiveawayWinner of data-models.md, key for key."""
    written = msgspec.to_builtins(drawn().winners[0])
    assert list(written) == [
        "winnerNumber",
        "attempt",
        "status",
        "seedInput",
        "seedHash",
        "winnerIndex",
        "participant",
    ]
    assert written["participant"] == {
        "commentId": "17900000000000002",
        "userId": "u2",
        "username": "name_u2",
    }


def test_ids_are_compared_as_strings():
    """A shorter id with a greater first digit comes last, though the number is smaller."""
    listed = draw1.participants(
        [comment("9", "a"), comment("10", "b"), comment("100", "c")], unique_users=True
    )
    assert [each.comment_id for each in listed] == ["10", "100", "9"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"comments": ()}, "No participants available after filtering"),
        ({"winner_count": 4}, "Cannot select 4 winners from 3 participants"),
        (
            {"winner_count": 4, "unique_users": False, "unique_winners": True},
            "Cannot select 4 winners from 3 participants",
        ),
        (
            {
                "comments": [*(comment(str(i), "u1") for i in range(10_000)), comment("x", "u2")],
                "winner_count": 2,
                "unique_users": False,
                "unique_winners": True,
            },
            "Could not find unique winner for slot 2 after 100 attempts",
        ),
    ],
    ids=["nobody", "too many winners", "users are counted", "one who wins all"],
)
def test_errors_are_the_seeds_word_for_word(changed, said):
    """What cannot be drawn says so in the words that the first users know."""
    with pytest.raises(errors.DrawError) as raised:
        drawn(**changed)
    assert str(raised.value) == said


def test_a_comment_without_a_user_id_is_refused():
    """One person could not be told from another."""
    nameless = msgspec.structs.replace(VECTOR[0], user_id=None)
    with pytest.raises(errors.BadInput, match="no user id"):
        drawn([*VECTOR, nameless])


comments = st.lists(
    st.builds(
        comment,
        st.integers(1, 10**17).map(str),
        st.sampled_from([f"u{i}" for i in range(12)]),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda each: each.comment_id,
)


@settings(max_examples=100, deadline=None)
@given(comments, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_in_which_comments_come_makes_no_difference(listed, unique, random):
    """Permuted input, same draw; and the same input draws the same again."""
    shuffled = random.sample(listed, len(listed))
    first = drawn(listed, unique_users=unique)
    assert drawn(shuffled, unique_users=unique) == first == drawn(listed, unique_users=unique)


@settings(max_examples=60, deadline=None)
@given(comments)
def test_every_active_winner_is_another_user(listed):
    """With unique winners no user holds two slots, and every slot has one active winner."""
    able = len({each.user_id for each in listed})
    try:
        found = drawn(listed, winner_count=able, unique_users=True, unique_winners=True)
    except errors.NoUniqueWinner:
        return
    active = [each for each in found.winners if each.status == "active"]
    assert [each.winner_number for each in active] == list(range(1, able + 1))
    assert len({each.participant.user_id for each in active}) == able


def test_everybody_is_equally_likely():
    """Chi-square over 4,000 draw times: no entrant of ten is favoured."""
    listed = [comment(str(i), f"u{i}") for i in range(10)]
    counts = [0] * 10
    for moment in range(4_000):
        date = f"2025-01-08T12:{moment // 60 % 60:02}:{moment % 60:02}.{moment // 3600:03}Z"
        counts[drawn(listed, giveaway_date_iso=date).winners[0].winner_index] += 1
    assert chisquare(counts).pvalue > 0.001
