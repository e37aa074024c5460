"""P5: one of our processes with inbox and effect, against kombu that takes the same bytes and does nothing."""

import json
from collections.abc import Sequence

import pika

from shared.messaging.broker import FACTS
from shared.messaging.contracts.schemas import CONTENT_TYPE, Message, encode
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.sample_messages import confirmed
from tests.benchmarks.servers import Entry, Servers
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.waiting import poll_until

COUNT = 10_000
AIM_RATIO, AIM_PER_SECOND = 0.25, 1000
QUEUES = {"events": "events.rollup", "notifications": "notifications.mail"}

_TAKEN = "SELECT count(*) FROM inbox WHERE consumer = %s"
_RATE = """
    SELECT count(*) FILTER (WHERE received_at > first), extract(epoch FROM max(received_at) - min(received_at))
    FROM inbox, (SELECT min(received_at) AS first FROM inbox) AS one
"""
"""Between the first batch's transaction and the last one's: the start of the process does not count."""


def measure(servers: Servers) -> Entry:
    """P5."""
    installation = servers.installation("consuming")
    messages = list(confirmed(installation, COUNT))
    bare = _bare(servers, messages)
    print(f"  bare kombu: {bare}", flush=True)
    ours = {service: _ours(servers, installation, service, messages) for service in QUEUES}
    for entry in ours.values():
        entry["ratio"] = round(entry["per_second"] / bare["per_second"], 3)
    print(f"  {ours} (aim: {AIM_RATIO} of it and {AIM_PER_SECOND}/s)")
    ratio = min(entry["ratio"] for entry in ours.values())
    met = ratio >= AIM_RATIO and all(entry["per_second"] >= AIM_PER_SECOND for entry in ours.values())
    return {"ratio": ratio, "aim": AIM_RATIO, "met": met, "per_second_aim": AIM_PER_SECOND, "bare": bare, **ours}


def _bare(servers: Servers, messages: Sequence[Message]) -> Entry:
    url = servers.broker_url()
    _fill(url, messages)
    with servers.processes() as processes:
        arguments = ["tests.benchmarks.bare_kombu", url, QUEUES["events"], str(len(messages))]
        program = processes.start("bare", arguments)
        assert program.wait(120) == 0, program.log_text()
        found = json.loads(program.log_text())
    return {
        "per_second": round((len(messages) - 1) / found["seconds"]),
        "cpu_ms": round(found["cpu_s"] * 1000 / len(messages), 3),
    }


def _ours(servers: Servers, installation: TestInstallation, service: str, messages: Sequence[Message]) -> Entry:
    url, queue = servers.broker_url(), QUEUES[service]
    _fill(url, messages)
    database = installation.urls[service]
    environment = {
        **installation.environment(service, "consume"),
        "TROIKA_BROKER_URL": url,
        "TROIKA_METRICS_PORT": str(free_port()),
    }
    with servers.processes() as processes:
        before_s = cpu_s([servers.postgres.pid])
        consumer = processes.start(f"{service}-consume", f"services.{service} consume", env=environment)
        poll_until(lambda: rows(database, _TAKEN, queue) == [(len(messages),)], 300, every_s=0.25, what="all are taken")
        own_s, database_s = cpu_s([consumer.pid]), cpu_s([servers.postgres.pid]) - before_s
    count, seconds = rows(database, _RATE)[0]
    return {
        "per_second": round(count / float(seconds)),
        "cpu_ms": round(own_s * 1000 / len(messages), 3),
        "postgres_cpu_ms": round(database_s * 1000 / len(messages), 3),
    }


def _fill(url: str, messages: Sequence[Message]) -> None:
    """Publish all, each routed to both queues; ends when the broker has confirmed the last."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for message in messages[:-1]:
        channel.basic_publish(FACTS, message.routing_key, encode(message), _properties(message))
    channel.confirm_delivery()
    channel.basic_publish(FACTS, messages[-1].routing_key, encode(messages[-1]), _properties(messages[-1]))
    connection.close()


def _properties(message: Message) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=CONTENT_TYPE, delivery_mode=2, message_id=message.id, type=message.type, app_id=message.source
    )
