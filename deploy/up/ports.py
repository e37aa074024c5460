"""Which ports the installation listens on: a block chosen once, written down, and the same at each start."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from deploy.local.ports import is_taken
from deploy.servers.rabbitmq import NodePorts
from deploy.shape import PROCESSES, worker_name

FIRST_TRIED, LAST_TRIED = 18_000, 19_900
BLOCK = 100
VARIABLE = "TROIKA_UP_PORT"
CONTROL_PORTS = 11
"""``rabbitmqctl`` takes the first free one of these."""

_SERVERS = (
    "public",
    "operations",
    "postgres",
    "amqp",
    "distribution",
    "names",
    "rabbitmq-metrics",
    "prometheus",
    "smtp",
    "inbox",
    "canary",
    "audit",
    "desk",
)


class InstallationPorts:
    """Every port by the name of what listens on it; all on loopback."""

    def __init__(self, by_name: dict[str, int]) -> None:
        self._by_name = by_name

    def __getitem__(self, name: str) -> int:
        return self._by_name[name]

    @property
    def node(self) -> NodePorts:
        """RabbitMQ's."""
        return NodePorts(self["amqp"], self["distribution"], self["names"], self["rabbitmq-metrics"], self["control"])

    @property
    def public_url(self) -> str:
        """Where people find Troika."""
        return f"http://127.0.0.1:{self['public']}"

    @property
    def desk_url(self) -> str:
        """Where coordinators find the console and the API with a key."""
        return f"http://127.0.0.1:{self['desk']}"

    def taken(self) -> list[int]:
        """Those on which a process listens."""
        return [port for port in self._by_name.values() if is_taken(port)]


def chosen_ports(file: Path) -> InstallationPorts:
    """The ports in ``file``; at the first start they are chosen and written there.

    ``TROIKA_UP_PORT`` names the first of the block; without it the first block that is free is taken.

    Raises:
        OSError: no block is free.
    """
    if not file.exists():
        asked = os.environ.get(VARIABLE)
        blocks: Iterator[int] = iter([int(asked)] if asked else range(FIRST_TRIED, LAST_TRIED, BLOCK))
        free = next((block for block in map(_block, blocks) if asked or not InstallationPorts(block).taken()), None)
        if free is None:
            raise OSError(f"no block of free ports between {FIRST_TRIED} and {LAST_TRIED}: set {VARIABLE}")
        file.write_text(json.dumps(free, indent=2) + "\n")
    known: dict[str, int] = json.loads(file.read_text())
    return InstallationPorts(_block(known["public"]))


def _block(first: int) -> dict[str, int]:
    names = [*_SERVERS, *(worker_name(*process) for process in PROCESSES)]
    return {name: first + number for number, name in enumerate(names)} | {"control": first + BLOCK - CONTROL_PORTS}
