"""Quorum queues: their members, which of them run, what is missing; and RabbitMQ's management API, which changes it.

A queue with fewer members than the cluster allows works like any other until a node is down, so only a comparison with
the nodes shows it. Operators' commands use the API; no process of a service does. Reading needs a login with the tag
``monitoring``, changing members and importing definitions one with ``administrator``.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from shared.messaging.broker import VHOST

MEMBERS = 3
"""Members of a queue in a cluster of at least three nodes: one may be down. Each further member costs a copy."""


@dataclass(frozen=True, slots=True)
class BrokerNode:
    """A node that belongs to the cluster, by its Erlang name; it may be down."""

    name: str
    running: bool


@dataclass(frozen=True, slots=True)
class QueueMembers:
    """Attributes:
    name: the name of a quorum queue.
    members: the nodes that have a copy of it.
    online: those of them whose copy runs.
    leader: the node that leads it, or the last node that did.
    """

    name: str
    members: tuple[str, ...]
    online: tuple[str, ...]
    leader: str

    @property
    def has_majority(self) -> bool:
        """Whether messages can be published and consumed."""
        return 2 * len(self.online) > len(self.members)


@dataclass(frozen=True, slots=True)
class Shortage:
    """What one queue lacks, and the remedy."""

    queue: str
    missing: str
    advice: str

    def __str__(self) -> str:
        return f"{self.queue}: {self.missing} → {self.advice}"


@dataclass(frozen=True, slots=True)
class Addition:
    """A member to add to a queue on a node."""

    queue: str
    node: str


def expected_members(nodes: Sequence[BrokerNode]) -> int:
    """Members that each queue should have; nodes that are down count too."""
    return min(MEMBERS, len(nodes))


def shortages(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> list[Shortage]:
    """What is missing, queue by queue; empty when every queue has its members, they run, and one of them leads."""
    return [found for queue in queues if (found := _shortage(queue, nodes)) is not None]


def _shortage(queue: QueueMembers, nodes: Sequence[BrokerNode]) -> Shortage | None:
    expected, known = expected_members(nodes), {node.name for node in nodes}
    running = {node.name for node in nodes if node.running}
    present = [name for name in queue.members if name in known]
    removed = [name for name in queue.members if name not in known]
    away = [name for name in present if name not in queue.online]
    down, stopped = [name for name in away if name not in running], [name for name in away if name in running]
    missing, advice = [], []
    if not queue.has_majority:
        missing.append(
            f"no majority ({len(queue.online)} of {len(queue.members)} run): nothing is published or consumed"
        )
    if down:
        missing.append(f"its member on {_names(down)} is down")
        advice.append(f"start {_names(down)}, or replace it")
    if stopped:
        missing.append(f"its member on {_names(stopped)} does not run, though the node does")
        advice.append(f"restart {_names(stopped)}")
    if len(present) < expected:
        without = [node.name for node in nodes if node.name not in queue.members]
        missing.append(f"{len(present)} of {expected} members, none on {_names(without)}")
        advice.append(_growing(queue, [name for name in without if name not in running]))
    if removed:
        missing.append(f"a member on {_names(removed)}, which is no node of the cluster")
        advice.append(f"rabbitmq-queues delete_member --vhost {VHOST} {queue.name} {removed[0]}")
    if not missing and queue.leader not in queue.online:
        missing.append("no leader")
        advice.append("wait a minute and check again")
    return Shortage(queue.name, "; ".join(missing), "; ".join(advice)) if missing else None


def _growing(queue: QueueMembers, down: Sequence[str]) -> str:
    if not queue.has_majority:
        return "then `topology grow`"
    return f"`topology grow` once {_names(down)} runs" if down else "`topology grow`"


def additions(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> list[Addition]:
    """The members to add, queue by queue; on nodes with the fewest members first.

    A queue without a majority gets none: adding a member needs a majority. No queue is left with an even number of
    members while the node that would make it odd is down: two members tolerate no failure, just as one does, and
    two nodes can fail.
    """
    expected, running = expected_members(nodes), [node.name for node in nodes if node.running]
    load = Counter(name for queue in queues for name in queue.members)
    found: list[Addition] = []
    for queue in queues:
        if not queue.has_majority:
            continue
        free = sorted((name for name in running if name not in queue.members), key=lambda name: (load[name], name))
        wanted = max(min(expected - len(queue.members), len(free)), 0)
        total = len(queue.members) + wanted
        if total < expected and total % 2 == 0:
            wanted -= 1
        chosen = free[: max(wanted, 0)]
        load.update(chosen)
        found.extend(Addition(queue.name, name) for name in chosen)
    return found


def leaders(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> dict[str, int]:
    """How many queues each running node leads."""
    counted = Counter(queue.leader for queue in queues)
    return {node.name: counted[node.name] for node in nodes if node.running}


def is_uneven(counts: Mapping[str, int]) -> bool:
    """Whether a node leads fewer than half of its share; RabbitMQ balances all vhosts, so one is never quite even."""
    return bool(counts) and 2 * min(counts.values()) < sum(counts.values()) // len(counts)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)


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
            urls: ``https://user:password@host:15671``, one per node.
            timeout_s: seconds to wait for one answer.
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
