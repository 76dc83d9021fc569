"""A giveaway from a finished export to its receipt, and what an organiser may try on the way."""

import json
import os

import msgspec
import pytest
from msgspec import structs

from ingather import errors
from ingather.domain import draw2, entries, filters, verifier
from ingather.domain.beacon import QUICKNET, SANDBOX
from ingather.domain.draw_receipt import Posted
from ingather.domain.giveaway_rules import Bonus, Rules
from ingather.domain.instants import iso
from ingather.domain.job import Options, Target, TargetState
from ingather.features.giveaway_draws import GiveawayDraws
from ingather.features.giveaway_exports import Exports
from ingather.features.giveaway_plan import ALL, Wanted
from ingather.features.giveaways import Giveaways
from ingather.sandbox import beacon as played
from ingather.stores.memory import MemoryStore
from ingather.stores.memory_giveaways import MemoryGiveaways
from ingather.stores.vault import Vault

POST = Target(
    id="17841400000000000",
    permalink="https://www.instagram.com/p/DAbCdEfGhIj/",
    timestamp="2025-01-01T00:00:00+0000",
    username="shop",
    declared=6,
)
RULES = Rules(winners=2, alternates=1)


class Rounds:
    """The sandbox's chain, by the told clock; `late` rounds do not come though they are due."""

    chain = SANDBOX

    def __init__(self, clock) -> None:
        self._clock = clock
        self.late = 0
        self.asked: list[int] = []

    async def round(self, number: int) -> bytes | None:
        self.asked.append(number)
        if self.chain.time_of(number) > self._clock.now():
            return None
        if self.late:
            self.late -= 1
            raise errors.BeaconUnavailable
        return played.sign(number)


class House:
    """An installation whose time is told."""

    def __init__(self, folder, clock, make) -> None:
        self.clock = clock
        self.store = MemoryStore(clock)
        self.kept = MemoryGiveaways()
        self.beacon = Rounds(clock)
        self._make = make
        self.vault = vault = Vault(folder)
        self.giveaways = Giveaways(
            exports=Exports([self.store]),
            records=self.kept,
            draws=self.kept,
            secrets=vault,
            clock=clock,
            random=os.urandom,
        )
        self.draws = GiveawayDraws(records=self.kept, draws=self.kept, secrets=vault, clock=clock)

    async def export(self, rows=None, *, target=POST, end="end_of_list", status="done", **changes):
        """A finished export of these comments."""
        make = self._make
        rows = make.comments(6) if rows is None else rows
        job = make.job(targets=(TargetState(target=target),), **changes)
        job = await self.store.create(job, fresh=True)
        claim = await self.store.claim(job.id, make.holder)
        batch = make.batch(job, rows, cursor_text=None, end=end if status == "done" else None)
        await self.store.commit(job.id, claim.fence, 1, batch)
        reason = end if status == "done" else "asked"
        await self.store.settle(job.id, claim.fence, status, reason=reason)
        return job.id

    async def plan(self, *jobs, rules=RULES, **more):
        jobs = jobs or (await self.export(),)
        return await self.giveaways.plan(Wanted(jobs=jobs, rules=rules, **more))

    async def commit(self, *jobs, rules=RULES, delay=60.0, **more):
        plan = await self.plan(*jobs, rules=rules, **more)
        return await self.giveaways.commit(
            plan, SANDBOX, self.giveaways.round(SANDBOX, delay=delay)
        )

    async def drawn(self, *jobs, rules=RULES, **more):
        draw = await self.commit(*jobs, rules=rules, **more)
        return await self.draws.wait(draw.giveaway_id, self.beacon)

    async def receipt(self, draw) -> dict:
        return json.loads(await self.draws.receipt(draw.giveaway_id))


@pytest.fixture
def house(tmp_path, clock, make) -> House:
    return House(tmp_path, clock, make)


# The way it goes.


