"""A service's database, secrets and environment for tests, without any process."""

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import make_url

from deploy.local.secrets import Secrets, make_secrets
from deploy.servers.audit_role import READABLE, ROLE, grant_reading, make_role
from deploy.servers.logins import KEYS, LOGINS, RIGHTS
from services.registration.wiring import KEYS_MIGRATIONS
from shared.cli.settings import ON_THE_BUS, WEB, WITHOUT_DATABASE, bus_role_of, role_of
from shared.db.engine import open_engine
from shared.db.migrate import migrate
from shared.db.roles import close_functions, login, migrator
from shared.messaging.embedded import create_table
from shared.runtime.settings import read_database_url
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT


class FreshDatabases(dict[str, str]):
    """URLs by service name, and of ``bus``: each a fresh database with the newest schema, made when first asked for.

    They are the migrator's, to read and to arrange data; processes get those of their logins, from ``of``.
    Most tests are about one service, and a database costs more than all else that such a test does.
    """

    def __init__(self, postgres: PostgresServer) -> None:
        super().__init__()
        self._postgres = postgres

    def audit_urls(self) -> dict[str, str]:
        """The same databases, as far as they were asked for, for the login that reads ids and states alone."""
        self._postgres.create_role(ROLE)
        with self._postgres.connect() as administrator:
            make_role(administrator)
        found = {}
        for name, url in self.items():
            database = database_of(url)
            with self._postgres.connect(database) as owner:
                grant_reading(owner, name)
            found[name] = self._postgres.url(database, ROLE)
        return found

    def with_a_copy_of(self, name: str) -> "FreshDatabases":
        """These, and in place of one of them a copy to be changed; no one may be connected to it at that time."""
        others = FreshDatabases(self._postgres)
        others.update(self)
        others[name] = self._copy_of(name)
        return others

    def copies(self) -> "FreshDatabases":
        """Copies of all databases that there are; there must be no connections to them."""
        others = FreshDatabases(self._postgres)
        others.update((name, self._copy_of(name)) for name in self)
        return others

    def keep(self) -> None:
        """Let the databases outlive the module in which they were made."""
        self._postgres.keep_databases()

    def break_it(self, name: str, *statements: str) -> None:
        """Change a database as no one but an administrator could."""
        with self._postgres.connect(database_of(self[name])) as administrator:
            for statement in statements:
                administrator.execute(statement)

    def _copy_of(self, name: str) -> str:
        owner = make_url(self[name]).username
        return self._postgres.fresh_database(database_of(self[name]), owner=owner, logins=LOGINS[name])

    def __missing__(self, name: str) -> str:
        self[name] = self.fresh(name)
        return self[name]

    def fresh(self, name: str) -> str:
        """URL of a further one, for its migrator."""
        template = make_template(self._postgres, name)
        return self._postgres.fresh_database(template, owner=migrator(name), logins=LOGINS[name])

    def of(self, name: str, role: str) -> str:
        """URL of a database for a role: a process's login, or its migrator."""
        there = read_database_url(self[name])
        own = make_url(self._postgres.url(there.database or "", role))
        return there.set(username=own.username, password=own.password).render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class TestInstallation:
    """Attributes:
    urls: database by service name, and of ``bus``.
    secrets: of all processes.
    has_keys_database: the private keys of forms are in a database and not in a folder.
    """

    __test__ = False

    urls: FreshDatabases
    secrets: Secrets
    has_keys_database: bool = False

    def url(self, service: str, process: str) -> str:
        """URL of a service's database for one kind of process."""
        return self.urls.of(service, role_of(service, process))

    def environment(self, service: str, process: str = WEB) -> dict[str, str]:
        """Environment of one process, as a deployment would give it; mail and broker are the caller's to add."""
        found = self.secrets.of(service, process)
        if process == WEB:
            found["TROIKA_LIMITS_EXEMPT"] = "127.0.0.1"
        if service == "notifications":
            found |= {"TROIKA_MAIL_FROM": "upr@example.org", "TROIKA_ORGANISER": "The UPR coordination"}
        if (service, process) == ("notifications", "send"):
            found["SMTP_URL"] = "smtp://127.0.0.1:9"
        if self.has_keys_database and "TROIKA_FORM_KEYS" in found:
            del found["TROIKA_FORM_KEYS"]
            found["TROIKA_KEYS_DATABASE_URL"] = self.urls.of(KEYS, login(KEYS, process))
        if process not in WITHOUT_DATABASE:
            found[f"{service.upper()}_DATABASE_URL"] = self.url(service, process)
        if process in ON_THE_BUS:
            found["TROIKA_BUS_DATABASE_URL"] = self.urls.of("bus", bus_role_of(service, process))
        return found

    def copy(self, folder: Path) -> "TestInstallation":
        """The same secrets in ``folder``, and copies of the databases, which must have no connections."""
        shutil.copytree(self.secrets.folder, folder / "secrets")
        return TestInstallation(self.urls.copies(), make_secrets(folder / "secrets"))


def make_installation(postgres: PostgresServer, folder: Path) -> TestInstallation:
    """Fresh databases with the newest schema, and fresh secrets in ``folder``."""
    return TestInstallation(FreshDatabases(postgres), make_secrets(folder / "secrets"))


def make_whole(postgres: PostgresServer, folder: Path) -> TestInstallation:
    """The same with all databases there, the keys database too, to be filled manually."""
    made = replace(make_installation(postgres, folder), has_keys_database=True)
    for name in READABLE:
        assert made.urls[name]
    return made


def database_of(url: str) -> str:
    """The name of the database in a URL."""
    return make_url(url).database or ""


def make_template(postgres: PostgresServer, name: str) -> str:
    """The template of a service's database, or of ``bus``, with the newest schema and every login's rights."""
    for each in LOGINS[name]:
        postgres.create_role(each)

    def prepare(url: str) -> None:
        create_table(url) if name == "bus" else _migrate(name, url)
        with closing(postgres.connect(database_of(url))) as administrator:
            close_functions(administrator, RIGHTS[name])

    return postgres.make_template(f"template_{name}", prepare, owner=migrator(name))


def _migrate(database: str, url: str) -> None:
    engine = open_engine(url, statement_timeout_ms=0)
    folder = KEYS_MIGRATIONS if database == KEYS else PROJECT / "services" / database / "migrations"
    assert migrate(engine, folder, RIGHTS[database]).missing == []
    engine.dispose()
