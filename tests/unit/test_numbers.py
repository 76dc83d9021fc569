"""Options that take a number, a sum or a span of time."""

import inspect
from typing import get_args

import pytest
import typer

from ingather.cli import app, numbers


def given(function):
    """What each parameter of a command was declared with."""
    for parameter in inspect.signature(function).parameters.values():
        kind, *told = get_args(parameter.annotation) or (parameter.annotation,)
        yield kind, next((one for one in told if hasattr(one, "parser")), None)


def callbacks(group: typer.Typer):
    yield from (each.callback for each in group.registered_commands)
    for below in group.registered_groups:
        yield from callbacks(below.typer_instance)


def test_every_option_that_takes_a_number_says_what_to_write():
    """None is left to the words of the library, which speak of parsing and of validity."""
    seen = 0
    for function in callbacks(app):
        for kind, option in given(function):
            if option is not None and {int, float} & {kind, *get_args(kind)}:
                assert option.parser.__module__ == numbers.__name__, (function, option.param_decls)
                seen += 1
    assert seen > 30


@pytest.mark.parametrize(
    ("read", "words", "told"),
    [
        (numbers.whole(), "1e3", "“1e3” is no whole number. Write it in digits alone, such as 10."),
        (numbers.whole(1, 2), "two", "is no whole number. Write it in digits alone, such as 2"),
        (numbers.whole(), "1,000", "digits alone"),
        (numbers.whole(), "2.5", "digits alone"),
        (numbers.whole(), "", "digits alone"),
        (numbers.whole(), "٣", "digits alone"),
        (numbers.whole(), "-1", "-1 is too little. Write 1 or more."),
        (numbers.whole(0, 65_535), "65536", "65536 is too much. Write 65535 or less."),
        (numbers.whole(), "9" * 5_000, "is too much"),
        (numbers.money, "abc", "“abc” is no sum of money. Give one above 0, such as 0.50."),
        (numbers.money, "0,50", "such as 0.50"),
        (numbers.money, "nan", "such as 0.50"),
        (numbers.days, "0", "“0” is no number of days. Write 7, or 0.5 for half a day."),
        (numbers.days, "1d", "Write 7"),
        (numbers.span, "7", "Write 7s for seconds"),
        (numbers.seconds, "soon", "“soon” is no span of time. Write 90s, 10m, 2h or 1d."),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_what_to_write(read, words, told):
    """The words, what is wrong with them, and what to write in their place."""
    with pytest.raises(typer.BadParameter) as refused:
        read(words)
    assert told in refused.value.message


def test_what_is_a_number_is_read():
    """Defaults, which are numbers already, too."""
    assert [numbers.whole()(each) for each in ("1", " 500 ", 8, "+3")] == [1, 500, 8, 3]
    assert [numbers.money(each) for each in ("0.50", ".5", "3")] == [0.5, 0.5, 3.0]
    assert [numbers.days(each) for each in ("7", 7.0, "0.5")] == [7.0, 7.0, 0.5]
    assert [numbers.span("10m"), numbers.span(600.0), numbers.seconds("90")] == [600, 600, 90]
