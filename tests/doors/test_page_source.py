"""Profile pages as they come from the sandbox: every language, every wall, every fault."""

import pytest

from ingather import errors
from ingather.providers.http import Http
from ingather.providers.webpage import PageSource
from ingather.sandbox import others
from ingather.sandbox.options import Options
from ingather.sandbox.pages import LANGUAGES
from ingather.sandbox.server import serve


@pytest.fixture
async def played():
    async with await serve(Options()) as found:
        yield found


@pytest.fixture
async def pages(played):
    source = PageSource(Http(), url=played.web_url)
    yield source
    await source.close()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_gives_the_same_account(played, pages, language):
    """Whatever language a page comes in, its numbers are those of the account, rounded or exact."""
    played.control(page_language=language)
    for name in ("personal.lena", "bakery7", "noah.runs"):
        true = others.make(name, 1)
        found = await pages.profile(name)
        for count, real in (
            ("followers_count", true.followers_count),
            ("follows_count", true.follows_count),
            ("media_count", true.size),
        ):
            told = getattr(found, count)
            assert abs(told - real) < 100 if count in found.approximate else told == real
        assert (found.full_name, found.biography) == (true.name, true.biography)


async def test_counts_above_ten_thousand_are_marked(pages):
    """A rounded number is named, and an exact one is not."""
    found = await pages.profile("bakery7")
    assert others.make("bakery7", 1).followers_count > 10_000
    assert found.approximate == ("followers_count",)


@pytest.mark.parametrize(
    ("name", "error"),
    [("missing.one", errors.NotReachable), ("shell.one", errors.NothingShown),
     ("walled.one", errors.NothingShown), ("restricted.one", errors.NotReachable),
     ("renamed.one", errors.WrongPage)],
)  # fmt: skip
async def test_what_is_no_page(pages, name, error):
    """Missing, blocked, walled, restricted and renamed are told apart."""
    with pytest.raises(error) as found:
        await pages.profile(name)
    assert type(found.value) is error


@pytest.mark.parametrize(
    ("fault", "error"),
    [("shell", errors.NothingShown), ("loginwall", errors.NothingShown),
     ("rate429", errors.Throttled), ("html502", errors.Transient), ("reset", errors.Transient),
     ("truncated", errors.NothingShown), ("html200", errors.NothingShown)],
)  # fmt: skip
async def test_faults_are_errors_of_ours(played, pages, fault, error):
    """A fault never becomes a number."""
    played.control(faults={fault: 1.0})
    try:
        found = await pages.profile("bakery7")
    except errors.SourceError as raised:
        assert isinstance(raised, error)
        assert not isinstance(raised, errors.Throttled) or raised.wait == 1.0
    else:  # cut behind the head, which is whole
        assert fault == "truncated" and found.media_count == others.make("bakery7", 1).size
