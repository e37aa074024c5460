"""Databases of the services, their logins, and those of audit and monitoring, made by an administrator."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from deploy.servers.audit_role import ROLE, grant_reading, make_role
from deploy.servers.logins import DATABASES, RIGHTS, make_login, service_roles
from deploy.servers.monitor_role import MONITOR, make_monitor
from shared.db.roles import close_functions, migrator

_OPEN_TO_ALL = """
    SELECT datname FROM pg_database CROSS JOIN aclexplode(coalesce(datacl, acldefault('d', datdba))) AS entry
    WHERE datname IN ('postgres', 'template1') AND entry.grantee = 0
"""


def make_databases(
    administrator: psycopg.Connection[Any], passwords: Mapping[str, str], databases: Sequence[str] = DATABASES
) -> None:
    """One database per service and the keys database, each owned by its migrator, and a login for each process.

    A migrator may enter no other database; neither it nor a login enters those that every server has.

    Existing ones are kept; the logins get their rights when the schema is migrated.

    Args:
        administrator: a superuser, in autocommit.
        passwords: the password by role.
        databases: the databases that are made on this server.
    """
    for role in service_roles():
        make_login(administrator, role, passwords[role])
    for database in databases:
        name, owner = sql.Identifier(database), sql.Identifier(migrator(database))
        if administrator.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).rowcount == 0:
            administrator.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        administrator.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for (name,) in administrator.execute(_OPEN_TO_ALL).fetchall():
        administrator.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    make_role(administrator, passwords[ROLE])
    make_monitor(administrator, passwords[MONITOR])


def complete_rights(administrator: psycopg.Connection[Any], database: str) -> None:
    """Give what a database's owner cannot, once it has its newest schema; repeating it changes nothing.

    Args:
        administrator: a connection of a superuser to that database.
        database: whose it is: a service's name, ``keys`` or ``bus``.
    """
    grant_reading(administrator, database)
    close_functions(administrator, RIGHTS[database])
