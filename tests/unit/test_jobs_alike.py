"""Which commands go on with an unfinished job, and which begin another."""

from ingather.domain.kinds import WITH_INSIGHTS


def test_insights_are_another_job(make):
    """`--insights` after an unfinished run without them does not end in a file without insights,
    and a run without them costs no call for each post."""
    plain = make.job(kind="posts", route="media")
    assert make.job(kind="posts", route=WITH_INSIGHTS, owner=plain.owner,
                    targets=plain.targets).key != plain.key  # fmt: skip
