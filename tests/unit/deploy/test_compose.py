"""The Compose files: every process runs in them with all its settings, and the gateway has every route."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.caddy import caddyfile
from deploy.compose.compose import MAX_CONNECTIONS, RUN, compose, files
from deploy.compose.containers import (
    CHECKS_OF_LOGINS,
    CLUSTER,
    COMMAND_PROCESSES,
    FULL,
    PROFILES,
    SIZES,
    Container,
    containers,
)
from deploy.compose.monitoring import PUBLIC_TARGETS, prometheus
from deploy.compose.prepare import SINK_URL, public_targets, read_environment, servers_of, write_servers
from deploy.compose.settings_files import Servers, claim, write_doctor, write_settings
from deploy.local.secrets import Secrets, make_keys
from deploy.operations.audit.settings import read_settings as read_audit_settings
from deploy.operations.doctor.finding import from_folder
from deploy.operations.doctor.grading import Grade
from deploy.operations.doctor.keys import check_files
from deploy.operations.doctor.registry import CHECKS
from deploy.operations.recover.settings import read_settings as read_recovery_settings
from deploy.pools import WORKER_CONNECTIONS, web_connections
from deploy.shape import PROCESSES, SERVICES, WEB_PROCESSES
from services.events import settings as events
from services.notifications import settings as notifications
from services.registration import settings as registration
from shared.runtime.errors import SettingsError
from shared.runtime.settings import read_folder
from tests.support.processes import PROJECT
from tests.unit.deploy.doctor.fakes import probes

CADDY = Path(sys.executable).parent / "caddy"
GIVEN = {
    "TROIKA_HOST": "register.example.org",
    "TROIKA_DESK_HOST": "desk.example.org",
    "TROIKA_MAIL_FROM": "upr@example.org",
    "SMTP_URL": "smtp://user:password@mail.example.org:587?starttls=required",
}


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of all containers, written as `troika prepare settings` does."""
    folder = tmp_path_factory.mktemp("settings")
    keys = folder / "prepare" / "keys"
    make_keys(keys)
    write_settings(folder, Secrets(keys, ""), read_environment(GIVEN))
    write_doctor(folder, read_environment(GIVEN))
    write_servers(folder, keys)
    return folder


@cache
def services(size: str) -> dict[str, Any]:
    """Containers in the Compose file, by name."""
    return dict(yaml.safe_load(compose(size))["services"])


def described(size: str, name: str) -> dict[str, Any]:
    """A container in the Compose file."""
    return dict(services(size)[name])


def environment_of(size: str, one: Container, volume: Path) -> dict[str, str]:
    """What a container's process finds: the paths in it are those of the volume."""
    variables = {
        name: re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", value)
        for name, value in described(size, one.name)["environment"].items()
    }
    variables["TROIKA_MAIL_FROM"] = GIVEN["TROIKA_MAIL_FROM"]
    places = {
        RUN: volume / one.settings,
        "/run/access": volume / "access",
        "/var/lib/troika/form-keys": volume / "form-keys",
    }
    for name, value in variables.items():
        for inside, outside in places.items():
            if value.startswith(inside):
                variables[name] = value.replace(inside, str(outside), 1)
    return variables


READERS: dict[str, Callable[[str, dict[str, str]], object]] = {
    "registration": registration.read_settings,
    "events": events.read_settings,
    "notifications": notifications.read_settings,
}


@pytest.mark.parametrize("size", SIZES)
def test_every_process_runs_in_each_size(size: str) -> None:
    ours = containers(size)
    ran = {(one.service, process) for one in ours for process in one.processes if process != "web"}
    expected = set(PROCESSES)
    if size != FULL:
        expected -= set(WEB_PROCESSES)
    assert ran == expected
    for one in ours:
        assert described(size, one.name)["command"] == [one.service, one.role]


@pytest.mark.parametrize("size", SIZES)
def test_every_process_finds_all_its_settings(size: str, volume: Path) -> None:
    for one in containers(size):
        for process in one.processes:
            READERS[one.service](process, environment_of(size, one, volume))


KEYS_URL = "TROIKA_KEYS_DATABASE_URL"


