"""Database roles: rights on tables, statement timeouts and other session limits, passwords as SCRAM verifiers.

A database and its tables belong to its migrator, whom no process runs as. What a process may do with a table is stated
once for each database (``services/<name>/rights.py``, ``shared/messaging/broker.py``) and granted in the transaction
that changes the schema, so that no process ever meets a table on which it has too few or too many rights.

Limits are settings of the roles (``ALTER ROLE … SET``) and not of the connections, because a transaction pooler gives
each transaction another session: PgBouncer refuses settings that a client sends at the start, or silently ignores them
if it is configured to. Every process checks its limits before it works; work that takes longer sets its own limit in
its transaction (``SET LOCAL``).

PostgreSQL writes statements to its log (``log_statement = ddl``, and whenever one fails), so passwords are sent as
SCRAM-SHA-256 verifiers (RFC 5803).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

import psycopg
from psycopg import pq, sql
from psycopg.rows import tuple_row

Rights = Mapping[str, Mapping[str, str]]
"""Verbs by table and process, or by table and login: ``{"outbox": {"web": "insert", "relay": "select update"}}``.

A verb may be limited to some columns: ``update(claimed_by,claims)``. A name with arguments is a function, which can
only be executed: ``{"receipt_of(bytea)": {"forms": "execute"}}``. Of PostgreSQL's own functions those that lock numbers
are named, such as ``pg_advisory_xact_lock(bigint)``.
"""

VERBS = frozenset({"select", "insert", "update", "delete", "execute"})
"""All that is ever given. Who empties, refers to, puts triggers on or maintains a table is its owner."""

_LOGINS = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(names)s)"
_HELD = """
    SELECT relname, rolname, lower(privilege_type), '' FROM pg_class
    CROSS JOIN aclexplode(relacl) AS entry JOIN pg_roles ON pg_roles.oid = entry.grantee
    WHERE relnamespace = 'public'::regnamespace AND rolname = ANY(%(names)s)
    UNION ALL
    SELECT relname, rolname, lower(privilege_type), attname FROM pg_class
    JOIN pg_attribute ON attrelid = pg_class.oid
    CROSS JOIN aclexplode(attacl) AS entry JOIN pg_roles ON pg_roles.oid = entry.grantee
    WHERE relnamespace = 'public'::regnamespace AND rolname = ANY(%(names)s)
    UNION ALL
    SELECT pg_proc.oid::regprocedure::text, rolname, lower(privilege_type), '' FROM pg_proc
    CROSS JOIN aclexplode(proacl) AS entry JOIN pg_roles ON pg_roles.oid = entry.grantee
    WHERE pronamespace = 'public'::regnamespace AND rolname = ANY(%(names)s)
