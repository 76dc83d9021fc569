"""What the consumer says while it waits."""

import pytest
import structlog

from ingather.consumer.metrics import Metrics, Waiting

NOON = 1_790_000_000.0


@pytest.fixture
def said():
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_a_wait_is_told_once_and_again_after_its_time(said) -> None:
    """However many messages wait for it, and though a call comes through in between; a wait of a
    moment is not worth a line."""
    metrics = Metrics()

    def park(since: float, seconds: float):
        until = NOON + since + seconds
        return metrics.parked("limit", since=NOON + since, until=until, source="graph")

    with park(0, 600), park(1, 700):
        assert metrics.longest == Waiting(NOON + 701, "limit of graph")
        assert metrics.waiting == 2
    assert metrics.longest is None
    with park(500, 200):
        assert len(said) == 1
    with park(700, 2):
        assert len(said) == 1
    with park(700, 20), park(730, 20):
        assert len(said) == 2
    assert said[0]["waiting_for"] == "limit of graph" and said[0]["until"].endswith("Z")


def test_different_waits_are_told_each(said) -> None:
    """A store that does not answer is not hidden by a limit; /health tells the longer one."""
    metrics = Metrics()
    with (
        metrics.parked("limit", since=NOON, until=NOON + 60, source="page"),
        metrics.parked("store_unavailable", since=NOON, until=NOON + 30),
    ):
        assert [line["waiting_for"] for line in said] == ["limit of page", "store_unavailable"]
        assert metrics.longest == Waiting(NOON + 60, "limit of page")
