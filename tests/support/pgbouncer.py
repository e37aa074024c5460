"""A private PgBouncer in transaction mode, configured as in docs/how-to/postgresql.md."""

import subprocess
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from shared.runtime.accounts import give, service_account, write_private
from tests.support.children import start_child, tail
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

PROGRAM = Path("/usr/sbin/pgbouncer")
SESSIONS = 2
"""Of each login in each database: fewer than a process has connections, so that they share them."""

_USERS = r"""
    SELECT format('"%s" "%s"', rolname, rolpassword) FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-%%'
"""


class PgBouncer:
    """A pooler in front of ``postgres`` on a port of loopback; it has the logins that exist when it starts.

    Args:
        run: the run that owns it.
        postgres: a running server.
        certificate: file with key and certificate; with it no client comes in unencrypted.
        settings: in place of those of the how-to.
    """

    def __init__(
        self, run: RunFolder, postgres: PostgresServer, *, certificate: Path | None = None, **settings: str
    ) -> None:
        self._run, self._postgres, self._settings = run, postgres, settings
        self._account = service_account("postgres", "nobody")
        self._certificate = certificate.read_text() if certificate is not None else ""
        self.port = free_port()
        self.folder = run.part("pgbouncer", self._account)
        self.log = self.folder / "pgbouncer.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write its configuration, start it, and wait until it takes connections.

        Raises:
            RuntimeError: it ended instead; with the end of its log.
        """
        with self._postgres.connect() as administrator:
            users = [line for (line,) in administrator.execute(_USERS)]
        write_private(self.folder / "users.txt", "\n".join(users), self._account)
        write_private(self.folder / "server.pem", self._certificate, self._account)
        write_private(self.folder / "pgbouncer.ini", self._configuration(), self._account)
        self.log.touch()
        give(self.log, self._account)
        self._process = start_child(
            self._run,
            [str(PROGRAM), "--quiet", str(self.folder / "pgbouncer.ini")],
            env={},
            folder=self.folder,
            log=self.folder / "output.log",
            account=self._account,
        )
        poll_until(self._ready, 10.0, what=f"start of PgBouncer on port {self.port}")

    def stop(self) -> None:
        """End it at once; its clients lose their connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10.0)

    def lead_to(self, postgres: PostgresServer) -> None:
        """Use another server from now on, as a failover tool does after a promotion."""
        self._postgres = postgres
        write_private(self.folder / "pgbouncer.ini", self._configuration(), self._account)
        self.administer("RELOAD")

    def url(self, url: str) -> str:
        """The same database through the pooler."""
        return make_url(url).set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)

    def administer(self, command: str) -> None:
        """Run a command of its console, such as RECONNECT."""
        password = make_url(self._postgres.url("postgres")).password
        address = f"host=127.0.0.1 port={self.port} dbname=pgbouncer user=postgres password={password}"
        with psycopg.connect(address, autocommit=True) as console:
            psycopg.ClientCursor(console).execute(command)

    def _configuration(self) -> str:
        values = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": str(self.folder / "users.txt"),
            "admin_users": "postgres",
            "pool_mode": "transaction",
            "max_prepared_statements": "200",
            "default_pool_size": str(SESSIONS),
            "max_client_conn": "200",
            "query_wait_timeout": "5",
            "query_timeout": "10",
            "server_connect_timeout": "2",
            "server_login_retry": "1",
            "logfile": str(self.log),
        }
        if self._certificate:
            file = str(self.folder / "server.pem")
            values |= {"client_tls_sslmode": "require", "client_tls_key_file": file, "client_tls_cert_file": file}
        lines = [f"{name} = {value}" for name, value in {**values, **self._settings}.items()]
        return "\n".join(["[databases]", f"* = host=127.0.0.1 port={self._postgres.port}", "[pgbouncer]", *lines, ""])

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended while starting:\n{tail(self.folder / 'output.log')}{tail(self.log)}")
        try:
            psycopg.connect(host="127.0.0.1", port=self.port, user="nobody", dbname="none", connect_timeout=2).close()
        except psycopg.OperationalError as error:
            return "refused" not in str(error)
        return True
