"""Passwords of the broker's and the database's logins: made at the first start, readable only by their owner."""

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from deploy.servers.audit_role import ROLE
from deploy.servers.logins import service_roles
from deploy.servers.monitor_role import MONITOR
from deploy.servers.rabbitmq import VHOST, hashed, is_hash_of
from shared.db.embedded_server import SUPERUSER
from shared.messaging import topology

NO_HASHES: Mapping[str, str] = MappingProxyType({})


def broker_passwords(folder: Path) -> dict[str, str]:
    """Password by login of the broker; one a process kind."""
    return _passwords(folder / "broker.json", topology.user_names())


def database_passwords(folder: Path) -> dict[str, str]:
    """Password by role of the database: the superuser, migrators, processes, the audit, the monitor."""
    return _passwords(folder / "databases.json", [SUPERUSER, *service_roles(), ROLE, MONITOR])


def keys_server_password(folder: Path) -> dict[str, str]:
    """Password of the superuser of a separate server with the keys database: another than the other server's."""
    return _passwords(folder / "keys-server.json", [SUPERUSER])


def broker_definitions(passwords: Mapping[str, str], known: Mapping[str, str] = NO_HASHES) -> dict[str, Any]:
    """Return the generated definitions with their users. A RabbitMQ server that starts with them never makes ``guest``.

    Args:
        passwords: the password by login.
        known: the hash by login in earlier definitions; a hash that fits the password stays.
    """
    users = [
        {
            "name": name,
            "password_hash": known[name] if is_hash_of(known.get(name, ""), secret) else hashed(secret),
            "tags": topology.user_tags(name),
            "limits": topology.user_limits(name),
        }
        for name, secret in passwords.items()
    ]
    return {**topology.definitions(), "users": users}


def write_definitions(file: Path, passwords: Mapping[str, str]) -> None:
    """Write the definitions of this version for these passwords, unless ``file`` has exactly them.

    A broker imports its file at each start. A file of an earlier version would take rights and policies back, and one
    with an earlier password would let that in again. Salts of passwords that have not changed stay, so that a broker
    whose file has not changed changes nothing either.
    """
    there = file.read_text() if file.exists() else ""
    wanted = json.dumps(broker_definitions(passwords, _known_hashes(there)))
    if wanted != there:
        file.write_text(wanted)


def _known_hashes(text: str) -> dict[str, str]:
    """Hash by login in definitions; none if a crash has cut them off."""
    try:
        return {user["name"]: user["password_hash"] for user in json.loads(text)["users"]}
    except ValueError:
        return {}


def broker_url(user: str, password: str, port: int) -> str:
    """``amqp://`` URL of one login."""
    return f"amqp://{user}:{quote(password, safe='')}@127.0.0.1:{port}/{VHOST}"


def audit_broker_url(passwords: dict[str, str], port: int) -> str:
    """URL of the audit's login; empty for an installation whose passwords are from before there was one."""
    password = passwords.get(topology.AUDIT)
    return broker_url(topology.AUDIT, password, port) if password else ""


def _passwords(file: Path, names: Iterable[str]) -> dict[str, str]:
    """Those in ``file``, and new ones for names that it does not know."""
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    found = {name: known.get(name) or secrets.token_urlsafe(24) for name in names}
    if found != known:
        file.touch(mode=0o600)
        file.write_text(json.dumps(found, indent=2) + "\n")
    return found
