"""What so many tokens can keep fresh: the limiter's rule and the schedule's, hour by hour.

`python -m benchmarks.simulate_refresh` prints the table of docs/explanation/scale.md.
"""

import random
from collections import deque

LIMIT, HOUR, WEEK = 200, 3_600.0, 168


def saturated(hours: int = 24, *, call: float = 0.4, seed: int = 1) -> tuple[float, int]:
    """One token that always has something to ask, with jittered calls of `call` seconds: the part
    of its limit that is used, and the most calls in any sliding hour."""
    chance = random.Random(seed)
    log: deque[float] = deque()
    now, made, most = 0.0, 0, 0
    while now < hours * HOUR:
        while log and log[0] <= now - HOUR:
            log.popleft()
        if len(log) >= LIMIT:
            now = log[0] + HOUR + 1e-6
            continue
        log.append(now)
        made += 1
        most = max(most, len(log))
        now += call * (0.5 + chance.random())
    return made / (hours * LIMIT), most


def weeks(tokens: int, accounts: int, *, shells: float = 0.0) -> tuple[float, float]:
    """So many accounts over so many tokens, the stalest first: the part that is refreshed within a
    week, and the days after which the stalest one comes again. shells: calls that tell nothing."""
    useful = tokens * LIMIT * (1 - shells)
    rounds = accounts / useful / 24
    return min(1.0, 7 / rounds), max(rounds, 0.0)


def main() -> None:
    used, most = saturated()
    print(f"a saturated token uses {used:.1%} of its limit, {most} calls in its fullest hour\n")
    print("| tokens | calls a week | 10,000 accounts | 1,000,000 | 100,000,000 |")
    print("|---|---|---|---|---|")
    for tokens in (1, 100, 10_000):
        cells = []
        for accounts in (10_000, 1_000_000, 100_000_000):
            part, days = weeks(tokens, accounts)
            cells.append(
                "weekly" if part == 1 else f"{part:.1%} weekly, each every {days:,.0f} days"
            )
        print(f"| {tokens:,} | {tokens * LIMIT * WEEK:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
