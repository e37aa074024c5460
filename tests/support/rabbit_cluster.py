"""Three private RabbitMQ nodes on loopback, joined to a cluster with Khepri, to be killed, frozen and parted."""

import json
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from itertools import permutations
from urllib.parse import urlsplit

from deploy.servers.rabbitmq import NodePorts
from tests.support.broker_network import Way
from tests.support.children import kill_tree, start_child
from tests.support.ports import free_port, is_listening
from tests.support.processes import PROJECT
from tests.support.rabbitmq import Membership, RabbitNode, free_ports, name_of
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

NODES = 3
BOOT_S = 120.0
WHOLE_S = 90.0
"""A node that was down for long has much to fetch, on a machine that does other things too."""


class RabbitCluster:
    """Nodes have numbers from 0. URLs name all of them, the client's own first."""

    def __init__(
        self,
        run: RunFolder,
        *,
        khepri: bool = True,
        plugins: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        password: str = "",
        first_alone: bool = False,
    ) -> None:
        """Prepare a cluster; nothing runs before ``start``.

        Args:
            run: the run that owns it.
            khepri: False keeps queues and bindings in Mnesia, as a new node of 4.0 does.
            plugins: plugins of every node, such as ``rabbitmq_management``, which ``management`` has the addresses of.
            settings: lines of every node's ``rabbitmq.conf``.
            password: of ``ADMIN``, who is in definitions that ``settings`` load; otherwise one by chance.
            first_alone: node 0 is a broker of one node, whose configuration names no others; they join it.
        """
        self._khepri = khepri
        self._run = run
        self._folder = run.part("cluster")
        self._lines = {way: free_port() for way in permutations(range(NODES), 2)}
        self._control = free_port()
        ports = [free_ports() for _ in range(NODES)]
        cookie, password = secrets.token_hex(16), password or secrets.token_urlsafe(12)
        self._management = [free_port() for _ in ports]
        self.nodes = [
            RabbitNode(
                run,
                plugins=plugins,
                settings={
                    **({} if first_alone and number == 0 else _formation(ports)),
                    **(settings or {}),
                    **_management(listener, plugins),
                },
                member=Membership(each, cookie, password),
            )
            for number, (each, listener) in enumerate(zip(ports, self._management, strict=True))
        ]

    def start(self) -> None:
        """Start the network, then all nodes at once, and wait until they are one cluster (about 15 s)."""
        self.start_network()
        self.start_nodes()
        self.wait_whole()
        if self._khepri:
            self.nodes[0].ctl("enable_feature_flag", "--opt-in", "khepri_db")

    def start_network(self) -> None:
        """Start the network alone, for nodes that are to be started one after the other."""
        plan = {
            "names": [node.name.partition("@")[0] for node in self.nodes],
            "mappers": [node.ports.names for node in self.nodes],
            "listeners": [node.ports.distribution for node in self.nodes],
            "lines": list(self._lines.items()),
            "control": self._control,
        }
        self._network = start_child(
            self._run,
            [sys.executable, "-m", "tests.support.broker_network", json.dumps(plan)],
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            folder=PROJECT,
            log=self._folder / "network.log",
        )
        poll_until(lambda: is_listening(self._control), 20.0, what="start of the cluster's network")

    def remove(self) -> None:
        """End all nodes and the network, and delete their folders."""
        for node in self.nodes:
            node.remove()
        kill_tree(self._network)

    def urls(self, first: int = 0, vhost: str = "troika") -> tuple[str, ...]:
        """``ADMIN``'s URLs of all nodes, that of node ``first`` first."""
        return tuple(self.nodes[(first + step) % NODES].amqp_url(vhost=vhost) for step in range(NODES))

    def management(self, first: int = 0) -> tuple[str, ...]:
        """``ADMIN``'s URLs of the management API of all nodes, that of node ``first`` first."""
        ports = [self._management[(first + step) % NODES] for step in range(NODES)]
        login = urlsplit(self.nodes[0].amqp_url()).netloc.rpartition("@")[0]
        return tuple(f"http://{login}@127.0.0.1:{port}" for port in ports)

    def leader(self, queue: str, vhost: str, asked: int = 0) -> int:
        """The number of the node that leads ``queue``, as node ``asked`` sees it."""
        text = self.nodes[asked].ctl("list_queues", "-p", vhost, "name", "leader", "--formatter", "json")
        (leader,) = [row["leader"] for row in json.loads(text) if row["name"] == queue]
        return [node.name for node in self.nodes].index(leader)

    def shut(self, ways: Sequence[Way]) -> None:
        """Hold back what is sent on these ways between nodes, and on no others; an empty list heals all."""
        with socket.create_connection(("127.0.0.1", self._control), 5.0) as control:
            control.sendall(json.dumps(list(ways)).encode() + b"\n")
            assert control.makefile().readline() == "done\n"

    def mend(self) -> None:
        """Heal the network, let all nodes run, and wait until they are one cluster again."""
        self.shut([])
        for node in self.nodes:
            if node.running:
                node.resume()
        self.start_nodes()
        self.wait_whole()

    def wait_whole(self, within_s: float = WHOLE_S) -> None:
        """Wait until every node sees all of them running."""
        wanted = f"[lists:sort([{self._all_nodes}])]"
        poll_until(
            lambda: self._of_each("lists:sort(rabbit_nodes:list_running())", f"Opinions =:= {wanted}") == "true",
            within_s,
            every_s=0.5,
            what="every node sees all nodes",
        )

    def opinions(self) -> int:
        """How many different answers the nodes give, each by itself, to which exchanges, queues, users … there are."""
        in_order = "fun(_, V) when is_list(V) -> lists:sort(V); (_, V) -> V end"
        return int(self._of_each(f"maps:map({in_order}, rabbit_definitions:all_definitions())", "length(Opinions)"))

    @property
    def _all_nodes(self) -> str:
        return ", ".join(f"'{node.name}'" for node in self.nodes)

    def _of_each(self, expression: str, result: str) -> str:
        """``result`` of the different values (Opinions) that an Erlang ``expression`` has on the nodes.

        One command for all of them: starting ``rabbitmqctl`` is what takes the time.
        """
        asked = f"[erpc:call(N, fun() -> {expression} end, 10000) || N <- [{self._all_nodes}]]"
        return self._evaluate(f"Opinions = lists:usort({asked}), {result}.")

    def _evaluate(self, expression: str) -> str:
        """What the first node makes of an Erlang ``expression``; empty when it fails, as it does at a lost node."""
        try:
            return self.nodes[0].ctl("eval", expression).strip()
        except RuntimeError:
            return ""

    def start_nodes(self) -> None:
        """Start all nodes that do not run, at once: a new node waits for the others that its configuration names."""
        for node in self.nodes:
            node.begin()
        for node in self.nodes:
            node.wait_ready(BOOT_S)


def around(node: int, *, out: bool = True, into: bool = True) -> list[Way]:
    """The ways from ``node`` to the others, or to it from them, or both."""
    others = [other for other in range(NODES) if other != node]
    return [(node, other) for other in others if out] + [(other, node) for other in others if into]


def between(one: int, other: int) -> list[Way]:
    """Both directions between two nodes, which may still reach each other through the third."""
    return [(one, other), (other, one)]


def _management(port: int, plugins: Sequence[str]) -> dict[str, str]:
    if "rabbitmq_management" not in plugins:
        return {}
    return {"management.tcp.ip": "127.0.0.1", "management.tcp.port": str(port)}


def _formation(ports: Sequence[NodePorts]) -> dict[str, str]:
    names = {f"cluster_formation.classic_config.nodes.{n}": name_of(p) for n, p in enumerate(ports, start=1)}
    return {"cluster_formation.peer_discovery_backend": "classic_config", **names}
