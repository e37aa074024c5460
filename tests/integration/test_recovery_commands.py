"""An operator's recovery commands, as typed, on running processes: a halted queue resumed, messages published again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from services.events.__main__ import command_line
from shared.db.engine import open_engine
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.broker import BusAddress
from shared.messaging.connection import open_publisher
from shared.messaging.contracts.schemas import Message
from shared.messaging.dead_letters import list_parked
from shared.messaging.halts import POISONED_IN_A_ROW
from shared.messaging.publisher import Outcome, Outgoing
from tests.contract.buses import OTHER_QUEUE, QUEUE, outgoing, registered
from tests.contract.samples import sample_message
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until

AUDIT_LOG = "SELECT done_by, action, kind, subject, detail FROM audit_record ORDER BY id"
REASON = "body is not JSON"
CONTACTS = "SELECT mail_id::text FROM mail_contact ORDER BY 1"


@dataclass(slots=True)
class System:
    """The embedded bus with a login for each process, and the processes that a test starts."""

    installation: TestInstallation
    processes: ProcessGroup
    commands: int = 0

    def start(self, service: str, role: str) -> tuple[Program, str]:
        """A worker, and the URL of its probes."""
        port = free_port()
        environment = {**self.installation.environment(service, role), "TROIKA_METRICS_PORT": str(port)}
        program = self.processes.start(f"{service}-{role}", f"services.{service} {role}", env=environment)
        return program, f"http://127.0.0.1:{port}"

    def run(self, service: str, *arguments: str, code: int = 0) -> str:
        """What an operator's command prints."""
        self.commands += 1
        environment = {**self.installation.environment(service, "recover"), "TROIKA_OPERATOR": "Op Erator"}
        environment |= self.installation.environment(service, "parked")
        command = [f"services.{service}", *arguments]
        program = self.processes.start(f"command-{self.commands}", command, env=environment)
        assert program.wait(40) == code, program.log_text()
        return program.log_text()

    def publish(self, service: str, messages: Sequence[Outgoing]) -> None:
        """Put ``messages`` on the bus as the relay of ``service`` would."""
        url = self.installation.urls.of("bus", login(service, "relay"))
        publisher = open_publisher(BusAddress(database_url=url), service)
        try:
            assert publisher.publish(messages, 10) == [Outcome.CONFIRMED] * len(messages)
        finally:
            publisher.close()

    def parked(self) -> int:
        """How many messages are parked for ``QUEUE``."""
        url = self.installation.urls.of("bus", login("events", "operator"))
        return len(list_parked(BusAddress(database_url=url), QUEUE))

    def sql(self, service: str, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of a service's database."""
        return rows(self.installation.urls[service], statement, *values)

    def store(self, service: str, messages: Sequence[Message]) -> None:
        """Put ``messages`` into the outbox of ``service``."""
        engine = open_engine(self.installation.urls[service])
        with UnitOfWork(engine, service).transaction() as connection:
            outbox.add(connection, messages)
        engine.dispose()


@pytest.fixture
def system(postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> System:
    """Databases and bus; nothing runs yet."""
    made = make_installation(postgres, tmp_path)
    assert made.urls["bus"]
    return System(made, processes)


def probe(url: str) -> tuple[int, str]:
    """What ``/readyz`` answers; 0 if no one does."""
    try:
        answer = requests.get(f"{url}/readyz", timeout=5)
    except requests.ConnectionError:
        return 0, ""
    return answer.status_code, answer.text


def is_ready(url: str) -> Callable[[], bool]:
    """Whether a process reports it."""
    return lambda: probe(url) == (200, "ok\n")


@pytest.mark.parametrize("count", ["0", "-1", "100001", "1.5"])
def test_parking_of_a_count_that_cannot_be_meant_is_refused(count: str) -> None:
    """Before anything is read or connected."""
    words = ["resume", QUEUE, "--parking", REASON, "--at-most", count]
    refused = CliRunner().invoke(command_line(), words)
    assert (refused.exit_code, "Invalid value for '--at-most'" in refused.output) == (2, True)


@pytest.mark.timeout(180)
def test_halted_queue_is_seen_survives_a_restart_and_is_resumed(system: System) -> None:
    consumer, url = system.start("events", "consume")
    poll_until(is_ready(url), 30, what="the consumer is ready")
    system.publish("notifications", [outgoing(body=b"{") for _ in range(12)])
    poll_until(lambda: probe(url)[0] == 503, 20, what="readyz reports that a queue is halted")
    assert f"queues halted, single messages are tried: {QUEUE} since 20" in probe(url)[1]
    assert f'troika_consumer_halted{{queue="{QUEUE}",service="events"}} 1.0' in requests.get(f"{url}/metrics").text

    system.publish("registration", [registered()])
    consumed = f"SELECT count(*)::int FROM inbox WHERE consumer = '{OTHER_QUEUE}'"
    poll_until(lambda: system.sql("events", consumed) == [(1,)], 20, what="the other queue continues")
    consumer.kill()
    consumer.start_again()
    poll_until(lambda: probe(url)[0] == 503, 30, what="the consumer is back, and still halted")
    assert system.parked() == POISONED_IN_A_ROW

    system.run("events", "resume", QUEUE, "--parking", REASON, code=2)
    assert system.run("events", "resume", QUEUE) == f"{QUEUE} is resumed\n"
    poll_until(lambda: system.parked() == 12, 20, what="the last two, which are parked")
    poll_until(is_ready(url), 20, what="ready again")

    system.publish("notifications", [outgoing(body=b"{") for _ in range(40)])
    poll_until(lambda: probe(url)[0] == 503, 20, what="halted again")
    parking = ("--parking", REASON, "--at-most", "40")
    assert system.run("events", "resume", QUEUE, *parking).startswith(f"{QUEUE} resumes after at most 40 messages")
    poll_until(lambda: system.parked() == 52, 20, what="all of them, within seconds")
    poll_until(is_ready(url), 20, what="ready again")
    assert system.run("events", "resume", QUEUE) == f"{QUEUE} was not halted\n"
    assert system.sql("events", AUDIT_LOG) == [
        ("Op Erator", "queue-resumed", "queue", QUEUE, {}),
        ("Op Erator", "queue-resumed", "queue", QUEUE, {"parking": REASON, "at_most": 40}),
    ]


@pytest.mark.timeout(180)
def test_messages_published_again_have_their_effect_where_it_was_lost(system: System) -> None:
    """The inbox keeps effects from happening twice; a consumer that has lost rows forgets what it received."""
    mails = [sample_message("mail.sent.v1", mail_id=f"0170a4c9-0010-7fed-8cba-00000000000{n}") for n in range(4)]
    ids = [(str(mail.data["mail_id"]),) for mail in mails]
    system.store("notifications", mails)
    system.start("notifications", "relay")
    system.start("events", "consume")
    poll_until(lambda: system.sql("events", CONTACTS) == ids, 40, what="all of them were consumed")
    system.sql("notifications", "UPDATE outbox SET published_at = now() - interval '2 days' WHERE id = 1")
    system.sql("notifications", "UPDATE outbox SET body = '', blanked_at = now() WHERE id = 2")
    since = system.sql("events", "SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SSOF:00')")[0][0]

    def publish_again(audited: int) -> None:
        """Two mails, and the entries of the audit log about what was published again before."""
        printed = system.run("notifications", "publish-again", "--since", str(since))
        assert printed == f"{2 + audited} messages will be republished\n"
        waiting = "SELECT count(*)::int FROM outbox WHERE published_at IS NULL"
        poll_until(lambda: system.sql("notifications", waiting) == [(0,)], 20, what="published")
        on_bus = "SELECT count(*)::int FROM bus_message WHERE queue = 'events.contact'"
        poll_until(lambda: rows(system.installation.urls["bus"], on_bus) == [(0,)], 20, what="consumed")

    system.sql("events", "DELETE FROM mail_contact")
    publish_again(0)
    assert system.sql("events", CONTACTS) == [], "it has them in its inbox"
    printed = system.run("events", "receive-again", QUEUE, "--since", str(since))
    assert printed == f"4 messages of {QUEUE} will take effect again when they are republished\n"
    publish_again(1)
    assert system.sql("events", CONTACTS) == ids[2:]
    publish_again(2)
    assert system.sql("events", CONTACTS) == ids[2:]

    logged = [row[1:4] for row in system.sql("notifications", AUDIT_LOG)]
    assert logged == [("messages-published-again", "service", "notifications")] * 3
    assert [row[1:4] for row in system.sql("events", AUDIT_LOG)] == [("messages-received-again", "queue", QUEUE)]


def test_instant_without_an_offset_is_refused(system: System) -> None:
    printed = system.run("notifications", "publish-again", "--since", "2026-11-27T14:00:00", code=2)
    assert "has no offset: write Z for UTC" in printed
    assert system.sql("notifications", AUDIT_LOG) == []


def test_more_messages_than_a_batch_are_published_again_without_a_relay(system: System) -> None:
    """None is taken twice, and each waits since it was wanted again, so that no alert reports a stalled relay."""
    insert = """INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at)
        SELECT gen_random_uuid(), 'org.troika.mail.sent.v1', 's', 'b', now(), now()
        FROM generate_series(1, 2500)"""
    system.sql("notifications", insert)
    printed = system.run("notifications", "publish-again", "--since", "2020-01-01T00:00:00Z")
    assert printed.startswith("2500 messages will be republished\nNothing that was published before 2")
    assert printed.endswith("Z is kept.\n")
    young = "SELECT count(*)::int FROM outbox WHERE published_at IS NULL AND again_at > now() - interval '1 minute'"
    assert system.sql("notifications", young) == [(2500,)]
    [(_by, _action, _kind, _subject, detail)] = system.sql("notifications", AUDIT_LOG)
    assert detail == {"since": "2020-01-01T00:00:00+00:00"}
