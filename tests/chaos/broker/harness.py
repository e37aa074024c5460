"""A broker, our publisher and our consumer, and what must hold after every fault."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.messaging.broker import BusAddress
from shared.messaging.publisher import PikaPublisher
from tests.chaos.broker.consumer import TABLE
from tests.chaos.broker.publisher import QUEUE, LoadPublisher
from tests.contract.buses import Bus, definitions_in
from tests.support.clients import rows
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup, Program
from tests.support.rabbit_definitions import vhost_definitions
from tests.support.rabbitmq import ADMIN, RabbitNode
from tests.support.waiting import poll_until

STANDSTILL_S = 60.0
"""What has not had its effect when there were none for so long is lost."""

_COUNT = "SELECT count(*) FROM effect"
_DOUBLED = "SELECT message_id::text FROM effect GROUP BY message_id HAVING count(*) > 1"
_REST = "SELECT coalesce(max(gap), 0) FROM (SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at)) gap FROM effect)"
_LONGEST = """
SELECT coalesce(max(extract(epoch FROM at) - ('x' || substr(replace(message_id::text, '-', ''), 1, 12))::bit(48)::bigint
                    / 1000.0), 0) FROM effect
"""
"""A message's id begins with the time at which it was made (UUID version 7)."""


@dataclass(slots=True)
class BrokerHarness:
    """Attributes:
    urls: of all nodes, the publisher's own first.
    database: where effects are stored.
    processes: starts the consumer.
    """

    urls: tuple[str, ...]
    database: str
    processes: ProcessGroup
    consumer: Program | None = None
    _publishers: list[PikaPublisher] = field(default_factory=list)

    @property
    def vhost(self) -> str:
        """Where all of it happens."""
        return urlsplit(self.urls[0]).path.removeprefix("/")

    def start_consumer(self, name: str = "consumer") -> None:
        """Start the consumer; ``load`` waits until it is at work."""
        environment = {"TROIKA_BROKER_URL": ",".join(self.urls), "EFFECTS_DATABASE_URL": self.database}
        self.consumer = self.processes.start(name, "tests.chaos.broker.consumer", env=environment)

    @contextmanager
    def load(self, per_second: float) -> Iterator[LoadPublisher]:
        """Messages on their way while the block runs; afterwards all of them are confirmed."""
        publisher = PikaPublisher(BusAddress(broker_urls=self.urls), "notifications")
        load = LoadPublisher(publisher, per_second)
        load.start()
        try:
            poll_until(lambda: load.confirmed, 20.0, what="the first confirm")
            if self.consumer is not None:
                poll_until(lambda: self.effects() > 0, 60.0, what="the first effect")
            load.forget_gap()
            yield load
        finally:
            try:
                load.finish()
            finally:
                publisher.close()

    def effects(self) -> int:
        """How many effects there are."""
        return int(rows(self.database, _COUNT)[0][0])

    def max_wait_s(self) -> float:
        """Longest time from the making of a message, which includes its publishing, to its effect."""
        return float(rows(self.database, _LONGEST)[0][0])

    def assert_nothing_lost_or_doubled(self, load: LoadPublisher, what: str) -> None:
        """Every confirmed message has had its effect, once; prints the figures."""
        self._revive()
        wanted = len(load.confirmed)
        self._wait_for_effects(wanted)
        poll_until(self._is_empty, STANDSTILL_S, every_s=0.5, what="what came twice is consumed too")
        found = {row[0] for row in rows(self.database, "SELECT message_id::text FROM effect")}
        doubled = rows(self.database, _DOUBLED)
        rest = float(rows(self.database, _REST)[0][0])
        again = {outcome.value: number for outcome, number in load.outcomes.items()}
        print(
            f"\n{what}: {wanted} confirmed, {len(set(load.confirmed) - found)} lost, {len(doubled)} doubled, "
            f"longest gap in confirms {load.max_gap_s:.2f} s, in effects {rest:.2f} s, offered again {again}"
        )
        assert sorted(load.confirmed) == sorted(load.made)
        assert (set(load.confirmed) - found, doubled) == (set(), [])

    def _wait_for_effects(self, wanted: int) -> None:
        """Return when there are so many, or when no more come."""
        seen, seen_at = -1, time.monotonic()
        while seen < wanted and time.monotonic() - seen_at < STANDSTILL_S:
            found = self.effects()
            if found > seen:
                seen, seen_at = found, time.monotonic()
            time.sleep(0.5)  # between two polls

    def _is_empty(self) -> bool:
        return Bus(BusAddress(broker_urls=self.urls)).depth(QUEUE) == 0

    def _revive(self) -> None:
        """A supervisor's part: a consumer whose watchdog has ended it is started again."""
        if self.consumer is not None and not self.consumer.running:
            self.consumer.start_again()


def make_harness(
    urls: tuple[str, ...], node: RabbitNode, postgres: PostgresServer, processes: ProcessGroup
) -> BrokerHarness:
    """The vhost of ``urls`` with the topology and all limits, made on ``node``, and an empty database for effects."""
    database = FreshDatabases(postgres)["events"]
    rows(database, TABLE)
    harness = BrokerHarness(urls, database, processes)
    definitions = definitions_in(harness.vhost)
    node.import_definitions({**vhost_definitions(harness.vhost, ADMIN), **definitions})
    node.wait_until_saved(harness.vhost, [queue["name"] for queue in definitions["queues"]])
    return harness
