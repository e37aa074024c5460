"""The server side: PostgreSQL's programs, the running cluster, and a server that runs restored data alone.

The server that runs alone listens on a Unix socket in a folder that only its account (and root) can enter, and on no
port: no client can reconnect to a restored database before it is in quarantine.
"""

import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.operations.backup.configuration import Cluster, Configuration
from deploy.shape import SERVICES
from shared.runtime.accounts import Account, acting_as, give, run_as, write_private

PROGRAMS_VARIABLE = "TROIKA_POSTGRES_PROGRAMS"
PROGRAMS = "/usr/lib/postgresql/{version}/bin"
"""Where Debian and the PostgreSQL project's own packages put the programs of a major version."""

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
PID_FILE = "postmaster.pid"
START_WITHIN_S = 86_400
"""A day: the server replays all WAL since the backup before it answers."""

ALONE = {
    "listen_addresses": "",
    "hot_standby": "off",  # no connection before all WAL is replayed, and no minimum for the limits below
    "max_connections": "40",
    "ssl": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_error_verbosity": "terse",
    "shared_preload_libraries": "",
    "synchronous_standby_names": "",
    "dynamic_shared_memory_type": "mmap",
    "jit": "off",
}
"""Settings of a server that runs alone; they override the restored configuration."""

_VERSION = re.compile(r"[0-9]{1,3}", re.ASCII)
_REVISION = "SELECT version_num FROM alembic_version"
_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'troika-%'"


class ServerProblem(Exception):
    """PostgreSQL failed; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class LoneServer:
    """Attributes:
    socket: folder of its Unix socket.
    user: its superuser.
    """

    socket: Path
    user: str

    def url(self, database: str) -> str:
        """Address of a database for the superuser."""
        return f"postgresql+psycopg://{self.user}@/{database}?host={self.socket}"

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection in autocommit; the caller closes it."""
        return psycopg.connect(host=str(self.socket), dbname=database, user=self.user, autocommit=True)


def programs_of(version: str) -> Path:
    """The folder of PostgreSQL's programs of a major version.

    Raises:
        ServerProblem: it is no version. The account of PostgreSQL writes it, and root runs what is in the folder.
    """
    if version and not _VERSION.fullmatch(version):
        raise ServerProblem(f"{version[:20]!r} is no major version of PostgreSQL")
    return Path(os.environ.get(PROGRAMS_VARIABLE) or PROGRAMS.format(version=version))


def installed_version(folder: Path) -> str:
    """Major version of the programs in ``folder``; empty if there are none."""
    server = folder / "postgres"
    if not server.exists():
        return ""
    words = run_as(None, [str(server), "--version"], env=ENVIRONMENT).stdout.split()
    return words[2].partition(".")[0] if len(words) > 2 else ""


def version_of(data: Path) -> str:
    """Major version of the cluster in ``data``; empty if there is none.

    Another text than a version counts as none: its account may have put a link to any file there.
    """
    file = data / "PG_VERSION"
    found = file.read_text().strip() if file.exists() else ""
    return found if _VERSION.fullmatch(found) else ""


def running_pid(data: Path) -> int:
    """Process id of the server of ``data``, or of a process that has its number now; 0 if there is none.

    After a crash the pid file stays although the process is gone, and its number may be in use again: in doubt the
    server counts as running.
    """
    try:
        pid = int((data / PID_FILE).read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return 0
    return pid if Path(f"/proc/{pid}").exists() else 0


def ask(configuration: Configuration, database: str, statement: str) -> str | None:
    """The first value of a statement, run on the cluster as its own account; None if it does not answer."""
    cluster = configuration.cluster
    folder = programs_of(version_of(cluster.data))
    program = str(folder / "psql") if (folder / "psql").exists() else "psql"
    where = ("-h", cluster.socket, "-p", str(cluster.port), "-U", cluster.user, "-d", make_conninfo(dbname=database))
    environment = {**ENVIRONMENT, "PGCONNECT_TIMEOUT": "5"}
    try:
        done = run_as(configuration.account, [program, *where, "-wXAtc", statement], env=environment)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def connected_processes(configuration: Configuration) -> int | None:
    """How many connections our processes have to the running cluster; None if it does not answer."""
    found = ask(configuration, "postgres", _OURS)
    return None if found is None else int(found)


def live_revisions(configuration: Configuration) -> dict[str, str]:
    """The revision of each service's schema in the running cluster.

    Raises:
        ServerProblem: a database has none, or does not answer.
    """
    found = {service: ask(configuration, service, _REVISION) for service in SERVICES}
    if missing := [service for service, revision in found.items() if not revision]:
        cluster = configuration.cluster
        raise ServerProblem(
            f"PostgreSQL at {cluster.socket}, port {cluster.port}, does not answer as {cluster.user}, or has no schema "
            f"in {', '.join(missing)}: start it, and migrate"
        )
    return {service: revision for service, revision in found.items() if revision}


def apply_settings(configuration: Configuration, settings: Mapping[str, str]) -> None:
    """Configure the running cluster (``ALTER SYSTEM``); ``archive_mode`` takes effect at its next start.

    Raises:
        ServerProblem: it does not answer.
    """
    for name, value in settings.items():
        statement = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)).as_string(None)
        if ask(configuration, "postgres", statement) is None:
            raise ServerProblem(f"{name} could not be set: PostgreSQL does not answer as {configuration.cluster.user}")


