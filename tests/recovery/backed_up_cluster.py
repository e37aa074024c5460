"""A PostgreSQL of Debian's packages with the three databases, whose backups pgBackRest makes as an operator would."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg

from deploy.local.secrets import make_secrets
from deploy.servers.audit_role import ROLE
from deploy.servers.databases import make_databases
from deploy.servers.logins import RIGHTS, service_roles
from deploy.servers.monitor_role import MONITOR
from deploy.shape import SERVICES
from shared.db.engine import open_engine
from shared.db.migrate import migrate
from shared.db.roles import migrator
from shared.runtime.accounts import run_as, service_account
from shared.runtime.settings import conninfo
from tests.support.children import start_child
from tests.support.installation import FreshDatabases, TestInstallation
from tests.support.processes import PROJECT
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer

VERSION = "17"
PROGRAMS = Path(f"/usr/lib/postgresql/{VERSION}/bin")
HINT = f"install what backups need: apt-get install pgbackrest postgresql-{VERSION}"


class BackedUpCluster:
    """A cluster on a Unix socket, and the files and the repository of pgBackRest beside it."""

    def __init__(self, run: RunFolder) -> None:
        assert (PROGRAMS / "postgres").exists(), HINT
        self._run = run
        self._account = service_account("postgres", "nobody")
        self.folder = run.part("backed-up", self._account)
        self.data, self.socket = self.folder / "data", self.folder / "socket"
        self.repository, self.config = self.folder / "repository", self.folder / "backup" / "pgbackrest.conf"
        self.metrics = self.folder / "metrics"
        self._server: subprocess.Popen[bytes] | None = None
        run_as(self._account, ["mkdir", str(self.socket), str(self.metrics)])

    def make(self) -> None:
        """Make the cluster and the databases with the newest schema."""
        words = ["-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        made = run_as(self._account, [str(PROGRAMS / "initdb"), *words])
        assert made.returncode == 0, made.stderr
        settings = f"listen_addresses = ''\nunix_socket_directories = '{self.socket}'\ntimezone = 'UTC'\n"
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(settings)
        self.start()
        with self.connect("postgres") as administrator:
            make_databases(administrator, dict.fromkeys([*service_roles(), ROLE, MONITOR], "test"))
        for service in SERVICES:
            engine = open_engine(self.url(service, migrator(service)))
            migrate(engine, PROJECT / "services" / service / "migrations", RIGHTS[service])
            engine.dispose()

    def url(self, database: str, role: str = "postgres") -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://{role}@/{database}?host={self.socket}"

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the superuser, in autocommit."""
        return psycopg.connect(conninfo(self.url(database)), autocommit=True, connect_timeout=5)

    def installation(self, folder: Path) -> TestInstallation:
        """The databases as a test installation, with new keys in ``folder``."""
        urls = FreshDatabases(cast("PostgresServer", self))  # which has addresses in the same way
        urls.update({service: self.url(service, migrator(service)) for service in SERVICES})
        return TestInstallation(urls, make_secrets(folder / "secrets"))

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [str(PROGRAMS / "postgres"), "-D", str(self.data)]
        self._server = start_child(
            self._run,
            command,
            env={},
            folder=self.folder,
            log=self.folder / "log",
            account=self._account,
            death_signal=signal.SIGQUIT,
        )
        poll_until(self._answers, 60.0, what="the server that is backed up")

    def stop(self) -> None:
        """Stop it gracefully."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(60.0)

    def kill(self) -> None:
        """Kill it as a power cut does: its pid file stays."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(60.0)

    def execute(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser and return its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def troika(self, *words: str, code: int = 0, **environment: str) -> str:
        """Run `troika …` as root on that machine; returns its output.

        Args:
            words: of the command.
            code: exit code that is expected.
            environment: variables besides those of every command.
        """
        command = [sys.executable, "-m", "deploy.command", *words]
        done = subprocess.run(
            command, cwd=PROJECT, env={**self._given(), **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start `troika …` as root on that machine, and do not wait for its end."""
        return subprocess.Popen([sys.executable, "-m", "deploy.command", *words], cwd=PROJECT, env=self._given())

    def _given(self) -> dict[str, str]:
        settings = {"TROIKA_BACKUP_CONFIG": str(self.config), "TROIKA_BACKUP_METRICS": str(self.metrics)}
        return {"PATH": "/usr/bin:/bin", **settings}

    def configure(self) -> str:
        """Configure pgBackRest and PostgreSQL, and restart PostgreSQL."""
        where = ("--data", str(self.data), "--socket", str(self.socket), "--repository", str(self.repository))
        printed = self.troika("backup", "configure", *where, "--apply")
        self.stop()
        self.start()
        return printed

    def remove(self) -> None:
        """End the server."""
        self.kill()

    def _answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True
