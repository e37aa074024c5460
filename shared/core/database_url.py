"""The address of a PostgreSQL database, as people write it: SQLAlchemy's or libpq's form, one host or several.

``postgresql://user:password@first:5432,second:5432/name`` is libpq's form for several hosts, which SQLAlchemy does not
read; libpq does not read SQLAlchemy's (``?host=first:5432&host=second:5432``). Both are taken, and each gets its own.
"""

import re
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

SCHEMES = ("postgresql", "postgresql+psycopg", "postgres")
_SEVERAL = re.compile(r"(?P<scheme>[a-z+]+)://(?P<user>[^/?#]*@)?(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<rest>[/?].*)?$")
_PLAIN = re.compile(r"(?P<host>[^:]+|\[[^\]]+\])(:(?P<port>\d+))?$")


def read_database_url(text: str) -> URL:
    """The address as SQLAlchemy takes it, for psycopg.

    With several hosts the one that accepts writes is used, unless ``target_session_attrs`` says otherwise.

    Raises:
        ValueError: it is none; the text is not repeated, since it may hold a password.
    """
    try:
        url = make_url(_with_hosts_in_query(text))
    except (ArgumentError, ValueError):
        url = URL.create("none")
    if url.drivername not in SCHEMES or not (url.host or url.database or url.query):
        raise ValueError("an address of the form postgresql://user:password@host:port/database is required")
    if len(_as_tuple(url.query.get("host", ()))) > 1 and "target_session_attrs" not in url.query:
        url = url.update_query_dict({"target_session_attrs": "read-write"})
    return url.set(drivername="postgresql+psycopg")


def database_url(text: str) -> str:
    """``text``, if it is an address.

    Raises:
        ValueError: it is none.
    """
    read_database_url(text)
    return text


def conninfo(text: str) -> str:
    """The address as libpq takes it.

    Raises:
        ValueError: it is none.
    """
    return make_conninfo(**connection_parameters(text))


def connection_parameters(text: str) -> dict[str, Any]:
    """libpq's parameters (``host``, ``port``, ``user``, ``sslmode`` …); several hosts with commas between.

    Raises:
        ValueError: it is no address.
    """
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
    _, parameters = dialect.create_connect_args(read_database_url(text))  # type: ignore[no-untyped-call]  # as above
    return {name: value for name, value in parameters.items() if name != "context"}


def is_same_database(one: str, other: str) -> bool:
    """Whether two addresses name the same database on the same server, as far as their text shows it.

    Raises:
        ValueError: one of them is no address.
    """
    first, second = _places(one), _places(other)
    return bool(first & second)


def _places(text: str) -> set[tuple[str, str, str]]:
    """Each (host, port, database) of an address."""
    known = connection_parameters(text)
    hosts = str(known.get("host", "")).split(",")
    ports = str(known.get("port", "")).split(",")
    name = str(known.get("dbname", known.get("user", "")))
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    return {(host.lower(), port or "5432", name) for host, port in zip(hosts, ports, strict=True)}


def _with_hosts_in_query(text: str) -> str:
    found = _SEVERAL.match(text)
    if found is None:
        return text
    hosts = found["hosts"].split(",")
    if not all(_PLAIN.match(host) for host in hosts):
        raise ValueError("a host is required between two commas")
    listed = "&".join(f"host={host if _PLAIN.match(host)['port'] else f'{host}:5432'}" for host in hosts)  # type: ignore[index]  # checked above
    path, _, query = (found["rest"] or "/").partition("?")
    return f"{found['scheme']}://{found['user'] or ''}{path}?{listed}{'&' + query if query else ''}"


def _as_tuple(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
