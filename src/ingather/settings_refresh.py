"""The settings of what a refresh asks for beside profiles, and of what is kept of it."""

from collections.abc import Mapping
from typing import Any

from ingather import errors
from ingather.domain.refresh_posts import KEPT, MEASURED
from ingather.settings_words import days, number, several, yes

_MOST_MEDIA, _MOST_KEPT = 50, 1_000
"""Posts within one answer (contract of the Graph API, 2.6: what is in use), and of an account."""


def refresh(values: Mapping[str, str]) -> dict[str, Any]:
    """What a refresh asks for beside profiles, and how long what it wrote is kept."""
    name = "INGATHER_REFRESH_MEDIA"
    wanted = number(name, values[name], MEASURED, least=0)
    if wanted > _MOST_MEDIA:
        raise errors.BadSetting(
            f"{name} is {wanted}.",
            hint=f"It takes a number up to {_MOST_MEDIA}: the platform tells no more in one call.",
        )
    name = "INGATHER_REFRESH_MEDIA_KEPT"
    kept = number(name, values[name], max(KEPT, wanted))
    if not wanted <= kept <= _MOST_KEPT:
        raise errors.BadSetting(
            f"{name} is {kept}, and INGATHER_REFRESH_MEDIA is {wanted}.",
            hint=f"Keep at least as many as a refresh tells, and {_MOST_KEPT} at the most.",
        )
    name = "INGATHER_REFRESH_INSIGHTS"
    insights = several(values[name].lower() or "profile,media")
    if insights != ("none",) and not set(insights) <= {"profile", "media"}:
        raise errors.BadSetting(
            f"{name} is {values[name]!r}.",
            hint="It takes profile, media, both with a comma, or none.",
        )
    calls, hiker = "INGATHER_REFRESH_INSIGHTS_PER_HOUR", "INGATHER_REFRESH_HIKER_MEDIA"
    log, history = "INGATHER_REFRESH_LOG_DAYS", "INGATHER_HISTORY_DAYS"
    return {
        "refresh_log_days": days(log, values[log], 90),
        "history_days": days(history, values[history], None),
        "refresh_media": wanted,
        "refresh_media_kept": kept,
        "refresh_hiker_media": yes(hiker, values[hiker]),
        "refresh_insights": () if insights == ("none",) else insights,
        "refresh_insights_per_hour": number(calls, values[calls], 60),
    }
