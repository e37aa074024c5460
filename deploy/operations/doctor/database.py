"""Checks of PostgreSQL: every login, limits, schema, durability, standby servers, connections, archive, TLS, clock."""

from collections.abc import Iterator
from pathlib import Path

from deploy.operations.doctor.grading import (
    PRIVATE_HOSTS,
    CheckResult,
    GradedHost,
    HostDatabase,
    failed,
    not_asked,
    ok,
    warning,
)
from deploy.operations.doctor.probes import Probes
from deploy.pools import WORKER_CONNECTIONS, web_connections
from deploy.servers.logins import KEYS
from deploy.shape import PROCESSES, SERVICES, WEB_PROCESSES
from shared.cli.settings import COMMANDS
from shared.db.readiness import MAX_DIFFERENCE, OLDEST_SERVER, newest_revision
from shared.db.roles import OPEN_FUNCTIONS
from shared.runtime.errors import Unavailable
from shared.runtime.settings import connection_parameters, is_loopback

_CODE = Path(__file__).resolve().parents[3] / "services"
MIGRATIONS = {
    **{name: _CODE / name / "migrations" for name in SERVICES},
    KEYS: _CODE / "registration" / "keys_migrations",
}
WEB_WORKERS = 2
CONNECTIONS = "TROIKA_DOCTOR_CONNECTIONS"
"""Setting with the number of connections that the pools of all containers may open, as Compose names it."""
SHOWN = 3


