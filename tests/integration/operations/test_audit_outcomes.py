"""The three results of `make audit`: all holds, undecided yet (with the reason), or broken."""

import secrets
import subprocess
import threading
import time
from collections.abc import Mapping

import pytest

from shared.messaging.broker import BusAddress
from shared.runtime.ids import new_id
from tests.contract.buses import QUEUE, Bus, Recorder, good, outgoing
from tests.contract.test_permissions import make_broker
from tests.integration.operations.test_audit_program import audit, audit_environment
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.rabbitmq import RabbitNode

MANY = 1_205
"""More than are named, and more than fit one round trip."""

PUBLISH = """INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at)
    SELECT gen_random_uuid(), 'org.troika.mail.sent.v1', 'mail ' || n, 'a body', now() - %s::interval,
        now() - %s::interval
    FROM generate_series(1, %s) AS n RETURNING message_id"""
TAKE_IN = """INSERT INTO inbox (consumer, message_id, received_at)
    SELECT 'registration.mail', unnest(%s::uuid[]), now() - %s::interval"""
"""By the other queue that consumes sent mails."""

ARRIVES = "each published message was consumed by each of its consumers, waits or is parked; no other was consumed"


def publish(whole: TestInstallation, count: int, ago: str) -> None:
    """Let notifications have published ``count`` messages that all have consumed but the consumer of ``QUEUE``."""
    ids = [identity for (identity,) in rows(whole.urls["notifications"], PUBLISH, ago, ago, count)]
    rows(whole.urls["registration"], TAKE_IN, ids, ago)


def without_bus(whole: TestInstallation) -> dict[str, str]:
    """The audit's settings where messages travel through a broker."""
    environment = audit_environment(whole)
    del environment["TROIKA_AUDIT_BUS_URL"]
    return environment


