"""CPU seconds and peak memory of draws: freeze, commit and draw; draw/1; verify; each by itself.

    python benchmarks/draws.py [ENTRIES]        (default 1,000,000)

Each work runs in a process of its own. The comments are made before the clock starts; the peak is
of the whole process, the comments included. Nothing waits, so CPU time is what it takes alone.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from ingather.domain.records import Comment

SIGNATURE = bytes.fromhex(
    "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be"
    "41076862b98fad56e91a6b85b89cd97b"
)
GOALS = {"draw2": (12.0, 1000), "draw1": (1.5, None), "verify": (1.0, None)}


def comments(count: int) -> Iterator[Comment]:
    """Comments of as many users, in no order."""
    for i in range(count):
        yield Comment(
            comment_id=str(17_900_000_000_000_000 + i * 7_919 % 100_000_000_007),
            user_id=str(17_841_400_000_000_000 + i),
            username=f"user.{i}_x",
            timestamp=f"2026-03-{1 + i % 28:02}T05:{i % 60:02}:{i * 7 % 60:02}Z",
            like_count=0,
            text=f"love this so much 😍 @friend {i}",
        )


def draw2(count: int) -> float:
    """Entries of comments, frozen, committed to and drawn: 10 winners and 10 alternates."""
    from ingather.domain import draw2, entries
    from ingather.domain.beacon import QUICKNET

    listed = list(comments(count))
    began = time.process_time()
    frozen = entries.freeze(map(entries.entry, listed), bytes(32))
    rules = {"winners": 10, "alternates": 10, "unique_users": True, "unique_winners": True}
    committed = draw2.commitment(
        posts=[],
        rules=rules,
        snapshot={},
        frozen=frozen,
        chain=QUICKNET,
        round_number=657413,
        seq=1,
        prev=None,
    )
    key = draw2.key(committed.hash, SIGNATURE)
    assert len(draw2.places(frozen.entries, key, winners=10, alternates=10)) == 20
    return time.process_time() - began


def draw1(count: int) -> float:
    """The reproducible draw of 10 unique winners."""
    from ingather.domain import draw1

    listed = list(comments(count))
    began = time.process_time()
    draw1.draw(
        listed,
        post_id="1",
        post_date_iso="2026-01-01T00:00:00+0000",
        comment_count=count,
        giveaway_date_iso="2026-04-01T00:00:00.000Z",
        winner_count=10,
    )
    return time.process_time() - began


def verify(count: int) -> float:
    """A receipt verified, its round's signature in pure Python."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ingather.domain import draw2, draw_receipt, entries, verifier
    from ingather.domain.beacon import QUICKNET

    frozen = entries.freeze(map(entries.entry, comments(count)), bytes(32))
    rules = {"winners": 10, "alternates": 10, "unique_users": True, "unique_winners": True}
    committed = draw2.commitment(
        posts=[],
        rules=rules,
        snapshot={},
        frozen=frozen,
        chain=QUICKNET,
        round_number=657413,
        seq=1,
        prev=None,
    )
    text = draw_receipt.receipt(
        committed=committed,
        frozen=frozen,
        signature=SIGNATURE,
        log=[draw_receipt.Logged(1, committed.hex, "drawn")],
        written="2026-04-01T00:00:00.000Z",
        installation=Ed25519PrivateKey.generate(),
    )
    began = time.process_time()
    verdict = verifier.verify(text)
    seconds = time.process_time() - began
    assert verdict.verdict == "not provable" and verdict.check is None, verdict
    return seconds


WORKS = {"draw2": draw2, "draw1": draw1, "verify": verify}


def main() -> int:
    if len(sys.argv) == 3:
        seconds = WORKS[sys.argv[1]](int(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"seconds": round(seconds, 3), "megabytes": peak}))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    missed = False
    for name, size in (("draw2", count), ("draw1", count), ("verify", min(count, 5_000))):
        command = [sys.executable, __file__, name, str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        seconds, megabytes = GOALS[name]
        met = found["seconds"] < seconds and (not megabytes or found["megabytes"] < megabytes)
        missed |= not met
        goal = f"{seconds:g} s" + (f", {megabytes} MB" if megabytes else "")
        print(
            f"{name:8} {size:>9,} entries {found['seconds']:8.3f} s {found['megabytes']:6} MB"
            f"   goal {goal}: {'met' if met else 'NOT MET'}",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