"""
"""Table or function, login, verb, and the column if the right is limited to it."""


def migrator(database: str) -> str:
    """The role that owns ``database`` (a service's name, or ``bus``) and changes its schema."""
    return f"troika_{database}"


def login(service: str, process: str) -> str:
    """The login of one kind of process."""
    return f"troika_{service}_{process}"


def by_login(service: str, rights: Rights) -> dict[str, dict[str, str]]:
    """``rights`` of the processes of ``service``, by login."""
    return {table: {login(service, user): verbs for user, verbs in who.items()} for table, who in rights.items()}


def united(rights: Rights, parts_of: Mapping[str, Iterable[str]]) -> Rights:
    """``rights`` with further processes, each of which does the work of others.

    Args:
        rights: the verbs by table and process.
        parts_of: the processes whose work each further process does, by its name.
    """
    found: dict[str, dict[str, str]] = {}
    for table, who in rights.items():
        verbs = {
            process: " ".join(sorted({verb for part in parts for verb in who.get(part, "").split()}))
            for process, parts in parts_of.items()
        }
        found[table] = {**who, **{process: words for process, words in verbs.items() if words}}
    return found


def logins_of(rights: Rights) -> list[str]:
    """Everyone who is named in ``rights``, in order."""
    return sorted({who for table in rights.values() for who in table})


def as_set(rights: Rights) -> set[tuple[str, str, str]]:
    """``rights`` as (table, who, verb).

    Raises:
        ValueError: something is named that is never given.
    """
    found = {
        (table, who, verb) for table, whom in rights.items() for who, verbs in whom.items() for verb in verbs.split()
    }
    if unknown := {verb.partition("(")[0] for _table, _who, verb in found} - VERBS:
        raise ValueError(f"no one is given {', '.join(sorted(unknown))}")
    return found


def give(owner: psycopg.Connection[Any], rights: Rights) -> list[str]:
    """Give the logins exactly these rights in the database of ``owner``, and revoke all others; only they may connect.

    PostgreSQL's own functions are not the owner's to give (:func:`close_functions`). Repeating it changes nothing. It
    is part of the transaction that ``owner`` is in, if any.

    Args:
        owner: a connection of the database's owner.
        rights: the verbs by table and login.

    Returns:
        the logins that the server does not have; they are given their rights the next time.
    """
    names = logins_of(rights)
    there = {str(name) for (name,) in _rows(owner, _LOGINS, names)}
    wanted = {
        right
        for entry in as_set(rights)
        if entry[1] in there and not _is_builtin(entry[0])
        for right in _by_column(*entry)
    }
    for right in sorted(_held(owner, names) - wanted):
        owner.execute(_statement("REVOKE {verb} ON {table} FROM {login}", *right))
    for right in sorted(wanted - _held(owner, names)):  # queried again: a whole table's REVOKE takes its columns' too
        owner.execute(_statement("GRANT {verb} ON {table} TO {login}", *right))
    _let_in(owner, there)
    return sorted(set(names) - there)


def _by_column(table: str, who: str, verb: str) -> list[tuple[str, str, str, str]]:
    """A right as (table, login, verb, column): one entry a column, or one with an empty column for the whole table."""
    name, _, columns = verb.rstrip(")").partition("(")
    return [(table, who, name, column) for column in columns.split(",")]


def _held(owner: psycopg.Connection[Any], names: list[str]) -> set[tuple[str, str, str, str]]:
    return {(str(table), str(who), str(verb), str(column)) for table, who, verb, column in _rows(owner, _HELD, names)}


def _statement(pattern: LiteralString, table: str, who: str, verb: str, column: str) -> sql.Composed:
    limited = sql.SQL("{} ({})").format(sql.SQL(verb), sql.Identifier(column)) if column else sql.SQL(verb)
    return sql.SQL(pattern).format(verb=limited, table=_object(table), login=sql.Identifier(who))


def _object(name: str) -> sql.Composable:
    """A table, or a function with the types of its arguments, as ``regprocedure`` writes them."""
    function, has_arguments, arguments = name.partition("(")
    if not has_arguments:
        return sql.Identifier(name)
    types = sql.SQL(arguments.rstrip(")"))
    return sql.SQL("FUNCTION {}({})").format(sql.Identifier(function), types)


_CLOSED = """
    SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND proname ~ '^(pg_(try_)?advisory_(xact_)?lock|lo_|loread$|lowrite$)'
"""
"""Functions that PostgreSQL lets every login execute: they lock any number, or store large objects of any size."""

OPEN_FUNCTIONS = f"""
    SELECT count(*) FROM ({_CLOSED}) AS closed(function) WHERE has_function_privilege('public', function, 'execute')
"""  # noqa: S608 - constants
"""How many of them every login may still execute."""

_CLOSE = """
    DO $$
    DECLARE statement text;
    BEGIN
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            RETURN;
        END IF;
        FOR statement IN
            SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function) FROM ({closed}) AS closed(function)
            UNION ALL
            SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM %I', function, rolname)
                FROM ({closed}) AS closed(function), pg_roles WHERE rolname IN ({logins})
            UNION ALL
            SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', function, rolname)
                FROM ({closed}) AS closed(function), pg_roles JOIN pg_database ON datdba = pg_roles.oid
                WHERE datname = current_database() AND function::text LIKE 'pg!_%' ESCAPE '!'
            UNION ALL
            SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', function, rolname)
                FROM (VALUES {rights}) AS given(function, who) JOIN pg_roles ON rolname = who
        LOOP
            EXECUTE statement;
        END LOOP;
    END $$;
"""


def close_functions(administrator: psycopg.Connection[Any], rights: Rights) -> None:
    """Let only the owner and the logins named in ``rights`` lock numbers, and no login store large objects.

    Only a superuser may; from any other administrator the functions stay as they are, and the doctor reports it.
    Repeating it changes nothing; it takes effect at once, in one transaction.

    Args:
        administrator: a connection to the database.
        rights: the verbs by table and login.
    """
    administrator.execute(written_closing(rights).encode())


def written_closing(rights: Rights) -> str:
    """The same as a statement, for a superuser to run in the database."""
    given = [(name, who) for name, whom in sorted(rights.items()) if _is_builtin(name) for who in sorted(whom)]
    pairs = [sql.SQL("({}, {})").format(*map(sql.Literal, pair)) for pair in given or [("", "")]]
    names = [sql.Literal(name) for name in logins_of(rights)]
    return _CLOSE.format(
        closed=_CLOSED,
        logins=sql.SQL(", ").join(names).as_string(None),
        rights=sql.SQL(", ").join(pairs).as_string(None),
    )


def _is_builtin(name: str) -> bool:
    """Whether it is a function of PostgreSQL's own: no one else's name may begin like this."""
    return name.startswith("pg_")


def _let_in(owner: psycopg.Connection[Any], logins: Iterable[str]) -> None:
    """Into the database come its owner and ``logins``; none of them makes anything in it."""
    ((name,),) = _rows(owner, "SELECT current_database()")
    database = sql.Identifier(str(name))
    owner.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for who in sorted(logins):
        owner.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(database, sql.Identifier(who)))
        owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(who)))