async def test_a_draw_from_an_export_to_its_receipt(house):
    """Commit, wait for the round, draw: the record has the seeds' shape, the receipt everything."""
    job = await house.export()
    draw = await house.commit(job)
    record = await house.draws.show(draw.giveaway_id)
    assert (record.status, record.winners, record.commit) == ("committed", (), draw.commit)
    drawn = await house.draws.wait(draw.giveaway_id, house.beacon)
    record = await house.draws.show(draw.giveaway_id)
    assert (record.protocol, record.status, record.export_id) == (2, "drawn", job)
    assert (record.comment_count, record.filtered_participant_count) == (6, 6)
    assert [winner.winner_number for winner in record.winners] == [1, 2]
    assert {winner.attempt for winner in record.winners} == {1}
    assert {winner.seed_input for winner in record.winners} == {draw.commit}
    key = draw2.key(bytes.fromhex(draw.commit), bytes.fromhex(drawn.signature))
    assert {winner.seed_hash for winner in record.winners} == {key.hex()}
    assert len(record.alternates) == 1
    receipt = await house.receipt(draw)
    assert receipt["commit"] == draw.commit
    assert [each["opening"]["entry"]["id"] for each in receipt["drawn"]] == [
        each.participant.comment_id for each in (*record.winners, *record.alternates)
    ]
    told = await house.kept.told(draw.giveaway_id)
    assert [note.action for note in told] == ["commit", "draw"]


async def test_rules_are_published_with_the_commitment(house):
    """Every option and the rules in words stand in C, with the completeness of the export."""
    bonus = (Bonus(1, filters.parse(["user=@loyal.txt"])[0]),)
    draw = await house.commit(
        rules=structs.replace(RULES, mentions=0, bonus=bonus, keywords=("comment",)),
        lists={"@loyal.txt": ("User1",)},
    )
    said = json.loads(draw.text)
    assert said["rules"]["keywords"] == ["comment"]
    assert said["rules"]["bonus"][0]["when"]["names"] == ["user1"]
    assert said["rules"]["hosts"] == ["shop"]
    assert "2 winners are drawn, and one alternate after them." in said["rules"]["words"]
    assert said["entries"]["n"] == 7
    assert said["posts"] == [
        {"id": POST.id, "published_at": POST.timestamp, "permalink": POST.permalink}
    ]
    assert said["snapshot"]["complete"] is True
    assert said["snapshot"]["exports"][0]["declared"] == 6


async def test_the_wait_counts_down_and_outlives_a_late_beacon(house):
    """Seconds are told as they pass; a beacon that is late is waited for, and nothing replaces
    it."""
    told: list[float] = []
    house.beacon.late = 3
    draw = await house.commit()
    drawn = await house.draws.wait(draw.giveaway_id, house.beacon, tell=told.append)
    bound = json.loads(draw.text)["beacon"]["round"]
    assert set(house.beacon.asked) == {bound}
    assert drawn.signature == played.sign(bound).hex()
    assert told[:2] == sorted(told[:2], reverse=True)
    assert 59 <= told[0] <= 63
    assert told[-1] == 0.0
    assert house.clock.now() > SANDBOX.time_of(bound) + 3 + 6 + 12 - 1


async def test_before_its_round_nothing_is_drawn(house):
    """reveal says how long it takes; there is no receipt yet, and the state stays."""
    draw = await house.commit()
    with pytest.raises(errors.RoundNotYet) as early:
        await house.draws.reveal(draw.giveaway_id, house.beacon)
    assert 58 <= early.value.wait <= 63
    with pytest.raises(errors.BadInput):
        await house.draws.receipt(draw.giveaway_id)
    assert (await house.draws.committed(draw.giveaway_id)).signature is None


async def test_the_first_round_at_or_after_the_delay(house):
    """Ten minutes by default; the round is the first that is not before them."""
    now = house.clock.now()
    for chain in (QUICKNET, SANDBOX):
        number = house.giveaways.round(chain)
        assert 0 <= chain.time_of(number) - (now + 600) < chain.period
    with pytest.raises(errors.BadInput, match="delay"):
        house.giveaways.round(QUICKNET, delay=59)


