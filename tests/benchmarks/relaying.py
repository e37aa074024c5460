"""P4: how fast one relay publishes the outbox, up to the confirm, against the intake; delay at a steady rate."""

import time
from collections.abc import Sequence

from psycopg import Connection

from shared.messaging.contracts.schemas import Message, encode
from shared.runtime.clock import system_clock
from tests.benchmarks.intake import intake_per_second
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.sample_messages import confirmed
from tests.benchmarks.servers import Entry, Servers
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import Program
from tests.support.waiting import poll_until

BACKLOG = 30_000
STEADY_PER_SECOND = 300
STEADY_S = 10
AIM_RATIO, AIM_P99_MS = 3.0, 100.0

_COPY = "COPY outbox (message_id, type, subject, body, stored_at) FROM STDIN"
_ADD = "INSERT INTO outbox (message_id, type, subject, body, stored_at) VALUES (%s, %s, %s, %s, clock_timestamp())"
_LEFT = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_RATE = """
    SELECT count(*) FILTER (WHERE published_at > first), extract(epoch FROM max(published_at) - min(published_at))
    FROM outbox, (SELECT min(published_at) AS first FROM outbox) AS one
"""
_DELAYS = """
    SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - stored_at) * 1000)
    FROM outbox WHERE stored_at >= %s
"""


def measure(servers: Servers) -> Entry:
    """P4."""
    installation = servers.installation("relaying")
    url = installation.urls["registration"]
    _store(url, list(confirmed(installation, BACKLOG)))
    with servers.processes() as processes:
        environment = {
            **installation.environment("registration", "relay"),
            "TROIKA_BROKER_URL": servers.broker_url(),
            "TROIKA_METRICS_PORT": str(free_port()),
        }
        relay = processes.start("relay", "services.registration relay", env=environment)
        poll_until(lambda: rows(url, _LEFT) == [(0,)], 300, every_s=0.25, what="the backlog is drained")
        drained = _drained(url, relay)
        steady = _steady(installation, url)
    ratio = round(drained["per_second"] / intake_per_second(servers), 2)
    met = ratio >= AIM_RATIO and steady["p99_ms"] < AIM_P99_MS
    print(f"  drained {BACKLOG}: {drained}; {STEADY_PER_SECOND}/s: {steady} (aim: p99 < {AIM_P99_MS:.0f} ms)")
    return {"ratio": ratio, "aim": AIM_RATIO, "met": met, **drained, "steady": steady, "steady_p99_aim_ms": AIM_P99_MS}


def _store(url: str, messages: Sequence[Message]) -> None:
    with _connect(url) as connection, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for message in messages:
            copy.write_row((message.id, message.type, message.subject, encode(message), message.time))


def _drained(url: str, relay: Program) -> Entry:
    """From the first batch's confirm to the last one's: the start of the process does not count."""
    count, seconds = rows(url, _RATE)[0]
    return {"per_second": round(count / float(seconds)), "cpu_ms": round(cpu_s([relay.pid]) * 1000 / BACKLOG, 3)}


def _steady(installation: TestInstallation, url: str) -> Entry:
    """Each message in its own transaction, at a steady rate, timed to the relay's mark after the confirm."""
    messages = list(confirmed(installation, STEADY_PER_SECOND * STEADY_S))
    since, began = system_clock(), time.monotonic()
    with _connect(url) as connection:
        connection.autocommit = True
        for number, message in enumerate(messages):
            time.sleep(max(0.0, began + number / STEADY_PER_SECOND - time.monotonic()))  # the offered rate
            connection.execute(_ADD, (message.id, message.type, message.subject, encode(message)))
    offered = round(len(messages) / (time.monotonic() - began))
    poll_until(lambda: rows(url, _LEFT) == [(0,)], 30, what="all are confirmed")
    p50, p99 = rows(url, _DELAYS, since)[0][0]
    return {"offered_per_second": offered, "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}


def _connect(url: str) -> Connection:
    return Connection.connect(url.replace("+psycopg", "", 1))
