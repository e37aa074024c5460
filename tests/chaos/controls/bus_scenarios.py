"""Scenarios of a bus alone, for guards that a whole system hides: what survives a restart or a crash."""

from collections.abc import Sequence
from pathlib import Path

from shared.messaging import topology
from shared.messaging.broker import BusAddress
from shared.runtime.ids import new_id
from tests.contract.buses import QUEUE, Bus, definitions_in, good
from tests.support.installation import TestInstallation
from tests.support.launching import orders
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until

MESSAGES = 20
DEATHS = 2
"""After as many more than the first a message is parked: fewer than in a deployment, since each takes a start."""
DEATHS_WITHIN_S = 90.0


def messages_lost_by_a_restart(
    node: RabbitNode, installation: TestInstallation, processes: ProcessGroup, folder: Path, variants: Sequence[str]
) -> dict[str, int]:
    """Queues are declared by our own command, with each of ``variants`` replaced (``""``: nothing), messages are
    confirmed, and the broker restarts; returns how many of the messages are gone, by variant."""
    buses = {variant: Bus(BusAddress(broker_urls=(node.fresh_vhost(),))) for variant in variants}
    for variant, bus in buses.items():
        file = folder / f"declare-{variant}.orders"
        orders.give(file, parts=[variant] if variant else [])
        environment = {
            **installation.environment("registration", "topology"),
            "TROIKA_BROKER_URL": bus.address.broker_urls[0],
        }
        command = f"tests.support.launching {file} -- services.registration topology declare"
        declared = processes.start(f"declare-{variant}", command, env=environment)
        assert declared.wait(30.0) == 0, declared.log_text()
        bus.store(good(MESSAGES))
    poll_until(lambda: all(bus.depth() == MESSAGES for bus in buses.values()), what="all messages wait")
    node.restart()
    return {variant: MESSAGES - _depth(bus) for variant, bus in buses.items()}


def innocents_parked(rabbit: RabbitNode, processes: ProcessGroup, folder: Path, parts: Sequence[str]) -> int:
    """One of ``MESSAGES`` kills its consumer; returns how many others are parked with it."""
    url = rabbit.fresh_vhost()
    definitions = definitions_in(url.rpartition("/")[2])
    for policy in definitions["policies"]:
        if policy["definition"].get("delivery-limit", 0) > DEATHS:
            policy["definition"]["delivery-limit"] = DEATHS
    rabbit.import_definitions(definitions)
    bus, messages, file = Bus(BusAddress(broker_urls=(url,))), good(MESSAGES), folder / f"{new_id()}.orders"
    killer = messages[MESSAGES // 2].message_id
    orders.give(file, parts=parts)
    bus.store(messages)
    command = f"tests.support.launching {file} -- tests.contract.bus_consumer"
    victim = processes.start(f"victim-{new_id()}", command, env={"BROKER_URL": url, "DIES_OF": killer})

    def over() -> bool:
        if not victim.running:
            victim.start_again()
        return bool(bus.parked()) and victim.running and bus.depth() == 0

    poll_until(over, DEATHS_WITHIN_S, every_s=0.2, what="the killer is parked, and nothing waits")
    victim.kill()
    found = {one.message_id for one in bus.parked()}
    assert killer in found
    return len(found) - 1


def _depth(bus: Bus) -> int:
    return 0 if QUEUE in topology.missing(bus.address) else bus.depth()
