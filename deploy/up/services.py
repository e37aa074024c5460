"""Our own processes: one for each role, with only its own settings, broker login and secrets."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.installation import MAIL_FROM, ORGANISER
from deploy.local.secrets import FORM_KEYS, KEYS_DATABASE, Secrets, enters_keys_database
from deploy.servers.audit_role import variable
from deploy.servers.logins import KEYS
from deploy.servers.units import Unit, answers, own_folder, works
from deploy.shape import WEB_PROCESSES, WORKERS, worker_name
from deploy.up.ports import InstallationPorts
from deploy.up.runtime import Runtime
from deploy.up.secrets import broker_url
from deploy.up.servers import given_setting, is_in_keys_database
from shared.runtime.settings import INSECURE

CANARY, AUDIT = "canary", "audit"

OTHERS = ("TROIKA_UP_", "TROIKA_AUDIT_", "TROIKA_BROKER_", "TROIKA_BUS_")
"""Beginnings of settings that are not the services', or not for every process of theirs."""

PASSED_ON = ("TROIKA_", "OTEL_")
"""Beginnings of settings that every process gets from the environment of `make up`."""

PACE_VARIABLE = "TROIKA_ALERT_PACE"

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PGSSLROOTCERT")
"""Settings of OpenSSL and libpq: whose certificates are trusted."""

LOGINS = {"relay": "relay", "consume": "consumer"}
"""Kind of login at the broker by role. The other roles never connect to it, and do not know where it is."""


@dataclass(frozen=True, slots=True)
class Services:
    """Attributes:
    folder: the folder of the installation.
    ports: the ports that they listen on.
    secrets: keys, and the access file.
    broker: password by login.
    database: URL by service and kind of process.
    runtime: users and files of our processes.
    """

    folder: Path
    ports: InstallationPorts
    secrets: Secrets
    broker: dict[str, str]
    database: Callable[[str, str], str]
    runtime: Runtime = field(default_factory=Runtime)

    def units(self) -> list[Unit]:
        """Every process of the installation."""
        return [*(self._web(*web) for web in WEB_PROCESSES), *(self._worker(*worker) for worker in WORKERS)]

    def environment(self, service: str, role: str) -> dict[str, str]:
        """Settings of one process: what the operator has set, and over it what this installation decides."""
        given = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        in_database = is_in_keys_database() and enters_keys_database(service, role)
        keys = {FORM_KEYS: "", KEYS_DATABASE: self.database(KEYS, role)} if in_database else {}
        return {
            **{name: value for name, value in given.items() if not name.startswith(OTHERS)},
            **authorities(),
            "HOME": str(self.folder.resolve()),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            f"{service.upper()}_DATABASE_URL": self.database(service, role),
            "TROIKA_PUBLIC_URL": os.environ.get("TROIKA_PUBLIC_URL") or self.ports.public_url,
            "TROIKA_CONSOLE_URL": os.environ.get("TROIKA_CONSOLE_URL") or f"http://localhost:{self.ports['desk']}",
            **self.secrets.of(service, role),
            **self._own(service, role),
            **keys,
        }

    def _own(self, service: str, role: str) -> dict[str, str]:
        own = {}
        if role in LOGINS:
            user = f"troika-{service}-{LOGINS[role]}"
            own["TROIKA_BROKER_URL"] = broker_url(user, self.broker[user], self.ports["amqp"])
        if (service, role) == ("notifications", "send"):
            own["SMTP_URL"] = mail_relay() or f"smtp://127.0.0.1:{self.ports['smtp']}"
        texts = {
            "registration": {"TROIKA_ORGANISER": ORGANISER},
            "events": {},
            "notifications": {"TROIKA_MAIL_FROM": MAIL_FROM, "TROIKA_ORGANISER": ORGANISER},
        }
        return own | {name: os.environ.get(name) or usual for name, usual in texts[service].items()}

    def _web(self, service: str, process: str) -> Unit:
        name = worker_name(service, process)
        port = self.ports[name]
        figures = own_folder(self.folder / "metrics" / name, self.runtime.account(name))
        environment = {
            **self.environment(service, process),
            "TROIKA_BIND": f"127.0.0.1:{port}",
            "TROIKA_METRICS_FOLDER": str(figures.resolve()),
            # the gateway alone; the gateway handles any proxy in front of it
            "TROIKA_TRUSTED_PROXIES": "127.0.0.1",
        }
        return self._unit(service, process, environment, f"http://127.0.0.1:{port}/-/{service}/readyz")

    def _worker(self, service: str, role: str) -> Unit:
        port = self.ports[worker_name(service, role)]
        environment = {**self.environment(service, role), "TROIKA_METRICS_PORT": str(port)}
        return self._unit(service, role, environment, f"http://127.0.0.1:{port}/readyz", works)

    def _unit(
        self,
        service: str,
        role: str,
        environment: dict[str, str],
        ready_url: str,
        ready: Callable[[str], bool] = answers,
    ) -> Unit:
        words = [f"services.{service}", role]
        return self.runtime.unit(worker_name(service, role), words, environment, lambda: ready(ready_url))


