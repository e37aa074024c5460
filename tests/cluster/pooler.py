"""PgBouncer on a host of its own, in transaction mode, as docs/how-to/postgresql.md says."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.core.accounts import Account, service_account, write_private
from tests.cluster.hosts import Host
from tests.cluster.servers import POSTGRES_PORT, Postgres, listens
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

POOLER_PORT = 6432
PROGRAM = Path("/usr/sbin/pgbouncer")
SETTINGS = {
    "listen_addr": "*",
    "listen_port": str(POOLER_PORT),
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "pool_mode": "transaction",
    "max_prepared_statements": "200",
    "default_pool_size": "10",
    "max_client_conn": "1000",
    # a primary that is away is asked again soon, and nobody waits long for it
    "server_connect_timeout": "2",
    "server_login_retry": "1",
    "query_wait_timeout": "3",
    "tcp_user_timeout": "3000",
}
_USERS = r"""
    SELECT format('"%s" "%s"', rolname, rolpassword) FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-%%'
"""


@dataclass(slots=True)
class Pooler:
    """Attributes:
    run: that it belongs to.
    host: its own.
    postgres: that it leads to, by the address of the primary.
    """

    run: RunFolder
    host: Host
    postgres: Postgres
    _account: Account | None = field(default_factory=lambda: service_account("postgres", "nobody"))
    _folder: Path | None = None

    def start(self) -> None:
        """Start it with the logins that there are at its first start."""
        if self._folder is None:
            self._folder = self.run.part(self.host.name, self._account)
            with self.postgres.connect() as administrator:
                users = [str(line) for (line,) in administrator.execute(_USERS)]
            write_private(self._folder / "users.txt", "\n".join(users), self._account)
            lines = [f"{name} = {value}" for name, value in SETTINGS.items()]
            database = f"* = host={self.postgres.address} port={POSTGRES_PORT}"
            place = f"auth_file = {self._folder / 'users.txt'}"
            text = "\n".join(["[databases]", database, "[pgbouncer]", place, *lines, ""])
            write_private(self._folder / "pgbouncer.ini", text, self._account)
        command = [str(PROGRAM), "--quiet", str(self._folder / "pgbouncer.ini")]
        self.host.start(self.run, command, env={}, folder=self._folder, account=self._account)
        poll_until(lambda: listens(self.host.address, POOLER_PORT), 20.0, what="start of PgBouncer")