def check_logins(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Every login can connect to its database."""
    refused = []
    for database in host.databases:
        try:
            probes.query(database.url, "SELECT 1")
        except Unavailable as error:
            refused.append((_login(database), error.reason))
    if refused:
        do = "Start PostgreSQL; or give the login the password of its settings file: \\password in psql"
        reasons = ", ".join(sorted({reason for _login, reason in refused}))
        which = "none" if len(refused) == len(host.databases) else "not " + ", ".join(login for login, _ in refused)
        yield failed("logins", f"{which} of {len(host.databases)} connects ({reasons})", do)
    else:
        yield ok("logins", f"all {len(host.databases)} connect")


def check_version(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The server is not older than what the tests have passed with."""
    for database in host.one_login_each():
        found = int(probes.query(database.url, "SHOW server_version_num")[0][0]) // 10_000
        if found < OLDEST_SERVER:
            do = f"Upgrade to PostgreSQL {OLDEST_SERVER} or newer with pg_upgrade"
            yield failed(database.service, f"PostgreSQL {found}", do)
        else:
            yield ok(database.service, f"PostgreSQL {found}")


def check_limits(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Each login of a process has its time limits, which the process also checks at its start."""
    processes = _processes(host)
    if not processes:
        yield not_asked("limits", "no settings of a process with a database are here", "Run the doctor where they are")
        return
    wrong = {_login(database): problems for database in processes if (problems := probes.limits(database.url))}
    if wrong:
        shown = ", ".join(list(wrong)[:SHOWN]) + (", …" if len(wrong) > SHOWN else "")
        do = f"Give each login its limits, for example: {next(iter(wrong.values()))[0].rpartition(': ')[2]}"
        yield failed("limits", f"not in force for {len(wrong)} of {len(processes)} logins: {shown}", do)
    else:
        yield ok("limits", f"in force for all {len(processes)} logins")


def check_functions(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Only logins that need advisory locks may take them, and none may store large objects."""
    for database in host.one_login_each():
        if found := probes.query(database.url, OPEN_FUNCTIONS)[0][0]:
            do = "Run as a superuser: troika prepare databases (docs/how-to/postgresql.md, Functions)"
            yield warning(database.service, f"{found} functions of locks and large objects are open to all logins", do)
        else:
            yield ok(database.service, "no function of locks and large objects is open to all logins")


def check_schema(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The schema is that of this version."""
    for database in _one_process_each(host):
        newest = newest_revision(MIGRATIONS[database.service])
        try:
            rows = probes.query(database.url, "SELECT version_num FROM alembic_version")
        except Unavailable as error:
            yield not_asked(database.service, f"no answer ({error.reason})")
            continue
        found = str(rows[0][0]) if rows else "none"
        if found == newest:
            yield ok(database.service, f"schema {found}")
        elif found > newest and rows:
            yield warning(database.service, f"schema {found}, this version has {newest}", "Install the newer version")
        else:
            do = f"Run: troika {database.service if database.service in SERVICES else 'registration'} migrate"
            yield failed(database.service, f"schema {found}, this version needs {newest}", do)


def check_quarantine(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """No database waits for recovery after a restore."""
    for database in _one_process_each(host):
        if database.service not in SERVICES:
            continue
        if rows := probes.query(database.url, "SELECT since FROM quarantine"):
            do = "Run: troika recover plan (docs/how-to/recover.md); until then forms are closed and no mail is sent"
            yield failed(database.service, f"in quarantine since {rows[0][0]:%Y-%m-%d %H:%M}", do)
        else:
            yield ok(database.service, "not in quarantine")


def check_durability(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Committed transactions are on the disk."""
    names = "'fsync', 'full_page_writes', 'synchronous_commit'"
    statement = f"SELECT name, setting FROM pg_settings WHERE name IN ({names}) ORDER BY name"  # noqa: S608 - constants
    for database in host.one_login_each():
        off = [name for name, value in probes.query(database.url, statement) if value == "off"]
        if off:
            do = f"Set {', '.join(off)} = on: a 202 response means that the submission is on the disk"
            yield failed(database.service, f"{', '.join(off)} off", do)
        else:
            yield ok(database.service, "fsync, full_page_writes and synchronous_commit are on")


def check_standby(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """A synchronous standby is connected, if one is configured."""
    for url in servers(host):
        named = str(probes.query(url, "SHOW synchronous_standby_names")[0][0])
        states = [row[0] for row in probes.query(url, "SELECT sync_state FROM pg_stat_replication")]
        about = place(url)
        if not states and not named:
            yield ok(about, "no standby: one server is enough to start; while it is down, forms answer 503")
        elif states and None in states:
            yield not_asked(about, f"{len(states)} standby servers; this login may not see their state", _MONITOR)
        elif named and not {"sync", "quorum"} & set(states):
            do = "Bring the standby back, or commits wait: runbook TroikaStandbyMissing"
            yield failed(about, f"synchronous_standby_names = {named}, and no standby is synchronous", do)
        elif not named:
            do = "Set synchronous_standby_names: a promoted asynchronous standby lacks the last submissions"
            yield warning(about, f"{len(states)} standby servers, none is synchronous", do)
        else:
            yield ok(about, f"{len(states)} standby servers, {', '.join(sorted(set(states)))}")


def check_connections(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The server has room for the pools of all processes."""
    statement = """SELECT current_setting('max_connections')::int,
        current_setting('superuser_reserved_connections')::int, (SELECT sum(numbackends) FROM pg_stat_database)::int"""
    needed = _connections_of_pools(host)
    for url in servers(host):
        most, reserved, used = probes.query(url, statement)[0]
        found = f"{most} connections, {reserved} reserved, {used} in use; the pools may need {needed}"
        if used >= 0.85 * (most - reserved):
            yield failed(
                place(url),
                found,
                "Raise max_connections, or end the sessions that hold them: TroikaPostgresConnections",
            )
        elif needed > most - reserved:
            yield warning(
                place(url), found, f"Set max_connections = {needed + reserved + 20}, or put PgBouncer before it"
            )
        else:
            yield ok(place(url), found)


def check_tls(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Connections to other machines are encrypted and verified."""
    for database in host.one_login_each():
        parameters = connection_parameters(database.url)
        named = str(parameters.get("host", ""))
        if all(not host or host[0] in "/@" or is_loopback(host) for host in named.split(",")):
            yield ok(database.service, "on this machine")
            continue
        if {*named.split(",")} <= {*host.value(PRIVATE_HOSTS).split(",")}:
            yield ok(database.service, "in a network of this installation alone")
            continue
        encrypted, version = probes.query(
            database.url, "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )[0]
        mode = parameters.get("sslmode", "prefer")
        if encrypted and mode == "verify-full":
            yield ok(database.service, f"{version}, verified")
        elif encrypted:
            yield warning(database.service, f"{version}, sslmode={mode}", "Write sslmode=verify-full&sslrootcert=…")
        else:
            do = "Switch ssl on in postgresql.conf, and write sslmode=verify-full&sslrootcert=… in the addresses"
            yield warning(database.service, "not encrypted", do)


def check_clock(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """This host's clock agrees with the clocks of the databases."""
    for database in host.one_login_each():
        began = probes.now()
        found = probes.query(database.url, "SELECT clock_timestamp()")[0][0]
        ended = probes.now()
        ahead = began - found if found < began else found - ended
        seconds = max(0.0, ahead.total_seconds())
        if seconds > MAX_DIFFERENCE.total_seconds():
            do = "Synchronise the time of both hosts (chrony or systemd-timesyncd): runbook TroikaClockWrong"
            yield failed(database.service, f"differs by {seconds:.1f} s", do)
        elif seconds > 0.5:
            yield warning(database.service, f"differs by {seconds:.1f} s", "Synchronise the time of both hosts")
        else:
            yield ok(database.service, f"differs by less than {max(seconds, 0.1):.1f} s")


_MONITOR = "Name a login that has pg_monitor in TROIKA_DOCTOR_DATABASE_URL"


def _login(database: HostDatabase) -> str:
    return str(connection_parameters(database.url).get("user") or f"{database.service} {database.process}")


def _processes(host: GradedHost) -> list[HostDatabase]:
    """Logins of processes that serve; commands of operators and the audit may take as long as they need."""
    return [database for database in host.databases if database.process not in (*COMMANDS, "audit")]


def _one_process_each(host: GradedHost) -> list[HostDatabase]:
    """One login for each service that may read the schema's revision; those of commands may not."""
    return list({database.service: database for database in (*host.databases, *_processes(host))}.values())


def place(url: str) -> str:
    parameters = connection_parameters(url)
    return f"{parameters.get('host') or 'socket'}:{parameters.get('port') or 5432}"


def servers(host: GradedHost) -> list[str]:
    """One URL for each server of the services' databases; that of the login with pg_monitor if there is one.

    Not of the server of the keys database: few processes reach it, forms work without it, and WAL in an archive would
    preserve destroyed keys (docs/how-to/deploy.md, Several hosts).
    """
    found = {
        place(database.url): database.url
        for database in reversed(host.one_login_each())
        if database.service in SERVICES
    }
    if host.monitor_url:
        found[place(host.monitor_url)] = host.monitor_url
    return list(found.values())


def _connections_of_pools(host: GradedHost) -> int:
    """The most connections that one instance of each process opens."""
    if named := host.value(CONNECTIONS):
        return int(named)
    workers = int(host.value("TROIKA_WEB_WORKERS") or WEB_WORKERS)
    total = 0
    for service, process in PROCESSES:
        if (service, process) in WEB_PROCESSES:
            total += workers * web_connections(service)
        else:
            total += WORKER_CONNECTIONS
    return total
