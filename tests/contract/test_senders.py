"""Whom a consumer believes: the speaker's relay, and its own and the operators' copies of what that relay said."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from deploy.servers.rabbitmq import Rights
from shared.bus.address import BusAddress
from shared.bus.names import FACTS, REQUEUE
from shared.bus.parked import replay
from shared.bus.senders import FOREIGN, SENDER_HEADER, Senders, consumer_user, relay_user, whose
from shared.contracts.registry import BY_KEY, SERVICES
from shared.core.errors import Poison, Retry
from shared.core.rights import login
from tests.contract.buses import KEY, QUEUE, Bus, Recorder, outgoing
from tests.contract.test_permissions import make_broker
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import PostgresServer
from tests.support.rabbitmq import RabbitNode

TYPE = BY_KEY[KEY].type
"""Notifications says it, events hears it."""

RELAY, OWN, OPERATOR, OTHER = (
    "troika-notifications-relay",
    "troika-events-consumer",
    "troika-operator",
    "troika-registration-relay",
)


@dataclass(frozen=True, slots=True)
class Raw:
    """As much of kombu's message as is looked at."""

    properties: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    delivery_info: dict[str, Any] = field(default_factory=dict)


def broker(user_id: str | None, exchange: str, whose_it_was: str | None = None) -> Raw:
    """A delivery of RabbitMQ."""
    headers = {SENDER_HEADER: whose_it_was} if whose_it_was else {}
    return Raw({"user_id": user_id} if user_id else {}, headers, {"exchange": exchange, "routing_key": "any"})


def row(sender: str | None, whose_it_was: str | None = None) -> Raw:
    """A delivery of the embedded bus."""
    headers = {SENDER_HEADER: whose_it_was} if whose_it_was else {}
    return Raw({"user_id": sender}, headers, {"routing_key": "any"})


def believes(senders: Senders | None, raw: Raw) -> bool:
    """Whether a message of ``TYPE`` passes."""
    assert senders is not None
    try:
        senders.require(raw, TYPE)
    except Poison:
        return False
    return True


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (broker(RELAY, FACTS), True),
        (broker(OTHER, FACTS), False),
        (broker(None, FACTS), False),  # a broker checks a sender only where one is named
        (broker(OWN, FACTS), False),
        (broker(OPERATOR, FACTS), False),
        (broker(OTHER, FACTS, RELAY), False),  # the header is a copy's alone
        (broker(OWN, REQUEUE, RELAY), True),
        (broker(OPERATOR, REQUEUE, RELAY), True),
        (broker(OPERATOR, REQUEUE, OTHER), False),  # parked for its sender, and replayed
        (broker(RELAY, REQUEUE, RELAY), False),
        (broker(OTHER, REQUEUE), False),
        (broker(None, REQUEUE), True),  # a copy from before copies said whose they were
        (broker(OWN, REQUEUE), True),
    ],
)
def test_whom_a_consumer_believes_on_the_broker(raw: Raw, expected: bool) -> None:
    senders = Senders.of(BusAddress(broker_urls=(f"amqp://{OWN}:word@localhost/troika",)), "events")
    assert believes(senders, raw) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (row("troika_notifications_relay"), True),
        (row("troika_registration_relay"), False),
        (row("troika_registration_relay", "troika_notifications_relay"), False),
        (row("troika_notifications_consume", "troika_notifications_relay"), False),
        (row("troika_events_consume", "troika_notifications_relay"), True),
        (row("troika_events_operator", "troika_notifications_relay"), True),
        (row("troika_events_operator", "troika_registration_relay"), False),
        (row("troika_events_consume"), True),
        (row("troika_bus"), True),  # every process was the owner before each had a login
        (row(None), True),  # a row from before senders were written down
    ],
)
def test_whom_a_consumer_believes_on_the_embedded_bus(raw: Raw, expected: bool) -> None:
    senders = Senders.of(BusAddress(database_url="postgresql://troika_events_consume@localhost/bus"), "events")
    assert believes(senders, raw) is expected


