"""What a private RabbitMQ node is told: its configuration, its environment, and definitions to import."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

INSTALL_HINT = (
    "RabbitMQ is missing. `make test` installs it when it runs as root on Debian or Ubuntu; "
    "otherwise: apt-get install rabbitmq-server"
)
SCRIPT_FOLDERS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"), Path("/usr/local/sbin"))
"""Where the server's own scripts are. What Debian has on the PATH are wrappers that switch users and change folders."""

VHOST = "troika"

ERLANG_ARGUMENTS = "+S 1:1 -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
"""One scheduler, a port mapper of our own, and cluster traffic on loopback."""


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Ports of one node, all on loopback; ``control`` is the first of eleven for ``rabbitmqctl``."""

    amqp: int = field(default_factory=free_port)
    distribution: int = field(default_factory=free_port)
    names: int = field(default_factory=free_port)
    prometheus: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)


def scripts_folder() -> Path:
    """The folder with the server's own ``rabbitmq-server`` and ``rabbitmqctl``.

    Raises:
        RuntimeError: RabbitMQ is not installed; says what to install.
    """
    for folder in SCRIPT_FOLDERS:
        if (folder / "rabbitmq-server").is_file():
            return folder
    raise RuntimeError(INSTALL_HINT)


def configuration(ports: NodePorts, user: str, password: str, extra: Mapping[str, str]) -> str:
    """The text of ``rabbitmq.conf``: loopback, no guest, no anonymous, quorum queues by default."""
    settings = {
        "listeners.tcp.1": f"127.0.0.1:{ports.amqp}",
        "prometheus.tcp.ip": "127.0.0.1",
        "prometheus.tcp.port": str(ports.prometheus),
        "auth_mechanisms.1": "PLAIN",
        "anonymous_login_user": "none",
        "default_vhost": VHOST,
        "default_queue_type": "quorum",
        "default_user": user,
        "default_pass": password,
        "default_user_tags.administrator": "true",
        "default_permissions.configure": ".*",
        "default_permissions.read": ".*",
        "default_permissions.write": ".*",
        "max_message_size": "262144",
        "heartbeat": "20",
        "disk_free_limit.absolute": "50MB",
        **extra,
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def environment(folder: Path, node_name: str, ports: NodePorts) -> dict[str, str]:
    """What the server's scripts read; everything points into ``folder``."""
    return {
        "HOME": str(folder),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_NODENAME": node_name,
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_ARGUMENTS,
        "RABBITMQ_CTL_DIST_PORT_MIN": str(ports.control),
        "RABBITMQ_CTL_DIST_PORT_MAX": str(ports.control + 10),
        "ERL_EPMD_PORT": str(ports.names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # makes the script become the server instead of watching it, so that the child's pid is the server's
        "RUNNING_UNDER_SYSTEMD": "true",
    }


@dataclass(frozen=True, slots=True)
class Rights:
    """A user's permissions in one vhost, as regular expressions; ``topics`` is {exchange: (write, read)}."""

    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"
    topics: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def user_definitions(name: str, password: str, rights: Rights, vhost: str) -> dict[str, Any]:
    """Definitions that make one user with its rights in ``vhost``."""
    place = {"user": name, "vhost": vhost}
    return {
        "users": [{"name": name, "password_hash": _hashed(password), "tags": []}],
        "permissions": [{**place, "configure": rights.configure, "write": rights.write, "read": rights.read}],
        "topic_permissions": [
            {**place, "exchange": exchange, "write": write, "read": read}
            for exchange, (write, read) in rights.topics.items()
        ],
    }


def vhost_definitions(name: str, user: str) -> dict[str, Any]:
    """Definitions that make one empty vhost in which ``user`` may do everything."""
    return {
        "vhosts": [{"name": name, "metadata": {"default_queue_type": "quorum"}}],
        "permissions": [{"user": user, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}],
    }


def _hashed(password: str) -> str:
    """RabbitMQ's own form (rabbit_password_hashing_sha256): salt, then SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
