"""`ingather verify`: whether a draw's receipt is true, without the network and without us."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingather.cli import options
from ingather.cli.run import run, say

if TYPE_CHECKING:
    from ingather.domain.verifier import Verdict


def verify(
    receipt: Annotated[
        Path | None,
        typer.Argument(metavar="RECEIPT", help="The receipt of a draw, or a record of draw/1."),
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="The hash that was published before the draw."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="FINGERPRINT", help="Of the installation that has to have run it."),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="For draw/1: the comment ids, one a line, or the export as CSV."
        ),
    ] = None,
    tsa_root: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Trust this time-stamp authority's root too."),
    ] = None,
    as_json: options.Json = False,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Check rehearsals on the sandbox's beacon; none is proven."),
    ] = False,
    write_standalone: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the verifier itself as one Python file, to read and run."
        ),
    ] = None,
) -> None:
    """Verify a draw offline: exit 0 proven, 1 false (it names the check), 4 not provable."""

    async def command() -> int:
        if write_standalone is not None:
            _standalone(write_standalone)
            if receipt is None:
                return 0
        verdict = _verdict(receipt, commit, key, ids, tsa_root or [], sandbox)
        _tell(verdict, as_json)
        return verdict.exit_code

    run(command)


def _verdict(
    receipt: Path | None,
    commit: str | None,
    key: str | None,
    ids: Path | None,
    roots: list[Path],
    sandbox: bool,
) -> "Verdict":
    from ingather import errors
    from ingather.domain import beacon, verifier

    if receipt is None:
        raise errors.BadInput("There is no receipt to verify.", hint="Name its file.")
    text = _read(receipt)
    played = beacon.SANDBOX
    chain = verifier.Chain(played.public_key, played.period, played.genesis)
    listed, writers, exported = _ids(ids, text) if ids else (None, {}, ())
    asked = verifier.Asked(
        published=_understood("--commit", commit, verifier.hash_of) if commit else None,
        key=_understood("--key", key, verifier.hash_of) if key else None,
        ids=listed,
        writers=writers,
        exported=exported,
        roots=[_understood(str(path), _read(path), verifier.root_of) for path in roots],
        rehearsals={played.hash: chain} if sandbox else {},
    )
    return verifier.verify(text, asked)


def _tell(verdict: "Verdict", as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from ingather.domain import verifier

    print(json.dumps(asdict(verdict)) if as_json else verifier.words(verdict))


def _read(path: Path) -> bytes:
    from ingather import errors

    try:
        return path.read_bytes()
    except OSError as failure:
        raise errors.BadInput(f"{path} cannot be read: {failure.strerror}.") from None


def _understood(name: str, value: Any, read: Callable[[Any], Any]) -> Any:
    from ingather import errors

    try:
        return read(value)
    except ValueError as failure:
        raise errors.BadInput(f"{name} cannot be understood: {failure}.") from None


def _ids(path: Path, record: bytes) -> tuple[list[str], dict[str, tuple[str, str]], Sequence[str]]:
    """The ids of draw/1's participants, from a list or from an export as CSV, of which only the
    first comment of each user counts where the record says so; of a CSV that tells them, each
    comment's user id and username; and all ids of a CSV. Comments without a user id never take
    part."""
    import csv
    import io

    from ingather import errors

    try:
        text = _read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise errors.BadInput(f"{path} is not text in UTF-8.") from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = rows.fieldnames or ()
    if "commentId" not in columns:
        return text.split(), {}, ()
    if "userId" not in columns:
        raise errors.BadInput(
            f"{path} has no column userId, which tells who takes part.",
            hint="Give the export with all of its columns, or the ids alone.",
        )
    told = sorted(
        (row["commentId"] or "", row["userId"], row.get("username"))
        for row in rows
        if row["userId"]
    )
    writers = {comment: (user, name) for comment, user, name in told if name is not None}
    every = [comment for comment, _, _ in told]
    if b'"uniqueUsers":true' not in b"".join(record.split()):
        return every, writers, every
    first: dict[str, str] = {}
    for comment, user, _ in told:
        first.setdefault(user, comment)
    return list(first.values()), writers, every


def _standalone(path: Path) -> None:
    from ingather import errors
    from ingather.domain import verifier

    try:
        path.write_bytes(Path(verifier.__file__).read_bytes())
    except OSError as failure:
        raise errors.UnwritablePath(f"{path} cannot be written: {failure.strerror}.") from None
    say(
        f"Wrote {path}. Read it, then run `python {path} RECEIPT` with rfc8785, cryptography and"
        " py_ecc installed, and rfc3161-client for time-stamps."
    )
