"""Who takes part in a giveaway, and why not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ingather import errors
from ingather.domain import filters, giveaway_words
from ingather.domain.giveaway_judge import judge
from ingather.domain.giveaway_rules import REASONS, Bonus, Rules
from ingather.domain.records import Comment

OPEN = Rules(winners=1, unique_users=False)


def comment(number: int, **changes: object) -> Comment:
    """Comment `number`, written at that minute by a user of that number."""
    row = Comment(
        comment_id=f"1800{number:013d}",
        user_id=f"9{number:09d}",
        username=f"user{number}",
        timestamp=f"2026-01-02T03:{number:02d}:00Z",
        like_count=0,
        text="me",
    )
    return structs.replace(row, **changes)


def by(user: int, number: int, text: str) -> Comment:
    return comment(number, user_id=f"9{user:09d}", username=f"user{user}", text=text)


def reasons(rows: list[Comment], rules: Rules, **more: object) -> list[str]:
    return [fate.reason for fate in judge(rows, rules, **more).fates]


def test_what_lacks_an_id_a_name_or_a_time_is_out():
    """Nobody is drawn who could not be told from others, named, or placed in time."""
    rows = [
        comment(1, comment_id=None),
        comment(2, user_id=None),
        comment(3, username=None),
        comment(4, timestamp=None),
        comment(5, timestamp="2026-01-02T03:04:05"),
        comment(6),
    ]
    assert reasons(rows, OPEN) == [
        "no_comment_id", "no_user_id", "no_username", "no_time", "no_time", "admitted"
    ]  # fmt: skip


def test_draw_1_needs_neither_name_nor_time():
    """Where nothing asks for them, a comment without either takes part; a window asks."""
    rows = [comment(1, username=None), comment(2, timestamp=None), comment(3, user_id=None)]
    found = [fate.reason for fate in judge(rows, OPEN, placed=False).fates]
    assert found == ["admitted", "admitted", "no_user_id"]
    rules = structs.replace(OPEN, since="2026-01-01T00:00:00Z")
    found = [fate.reason for fate in judge(rows, rules, placed=False).fates]
    assert found == ["admitted", "no_time", "no_user_id"]


def test_a_comment_of_two_exports_counts_once():
    """The same comment id is one comment, however often it is given."""
    assert reasons([comment(1), comment(2), comment(1)], OPEN) == ["admitted"] * 2 + ["repeated"]


def test_a_name_that_two_users_had_counts_once_in_draw_2():
    """A receipt of draw/2 shows names: one that went to another user between two exports stands
    there once. draw/1 is made from user ids alone."""
    rows = [comment(1, username="kim"), comment(2, username="Kim")]
    rules = structs.replace(OPEN, unique_users=True)
    assert reasons(rows, rules) == ["admitted", "other_comment"]
    assert reasons(rows, rules, placed=False) == ["admitted", "admitted"]


def test_the_window_has_its_beginning_and_not_its_end():
    """since is the first moment that counts, until the first that does not any more."""
    rules = structs.replace(OPEN, since="2026-01-02T03:02:00Z", until="2026-01-02T05:04:00+02:00")
    rows = [comment(number) for number in (1, 2, 3, 4)]
    assert reasons(rows, rules) == ["too_early", "admitted", "admitted", "too_late"]


def test_replies_may_be_left_out():
    """A reply takes part unless replies are out."""
    rows = [comment(1), comment(2, parent_comment_id="18000000000000001")]
    assert reasons(rows, OPEN) == ["admitted", "admitted"]
    assert reasons(rows, structs.replace(OPEN, replies=False)) == ["admitted", "reply"]


def test_accounts_and_past_winners_are_excluded_under_any_name():
    """Names in any case; a past winner who took another name is known by the user id."""
    rules = structs.replace(OPEN, excluded=("user1",), past_winners=("user2",))
    rows = [comment(1, username="User1"), comment(2), comment(3), comment(4)]
    found = reasons(rows, rules, winner_ids={comment(3).user_id})
    assert found == ["excluded", "past_winner", "past_winner", "admitted"]


def test_words_and_hashtags_with_and_without():
    """All that are asked for must be there, none that is forbidden; case and width do not tell."""
    rules = structs.replace(
        OPEN,
        keywords=("Lamp",),
        without_keywords=("spam",),
        hashtags=("Win",),
        without_hashtags=("ad",),
    )
    rows = [
        comment(1, text="a LAMP ＃win"),
        comment(2, text="a light #win"),
        comment(3, text="lamp spam #win"),
        comment(4, text="lamp #winter"),
        comment(5, text="lamp #win #AD"),
        comment(6, text=None),
    ]
    assert reasons(rows, rules) == [
        "admitted", "no_keyword", "keyword", "no_hashtag", "hashtag", "no_keyword"
    ]  # fmt: skip


def test_mentions_count_each_account_once_and_not_the_writer_or_the_host():
    """Two mentions of one account are one; tagging oneself or the host is none."""
    rules = structs.replace(OPEN, mentions=2, hosts=("shop",))
    texts = ["@ann @bob", "@ann @ANN", "@ann @shop", "@ann @user4", "ann@bob.com @cy", "@ann. @b"]
    rows = [comment(number, text=text) for number, text in enumerate(texts, 1)]
    assert reasons(rows, rules) == [
        "admitted", "few_mentions", "few_mentions", "few_mentions", "few_mentions", "admitted"
    ]  # fmt: skip


def test_distinct_mentions_of_one_writer():
    """An account counts once for each writer: mentioning the same friends again earns nothing."""
    rules = structs.replace(OPEN, mentions=2, distinct_mentions=True)
    rows = [
        by(1, 1, "@ann @bob"),
        by(1, 2, "@bob @ann"),
        by(1, 3, "@ann @cy"),
        by(1, 4, "@ann @cy @dee"),
        by(2, 5, "@ann @eve"),
    ]
    assert reasons(rows, rules) == [
        "admitted", "repeated_mentions", "repeated_mentions", "admitted", "admitted"
    ]  # fmt: skip


def test_copied_mentions_are_found_whatever_the_order():
    """The same two accounts or more, in any order, after somebody else: copied. One alone may be
    a friend of many."""
    rules = structs.replace(OPEN, distinct_mentions=True)
    rows = [
        by(3, 3, "@bob @ann please"),
        by(1, 1, "@ann @bob"),
        by(2, 2, "@ann @bob @cy"),
        by(4, 4, "@ann"),
        by(5, 5, "@ann"),
    ]
    judged = judge(rows, rules)
    assert [fate.reason for fate in judged.fates] == ["copied_mentions"] + ["admitted"] * 4
    assert judged.fates[0].detail == f"in comment {rows[1].comment_id} of @user1"


def test_a_comment_that_is_out_spends_no_mentions():
    """Only admitted comments use accounts up."""
    rules = structs.replace(OPEN, mentions=2, distinct_mentions=True, keywords=("win",))
    rows = [by(1, 1, "@ann @bob"), by(2, 2, "@ann @bob win"), by(1, 3, "@ann @cy win")]
    assert reasons(rows, rules) == ["no_keyword", "admitted", "admitted"]


def test_of_each_user_the_lowest_comment_id_stands():
    """Ids are compared as strings, as draw/1 does; the others name the one that stands."""
    rules = structs.replace(OPEN, unique_users=True, keywords=("win",))
    rows = [
        comment(7, user_id="u", comment_id="9", text="win"),
        comment(8, user_id="u", comment_id="17", text="win"),
        comment(9, user_id="u", comment_id="1", text="no"),
    ]
    judged = judge(rows, rules)
    assert [fate.reason for fate in judged.fates] == ["other_comment", "admitted", "no_keyword"]
    assert judged.fates[0].detail == "17"


def test_bonus_entries_are_added_by_declared_rules():
    """Every bonus that is earned adds its entries; who is out gets none."""
    rules = structs.replace(
        OPEN,
        replies=False,
        bonus=(
            Bonus(2, filters.parse(["mentions>=2"])[0]),
            Bonus(3, filters.parse(["user=user2"])[0]),
        ),
    )
    rows = [
        comment(1, text="@ann @bob"),
        comment(2, text="@ann @bob"),
        comment(3),
        comment(4, text="@ann @bob", parent_comment_id="1"),
    ]
    judged = judge(rows, rules)
    assert [fate.entries for fate in judged.fates] == [3, 6, 1, 0]
    assert "with 3 entries" in judged.fates[0].words
    assert [(row.comment_id, entries) for row, entries in judged.admitted] == [
        (row.comment_id, entries) for row, entries in zip(rows, (3, 6, 1), strict=False)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"winners": 0},
        {"alternates": -1},
        {"mentions": -1},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T01:00:00+02:00"},
        {"bonus": (Bonus(0, filters.parse(["mentions>=2"])[0]),)},
        {"bonus": (Bonus(101, filters.parse(["mentions>=2"])[0]),)},
        {"bonus": (Bonus(1, filters.parse(["first-per-user"])[0]),)},
        {"bonus": (Bonus(1, filters.parse(["verified=yes"])[0]),)},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(changes):
    """One sentence says what is wrong."""
    with pytest.raises(errors.BadInput):
        judge([comment(1)], structs.replace(OPEN, **changes))


def test_a_user_is_explained():
    """Every comment of an account, by its name with @ and in any case, with its fate in words."""
    rows = [by(1, 1, "@ann"), by(2, 2, ""), by(1, 3, "@ann")]
    judged = judge(rows, structs.replace(OPEN, mentions=1, distinct_mentions=True))
    told = [(row.comment_id, fate.words) for row, fate in judged.of("@USER1")]
    assert told == [
        (rows[0].comment_id, REASONS["admitted"]),
        (rows[2].comment_id, f"{REASONS['repeated_mentions']} (0 new)"),
    ]
    assert judged.of("nobody") == []


def test_counts_add_up_to_what_was_given():
    """Every comment is counted under one reason."""
    rows = [comment(1), comment(1), comment(2, user_id=None), comment(3)]
    assert judge(rows, OPEN).counts() == {"admitted": 2, "repeated": 1, "no_user_id": 1}


def test_rules_in_words_and_as_published():
    """Published rules hold every option and a sentence for each that says something."""
    rules = Rules(
        winners=3,
        alternates=2,
        replies=False,
        mentions=2,
        distinct_mentions=True,
        hosts=("shop",),
        hashtags=("win",),
        excluded=("ann",),
        past_giveaways=("g1",),
        past_winners=("bob",),
        bonus=(Bonus(1, filters.parse(["text~=lamp"])[0]),),
    )
    told = giveaway_words.public(rules)
    assert told["winners"] == 3
    assert told["bonus"] == [
        {"entries": 1, "when": {"type": "text", "op": "contains", "value": "lamp"}}
    ]
    assert json.loads(json.dumps(told)) == told
    said = "\n".join(told["words"])
    for part in ("3 winners are drawn, and 2 alternates", "one comment", "wins once", "Replies do",
                 "nor @shop", "#win", "@ann", "@bob", "1 entry more", "copied"):  # fmt: skip
        assert part in said


texts = st.sampled_from(["", "@a @b", "@b @a", "@a @b @c", "@a", "#win", "#win @b @c", "spam @a"])
rows = st.lists(
    st.builds(
        lambda place, user, text, reply: comment(
            place,
            user_id=f"u{user}",
            username=f"user{user}",
            text=text,
            timestamp=f"2026-01-02T03:{place % 7:02d}:00Z",
            parent_comment_id="1" if reply else None,
        ),
        st.integers(0, 59),
        st.integers(0, 5),
        texts,
        st.booleans(),
    ),
    max_size=25,
    unique_by=lambda row: row.comment_id,
)
chosen = st.builds(
    Rules,
    winners=st.just(1),
    unique_users=st.booleans(),
    replies=st.booleans(),
    mentions=st.integers(0, 3),
    distinct_mentions=st.booleans(),
    hashtags=st.sampled_from([(), ("win",)]),
    without_keywords=st.sampled_from([(), ("spam",)]),
    excluded=st.sampled_from([(), ("user1",)]),
    bonus=st.sampled_from([(), (Bonus(2, filters.parse(["mentions>=2"])[0]),)]),
)


@given(rows, chosen, st.randoms(use_true_random=False))
def test_the_order_of_comments_does_not_matter(given_rows, rules, random):
    """The same comments in any order have the same fates, and enter in the same order."""
    judged = judge(given_rows, rules)
    mixed = list(given_rows)
    random.shuffle(mixed)
    again = judge(mixed, rules)
    assert judged.admitted == again.admitted
    fates = dict(zip((row.comment_id for row in mixed), again.fates, strict=True))
    assert [fates[row.comment_id] for row in given_rows] == list(judged.fates)


@given(rows, chosen)
def test_who_is_in_keeps_every_rule(given_rows, rules):
    """Whatever is admitted fulfils what was asked, and each comment has one fate."""
    judged = judge(given_rows, rules)
    assert len(judged.fates) == len(given_rows)
    users = [row.user_id for row, _ in judged.admitted]
    assert not rules.unique_users or len(users) == len(set(users))
    for row, entries in judged.admitted:
        assert rules.replies or row.parent_comment_id is None
        assert row.username not in rules.excluded
        assert len(filters.writing.mentions(row.text)) >= rules.mentions
        assert entries == 1 + 2 * bool(rules.bonus and len(filters.writing.mentions(row.text)) > 1)
