"""RabbitMQ's management API: reads nodes and members of queues, which AMQP does not expose, and changes members.

Operators' commands use it; no process of a service does. Reading needs a login with the tag ``monitoring``, changing
members and importing definitions one with ``administrator``.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from shared.bus.membership import Addition, BrokerNode, QueueMembers

TIMEOUT_S = 40.0
"""RabbitMQ itself waits 30 s for a new member."""

CONNECT_TIMEOUT_S = 5.0


class ManagementError(Exception):
    """The API of no node answered, or it refused; the text names the host and the reason, never the password."""


class Management:
    """The API of a cluster, by the first of its nodes that answers."""

    def __init__(self, urls: Sequence[str], timeout_s: float = TIMEOUT_S) -> None:
        """Store the addresses; the first request connects.

        Args:
            urls: ``https://user:password@host:15671``, one a node.
            timeout_s: for one answer, seconds.
        """
        self._urls = [url.rstrip("/") for url in urls]
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False  # never use a proxy for the broker
        self._session.verify = os.environ.get("SSL_CERT_FILE") or True

    def nodes(self) -> list[BrokerNode]:
        """All nodes of the cluster, those that are down too, by name.

        Raises:
            ManagementError: it does not answer.
        """
        found = self._ask("GET", "/api/nodes?columns=name,running")
        return sorted((BrokerNode(row["name"], row["running"]) for row in found), key=lambda node: node.name)

    def quorum_queues(self, vhost: str) -> list[QueueMembers]:
        """The quorum queues of ``vhost`` with their present members, by name.

        ``disable_stats`` matters: the statistics are seconds old and count a node that has just died as online; with
        ``enable_queue_totals`` beside it, queues without a leader are left out (RabbitMQ 4.0.5).

        Raises:
            ManagementError: it does not answer.
        """
        found = self._ask("GET", f"/api/queues/{quote(vhost, safe='')}?disable_stats=true")
        queues = [
            QueueMembers(
                row["name"],
                tuple(sorted(row.get("members") or ())),
                tuple(sorted(row.get("online") or ())),
                row.get("leader") or "",
            )
            for row in found
            if row.get("type") == "quorum"
        ]
        return sorted(queues, key=lambda queue: queue.name)

    def add_member(self, vhost: str, addition: Addition) -> None:
        """Add a member; this is idempotent.

        Raises:
            ManagementError: the queue refused it, or the API does not answer.
        """
        place = f"{quote(vhost, safe='')}/{quote(addition.queue, safe='')}"
        self._ask("POST", f"/api/queues/quorum/{place}/replicas/add", {"node": addition.node})

    def voters(self, vhost: str, queue: str) -> set[str]:
        """The nodes whose member of ``queue`` votes; a new member votes once it has caught up.

        Raises:
            ManagementError: it does not answer, for example while a member is down (RabbitMQ 4.0.5 answers 500).
        """
        place = f"{quote(vhost, safe='')}/{quote(queue, safe='')}"
        found = self._ask("GET", f"/api/queues/quorum/{place}/status")
        return {row["Node Name"] for row in found if row.get("Membership") == "voter"}

    def spread_leaders(self) -> None:
        """Spread the leaders of all queues over the cluster's nodes, which takes seconds.

        Raises:
            ManagementError: it does not answer.
        """
        self._ask("POST", "/api/rebalance/queues", {})

    def import_definitions(self, definitions: Mapping[str, Any]) -> None:
        """Import ``definitions``; nothing is deleted.

        Topic permissions come last. Otherwise RabbitMQ 4.0.5 with Khepri takes the tree node of a permission for the
        exchange that the permission is about, does not make the exchange, and fails at its first binding
        (rabbitmq-server #14407).

        Raises:
            ManagementError: the broker refused them, or does not answer.
        """
        first = {key: rows for key, rows in definitions.items() if key != "topic_permissions"}
        self._ask("POST", "/api/definitions", first)
        if rows := definitions.get("topic_permissions"):
            self._ask("POST", "/api/definitions", {"topic_permissions": rows})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of the first node that gives one.

        Raises:
            ManagementError: no node answered, or one refused.
        """
        faults = []
        for url in self._urls:
            host = urlsplit(url).netloc.rpartition("@")[2]
            try:
                answer = self._session.request(
                    method,
                    url + path,
                    json=body,
                    timeout=(CONNECT_TIMEOUT_S, self._timeout_s),
                    allow_redirects=False,  # definitions hold the hashes of passwords
                )
            except requests.RequestException as error:
                faults.append(f"{host}: {_reason(error)}")
                continue
            if answer.ok and not answer.is_redirect:
                return answer.json() if answer.content else None
            raise ManagementError(f"{host}: {answer.status_code} for {path.partition('?')[0]}{_detail(answer)}")
        raise ManagementError("; ".join(faults))


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not accepted"
    return "no answer in time" if isinstance(error, requests.Timeout) else "no connection"


def _detail(answer: requests.Response) -> str:
    if answer.status_code == 401:
        return ": the login is not known, or its password is wrong, or it has no tag"
    try:
        found = answer.json()
    except ValueError:
        return ""
    return f": {found.get('reason') or found.get('error') or ''}" if isinstance(found, dict) else ""