async def test_several_posts_make_one_giveaway(house, make):
    """Every post stands in the commitment and in the record; a user counts once over all."""
    other = structs.replace(POST, id="17841400000000001", permalink=None, declared=2)
    first = await house.export()
    second = await house.export([make.comment(0, comment_id="x1"), make.comment(9)], target=other)
    draw = await house.drawn(first, second)
    record = await house.draws.show(draw.giveaway_id)
    assert record.export_ids == (first, second)
    assert [post.media_id for post in record.posts] == [POST.id, other.id]
    assert (record.filtered_participant_count, record.comment_count) == (7, 8)
    assert [each["id"] for each in json.loads(draw.text)["posts"]] == [POST.id, other.id]
    assert list(await house.kept.list(post=other.id)) == [record]


async def test_past_winners_are_out(house, make):
    """Winners of one giveaway, or of all of the account, take no part; by user id, whatever their
    name is now."""
    owner = make.owner()
    job = await house.export(owner=owner)
    first = await house.drawn(job, rules=Rules(winners=2))
    won = {each.participant.user_id for each in (await house.draws.show(first.giveaway_id)).winners}
    renamed = [structs.replace(row, username=f"new{row.username}") for row in make.comments(6)]
    again = await house.export(renamed, owner=owner)
    for past in (ALL, first.giveaway_id):
        plan = await house.plan(again, rules=Rules(winners=2), past=(past,))
        assert plan.rules.past_giveaways == (first.giveaway_id,)
        assert {row.user_id for row, _ in plan.judged.admitted} == {
            row.user_id for row in renamed
        } - won
    with pytest.raises(errors.GiveawayNotFound):
        await house.plan(again, past=("nothing",))


async def test_an_opening_shows_an_entrant_that_they_are_in(house):
    """Entry and salt make a leaf of the receipt, before the draw and after; others have none."""
    draw = await house.commit()
    by_name = await house.draws.opening(draw.giveaway_id, "@User3")
    (found,) = by_name
    assert await house.draws.opening(draw.giveaway_id, found.entry.id) == by_name
    await house.draws.wait(draw.giveaway_id, house.beacon)
    leaf = entries.leaf(found.entry, bytes.fromhex(found.salt)).hex()
    assert leaf in (await house.receipt(draw))["leaves"]
    with pytest.raises(errors.BadInput, match="not in this draw"):
        await house.draws.opening(draw.giveaway_id, "nobody")


async def test_a_disqualified_rank_passes_its_place_on_with_a_reason(house):
    """The next rank moves up; the record and the receipt tell who lost the place, and why."""
    draw = await house.drawn()
    before = await house.draws.show(draw.giveaway_id)
    first, second = before.winners
    name = first.participant.username
    draw = await house.draws.disqualify(draw.giveaway_id, f"@{name.upper()}", " a  bot ")
    after = await house.draws.show(draw.giveaway_id)
    assert [(each.status, each.winner_number, each.reason) for each in after.winners] == [
        ("deprecated", 1, "a bot"),
        ("active", 1, None),
        ("active", 2, None),
    ]
    assert after.winners[1].participant == second.participant
    assert after.winners[2].participant == before.alternates[0].participant
    receipt = await house.receipt(draw)
    assert receipt["disqualified"] == [
        {"rank": 1, "reason": "a bot", "at": draw.disqualified[0].at}
    ]
    for who, reason in ((name, "again"), ("1", "again"), ("nobody", "no"), ("2", "  ")):
        with pytest.raises(errors.BadInput):
            await house.draws.disqualify(draw.giveaway_id, who, reason)


async def test_places_are_taken_away_in_any_order(house):
    """A receipt is true whoever lost a place first."""
    draw = await house.drawn()
    for rank in ("3", "1"):
        draw = await house.draws.disqualify(draw.giveaway_id, rank, "a bot")
    receipt = await house.draws.receipt(draw.giveaway_id)
    assert [each["rank"] for each in json.loads(receipt)["disqualified"]] == [1, 3]
    assert verifier.verify(receipt).verdict == verifier.NOT_PROVABLE


