"""Private servers of the measurements: started when first needed, stopped and deleted with the run."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shared.messaging import topology
from shared.messaging.broker import BusAddress
from tests.benchmarks.whole_system import Whole
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder

BULLETIN, BROKER_OFF_S, MILLION, PAIRS = 10_000, 60, 1_000_000, 1_000
IMPORTED = 100_000
SECONDS, ROUNDS, OVERLOAD_S, BACKLOG, REQUESTS = 6.0, 3, 60.0, 20_000, 60

Entry = dict[str, Any]
"""What a measurement found: ``ratio``, ``aim``, ``met``, and its figures."""


@dataclass(frozen=True, slots=True)
class Options:
    """The lengths of the long measurements.

    Attributes:
        bulletin: recipients of the bulletin beside which mails are timed (P6).
        broker_off_s: how long the broker is down, seconds (P7).
        million: rows of the large side of the coordinators' queries (P8).
        pairs: of a new and a known address whose answers are timed, of each kind (P11).
        seconds: of each load (P1, P1b, P3's peak, P13, P14, P15).
        rounds: measurements of each implementation (P1).
        overload_s: of each overload (P3).
        backlog: submissions that wait when the decider starts (P1b).
        away_s: seconds without a decider while 50 submissions a second arrive, in place of ``backlog``; 0: not (P1b).
        asked: requests to each implementation, a second apart (P2).
        imported: rows of the file of people (P16).
    """

    bulletin: int = BULLETIN
    broker_off_s: int = BROKER_OFF_S
    million: int = MILLION
    pairs: int = PAIRS
    seconds: float = SECONDS
    rounds: int = ROUNDS
    overload_s: float = OVERLOAD_S
    backlog: int = BACKLOG
    away_s: float = 0.0
    asked: int = REQUESTS
    imported: int = IMPORTED


class Servers:
    """Servers and folders of one run of the benchmarks.

    Args:
        run: owns every process.
        folder: for secrets and the like.
        options: how long the long ones are.
    """

    def __init__(self, run: RunFolder, folder: Path, options: Options) -> None:
        self.run, self.folder, self.options = run, folder, options
        self.entries: dict[str, Entry] = {}
        self._numbers = itertools.count(1)

    @cached_property
    def postgres(self) -> PostgresServer:
        """A durable server, shared by all measurements."""
        server = PostgresServer(self.run)
        server.start()
        return server

    @cached_property
    def rabbit(self) -> RabbitNode:
        """A node, shared by those that do not stop it."""
        node = RabbitNode(self.run)
        node.start()
        return node

    def installation(self, name: str) -> TestInstallation:
        """Fresh databases and secrets."""
        return make_installation(self.postgres, self.folder / name)

    def fresh_installation(self, name: str) -> TestInstallation:
        """The same under a name that is not taken yet."""
        return self.installation(f"{name}-{next(self._numbers)}")

    @contextmanager
    def processes(self) -> Iterator[ProcessGroup]:
        """Starts programs; ends them with the block."""
        group = ProcessGroup(self.run)
        try:
            yield group
        finally:
            group.end()

    @contextmanager
    def whole(self, name: str, node: RabbitNode) -> Iterator[Whole]:
        """The whole system on a fresh vhost of ``node``, not started yet."""
        with self.processes() as processes:
            settings = {"TROIKA_UNVERIFIED_A_DAY": "1000000"}  # all people come from one address
            yield Whole(processes, self.installation(name), (node.fresh_vhost(),), settings=settings)

    def broker_url(self) -> str:
        """A fresh vhost with all queues."""
        url = self.rabbit.fresh_vhost()
        topology.declare(BusAddress(broker_urls=(url,)))
        return url

    def __exit__(self, *_: object) -> None:
        for name in ("rabbit", "postgres"):
            if name in self.__dict__:
                getattr(self, name).remove()

    def __enter__(self) -> "Servers":
        return self
