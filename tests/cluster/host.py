"""``python -m tests.cluster.host PLAN``: all processes of the three services on one host, as `make up` runs them.

The plan is a JSON file. ``deploy.up.services`` makes everything except addresses, and its supervisor keeps it running.
The program is started inside the host's network.
"""

import json
import logging
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.local.secrets import Secrets
from deploy.servers.logins import KEYS
from deploy.servers.rabbitmq import VHOST
from deploy.servers.supervisor import NotStarted, Supervisor
from deploy.servers.units import Stage, Unit
from deploy.shape import SERVICES
from deploy.up.ports import InstallationPorts, chosen_ports
from deploy.up.runtime import Runtime
from deploy.up.services import Services
from shared.cli.settings import MIGRATE, role_of

READY = "ready"
log = logging.getLogger(__name__)


def services(plan: Mapping[str, Any], folder: Path) -> Services:
    """The services as ``deploy.up`` describes them, for one host.

    Args:
        plan: ``databases`` (URL with a place for login and password), ``passwords`` of its logins, ``broker``
            (password by login), ``nodes`` (addresses), ``secrets`` (folder), ``key`` (of a coordinator), ``project``;
            for a deviating host, ``only`` (a process) and ``launcher`` (a module).
        folder: of the host.
    """
    passwords = plan["passwords"]

    def database(service: str, process: str) -> str:
        role = role_of(service, process)
        return str(plan["databases"]).format(login=role, password=passwords[role], database=service)

    keys = Secrets(Path(plan["secrets"]), plan["key"])
    runtime = Runtime(project=Path(plan["project"]))
    return Services(folder, ports_of(folder), keys, plan["broker"], database, runtime)


def ports_of(folder: Path) -> InstallationPorts:
    """Command-line options of a host."""
    return chosen_ports(folder / "ports.json")


def in_cluster(environment: Mapping[str, str], plan: Mapping[str, Any], process: str) -> dict[str, str]:
    """The environment of a process with the addresses of this cluster in place of those of one machine.

    Args:
        environment: as ``make up`` has it.
        plan: of the host.
        process: ``desk``, ``migrate``, …
    """
    changed = dict(environment)
    if changed.pop("TROIKA_FORM_KEYS", "") or (process == MIGRATE and "REGISTRATION_DATABASE_URL" in changed):
        role = role_of(KEYS, process)
        url = str(plan["databases"]).format(login=role, password=plan["passwords"][role], database=KEYS)
        changed["TROIKA_KEYS_DATABASE_URL"] = url
    if "TROIKA_BROKER_URL" in changed:
        login = urlsplit(changed["TROIKA_BROKER_URL"]).netloc.rpartition("@")[0]
        changed["TROIKA_BROKER_URL"] = ",".join(f"amqp://{login}@{node}/{VHOST}" for node in plan["nodes"])
    if "TROIKA_BIND" in changed:
        changed["TROIKA_BIND"] = changed["TROIKA_BIND"].replace("127.0.0.1", "0.0.0.0")
        changed["TROIKA_TRUSTED_PROXIES"] = plan["gateways"]
    return changed


def adapted(unit: Unit, plan: Mapping[str, Any]) -> Unit:
    """``unit`` in this cluster, started by the ``launcher`` of the plan if there is one."""
    command = list(unit.command)
    if launcher := plan.get("launcher"):
        command[2:3] = [launcher, command[2].removeprefix("services.")]
    return replace(unit, command=command, environment=in_cluster(unit.environment, plan, unit.name.partition("-")[2]))


def main(file: Path) -> int:
    """Run the host until SIGTERM; returns an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    plan, folder = json.loads(file.read_text()), file.parent

    units = [adapted(unit, plan) for unit in services(plan, folder).units() if plan.get("only") in (None, unit.name)]
    stages = [Stage([unit for unit in units if unit.name.startswith(service)]) for service in SERVICES]
    supervisor = Supervisor(folder, stages)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    try:
        supervisor.run((folder / READY).touch)
    except NotStarted as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
