"""Which commands go on with an unfinished job, and which begin another."""

from ingather.domain.kinds import WITH_INSIGHTS


def test_insights_are_another_job(make):
    """`--insights` after an unfinished run without them does not end in a file without insights,
    and a run without them costs no call for each post. Nor is either that of somebody else."""
    plain = make.job(kind="posts", route="media")
    alike = {"kind": "posts", "owner": plain.owner, "targets": plain.targets}
    measured = make.job(route=WITH_INSIGHTS, **alike)
    theirs = make.job(route="media", tenant="insights", **alike)
    assert make.job(route="media", **alike).key == plain.key
    assert len({plain.key, measured.key, theirs.key}) == 3
