"""Writes ``compose.yaml`` (small) and ``compose.full.yaml`` from the table of processes; ``make specs`` runs it.

Each container sees its own folder of the volume of settings, and nothing else of it.
"""

from collections.abc import Iterable
from typing import Any

from deploy.compose.caddy import caddyfile
from deploy.compose.containers import (
    CHECKS_OF_LOGINS,
    FULL,
    HTTP_PORT,
    METRICS_PORT,
    SIZES,
    SMALL,
    Container,
    containers,
)
from deploy.compose.monitoring import (
    LOGGING,
    WRITTEN,
    alertmanager_container,
    as_yaml,
    blackbox_container,
    grafana_container,
    node_exporter_container,
    postgres_exporter_container,
    prometheus,
    prometheus_container,
)
from deploy.compose.settings_files import DOCTOR_FOLDER
from deploy.local.secrets import reads_access_file
from deploy.pools import WORKER_CONNECTIONS, web_connections

HEADER = (
    "# Troika on one machine: `docker compose up -d`, with a file .env beside this one (docs/how-to/deploy.md).\n"
    + WRITTEN
)
IMAGE, SOLVER_IMAGE = "troika:${TROIKA_VERSION:-0.1.0}", "troika-solver:${TROIKA_VERSION:-0.1.0}"
SUBNET = "${TROIKA_SUBNET:-172.31.254.0/24}"
METRICS_FROM = f"{SUBNET},10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""Prometheus is in both networks, and Docker chooses the addresses of `back`; no port of a web process is published."""
SETTINGS, RUN = "settings", "/run/troika"
ACCESS_FILE, FORM_KEYS = "/run/access/access.json", "/var/lib/troika/form-keys"
FORM_KEYS_OR_NONE = f"${{TROIKA_FORM_KEYS-{FORM_KEYS}}}"
"""Set to nothing in ``.env``: the keys of forms are in the keys database."""
WHOLE = [{"type": "volume", "source": SETTINGS, "target": "/settings"}]
COLLECTED = ("prometheus", "alertmanager", "grafana")
REQUIRED = ("TROIKA_HOST", "TROIKA_DESK_HOST", "TROIKA_MAIL_FROM")
OPTIONAL = (
    *("TROIKA_HTTPS_PORT", "TROIKA_TRIAL", "SMTP_URL", "TROIKA_INSECURE"),
    *("TROIKA_LIMITS_EXEMPT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
)
MAX_CONNECTIONS = {SMALL: 200, FULL: 500}
"""Of PostgreSQL: more than the pools of all containers have (docs/reference/capacity.md)."""

OUTSIDE = frozenset({("notifications", "send"), ("notifications", "deliver")})
"""Processes that call servers of others: the mail relay, and partners' webhooks. No other has a way out."""

DOCTOR_SETTINGS = {"TROIKA_DOCTOR_SETTINGS": "/settings", "TROIKA_DOCTOR_BROKER_URLS": "http://rabbitmq:15692"}
CONFINED: dict[str, Any] = {
    "read_only": True,
    "tmpfs": ["/tmp:mode=1777,size=64m"],  # noqa: S108 - of the container alone
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pids_limit": 200,
}


def compose(size: str) -> str:
    """The text of the Compose file of an installation of ``size``."""
    ours = containers(size)
    extras = {
        "prometheus": prometheus_container(size),
        "alertmanager": alertmanager_container(),
        "blackbox": blackbox_container(),
        "postgres-exporter": postgres_exporter_container(),
        "node-exporter": node_exporter_container(),
        "grafana": grafana_container(),
    }
    # Compose starts what depends on others last, and starts nothing more once a start has failed
    site = _after(**dict.fromkeys(("gateway", "audit", *(container.name for container in ours)), STARTED))
    services: dict[str, Any] = {
        "dotenv": _dotenv(),
        "prepare": _prepare(),
        "postgres": _postgres("postgres", MAX_CONNECTIONS[size]),
        "keys-postgres": {"profiles": ["keys"], **_postgres("keys-postgres")},
        "rabbitmq": _rabbitmq(),
        "databases": _databases(),
        **{container.name: _container(container) for container in ours},
        "gateway": _gateway(size),
        "audit": _audit(),
        "sink": _sink(),
        "tools": _tools(),
        "doctor": _doctor(ours),
        "doctor-logins": _doctor_of_logins(),
        **{name: {**extra, "depends_on": site} for name, extra in extras.items()},
    }
    networks = {
        "outside": None,
        "front": {"internal": True, "ipam": {"config": [{"subnet": SUBNET}]}},
        "back": {"internal": True},
    }
    names = (SETTINGS, "postgres", "keys-postgres", "rabbitmq", "certificates", "mails", *COLLECTED)
    content = {"name": "troika", "services": services, "networks": networks, "volumes": dict.fromkeys(names)}
    return HEADER + as_yaml(content)


def _part(subpath: str, target: str, *, writable: bool = False) -> dict[str, Any]:
    """A folder of the volume of settings."""
    part = {"type": "volume", "source": SETTINGS, "target": target, "volume": {"subpath": subpath}}
    return part if writable else {**part, "read_only": True}


def _after(**conditions: str) -> dict[str, Any]:
    return {name: {"condition": condition} for name, condition in conditions.items()}


DONE, STARTED = "service_completed_successfully", "service_started"
"""No container waits until another one is healthy: one check that fails would leave it unstarted for good. Each waits
for its servers itself."""


def _ours(command: list[str], **more: Any) -> dict[str, Any]:
    return {"image": IMAGE, "command": command, **CONFINED, "logging": LOGGING, **more}


def _dotenv() -> dict[str, Any]:
    """It reads ``.env`` itself, whatever its owner and mode, and has nothing else: no network, no volume."""
    folder = {"type": "bind", "source": ".", "target": "/compose", "read_only": True}
    return _ours(["prepare", "dotenv"], user="0:0", cap_add=["DAC_READ_SEARCH"], volumes=[folder], network_mode="none")


def _prepare() -> dict[str, Any]:
    environment = {
        "COMPOSE_PROJECT_NAME": "${COMPOSE_PROJECT_NAME}",
        **{name: f"${{{name}:-}}" for name in (*REQUIRED, *OPTIONAL)},
        "TROIKA_FORM_KEYS": FORM_KEYS_OR_NONE,
        "COMPOSE_PROFILES": "${COMPOSE_PROFILES:-}",
    }
    after = _after(dotenv=DONE)
    return _ours(["prepare", "settings"], environment=environment, volumes=WHOLE, network_mode="none", depends_on=after)


def _databases() -> dict[str, Any]:
    return _ours(["prepare", "databases"], volumes=WHOLE, networks=["back"], depends_on=_after(postgres=STARTED))


def _postgres(name: str, max_connections: int = 200) -> dict[str, Any]:
    return {
        "image": "${POSTGRES_IMAGE:-postgres:18}",
        "command": [
            "postgres",
            *("-c", f"max_connections={max_connections}", "-c", "log_error_verbosity=terse", "-c", "jit=off"),
        ],
        "environment": {"POSTGRES_PASSWORD_FILE": f"{RUN}/password", "POSTGRES_INITDB_ARGS": "--encoding=UTF8"},
        "volumes": [f"{name}:/var/lib/postgresql", _part(name, RUN)],
        "networks": ["back"],
        "shm_size": "128m",
        "depends_on": _after(prepare=DONE),
        "healthcheck": _check(["pg_isready", "-h", "127.0.0.1", "-U", "postgres"]),
        "restart": "unless-stopped",
        "stop_grace_period": "60s",
        "logging": LOGGING,
    }


def _rabbitmq() -> dict[str, Any]:
    return {
        "image": "${RABBITMQ_IMAGE:-rabbitmq:4}",
        "hostname": "rabbitmq",
        "environment": {
            "RABBITMQ_CONFIG_FILE": f"{RUN}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{RUN}/enabled_plugins",
        },
        "volumes": ["rabbitmq:/var/lib/rabbitmq", _part("rabbitmq", RUN)],
        "networks": ["back"],
        "depends_on": _after(prepare=DONE),
        "healthcheck": _check(["bash", "-c", ": </dev/tcp/127.0.0.1/5672"]),
        "restart": "unless-stopped",
        "stop_grace_period": "60s",
        "logging": LOGGING,
    }


def _container(one: Container) -> dict[str, Any]:
    environment = {
        "TROIKA_SETTINGS": RUN,
        # database, broker and collector are in a network of this installation alone; SMTP: the sink of a trial
        "TROIKA_INSECURE": "database,broker,otlp" + (",smtp" if "send" in one.processes else ""),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "${OTEL_EXPORTER_OTLP_ENDPOINT:-}",
        "TROIKA_ORGANISER": "${TROIKA_ORGANISER:-The organisers}",
        "TROIKA_MAIL_FROM": "${TROIKA_MAIL_FROM:-}",
    }
    volumes = [_part(one.settings, RUN)]
    if one.web:
        environment |= {
            "TROIKA_BIND": f"0.0.0.0:{HTTP_PORT}",
            "TROIKA_METRICS_FOLDER": "/tmp/metrics",  # noqa: S108 - of the container alone
            "TROIKA_TRUSTED_PROXIES": SUBNET,
            "TROIKA_METRICS_FROM": METRICS_FROM,
            "TROIKA_LIMITS_EXEMPT": "${TROIKA_LIMITS_EXEMPT:-}",
            # what many clients use at once runs twice; the others once, in memory for a small server
            "TROIKA_WEB_WORKERS": str(_web_workers(one)),
        }
    else:
        environment |= {"TROIKA_METRICS_HOST": "0.0.0.0", "TROIKA_METRICS_PORT": str(METRICS_PORT)}  # noqa: S104
    if reads_access_file(one.service, one.role):
        environment["TROIKA_ACCESS_FILE"] = ACCESS_FILE
        volumes.append(_part("access", "/run/access"))
    if one.service == "registration" and one.role in ("web", "desk"):
        environment["TROIKA_FORM_KEYS"] = FORM_KEYS_OR_NONE
        volumes.append(_part("form-keys", FORM_KEYS, writable=True))
    calls_others = any((one.service, process) in OUTSIDE for process in one.processes)
    return _ours(
        [one.service, one.role],
        image=SOLVER_IMAGE if one.solves else IMAGE,
        environment=environment,
        volumes=volumes,
        networks=["back", *(["front"] if one.web else []), *(["outside"] if calls_others else [])],
        depends_on=_after(databases=DONE),
        healthcheck=_probe(one),
        restart="unless-stopped",
        stop_grace_period="40s",
    )


def _web_workers(one: Container) -> int:
    return 2 if one.service == "registration" else 1


def _connections(one: Container) -> int:
    """The most connections to PostgreSQL that a container opens."""
    return web_connections(one.service) * _web_workers(one) if one.web else WORKER_CONNECTIONS * len(one.processes)


def _probe(one: Container) -> dict[str, Any]:
    port, path = (HTTP_PORT, f"/-/{one.service}/readyz") if one.web else (METRICS_PORT, "/readyz")
    # not a program of the image: after a rollback the checks of this file run in an image of the previous version
    request = f'exec 3<>/dev/tcp/127.0.0.1/{port} && printf "GET {path} HTTP/1.0\\r\\n\\r\\n" >&3'
    answer = 'read -r _ status _ <&3 && cat <&3 && [ "$$status" = 200 ]'
    return _check(["bash", "-c", f"{request} && {answer}"])


def _check(command: list[str]) -> dict[str, Any]:
    """Health for people and for ``up --wait``; a check must start no interpreter: all run at once while all start."""
    return {
        "test": ["CMD", *command],
        "interval": "30s",
        "timeout": "5s",
        "retries": 3,
        "start_period": "120s",
        "start_interval": "2s",
    }


def _gateway(size: str) -> dict[str, Any]:
    """It waits for nothing: while processes are away, or their settings are refused, it shows its page."""
    return {
        "image": "${CADDY_IMAGE:-caddy:2}",
        "environment": {
            "TROIKA_HOST": "${TROIKA_HOST:-register.localhost}",
            "TROIKA_DESK_HOST": "${TROIKA_DESK_HOST:-desk.localhost}",
            "TROIKA_HTTPS_PORT": "${TROIKA_HTTPS_PORT:-443}",
        },
        # Docker shows its own address for IPv6 clients by default: limits would count all of them as one
        "ports": ["0.0.0.0:${TROIKA_HTTPS_PORT:-443}:8443", "0.0.0.0:${TROIKA_HTTP_PORT:-80}:8080"],
        "volumes": [f"./Caddyfile.{size}:/etc/caddy/Caddyfile:ro", "certificates:/data"],
        "networks": ["outside", "front"],
        "cap_drop": ["ALL"],
        # a file capability of /usr/bin/caddy in the official image: the kernel does not execute it without
        "cap_add": ["NET_BIND_SERVICE"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def _audit() -> dict[str, Any]:
    environment = {
        "TROIKA_SETTINGS": RUN,
        "TROIKA_INSECURE": "database,broker",
        "TROIKA_METRICS_HOST": "0.0.0.0",  # noqa: S104
        "TROIKA_METRICS_PORT": str(METRICS_PORT),
    }
    return _ours(
        ["audit", "watch"],
        environment=environment,
        volumes=[_part("audit", RUN)],
        networks=["back"],
        depends_on=_after(databases=DONE),
        restart="unless-stopped",
    )


def _sink() -> dict[str, Any]:
    command = ["sink", "--host", "0.0.0.0", "--folder", "/var/lib/troika/mails"]  # noqa: S104
    ports = ["127.0.0.1:${TROIKA_INBOX_PORT:-8025}:8025"]
    volumes = ["mails:/var/lib/troika/mails"]
    return _ours(
        command,
        profiles=["trial"],
        ports=ports,
        volumes=volumes,
        networks=["back", "outside"],
        depends_on=_after(prepare=DONE),
        restart="unless-stopped",
    )


def _tools() -> dict[str, Any]:
    environment = {
        "TROIKA_SETTINGS": RUN,
        "TROIKA_INSECURE": "database,broker",
        "TROIKA_ACCESS_FILE": ACCESS_FILE,
        "TROIKA_FORM_KEYS": FORM_KEYS_OR_NONE,
        "TROIKA_MAIL_FROM": "${TROIKA_MAIL_FROM:-}",
        "TROIKA_OPERATOR": "${TROIKA_OPERATOR:-an operator}",
    }
    volumes = [
        _part("tools", RUN),
        _part("access", "/run/access", writable=True),
        _part("form-keys", FORM_KEYS, writable=True),
    ]
    return _ours([], profiles=["tools"], environment=environment, volumes=volumes, networks=["back"])


def _doctor(ours: Iterable[Container]) -> dict[str, Any]:
    """It reaches servers of others, and has only logins that read ids, states and statistics; an operator starts it."""
    environment = {
        **DOCTOR_SETTINGS,
        "TROIKA_DOCTOR_PROMETHEUS_URL": "http://prometheus:9090",
        "TROIKA_DOCTOR_DKIM_SELECTOR": "${TROIKA_DKIM_SELECTOR:-}",
        "TROIKA_DOCTOR_CONNECTIONS": str(WORKER_CONNECTIONS + sum(map(_connections, ours))),
        "TROIKA_DOCTOR_PRIVATE_HOSTS": "postgres,keys-postgres,sink",
        "TROIKA_TRUSTED_PROXIES": SUBNET,
        "TROIKA_MAIL_FROM": "${TROIKA_MAIL_FROM:-}",
    }
    volumes = [_part(DOCTOR_FOLDER, "/settings")]
    networks = ["back", "outside"]
    return _ours(["doctor"], profiles=["tools"], environment=environment, volumes=volumes, networks=networks)


def _doctor_of_logins() -> dict[str, Any]:
    """It reads all settings to try each login and each key, and has no way out; an operator starts it."""
    volumes = [{"type": "volume", "source": SETTINGS, "target": "/settings", "read_only": True}]
    command = ["doctor", *(f"--only={check}" for check in CHECKS_OF_LOGINS)]
    return _ours(command, profiles=["tools"], environment=DOCTOR_SETTINGS, volumes=volumes, networks=["back"])


def files() -> dict[str, str]:
    """Every file that is written, by name below ``deploy/compose``."""
    found = {}
    for size in SIZES:
        found["compose.yaml" if size == SMALL else f"compose.{size}.yaml"] = compose(size)
        found[f"Caddyfile.{size}"] = caddyfile(size)
        found[f"prometheus.{size}.yml"] = prometheus(size)
    return found
