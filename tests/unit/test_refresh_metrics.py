"""Metrics of the refresh: the dashboard and the alerts speak of those that there are."""

import re
from pathlib import Path

import pytest

from ingather.consumer.metrics import Metrics
from ingather.features.refresh_sources import Use

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = ("grafana/refresh.json", "prometheus/refresh-alerts.yml")
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def names() -> dict[str, set[str]]:
    """What Prometheus is told of each metric."""
    found = Metrics().registry.collect()
    return {each.name: {each.name + end for end in ENDINGS[each.type]} for each in found}


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_asked_that_is_not_told(file) -> None:
    """Every metric that a file in deploy names exists."""
    asked = set(re.findall(r"ingather_\w+", (DEPLOY / file).read_text("utf-8")))
    assert asked and asked <= set().union(*names().values())


def test_everything_is_shown() -> None:
    """Every metric is on the dashboard."""
    text = (DEPLOY / FILES[0]).read_text("utf-8")
    for metric, told in names().items():
        assert any(re.search(rf"\b{each}\b", text) for each in told), metric


def test_what_is_somebody_elses_now_is_not_told() -> None:
    """After a rebalance the lag of a partition that was taken away is gone; limits are told as a
    number and of how many."""
    metrics = Metrics()
    metrics.behind({"0": 7, "1": 2})
    metrics.behind({"1": 3})
    metrics.within([Use("graph", 190, 200)])
    told = metrics.text().decode()
    assert 'lag{partition="0"}' not in told and 'lag{partition="1"} 3.0' in told
    assert 'limit_used{source="graph"} 190.0' in told and 'limit{source="graph"} 200.0' in told
