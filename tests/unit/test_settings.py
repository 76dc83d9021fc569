"""What the environment and a `.env` file may say, and what is said of what they may not."""

from pathlib import Path

import pytest

from ingather import errors, settings, settings_file, settings_kafka, settings_refresh
from ingather.stores.kafka_link import KafkaLink

GRAPH = "https://graph.facebook.com/v26.0"


@pytest.mark.parametrize(
    ("environ", "name", "value"),
    [
        ({}, "comments_cap", 5_000),
        ({}, "comments_store", "sql"),
        ({}, "redis_url", None),
        ({}, "access_tokens", ()),
        ({}, "graph_url", GRAPH),
        ({}, "secret_key", None),
        ({"INGATHER_COMMENTS_CAP": "100000"}, "comments_cap", 100_000),
        ({"INGATHER_COMMENTS_CAP": " 7 "}, "comments_cap", 7),
        ({"INGATHER_COMMENTS_CAP": ""}, "comments_cap", 5_000),
        ({"REDIS_URL": "redis://localhost"}, "comments_store", "redis"),
        ({"REDIS_URL": "redis://localhost", "COMMENTS_STORE": "sql"}, "comments_store", "sql"),
        ({"REDIS_URL": "redis://a"}, "cache_redis_url", "redis://a"),
        (
            {"REDIS_URL": "redis://a", "CACHE_REDIS_URL": "redis://b"},
            "cache_redis_url",
            "redis://b",
        ),
        ({"INSTAGRAM_ACCESS_TOKEN": "one, two,,"}, "access_tokens", ("one", "two")),
        ({"INSTAGRAM_BUSINESS_ACCOUNT_ID": "1784"}, "account_ids", ("1784",)),
        (
            {"INSTAGRAM_GRAPH_URL": "http://127.0.0.1:1/v26.0/"},
            "graph_url",
            "http://127.0.0.1:1/v26.0",
        ),
        ({}, "refresh_media", 12),
        ({"INGATHER_REFRESH_MEDIA": "0"}, "refresh_media", 0),
        ({}, "refresh_media_kept", 50),
        ({"INGATHER_REFRESH_HIKER_MEDIA": "Yes"}, "refresh_hiker_media", True),
        ({}, "refresh_insights", ("profile", "media")),
        ({"INGATHER_REFRESH_INSIGHTS": "Media"}, "refresh_insights", ("media",)),
        ({"INGATHER_REFRESH_INSIGHTS": "none"}, "refresh_insights", ()),
        ({"INGATHER_REFRESH_INSIGHTS_PER_HOUR": "9"}, "refresh_insights_per_hour", 9),
        ({"FACEBOOK_APP_SECRET": "hush"}, "app_secret", "hush"),
        ({"INGATHER_SECRET_KEY": "a,key of 16 or so"}, "secret_key", "a,key of 16 or so"),
        ({"CRON_SECRET": ""}, "cron_secrets", ()),
        ({"CRON_SECRET": f"{'a' * 16}, {'b' * 16}"}, "cron_secrets", ("a" * 16, "b" * 16)),
        (
            {"INGATHER_TRUSTED_PROXIES": "10.0.0.7, ::1,10.1.0.0/16"},
            "trusted_proxies",
            ("10.0.0.7", "::1", "10.1.0.0/16"),
        ),
    ],
)
def test_a_value_is_read_as_what_it_says(environ, name, value):
    """Each setting has a default, and its value is read without the blanks around it."""
    assert getattr(settings.load(environ), name) == value


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"INGATHER_COMMENTS_CAP": "0"}, "INGATHER_COMMENTS_CAP is '0'"),
        ({"INGATHER_COMMENTS_CAP": "many"}, "a whole number from 1"),
        ({"COMMENTS_STORE": "mongo"}, "redis or sql"),
        ({"COMMENTS_STORE": "redis"}, "REDIS_URL is not set"),
        ({"DATABASE_URL": "mysql://somebody:secret@host/db"}, "sqlite:///FILE"),
        ({"DATABASE_URL": "postgresql://somebody:secret@host:port/db"}, "not an address"),
        ({"DATABASE_URL": "postgresql://[somebody:secret@host/db"}, "not an address"),
        ({"DATABASE_URL": "sqlite:///"}, "sqlite:///FILE"),
        ({"CRON_SECRET": "short"}, "CRON_SECRET is too short"),
        ({"CRON_SECRET": f"{'a' * 32},secret"}, "16 characters"),
        ({"CRON_SECRET": ","}, "CRON_SECRET is too short"),
        ({"INGATHER_SECRET_KEY": "my-secret"}, "INGATHER_SECRET_KEY is too short"),
        ({"INGATHER_RETENTION": "0"}, "INGATHER_RETENTION is '0'"),
        ({"INGATHER_RETENTION": "30d"}, "a whole number of days"),
        ({"INGATHER_HISTORY_DAYS": "99999999999"}, "from 1 to 36,500"),
        ({"INGATHER_TRUSTED_PROXIES": "10.0.0.7,bogus"}, "INGATHER_TRUSTED_PROXIES names 'bogus'"),
        ({"INGATHER_REFRESH_MEDIA": "51"}, "up to 50"),
        ({"INGATHER_REFRESH_MEDIA": "-1"}, "a whole number from 0"),
        ({"INGATHER_REFRESH_MEDIA_KEPT": "5"}, "at least as many"),
        ({"INGATHER_REFRESH_MEDIA_KEPT": "1001"}, "1000 at the most"),
        ({"INGATHER_REFRESH_INSIGHTS": "profile,stories"}, "profile, media"),
        ({"INGATHER_REFRESH_HIKER_MEDIA": "perhaps"}, "yes or no"),
        ({"INSTAGRAM_GRAPH_URL": "graph.facebook.com"}, "INSTAGRAM_GRAPH_URL is not an address"),
        ({"HIKERAPI_URL": "https://me:secret@host"}, "HIKERAPI_URL holds a user or a password"),
    ],
)
def test_an_impossible_value_is_named(environ, said):
    """BadSetting names the setting and what it takes, exits with 2, and repeats no secret."""
    with pytest.raises(errors.BadSetting) as told:
        settings.load(environ)
    assert said in str(told.value)
    assert "secret" not in str(told.value)
    assert told.value.exit_code == 2


