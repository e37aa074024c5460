"""Where the databases are: named by the environment, else those of `make up` or of the demo on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.compose.settings_files import AUDIT_FOLDER
from deploy.local.installation import audit_urls as demo_urls
from deploy.operations.audit.broker import ask_broker
from deploy.operations.audit.facts import DATABASES
from deploy.operations.audit.form_keys import KEYS
from deploy.operations.audit.reading import GRACE_S, Given
from deploy.operations.audit.readings import Head
from deploy.servers.audit_role import variable
from deploy.up.secrets import audit_broker_url
from deploy.up.servers import audit_urls as production_urls
from shared.cli.settings import read_database
from shared.runtime.deployment import ProbeAddress, read_probe_address
from shared.runtime.errors import SettingsError
from shared.runtime.settings import BROKER, FROM_FILE, SettingsEnv, plain_urls, url_of

OPTIONAL = ("bus", KEYS)
"""Databases that an installation may be without."""
NOTHING_FOUND = (
    "Nothing to look at. Name TROIKA_AUDIT_REGISTRATION_URL, TROIKA_AUDIT_EVENTS_URL and "
    "TROIKA_AUDIT_NOTIFICATIONS_URL (and TROIKA_AUDIT_BUS_URL where messages travel through PostgreSQL, "
    "TROIKA_AUDIT_KEYS_URL where the keys of forms are in a database), or start an installation on this machine: "
    "make up, or make demo."
)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Attributes:
    urls: the addresses of the databases by service, and ``bus``.
    where: the place where they were found, in words.
    broker_url: the address with the audit's login at the broker; empty where no broker is to be asked.
    probes: where the process answers probes and Prometheus.
    grace_s: how old a message must be to have arrived, seconds.
    head: the head of the log of readings, as noted at some time.
    """

    urls: Mapping[str, str]
    where: str
    broker_url: str
    probes: ProbeAddress
    grace_s: float = GRACE_S
    head: Head = field(default_factory=Head)

    def given(self, head: Head | None = None) -> Given:
        """What the broker holds, if it is to be asked: counts, and ids and reasons of what is parked; and the ``head``.

        Asked before the databases are: a message that moves from a queue into an inbox in between is in one of them.

        Raises:
            Unavailable: the broker does not answer.
        """
        noted = head or self.head
        known = Given(head=(noted.number, noted.digest))
        if not self.broker_url:
            return known
        held, parked = ask_broker(self.broker_url)
        return replace(known, held=held, parked=parked)


def read_settings(environment: Mapping[str, str] | None = None) -> AuditSettings:
    """The settings in ``environment`` (this process's, if None).

    Raises:
        SettingsError: a setting is wrong, or there is nothing to audit; the message states what is needed.
    """
    env = SettingsEnv(AUDIT_FOLDER, environment)
    named = _named(env)
    secure = env.secure(BROKER, plain_urls)
    broker_url = env.str("TROIKA_AUDIT_BROKER_URL", "", validate=[url_of("amqp", "amqps"), secure])
    probes = read_probe_address(env)
    env.seal()
    if named:
        return AuditSettings(named, "as the environment says", broker_url, probes)
    urls, where, own_broker = _on_this_machine(env.given)
    return AuditSettings(urls, where, broker_url or own_broker, probes)


def _named(env: SettingsEnv) -> dict[str, str]:
    settings = {name: (variable(name), variable(name) + FROM_FILE) for name in (*DATABASES, *OPTIONAL)}
    names = [name for name, either in settings.items() if any(map(env.given.get, either))]
    wanted = [*DATABASES, *(name for name in OPTIONAL if name in names)] if names else []
    return {name: read_database(env, variable(name)) for name in wanted}


def _on_this_machine(environment: Mapping[str, str]) -> tuple[Mapping[str, str], str, str]:
    """Databases, words for where they were found, and the broker's URL if there is one."""
    up = Path(environment.get("TROIKA_UP_FOLDER") or "var/up")
    if (up / "secrets" / "databases.json").exists() and (up / "ports.json").exists():
        ports = json.loads((up / "ports.json").read_text())
        passwords = json.loads((up / "secrets" / "databases.json").read_text())
        broker = json.loads((up / "secrets" / "broker.json").read_text())
        broker_url = audit_broker_url(broker, ports["amqp"])
        return production_urls(ports["postgres"], passwords), f"make up, in {up}", broker_url
    demo = Path(environment.get("TROIKA_DEMO_FOLDER") or "var/demo")
    if (demo / "postgres").exists():
        try:
            return demo_urls(demo), f"the demo, in {demo}", ""
        except RuntimeError as error:
            raise SettingsError([str(error)]) from error
    raise SettingsError([NOTHING_FOUND])
