"""Which source an extraction is asked of."""

import pytest

from ingather import errors
from ingather.domain.kinds import RECORDS, SOURCES
from ingather.features import voices
from ingather.providers import archive, graph_discovery, hiker_routes

ALL = frozenset(voices.NAMES)


def test_the_table_says_what_the_sources_can():
    """Every kind has sources, and each source has exactly the kinds that the table gives it."""
    assert set(SOURCES) == set(RECORDS) - {"analysis"}  # which reads the reels
    of = {name: {kind for kind in SOURCES if name in SOURCES[kind]} for name in voices.NAMES}
    assert of["hiker"] == set(hiker_routes.ROUTES) - {"comments"}
    aliases = {"followings", "comments"}
    assert of["archive"] == set(archive.KINDS) - aliases
    assert of["graph"] == {*graph_discovery.KINDS, "comments", "commenters"}


@pytest.mark.parametrize(
    ("kind", "ready", "files", "found"),
    [
        ("posts", ALL, False, ("graph", "hiker")),
        ("posts", {"hiker"}, False, ("hiker",)),
        ("posts", {"graph"}, False, ("graph",)),
        ("posts", ALL, True, ("archive",)),
        ("followers", ALL, False, ("hiker",)),
        ("commenters", ALL, False, ("graph", "hiker")),
    ],
)
def test_what_costs_nothing_is_asked_first(kind, ready, files, found):
    """Files are an archive; else every source with a key that can, the free one first."""
    assert voices.choose(kind, None, ready=ready, files=files) == found


@pytest.mark.parametrize("name", voices.NAMES)
def test_a_source_that_is_named_is_the_only_one(name):
    """Who names a source gets no other, whether or not there is a key for it."""
    assert voices.choose("posts", name, ready=(), files=False) == (name,)


@pytest.mark.parametrize("kind", SOURCES)
def test_without_any_key_each_source_says_what_it_needs(kind):
    """The error names every source that could tell the kind, and what it needs."""
    with pytest.raises(errors.NoToken if kind != "liked" else errors.BadInput) as caught:
        voices.choose(kind, None, ready=(), files=False)
    assert ("--sandbox" in str(caught.value)) == (kind != "liked"), "which has none of them"
    needs = {"graph": "ingather login", "hiker": "HIKERAPI_KEY", "archive": "ZIP"}
    for name, need in needs.items():
        assert (need in str(caught.value)) == (name in SOURCES[kind])
