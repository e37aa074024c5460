"""Whether the nodes of a cluster know the same queues: create one, and publish to it from every node."""

import time

import pika
from pika.exceptions import UnroutableError

from shared.messaging.broker import FACTS
from tests.support.rabbit_cluster import RabbitCluster

AGREED_WITHIN_S = 15.0
"""A binding that was made on one node is known on the others shortly afterwards."""

NEW = "afterwards"


def unreached_from(cluster: RabbitCluster, vhost: str, made_on: int) -> list[int]:
    """Make a queue on node ``made_on``; the nodes from which a message does not find it."""
    with pika.BlockingConnection(pika.URLParameters(cluster.urls(made_on, vhost)[0])) as connection:
        channel = connection.channel()
        channel.queue_declare(NEW, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(NEW, FACTS, NEW)
    return [node for node in range(len(cluster.nodes)) if not _reaches(cluster.urls(node, vhost)[0])]


def _reaches(url: str) -> bool:
    until = time.monotonic() + AGREED_WITHIN_S
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        while True:
            try:
                channel.basic_publish(FACTS, NEW, b"{}", mandatory=True)
            except UnroutableError:
                if time.monotonic() > until:
                    return False
                time.sleep(0.5)  # between two tries
            else:
                return True