async def test_who_is_disqualified_holds_no_place_by_another_entry(house, make):
    """Where each may win once, whoever lost a place is out with every entry, by bonus or by another
    comment, also where somebody else loses a place later; each such rank stands in the receipt with
    the reason, and the receipt is true."""
    rows = [
        make.comment(n, user_id=str(n % 3), username=f"user{n % 3}", text="x" * n)
        for n in range(30)
    ]
    rules = Rules(winners=1, alternates=1, unique_users=False)
    draw = await house.drawn(await house.export(rows), rules=rules, accept_incomplete=True)
    first, second = await names_of(house, draw)
    draw = await house.draws.disqualify(draw.giveaway_id, first, "a bot")
    assert first not in await names_of(house, draw)
    draw = await house.draws.disqualify(draw.giveaway_id, second, "no answer")
    (third,) = await names_of(house, draw)
    assert {first, second, third} == {"user0", "user1", "user2"}
    receipt = await house.draws.receipt(draw.giveaway_id)
    struck = json.loads(receipt)["disqualified"]
    assert len(struck) > 2 and {each["reason"] for each in struck} == {"a bot", "no answer"}
    assert verifier.verify(receipt).verdict == verifier.NOT_PROVABLE


async def test_where_one_may_win_twice_a_place_is_taken_and_not_the_person(house, make):
    """The other place of a user stays theirs."""
    rows = [make.comment(n, user_id="1", username="ann", text="x" * n) for n in range(4)]
    rules = Rules(winners=2, alternates=1, unique_users=False, unique_winners=False)
    draw = await house.drawn(await house.export(rows), rules=rules, accept_incomplete=True)
    draw = await house.draws.disqualify(draw.giveaway_id, "1", "one is enough")
    assert [each.rank for each in draw.disqualified] == [1]
    assert await names_of(house, draw) == ["ann"] * 3


async def names_of(house, draw) -> list[str]:
    """Who holds a place."""
    record = await house.draws.show(draw.giveaway_id)
    places = (*record.winners, *record.alternates)
    return [each.participant.username for each in places if each.status == "active"]


# draw/1.


async def test_draw_1_is_what_the_protocols_vector_says(house, make):
    """The vector of draw/1 through the whole flow, and its record is kept."""
    rows = [
        make.comment(0, comment_id=number, user_id=user)
        for number, user in (
            ("17900000000000010", "u3"),
            ("17900000000000001", "u1"),
            ("17900000000000002", "u2"),
            ("17900000000000009", "u1"),
        )
    ]
    job = await house.export(rows, target=structs.replace(POST, declared=4))
    plan = await house.plan(job, rules=Rules(winners=1, unique_winners=False), protocol=1)
    record = await house.giveaways.run(plan, at=1736337600.0)
    assert record.created_at == "2025-01-08T12:00:00.000Z"
    assert record.participants_hash.startswith("d1646953000daf6aeed11018dfe761c9")
    assert record.filtered_participant_count == 3
    (winner,) = record.winners
    assert winner.seed_hash.startswith("19c6be0354cad898")
    assert winner.participant.comment_id == "17900000000000002"
    assert await house.draws.show(record.giveaway_id) == record
    told = await house.kept.told(record.giveaway_id)
    assert [note.action for note in told] == ["run"]
    with pytest.raises(errors.BadInput, match="protocol 1"):
        await house.draws.committed(record.giveaway_id)


@pytest.mark.parametrize(
    "changes", [{"alternates": 1}, {"bonus": (Bonus(1, filters.parse(["mentions>=1"])[0]),)}]
)
async def test_draw_1_refuses_what_it_does_not_know(house, changes):
    """Alternates, bonus entries and several exports belong to draw/2."""
    with pytest.raises(errors.BadInput, match="Protocol 1 knows no"):
        await house.plan(rules=Rules(winners=1, **changes), protocol=1)
    with pytest.raises(errors.BadInput, match="several exports"):
        await house.plan("a", "b", rules=Rules(winners=1), protocol=1)


# What is refused, word for word.


