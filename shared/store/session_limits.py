"""Limits of each database session: set on the roles, and checked by every process before it works.

They are settings of the roles (``ALTER ROLE … SET``) and not of the connections, because a transaction pooler gives
each transaction another session: PgBouncer refuses settings that a client sends at the start. If it is configured to
ignore them, it does so silently, and nothing is limited. Work that takes longer sets its own limit in its transaction
(``SET LOCAL``).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

LIMITS: Mapping[str, str] = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "15s",
    "timezone": "UTC",
    "jit": "off",
}
"""Limit of every role of Troika, by setting of PostgreSQL. A time limit may be lower; 0 would be none."""

_MS_BY_UNIT = {"": 1.0, "us": 0.001, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
_TIME = re.compile(r"(\d+)(us|ms|s|min|h|d)?$")
_UTC = ("UTC", "Etc/UTC")

_IN_FORCE = "SELECT current_user, name, current_setting(name) FROM unnest(%s::text[]) AS name"
_ON_ROLES = """
    SELECT rolname, lower(split_part(entry, '=', 1)) FROM pg_roles
    LEFT JOIN pg_db_role_setting ON setrole = pg_roles.oid AND setdatabase IN (
        0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    LEFT JOIN LATERAL unnest(setconfig) AS entry ON true
    WHERE rolname = ANY(%s) AND NOT rolsuper
"""


def limit_problems(connection: psycopg.Connection[Any]) -> list[str]:
    """Return which limits are not in force for ``connection``, each with how to set it; empty if all are.

    It takes one round trip and reads the session itself (as SHOW does), so it is correct behind a pooler too.
    """
    found = _rows(connection, _IN_FORCE, list(LIMITS))
    return [_problem(role, name, value) for role, name, value in found if not _is_in_force(name, value)]


def set_limits(administrator: psycopg.Connection[Any], role: str) -> None:
    """Set the limits that ``role`` has no setting for; settings that an operator has chosen stay.

    They hold for sessions that begin afterwards.

    Args:
        administrator: a superuser, a role with CREATEROLE that may administer ``role``, or ``role`` itself.
        role: an existing role.
    """
    there = {name for _role, name in _rows(administrator, _ON_ROLES, [role])}
    for name in LIMITS:
        if name not in there:
            administrator.execute(_statement(role, name))


def written_limits(role: str) -> list[str]:
    """The same as statements, for an administrator to run."""
    return [f"{_statement(role, name).as_string(None)};" for name in LIMITS]


def roles_without_limits(connection: psycopg.Connection[Any], roles: Iterable[str]) -> list[str]:
    """Return those of ``roles`` that exist, are no superusers and have no setting for one of the limits."""
    found: dict[str, set[str]] = {}
    for role, name in _rows(connection, _ON_ROLES, list(roles)):
        found.setdefault(role, set()).add(name)
    return sorted(role for role, names in found.items() if not set(LIMITS) <= names)


def _problem(role: str, name: str, value: str) -> str:
    wanted = LIMITS[name]
    needed = f"more than 0 and at most {wanted}" if name.endswith("timeout") else wanted
    statement = _statement(role, name).as_string(None)
    return f"database: {name} of {role} is {value}, required is {needed}: {statement}; then restart this process"


def _is_in_force(name: str, value: str) -> bool:
    if name == "timezone":
        return value in _UTC
    if not name.endswith("timeout"):
        return value == LIMITS[name]
    return 0 < _milliseconds(value) <= _milliseconds(LIMITS[name])


def _milliseconds(value: str) -> float:
    found = _TIME.match(value)
    if found is None:
        raise ValueError(f"no time of PostgreSQL: {value}")
    return int(found[1]) * _MS_BY_UNIT[found[2] or ""]


def _statement(role: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} SET {} = {}").format(sql.Identifier(role), sql.SQL(name), sql.Literal(LIMITS[name]))


def _rows(connection: psycopg.Connection[Any], statement: Any, names: list[str]) -> list[tuple[Any, ...]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(statement, [names]).fetchall()
