"""Which senders a consumer trusts: the producer's relay, and its own and operators' copies of that relay's messages."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pika
import psycopg
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import make_url

from shared.db.roles import login
from shared.messaging.acknowledger import Delivery
from shared.messaging.broker import (
    FACTS,
    FOREIGN,
    REASON_HEADER,
    REQUEUE,
    SENDER_HEADER,
    BusAddress,
    Senders,
    consumer_user,
    copiers,
    parked,
    relay_user,
    whose,
)
from shared.messaging.contracts.registry import BY_KEY, SERVICES
from shared.messaging.dead_letters import replay
from shared.messaging.embedded import EmbeddedQueues, connect
from shared.runtime.errors import Poison, Retry, Unauthentic
from tests.contract.buses import KEY, QUEUE, Bus, Recorder, outgoing
from tests.contract.test_permissions import make_broker
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import PostgresServer
from tests.support.rabbit_definitions import Rights
from tests.support.rabbitmq import RabbitNode

TYPE = BY_KEY[KEY].type
"""Notifications publishes it, events consumes it."""

CLAIM_COLUMNS = {"claimed_by", "claims"}

RELAY, OWN, OPERATOR, OTHER = (
    "troika-notifications-relay",
    "troika-events-consumer",
    "troika-operator",
    "troika-registration-relay",
)


@dataclass(frozen=True, slots=True)
class Raw:
    """The part of kombu's message that is read."""

    properties: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    delivery_info: dict[str, Any] = field(default_factory=dict)
    body: bytes = b"{"


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
        (broker(None, REQUEUE), False),
        (broker(None, REQUEUE, RELAY), False),
        (broker(OWN, REQUEUE), False),  # a copy of what had no sender
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
        (row("troika_events_consume"), False),
        (row("troika_bus"), False),
        (row(None), False),
    ],
)
def test_whom_a_consumer_believes_on_the_embedded_bus(raw: Raw, expected: bool) -> None:
    senders = Senders.of(BusAddress(database_url="postgresql://troika_events_consume@localhost/bus"), "events")
    assert believes(senders, raw) is expected


