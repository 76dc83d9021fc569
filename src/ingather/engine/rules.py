"""How a target's state moves on: after a page, after a dead cursor. Pure."""

from msgspec import structs

from ingather import errors
from ingather.domain.job import TargetState
from ingather.ports import Outcome

MOST_IDLE = 3
"""Pages running without an id new to the job, before it ends with no_progress."""
MOST_EMPTY = 20
"""Empty pages running, each with a fresh cursor, before it ends with no_progress."""
MOST_A_PAGE = 1_300
"""Rows that one page may hold: fifty comments, each with as many replies as come with it."""
MOST_IDLE_OF_MANY = 200
"""The same where a job has several targets, whose lists may hold the same people."""


def restarted(state: TargetState, dead: errors.DeadCursor) -> TargetState:
    """The state to read on in after a dead cursor: a new pass, with cursors of its own.

    A pass that dies without having got further than the one before it is the last.
    """
    if state.passes > 1 and state.depth <= state.deepest:
        raise dead
    return anew(state, dead.restart)


def anew(state: TargetState, restart: str | None) -> TargetState:
    """The state at the beginning of another pass, or of the list that `restart` begins."""
    return structs.replace(
        state,
        cursor=restart,
        passes=state.passes + 1,
        depth=0 if restart is None else state.depth,
        deepest=max(state.deepest, state.depth),
        idle=0,
        within=None,
        idle_within=0,
        empty=0,
    )


def hangs(state: TargetState) -> bool:
    """Whether it hangs on the outcome of its last page how many are idle."""
    return state.depth > state.deepest and not state.empty


def untold(state: TargetState) -> TargetState:
    """The state where nobody can tell any more whether its last page held anything new: as if it
    had, since a list must not be called read out too early."""
    return structs.replace(state, idle=0, idle_within=0)


def counted(state: TargetState, outcome: Outcome) -> TargetState:
    """The state with its last page counted as idle if it held rows and nothing new.

    Rereading after a restart does not count, and an empty page has its own count. Replies are
    counted within their thread: the threads of one page that came twice are no reason to stop.
    """
    if outcome.new or state.depth <= state.deepest:
        return untold(state)
    if state.empty:
        return state
    if state.within is None:
        return structs.replace(state, idle=state.idle + 1)
    return structs.replace(state, idle_within=state.idle_within + 1)