def pace() -> int:
    """How many times faster the times of alerts, and the intervals of audit and canary, are: more than 1 in tests."""
    return int(os.environ.get(PACE_VARIABLE) or 1)


def canary_unit(folder: Path, ports: InstallationPorts, runtime: Runtime) -> Unit:
    """The canary, which reads the local mail sink, or is content with decisions where mails go elsewhere."""
    port = ports[CANARY]
    given = {name: value for name, value in os.environ.items() if name.startswith("TROIKA_CANARY_")}
    environment = {
        **given,
        "HOME": str(folder.resolve()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TROIKA_PUBLIC_URL": ports.public_url,
        **({"TROIKA_CANARY_INBOX_URL": f"http://127.0.0.1:{ports['inbox']}"} if has_sink() else {}),
        "TROIKA_METRICS_PORT": str(port),
    }
    ready_url = f"http://127.0.0.1:{port}/livez"
    return runtime.unit(
        CANARY, ["deploy.operations.canary", "--pace", str(pace())], environment, lambda: answers(ready_url)
    )


def audit_unit(
    folder: Path, ports: InstallationPorts, databases: dict[str, str], broker_url: str, runtime: Runtime
) -> Unit:
    """The audit, which reads ``databases`` (URL by service) and asks the broker, by separate logins."""
    port = ports[AUDIT]
    given = {name: value for name, value in os.environ.items() if name.startswith(("TROIKA_AUDIT_", INSECURE))}
    environment = {
        **{name: value for name, value in given.items() if not name.endswith("_URL_FILE")},
        **authorities(),
        "TROIKA_AUDIT_BROKER_URL": broker_url,
        **{variable(service): url for service, url in databases.items()},
        "HOME": str(folder.resolve()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TROIKA_METRICS_PORT": str(port),
    }
    ready_url = f"http://127.0.0.1:{port}/livez"
    words = ["deploy.operations.audit", "watch", "--pace", str(pace())]
    return runtime.unit(AUDIT, words, environment, lambda: answers(ready_url))


def authorities() -> dict[str, str]:
    """The environment's settings of trusted certificates."""
    return {name: os.environ[name] for name in AUTHORITIES if name in os.environ}


def has_sink() -> bool:
    """Whether mails go to the local sink: unless the operator names a mail relay."""
    return not mail_relay()


def has_canary() -> bool:
    """Whether the canary runs: it needs the local sink, or an address of the operator's to which its mails go."""
    return has_sink() or bool(os.environ.get("TROIKA_CANARY_ADDRESS"))


def mail_relay() -> str:
    """The mail relay that ``SMTP_URL`` (or the file in ``SMTP_URL_FILE``) names; empty if neither is set."""
    return given_setting("SMTP_URL")


def sink_unit(folder: Path, ports: InstallationPorts, runtime: Runtime) -> Unit:
    """The local mail sink: keeps every mail, delivers none."""
    mails = own_folder(folder / "mails", runtime.account("sink")).resolve()
    words = ["deploy.local.sink", "--smtp-port", str(ports["smtp"]), "--http-port", str(ports["inbox"])]
    environment = {"HOME": str(folder.resolve()), "PYTHONDONTWRITEBYTECODE": "1"}
    ready_url = f"http://127.0.0.1:{ports['inbox']}/livez"
    return runtime.unit("sink", [*words, "--folder", str(mails)], environment, lambda: answers(ready_url))