def test_the_data_folder_holds_the_database(tmp_path):
    """INGATHER_DATA_DIR moves everything; DATABASE_URL moves the database alone."""
    found = settings.load({"INGATHER_DATA_DIR": str(tmp_path)})
    assert found.data_dir == tmp_path
    assert found.database.parent == tmp_path
    elsewhere = tmp_path / "elsewhere.db"
    moved = {"INGATHER_DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{elsewhere}"}
    assert settings.load(moved).database == elsewhere


def test_a_home_folder_is_understood():
    """~ in INGATHER_DATA_DIR is the user's home."""
    assert settings.load({"INGATHER_DATA_DIR": "~/kept"}).data_dir == Path.home() / "kept"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("INSTAGRAM_ACCESS_TOKEN=plain", ("plain",)),
        ("export INSTAGRAM_ACCESS_TOKEN=exported", ("exported",)),
        ("INSTAGRAM_ACCESS_TOKEN = 'single' ", ("single",)),
        ('INSTAGRAM_ACCESS_TOKEN="dou#ble"', ("dou#ble",)),
        ("INSTAGRAM_ACCESS_TOKEN=before # a comment", ("before",)),
        ("# INSTAGRAM_ACCESS_TOKEN=never", ()),
        ("\ufeffINSTAGRAM_ACCESS_TOKEN=marked", ("marked",)),
        ("nonsense", ()),
    ],
)
def test_a_dotenv_file_is_read(tmp_path, monkeypatch, line, value):
    """A `.env` file gives NAME=value lines, with export, quotes and comments understood."""
    monkeypatch.delenv("INSTAGRAM_ACCESS_TOKEN", raising=False)
    (tmp_path / ".env").write_text(line + "\n", "utf-8")
    assert settings.load(folder=tmp_path).access_tokens == value


