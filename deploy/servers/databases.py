"""Databases of the services, their logins, and those of audit and monitoring, made by an administrator."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from deploy.servers.audit_role import ROLE, make_role
from deploy.servers.logins import make_login, service_roles
from deploy.servers.monitor_role import MONITOR, make_monitor
from deploy.shape import SERVICES
from shared.core.rights import migrator


def make_databases(administrator: psycopg.Connection[Any], passwords: Mapping[str, str]) -> None:
    """One database a service, owned by its migrator, who may enter no other, and a login for each process.

    What is there is kept; the logins get their rights when the schema is brought up to date.

    Args:
        administrator: a superuser, in autocommit.
        passwords: by role.
    """
    for role in service_roles():
        make_login(administrator, role, passwords[role])
    for service in SERVICES:
        name, owner = sql.Identifier(service), sql.Identifier(migrator(service))
        if administrator.execute("SELECT 1 FROM pg_database WHERE datname = %s", [service]).rowcount == 0:
            administrator.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        administrator.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    administrator.execute("REVOKE ALL ON DATABASE postgres FROM PUBLIC")
    make_role(administrator, passwords[ROLE])
    make_monitor(administrator, passwords[MONITOR])
