"""The house itself: what opens quickly, what stays small, what says what it is for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "ingather"
MODULES = {
    module.relative_to(SOURCE).as_posix(): module.read_text("utf-8")
    for module in sorted(SOURCE.rglob("*.py"))
    if module.stat().st_size > 1
}
"""The text of each module by its place."""

LONGEST = 300
LONGER: dict[str, str] = {
    "domain/verifier.py": "it is copied out whole, as one file",
    "errors.py": "every error in one place, a few lines each",
}
"""Files that may be longer, and why."""


def loaded_by(*words: str) -> set[str]:
    """The modules that a command line has imported when it is through."""
    code = (
        "import sys\n"
        "from ingather.__main__ import main\n"
        f"sys.argv = ['ingather', *{list(words)!r}]\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert "Usage:" in told.stdout
    return set(told.stderr.split())


@pytest.mark.parametrize("words", [("--help",), ("export", "comments", "--help")])
def test_help_opens_nothing(words):
    """`--help` imports neither settings nor stores, no network, no rich, no pyarrow."""
    loaded = loaded_by(*words)
    heavy = {"aiohttp", "msgspec", "rich", "pyarrow", "numpy", "cryptography", "hiredis", "sqlite3"}
    ours = {"settings", "assembly", "stores", "providers", "engine", "features", "sandbox"}
    assert not loaded & (heavy | {f"ingather.{name}" for name in ours})


def test_no_file_is_too_long():
    """A file of more than 300 lines lacks a room, or a reason."""
    lines = {name: len(text.splitlines()) for name, text in MODULES.items()}
    assert {name for name, count in lines.items() if count > LONGEST} <= set(LONGER)


def test_every_reason_is_needed():
    """A file that has become short again needs no reason to be long."""
    for name in LONGER:
        assert len(MODULES[name].splitlines()) > LONGEST, name


def test_every_module_says_what_it_is_for():
    """A module opens with one sentence of purpose."""
    told = {name: ast.get_docstring(ast.parse(text)) or "" for name, text in MODULES.items()}
    assert [name for name, words in told.items() if not words.strip()] == []
