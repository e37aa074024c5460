"""A private PostgreSQL: real, own folder and port, so that tests may kill it at will."""

import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from deploy.servers.postgres import SERVER_SETTINGS, server_command
from deploy.servers.starting import prefix
from shared.db.embedded_server import ENVIRONMENT, SUPERUSER, binaries, make_cluster
from shared.db.roles import set_limits, verifier
from shared.runtime.accounts import run_as, service_account
from tests.support.children import kill_tree, start_child, tail
from tests.support.database_queries import close_kept, keep_connections_to
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.shared_memory import remove_segment
from tests.support.waiting import poll_until

TEST_SETTINGS = {
    **SERVER_SETTINGS,
    # cheap password checks: the passwords are random and live as long as the run
    "scram_iterations": "64",
}

IN_MEMORY = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB"}


Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresServer:
    """One server. URLs are SQLAlchemy's (``postgresql+psycopg://``), over TCP on loopback, with a password."""

    def __init__(self, run: RunFolder, *, durable: bool = True) -> None:
        """Prepare a server in ``run``; nothing runs before ``start``.

        Args:
            run: the run that owns it.
            durable: False for a server that no one kills: it does not wait for the disk.
        """
        self._run = run
        self._settings = TEST_SETTINGS if durable else TEST_SETTINGS | IN_MEMORY
        self._account = service_account("postgres", "nobody")
        self._bin = binaries(run.path, self._account)
        self.port = free_port()
        self.folder = run.part("postgres", self._account)
        self.data_folder = self.folder / "data"
        self.log = self.folder / "server.log"
        self.inside: Sequence[str] = ()
        """Words before the server's command, from the next start on: of the disk that it is to see."""
        self._durable = durable
        self._strategy = "wal_log" if durable else "file_copy"
        self._passing: list[str] = []
        self._templates: set[str] = set()
        self._passwords = {SUPERUSER: secrets.token_hex(12)}
        self._server: subprocess.Popen[bytes] | None = None
        self._administrator: Connection | None = None

    @property
    def running(self) -> bool:
        """Whether the server's process exists."""
        return self._server is not None and self._server.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the server as it runs now.

        Raises:
            RuntimeError: it does not run.
        """
        if self._server is None:
            raise RuntimeError("the server does not run")
        return self._server.pid

    def start(self, within_s: float = 30.0) -> None:
        """Make the cluster if there is none, start the server, and wait until it takes connections (0.5 s).

        Raises:
            RuntimeError: it ended instead; with the end of its log.
        """
        if self.running:
            return
        if not (self.data_folder / "PG_VERSION").exists():
            make_cluster(self._bin, self.folder, self._passwords[SUPERUSER], self._account)
        self._server = start_child(
            self._run,
            [*self.inside, *prefix(self._account, signal.SIGQUIT), *self._command()],
            env={},
            folder=self.folder,
            log=self.log,
            death_signal=signal.SIGQUIT,
        )
        poll_until(self._ready, within_s, what=f"start of PostgreSQL on port {self.port}")
        if not self._durable:
            keep_connections_to(self.port)

    def make_standby(self) -> "PostgresServer":
        """Start a standby that receives what this server writes; both have the same passwords (2 s).

        Raises:
            RuntimeError: it could not be copied; with what pg_basebackup printed.
        """
        standby = PostgresServer(self._run, durable=self._durable)
        standby._passwords = self._passwords
        address = f"host=127.0.0.1 port={self.port} user={SUPERUSER}"
        copied = run_as(
            self._account,
            [str(self._bin / "pg_basebackup"), "-d", address, "-D", str(standby.data_folder), "-R", "-c", "fast"],
            env={**ENVIRONMENT, "PGPASSWORD": self._passwords[SUPERUSER]},
            cwd=standby.folder,
        )
        if copied.returncode:
            raise RuntimeError(f"pg_basebackup failed:\n{copied.stdout}{copied.stderr}")
        standby.start()
        return standby

    def stop(self, within_s: float = 30.0) -> None:
        """Stop in good order, without waiting for clients to leave (fast shutdown: SIGINT)."""
        if self._server is not None and self.running:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(within_s)

    def kill(self) -> None:
        """End postmaster and backends at once, as a power cut would (SIGKILL)."""
        if self._server is not None:
            kill_tree(self._server)

    def restart(self) -> None:
        """Stop in good order and start again on the same port."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """End the server at once (SIGQUIT: no one needs its data, so no checkpoint) and delete its folder."""
        close_kept()
        if self._administrator is not None:
            self._administrator.close()
        if self._server is not None and self.running:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(30.0)
        remove_segment(self.data_folder / "postmaster.pid")
        shutil.rmtree(self.folder)

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """URL of ``database`` for ``role``, who is ``SUPERUSER`` or was made by ``create_role``."""
        return f"postgresql+psycopg://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = SUPERUSER, role: str = SUPERUSER) -> Connection:
        """A psycopg connection in autocommit, to read a database from outside. The caller closes it."""
        address = self.url(database, role).replace("+psycopg", "", 1)
        return psycopg.connect(address, autocommit=True, connect_timeout=5)

    def create_role(self, name: str) -> None:
        """Make a login role without any rights, and with our limits; nothing happens when it is there."""
        if name not in self._passwords:
            password = secrets.token_hex(12)
            with self._administering() as connection:
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(name), verifier(password, connection)))
                set_limits(connection, name)
            self._passwords[name] = password

    def create_database(self, name: str, owner: str | None = None) -> str:
        """Make an empty database that only ``owner`` may enter (by default a role of the same name).

        Returns:
            its URL for the owner.

        Raises:
            psycopg.errors.DuplicateDatabase: it is there already.
        """
        return self._create(name, owner or name, "template1")

    def make_template(self, name: str, prepare: Callable[[str], None], owner: str | None = None) -> str:
        """Make a database once, fill it by ``prepare(url)``, and return its name for ``fresh_database``.

        ``prepare`` (migrations) closes every connection that it opens.
        """
        if name not in self._templates and not self._exists(name):
            try:
                prepare(self._create(name, owner or name, "template1"))
            except BaseException:
                self.drop_database(name)
                raise
        self._templates.add(name)
        return name

    def fresh_database(self, template: str | None = None, owner: str | None = None, logins: Sequence[str] = ()) -> str:
        """Make a database with a new name, as a copy of ``template`` (25 ms in memory, else 40), and return its URL.

        Args:
            template: what ``make_template`` returned; None for an empty database.
            owner: whose URL is returned; by default the template's owner, or a new role for an empty database.
            logins: who may enter it beside its owner; their rights on tables are the template's.
        """
        name = f"test_{secrets.token_hex(5)}"
        self._passing.append(name)
        return self._create(name, owner or template or name, template or "template1", logins)

    def keep_databases(self) -> None:
        """Let the fresh databases that there are outlive the module in which they were made."""
        self._passing.clear()

    def drop_fresh_databases(self) -> None:
        """Drop those that no one keeps, and end their connections.

        Nine megabytes each, thousands in a run: they would fill the machine's memory with what no one reads again.
        """
        if not self._passing:
            return
        close_kept()
        with self._administering() as connection:
            while self._passing:
                connection.execute(_drop(self._passing.pop()))

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, and end its connections."""
        close_kept()
        with self._administering() as connection:
            connection.execute(_drop(name))

    def _command(self) -> list[str]:
        return server_command(self._bin, self.folder, self.port, self._settings)

    def _create(self, name: str, owner: str, template: str, logins: Sequence[str] = ()) -> str:
        self.create_role(owner)
        close_kept()
        database, role = sql.Identifier(name), sql.Identifier(owner)
        entering = sql.SQL(", ").join(map(sql.Identifier, (owner, *logins)))
        with self._administering() as connection:
            for statement, *parts in (
                (
                    "CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}",
                    *(database, role, sql.Identifier(template), sql.Identifier(self._strategy)),
                ),
                ("REVOKE ALL ON DATABASE {} FROM PUBLIC", database),
                ("GRANT CONNECT ON DATABASE {} TO {}", database, entering),
            ):
                connection.execute(sql.SQL(statement).format(*parts))
        return self.url(name, owner)

    @contextmanager
    def _administering(self) -> Iterator[Connection]:
        """A connection of the superuser: kept where the server is not killed, since each new one costs as it does."""
        if self._durable:
            with self.connect() as connection:
                yield connection
            return
        if self._administrator is None or self._administrator.closed:
            self._administrator = self.connect()
        yield self._administrator

    def _exists(self, database: str) -> bool:
        with self._administering() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        return found is not None

    def _ready(self) -> bool:
        if not self.running:
            raise RuntimeError(f"PostgreSQL ended while starting:\n{tail(self.log)}")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


def _drop(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
