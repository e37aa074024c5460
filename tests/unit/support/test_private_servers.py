"""Private nodes have a production node's configuration, except for ports and space."""

from pathlib import Path

from deploy.servers.rabbitmq import NodePorts, configuration
from shared.messaging.queue_members import MEMBERS
from shared.messaging.topology import policies
from tests.support.processes import PROJECT

FREE = {"listeners.tcp.1", "prometheus.tcp.port", "disk_free_limit.absolute"}


def _settings(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(tuple(part.strip() for part in line.split("=", 1)) for line in lines)  # type: ignore[misc]  # pairs


def test_production_node_follows_the_rules_of_ours() -> None:
    production = _settings((PROJECT / "deploy/rabbitmq/rabbitmq.conf").read_text())
    ours = _settings(configuration(NodePorts(1, 2, 3, 4, 5), {}))
    assert set(ours) <= set(production)
    assert {name: production[name] for name in ours if name not in FREE} == {
        name: value for name, value in ours.items() if name not in FREE
    }


def test_production_node_makes_no_guest() -> None:
    production = _settings((PROJECT / "deploy/rabbitmq/rabbitmq.conf").read_text())
    assert Path(production["load_definitions"]).name == "definitions.json"
    assert "default_user" not in production


def test_cluster_declares_no_queue_before_all_its_nodes_run() -> None:
    """And a broker that grows gets members by reconciliation, which does nothing without the target in the policies."""
    cluster = _settings((PROJECT / "deploy/rabbitmq/cluster.conf").read_text())
    nodes = [name for name in cluster if name.startswith("cluster_formation.classic_config.nodes.")]
    assert cluster["cluster_formation.target_cluster_size_hint"] == str(len(nodes)) == str(MEMBERS)
    production = _settings((PROJECT / "deploy/rabbitmq/rabbitmq.conf").read_text())
    assert production["quorum_queue.continuous_membership_reconciliation.enabled"] == "true"
    assert {row["definition"]["target-group-size"] for row in policies()} == {MEMBERS}