@pytest.mark.parametrize("size", SIZES)
def test_keys_database_takes_the_place_of_the_folder(size: str, tmp_path: Path) -> None:
    """One empty line in ``.env``: only processes that unwrap keys, and the migration, get the database."""
    make_keys(tmp_path / "keys")
    servers = servers_of({"TROIKA_FORM_KEYS": "", "COMPOSE_PROFILES": "trial,keys"})
    write_settings(tmp_path, Secrets(tmp_path / "keys", ""), read_environment(GIVEN), servers)
    found = {file.relative_to(tmp_path).as_posix(): file.read_text() for file in tmp_path.rglob(KEYS_URL)}
    assert set(found) == {
        f"{place}/{KEYS_URL}"
        for place in ("registration-web/web", "registration-desk/desk", "tools/operator", "tools/migrate")
    }
    assert found[f"tools/migrate/{KEYS_URL}"].startswith("postgresql://troika_keys:")
    assert found[f"registration-desk/desk/{KEYS_URL}"].startswith("postgresql://troika_keys_desk:")
    assert {text.strip().partition("@")[2] for text in found.values()} == {"keys-postgres:5432/keys"}
    assert (tmp_path / "audit" / "TROIKA_AUDIT_KEYS_URL").read_text().startswith("postgresql://troika_audit:")
    for one in containers(size):
        given = environment_of(size, one, tmp_path)
        if "TROIKA_FORM_KEYS" in given:
            settings = READERS[one.service](one.role, {**given, "TROIKA_FORM_KEYS": ""})
            assert isinstance(settings, registration.RegistrationSettings)
            assert (settings.keys_database_url != "", settings.form_keys_folder) == (True, Path())
    write_settings(tmp_path, Secrets(tmp_path / "keys", ""), read_environment(GIVEN), servers_of({}))
    assert [*tmp_path.rglob(KEYS_URL), *tmp_path.rglob("TROIKA_AUDIT_KEYS_URL")] == []


def test_keys_database_without_its_server_is_refused(tmp_path: Path) -> None:
    """The server of the other databases does not take its place: a copy of its disk would hold keys and answers."""
    for profiles in ("", "trial,monitoring"):
        with pytest.raises(SettingsError, match="Add `keys` to COMPOSE_PROFILES"):
            servers_of({"TROIKA_FORM_KEYS": "", "COMPOSE_PROFILES": profiles})
    make_keys(tmp_path / "keys")
    beside = Servers(keys="postgres:5432")
    with pytest.raises(SettingsError, match="Name a server of its own"):
        write_settings(tmp_path / "volume", Secrets(tmp_path / "keys", ""), read_environment(GIVEN), beside)
    assert not (tmp_path / "volume").exists()


@pytest.mark.parametrize("size", SIZES)
def test_server_of_the_keys_database_has_its_own_volume_and_password(size: str, volume: Path) -> None:
    postgres, keys = described(size, "postgres"), described(size, "keys-postgres")
    assert keys["profiles"] == ["keys"]
    assert (postgres["volumes"][0], keys["volumes"][0]) == (
        "postgres:/var/lib/postgresql",
        "keys-postgres:/var/lib/postgresql",
    )
    places = [one["volumes"][1]["volume"]["subpath"] for one in (postgres, keys)]
    assert places == ["postgres", "keys-postgres"]
    first, second = ((volume / place / "password").read_text() for place in places)
    assert first != second


@pytest.mark.parametrize("size", SIZES)
def test_postgresql_has_a_connection_for_each_of_all_pools(size: str) -> None:
    pools = [
        web_connections(one.service) * int(described(size, one.name)["environment"]["TROIKA_WEB_WORKERS"])
        if one.web
        else WORKER_CONNECTIONS * len(one.processes)
        for one in containers(size)
    ]
    operators = 30
    assert f"max_connections={MAX_CONNECTIONS[size]}" in described(size, "postgres")["command"]
    assert sum(pools) + WORKER_CONNECTIONS + operators <= MAX_CONNECTIONS[size], "the audit has connections too"


