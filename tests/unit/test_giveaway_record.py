"""The seeds' GiveawayRecord, GiveawayWinner and GiveawayListItem."""

import json

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain import giveaway
from ingather.domain.giveaway import (
    GiveawayOptions,
    GiveawayPost,
    GiveawayRecord,
    GiveawayWinner,
    Participant,
)

WINNER = GiveawayWinner(
    winner_number=1,
    attempt=2,
    status="active",
    seed_input="1|2|3",
    seed_hash="19c6be03",
    winner_index=0,
    participant=Participant("17900000000000002", "u2", "two"),
)
RECORD = GiveawayRecord(
    giveaway_id="5c5f0e04-91ff-4f0b-8d5a-3a3f0a7a2a11",
    created_at="2025-01-08T12:00:00.000Z",
    export_id="e1",
    profile_id="17841400000000001",
    post=GiveawayPost(media_id="17841400000000000", post_date_iso="2025-01-01T00:00:00+0000"),
    comment_count=4,
    participants_hash="d164",
    filtered_participant_count=3,
    options=GiveawayOptions(unique_users=True, unique_winners=True, winner_count=1),
    winners=(structs.replace(WINNER, attempt=1, status="deprecated"), WINNER),
)


def test_a_record_of_draw_1_has_the_seeds_keys_and_no_others():
    """data-models.md, key for key; what is not known is left out."""
    assert json.loads(giveaway.text(RECORD)) == {
        "giveawayId": RECORD.giveaway_id,
        "createdAt": "2025-01-08T12:00:00.000Z",
        "exportId": "e1",
        "profileId": "17841400000000001",
        "post": {"mediaId": "17841400000000000", "postDateIso": "2025-01-01T00:00:00+0000"},
        "commentCount": 4,
        "participantsHash": "d164",
        "filteredParticipantCount": 3,
        "options": {"uniqueUsers": True, "uniqueWinners": True, "winnerCount": 1},
        "winners": [
            {
                "winnerNumber": 1,
                "attempt": attempt,
                "status": status,
                "seedInput": "1|2|3",
                "seedHash": "19c6be03",
                "winnerIndex": 0,
                "participant": {
                    "commentId": "17900000000000002",
                    "userId": "u2",
                    "username": "two",
                },
            }
            for attempt, status in ((1, "deprecated"), (2, "active"))
        ],
    }


def test_a_record_of_draw_2_says_so_beside_the_same_shape():
    """protocol 2 and its state are keys of their own."""
    told = json.loads(giveaway.text(structs.replace(RECORD, protocol=2, status="committed")))
    assert (told["protocol"], told["status"]) == (2, "committed")
    assert set(json.loads(giveaway.text(RECORD))) < set(told)


def test_a_list_item_counts_active_winners():
    """GiveawayListItem of data-models.md."""
    assert json.loads(giveaway._encode(giveaway.item(RECORD))) == {
        "giveawayId": RECORD.giveaway_id,
        "createdAt": RECORD.created_at,
        "post": {"mediaId": "17841400000000000"},
        "options": {"winnerCount": 1},
        "activeWinnerCount": 1,
    }


def test_what_was_written_is_read_whoever_wrote_it():
    """A record of another program, with keys of its own, is read; what is no record is not."""
    assert giveaway.read(giveaway.text(RECORD)) == RECORD
    other = json.loads(giveaway.text(RECORD)) | {"somethingElse": [1]}
    assert giveaway.read(json.dumps(other)) == RECORD
    for text in ("{}", "no", "[" * 100_000, b"\xff"):
        with pytest.raises(errors.DamagedRecord):
            giveaway.read(text)
