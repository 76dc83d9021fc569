"""Latencies and faults as people write them on a command line."""

import re

from ingather.sandbox.faults import Plan

_LATENCY = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?)(ms|s)")


def milliseconds(text: str) -> float:
    """`50ms` or `0.05s`, in milliseconds; ValueError for anything else."""
    found = _LATENCY.fullmatch(text)
    if found is None:
        raise ValueError(f"a latency is written as 50ms or 0.05s, not {text!r}")
    return float(found[1]) * (1 if found[2] == "ms" else 1000)


def fault(text: str) -> tuple[str, float]:
    """`throttle:0.02` as a name and odds; ValueError where there is no such fault."""
    name, _, odds = text.partition(":")
    probability = float(odds or "1")
    Plan(0, {name: probability})
    return name, probability
