"""Definitions and configuration of RabbitMQ that only tests need: first users, users with any rights, empty vhosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.servers.rabbitmq import hashed


def first_user(user: str, password: str) -> dict[str, str]:
    """Lines of ``rabbitmq.conf`` for a node whose first user may do everything."""
    return {
        "default_user": user,
        "default_pass": password,
        "default_user_tags.administrator": "true",
        "default_permissions.configure": ".*",
        "default_permissions.read": ".*",
        "default_permissions.write": ".*",
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
        "users": [{"name": name, "password_hash": hashed(password), "tags": []}],
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
