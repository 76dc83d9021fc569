"""What several unit tests share."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def simulation():
    """The benchmark that simulates the refresh; benchmarks are no package of the tests."""
    path = Path(__file__).parents[2] / "benchmarks" / "simulate_refresh.py"
    spec = importlib.util.spec_from_file_location("simulate_refresh", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
