"""Tables of a page; every cell is escaped unless it is markup of ours."""

from collections.abc import Iterable, Sequence
from html import escape


def table(heads: Sequence[str], lines: Iterable[Iterable[object]]) -> str:
    """A table; cells are escaped unless they are `Html`."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


class Html(str):
    """Text that is markup of ours already."""


def _cell(value: object) -> str:
    text = value if isinstance(value, Html) else escape("" if value is None else str(value))
    numeric = isinstance(value, int) or (text[:1].isdigit() and not text[-1:].isalpha())
    return f'<td class="number">{text}</td>' if numeric else f"<td>{text}</td>"
