"""The login of postgres_exporter and of the doctor: it sees the server's statistics and settings, and no table."""

from typing import Any

import psycopg
from psycopg import sql

from shared.db.roles import verifier

MONITOR = "troika_monitor"


def make_monitor(administrator: psycopg.Connection[Any], password: str) -> None:
    """Make the login if it is missing, with the role ``pg_monitor`` and access to the database ``postgres``.

    Args:
        administrator: a connection of an administrator of the whole server.
        password: the password of the login.
    """
    role = sql.Identifier(MONITOR)
    found = administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [MONITOR]).fetchone()
    if found is None:
        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT 10").format(role))
    administrator.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, verifier(password, administrator)))
    administrator.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role))
    administrator.execute(sql.SQL("ALTER ROLE {} SET statement_timeout = '30s'").format(role))
    administrator.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))
    administrator.execute(sql.SQL("GRANT CONNECT ON DATABASE postgres TO {}").format(role))