def test_the_environment_goes_before_the_file(tmp_path, monkeypatch):
    """What the shell says counts more than what the file says."""
    (tmp_path / ".env").write_text("INSTAGRAM_ACCESS_TOKEN=file\n", "utf-8")
    monkeypatch.setenv("INSTAGRAM_ACCESS_TOKEN", "shell")
    assert settings.load(folder=tmp_path).access_tokens == ("shell",)


def test_a_file_that_is_no_text_is_passed_over(tmp_path):
    """A `.env` that cannot be read as text changes nothing, and `ingather doctor` can tell of it;
    nor does a folder of that name, as virtual environments have."""
    for text in (b"\xff\xfe\x00INSTAGRAM", b"\x80INSTAGRAM"):
        (tmp_path / ".env").write_bytes(text)
        assert settings.load(folder=tmp_path).comments_cap == settings.load().comments_cap
    with pytest.raises(errors.BadSetting, match="no text in UTF-8"):
        settings_file.text(tmp_path)
    (tmp_path / "other" / ".env").mkdir(parents=True)
    assert settings_file.text(tmp_path / "other") == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_dotenv_file_of_windows_is_read(tmp_path, monkeypatch, encoding):
    """`echo NAME=value > .env` in PowerShell writes UTF-16."""
    monkeypatch.delenv("INSTAGRAM_ACCESS_TOKEN", raising=False)
    (tmp_path / ".env").write_bytes("INSTAGRAM_ACCESS_TOKEN=abc\r\n".encode(encoding))
    assert settings.load(folder=tmp_path).access_tokens == ("abc",)


def test_every_setting_is_read():
    """No setting is listed that `load` does not ask for."""
    text = Path(settings.__file__).read_text("utf-8").partition("def load")[2]
    text += Path(settings_kafka.__file__).read_text("utf-8")
    text += Path(settings_refresh.__file__).read_text("utf-8")
    for each in settings.SETTINGS:
        assert f'"{each.name}"' in text, each.name


KAFKA = {"KAFKA_BOOTSTRAP_SERVERS": "one:9092, two:9093"}


def test_a_kafka_with_a_user_and_tls():
    """Its settings are read together; without them it is spoken to plainly, without servers there
    is none."""
    named = {
        "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_MECHANISM": "scram-sha-512",
        "KAFKA_USERNAME": "ann",
        "KAFKA_PASSWORD": "pw",
    }
    assert settings.load(KAFKA | named).kafka == KafkaLink(
        servers="one:9092, two:9093", tls=True, mechanism="SCRAM-SHA-512", user="ann", password="pw"
    )
    assert settings.load(KAFKA).kafka == KafkaLink(servers="one:9092, two:9093")
    assert settings.load(named).kafka is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka://ann:canary@one:9092"}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "one"}, "HOST:PORT"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "SASL_SSL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "ann"}, "KAFKA_PASSWORD"),
        ({"KAFKA_USERNAME": "ann", "KAFKA_PASSWORD": "canary"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_CA_FILE": "ca.pem"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_KEY_FILE": "k.pem"}, "KAFKA_CERT_FILE"),
    ],
)
def test_settings_of_kafka_that_contradict_each_other(wrong, words):
    """What would be left unused or is missing is told by its name, and no password with it."""
    with pytest.raises(errors.BadSetting, match=words) as told:
        settings.load(KAFKA | wrong)
    assert "canary" not in str(told.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_a_postgres_takes_the_place_of_the_file(scheme):
    """Whichever way other programs write its address, it is one PostgreSQL."""
    found = settings.load(
        {"DATABASE_URL": f"{scheme}://ann:secret@db.example:6432/jobs?sslmode=require"}
    )
    assert found.postgres_url == ("postgresql://ann:secret@db.example:6432/jobs?sslmode=require")
    assert settings.load({"DATABASE_URL": "sqlite:///jobs.db"}).postgres_url is None
