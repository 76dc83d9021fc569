"""Latencies and faults as people write them on a command line."""

from ingather.sandbox.faults import Plan


def milliseconds(text: str) -> float:
    """`50ms`, `0.05s` or plain `50`, in milliseconds; ValueError for anything else."""
    try:
        if text.endswith("ms"):
            return float(text[:-2])
        return float(text[:-1]) * 1000 if text.endswith("s") else float(text)
    except ValueError:
        raise ValueError(f"a latency is written as 50ms or 0.05s, not {text!r}") from None


def fault(text: str) -> tuple[str, float]:
    """`throttle:0.02` as a name and odds; ValueError where there is no such fault."""
    name, _, odds = text.partition(":")
    probability = float(odds or "1")
    Plan(0, {name: probability})
    return name, probability
