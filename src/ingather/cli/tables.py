"""Tables for a terminal or a pipe."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> "Console":
    """Standard output; wide where nobody looks at it on a terminal, so that nothing is cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 240)


def table(columns: dict[str, str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their heads. columns: name to how it is set: right, or which one gives way where
    the terminal is narrow: cut, fold. The others stay whole, so that ids can be copied."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    shown, gap = console(), 2
    widths = [
        max(cell_len(text) for text in (name, *(row[index] for row in rows)))
        for index, name in enumerate(columns)
    ]
    excess = max(0, sum(widths) + gap * (len(widths) - 1) - shown.width)
    widths = [
        min(width, max(8, width - excess)) if manner in ("cut", "fold") else width
        for width, manner in zip(widths, columns.values(), strict=True)
    ]
    # A line that is still too long goes on in the next one, as the terminal breaks it.
    shown.width = max(shown.width, sum(widths) + gap * (len(widths) - 1))
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for width, (name, manner) in zip(widths, columns.items(), strict=True):
        drawn.add_column(
            name,
            justify="right" if manner == "right" else "left",
            no_wrap=manner != "fold",
            overflow="fold" if manner == "fold" else "ellipsis",
            width=width,
        )
    for row in rows:
        drawn.add_row(*map(Text, row))
    with shown.capture() as text:
        shown.print(drawn, crop=False)
    # rich would end the program with 1 where whoever reads us has had enough.
    print(text.get(), end="", file=shown.file)