@pytest.mark.parametrize("size", SIZES)
def test_container_sees_nothing_of_others(size: str) -> None:
    """Its own folder of the volume, read only; beside it only who has access, and form keys, where it needs them."""
    for one in containers(size):
        parts = [part for part in described(size, one.name)["volumes"] if isinstance(part, dict)]
        assert parts[0]["volume"]["subpath"] == one.settings
        assert all(part["read_only"] for part in parts if part["volume"]["subpath"] != "form-keys"), one.name
        assert {part["volume"]["subpath"] for part in parts} <= {one.settings, "access", "form-keys"}


@pytest.mark.parametrize("size", SIZES)
def test_gateway_alone_may_do_what_its_program_requires(size: str) -> None:
    """Caddy's program has a file capability in the official image, and the kernel refuses to execute it without."""
    added = {name: one["cap_add"] for name, one in services(size).items() if "cap_add" in one}
    assert added == {"gateway": ["NET_BIND_SERVICE"], "dotenv": ["DAC_READ_SEARCH"]}
    assert described(size, "gateway")["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("size", SIZES)
def test_exporters_and_doctor_change_nothing_and_have_no_more_rights_than_they_need(size: str) -> None:
    postgres, node, doctor = (described(size, name) for name in ("postgres-exporter", "node-exporter", "doctor"))
    assert [(part["volume"]["subpath"], part["read_only"]) for part in postgres["volumes"]] == [("exporter", True)]
    assert node["volumes"] == ["/:/host:ro,rslave"]
    assert [(part["volume"]["subpath"], part["read_only"]) for part in doctor["volumes"]] == [("doctor", True)]
    assert doctor["networks"] == ["back", "outside"]
    for one in (postgres, node, doctor):
        assert (one["cap_drop"], one["read_only"], "ports" in one) == (["ALL"], True, False)
    assert (postgres["profiles"], node["profiles"], doctor["profiles"]) == (["monitoring"], ["monitoring"], ["tools"])


@pytest.mark.parametrize("size", SIZES)
def test_container_with_all_settings_publishes_no_port(size: str) -> None:
    """Those who prepare them, and the doctor that tries each login; they publish no port."""
    whole = {
        name: (one.get("networks", []), one.get("network_mode"), "ports" in one)
        for name, one in services(size).items()
        for part in one.get("volumes", [])
        if isinstance(part, dict) and part["source"] == "settings" and "volume" not in part
    }
    alone = {"databases": (["back"], None, False), "doctor-logins": (["back"], None, False)}
    assert whole == {"prepare": ([], "none", False), **alone}
    doctor = described(size, "doctor-logins")
    assert [part["read_only"] for part in doctor["volumes"]] == [True]
    assert (doctor["cap_drop"], doctor["read_only"], doctor["profiles"]) == (["ALL"], True, ["tools"])
    assert doctor["command"] == ["doctor", *(f"--only={check}" for check in CHECKS_OF_LOGINS)]
    assert set(CHECKS_OF_LOGINS) - {check.name for check in CHECKS} == set()


def test_doctor_has_logins_that_read_no_person_and_no_key(volume: Path) -> None:
    """Nor does it have the password of the mail relay."""
    found = from_folder(volume / "doctor", {})
    assert {(one.service, one.process) for one in found.databases} == {(service, "audit") for service in SERVICES}
    assert {one.login for one in found.brokers} == {"troika-audit"}
    assert found.monitor_url.startswith("postgresql://troika_monitor:")
    assert (found.key_files, found.value("SMTP_URL")) == ((), "smtp://mail.example.org:587?starttls=required")
    held = "".join(file.read_text() for file in found.secret_files if file.is_file())
    passwords = {
        login: password
        for file in ("databases.json", "broker.json")
        for login, password in json.loads((volume / "prepare" / "keys" / file).read_text()).items()
    }
    assert {login for login, password in passwords.items() if password in held} == {
        "troika_audit",
        "troika_monitor",
        "troika-audit",
    }


def test_doctor_of_logins_tries_those_of_every_process(volume: Path) -> None:
    """With the password of the mail relay that the process has."""
    found = from_folder(volume, {})
    assert {(one.service, one.process) for one in found.databases} >= {(service, "operator") for service in SERVICES}
    assert found.value("SMTP_URL") == GIVEN["SMTP_URL"]
    assert volume / "doctor" / "SMTP_URL" in found.secret_files, "its mode is checked too"


def test_doctor_of_logins_finds_no_file_that_others_may_read(volume: Path) -> None:
    """The image opens the volume to the accounts of the servers, which read their own folders in it."""
    volume.chmod(0o711)
    (result,) = check_files(from_folder(volume, {}), probes())
    assert (result.grade, result.do) == (Grade.OK, "")


@pytest.mark.parametrize("size", SIZES)
def test_prometheus_scrapes_the_exporters(size: str) -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(files()[f"prometheus.{size}.yml"])["scrape_configs"]}
    assert jobs["postgres"]["static_configs"] == [
        {"targets": ["postgres-exporter:9187"], "labels": {"cluster": "main"}}
    ]
    assert jobs["node"]["static_configs"] == [{"targets": ["node-exporter:9100"]}]