@pytest.mark.parametrize("protocol", [1, 2])
async def test_errors_are_the_seeds_word_for_word(house, make, protocol):
    """The list of draw/1, in either protocol."""

    async def said(*jobs, winners=1, **more) -> str:
        rules = more.pop("rules", Rules(winners=winners))
        with pytest.raises(errors.DrawError) as failure:
            plan = await house.plan(*jobs, rules=rules, protocol=protocol, **more)
            if protocol == 1:
                await house.giveaways.run(plan)
            else:
                await house.giveaways.commit(plan, SANDBOX, 10**9)
        return failure.value.message

    owned = await house.export()
    assert await said("nothing") == "Export not found"
    assert await said(owned, tenant="eve") == "Forbidden: You do not own this export"
    running = await house.export(status="paused")
    assert await said(running) == "Export is not complete"
    empty = await house.export([], target=structs.replace(POST, declared=0))
    assert await said(empty) == "Export has no comments"
    excluded = Rules(winners=1, keywords=("nowhere",))
    assert await said(owned, rules=excluded) == "No participants available after filtering"
    assert await said(owned, winners=7) == "Cannot select 7 winners from 6 participants"


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("is not done (paused: asked)", {"status": "paused"}),
        ("was cut after 6 comments", {"end": "cap"}),
        ("was cut after 6 comments", {"end": "limit"}),
        ("3 of them were not listed", {"target": structs.replace(POST, declared=9)}),
        ("only what is newer", {"options": Options(since_job="x", since_time="2025-01-01")}),
    ],
)
async def test_an_incomplete_export_is_refused_and_then_said_to_be_so(house, words, changes):
    """Without --accept-incomplete it is refused, saying why; with it the commitment repeats it."""
    job = await house.export(**changes)
    with pytest.raises(errors.ExportNotComplete) as refused:
        await house.plan(job)
    assert words in refused.value.hint
    draw = await house.commit(job, accept_incomplete=True)
    snapshot = json.loads(draw.text)["snapshot"]
    assert snapshot["complete"] is False
    assert any(words in said for said in snapshot["words"])


async def test_what_cannot_be_told_is_said_and_not_refused(house, make):
    """Replies left out, more than declared, no declared number: a note, for nothing is known to
    be missing."""
    for words, changes in (
        ("left replies out", {"options": Options(replies=False)}),
        ("2 comments more than declared", {"target": structs.replace(POST, declared=4)}),
        ("cannot be told", {"target": structs.replace(POST, declared=None)}),
    ):
        plan = await house.plan(await house.export(**changes))
        assert plan.gathered.flaws == ()
        assert any(words in note for note in plan.gathered.snapshot()["words"])


async def test_a_job_without_comments_by_its_kind_is_refused(house):
    """Followers have written nothing that could be drawn."""
    job = await house.export([], kind="followers")
    with pytest.raises(errors.BadInput, match="drawn from comments"):
        await house.plan(job)


# What an organiser may try.


async def test_drawing_again_gives_the_same(house):
    """A draw is made once: asked again it stays, however the world has changed meanwhile."""
    draw = await house.drawn()
    before = await house.draws.show(draw.giveaway_id)
    house.beacon.asked.clear()
    await house.clock.sleep(86_400)
    assert await house.draws.reveal(draw.giveaway_id, house.beacon) == draw
    assert house.beacon.asked == []
    assert await house.draws.show(draw.giveaway_id) == before


async def test_committing_again_is_another_draw_that_everybody_sees(house):
    """A second commitment is number two of the same post, and each receipt shows both, even the
    one that was never drawn."""
    job = await house.export()
    first = await house.commit(job)
    second = await house.commit(job, delay=600.0)
    assert (second.seq, second.prev) == (2, first.commit)
    await house.draws.wait(second.giveaway_id, house.beacon)
    receipt = await house.receipt(second)
    assert receipt["commitment"]["log"] == {"seq": 2, "prev": first.commit}
    assert [(each["seq"], each["commit"], each["state"]) for each in receipt["log"]["draws"]] == [
        (1, first.commit, "never drawn"),
        (2, second.commit, "drawn"),
    ]


