"""An analysis as a workbook: summary, reels and hashtags, with charts that Excel draws itself."""

from datetime import UTC, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from ingather.domain.estimates import Estimate
from ingather.exports.columns import Column, Layout
from ingather.exports.reel_files import Story, profile_lines

CELL = 32_767
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def write(out: Any, story: Story, columns: Layout) -> None:
    """Write the workbook to a stream. Texts are text, whatever they begin with."""
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": True,
        },
    )
    # The same analysis gives the same bytes.
    book.set_properties({"created": datetime.fromisoformat(story.analysis.at)})
    bold = book.add_format({"bold": True})
    summary = book.add_worksheet("Summary")
    _reels(book, book.add_worksheet("Reels"), story, columns, bold)
    _hashtags(book.add_worksheet("Hashtags"), story, bold)
    _summary(book, summary, story, bold)
    book.close()


def _reels(book: Any, sheet: Worksheet, story: Story, columns: Layout, bold: Any) -> None:
    date = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    percent = book.add_format({"num_format": "0.00%"})
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.name, bold)
        sheet.set_column(place, place, 40 if column.name == "caption" else 16)
        for number, row in enumerate(story.rows, start=1):
            value = getattr(row, column.attribute)
            if value is not None:
                style = date if column.kind == "time" else None
                style = percent if column.name == "engagementRate" else style
                _cell(sheet, number, place, column, value, style)
    if story.rows:
        sheet.autofilter(0, 0, len(story.rows), len(columns.columns) - 1)


def _cell(sheet: Worksheet, row: int, place: int, column: Column, value: Any, style: Any) -> None:
    if column.kind == "bool":
        sheet.write_boolean(row, place, value)
    elif column.kind in ("int", "float"):
        sheet.write_number(row, place, value, style)
    elif column.kind == "time":
        try:
            when = datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
            sheet.write_datetime(row, place, when, style)
        except ValueError:
            sheet.write_string(row, place, value[:CELL])
    else:
        text = " ".join(value) if column.kind == "list" else value
        sheet.write_string(row, place, text[:CELL])


def _hashtags(sheet: Worksheet, story: Story, bold: Any) -> None:
    heads = ("hashtag", "reels", "lift", "low", "high")
    for place, head in enumerate(heads):
        sheet.write_string(0, place, head, bold)
    sheet.set_column(0, 0, 30)
    for row, each in enumerate(story.analysis.hashtags.lifts, start=1):
        sheet.write_string(row, 0, each.word[:CELL])
        sheet.write_number(row, 1, each.n)
        for place, value in enumerate((each.lift.value, each.lift.low, each.lift.high), start=2):
            if value is not None:
                sheet.write_number(row, place, value)


def _summary(book: Any, sheet: Worksheet, story: Story, bold: Any) -> None:
    found = story.analysis
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 4, 16)
    row = 0
    for name, value in profile_lines(found):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, value)
        row += 1
    row = _figures(sheet, row + 1, story, bold)
    at = 1
    if found.tiers:
        counts = found.tiers.counts
        row = _table(sheet, row, bold, "Tier", "Reels", counts.items())
        at = _chart(book, sheet, at, row, len(counts), "Reels by tier")
    if found.weekly:
        points = [(point.start, point.median) for point in found.weekly.points]
        row = _table(sheet, row, bold, "Week", f"Median {found.measure}", points)
        at = _chart(book, sheet, at, row, len(points), f"Median {found.measure} a week", "line")
    if found.calendar:
        hours = [(f"{cell.place}:00", cell.median) for cell in found.calendar.hours]
        days = [(_DAYS[cell.place], cell.median) for cell in found.calendar.weekdays]
        for head, cells in (("Hour", hours), ("Weekday", days)):
            row = _table(sheet, row, bold, f"{head} ({found.zone})", "Median", cells)
            title = f"Median {found.measure} by {head.lower()}"
            at = _chart(book, sheet, at, row, len(cells), title)


def _figures(sheet: Worksheet, row: int, story: Story, bold: Any) -> int:
    for place, head in enumerate(("figure", "value", "low", "high", "reels")):
        sheet.write_string(row, place, head, bold)
    found = story.analysis
    figures: list[tuple[str, Estimate | None, int]] = [
        (f"median {found.measure}", found.typical, found.typical.n if found.typical else 0)
    ]
    figures += [(f"engagement by {rate.by}", rate.rate, rate.reels) for rate in found.rates]
    for name, estimate, reels in figures:
        row += 1
        sheet.write_string(row, 0, name)
        if estimate is None:
            sheet.write_string(row, 1, "not enough")
        else:
            for place, value in enumerate((estimate.value, estimate.low, estimate.high), start=1):
                if value is not None:
                    sheet.write_number(row, place, value)
        sheet.write_number(row, 4, reels)
    return row + 2


def _table(sheet: Worksheet, row: int, bold: Any, head: str, value: str, cells: Any) -> int:
    """Write a small table; the row after it, with one left blank."""
    sheet.write_string(row, 0, head, bold)
    sheet.write_string(row, 1, value, bold)
    for name, number in cells:
        row += 1
        sheet.write_string(row, 0, str(name))
        sheet.write_number(row, 1, number)
    return row + 2


def _chart(
    book: Any, sheet: Worksheet, at: int, row: int, count: int, title: str, kind: str = "column"
) -> int:
    """Draw the table that ends two rows above `row` beside it; where the next one may stand."""
    last = row - 2
    chart = book.add_chart({"type": kind})
    chart.add_series(
        {
            "categories": ["Summary", last - count + 1, 0, last, 0],
            "values": ["Summary", last - count + 1, 1, last, 1],
            "fill": {"color": "#3366aa"},
            "line": {"color": "#3366aa"},
        }
    )
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    sheet.insert_chart(at, 6, chart)
    return at + 16