def printed(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Its lines, with single spaces."""
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def run_audit(environment: Mapping[str, str], code: int) -> list[str]:
    """Lines of one audit that ends with ``code``."""
    done = audit(environment)
    assert (done.returncode, done.stderr) == (code, ""), done.stdout
    return printed(done)


def test_messages_that_were_not_taken_in_yet_are_not_decidable(whole: TestInstallation) -> None:
    publish(whole, MANY, "1 second")
    lines = run_audit(without_bus(whole), 3)
    assert f"published for {QUEUE} 1,205 = consumed 0 + waiting 0 + parked 0 + not consumed yet, or lost 1,205" in lines
    assert "held by the broker not asked: TROIKA_AUDIT_BROKER_URL is not set" in lines
    assert [line for line in lines if line.startswith("A6 not yet decidable: 1,205 ")] != []
    assert f"A6 {ARRIVES}: waits for 1,205 messages for {QUEUE} to be consumed" in lines
    assert lines[-1] == "Nothing is broken. Not everything can be decided yet: repeat it later."


def test_messages_that_were_not_published_yet_are_not_decidable(whole: TestInstallation) -> None:
    publish(whole, 3, "1 second")
    rows(whole.urls["notifications"], "UPDATE outbox SET published_at = NULL")
    lines = run_audit(without_bus(whole), 3)
    assert f"A6 {ARRIVES}: waits for 3 messages for {QUEUE} to be consumed" in lines


def test_messages_that_wait_or_are_parked_on_the_embedded_bus_are_not_decidable(whole: TestInstallation) -> None:
    publish(whole, 3, "1 second")
    ids = [str(identity) for (identity,) in rows(whole.urls["notifications"], "SELECT message_id FROM outbox")]
    put = """INSERT INTO bus_message (queue, body, properties, headers)
        VALUES (%s, '', jsonb_build_object('message_id', %s::text), %s)"""
    rows(whole.urls["bus"], put, QUEUE, ids[0], "{}")
    rows(whole.urls["bus"], put, f"{QUEUE}.parked", ids[1], '{"x-troika-reason": "broken"}')
    lines = run_audit(audit_environment(whole), 3)
    assert f"published for {QUEUE} 3 = consumed 0 + waiting 1 + parked 1 + not consumed yet, or lost 1" in lines
    assert f"A6 {ARRIVES}: waits for 2 messages for {QUEUE} to be consumed" in lines
    assert f"A6 {ARRIVES}: waits for 1 messages parked for {QUEUE} to be decided on" in lines
    rows(whole.urls["notifications"], "UPDATE outbox SET published_at = now() - interval '1 day'")
    lines = run_audit(audit_environment(whole), 1)
    assert f"A6 {ARRIVES}: waits for 1 messages for {QUEUE} to be consumed" in lines
    assert f"A6 {ARRIVES}: waits for 1 messages parked for {QUEUE} to be decided on" in lines
    assert lines[-1] == "1 differences."


def test_every_difference_is_counted(whole: TestInstallation) -> None:
    """Those that are named are few; the total and the metric are exact."""
    publish(whole, MANY, "1 day")
    lines = run_audit(without_bus(whole), 1)
    assert [line for line in lines if line.startswith("A6 broken: 1,205 ")] != []
    assert lines[-2:] == ["A6 … and 1,155 more", ""] or lines[-3:-1] == ["A6 … and 1,155 more", ""]
    assert lines[-1] == "1,205 differences."


def test_waiting_ends_when_the_outcome_is_decidable(whole: TestInstallation) -> None:
    publish(whole, 3, "1 second")
    arrive = "INSERT INTO inbox (consumer, message_id) VALUES (%s, %s)"
    ids = rows(whole.urls["notifications"], "SELECT message_id FROM outbox")

    def take_in() -> None:
        time.sleep(4.0)  # the audit has read in vain by then
        for (identity,) in ids:
            rows(whole.urls["events"], arrive, QUEUE, identity)

    thread = threading.Thread(target=take_in)
    thread.start()
    done = audit(without_bus(whole), "--wait", "50")
    thread.join()
    assert (done.returncode, printed(done)[-1]) == (0, "Everything adds up."), done.stdout
    assert done.stdout.count("What is stored") == 1, "only the last run is printed"


def test_broker_is_asked_for_what_it_holds(whole: TestInstallation, rabbit: RabbitNode) -> None:
    """By the audit's own login: counts of all queues, and the parked messages."""
    broker = make_broker(rabbit)
    relay, consumer = (
        Bus(BusAddress(broker_urls=(broker.urls[user],)))
        for user in ("troika-notifications-relay", "troika-events-consumer")
    )
    relay.store([outgoing(body=b"{")])
    operator = Bus(BusAddress(broker_urls=(broker.urls["troika-operator"],)))
    with consumer.listening(Recorder()):
        operator.wait_parked(1)
    relay.store(good(3))
    environment = {**without_bus(whole), "TROIKA_AUDIT_BROKER_URL": broker.urls["troika-audit"]}
    lines = run_audit(environment, 3)
    assert f"held by the broker, {QUEUE} 4 = waiting 3 + parked 1" in lines
    assert f"A6 {ARRIVES}: waits for 1 messages parked for {QUEUE} to be decided on" in lines
    assert f"A6 {ARRIVES}: waits for 3 more messages in {QUEUE}, which no outbox knows to be missing" in lines
    assert "held by the broker, troika.retry.10s 0 = waiting 0" in lines
    assert [line for line in lines if line.startswith("A9 holds ")] != []
    assert len(operator.parked()) == 1, "it takes nothing"
    publish(whole, 5, "1 second")
    lines = run_audit(environment, 3)
    assert f"A6 {ARRIVES}: waits for 5 messages for {QUEUE} to be consumed" in lines
    assert [line for line in lines if f"{QUEUE}, which no outbox knows" in line] == [], "none is counted twice"


@pytest.mark.parametrize("user", ["troika-audit"])
def test_unanswering_broker_is_reported_and_leaves_the_audit_undecided(whole: TestInstallation, user: str) -> None:
    url = f"amqp://{user}:{secrets.token_hex(4)}@127.0.0.1:{free_port()}/troika"
    lines = run_audit({**without_bus(whole), "TROIKA_AUDIT_BROKER_URL": url}, 3)
    assert [line for line in lines if line.startswith("held by the broker not asked: the bus: ")] != []
    assert [line for line in lines if line.startswith("A9 not asked: ")] != []
    assert lines[-1] == "Nothing is broken. Not everything can be decided yet: repeat it later."


def test_state_of_a_registration_that_is_on_its_way_is_not_decidable(whole: TestInstallation) -> None:
    """What another service has not consumed yet; after a quarter of an hour it is broken."""
    lost = new_id()
    insert = (
        "INSERT INTO registration_change (registration_id, revision, status, changed_at, reason) "
        "VALUES (%s, 1, 'confirmed', now() - %s::interval, 'x')"
    )
    rows(whole.urls["registration"], insert, lost, "1 minute")
    lines = run_audit(without_bus(whole), 1)
    assert "A7 each change is one mail: waits for 1 messages on their way between services" in lines
