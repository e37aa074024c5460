"""`troika install`: users, folders, settings and units of processes, in the root of another system."""

import re
import shutil
import subprocess
import time
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict

from deploy.local.secrets import OWNERS
from deploy.machine.install import GATEWAY, NAMES, VERIFIED, main
from deploy.machine.timers import JOBS
from deploy.machine.units import OPERATIONS, port_of
from deploy.operations.audit.settings import read_settings as read_audit_settings
from deploy.operations.backup.__main__ import main as backup
from deploy.operations.backup.drill import main as drill
from deploy.operations.backup.figures import (
    AWAITED_SINCE,
    DEFAULT_FOLDER,
    KEYS,
    LAST_SUCCESS,
    await_backups,
    write_figures,
)
from deploy.operations.recover.settings import read_settings as read_recovery_settings
from deploy.shape import PROCESSES, SERVICES, worker_name
from tests.support.clock import WEBINAR_WEEK
from tests.support.processes import PROJECT

WORDS = [
    *(
        "--postgres",
        "db.example.org:5432",
        "--rabbitmq",
        "mq.example.org:5671",
        "--smtp-url",
        "smtps://mail.example.org",
    ),
    *("--public-url", "https://register.example.org", "--mail-from", "upr@example.org"),
    *("--console-url", "https://desk.example.org"),
    *("--web-hosts", "192.0.2.1,192.0.2.2"),
]
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
MAX_EXPOSED = 3.0


