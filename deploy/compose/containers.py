"""The containers of our own in a Compose installation, in either size, from the table of processes."""

from dataclasses import dataclass

from deploy.shape import PROCESSES, SERVICES, WEB_PROCESSES, WORKERS, worker_name

SMALL, FULL = "small", "full"
SIZES = (SMALL, FULL)
CLUSTER = "cluster"
"""In Kubernetes: one name for all copies of a process, and TLS ends in front of the gateway."""
WEB_COPIES = 2
"""Containers of a web process in the size ``full``: one can be away."""
HTTP_PORT, METRICS_PORT = 8000, 9100
PROFILES = ("trial", "monitoring", "keys", "tools")
"""Of containers that not every installation starts."""
COMMAND_PROCESSES = ("migrate", "operator", "rekey", "parked", "recover", "topology")
"""Kinds of processes that an operator's commands are; the container ``tools`` has the settings of all of them."""

CHECKS_OF_LOGINS = (
    *("database-logins", "database-limits", "broker-logins", "broker-topology", "broker-rights"),
    *("keys-files", "keys-fingerprints", "keys-forms"),
)
"""Checks of the doctor that need the settings of every process."""


@dataclass(frozen=True, slots=True)
class Container:
    """Attributes:
    name: the name of the container, which is its host name in the network.
    settings: its folder of settings, which containers of one kind share.
    service: the name of the service.
    role: the command that it runs: ``troika <service> <role>``.
    processes: kinds of processes whose settings it has.
    web: whether it answers HTTP.
    """

    name: str
    settings: str
    service: str
    role: str
    processes: tuple[str, ...]
    web: bool

    @property
    def solves(self) -> bool:
        """Whether it makes timetables, and so needs the image with the solver."""
        return self.service == "events" and "solve" in self.processes


def containers(size: str) -> list[Container]:
    """Those of an installation: two a service (``small``), or one a process and two a web process (``full``)."""
    found = []
    if size == FULL:
        for service, role in PROCESSES:
            name, web = worker_name(service, role), (service, role) in WEB_PROCESSES
            copies = [f"{name}-{number}" for number in range(1, WEB_COPIES + 1)] if web else [name]
            found += [Container(copy, name, service, role, (role,), web) for copy in copies]
        return found
    for service in SERVICES:
        roles = tuple(role for owner, role in WORKERS if owner == service)
        front, back = worker_name(service, "web"), worker_name(service, "work")
        found.append(Container(front, front, service, "web", ("web",), web=True))
        found.append(Container(back, back, service, "work", roles, web=False))
    return found


def serving(size: str, service: str, process: str) -> list[Container]:
    """The containers that answer for a web process."""
    if size == CLUSTER:
        name = worker_name(service, process)
        return [Container(name, name, service, process, (process,), web=True)]
    return [
        container
        for container in containers(size)
        if container.web and container.service == service and container.role in (process, "web")
    ]
