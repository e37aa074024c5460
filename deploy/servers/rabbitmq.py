"""The input of a private RabbitMQ node: its configuration, its environment, and definitions to import."""

import base64
import hashlib
import hmac
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

INSTALL_HINT = (
    "RabbitMQ is missing. `make test` and `make up` install it when they run as root on Debian or Ubuntu; "
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

    amqp: int
    distribution: int
    names: int
    prometheus: int
    control: int


def scripts_folder() -> Path:
    """The folder with the server's own ``rabbitmq-server`` and ``rabbitmqctl``.

    Raises:
        RuntimeError: RabbitMQ is not installed; the message states what to install.
    """
    for folder in SCRIPT_FOLDERS:
        if (folder / "rabbitmq-server").is_file():
            return folder
    raise RuntimeError(INSTALL_HINT)


def configuration(ports: NodePorts, extra: Mapping[str, str]) -> str:
    """The text of ``rabbitmq.conf``: loopback, no anonymous entry, quorum queues by default.

    Args:
        ports: the ports to listen on.
        extra: lines added, or put in place of these; names the source of the first users (``default_user``, or
            ``load_definitions``), else RabbitMQ makes ``guest``.
    """
    settings = {
        "listeners.tcp.1": f"127.0.0.1:{ports.amqp}",
        "prometheus.tcp.ip": "127.0.0.1",
        "prometheus.tcp.port": str(ports.prometheus),
        "auth_mechanisms.1": "PLAIN",
        "anonymous_login_user": "none",
        "default_vhost": VHOST,
        "default_queue_type": "quorum",
        "max_message_size": "262144",
        "heartbeat": "20",
        "raft.adaptive_failure_detector.poll_interval": "2000",
        "disk_free_limit.absolute": "50MB",
        **extra,
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def name_server_command(ports: NodePorts) -> list[str]:
    """Starts a port mapper (epmd) for this node only."""
    return ["epmd", "-port", str(ports.names), "-address", "127.0.0.1"]


def takes_connections(ports: NodePorts) -> bool:
    """Whether the server's first frame comes: it is sent only once the node takes connections."""
    with socket.socket() as probe:
        probe.settimeout(2.0)
        if probe.connect_ex(("127.0.0.1", ports.amqp)) != 0:
            return False
        try:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return probe.recv(1) == b"\x01"
        except OSError:
            return False


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


SALT_BYTES = 4


def hashed(password: str, salt: bytes | None = None) -> str:
    """Return RabbitMQ's own hash (rabbit_password_hashing_sha256): the salt, then SHA-256 of salt and password.

    Args:
        password: the password in plain text.
        salt: four bytes; new ones if None.
    """
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def is_hash_of(known: str, password: str) -> bool:
    """Whether ``known`` is a hash of ``password``, whatever its salt is."""
    try:
        salt = base64.b64decode(known, validate=True)[:SALT_BYTES]
    except ValueError:
        return False
    return hmac.compare_digest(hashed(password, salt), known)