def stop_leftover_server(data: Path, account: Account | None) -> None:
    """Stop the server of ``data`` if one runs that a killed drill has left.

    The number in the pid file may be that of another process by now: only a process whose folder is ``data`` counts.
    """
    pid = running_pid(data)
    with acting_as(account):
        try:
            is_there = pid != 0 and os.path.samefile(f"/proc/{pid}/cwd", data)
        except OSError:  # it ended in the meantime, or belongs to another account
            is_there = False
    if is_there:
        control = [str(programs_of(version_of(data)) / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop"]
        run_as(account, control, env=ENVIRONMENT)


@contextmanager
def lone_server(
    data: Path, cluster: Cluster, account: Account | None, settings: Mapping[str, str]
) -> Iterator[LoneServer]:
    """Start the server of ``data`` alone, wait until it has replayed all WAL, and stop it at the end.

    Args:
        data: a restored data folder.
        cluster: whose superuser it is.
        account: the account that runs the server; None for the running user.
        settings: the settings in addition to ``ALONE``, over which they have precedence.

    Raises:
        ServerProblem: it did not start, or the end of recovery was not reached.
    """
    folder = Path(tempfile.mkdtemp(prefix="troika-restored-"))
    try:
        for name, text in (("hba", "local all all trust\n"), ("ident", ""), ("conf", "")):
            write_private(folder / name, text, account)
        give(folder, account)  # last: its owner may put a link in its place
        places = {
            "unix_socket_directories": str(folder),
            "port": "5432",
            "config_file": str(folder / "conf"),
            "hba_file": str(folder / "hba"),
            "ident_file": str(folder / "ident"),
        }
        options = shlex.join(
            word for name, value in {**ALONE, **places, **settings}.items() for word in ("-c", f"{name}={value}")
        )
        control = [str(programs_of(version_of(data)) / "pg_ctl"), "-D", str(data), "-w", "-t", str(START_WITHIN_S)]
        try:
            started = run_as(account, [*control, "-l", str(folder / "log"), "-o", options, "start"], env=ENVIRONMENT)
            if started.returncode != 0:
                raise ServerProblem(
                    f"PostgreSQL did not start on the restored data:\n{_end_of(folder / 'log', account)}"
                )
            server = LoneServer(folder, cluster.user)
            _wait_for_end_of_recovery(server, data, folder / "log", account)
            yield server
        finally:
            run_as(account, [*control, "-m", "fast", "stop"], env=ENVIRONMENT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def restored_revisions(server: LoneServer) -> dict[str, str]:
    """The revision of each service's schema on a server that runs alone; empty for a database without one."""
    found = {}
    for service in SERVICES:
        try:
            with server.connect(service) as connection:
                row = connection.execute(_REVISION).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.OperationalError):
            row = None
        found[service] = str(row[0]) if row else ""
    return found


def _wait_for_end_of_recovery(server: LoneServer, data: Path, log: Path, account: Account | None) -> None:
    """Wait until the server accepts connections: `pg_ctl` returns while it still replays WAL.

    Raises:
        ServerProblem: the server has ended.
    """
    while True:
        try:
            return server.connect("postgres").close()
        except psycopg.OperationalError as error:
            if not running_pid(data):
                raise ServerProblem(f"PostgreSQL ended while it replayed WAL:\n{_end_of(log, account)}") from error
        time.sleep(0.1)  # polls until the server answers or ends; it ends if WAL that it needs is missing


def _end_of(log: Path, account: Account | None) -> str:
    """With the rights of ``account``, which may have put a link in the place of its log."""
    with acting_as(account):
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""
