"""`ingather login` and `ingather logout`: a token, kept encrypted."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import numbers, options
from ingather.cli.run import run, say, world

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.providers.graph_people import Linked
    from ingather.providers.login import App

_SHOWN = (
    "<!doctype html><meta charset=utf-8><title>Ingather</title><body style='font:1.1rem/1.5"
    " system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem'><h1>{title}</h1><p>{text}</p>"
)


def login(
    token: Annotated[
        bool,
        typer.Option("--token", help="Take a token you already have, from a prompt or stdin."),
    ] = False,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="Which account, where there are several."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address.")
    ] = True,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            parser=numbers.whole(0, 65_535),
            metavar="PORT",
            help="Where the browser comes back to.",
        ),
    ] = 8917,
    sandbox: options.Sandbox = False,
) -> None:
    """Log in with Facebook; the token is kept encrypted in the data folder.

    It takes an app of your own at developers.facebook.com: set FACEBOOK_APP_ID and
    FACEBOOK_APP_SECRET, and allow the address http://localhost:8917/callback.
    """

    async def command() -> int:
        async with world(sandbox=sandbox) as here:
            if token:
                return await _with_token(here, account)
            return await _with_browser(here, account, browser=browser, port=port)

    run(command)


def logout() -> None:
    """Forget the token that `login` kept."""

    async def command() -> int:
        async with world() as here:
            here.forget_login()
        say("Logged out: the token is gone from this machine.")
        return 0

    run(command)


async def _with_token(here: "World", account: str | None) -> int:
    from ingather import errors

    if sys.stdin.isatty():
        text = typer.prompt("Access token", hide_input=True)
    else:
        text = sys.stdin.readline()
    if not text.strip():
        raise errors.BadInput("No token was given.", hint="Paste it, or pipe it to stdin.")
    owner = await here.keep_login(text.strip(), account=account, expires_at=None)
    say(f"Logged in as @{owner.username} ({owner.instagram_id}).")
    return 0


async def _with_browser(here: "World", account: str | None, *, browser: bool, port: int) -> int:
    import secrets
    import time
    import webbrowser

    from ingather import errors
    from ingather.providers import login as flow

    settings = here.settings
    if settings.app_id is None or settings.app_secret is None:
        raise errors.BadSetting(
            "Logging in takes an app of your own at developers.facebook.com.",
            hint="Set FACEBOOK_APP_ID and FACEBOOK_APP_SECRET, or give a token with --token.",
        )
    app = flow.App(settings.app_id, settings.app_secret, settings.graph_url)
    state, back = secrets.token_urlsafe(24), f"http://localhost:{port}/callback"
    address = flow.authorize_url(app, redirect_uri=back, state=state, dialog=settings.login_url)
    if not browser or not webbrowser.open(address):
        say(f"Open this address to log in:\n{address}")
    code = flow.code_in(await _answered(port), state=state)
    short = await flow.exchange_code(here.http, app, code=code, redirect_uri=back)
    long = await flow.lengthen(here.http, app, short.access_token)
    await flow.check(here.http, app, long.access_token)
    chosen = await _choose(here, app, long.access_token, account)
    expires = None if long.expires_in is None else time.time() + long.expires_in
    owner = await here.keep_login(
        long.access_token, account=chosen.instagram_id, expires_at=expires
    )
    say(f"Logged in as @{owner.username} ({owner.instagram_id}).")
    if expires is not None:
        say(f"The token is good until {datetime.fromtimestamp(expires, UTC):%d %B %Y}.")
    return 0


async def _choose(here: "World", app: "App", token: str, account: str | None) -> "Linked":
    """The account to read for: the only one, the one asked for, or the one picked."""
    from ingather import errors
    from ingather.providers import login as flow

    missing = [
        name
        for name, granted in (await flow.permissions(here.http, app, token)).items()
        if not granted
    ]
    if missing:
        say(f"Not granted, and some commands will need it: {', '.join(missing)}")
    found = await flow.accounts(here.http, app, token)
    if account is not None:
        found = [one for one in found if one.instagram_id == account]
    if not found:
        raise errors.NotReachable(
            "No Instagram professional account is linked to the Pages that were ticked.",
            hint="Link one to a Facebook Page, or tick its Page when logging in.",
        )
    if len(found) == 1:
        return found[0]
    for number, one in enumerate(found, 1):
        say(f"  {number}  @{one.username} ({one.instagram_id})")
    if not sys.stdin.isatty():
        raise errors.BadInput("There are several accounts.", hint="Pick one with --account ID.")
    picked: int = typer.prompt("Which one", type=int)
    if not 1 <= picked <= len(found):
        raise errors.BadInput(f"There is no account {picked}.")
    return found[picked - 1]


async def _answered(port: int) -> dict[str, str]:
    """The query with which the browser comes back to this machine; ten minutes of patience."""
    import asyncio

    from aiohttp import web

    from ingather import errors

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[dict[str, str]] = loop.create_future()

    async def callback(request: web.Request) -> web.Response:
        if not answer.done():
            answer.set_result(dict(request.query))
        denied = "error" in request.query
        title = "Login declined" if denied else "Logged in"
        shown = _SHOWN.format(title=title, text="You may close this window.")
        return web.Response(text=shown, content_type="text/html")

    served = web.Application()
    served.router.add_get("/callback", callback)
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", port).start()
        async with asyncio.timeout(600):
            return await answer
    except OSError as failure:
        raise errors.BadInput(
            f"Port {port} cannot be used: {failure.strerror}.",
            hint="Pick another with --port, and allow its address in your app.",
        ) from None
    except TimeoutError:
        raise errors.Refused("Nobody logged in within ten minutes.") from None
    finally:
        await runner.cleanup()