async def test_the_same_words_go_on_with_the_commitment_they_made(house):
    """Asking for the same again before the round is no second draw; other rules are."""
    job = await house.export()
    plan = await house.plan(job)
    assert await house.giveaways.pending(plan, SANDBOX) is None
    draw = await house.commit(job)
    found = await house.giveaways.pending(plan, SANDBOX)
    assert found.giveaway_id == draw.giveaway_id
    assert await house.giveaways.pending(plan, QUICKNET) is None
    other = await house.plan(job, rules=structs.replace(RULES, winners=1))
    assert await house.giveaways.pending(other, SANDBOX) is None
    await house.draws.wait(draw.giveaway_id, house.beacon)
    assert await house.giveaways.pending(plan, SANDBOX) is None


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: text.replace('"winners":2', '"winners":3'),
        lambda text: text.replace('"round":', '"round":1'),
        lambda text: text.replace('"unique_users":true', '"unique_users":false'),
        lambda text: text.replace('"seq":1', '"seq":2'),
    ],
)
async def test_what_was_committed_cannot_be_altered(house, forge):
    """Rules, round or place in the log changed in the database: the draw is refused."""
    draw = await house.commit()
    changed = structs.replace(draw, text=forge(draw.text))
    assert changed.text != draw.text
    house.kept._log[0] = changed
    await house.clock.sleep(3_600)
    for step in (house.draws.reveal, house.draws.wait):
        with pytest.raises(errors.DamagedRecord, match="changed"):
            await step(draw.giveaway_id, house.beacon)


async def test_a_forged_hash_over_forged_rules_breaks_the_log(house):
    """Who forges text and hash alike has cut the link that the next commitment made."""
    job = await house.export()
    first = await house.commit(job)
    second = await house.commit(job, delay=120.0)
    text = first.text.replace('"winners":2', '"winners":1')
    forged = structs.replace(first, text=text, commit=draw2.commit_hash(text.encode()).hex())
    house.kept._log[0] = forged
    await house.draws.wait(second.giveaway_id, house.beacon)
    with pytest.raises(errors.DamagedRecord, match="broken at number 2"):
        await house.draws.receipt(second.giveaway_id)


async def test_a_hidden_commitment_leaves_a_hole(house):
    """A commitment that was taken out of the log is missed by every receipt after it."""
    job = await house.export()
    for delay in (60.0, 90.0):
        await house.commit(job, delay=delay)
    last = await house.commit(job, delay=120.0)
    await house.draws.wait(last.giveaway_id, house.beacon)
    del house.kept._log[1]
    with pytest.raises(errors.DamagedRecord, match="broken at number 2"):
        await house.draws.receipt(last.giveaway_id)


async def test_another_list_than_the_committed_one_is_not_drawn(house):
    """The sealed list must have the committed root, whoever holds the key to seal another."""
    job = await house.export()
    first, second = await house.commit(job), await house.commit(job, delay=90.0)
    for sealed in (
        second.sealed,
        house.vault.seal(
            f"giveaway:{first.giveaway_id}",
            house.vault.unseal(f"giveaway:{second.giveaway_id}", second.sealed),
        ),
    ):
        house.kept._log[0] = structs.replace(first, sealed=sealed)
        await house.clock.sleep(3_600)
        with pytest.raises(errors.DamagedRecord):
            await house.draws.reveal(first.giveaway_id, house.beacon)
        assert house.kept._log[0].signature is None


async def test_another_round_or_another_chain_cannot_be_chosen(house):
    """The round stands in the commitment; a beacon of another chain is refused, and one that
    answers for another round is not the port's promise."""
    draw = await house.commit()
    await house.clock.sleep(3_600)
    other = Rounds(house.clock)
    other.chain = QUICKNET
    with pytest.raises(errors.BadInput, match="bound to the chain"):
        await house.draws.reveal(draw.giveaway_id, other)
    assert other.asked == []
    await house.draws.reveal(draw.giveaway_id, house.beacon)
    assert house.beacon.asked == [json.loads(draw.text)["beacon"]["round"]]


