"""Logins of our processes at PostgreSQL: which there are, in which databases, and how they are made."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from deploy.shape import SERVICES
from services.events.rights import RIGHTS as EVENTS
from services.notifications.rights import RIGHTS as NOTIFICATIONS
from services.registration.rights import KEYS_RIGHTS
from services.registration.rights import RIGHTS as REGISTRATION
from shared.db.roles import Rights, by_login, logins_of, migrator, set_limits, verifier, written_limits
from shared.messaging.broker import RIGHTS as BUS

KEYS = "keys"
DATABASES = (*SERVICES, KEYS)
"""One a service, and the keys database of registration."""

RIGHTS: Mapping[str, Rights] = {
    "registration": by_login("registration", REGISTRATION),
    "events": by_login("events", EVENTS),
    "notifications": by_login("notifications", NOTIFICATIONS),
    KEYS: by_login(KEYS, KEYS_RIGHTS),
    "bus": BUS,
}
"""By database: verbs by table and login."""

LOGINS: Mapping[str, list[str]] = {database: logins_of(rights) for database, rights in RIGHTS.items()}


def service_roles() -> list[str]:
    """Each database's migrator, and the logins of its processes."""
    return sorted({*map(migrator, DATABASES), *(name for database in DATABASES for name in LOGINS[database])})


def make_login(administrator: psycopg.Connection[Any], name: str, password: str) -> None:
    """Make a login that may do nothing yet, or give the one that is there ``password``; its sessions have limits."""
    found = administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    statement = "CREATE ROLE {} LOGIN PASSWORD {}" if found is None else "ALTER ROLE {} PASSWORD {}"
    administrator.execute(sql.SQL(statement).format(sql.Identifier(name), verifier(password, administrator)))
    set_limits(administrator, name)


def written(passwords: Mapping[str, str]) -> str:
    """The same as statements with verifiers, for an administrator to run; passwords by role."""
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {};")
    lines = []
    for name, secret in passwords.items():
        lines += [statement.format(sql.Identifier(name), verifier(secret)).as_string(None), *written_limits(name)]
    return "\n".join(lines)
