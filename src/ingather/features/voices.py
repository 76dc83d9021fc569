"""Which source an extraction is asked of: by what each can tell, and by what there is a key for."""

from collections.abc import Collection, Sequence

from ingather import errors
from ingather.domain.kinds import CALLED, REACH, SOURCES

NAMES = ("graph", "hiker", "archive")
_USUAL = {"hiker": "of any public account", "archive": "your own"}
_NEEDS = {
    "graph": "an access token (`ingather login`, or INSTAGRAM_ACCESS_TOKEN)",
    "hiker": "a key (HIKERAPI_KEY)",
    "archive": "the ZIP of Instagram's “Download your information” as the target",
}
_TELLS_REELS = {"graph": "an access token of Instagram", "hiker": "a key of HikerAPI"}


def choose(
    kind: str, forced: str | None, *, ready: Collection[str], files: bool
) -> tuple[str, ...]:
    """The sources to ask, in this order; the next one where one cannot reach the target.

    forced: the one that the user names. ready: those there is a token or key for. files: the
    targets are archives. Raises BadInput for a source that there is not or that cannot tell this
    kind, NoToken where nothing there is a key for can.
    """
    able = SOURCES[kind]
    if forced is not None and forced not in NAMES:
        raise errors.BadInput(
            f"There is no source {forced}.", hint="It is graph, hiker or archive."
        )
    if forced is None and files:
        forced = "archive"
    if forced is not None and forced not in able and forced != "archive":  # it says why itself
        raise errors.BadInput(
            f"{kind.capitalize()} cannot be had of {CALLED[forced]}.", hint=tell(kind)
        )
    if forced is not None:
        return (forced,)
    found = tuple(one for one in able if one in ready and one != "archive")
    if not found and able == ("archive",):  # no key and no sandbox would help
        raise errors.BadInput(f"An archive of your own alone tells {kind}.", hint=tell(kind))
    if not found:
        raise errors.NoToken(
            f"There is no key for anything that tells {kind}.",
            hint=f"{tell(kind)} Or try the program by adding --sandbox.",
        )
    return found


def of_analysis(named: str | None, *, ready: Collection[str]) -> str:
    """Who is asked for the reels of an analysis: who is named, else Business Discovery where there
    is a token, else HikerAPI. Raises BadInput, NoToken."""
    if named is not None and named not in _TELLS_REELS:
        raise errors.BadInput(f"There is no source {named}.", hint="It is graph or hiker.")
    asked = _TELLS_REELS if named is None else (named,)
    for one in asked:
        if one in ready:
            return one
    raise errors.NoToken(
        f"Reading reels takes {' or '.join(_TELLS_REELS[one] for one in asked)}.",
        hint="Run `ingather login`, set HIKERAPI_KEY, or try the program by adding --sandbox.",
    )


def check_insights(kind: str, chosen: Sequence[str]) -> None:
    """Raise BadInput where insights are asked for and nobody could tell them."""
    if kind not in ("posts", "reels") or chosen[0] != "graph":
        raise errors.BadInput(
            "Insights are told by the Graph API alone, of your own posts and reels.",
            hint="Ask without them, or set an access token and ask the source graph.",
        )


def tell(kind: str) -> str:
    """What each source can tell of a kind, and what it needs for that."""
    parts = [
        f"{CALLED[one]} ({REACH[one].get(kind, _USUAL.get(one, ''))}; needs {_NEEDS[one]})"
        for one in SOURCES[kind]
    ]
    told = f"{kind} can be had of {', or of '.join(parts)}"
    return f"{told[:1].upper()}{told[1:]}."


def called(source: str) -> str:
    """A source's name in a sentence."""
    return CALLED[source]
