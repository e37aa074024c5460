"""PgBouncer on its own host, with the settings of docs/how-to/postgresql.md."""

import re
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

from shared.runtime.accounts import Account, service_account, write_private
from tests.cluster.hosts import Host
from tests.cluster.servers import POSTGRES_PORT, Postgres, listens
from tests.support.processes import PROJECT
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

POOLER_PORT = 6432
PROGRAM = Path("/usr/sbin/pgbouncer")
HOW_TO = PROJECT / "docs" / "how-to" / "postgresql.md"
_USERS = r"""
    SELECT format('"%s" "%s"', rolname, rolpassword) FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-%%'
"""


@dataclass(slots=True)
class Pooler:
    """Attributes:
    run: that it belongs to.
    host: its own.
    postgres: the servers; it connects to the address of the primary.
    """

    run: RunFolder
    host: Host
    postgres: Postgres
    _account: Account | None = field(default_factory=lambda: service_account("postgres", "nobody"))
    _folder: Path | None = None

    def start(self) -> None:
        """Start it with the logins that exist at its first start."""
        if self._folder is None:
            self._folder = self.run.part(self.host.name, self._account)
            with self.postgres.connect() as administrator:
                users = [str(line) for (line,) in administrator.execute(_USERS)]
            write_private(self._folder / "users.txt", "\n".join(users), self._account)
            own = {"listen_addr": "*", "listen_port": str(POOLER_PORT), "auth_file": str(self._folder / "users.txt")}
            lines = [f"{name} = {value}" for name, value in {**documented(), **own}.items()]
            database = f"* = host={self.postgres.address} port={POSTGRES_PORT}"
            text = "\n".join(["[databases]", database, "[pgbouncer]", *lines, ""])
            write_private(self._folder / "pgbouncer.ini", text, self._account)
        command = [str(PROGRAM), "--quiet", str(self._folder / "pgbouncer.ini")]
        self.host.start(self.run, command, env={}, folder=self._folder, account=self._account)
        poll_until(lambda: listens(self.host.address, POOLER_PORT), 20.0, what="start of PgBouncer")


def documented() -> dict[str, str]:
    """The settings in the how-to, without those of TLS."""
    found = re.search(r"```ini\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    assert found is not None
    settings = ConfigParser(interpolation=None)
    settings.read_string(found[1])
    return {name: value for name, value in settings["pgbouncer"].items() if "_tls_" not in name}
