"""The docs say what the program does: every name in them is checked against the code."""

import contextlib
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from msgspec import structs

from ingather import errors
from ingather.cli import app
from ingather.domain import job as jobs
from ingather.domain import receipt
from ingather.exports import columns, files
from ingather.settings import SETTINGS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"
COMMAND = typer.main.get_command(app)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)\)")
_CALL = re.compile(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\S*/)?ingather(?P<words> [^#|>&;]*|$)")
_CODE = re.compile(r"`([^`\n]+)`")


def text(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def commands() -> dict[str, typer.core.TyperCommand]:
    """Every command by the words that call it, `export comments` for one."""
    found = {}

    def walk(command, words):
        inner = getattr(command, "commands", None)
        if inner is None:
            found[" ".join(words)] = command
        for name, each in (inner or {}).items():
            walk(each, [*words, name])

    walk(COMMAND, [])
    return found


def options(command) -> set[str]:
    """The options of a command as they are typed, but for help."""
    typed = {
        name
        for each in command.params
        if each.param_type_name == "option"
        for name in (*each.opts, *each.secondary_opts)
    }
    return typed - {"--help", "-h"}


def sections(page: str) -> dict[str, str]:
    """The text under each heading that begins with `ingather …`."""
    parts = re.split(r"^#+ +`(?:ingather )?([^`]+)`.*$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table(page: str) -> dict[str, str]:
    """The rows of all tables whose first cell is code: name -> the rest of the row."""
    found = {}
    for line in page.splitlines():
        if row := re.match(r"\| `([^`]+)` \|(.*)\|\s*$", line):
            found[row[1]] = row[2]
    return found


def typed(page: str) -> Iterator[tuple[str, bool]]:
    """Every command line in a page: its words, and whether it stands whole in a block."""
    for language, block in _FENCE.findall(page):
        if language in ("console", "sh", ""):
            for line in block.replace("\\\n", " ").splitlines():
                if call := _CALL.match(line.strip()):
                    yield call["words"].strip(), True
    for code in _CODE.findall(_FENCE.sub("", page)):
        if re.match(r"(\.venv/bin/)?ingather( |$)", code):
            yield re.split(r"[|>&;#]", code.partition("ingather")[2])[0].strip(), False


def test_every_command_and_option_is_in_the_reference():
    """docs/reference/cli.md has a section for each command, and each of its options in there."""
    found = sections(text("cli.md"))
    for words, command in commands().items():
        assert words in found, f"cli.md has no section for `ingather {words}`"
        named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", found[words]))
        missing = options(command) - named
        assert not missing, f"`ingather {words}`: cli.md does not name {sorted(missing)}"


def test_the_reference_names_no_command_or_option_that_does_not_exist():
    """What cli.md describes can be typed."""
    known = commands()
    for words, section in sections(text("cli.md")).items():
        if words == "ingather":
            continue
        assert words in known, f"cli.md describes `ingather {words}`, which does not exist"
        for name in table(section):
            for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", name):
                assert option in options(known[words]), f"`ingather {words}` has no {option}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_line_in_the_docs_parses(page):
    """A command copied out of the docs is understood by the program."""
    for line, whole in typed(page.read_text("utf-8")):
        words = [word for word in shlex.split(line) if word not in ("…", "[OPTIONS]")]
        command, path = COMMAND, []
        while words and getattr(command, "commands", None) and not words[0].startswith("-"):
            path.append(words.pop(0))
            assert path[-1] in command.commands, f"{page.name}: `ingather {line}`: no such command"
            command = command.commands[path[-1]]
        if getattr(command, "commands", None):
            continue
        if not whole and not [word for word in words if not word.startswith("-")]:
            unknown = {word.partition("=")[0] for word in words} - options(command) - {"--help"}
            assert not unknown, f"{page.name}: `ingather {line}`: there is no {unknown}"
            continue
        with contextlib.suppress(typer.Exit):  # --help
            command.make_context("ingather", words)


def test_settings_and_their_reference_agree():
    """settings.md has a row for each setting, and none for what is no setting."""
    assert set(table(text("settings.md"))) == {each.name for each in SETTINGS}


def test_every_error_is_in_the_reference_with_its_exit_code():
    """errors.md has a row for each code, naming the exit code, and none that cannot come."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.IngatherError)
    ]
    rows = table(text("errors.md"))
    assert set(rows) == {kind.code for kind in kinds}
    for kind in kinds:
        assert rows[kind.code].split("|")[0].strip() == str(kind.exit_code), kind.code


def receipt_fields() -> set[str]:
    """Every key of a whole receipt, inner ones with a dot."""
    file = jobs.File(path="/a.csv", format="csv", size_bytes=1, rows=1, sha256="0")
    job = jobs.Job(
        id="1",
        kind="comments",
        owner=jobs.Owner("1", "somebody"),
        source="graph",
        route="media/comments",
        targets=(jobs.TargetState(target=jobs.Target(id="1")),),
        created_at="2026-01-01T00:00:00Z",
    )
    several = structs.replace(job, targets=job.targets * 2)
    found = set(receipt.full(several))
    for key, value in receipt.full(job, file).items():
        found.add(key)
        if isinstance(value, dict):
            found |= {f"{key}.{inner}" for inner in value}
    return found


def test_every_field_of_the_receipt_is_in_the_reference():
    """receipt.md has a row for each field, and none for what a receipt does not say."""
    assert set(table(text("receipt.md"))) == receipt_fields()


def test_every_ending_and_pause_is_in_the_reference():
    """endings.md has a row for each status and each reason that a job can have."""
    wanted = {*receipt.WHY, *jobs.Status.__args__, *jobs.Ending.__args__, *jobs.Pause.__args__}
    assert set(table(text("endings.md"))) == wanted


def test_columns_and_formats_are_in_the_reference():
    """files.md names the columns in their order, and every file ending there is."""
    page = text("files.md")
    named = [name for name in table(page) if not name.startswith(".")]
    assert tuple(named) == columns.COMMENTS.names
    endings = {name for name in table(page) if name.startswith(".")}
    assert endings == set(files.ENDINGS)


def test_redis_keys_are_in_the_reference():
    """redis-keys.md names every key of a job, and the days for which it is kept after the end."""
    keys = importlib.import_module("ingather.stores.redis_keys")
    rows = table(text("redis-keys.md"))
    days = {
        **dict.fromkeys(keys.of("{exportId}"), None),
        keys.of("{exportId}")[0]: keys.RECORD_MS,
        keys.of("{exportId}")[1]: keys.ROWS_MS,
        keys.of("{exportId}")[2]: keys.ROWS_MS,
        keys.of("{exportId}")[3]: keys.ROWS_MS,
        keys.MEDIA_INDEX + "{mediaId}": keys.INDEX_MS,
        keys.USER_INDEX + "{instagramId}": keys.INDEX_MS,
        keys.OPEN_INDEX + "{key}": None,
        keys.JOBS: None,
    }
    for key, milliseconds in days.items():
        assert key in rows, f"redis-keys.md has no row for {key}"
        if milliseconds is not None:
            assert f" {milliseconds // keys.DAY_MS} d" in rows[key], key


def test_every_route_is_in_the_reference():
    """http.md has a row for each route of the HTTP API, and none for what is no route."""
    app = importlib.import_module("ingather.api.app")
    routes = {
        f"{method} {getattr(route, 'path', '')}"
        for router in app.ROUTERS
        for route in router.routes
        for method in getattr(route, "methods", None) or ()
    }
    named = {name for name in table(text("http.md")) if " /" in name}
    assert named == routes


def test_every_status_of_the_http_api_is_in_the_reference():
    """http.md has a row for each status that a problem is told with."""
    problems = importlib.import_module("ingather.api.problems")
    named = set(
        re.findall(r"\b[45]\d\d\b", "".join(re.findall(r"^\| [45].*?\|", text("http.md"), re.M)))
    )
    assert {str(status) for status in problems.STATUSES.values()} <= named


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page):
    """A relative link names a file that is there, and a heading that it has."""
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ +(.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name} links to {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_in_the_docs_exist(page):
    """`make something` is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    said = page.read_text("utf-8")
    named = set(re.findall(r"`make ([a-z]+)`", said))
    for _, block in _FENCE.findall(said):
        named |= set(re.findall(r"^(?:\$ )?make ([a-z]+)", block, re.MULTILINE))
    assert named <= targets, f"{page.name}: {sorted(named - targets)}"


def test_every_page_of_the_docs_can_be_reached():
    """docs/README.md, or a page that it leads to, links to every page of the docs."""
    waiting, reached = [ROOT / "README.md"], set()
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
            path = (page.parent / link.partition("#")[0]).resolve()
            if not re.match(r"[a-z]+:", link) and path.is_file():
                waiting.append(path)
    assert not {page for page in PAGES if (ROOT / "docs") in page.parents} - reached


def test_no_change_is_told_twice():
    """Merging may bring back what was moved."""
    told = re.findall(r"^- .*", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert [line for line in told if told.count(line) > 1] == []
