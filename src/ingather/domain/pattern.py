"""Regular expressions whose time grows with the text and never faster: no backtracking.

Python's `re` can take years over thirty letters, cannot be interrupted, and no limit on lengths
prevents it. Here all ways through a pattern are followed at once, and what was worked out for a
letter is remembered. The price: no look-around and no back-references, which are refused.

Understood: literals, `.` (anything but a line feed), `[a-z]`, `[^a-z]`, `\\d \\w \\s \\b` and their
opposites, `\\n \\t \\r`, `^ $` (of the text), `( )`, `(?: )`, `|`, `* + ? {m} {m,} {m,n}`, lazy
forms too (it makes no difference whether, only where).
"""

from collections.abc import Callable

from ingather.domain.pattern_read import Compiler, PatternError, is_word

__all__ = ["Pattern", "PatternError"]

_MOST_KNOWN = 20_000


class Pattern:
    """A pattern, ready to be looked for. Raises PatternError.

    fold: made of each literal letter, so that it meets texts that were folded likewise.
    """

    def __init__(self, text: str, *, fold: Callable[[str], str] = str) -> None:
        self._steps = Compiler(text, fold).steps
        self._known: dict[tuple[frozenset[int], str, str], frozenset[int] | None] = {}

    def found(self, text: str) -> bool:
        """Whether it is anywhere in the text."""
        states: frozenset[int] = frozenset()
        before, known = "", self._known
        for letter in (*text, ""):
            # Of the letter before, only its kind matters, so that more can be remembered.
            kind = before and ("w" if is_word(before) else "-")
            key = (states, kind, letter)
            if key in known:
                after = known[key]
            else:
                after = self._after(states, kind, letter)
                if len(known) >= _MOST_KNOWN:
                    known.clear()
                known[key] = after
            if after is None:
                return True
            states, before = after, letter
        return False

    def _after(self, states: frozenset[int], before: str, letter: str) -> frozenset[int] | None:
        """The states behind a letter ("": the end of the text); None where the end is reached."""
        reached, waiting = set(states | {0}), [*states, 0]
        ahead: set[int] = set()
        while waiting:
            kind, what, then, other = self._steps[waiting.pop()]
            if kind == "end":
                return None
            ways: tuple[int, ...] = ()
            if kind == "fork":
                ways = (then, other)
            elif kind == "at" and _holds(str(what), before, letter):
                ways = (then,)
            elif kind == "one" and letter and callable(what) and what(letter):
                ahead.add(then)
            for way in ways:
                if way not in reached:
                    reached.add(way)
                    waiting.append(way)
        return frozenset(ahead)


def _holds(kind: str, before: str, letter: str) -> bool:
    """Whether a place is of that kind. before: "", "w" for a letter of a word, "-" for others."""
    if kind == "^":
        return not before
    if kind == "$":
        return not letter
    edge = (before == "w") != (bool(letter) and is_word(letter))
    return edge == (kind == "b")
