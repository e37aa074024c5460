"""The databases that all histories share."""

from collections.abc import Iterator
from typing import cast

import pytest

from shared.messaging.contracts.registry import QUEUES, SERVICES
from tests.integration.model.audit import Auditor
from tests.integration.model.bus import Bus
from tests.integration.model.databases import ModelDatabases, open_databases, store_programme
from tests.integration.model.machine import Machine
from tests.integration.model.mail_delivery import MailDelivery
from tests.integration.model.system_under_test import SystemUnderTest
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="module")
def databases(postgres: PostgresServer) -> Iterator[ModelDatabases]:
    """The databases of all histories."""
    opened = open_databases(postgres)
    try:
        store_programme(opened)
        yield opened
    finally:  # else what is left open fails some later test of the same worker
        opened.close()


@pytest.fixture(scope="module")
def machine(databases: ModelDatabases, chaos_full: bool) -> Iterator[type[Machine]]:
    """Makes machines, one after the other: each begins a new history where everyone knows the programme."""
    system, bus, delivery = SystemUnderTest(databases), Bus(databases), MailDelivery(databases)
    for service in SERVICES:
        bus.relay(service)
    for queue in QUEUES:
        bus.deliver(queue, range)
    databases.keep()
    auditor = Auditor(databases, every=1 if chaos_full else 6)
    # Hypothesis only calls it, without arguments, though its annotation wants a class
    yield cast(type[Machine], lambda: Machine(databases, system, bus, delivery, auditor))
    bus.close()
