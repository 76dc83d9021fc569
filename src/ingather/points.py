"""Named commit points: places where a test may kill, freeze or delay the process.

Nothing happens at a point unless `INGATHER_TEST_POINT` is set before the program starts
(reliability plan, section 1, point 5). Its form is ``name:nth:action`` with action one of
``kill`` (SIGKILL to this process), ``stop`` (SIGSTOP) or ``raise``.
"""

import os
import signal
from collections import Counter

OF_JOBS = (
    "claimed",
    "called",
    "parsed",
    "rows_written",
    "cursor_written",
    "committed",
    "heartbeat",
    "finalised",
    "file_written",
    "file_renamed",
)
OF_MESSAGES = ("dlq_written", "offset_committed")
NAMES = OF_JOBS + OF_MESSAGES

_plan: tuple[str, int, str] | None = None
_passed: Counter[str] = Counter()


class PointReached(Exception):
    """Raised at a point whose action is ``raise``; only tests see it."""


def arm(plan: str | None) -> None:
    """Set the plan ``name:nth:action`` for this process, or clear it with None."""
    global _plan  # noqa: PLW0603 - one plan for the process
    _passed.clear()
    if not plan:
        _plan = None
        return
    name, nth, action = plan.split(":")
    if name not in NAMES:
        raise ValueError(f"no commit point is called {name!r}; there are {', '.join(NAMES)}")
    _plan = (name, int(nth), action)


def reach(name: str) -> None:
    """Pass a named point; a no-op unless a plan is armed."""
    if _plan is None:
        return
    wanted, nth, action = _plan
    if name != wanted:
        return
    _passed[name] += 1
    if _passed[name] != nth:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        raise PointReached(name)


arm(os.environ.get("INGATHER_TEST_POINT"))
