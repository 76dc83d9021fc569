"""How a post's rows fall into threads, by arithmetic alone: any size in constant memory."""

from bisect import bisect_left, bisect_right
from itertools import accumulate

FLAT = (0,)
# One hundred threads, 187 rows: mostly silent, some talk, two outgrow an embedded reply page.
MIXED = (
    *(0, 0, 1, 0, 0, 2, 0, 0, 0, 1) * 4,
    *(0, 3, 0, 0, 0, 0, 1, 0, 0, 0) * 3,
    *(0, 0, 0, 26, 0, 0, 0, 0, 1, 0),
    *(0, 0, 0, 0, 0, 0, 30, 0, 0, 0),
    *(0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
)


class Layout:
    """`total` rows, numbered from the oldest, in threads whose reply counts repeat a pattern.

    A thread is its first comment followed by its replies; the newest thread is cut so that the
    total is met exactly.
    """

    def __init__(self, total: int, pattern: tuple[int, ...] = FLAT) -> None:
        self.total = total
        self._pattern = pattern
        ends = list(accumulate(replies + 1 for replies in pattern))
        self._starts = [0, *ends[:-1]]
        self._period = ends[-1]
        whole, rest = divmod(total, self._period)
        self.threads = whole * len(pattern) + bisect_left(self._starts, rest)

    def start(self, thread: int) -> int:
        """The row number of a thread's first comment; thread 0 is the oldest."""
        turns, place = divmod(thread, len(self._pattern))
        return turns * self._period + self._starts[place]

    def replies(self, thread: int) -> int:
        """How many replies a thread has."""
        return min(self._pattern[thread % len(self._pattern)], self.total - self.start(thread) - 1)

    def locate(self, number: int) -> tuple[int, int]:
        """(thread, place in it) of a row; place 0 is the first comment."""
        turns, rest = divmod(number, self._period)
        place = bisect_right(self._starts, rest) - 1
        return turns * len(self._pattern) + place, rest - self._starts[place]
