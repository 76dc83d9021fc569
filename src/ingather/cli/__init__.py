"""The command line: it decides nothing, it translates.

Nothing but Typer is imported here; each command imports what it needs when it runs, so that
`--help` is there at once.
"""

from typing import Annotated

import typer

from ingather import __version__
from ingather.cli import (
    accounts,
    analyze,
    consumer,
    doctor,
    draw,
    export,
    extract,
    giveaways,
    jobs,
    keys,
    login,
    migrate,
    posts,
    refresh,
    sandbox,
    up,
    verify,
    worker,
)

app = typer.Typer(
    name="ingather",
    help=(
        "Collect Instagram data you may have, never lose a row, and know how complete it is.\n\n"
        "New here? `ingather demo` needs no account. Then `ingather login`, and"
        " `ingather export comments POST -o comments.xlsx`."
    ),
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage, 3 paused (it says how to go on), "
    "4 not provable (`verify`), 130 interrupted (everything so far is kept).",
    no_args_is_help=True,
    rich_markup_mode=None,  # its import alone costs as much as all of --help may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ingather {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Collect Instagram data you may have."""


app.command("demo")(sandbox.demo)
app.add_typer(export.app, name="export")
app.command("extract")(extract.extract)
app.command("analyze")(analyze.analyze)
app.add_typer(jobs.app, name="jobs")
app.command("draw")(draw.draw)
app.add_typer(giveaways.app, name="giveaways")
app.add_typer(keys.app, name="keys")
app.command("up")(up.up)
app.command("worker")(worker.worker)
app.command("posts")(posts.posts)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.add_typer(accounts.app, name="accounts")
app.command("refresh")(refresh.refresh)
app.command("schedule")(refresh.schedule)
app.command("consumer")(consumer.consumer)
app.add_typer(consumer.dlq, name="dlq")
app.command("doctor")(doctor.doctor)
app.command("verify")(verify.verify)
app.command("migrate")(migrate.migrate)
app.command("sandbox")(sandbox.sandbox)