async def test_a_round_that_everybody_knows_cannot_be_named(house):
    """The past, and less than a minute from now, are refused; a file may rehearse with them."""
    now = house.clock.now()
    for seconds, said in ((-86_400, "public since"), (-3, "public since"), (30, "too soon")):
        number = QUICKNET.round_at(now + seconds)
        with pytest.raises(errors.BadInput, match=said):
            house.giveaways.round(QUICKNET, number=number)
        assert house.giveaways.round(QUICKNET, number=number, recorded=True) == number
    number = QUICKNET.round_at(now + 90)
    assert house.giveaways.round(QUICKNET, number=number) == number
    for number in (0, 10**15):
        with pytest.raises(errors.BadInput, match="a year away"):
            house.giveaways.round(QUICKNET, number=number, recorded=True)
    with pytest.raises(errors.BadInput, match="a year away"):
        house.giveaways.round(QUICKNET, delay=1e9)


async def test_a_tenant_reaches_nothing_of_another(house):
    """Another's giveaway is not found, whatever is asked of it."""
    job = await house.export(tenant="ann")
    draw = await house.commit(job, tenant="ann")
    asked = {"tenant": "eve"}
    for attempt in (
        house.draws.show(draw.giveaway_id, **asked),
        house.draws.committed(draw.giveaway_id, **asked),
        house.draws.reveal(draw.giveaway_id, house.beacon, **asked),
        house.draws.disqualify(draw.giveaway_id, "1", "mine", **asked),
        house.draws.receipt(draw.giveaway_id, **asked),
        house.draws.opening(draw.giveaway_id, "user1", **asked),
        house.plan(await house.export(tenant="eve"), past=(draw.giveaway_id,), **asked),
    ):
        with pytest.raises(errors.GiveawayNotFound):
            await attempt


# Anchors.


@pytest.mark.parametrize(
    ("number", "after", "said"),
    [("abc", -60, "no comment id"), ("18", None, "not known when"), ("18", 3_000, "the future")],
)
async def test_an_anchor_has_to_be_a_comment_that_can_be(house, number, after, said):
    """One without a number, of no known time, or of the future is no evidence."""
    draw = await house.commit(delay=3_600.0)
    at = "" if after is None else iso(house.clock.now() + after)
    with pytest.raises(errors.BadInput, match=said):
        await house.draws.anchor(draw, Posted(number, "shop", at))


async def test_an_anchor_cannot_be_older_than_its_commitment(house):
    """A comment from before the commitment cannot hold its hash; a clock may be minutes wrong."""
    draw = await house.commit(delay=3_600.0)
    now = house.clock.now()
    with pytest.raises(errors.BadInput, match="older than the commitment") as refused:
        await house.draws.anchor(draw, Posted("18", "shop", iso(now - 660)))
    assert "new comment" in refused.value.hint
    assert (await house.draws.anchor(draw, Posted("18", "shop", iso(now - 540)))).anchors


async def test_an_anchor_has_to_come_before_the_round(house):
    """A comment with the hash is evidence when it is older than the round; afterwards it is
    nothing."""
    draw = await house.commit()
    posted = Posted(id="18", username="shop", timestamp=iso(house.clock.now()))
    draw = await house.draws.anchor(draw, posted)
    assert draw.anchors == (posted,)
    assert await house.draws.anchor(draw, posted) == draw
    late = structs.replace(posted, timestamp=iso(house.clock.now() + 3_600))
    with pytest.raises(errors.BadInput, match="after"):
        await house.draws.anchor(draw, late)
    drawn = await house.draws.wait(draw.giveaway_id, house.beacon)
    with pytest.raises(errors.BadInput, match="after"):
        await house.draws.anchor(drawn, structs.replace(posted, id="19"))
    receipt = await house.receipt(draw)
    assert receipt["anchors"] == [msgspec.to_builtins(posted)]


async def test_nothing_of_a_secret_is_told(house):
    """Until the draw neither record, log nor audit holds a username, an entry or the secret."""
    draw = await house.commit()
    record = await house.draws.show(draw.giveaway_id)
    told = await house.kept.told(draw.giveaway_id)
    kept = msgspec.json.encode([record, told, structs.replace(draw, sealed=b"")]).decode()
    assert "user1" not in kept
    assert b"user1" not in draw.sealed