def install(root: Path, *words: str) -> str:
    """As an operator types it; later options count."""
    done = CliRunner().invoke(main, ["--root", str(root), *WORDS, *words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty Debian with systemd's own units and our interpreter, and all our files installed."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree("/usr/lib/systemd/system", folder / "usr" / "lib" / "systemd" / "system", symlinks=True)
    python = folder / "opt" / "troika" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    shutil.copy("/bin/true", python)
    for program in ("usr/lib/systemd/systemd-executor", "usr/sbin/nologin", "usr/sbin/nginx", "bin/kill"):
        (folder / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", folder / program)
    install(folder, "all", "backup")
    return folder


def unit(root: Path, name: str) -> dict[str, list[str]]:
    """Values of a unit by name; some names are there twice."""
    found: dict[str, list[str]] = {}
    for line in (root / "etc" / "systemd" / "system" / f"troika-{name}.service").read_text().splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def commands_of(module: str) -> set[str]:
    """Commands of ``python -m module``."""
    made = import_module(f"{module}.__main__").command_line()
    assert isinstance(made, click.Group)
    return set(made.commands)


@pytest.mark.parametrize(("service", "role"), PROCESSES)
def test_unit_starts_the_process_by_a_command_that_there_is(root: Path, service: str, role: str) -> None:
    (started,) = unit(root, worker_name(service, role))["ExecStart"]
    assert started == f"/opt/troika/.venv/bin/python -m services.{service} {role}"
    assert role in commands_of(f"services.{service}")


@pytest.mark.parametrize(("service", "role"), PROCESSES)
def test_process_is_given_its_own_settings_and_no_others(root: Path, service: str, role: str) -> None:
    found = unit(root, worker_name(service, role))
    given = dict(one.split(":", 1) for one in found["LoadCredential"])
    keys = {name for name in OWNERS.get((service, role), ()) if name not in ("TROIKA_ACCESS_FILE", "TROIKA_FORM_KEYS")}
    assert keys <= set(given)
    assert {name for name in given if name.endswith("_KEY_FILE")} == {
        name for name in keys if name.endswith("_KEY_FILE")
    }
    for path in given.values():
        assert path.startswith(f"/etc/troika/settings/{worker_name(service, role)}/{role}/")
        assert (root / path.lstrip("/")).is_file()
    assert found["User"] == [f"troika-{worker_name(service, role)}"]


def test_no_two_processes_share_a_port() -> None:
    ports = [port_of(*process) for process in NAMES.values()]
    assert len(ports) == len(set(ports))


def test_systemd_finds_nothing_wrong(root: Path) -> None:
    names = [*(f"troika-{name}.service" for name in (*NAMES, GATEWAY)), *(f"{name}.timer" for name in JOBS)]
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", "--man=no", *names], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", JOBS)
def test_timer_runs_a_command_that_there_is(root: Path, name: str) -> None:
    (started,) = unit(root, name.removeprefix("troika-"))["ExecStart"]
    program, *words = started.split()
    assert program == "/usr/local/bin/troika"
    assert (root / "usr" / "local" / "bin" / "troika").exists()
    command = {"backup": backup, "drill": drill}[words[0]]
    context = command.make_context("troika", [*words[1:]], resilient_parsing=False)
    if isinstance(command, click.Group):
        found = command.get_command(context, words[1])
        assert found is not None
        found.make_context(words[1], words[2:])


def test_backups_are_awaited_from_the_installation_on(tmp_path: Path) -> None:
    metrics = tmp_path / DEFAULT_FOLDER.lstrip("/")
    assert f"{metrics} is missing" in install(tmp_path, "backup")
    metrics.mkdir(parents=True)
    write_figures(metrics, KEYS, {LAST_SUCCESS: 1.0})
    before_s = time.time()
    assert "is missing" not in install(tmp_path, "backup")
    written = {file.name: file.read_text() for file in metrics.iterdir()}
    install(tmp_path, "backup")
    assert {file.name: file.read_text() for file in metrics.iterdir()} == written
    lines = [line for text in written.values() for line in text.splitlines() if not line.startswith("#")]
    awaited = {name: float(value) for name, value in map(str.split, lines)}
    assert awaited.pop(f'{LAST_SUCCESS[0]}{{kind="keys"}}') == 1.0
    assert set(awaited) == {f'{AWAITED_SINCE[0]}{{kind="{kind}"}}' for kind in ("database", "form-keys", "drill")}
    assert all(before_s <= at_s <= time.time() for at_s in awaited.values())


def test_success_ends_the_wait(tmp_path: Path) -> None:
    await_backups(tmp_path, WEBINAR_WEEK)
    write_figures(tmp_path, KEYS, {LAST_SUCCESS: 1.0})
    assert AWAITED_SINCE[0] not in (tmp_path / "troika_backup_keys.prom").read_text()


def test_timers_are_installed_where_they_are_asked_for(tmp_path: Path) -> None:
    assert "troika-backup.timer" in install(tmp_path / "a", "backup")
    assert "timer" not in install(tmp_path / "b", "all")
    assert list((tmp_path / "b" / "etc" / "systemd" / "system").glob("*.timer")) == []


@pytest.mark.parametrize("name", [*NAMES, GATEWAY])
def test_exposure_is_low(root: Path, name: str) -> None:
    command = [
        "systemd-analyze",
        "security",
        f"--root={root}",
        "--offline=true",
        "--no-pager",
        f"troika-{name}.service",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MAX_EXPOSED


def test_users_and_folders_are_made(root: Path) -> None:
    """By systemd's own programs, in the other root."""
    for name in ("passwd", "group"):
        (root / "etc" / name).write_text("root:x:0:0:root:/root:/bin/sh\n" if name == "passwd" else "root:x:0:\n")
    subprocess.run(["systemd-sysusers", f"--root={root}", "troika.conf"], check=True, capture_output=True)
    users = {line.split(":")[0] for line in (root / "etc" / "passwd").read_text().splitlines()}
    assert users == {"root"} | {f"troika-{name}" for name in NAMES}
    members = dict(re.findall(r"^([\w-]+):[^:]*:\d+:(.*)$", (root / "etc" / "group").read_text(), re.MULTILINE))
    holders = {"troika-registration-desk", "troika-events-desk", "troika-notifications-desk"}
    assert set(members["troika-access"].split(",")) == holders


def test_keys_of_forms_that_root_restores_become_those_of_the_desk(tmp_path: Path) -> None:
    install(tmp_path, "registration-desk")
    rules = (tmp_path / "usr" / "lib" / "tmpfiles.d" / "troika.conf").read_text().splitlines()
    assert [line for line in rules if "/var/lib/troika/form-keys" in line] == [
        "d /var/lib/troika/form-keys 0700 troika-registration-desk troika-registration-desk",
        "Z /var/lib/troika/form-keys - troika-registration-desk troika-registration-desk",
    ]


def test_installed_again_keys_and_changed_settings_stay(root: Path) -> None:
    environment = root / "etc" / "troika" / "troika.env"
    environment.write_text(environment.read_text() + "TROIKA_TRUSTED_PROXIES=192.0.2.9\n")
    before = {path: path.read_bytes() for path in (root / "etc" / "troika").rglob("*") if path.is_file()}
    install(root, "registration-forms")
    assert {path: path.read_bytes() for path in before} == before


def declared(root: Path) -> set[str]:
    """Rules for users, groups and folders."""
    files = (root / "usr" / "lib" / f"{kind}.d" / "troika.conf" for kind in ("sysusers", "tmpfiles"))
    return {line for file in files for line in file.read_text().splitlines()}


@pytest.mark.parametrize("name", ["backup", "gateway", "notifications-send"])
def test_installed_again_in_part_users_and_folders_stay(root: Path, name: str) -> None:
    before = declared(root)
    install(root, name)
    assert declared(root) == before


def test_one_process_alone_may_be_installed(tmp_path: Path) -> None:
    printed = install(tmp_path, "notifications-send", "gateway")
    names = [path.name for path in (tmp_path / "etc" / "systemd" / "system").iterdir()]
    assert sorted(names) == ["troika-gateway.service", "troika-notifications-send.service"]
    assert "systemctl enable --now troika-notifications-send\n" in printed
    text = (tmp_path / "etc" / "troika" / "nginx.conf").read_text()
    assert text.count("server 192.0.2.1:8101 max_fails=1") == text.count("server 192.0.2.2:8101 max_fails=1") == 1


def environment_of(root: Path) -> dict[str, str]:
    """What the command `troika` hands to the program that it runs, in the root of another system."""
    text = (root / "usr" / "local" / "bin" / "troika").read_text()
    for folder in ("/etc/troika", "/opt/troika", "/var/lib/troika"):
        text = text.replace(folder, str(root) + folder)
    python = root / "opt" / "troika" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text("#!/bin/sh\nenv -0\n")
    python.chmod(0o755)
    done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, check=False, env={"PATH": "/bin"})
    assert (done.returncode, done.stderr) == (0, "")
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def test_command_reads_the_settings_that_all_share(tmp_path: Path) -> None:
    """A shell reads them there, and systemd for the units; the sender's name has spaces and angle brackets."""
    install(tmp_path, "registration-desk", "--mail-from", "The organisers <upr@example.org>")
    found = environment_of(tmp_path)
    assert (found["TROIKA_ORGANISER"], found["TROIKA_MAIL_FROM"]) == (
        "The organisers",
        "The organisers <upr@example.org>",
    )
    assert found["TROIKA_SETTINGS"] == f"{tmp_path}/etc/troika/settings/tools"
    assert found["TROIKA_PREPARE_FOLDER"] == f"{tmp_path}/etc/troika/settings"
    with pytest.MonkeyPatch.context() as patch:
        for name in found:
            patch.setenv(name, found[name])
        assert set(read_audit_settings().urls) == {"registration", "events", "notifications"}
        assert read_recovery_settings().mail_domain == "example.org"


def test_console_has_a_host_of_its_own(tmp_path: Path) -> None:
    """Links of invitations lead to the desk, and passkeys are made for it: the public host serves no console."""
    install(tmp_path, "registration-desk")
    assert environment_of(tmp_path)["TROIKA_CONSOLE_URL"] == "https://desk.example.org"
    twice = CliRunner().invoke(main, ["gateway", "--root", str(tmp_path), *WORDS, "--web-hosts", "192.0.2.1,192.0.2.1"])
    assert (twice.exit_code, "--web-hosts" in twice.output) == (2, True), twice.output
    for wrong in ("https://register.example.org:8443", "desk.example.org"):
        done = CliRunner().invoke(main, ["registration-desk", "--root", str(tmp_path), *WORDS, "--console-url", wrong])
        assert (done.exit_code, "--console-url" in done.output) == (2, True), done.output


def test_settings_that_were_kept_and_differ_are_named(tmp_path: Path) -> None:
    install(tmp_path, "registration-desk")
    printed = install(tmp_path, "registration-desk", "--console-url", "https://console.example.org")
    assert "troika.env is kept as it is; it has another line in place of TROIKA_CONSOLE_URL=https://console" in printed
    assert "is kept as it is" not in install(tmp_path, "registration-desk")


def test_web_processes_listen_where_the_gateway_reaches_them(tmp_path: Path) -> None:
    note = "otherwise all people count as one client"
    assert note in install(tmp_path, "registration-forms", "notifications-send", "--bind", "192.0.2.1")
    forms, send = (unit(tmp_path, name)["Environment"] for name in ("registration-forms", "notifications-send"))
    assert "TROIKA_BIND=192.0.2.1:8101" in forms
    assert not any("192.0.2.1" in variable for variable in send)
    networks = ("--trusted-proxies", "192.0.2.0/24")
    assert note not in install(tmp_path / "b", "registration-forms", "--bind", "2001:db8::1", *networks)
    assert "TROIKA_BIND=[2001:db8::1]:8101" in unit(tmp_path / "b", "registration-forms")["Environment"]
    assert "TROIKA_TRUSTED_PROXIES=192.0.2.0/24\n" in (tmp_path / "b" / "etc" / "troika" / "troika.env").read_text()
    done = CliRunner().invoke(main, ["registration-forms", "--root", str(tmp_path), *WORDS, "--bind", "db.example.org"])
    assert (done.exit_code, "an IP address is required" in done.output) == (2, True)


def test_gateway_keeps_the_names_and_certificates_of_an_operator(tmp_path: Path) -> None:
    """nginx reads them into the servers of both hosts; its folder is made by its unit."""
    printed = install(tmp_path, "gateway")
    assert "systemctl enable --now troika-gateway" in printed
    text = (tmp_path / "etc" / "troika" / "nginx.conf").read_text()
    assert 'add_header Strict-Transport-Security "' in text
    for name, port in (("public", 8080), ("desk", 8081)):
        file = tmp_path / "etc" / "troika" / "gateway" / f"{name}.conf"
        assert f"listen 127.0.0.1:{port};\n    include /etc/troika/gateway/{name}.conf;\n" in text
        file.write_text(file.read_text() + "server_name of-an-operator.example.org;\n")
    install(tmp_path, "gateway")
    for name in ("public", "desk"):
        assert "of-an-operator" in (tmp_path / "etc" / "troika" / "gateway" / f"{name}.conf").read_text()
    started = unit(tmp_path, "gateway")
    assert started["ExecStart"] == ['/usr/sbin/nginx -c /etc/troika/nginx.conf -e stderr -g "user www-data;"']
    assert ("pid /var/lib/troika/gateway/nginx.pid;" in text, started["StateDirectory"]) == (True, ["troika/gateway"])


def test_what_to_type_next_starts_no_canary_without_a_mailbox(root: Path) -> None:
    printed = install(root, "all")
    (others,) = [line for line in printed.splitlines() if "troika-registration-desk" in line]
    assert ("troika-audit" in others, "troika-canary" in others) == (True, False)
    assert printed.index("TROIKA_CANARY_ADDRESS=") < printed.index("systemctl enable --now troika-canary")
    assert printed.index("troika prepare databases --superuser-url") < printed.index("troika access add")
    assert "--role sealed-reader --role operator --role administrator" in printed


def test_address_of_each_database_names_its_authorities(root: Path) -> None:
    """Without them libpq demands ``~/.postgresql/root.crt``, which no user of a process has."""
    urls = {file: file.read_text().strip() for file in (root / "etc" / "troika" / "settings").rglob("*_DATABASE_URL")}
    assert len(urls) >= len(PROCESSES)
    assert {str(conninfo_to_dict(url).get("sslrootcert")) for url in urls.values()} == {AUTHORITIES}
    assert f"/postgres?sslmode=verify-full&sslrootcert={AUTHORITIES}'" in install(root, "all")


def test_commands_in_documents_name_the_authorities_of_the_database() -> None:
    commands = [
        f"{file.name}: {url}"
        for file in sorted((PROJECT / "docs").rglob("*.md"))
        for url in re.findall(r"postgresql://\S*sslmode=verify-full\S*", file.read_text())
    ]
    assert len(commands) >= 4
    assert [one for one in commands if "&sslrootcert=" not in one] == []


def test_desk_finds_the_keys_database_in_place_of_the_folder(tmp_path: Path) -> None:
    install(tmp_path, "registration-desk", "registration-forms", "--keys-postgres", "keys.example.org:5432")
    units = tmp_path / "etc" / "systemd" / "system"
    desk, forms = ((units / f"troika-registration-{role}.service").read_text() for role in ("desk", "forms"))
    assert ("LoadCredential=TROIKA_KEYS_DATABASE_URL:" in desk, "form-keys" in desk) == (True, False)
    assert ("TROIKA_KEYS_DATABASE_URL" in forms, "form-keys" in forms) == (False, False)
    url = (tmp_path / "etc/troika/settings/registration-desk/desk/TROIKA_KEYS_DATABASE_URL").read_text()
    assert url.endswith(f"@keys.example.org:5432/keys{VERIFIED}\n")


KEYS_URL = "TROIKA_KEYS_DATABASE_URL"


def test_installed_again_the_keys_database_stays_unless_a_folder_is_asked_for(tmp_path: Path) -> None:
    """Several hosts, and another process: the new one has the keys database too."""
    settings = tmp_path / "etc" / "troika" / "settings"
    servers = "keys-1.example.org:5432,keys-2.example.org:5433"
    install(tmp_path, "registration-desk", "--keys-postgres", servers)
    before = {path: path.read_text() for path in settings.rglob(KEYS_URL)}
    audit = (settings / "audit" / "TROIKA_AUDIT_KEYS_URL").read_text()
    install(tmp_path, "registration-desk", "events-desk")
    assert {path: path.read_text() for path in settings.rglob(KEYS_URL)} == before
    assert (settings / "audit" / "TROIKA_AUDIT_KEYS_URL").read_text() == audit
    assert f"@{servers}/keys" in before[settings / "registration-desk" / "desk" / KEYS_URL]
    desk = tmp_path / "etc" / "systemd" / "system" / "troika-registration-desk.service"
    assert (KEYS_URL in desk.read_text(), "form-keys" in desk.read_text()) == (True, False)
    install(tmp_path, "registration-desk", "--keys-postgres", "keys-3.example.org:5432")
    assert "keys-3" in (settings / "registration-desk" / "desk" / KEYS_URL).read_text()
    install(tmp_path, "registration-desk", "--keys-in-folder")
    assert [*settings.rglob(KEYS_URL), *settings.rglob("TROIKA_AUDIT_KEYS_URL")] == []
    assert (KEYS_URL in desk.read_text(), "form-keys" in desk.read_text()) == (False, True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--keys-postgres", "DB.example.org"), "the keys database is on db.example.org:5432, as the other databases"),
        (("--keys-postgres", "other:1,db.example.org:5432"), "Name a server of its own"),
        (("--keys-postgres", ""), "for a folder say --keys-in-folder"),
        (("--keys-postgres", "keys.example.org:5432", "--keys-in-folder"), "contradict each other"),
    ],
)
def test_keys_database_beside_the_others_is_refused(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    done = CliRunner().invoke(main, ["registration-desk", "--root", str(tmp_path), *WORDS, *words])
    assert (done.exit_code > 0, reason in done.output) == (True, True), done.output
    assert list(tmp_path.rglob(KEYS_URL)) == []


@pytest.mark.parametrize("process", ["forms", "own"])
def test_public_process_is_given_the_intake_key_alone(process: str) -> None:
    assert OWNERS["registration", process] == ("TROIKA_INTAKE_KEY_FILE",)


def test_keys_of_sealed_answers_and_of_coordinators_are_given_to_the_desk_alone() -> None:
    """Of all processes of the shape; commands of an operator run as the same user."""
    keys = {"TROIKA_MASTER_KEY_FILE", "TROIKA_FORM_KEYS"}
    assert {place for place in PROCESSES if keys & {*OWNERS.get(place, ())}} == {("registration", "desk")}
    holders = {place for place in PROCESSES if "TROIKA_ACCESS_FILE" in OWNERS.get(place, ())}
    assert holders == {(service, "desk") for service in SERVICES}
    assert {place for place in PROCESSES if "TROIKA_SIGNING_KEY_FILE" in OWNERS.get(place, ())} == {
        ("registration", "desk")
    }
    assert OPERATIONS not in {service for service, _ in OWNERS}
