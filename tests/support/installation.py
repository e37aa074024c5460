"""A service's database, secrets and environment for tests, without any process."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local.installation import SERVICES
from deploy.local.secrets import Secrets, make_secrets
from shared.bus.embedded_store import create_table
from shared.store.engine import open_engine
from shared.store.migrate import migrate
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT


@dataclass(frozen=True, slots=True)
class TestInstallation:
    """Attributes:
    urls: database by service name, and of ``bus``.
    secrets: of all processes.
    """

    __test__ = False

    urls: dict[str, str]
    secrets: Secrets

    def environment(self, service: str) -> dict[str, str]:
        """Environment of one service, as a deployment would give it; mail and broker are the caller's to add."""
        own = {
            "registration": self.secrets.registration(),
            "events": self.secrets.events(),
            "notifications": {
                **self.secrets.notifications(),
                "SMTP_URL": "smtp://127.0.0.1:9",
                "TROIKA_MAIL_FROM": "upr@example.org",
                "TROIKA_MAIL_FROM_NAME": "The UPR coordination",
            },
        }
        databases = {f"{name.upper()}_DATABASE_URL": self.urls[name] for name in SERVICES}
        return {**own[service], **databases, "TROIKA_BUS_DATABASE_URL": self.urls["bus"]}


def make_installation(postgres: PostgresServer, folder: Path) -> TestInstallation:
    """Four fresh databases with the newest schema, and fresh secrets in ``folder``."""
    urls = {}
    for service in SERVICES:
        template = postgres.make_template(f"template_{service}", partial(_migrate, service))
        urls[service] = postgres.fresh_database(template)
    urls["bus"] = postgres.fresh_database()
    create_table(urls["bus"])
    return TestInstallation(urls, make_secrets(folder / "secrets"))


def _migrate(service: str, url: str) -> None:
    engine = open_engine(url, statement_timeout_ms=0)
    migrate(engine, PROJECT / "services" / service / "migrations")
    engine.dispose()