@pytest.mark.parametrize(
    "address",
    [BusAddress(broker_urls=("amqp://for-all@localhost/",)), BusAddress(database_url="postgresql://u@localhost/bus")],
)
def test_shared_login_is_logged_and_no_sender_is_checked(address: BusAddress, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Senders.of(address, "events") is None
    assert caplog.messages == ["senders of messages are not checked: this login is not the consumer's own"]


def test_every_service_has_a_relay_that_is_believed() -> None:
    senders = Senders.of(BusAddress(broker_urls=(f"amqp://{OWN}@localhost/",)), "events")
    assert senders is not None
    assert set(senders.relays) == set(SERVICES)


def test_copy_names_the_original_sender_however_often_it_is_copied() -> None:
    copying = copiers("events", embedded=False)
    first = whose(broker(RELAY, FACTS), copying)
    assert first == {SENDER_HEADER: RELAY}
    assert whose(Raw({"user_id": OWN}, first), copying) == first
    assert whose(Raw({"user_id": OPERATOR}, first), copying) == first
    assert whose(Raw(), copying) == {}


def test_header_of_a_sender_that_makes_no_copies_is_not_copied() -> None:
    """Otherwise a forged message would be believed once an operator has replayed it."""
    assert whose(broker(OTHER, FACTS, RELAY), copiers("events", embedded=False)) == {SENDER_HEADER: OTHER}
    assert whose(broker(None, FACTS, RELAY), copiers("events", embedded=False)) == {}


@pytest.mark.parametrize("embedded", [True, False])
def test_unreadable_message_of_an_untrusted_sender_is_refused_for_its_sender(embedded: bool) -> None:
    """Before its body is read: a broken message of an untrusted sender must not count against the producer."""
    address = "postgresql://troika_events_consume@localhost/bus" if embedded else f"amqp://{OWN}@localhost/"
    senders = Senders.of(BusAddress(database_url=address) if embedded else BusAddress(broker_urls=(address,)), "events")
    unknown_sender = row("troika_registration_relay") if embedded else broker(OTHER, FACTS)
    delivery = Delivery(Raw(unknown_sender.properties, {}, unknown_sender.delivery_info), QUEUE, senders)
    delivery.read()
    assert isinstance(delivery.result, Unauthentic)


Places = Callable[[str], Bus]
"""The same bus, by login: ``notifications relay``, ``registration relay``, ``events consumer``, ``operator``."""


@pytest.fixture(params=["embedded", "rabbitmq"])
def places(request: pytest.FixtureRequest, postgres: PostgresServer, rabbit: RabbitNode) -> Places:
    """A bus with rights so loose that the relay of registration may publish everything."""
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


def test_message_of_another_than_its_producer_is_parked_and_stays_so(places: Places) -> None:
    """Replayed by an operator it is parked again: the copy names the original sender."""
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


def test_forged_message_that_names_another_sender_is_refused_and_stays_so(places: Places) -> None:
    """The header of copies, set by a sender that makes none: refused at once, and after an operator has replayed it."""
    sent = outgoing()
    forge(places("registration relay").address, sent.body, places("notifications relay").address)
    recorder = Recorder()
    with places("events consumer").listening(recorder):
        [found] = places("operator").wait_parked(1)
        assert replay(places("operator").address, QUEUE, lambda _found: True) == 1
        [sound] = places("notifications relay").store([outgoing()])
        assert recorder.wait_done(1) == [sound]
        [again] = places("operator").wait_parked(1)
    assert (found.reason, again.reason, recorder.batches) == (FOREIGN, FOREIGN, [[sound]])


def forge(own: BusAddress, body: bytes, other: BusAddress) -> None:
    """Publish ``body`` for ``QUEUE`` by the login of ``own``, with a header that names the login of ``other``."""
    if own.embedded:
        headers = Jsonb({SENDER_HEADER: make_url(other.database_url).username})
        with connect(own.database_url) as connection:
            statement = "INSERT INTO bus_message (queue, body, properties, headers) VALUES (%s, %s, '{}', %s)"
            connection.execute(statement, [QUEUE, body, headers])
        return
    connection = pika.BlockingConnection(pika.URLParameters(own.broker_urls[0]))
    properties = pika.BasicProperties(user_id=own.user, headers={SENDER_HEADER: other.user})
    connection.channel().basic_publish(FACTS, KEY, body, properties)
    connection.close()


def test_message_of_its_producer_is_believed_however_it_comes(places: Places) -> None:
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


def test_sender_in_the_embedded_bus_is_the_sessions_login_not_the_claimed_one(postgres: PostgresServer) -> None:
    url = FreshDatabases(postgres)["bus"]
    relay, consumer = login("registration", "relay"), login("events", "consume")
    with closing(postgres.connect(database_of(url), relay)) as connection:
        insert = "INSERT INTO bus_message (queue, body, properties, headers, sender) VALUES ('q', '', '{}', '{}', 'a')"
        connection.execute(insert)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT sender FROM bus_message")
    with closing(postgres.connect(database_of(url), consumer)) as connection:
        assert connection.execute("SELECT sender FROM bus_message").fetchall() == [(relay,)]


@pytest.mark.parametrize("process", ["relay", "consume", "operator"])
@pytest.mark.parametrize("service", SERVICES)
def test_no_process_rewrites_a_stored_message(postgres: PostgresServer, service: str, process: str) -> None:
    """A consumer and an operator write the two columns of a claim, a relay none; each attempt at another is refused."""
    url = FreshDatabases(postgres)["bus"]
    ask = "SELECT attname FROM pg_attribute WHERE attrelid = 'bus_message'::regclass AND attnum > 0"
    with closing(postgres.connect(database_of(url))) as administrator:
        columns = {name for (name,) in administrator.execute(ask)}
        may = f"{ask} AND has_column_privilege(%s, 'bus_message', attname, 'update')"
        granted = {name for (name,) in administrator.execute(may, [login(service, process)])}
        insert = "INSERT INTO bus_message (queue, body, properties, headers) VALUES (%s, 'as published', '{}', '{}')"
        administrator.execute(insert, [QUEUE])
    assert columns > CLAIM_COLUMNS
    assert granted == (set() if process == "relay" else CLAIM_COLUMNS)
    with closing(postgres.connect(database_of(url), login(service, process))) as connection:
        for column in sorted(columns - granted):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"UPDATE bus_message SET {column} = DEFAULT")
        for column in sorted(granted):
            connection.execute(f"UPDATE bus_message SET {column} = DEFAULT")


def test_message_that_kills_its_consumers_is_parked_by_its_own_service_and_names_its_producer(
    postgres: PostgresServer,
) -> None:
    """The consumer that parks it stores the copy; the original sender stays known, so that its replay is accepted."""
    urls = FreshDatabases(postgres)
    with connect(urls.of("bus", login("notifications", "relay"))) as connection:
        insert = "INSERT INTO bus_message (queue, body, properties, headers, claims) VALUES (%s, '', '{}', '{}', 99)"
        connection.execute(insert, [QUEUE])
    other, own = (EmbeddedQueues(urls.of("bus", login(each, "consume"))) for each in ("notifications", "events"))
    other.sweep(["notifications.mail"])
    assert (own.depth(QUEUE), own.depth(parked(QUEUE))) == (1, 0)
    own.sweep([QUEUE])
    assert (own.depth(QUEUE), own.depth(parked(QUEUE))) == (0, 1)
    [found] = own.claim(parked(QUEUE), 1)
    assert found.sender == "troika_events_consume"
    assert found.headers == {SENDER_HEADER: "troika_notifications_relay", REASON_HEADER: "delivery limit reached"}
    other.close()
    own.close()
