"""systemd units of our processes, and the users and folders that they need, as texts.

Each process runs as a separate user. Its settings are files that only root can read; systemd passes each process its
own (``LoadCredential=``), and the process reads them as a folder of settings (``TROIKA_SETTINGS=%d``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.compose.compose import ACCESS_FILE, FORM_KEYS
from deploy.local.secrets import KEYS_DATABASE, reads_access_file
from deploy.shape import PROCESSES, WEB_PROCESSES, worker_name

HOME = "/opt/troika"
SETTINGS = "/etc/troika/settings"
FIRST_WEB_PORT, FIRST_METRICS_PORT = 8101, 9101
OPERATIONS, AUDIT, CANARY = "operations", "audit", "canary"
OPERATIONS_PORTS = {AUDIT: 9190, CANARY: 9191}

PROTECTED = """\
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
"""
"""What every unit of ours gets: the gateway and the jobs of backups, which run as root, too."""

HARDENED = f"""\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
{PROTECTED}\
ProtectProc=invisible
ProcSubset=pid
PrivateTmp=yes
PrivateUsers=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077
"""

UNIT = """\
# Written by `troika install`; change it with `systemctl edit {name}`.
[Unit]
Description=Troika: {service}, {role}
Documentation=file:{home}/docs/how-to/operate.md
After=network-online.target
Wants=network-online.target
# Never give up: a process that ends is started again, ever later, until it lives.
StartLimitIntervalSec=0

[Service]
Type=exec
User={name}
Group={name}
{groups}WorkingDirectory={home}
EnvironmentFile=/etc/troika/troika.env
EnvironmentFile=-/etc/troika/{name}.env
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TROIKA_SETTINGS=%d
{environment}{credentials}ExecStart={home}/.venv/bin/python -m {command}
Restart=always
RestartSec=500ms
RestartSteps=6
RestartMaxDelaySec=30s
# What has begun is finished, for up to 30 s.
TimeoutStopSec=40
KillMode=mixed
LimitNOFILE=8192
{folders}
{hardened}
[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class Process:
    """Attributes:
    service: the service as named in the shape; ``operations`` for the audit and the canary.
    role: the role as named in the shape.
    port: the port that it listens on.
    settings: names of the settings that are handed to it as files.
    address: the address on which a web process listens.
    """

    service: str
    role: str
    port: int
    settings: tuple[str, ...]
    address: str = "127.0.0.1"

    @property
    def name(self) -> str:
        """Of its unit, user and group."""
        return f"troika-{self.role if self.service == OPERATIONS else worker_name(self.service, self.role)}"

    @property
    def web(self) -> bool:
        """Whether it answers HTTP."""
        return (self.service, self.role) in WEB_PROCESSES


def port_of(service: str, role: str) -> int:
    """The port of a process: the same on every machine."""
    if service == OPERATIONS:
        return OPERATIONS_PORTS[role]
    if (service, role) in WEB_PROCESSES:
        return FIRST_WEB_PORT + WEB_PROCESSES.index((service, role))
    return FIRST_METRICS_PORT + PROCESSES.index((service, role)) - len(WEB_PROCESSES)


def unit(process: Process) -> str:
    """The text of its unit."""
    holder = reads_access_file(process.service, process.role)
    desk = (process.service, process.role) == ("registration", "desk")
    ours = process.service != OPERATIONS
    variables = {"TROIKA_METRICS_PORT": str(process.port)}
    if process.web:
        bind = f"{process.address}:{process.port}"
        variables = {"TROIKA_BIND": bind, "TROIKA_METRICS_FOLDER": f"/run/{process.name}"}
    if holder:
        variables["TROIKA_ACCESS_FILE"] = str(Path("/etc/troika/access") / Path(ACCESS_FILE).name)
    has_folder = desk and KEYS_DATABASE not in process.settings
    if has_folder:
        variables["TROIKA_FORM_KEYS"] = FORM_KEYS
    place = f"{worker_name(process.service, process.role)}/{process.role}" if ours else process.role
    module = f"services.{process.service} {process.role}" if ours else f"deploy.operations.{process.role}"
    folders = [f"RuntimeDirectory={process.name}"] if process.web else []
    folders += [f"ReadWritePaths={FORM_KEYS}"] if has_folder else []
    return UNIT.format(
        name=process.name,
        service=process.service,
        role=process.role,
        command=f"{module} watch" if process.role == AUDIT else module,
        home=HOME,
        groups="SupplementaryGroups=troika-access\n" if holder else "",
        environment="".join(f"Environment={name}={value}\n" for name, value in variables.items()),
        credentials="".join(f"LoadCredential={name}:{SETTINGS}/{place}/{name}\n" for name in process.settings),
        folders="".join(f"{line}\n" for line in folders),
        hardened=HARDENED,
    )


def sysusers(processes: Iterable[Process]) -> str:
    """Users and groups (``/usr/lib/sysusers.d``): one for each process, and a group that may read the access file."""
    lines = ["g troika-access -"]
    for process in processes:
        lines.append(f'u {process.name} - "Troika {process.service} {process.role}" / /usr/sbin/nologin')
        if reads_access_file(process.service, process.role):
            lines.append(f"m {process.name} troika-access")
    return "\n".join(lines) + "\n"


def tmpfiles(processes: Iterable[Process]) -> str:
    """Folders (``/usr/lib/tmpfiles.d``), each with its owner."""
    lines = [
        "d /etc/troika 0755 root root",
        f"d {SETTINGS} 0700 root root",
        "d /etc/troika/access 0750 root troika-access",
        "z /etc/troika/access/access.json 0640 root troika-access",
        "d /var/lib/troika 0755 root root",
    ]
    if any((process.service, process.role) == ("registration", "desk") for process in processes):
        owner = "troika-registration-desk troika-registration-desk"
        # what root has put back from an archive is the desk's too
        lines += [f"d {FORM_KEYS} 0700 {owner}", f"Z {FORM_KEYS} - {owner}"]
    return "\n".join(lines) + "\n"
