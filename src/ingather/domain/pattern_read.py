"""Reads the text of a pattern into steps: `pattern` says what is understood."""

import re
from collections.abc import Callable
from typing import NoReturn

MOST_LETTERS = 200
"""Of a pattern."""
MOST_STEPS = 2_000
"""Of a pattern whose repetitions are written out."""
MOST_REPEATS = 200

Test = Callable[[str], bool]
Piece = Callable[[], object]
Step = tuple[str, object, int, int]
"""("one", test, next, 0), ("fork", None, next, other), ("at", kind, next, 0) or ("end", …)."""

_BOUNDS = re.compile(r"\{([0-9]{1,4})(,?)((?<=,)[0-9]{0,4}|)\}")


class PatternError(ValueError):
    """position: in the pattern, 0 for its first letter."""

    def __init__(self, why: str, position: int) -> None:
        super().__init__(why)
        self.why = why
        self.position = position


class Compiler:
    """From text to steps; raises PatternError. Each piece is a function that appends its steps."""

    def __init__(self, text: str, fold: Callable[[str], str]) -> None:
        self.steps: list[Step] = []
        self._text = text
        self._fold = fold
        self._at = 0
        self._rounds = 0
        if len(text) > MOST_LETTERS:
            self._fail(f"it is longer than {MOST_LETTERS} letters", MOST_LETTERS)
        piece = self._either()
        if self._at < len(text):
            self._fail("this ) closes nothing")
        piece()
        self._add("end")

    def _fail(self, why: str, at: int | None = None) -> NoReturn:
        raise PatternError(why, self._at if at is None else at)

    def _add(self, kind: str, what: object = None) -> int:
        if len(self.steps) >= MOST_STEPS:
            self._fail("written out, its repetitions are too long", len(self._text))
        self.steps.append((kind, what, len(self.steps) + 1, 0))
        return len(self.steps) - 1

    def _jump(self, step: int, to: int) -> None:
        self.steps[step] = ("fork", None, to, to)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, expected: str) -> bool:
        if self._text.startswith(expected, self._at):
            self._at += len(expected)
            return True
        return False

    def _either(self) -> Piece:
        ways = [self._sequence()]
        while self._take("|"):
            ways.append(self._sequence())
        return ways[0] if len(ways) == 1 else lambda: self._emit_either(ways)

    def _emit_either(self, ways: list[Piece]) -> None:
        jumps = []
        for way in ways[:-1]:
            fork = self._add("fork")
            way()
            jumps.append(self._add("fork"))
            self.steps[fork] = ("fork", None, fork + 1, len(self.steps))
        ways[-1]()
        for jump in jumps:
            self._jump(jump, len(self.steps))

    def _sequence(self) -> Piece:
        pieces: list[Piece] = []
        while self._peek() not in ("", "|", ")"):
            pieces.append(self._repeated(self._single()))
        return lambda: [piece() for piece in pieces]

    def _repeated(self, piece: Piece) -> Piece:
        while True:
            at = self._at
            if self._take("*"):
                least, most = 0, None
            elif self._take("+"):
                least, most = 1, None
            elif self._take("?"):
                least, most = 0, 1
            elif (bounds := self._bounds()) is not None:
                least, most = bounds
            else:
                return piece
            if self._peek() == "+":
                self._fail("possessive repetition is not understood")
            self._take("?")
            if self._peek() in ("*", "+", "?"):
                self._fail("there is nothing to repeat")
            if max(least, most or 0) > MOST_REPEATS:
                self._fail(f"nothing can be repeated more than {MOST_REPEATS} times", at)
            piece = self._repetition(piece, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        """The numbers in {m}, {m,} and {m,n}; any other { is a letter."""
        found = _BOUNDS.match(self._text, self._at)
        if found is None:
            return None
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if most is not None and most < least:
            self._fail(f"{found[0]} ends before it begins")
        self._at = found.end()
        return least, most

    def _repetition(self, piece: Piece, least: int, most: int | None) -> Piece:
        def once() -> None:
            self._rounds += 1
            if self._rounds > MOST_STEPS:  # what is repeated may be empty, and repeated in turn
                self._fail("written out, its repetitions are too long", len(self._text))
            piece()

        def emit() -> None:
            for _ in range(least):
                once()
            forks = []
            for _ in range(1 if most is None else most - least):
                forks.append(self._add("fork"))
                once()
            if most is None:
                self._jump(self._add("fork"), forks[0])
            for fork in forks:
                self.steps[fork] = ("fork", None, fork + 1, len(self.steps))

        return emit

    def _single(self) -> Piece:
        at = self._at
        if self._take("("):
            if self._take("?") and not self._take(":"):
                self._fail("of the forms (?…) only (?:…) is understood", at)
            piece = self._either()
            if not self._take(")"):
                self._fail("this ( is never closed", at)
            return piece
        if self._take("["):
            return self._one(self._class(at))
        letter = self._peek()
        if letter in ("*", "+", "?"):
            self._fail("there is nothing to repeat")
        self._at += 1
        if letter == "\\":
            return self._escaped(at)
        if letter == ".":
            return self._one(lambda one: one != "\n")
        if letter in ("^", "$"):
            return lambda: self._add("at", letter)
        return self._literal(letter)

    def _one(self, test: Test) -> Piece:
        return lambda: self._add("one", test)

    def _literal(self, letter: str) -> Piece:
        folded = self._fold(letter)
        tests = [lambda one, wanted=wanted: one == wanted for wanted in folded]
        return lambda: [self._add("one", test) for test in tests]

    def _escaped(self, at: int) -> Piece:
        letter = self._peek()
        if letter in ("b", "B"):
            self._at += 1
            return lambda: self._add("at", letter)
        found = self._escape(at)
        return self._one(found) if callable(found) else self._literal(found)

    def _escape(self, at: int) -> Test | str:
        """What follows a backslash: a kind of letters, or a letter."""
        letter = self._peek()
        if not letter:
            self._fail("nothing follows this \\", at)
        self._at += 1
        if letter in _KINDS:
            return _KINDS[letter]
        if letter in _SPECIAL:
            return _SPECIAL[letter]
        if letter.isalnum():
            self._fail(f"\\{letter} is not understood", at)
        return letter

    def _class(self, at: int) -> Test:
        other = self._take("^")
        tests: list[Test] = []
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member(at)
            if callable(low):
                tests.append(low)
                continue
            high = low
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                end = self._member(at)
                if callable(end) or end < low:
                    self._fail("this range ends before it begins", at)
                high = end
            tests.append(_within(low, high, self._fold))
        self._at += 1
        return lambda one: any(test(one) for test in tests) != other

    def _member(self, at: int) -> Test | str:
        letter = self._peek()
        if not letter:
            self._fail("this [ is never closed", at)
        self._at += 1
        return self._escape(self._at - 1) if letter == "\\" else letter


def _within(low: str, high: str, fold: Callable[[str], str]) -> Test:
    """Whether a letter of a folded text can come from a letter of the range."""
    alone = {fold(low), fold(high)}
    folds = fold("A") != "A"

    def test(one: str) -> bool:
        return low <= one <= high or one in alone or (folds and low <= one.upper() <= high)

    return test


def is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


_KINDS: dict[str, Test] = {
    "d": str.isdecimal,
    "D": lambda one: not one.isdecimal(),
    "w": is_word,
    "W": lambda one: not is_word(one),
    "s": str.isspace,
    "S": lambda one: not one.isspace(),
}
_SPECIAL = {"n": "\n", "t": "\t", "r": "\r"}
