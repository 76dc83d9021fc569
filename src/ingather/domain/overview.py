"""How all targets of a job stand, for whoever does not look at each of them."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, structs

if TYPE_CHECKING:
    from ingather.domain.job import TargetState


class Overview(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many targets there are, and how far they are.

    ended: how many of them have ended, by their ending; a target ends once. passes: the most that
    one of them took.
    """

    count: int
    ended: dict[str, int] = {}
    passes: int = 1

    @classmethod
    def of(cls, states: "Sequence[TargetState]") -> "Overview":
        """That of these targets."""
        ended = Counter[str](state.ended for state in states if state.ended is not None)
        passes = max((state.passes for state in states), default=1)
        return cls(count=len(states), ended=dict(ended), passes=passes)

    @property
    def over(self) -> int:
        """Targets that have ended."""
        return sum(self.ended.values())

    def after(self, state: "TargetState") -> "Overview":
        """The same once a page has left one of them in this state."""
        if state.ended is None and state.passes <= self.passes:
            return self
        ended = self.ended
        if state.ended is not None:
            ended = ended | {state.ended: ended.get(state.ended, 0) + 1}
        return structs.replace(self, ended=ended, passes=max(self.passes, state.passes))