def test_exporter_finds_the_login_that_sees_no_table(volume: Path) -> None:
    found = {path.name: path.read_text() for path in (volume / "exporter").iterdir()}
    assert (found["uri"], found["user"]) == ("postgres:5432/postgres?sslmode=disable", "troika_monitor")
    passwords = json.loads((volume / "prepare" / "keys" / "databases.json").read_text())
    assert found["password"] == passwords["troika_monitor"]


def test_no_process_of_the_public_gets_a_key_that_opens_anything(volume: Path) -> None:
    for process in ("forms", "own"):
        found = read_folder(volume / f"registration-{process}", process)
        keys = {name for name in found if name.endswith("_KEY_FILE")}
        assert keys == {"TROIKA_INTAKE_KEY_FILE"}


def test_tools_have_the_settings_of_every_command(volume: Path) -> None:
    for process in COMMAND_PROCESSES:
        found = read_folder(volume / "tools", process)
        for service in SERVICES:
            assert process == "topology" or f"{service.upper()}_DATABASE_URL" in found
        assert (process in ("parked", "topology")) == ("TROIKA_BROKER_URL" in found)


def test_tools_have_the_settings_of_the_audit_and_of_a_recovery(volume: Path) -> None:
    """As the container `tools` and the command `troika` on a machine read them."""
    tools = {"TROIKA_SETTINGS": str(volume / "tools"), "TROIKA_INSECURE": "database,broker"}
    audit = read_audit_settings(tools)
    own = read_audit_settings({**tools, "TROIKA_SETTINGS": str(volume / "audit")})
    assert set(audit.urls) == set(SERVICES)
    assert all(url.startswith("postgresql://troika_audit:") for url in audit.urls.values())
    assert (own.urls, own.broker_url) == (audit.urls, audit.broker_url)
    assert "troika-audit:" in audit.broker_url
    recovery = read_recovery_settings({**tools, "TROIKA_MAIL_FROM": GIVEN["TROIKA_MAIL_FROM"]})
    assert all(url.startswith(f"postgresql://troika_{name}:") for name, url in recovery.urls.items())
    assert (recovery.mail_domain, len(recovery.vault_keys)) == ("example.org", 1)
    for size in SIZES:
        assert "TROIKA_MAIL_FROM" in described(size, "tools")["environment"]


