"""The XML of a workbook's parts that is not rows (ECMA-376, part 1)."""

from string import ascii_uppercase
from xml.sax.saxutils import quoteattr

from ingather.exports.columns import Kind, Layout

LETTERS = ascii_uppercase
"""Of columns; no record has more than 26."""

ID, TEXT, TIME, HEADER = 1, 2, 3, 4
"""Cell styles, by their place in `cellXfs` below. TEXT bears quotePrefix, which keeps a text that
looks like a formula from becoming one when its cell is edited."""

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_STYLE_OF: dict[Kind, int] = {
    "id": ID,
    "text": TEXT,
    "url": TEXT,
    "list": TEXT,
    "int": 0,
    "float": 0,
    "bool": 0,
    "time": TIME,
}
_WIDTH_OF: dict[Kind, int] = {
    "id": 21,
    "text": 24,
    "url": 40,
    "list": 32,
    "int": 11,
    "float": 11,
    "bool": 11,
    "time": 24,
}
_LONG = 80  # of the last column, when it is text: comments and captions

ROOT = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)

STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" '
    'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss&quot; UTC&quot;"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def workbook(titles: list[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(title)} sheetId="{n}" r:id="rId{n}"/>'
        for n, title in enumerate(titles, 1)
    )
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
    )


def relations(sheets: int) -> str:
    lines = [
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, sheets + 1)
    ]
    lines.append(
        f'<Relationship Id="rId{sheets + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def content_types(sheets: int) -> str:
    kinds = {"workbook": "sheet.main", "styles": "styles"}
    kinds |= {f"worksheets/sheet{n}": "worksheet" for n in range(1, sheets + 1)}
    lines = "".join(
        f'<Override PartName="/xl/{part}.xml" ContentType="{_TYPE}.{kind}+xml"/>'
        for part, kind in kinds.items()
    )
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{lines}</Types>'
    )


def sheet_head(layout: Layout, *, selected: bool) -> str:
    """All that stands before the rows, and the header row, which is frozen."""
    widths = [_WIDTH_OF[column.kind] for column in layout]
    if layout.columns[-1].kind == "text":
        widths[-1] = _LONG
    columns = "".join(
        f'<col min="{n}" max="{n}" width="{width}" style="{_STYLE_OF[column.kind]}" '
        'customWidth="1"/>'
        for n, (column, width) in enumerate(zip(layout, widths, strict=True), 1)
    )
    header = "".join(
        f'<c r="{LETTERS[i]}1" s="{HEADER}" t="inlineStr"><is><t>{name}</t></is></c>'
        for i, name in enumerate(layout.names)
    )
    tab = ' tabSelected="1"' if selected else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{tab} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '<selection pane="bottomLeft"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{columns}</cols>'
        f'<sheetData><row r="1">{header}</row>'
    )


def sheet_tail(layout: Layout, *, last: int) -> str:
    """What stands after the rows; ids are text on purpose, so Excel need not warn of it."""
    ids = [LETTERS[i] for i, column in enumerate(layout) if column.kind == "id"]
    ranges = " ".join(f"{letter}2:{letter}{max(last, 2)}" for letter in ids)
    warnings = (
        f'<ignoredErrors><ignoredError sqref="{ranges}" numberStoredAsText="1"/></ignoredErrors>'
        if ids
        else ""
    )
    margins = (
        '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
    )
    return f"</sheetData>{margins}{warnings}</worksheet>"
