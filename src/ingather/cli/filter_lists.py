"""The usernames that filters refer to: those in a file, or those that another job has kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingather.cli.texts import text_of

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.filter_kinds import Filter


async def chosen(here: "World", words: Sequence[str], kind: str) -> "tuple[Filter, ...]":
    """Filters in words for rows of a kind, the lists that they name read. Raises BadInput."""
    from ingather.domain import filter_kinds, filters
    from ingather.features.extraction import refuse_void

    found = filter_kinds.inlined(filters.parse(words), await read(here, words))
    refuse_void(found, kind)
    return found


async def read(here: "World", words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What stands behind each `@file` and `job:ID` in these filters. Raises BadInput."""
    from ingather.domain import filters

    return await behind(here, filters.parse(words))


async def behind(here: "World", chosen: "Sequence[Filter]") -> dict[str, tuple[str, ...]]:
    """The same for filters that are read already."""
    from ingather.domain import filter_kinds

    return {each: await _names(here, each) for each in filter_kinds.references(chosen)}


async def _names(here: "World", reference: str) -> tuple[str, ...]:
    from ingather import errors
    from ingather.cli.finding import find
    from ingather.domain.filter_words import names_in

    if not reference.startswith("@"):
        job = await find(here, reference.removeprefix("job:"))
        kept = here.store_of(job).stream(job.id)
        found = {row.username async for rows in kept for row in rows}
        return tuple(name for name in found if name)
    file = reference.removeprefix("@")
    try:
        return names_in(text_of(file))
    except errors.UnreadableName as failure:
        raise errors.UnreadableName(
            f"{file} cannot be taken for a list of names: {failure.message}",
            hint="Write a name or an address; # begins a remark.",
        ) from None
