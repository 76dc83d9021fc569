"""Kafka behind TLS and a user's name: every client of ours gets in, and is told why it does not."""

import pytest
from msgspec import structs

from ingather import errors
from ingather.settings import load
from ingather.stores.kafka_events import KafkaEvents
from ingather.stores.kafka_link import KafkaLink

from .conftest import consuming, counted, reaches
from .secured import PASSWORD, USER, Certificates, Door


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def behind(kafka, certificates):
    """Opens a door that is the only way to the cluster; gives it, and the settings for it."""
    doors = []

    async def open_door(*mechanisms: str, tls: bool = True, ask: bool = False, **changed: str):
        door = Door(kafka.servers, certificates.context(ask=ask) if tls else None, *mechanisms)
        doors.append(await door.__aenter__())
        kafka.moved_to(door.port)
        protocol = ("SASL_" if mechanisms else "") + ("SSL" if tls else "PLAINTEXT")
        told = {"KAFKA_SECURITY_PROTOCOL": protocol}
        if mechanisms:
            told |= {"KAFKA_SASL_MECHANISM": mechanisms[0], "KAFKA_USERNAME": USER}
            told["KAFKA_PASSWORD"] = PASSWORD
        if tls:
            told["KAFKA_CA_FILE"] = str(certificates.authority)
        told["KAFKA_BOOTSTRAP_SERVERS"] = door.address
        return door, load(told | changed).kafka

    yield open_door
    for door in doors:
        await door.__aexit__()


async def test_consumer_publisher_and_dead_letters_get_in(room, kafka, behind) -> None:
    """With TLS and a password told by SCRAM: an event is published and refreshed, and one that is
    none is buried, listed and replayed; every connection went through the door."""
    ids = await room.add(1)
    kafka.send(b"nonsense")  # before the door is the only way
    door, link = await behind("SCRAM-SHA-256")
    room.world.settings = structs.replace(room.world.settings, kafka=link)
    events = room.parts.events
    from ingather.domain.refresh import Event

    async with consuming(room):
        await events.publish([Event(ids[0], "instagram", "2026-11-20T10:00:00Z")])
        await reaches(lambda: counted(room, "refreshed") == 1 and counted(room, "dead") == 1)
    assert await room.refreshed() == {ids[0]}
    (letter,) = await events.dead(limit=9)
    assert letter.value == "nonsense" and await events.replay(limit=9) == 1
    assert door.let_in >= 6


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_every_way_to_tell_the_password(behind, mechanism) -> None:
    """Right, it is let in; wrong, a sentence says so and tells no secret."""
    door, link = await behind(mechanism, tls=False)
    await link.ask()
    assert door.let_in == 1
    wrong = structs.replace(link, password="canary-wrong")
    with pytest.raises(errors.StoreUnavailable, match="refuses the user or the password") as told:
        await wrong.ask()
    assert "canary" not in str(told.value)


async def test_what_is_wrong_is_told(behind, certificates, kafka, room) -> None:
    """No TLS where there is some, TLS where there is none, an authority that is not believed, a
    certificate that is missing, another mechanism, nobody there: each in a sentence that names what
    to set; reading dead letters says the same."""
    _, link = await behind("PLAIN")
    plain = structs.replace(link, tls=False)
    strange = structs.replace(link, ca_file=None)
    other = structs.replace(link, mechanism="SCRAM-SHA-512")
    _, shown = await behind(ask=True)
    _, bare = await behind(tls=False)
    for wrong, words in (
        (plain, "KAFKA_SECURITY_PROTOCOL"),
        (strange, "KAFKA_CA_FILE"),
        (other, "KAFKA_SASL_MECHANISM"),
        (shown, "KAFKA_CERT_FILE"),
        (structs.replace(bare, tls=True), "KAFKA_SECURITY_PROTOCOL"),
        (KafkaLink(servers="127.0.0.1:1"), "does not answer"),
    ):
        with pytest.raises(errors.StoreUnavailable, match=words):
            await wrong.ask()
    events = KafkaEvents(strange, room.world.clock)
    with pytest.raises(errors.StoreUnavailable, match="KAFKA_CA_FILE"):
        await events.dead(limit=1)


async def test_our_certificate_is_shown(behind, certificates) -> None:
    """A Kafka that knows its clients by their certificates lets us in."""
    door, link = await behind(ask=True, KAFKA_CERT_FILE=str(certificates.client))
    await link.ask()
    assert door.let_in == 1


async def test_files_that_are_none(tmp_path) -> None:
    """A file that is not there, or holds something else, is an error that names its setting."""
    (tmp_path / "x").write_text("nothing")
    for name in ("KAFKA_CA_FILE", "KAFKA_CERT_FILE"):
        for file in ("x", "y"):
            told = {"KAFKA_BOOTSTRAP_SERVERS": "h:1", "KAFKA_SECURITY_PROTOCOL": "ssl"}
            link = load(told | {name: str(tmp_path / file)}).kafka
            with pytest.raises(errors.BadSetting, match=name):
                link.arguments()


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("tls", [False, True])
def test_the_consumer_says_what_the_rest_says(mechanism, tls) -> None:
    """FastStream and aiokafka are told the same."""
    from faststream.kafka.security import parse_security

    link = KafkaLink(servers="h:1", tls=tls, mechanism=mechanism, user="u", password="p")
    theirs, ours = parse_security(link.faststream()), link.arguments()
    contexts = theirs.pop("ssl_context"), ours.pop("ssl_context")
    assert [each is not None for each in contexts] == [tls, tls]
    assert theirs | {"bootstrap_servers": "h:1"} == ours
