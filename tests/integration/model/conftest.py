"""The one world that all histories share."""

from collections.abc import Iterator
from typing import cast

import pytest

from shared.messaging.contracts.registry import QUEUES, SERVICES
from tests.integration.model.audit import Auditor
from tests.integration.model.bus import Bus
from tests.integration.model.machine import Machine
from tests.integration.model.office import Office
from tests.integration.model.post import Post
from tests.integration.model.world import World, open_world, store_programme
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[World]:
    """The databases of all histories."""
    opened = open_world(postgres)
    try:
        store_programme(opened)
        yield opened
    finally:  # else what is left open fails some later test of the same worker
        opened.close()


@pytest.fixture(scope="module")
def machine(world: World, chaos_full: bool) -> Iterator[type[Machine]]:
    """Makes machines, one after the other: each begins a history of its own where everyone knows the programme."""
    office, bus, post = Office(world), Bus(world), Post(world)
    for service in SERVICES:
        bus.relay(service)
    for queue in QUEUES:
        bus.deliver(queue, range)
    world.keep()
    auditor = Auditor(world, every=1 if chaos_full else 6)
    # Hypothesis only calls it, without arguments, though it says that it wants a class
    yield cast(type[Machine], lambda: Machine(world, office, bus, post, auditor))
    bus.close()
