"""A chart as SVG, drawn from a Vega-Lite specification without a browser.

Two widths are drawn of each, for desks and for phones, since text within a picture does not grow.
Colours are stand-ins that the page's style replaces, by light and dark.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

WIDE, NARROW = 640, 320
INK, FAINT, MAIN = "#010101", "#020202", "#030303"

Numbers = Sequence[Sequence[object]]


class Chart(Struct, frozen=True):
    """title, note: in words, plain text. wide, narrow: SVG. heads, numbers: the table under it."""

    title: str
    note: str
    wide: str
    narrow: str
    heads: Sequence[str]
    numbers: Numbers


def draw(
    title: str,
    note: str,
    spec: dict[str, Any],
    heads: Sequence[str],
    numbers: Numbers,
    height: int = 220,
) -> Chart:
    """Draw a specification in both widths."""
    import vl_convert

    def drawn(width: int) -> str:
        whole = {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": width,
            "height": height,
            "autosize": {"type": "fit", "contains": "padding"},
            # Readers' fonts may be wider than the one that the labels were measured in.
            "padding": {"left": 16, "right": 12, "top": 5, "bottom": 5},
            "description": title,
            "config": _CONFIG,
            **spec,
        }
        return vl_convert.vegalite_to_svg(whole)

    return Chart(title, note, drawn(WIDE), drawn(NARROW), heads, numbers)


_CONFIG = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": FAINT,
        "domainColor": FAINT,
        "tickColor": FAINT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelOverlap": "greedy",
        "labelSeparation": 6,
    },
    "axisY": {"titlePadding": 12},
    "text": {"color": INK},
}