@pytest.mark.parametrize(
    "address",
    [BusAddress(broker_urls=("amqp://for-all@localhost/",)), BusAddress(database_url="postgresql://u@localhost/bus")],
)
def test_shared_login_is_told_and_nobody_is_checked(address: BusAddress, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Senders.of(address, "events") is None
    assert caplog.messages == ["senders of messages are not checked: this login is not the consumer's own"]


def test_every_service_has_a_relay_that_is_believed() -> None:
    senders = Senders.of(BusAddress(broker_urls=(f"amqp://{OWN}@localhost/",)), "events")
    assert senders is not None
    assert set(senders.relays) == set(SERVICES)


def test_copy_says_whose_it_was_however_often_it_is_copied() -> None:
    first = whose(broker(RELAY, FACTS))
    assert first == {SENDER_HEADER: RELAY}
    assert whose(Raw({"user_id": OWN}, first)) == first
    assert whose(Raw()) == {}


Places = Callable[[str], Bus]
"""The same bus, by login: ``notifications relay``, ``registration relay``, ``events consumer``, ``operator``."""


@pytest.fixture(params=["embedded", "rabbitmq"])
def places(request: pytest.FixtureRequest, postgres: PostgresServer, rabbit: RabbitNode) -> Places:
    """A bus whose rights somebody has loosened so far that the relay of registration may say everything."""
    if request.param == "rabbitmq":
        users = {"events consumer": consumer_user("events"), "operator": OPERATOR}
        users |= {f"{service} relay": relay_user(service) for service in SERVICES}
        loose = Rights("^$", ".*", "^$", {FACTS: (".*", "^$")})
        made = make_broker(rabbit, {relay_user("registration"): loose})
        return lambda who: Bus(BusAddress(broker_urls=(made.urls[users[who]],)))
    urls = FreshDatabases(postgres)
    logins = {"events consumer": login("events", "consume"), "operator": login("events", "operator")}
    logins |= {f"{service} relay": login(service, "relay") for service in SERVICES}
    return lambda who: Bus(BusAddress(database_url=urls.of("bus", logins[who])))


def test_message_of_another_than_its_speaker_is_parked_and_stays_so(places: Places) -> None:
    """Replayed by an operator it is parked again: the copy says whose it was."""
    [forged] = places("registration relay").store([outgoing()])
    recorder = Recorder()
    with places("events consumer").listening(recorder):
        [found] = places("operator").wait_parked(1)
        assert (found.message_id, found.reason) == (forged, FOREIGN)
        assert replay(places("operator").address, QUEUE, lambda _found: True) == 1
        [sound] = places("notifications relay").store([outgoing()])
        assert recorder.wait_done(1) == [sound]
        [again] = places("operator").wait_parked(1)
    assert (again.message_id, again.reason) == (forged, FOREIGN)
    assert recorder.batches == [[sound]]


def test_message_of_its_speaker_is_believed_however_it_comes(places: Places) -> None:
    """At once, after a retry, and after it was parked and replayed."""
    tries: list[str] = []

    def judge(message: Any) -> str | Exception:
        tries.append(message.id)
        return {1: Retry("not yet"), 2: Poison("never")}.get(len(tries), "done")

    [sent] = places("notifications relay").store([outgoing()])
    recorder = Recorder(judge)
    with places("events consumer").listening(recorder):
        [found] = places("operator").wait_parked(1)
        assert found.reason == "never"
        assert replay(places("operator").address, QUEUE, lambda _found: True) == 1
        assert recorder.wait_done(1) == [sent]
    assert tries == [sent] * 3


def test_sender_in_the_embedded_bus_is_the_sessions_login_whatever_is_said(postgres: PostgresServer) -> None:
    url = FreshDatabases(postgres)["bus"]
    relay, consumer = login("registration", "relay"), login("events", "consume")
    with closing(postgres.connect(database_of(url), relay)) as connection:
        insert = "INSERT INTO bus_message (queue, body, properties, headers, sender) VALUES ('q', '', '{}', '{}', 'a')"
        connection.execute(insert)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT sender FROM bus_message")
    with closing(postgres.connect(database_of(url), consumer)) as connection:
        connection.execute("UPDATE bus_message SET sender = 'another'")
        assert connection.execute("SELECT sender FROM bus_message").fetchall() == [(relay,)]
