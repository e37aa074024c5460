"""The operator's commands, as typed: parked messages are listed with their reason, shown, replayed and dropped."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from shared.messaging import topology
from shared.messaging.broker import BusAddress, parked
from shared.messaging.connection import open_connection, open_publisher
from shared.messaging.consumer import QueueConsumer, Subscription
from shared.messaging.contracts.registry import QUEUES, service_of
from shared.messaging.contracts.schemas import Message
from shared.messaging.dead_letters import count_parked, drop, list_parked
from shared.messaging.embedded import connect
from shared.messaging.publisher import Outcome, Outgoing
from shared.runtime.errors import Poison
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until

QUEUE = "events.contact"
BODIES = {"broken body": b"{broken", "unknown type": b'{"specversion":"1.0"}'}

Run = Callable[..., str]


@pytest.fixture(params=["embedded", "rabbitmq"])
def way(request: pytest.FixtureRequest) -> str:
    """Both buses."""
    return str(request.param)


@pytest.fixture
def address(way: str, postgres: PostgresServer, rabbit: RabbitNode) -> BusAddress:
    """A bus with its topology."""
    if way == "rabbitmq":
        made = BusAddress(broker_urls=(rabbit.fresh_vhost(),))
    else:
        made = BusAddress(database_url=postgres.fresh_database())
    topology.declare(made)
    return made


@pytest.fixture
def bus_of_embedded(postgres: PostgresServer) -> BusAddress:
    """The embedded bus."""
    made = BusAddress(database_url=postgres.fresh_database())
    topology.declare(made)
    return made


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """The databases of the services."""
    return make_installation(postgres, tmp_path)


@pytest.fixture
def run(address: BusAddress, installation: TestInstallation, processes: ProcessGroup) -> Run:
    """Runs one command of the events service and returns what it prints."""
    environment = {**installation.environment("events", "parked"), "TROIKA_OPERATOR": "Op Erator"}
    environment |= (
        {"TROIKA_BUS_DATABASE_URL": address.database_url}
        if address.embedded
        else {"TROIKA_BROKER_URL": address.broker_urls[0]}
    )
    count = iter(range(100))

    def command(*arguments: str, code: int = 0) -> str:
        program = processes.start(f"command-{next(count)}", ["services.events", *arguments], env=environment)
        assert program.wait() == code, program.log_text()
        return program.log_text()

    return command


def park(address: BusAddress) -> None:
    """Two messages that cannot be read and one that its handler refuses."""
    known = json.dumps(json.loads(Path("shared/messaging/contracts/samples/mail.sent.v1.json").read_text())).encode()
    publisher = open_publisher(address, "notifications")
    batch = [
        Outgoing(f"00000000-0000-7000-8000-00000000000{number}", "t", "mail.sent.v1", "s", body)
        for number, body in enumerate((*BODIES.values(), known))
    ]
    assert publisher.publish(batch, 10) == [Outcome.CONFIRMED] * 3
    publisher.close()
    consume(address, Poison("the handler says no"))
    poll_until(lambda: len(list_parked(address, QUEUE)) == 3, 20, what="all three are parked")


def consume(address: BusAddress, outcome: str | Exception) -> None:
    """A consumer that stops after the first message that can be read, with ``outcome`` for it."""
    stopping: list[QueueConsumer] = []

    def handle(messages: Sequence[Message]) -> list[str | Exception]:
        stopping[0].should_stop = True
        return [outcome for _ in messages]

    stopping.append(QueueConsumer(open_connection(address, "test"), [Subscription(QUEUE, handle)], "events"))
    stopping[0].run()


def test_parked_messages_by_command(address: BusAddress, run: Run, installation: TestInstallation) -> None:
    """List, show, replay one, drop the rest."""
    park(address)
    listed = run("parked", "list", "--queue", QUEUE)
    assert {line.split("  ", 3)[3] for line in listed.splitlines()} == {
        "body is not JSON",
        "envelope: id is missing",
        "the handler says no",
    }
    refused = next(line for line in listed.splitlines() if line.endswith("the handler says no"))
    shown = run("parked", "show", "--queue", QUEUE, "--id", refused.split()[0])
    assert '"specversion": "1.0"' in shown
    assert run("parked", "replay", "--queue", QUEUE, "--id", refused.split()[0]) == "1 replayed\n"
    consume(address, "done")
    assert run("parked", "drop", "--queue", QUEUE, "--yes") == "2 dropped\n"
    assert run("parked", "list", "--queue", QUEUE) == ""
    assert rows(installation.urls["events"], "SELECT action, subject, detail FROM audit_record ORDER BY id") == [
        ("parked-messages-replayed", QUEUE, {"count": 1, "message_id": refused.split()[0]}),
        ("parked-messages-dropped", QUEUE, {"count": 2}),
    ]


def test_parked_messages_drained_by_reason(address: BusAddress, run: Run, installation: TestInstallation) -> None:
    """However many there are, those with the reason go and the others stay; a second time there is nothing to do."""
    park(address)
    reason = "the handler says no"
    printed = run("parked", "drain", "--reason", reason, "--yes").splitlines()
    assert printed == [f"{queue}: {int(queue == QUEUE)} dropped" for queue in QUEUES if service_of(queue) == "events"]
    assert run("parked", "drain", "--reason", reason, "--queue", QUEUE, "--yes") == f"{QUEUE}: 0 dropped\n"
    left = run("parked", "list", "--queue", QUEUE).splitlines()
    assert {line.split("  ", 3)[3] for line in left} == {"body is not JSON", "envelope: id is missing"}
    assert rows(installation.urls["events"], "SELECT done_by, action, subject, detail FROM audit_record") == [
        ("Op Erator", "parked-messages-dropped", QUEUE, {"count": 1, "reason": reason})
    ]


def test_more_parked_messages_than_a_batch_are_all_dropped(bus_of_embedded: BusAddress) -> None:
    """The total is recorded before anything is dropped, batch by batch."""
    with connect(bus_of_embedded.database_url) as connection:
        connection.execute(
            "INSERT INTO bus_message (queue, body, properties, headers) SELECT %s, '', '{}', '{}' "
            "FROM generate_series(1, 1201)",
            [parked(QUEUE)],
        )
    recorded: list[tuple[int, int]] = []
    dropped = drop(
        bus_of_embedded, QUEUE, lambda _each: True, lambda n: recorded.append((n, count_parked(bus_of_embedded, QUEUE)))
    )
    assert (dropped, count_parked(bus_of_embedded, QUEUE)) == (1201, 0)
    assert recorded == [(500, 1201), (500, 701), (201, 201)]


def test_topology_by_command(address: BusAddress, run: Run) -> None:
    """Exchanges and queues are complete; without the management API the command does not report members as complete."""
    if address.embedded:
        assert run("topology", "check") == "complete\n"
    else:
        assert run("topology", "check", code=3) == (
            "exchanges and queues: all there\nmembers of queues: not checked: TROIKA_BROKER_MANAGEMENT_URL is not set\n"
        )
    assert run("topology", "declare") == "declared\n"
    assert '"troika.facts"' in run("topology", "definitions")