def _rows(connection: psycopg.Connection[Any], statement: str, names: list[str] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(statement, {"names": names or []}).fetchall()


NO_SERVER = b"="
"""An address that libpq refuses: it then connects to nothing, and uses its own number of iterations (4096)."""


def verifier(password: str, connection: psycopg.Connection[Any] | None = None) -> sql.Literal:
    """Return what ``CREATE ROLE … PASSWORD`` stores for ``password``, with a new salt each time.

    Args:
        password: the password in plain text; it is not sent to any server.
        connection: a connection to the server that will store it, whose ``scram_iterations`` are used; None if none is
            at hand.
    """
    if connection is not None:
        return _verifier(password, connection.pgconn)
    unconnected = pq.PGconn.connect_start(NO_SERVER)
    try:
        return _verifier(password, unconnected)
    finally:
        unconnected.finish()


def _verifier(password: str, library: pq.abc.PGconn) -> sql.Literal:
    return sql.Literal(library.encrypt_password(password.encode(), b"", b"scram-sha-256").decode())


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
    found = _limit_rows(connection, _IN_FORCE, list(LIMITS))
    return [_problem(role, name, value) for role, name, value in found if not _is_in_force(name, value)]


def set_limits(administrator: psycopg.Connection[Any], role: str) -> None:
    """Set the limits that ``role`` has no setting for; settings that an operator has chosen stay.

    They hold for sessions that begin afterwards.

    Args:
        administrator: a superuser, a role with CREATEROLE that may administer ``role``, or ``role`` itself.
        role: an existing role.
    """
    there = {name for _role, name in _limit_rows(administrator, _ON_ROLES, [role])}
    for name in LIMITS:
        if name not in there:
            administrator.execute(_limit_statement(role, name))


def written_limits(role: str) -> list[str]:
    """The same as statements, for an administrator to run."""
    return [f"{_limit_statement(role, name).as_string(None)};" for name in LIMITS]


def roles_without_limits(connection: psycopg.Connection[Any], roles: Iterable[str]) -> list[str]:
    """Return those of ``roles`` that exist, are no superusers and have no setting for one of the limits."""
    found: dict[str, set[str]] = {}
    for role, name in _limit_rows(connection, _ON_ROLES, list(roles)):
        found.setdefault(role, set()).add(name)
    return sorted(role for role, names in found.items() if not set(LIMITS) <= names)


def _problem(role: str, name: str, value: str) -> str:
    wanted = LIMITS[name]
    needed = f"more than 0 and at most {wanted}" if name.endswith("timeout") else wanted
    statement = _limit_statement(role, name).as_string(None)
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


def _limit_statement(role: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} SET {} = {}").format(sql.Identifier(role), sql.SQL(name), sql.Literal(LIMITS[name]))


def _limit_rows(connection: psycopg.Connection[Any], statement: Any, names: list[str]) -> list[tuple[Any, ...]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(statement, [names]).fetchall()