def test_written_again_everything_stays(volume: Path) -> None:
    before = {path: path.read_bytes() for path in volume.rglob("*") if path.is_file()}
    write_settings(volume, Secrets(volume / "prepare" / "keys", ""), read_environment(GIVEN))
    write_doctor(volume, read_environment(GIVEN))
    write_servers(volume, volume / "prepare" / "keys")
    assert {path: path.read_bytes() for path in volume.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"TROIKA_HOST": ""}, ["TROIKA_HOST"]),
        ({"TROIKA_HOST": "desk.example.org"}, ["TROIKA_DESK_HOST"]),
        ({"TROIKA_HOST": "https://register.example.org"}, ["TROIKA_HOST"]),
        ({"SMTP_URL": ""}, ["SMTP_URL"]),
        ({"SMTP_URL": "smtps://user:...@mail.example.org"}, ["SMTP_URL"]),
        ({"SMTP_URL": "smtp://user:password@mail.example.org:587"}, ["SMTP_URL"]),
        ({"SMTP_URL": "smtp://mail.example.org"}, ["SMTP_URL"]),
        ({"TROIKA_TRIAL": "yes", "COMPOSE_PROFILES": "trial"}, ["SMTP_URL"]),
        ({"TROIKA_TRIAL": "yes", "SMTP_URL": "", "COMPOSE_PROFILES": "monitoring"}, ["COMPOSE_PROFILES"]),
        ({"COMPOSE_PROFILES": "trail,monitoring"}, ["COMPOSE_PROFILES"]),
        ({"TROIKA_LIMITS_EXEMPT": "0.0.0.0/0"}, ["TROIKA_LIMITS_EXEMPT"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, ["OTEL_EXPORTER_OTLP_ENDPOINT"]),
        ({"TROIKA_TRIAL": "maybe"}, ["TROIKA_TRIAL"]),
        ({"TROIKA_MAIL_FROM": "nobody", "TROIKA_HTTPS_PORT": "many"}, ["TROIKA_HTTPS_PORT", "TROIKA_MAIL_FROM"]),
    ],
)
def test_what_is_wrong_in_env_is_named_all_at_once(changed: dict[str, str], named: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        read_environment(GIVEN | changed)
    assert sorted(fault.split()[0].rstrip(":") for fault in caught.value.problems) == named


@pytest.mark.parametrize("size", SIZES)
def test_profiles_are_those_of_the_file(size: str) -> None:
    assert {profile for one in services(size).values() for profile in one.get("profiles", ())} == {*PROFILES}


@pytest.mark.parametrize("size", SIZES)
def test_web_processes_show_their_figures_to_prometheus(size: str) -> None:
    """It is in both networks, and Docker chooses the addresses of one of them."""
    for one in containers(size):
        if one.web:
            networks = described(size, one.name)["environment"]["TROIKA_METRICS_FROM"].split(",")
            assert networks == ["${TROIKA_SUBNET:-172.31.254.0/24}", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]


def test_relay_without_encryption_has_to_be_allowed() -> None:
    """The sender's container may always hand over unencrypted, as a trial does to its inbox."""
    relay = {"SMTP_URL": "smtp://mail.example.org"}
    assert read_environment(GIVEN | relay | {"TROIKA_INSECURE": "smtp"})["SMTP_URL"] == relay["SMTP_URL"]
    for size in SIZES:
        assert described(size, "prepare")["environment"]["TROIKA_INSECURE"] == "${TROIKA_INSECURE:-}"


class Readiness(BaseHTTPRequestHandler):
    """Answers as a process that is ready, or as one whose schema is too old."""

    status, body = 200, b"ok\n"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def test_health_check_tells_ready_from_not_ready_and_shows_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    check = described("small", "events-web")["healthcheck"]["test"]
    with HTTPServer(("127.0.0.1", 0), Readiness) as server:
        command = [word.replace("$$", "$").replace("/8000", f"/{server.server_port}") for word in check[1:]]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ready = subprocess.run(command, capture_output=True, text=True, check=False)
        monkeypatch.setattr(Readiness, "status", 503)
        monkeypatch.setattr(Readiness, "body", b"not ready\nthe schema is too old\n")
        old = subprocess.run(command, capture_output=True, text=True, check=False)
        server.shutdown()
    away = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [done.returncode for done in (ready, old, away)] == [0, 1, 1]
    assert old.stdout.endswith("not ready\nthe schema is too old\n")


EXTRAS = {"prometheus", "alertmanager", "blackbox", "postgres-exporter", "node-exporter", "grafana"}


@pytest.mark.parametrize("size", SIZES)
def test_site_waits_for_no_check_and_for_no_extra(size: str) -> None:
    """One failed check would leave what waits for it in the state *Created*, and Compose stops at a failed start."""
    waits = {name: one.get("depends_on", {}) for name, one in services(size).items()}
    conditions = {each["condition"] for one in waits.values() for each in one.values()}
    assert conditions == {"service_completed_successfully", "service_started"}
    assert waits["gateway"] == {}
    site = {"gateway", "audit", *(one.name for one in containers(size))}
    assert all(waits[name].keys() == site for name in EXTRAS)
    assert [name for name in waits.keys() - EXTRAS if waits[name].keys() & EXTRAS] == []


@pytest.mark.parametrize("size", SIZES)
def test_health_checks_start_no_interpreter(size: str) -> None:
    """All run every two seconds while all containers start: Python or Erlang would take a small server's processors."""
    checks = {one["healthcheck"]["test"][1] for one in services(size).values() if "healthcheck" in one}
    assert checks == {"bash", "pg_isready"}


@pytest.mark.parametrize("size", SIZES)
def test_everything_that_runs_is_there_after_a_restart_of_the_machine(size: str) -> None:
    """Docker starts again only what has a policy; commands and what runs once are not there."""
    once = {name for name, one in services(size).items() if "restart" not in one}
    assert once == {"dotenv", "prepare", "databases", "tools", "doctor", "doctor-logins"}


def test_volume_of_another_installation_is_refused(tmp_path: Path) -> None:
    claim(tmp_path / "installation", "first")
    claim(tmp_path / "installation", "first")
    with pytest.raises(SettingsError, match="belongs to the installation 'first'"):
        claim(tmp_path / "installation", "second")


@pytest.mark.parametrize("size", [*SIZES, CLUSTER])
def test_caddy_accepts_its_file(size: str, tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(caddyfile(size))
    environment = {**os.environ, **GIVEN, "TROIKA_TRUSTED_PROXIES": "10.0.0.0/8", "HOME": str(tmp_path)}
    command = [str(CADDY), "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Valid configuration" in done.stdout + done.stderr, done.stderr


@pytest.mark.parametrize("size", SIZES)
def test_redirect_to_https_keeps_the_port(size: str, tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(caddyfile(size))
    environment = {**os.environ, **GIVEN, "TROIKA_HTTPS_PORT": "9443", "HOME": str(tmp_path)}
    command = [str(CADDY), "adapt", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (server,) = (one for one in json.loads(done.stdout)["apps"]["http"]["servers"].values() if ":8080" in one["listen"])
    assert re.findall(r"'Location': \['(.+?)'\]", str(server)) == ["https://{http.request.host}:9443{http.request.uri}"]
    assert described(size, "gateway")["environment"]["TROIKA_HTTPS_PORT"] == "${TROIKA_HTTPS_PORT:-443}"


@pytest.mark.parametrize("size", SIZES)
def test_prometheus_scrapes_every_container(size: str, tmp_path: Path) -> None:
    text = prometheus(size)
    (tmp_path / "prometheus.yml").write_text(text)
    (tmp_path / "rules").symlink_to(PROJECT / "deploy" / "prometheus" / "rules")
    subprocess.run(["promtool", "check", "config", str(tmp_path / "prometheus.yml")], check=True, capture_output=True)
    asked = set(re.findall(r"- ([\w-]+):\d+", text))
    assert asked >= {one.name for one in containers(size)} | {"audit", "rabbitmq"}


@pytest.mark.parametrize("size", SIZES)
def test_probe_requests_the_public_address(size: str) -> None:
    """What only `prepare` knows comes into Prometheus as a file, and the rest is in the configuration."""
    (job,) = [one for one in yaml.safe_load(prometheus(size))["scrape_configs"] if one["job_name"] == "public-page"]
    assert [source["files"] for source in job["file_sd_configs"]] == [[PUBLIC_TARGETS]]
    assert job["relabel_configs"][-1] == {"target_label": "__address__", "replacement": "blackbox:9115"}
    (group,) = json.loads(public_targets("https://register.example.org", "smtps://relay.example.org"))
    assert json.loads(public_targets("https://register.localhost", SINK_URL)) == [], "no one can reach a trial"
    assert group == {"targets": ["https://register.example.org/programme"]}
