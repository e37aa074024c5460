"""The whole system on RabbitMQ, started once, with one registration of canaries gone all the way through it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.system.canaries import ANSWERS, ODD_REQUESTS
from tests.support.clients import SUBMISSIONS
from tests.support.installation import make_installation
from tests.support.otlp import Collector, collecting
from tests.support.participants import confirm_in_time
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack, settle


@pytest.fixture(scope="module")
def node(run_folder: RunFolder) -> Iterator[RabbitNode]:
    """A node whose folder is searched afterwards."""
    made = RabbitNode(run_folder, plugins=["rabbitmq_prometheus"])
    made.start()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Where the processes of ``whole`` send their spans."""
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def whole(
    node: RabbitNode,
    postgres: PostgresServer,
    run_folder: RunFolder,
    tmp_path_factory: pytest.TempPathFactory,
    collector: Collector,
) -> Iterator[Stack]:
    """Everything, with one person registered, counted and mailed, and some requests refused."""
    processes = ProcessGroup(run_folder)
    folder: Path = tmp_path_factory.mktemp("whole")
    stack = Stack(processes, make_installation(postgres, folder), (node.amqp_url(),))
    stack.settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    try:
        stack.start(capacity=100)
        assert stack.web is not None
        address = stack.web.url + SUBMISSIONS
        assert requests.post(address, json=ANSWERS, timeout=10).status_code == 202
        for content, headers in ODD_REQUESTS:
            assert requests.post(address, data=content, headers=headers, timeout=10).status_code >= 400
        confirm_in_time(stack.web.url, stack.mail_folder, str(ANSWERS["email"]))
        settle(stack, 1)
        yield stack
    finally:
        processes.end()
