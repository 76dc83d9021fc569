"""The limit of the refresh when there is always more to ask (figure of the refresh's issue)."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def simulation():
    """The benchmark that prints the figure; benchmarks are no package of the tests."""
    path = ROOT / "benchmarks" / "simulate_refresh.py"
    spec = importlib.util.spec_from_file_location("simulate_refresh", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_all_of_a_limit_is_used_and_never_more(simulation) -> None:
    """Three tokens, two consumers with 64 messages each that begin in the same moment, headers
    obeyed: at least 95 % of what the tokens allow, no token above 200 calls in any hour, and none
    left to others."""
    used = await simulation.saturated(hours=3)
    assert used.part >= 0.95 and used.most == simulation.LIMIT
    assert min(used.by_token.values()) >= 0.95 * 3 * simulation.LIMIT
