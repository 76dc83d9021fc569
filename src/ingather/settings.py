"""What the environment, or a `.env` file beside you, may set; everything has a default.

The names are fixed by the design. Read by hand rather than with pydantic-settings, whose import
alone costs more than half of what a command may take to its first request (docs/decisions).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct, structs

from ingather import errors, settings_file
from ingather.domain.job import HARD_CAP
from ingather.domain.refresh_posts import KEPT, MEASURED
from ingather.settings_kafka import kafka
from ingather.settings_refresh import refresh
from ingather.settings_words import days, number, secret, several, url, yes
from ingather.stores.kafka_link import KafkaLink


class Setting(Struct, frozen=True):
    """A setting as the docs and `doctor` name it. unlocks: what it is good for."""

    name: str
    default: str
    unlocks: str
    secret: bool = False


SETTINGS = (
    Setting("INGATHER_DATA_DIR", "the user's data folder", "where jobs, rows and secrets rest"),
    Setting("INGATHER_SECRET_KEY", "made and kept in the data folder", "encrypts secrets", True),
    Setting("INGATHER_COMMENTS_CAP", str(HARD_CAP), "comments kept by one export at the most"),
    Setting(
        "INGATHER_CALLS_PER_HOUR",
        "200 for other accounts' data; your own comments follow the usage headers",
        "calls an hour and token to the Graph API",
    ),
    Setting("COMMENTS_STORE", "redis where REDIS_URL is set, else sql", "where exports rest"),
    Setting("DATABASE_URL", "SQLite in the data folder", "another file, or PostgreSQL", True),
    Setting("INGATHER_RETENTION", "for good", "days for which SQL keeps an ended comment export"),
    Setting("REDIS_URL", "none; SQLite holds what it would", "exports in Redis", True),
    Setting("CACHE_REDIS_URL", "REDIS_URL", "another Redis for what may be lost", True),
    Setting("INSTAGRAM_ACCESS_TOKEN", "what `ingather login` keeps", "reads your account", True),
    Setting("INSTAGRAM_BUSINESS_ACCOUNT_ID", "found through the token", "picks the account"),
    Setting("FACEBOOK_APP_ID", "none", "`ingather login`"),
    Setting("FACEBOOK_APP_SECRET", "none", "`ingather login`, and a proof on every call", True),
    Setting("INSTAGRAM_GRAPH_URL", "https://graph.facebook.com/v26.0", "another Graph address"),
    Setting("HIKERAPI_KEY", "none", "`ingather extract` beyond your own archive", True),
    Setting("HIKERAPI_URL", "https://api.hikerapi.com", "another HikerAPI address"),
    Setting("DRAND_URL", "https://api.drand.sh", "another relay of the public beacon"),
    Setting("TSA_URL", "none", "time stamps on commitments of giveaways (RFC 3161)"),
    Setting("INSTAGRAM_WEB_URL", "https://www.instagram.com", "another address of profile pages"),
    Setting("KAFKA_BOOTSTRAP_SERVERS", "none; the refresh runs in process", "events through Kafka"),
    Setting("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", "TLS and a user's name to Kafka"),
    Setting("KAFKA_SASL_MECHANISM", "PLAIN", "how the password is told to Kafka"),
    Setting("KAFKA_USERNAME", "none", "a Kafka that asks who we are"),
    Setting("KAFKA_PASSWORD", "none", "a Kafka that asks who we are", True),
    Setting("KAFKA_CA_FILE", "the system's authorities", "a Kafka with a certificate of its own"),
    Setting("KAFKA_CERT_FILE", "none", "a Kafka that asks for our certificate"),
    Setting("KAFKA_KEY_FILE", "in KAFKA_CERT_FILE", "the key of that certificate"),
    Setting("INGATHER_REFRESH_LOG_DAYS", "90", "days for which the log of refreshes is kept"),
    Setting("INGATHER_HISTORY_DAYS", "for good", "days for which accounts' numbers are kept"),
    Setting("MONGODB_URL", "none; accounts rest in SQL", "accounts in MongoDB", True),
    Setting("INGATHER_REFRESH_MEDIA", str(MEASURED), "latest posts told with each refresh, to 50"),
    Setting("INGATHER_REFRESH_MEDIA_KEPT", str(KEPT), "latest posts kept of each account"),
    Setting("INGATHER_REFRESH_HIKER_MEDIA", "no", "latest posts from HikerAPI, a call for each"),
    Setting("INGATHER_REFRESH_INSIGHTS", "profile,media", "insights of your own accounts"),
    Setting("INGATHER_REFRESH_INSIGHTS_PER_HOUR", "60", "calls for insights an hour and token"),
    Setting("CRON_SECRET", "none; the endpoint is off", "work in slices, by a timer", True),
    Setting("INGATHER_TRUSTED_PROXIES", "none", "proxies whose word on addresses counts"),
    Setting("INGATHER_WEBHOOK_PRIVATE", "no", "webhooks to this machine and its network"),
    Setting(
        "FACEBOOK_LOGIN_URL",
        "https://www.facebook.com/v26.0/dialog/oauth",
        "another login page",
    ),
)


class Settings(Struct, frozen=True, kw_only=True):
    """The settings as values. Tokens and account ids are lists: several are pooled.

    database: the SQLite file. postgres_url: of the PostgreSQL in its place, None where there is
    none. retention: days for which comment exports in SQL are kept after their end, None for good.
    """

    data_dir: Path
    secret_key: str | None = None
    comments_cap: int = HARD_CAP
    calls_per_hour: int | None = None
    comments_store: str = "sql"
    database: Path
    postgres_url: str | None = None
    retention: int | None = None
    redis_url: str | None = None
    cache_redis_url: str | None = None
    access_tokens: tuple[str, ...] = ()
    account_ids: tuple[str, ...] = ()
    app_id: str | None = None
    app_secret: str | None = None
    graph_url: str = "https://graph.facebook.com/v26.0"
    login_url: str = "https://www.facebook.com/v26.0/dialog/oauth"
    hiker_key: str | None = None
    hiker_url: str = "https://api.hikerapi.com"
    drand_url: str = "https://api.drand.sh"
    tsa_url: str | None = None
    web_url: str = "https://www.instagram.com"
    kafka: KafkaLink | None = None
    refresh_log_days: int = 90
    history_days: int | None = None
    mongodb_url: str | None = None
    refresh_media: int = MEASURED
    refresh_media_kept: int = KEPT
    refresh_hiker_media: bool = False
    refresh_insights: tuple[str, ...] = ("profile", "media")
    refresh_insights_per_hour: int = 60
    cron_secrets: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    webhook_private: bool = False
    sandbox: bool = False


def load(environ: Mapping[str, str] | None = None, *, folder: Path | None = None) -> Settings:
    """Read the environment, and under it a `.env` file in the current folder.

    Raises BadSetting naming the setting and what it may be, never a secret's value.
    """
    values = given(environ, folder=folder)
    data_dir = _data_dir(values["INGATHER_DATA_DIR"])
    redis_url = values["REDIS_URL"] or None
    return Settings(
        data_dir=data_dir,
        secret_key=_secret_key(values["INGATHER_SECRET_KEY"]),
        comments_cap=number("INGATHER_COMMENTS_CAP", values["INGATHER_COMMENTS_CAP"], HARD_CAP),
        calls_per_hour=(
            number("INGATHER_CALLS_PER_HOUR", values["INGATHER_CALLS_PER_HOUR"], 1)
            if values["INGATHER_CALLS_PER_HOUR"]
            else None
        ),
        comments_store=_store(values["COMMENTS_STORE"], redis_url),
        database=_database(values["DATABASE_URL"], data_dir),
        postgres_url=_postgres(values["DATABASE_URL"]),
        retention=days("INGATHER_RETENTION", values["INGATHER_RETENTION"], None),
        redis_url=redis_url,
        cache_redis_url=values["CACHE_REDIS_URL"] or redis_url,
        access_tokens=several(values["INSTAGRAM_ACCESS_TOKEN"]),
        account_ids=several(values["INSTAGRAM_BUSINESS_ACCOUNT_ID"]),
        app_id=values["FACEBOOK_APP_ID"] or None,
        app_secret=values["FACEBOOK_APP_SECRET"] or None,
        hiker_key=values["HIKERAPI_KEY"] or None,
        hiker_url=url("HIKERAPI_URL", values, "https://api.hikerapi.com"),
        drand_url=url("DRAND_URL", values, "https://api.drand.sh"),
        tsa_url=url("TSA_URL", values, "") if values["TSA_URL"] else None,
        graph_url=url("INSTAGRAM_GRAPH_URL", values, "https://graph.facebook.com/v26.0"),
        web_url=url("INSTAGRAM_WEB_URL", values, "https://www.instagram.com"),
        kafka=kafka(values),
        mongodb_url=_mongodb(values["MONGODB_URL"]),
        **refresh(values),
        cron_secrets=_cron_secrets(values["CRON_SECRET"]),
        trusted_proxies=_proxies(values["INGATHER_TRUSTED_PROXIES"]),
        webhook_private=yes("INGATHER_WEBHOOK_PRIVATE", values["INGATHER_WEBHOOK_PRIVATE"]),
        login_url=url("FACEBOOK_LOGIN_URL", values, "https://www.facebook.com/v26.0/dialog/oauth"),
    )


def apart(real: Settings) -> Settings:
    """The settings under which the accounts of a sandbox rest: in a file of their own, so that they
    and their events never meet the real ones."""
    return structs.replace(
        real,
        database=real.data_dir / "sandbox.db",
        comments_store="sql",
        **dict.fromkeys(("postgres_url", "mongodb_url", "kafka", "redis_url", "cache_redis_url")),
    )


def given(
    environ: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> dict[str, str]:
    """Every setting as it was given, empty where it was not."""
    if environ is None:
        environ = {**settings_file.read(folder or Path.cwd()), **os.environ}
    return {each.name: environ.get(each.name, "").strip() for each in SETTINGS}


def _data_dir(value: str) -> Path:
    if value:
        return Path(value).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("ingather", appauthor=False))


def _secret_key(value: str) -> str | None:
    return secret("INGATHER_SECRET_KEY", value) if value else None


def _cron_secrets(value: str) -> tuple[str, ...]:
    if not value:
        return ()
    return tuple(secret("CRON_SECRET", one) for one in several(value) or ("",))


def _store(value: str, redis_url: str | None) -> str:
    store = value or ("redis" if redis_url else "sql")
    if store not in ("redis", "sql"):
        raise errors.BadSetting(f"COMMENTS_STORE is {value!r}.", hint="It takes redis or sql.")
    if store == "redis" and redis_url is None:
        raise errors.BadSetting("COMMENTS_STORE is redis, and REDIS_URL is not set.")
    return store


def _database(value: str, data_dir: Path) -> Path:
    if not value or value.startswith(_POSTGRES):
        return data_dir / "ingather.db"
    if value.startswith("sqlite:///") and len(value) > len("sqlite:///"):
        return Path(value.removeprefix("sqlite:///")).expanduser().absolute()
    raise errors.BadSetting(
        "DATABASE_URL names a database that we do not know.",
        hint="It takes postgresql://USER:PASSWORD@HOST/DATABASE, or sqlite:///FILE; leave it unset"
        " for SQLite in the data folder.",
    )


_POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://")


def _postgres(value: str) -> str | None:
    """The address of a PostgreSQL, as every program writes it; it holds a password."""
    if not value.startswith(_POSTGRES):
        return None
    url = "postgresql://" + value.partition("://")[2]
    try:
        urlsplit(url).port  # noqa: B018 - it is read when it is asked for
    except ValueError:
        raise errors.BadSetting(
            "DATABASE_URL is not an address.",
            hint="In a user or password write @ : / as %40 %3A %2F.",
        ) from None
    return url


def _proxies(value: str) -> tuple[str, ...]:
    """Addresses or networks of proxies; * for all."""
    import ipaddress

    found = several(value)
    for word in found:
        try:
            if word != "*":
                ipaddress.ip_network(word)
        except ValueError:
            raise errors.BadSetting(
                f"INGATHER_TRUSTED_PROXIES names {word!r}, which is no address.",
                hint="It takes IP addresses or networks, separated by commas, as 10.0.0.7 or"
                " 10.0.0.0/8.",
            ) from None
    return found


def _mongodb(value: str) -> str | None:
    if value and not value.startswith(("mongodb://", "mongodb+srv://")):
        raise errors.BadSetting(
            "MONGODB_URL is not an address of MongoDB.",
            hint="It begins with mongodb:// and may end with a database's name, as"
            " mongodb://localhost:27017/ratings.",
        )
    return value or None
