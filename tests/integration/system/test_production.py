"""`make up` for real: who may do what, that Prometheus sees everything, which alert each fault raises, and the end.

One installation for the module; tests run in the order of the file, and the last one takes it down.
"""

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import psutil
import psycopg
import pytest
import requests
from pika.exceptions import ProbableAuthenticationError
from sqlalchemy import make_url

from deploy.local.installation import WEBINAR
from deploy.local.ports import is_taken
from deploy.local.secrets import OWNERS, PUBLIC_KEYS
from deploy.public_client import link_in
from deploy.servers.logins import service_roles
from deploy.servers.monitor_role import MONITOR
from deploy.servers.records import SUPERVISOR, Records
from deploy.shape import PROCESSES, SERVICES, worker_name
from deploy.up.watching import alerts_url
from shared.db.roles import login
from shared.runtime.accounts import Account, run_as
from tests.architecture.metric_series import BROKERS
from tests.integration.system.faults import (
    BROKER,
    DATABASE_AND_SENDER,
    MAIL_RELAY_IS_HELD,
    RELAY_AND_CONSUMER,
    await_alerts,
    await_no_alerts,
    suffer,
)
from tests.support.processes import PROJECT
from tests.support.production import Production, Visitors, environment_of, is_ready, process_named
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

NOT_NOTIFIED = 5
KNOWN = f"SELECT count(DISTINCT person_ref) >= 5 FROM recipient WHERE event = '{WEBINAR}' AND status = 'confirmed'"
MISS = f"""
    INSERT INTO mail (id, kind, subject, revision, recipient, event, lane, state, reason, message_id, cause_at,
        created_at, correlation_id, expires_at, ended_at)
    SELECT gen_random_uuid(), 'reminder-7-days', r.subject,
        floor(extract(epoch FROM CAST(e.content ->> 'starts_at' AS timestamptz)) / 60), r.person_ref, r.event,
        'reminder', 'missed', 'its time has passed', '<' || gen_random_uuid() || '@example.org>', now(), now(), '',
        now(), now()
    FROM (SELECT DISTINCT ON (person_ref) * FROM recipient WHERE event = '{WEBINAR}' AND status = 'confirmed') r
        JOIN event_copy e ON e.id = r.event
    ORDER BY r.subject LIMIT {NOT_NOTIFIED} ON CONFLICT DO NOTHING
"""
"""Reminders that no one sent in time."""

READABLE = ("sh", "-c", 'for file; do if test -r "$file"; then echo "$file"; fi; done', "sh")
"""Prints which of the files after it may be read: one process for all of them, since this one takes long to fork."""

QUIET_S = 9.0
"""Nearly four minutes at the pace of the test: longer than any rule waits that a small fault could raise."""


@pytest.fixture(scope="module")
def production(run_folder: RunFolder) -> Iterator[Production]:
    """The installation, up."""
    place = run_folder.part("up")
    place.chmod(0o711)
    installation = Production(run_folder, place / "up")
    installation.prepare()
    installation.must("up")
    yield installation
    if installation.folder.exists():
        installation.must("down")


@pytest.fixture(scope="module")
def visitors(production: Production) -> Iterator[Visitors]:
    """Someone who registers all the time."""
    with Visitors(production.ports.public_url) as busy:
        yield busy


def test_prometheus_sees_every_process(production: Production) -> None:
    def seen() -> dict[str, str]:
        targets = production.prometheus("targets")["activeTargets"]
        return {process_named(target["labels"]): target["health"] for target in targets}

    ours = [worker_name(*process) for process in PROCESSES]
    wanted = dict.fromkeys([*ours, "operations-audit", "operations-canary", "rabbitmq", "rabbitmq-queues"], "up")
    poll_until(lambda: seen() == wanted, 20, what=f"{wanted}, not {seen()}")


def test_page_of_alerts_shows_them(production: Production) -> None:
    page = requests.get(alerts_url(production.ports), timeout=5)
    assert (page.status_code, "TroikaProcessDown" in page.text) == (200, True)


def test_broker_has_the_metrics_that_rules_and_boards_use(production: Production) -> None:
    series = production.prometheus("series", **{"match[]": '{__name__=~"rabbitmq_.+"}'})
    found: dict[str, list[set[str]]] = {}
    for each in series:
        found.setdefault(each["__name__"], []).append(set(each) - {"__name__", "job", "instance"})
    assert {name: found.get(name) for name, labels in BROKERS.items() if labels not in found.get(name, ())} == {}


def test_each_role_enters_its_own_database_alone(production: Production) -> None:
    passwords, port = production.secret("databases.json"), production.ports["postgres"]

    def entering(role: str, database: str) -> str:
        try:
            psycopg.connect(f"postgresql://{role}:{passwords[role]}@127.0.0.1:{port}/{database}").close()
        except psycopg.OperationalError as error:
            return "refused" if "permission denied for database" in str(error) else str(error)
        return "enters"

    databases, roles = (*SERVICES, "postgres", "template1"), [*service_roles(), MONITOR]
    entered = {(role, name): entering(role, name) for role in roles for name in databases}
    own = {(role, role.split("_")[1]) for role in service_roles()} | {(MONITOR, "postgres")}
    assert entered == {place: "enters" if place in own else "refused" for place in entered}


def test_each_process_uses_its_own_database_login(production: Production) -> None:
    passwords, running = production.secret("databases.json"), Records(production.folder).running()
    found = {place: environment_of(running[worker_name(*place)]) for place in PROCESSES}
    addresses = {place: make_url(each[f"{place[0].upper()}_DATABASE_URL"]) for place, each in found.items()}
    assert {place: (url.username, url.password) for place, url in addresses.items()} == {
        place: (name, passwords[name]) for place, name in ((place, login(*place)) for place in PROCESSES)
    }
    named = {
        place: {name for name in each if name.endswith(("_FILE", "_KEYS", "SMTP_URL"))} for place, each in found.items()
    }
    assert named == {place: {*OWNERS.get(place, ())} - {*PUBLIC_KEYS} for place in PROCESSES} | {
        ("notifications", "send"): {"TROIKA_NOTIFICATIONS_VAULT_FILE", "TROIKA_UNSUBSCRIBE_KEY_FILE", "SMTP_URL"}
    }


def test_other_users_of_the_machine_read_the_copy_of_the_code_alone(production: Production) -> None:
    """And list no other folder; ``runtime`` is there where the processes cannot read the checkout."""

    def readable(folder: Path) -> Iterator[str]:
        for path in folder.iterdir():
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode) or path == production.folder / "runtime":
                continue
            if mode & stat.S_IROTH:
                yield str(path.relative_to(production.folder))
            if stat.S_ISDIR(mode) and mode & stat.S_IXOTH:
                yield from readable(path)

    assert sorted(readable(production.folder)) == []


def test_no_one_is_a_guest_of_the_broker(production: Production) -> None:
    parameters = pika.ConnectionParameters(
        "127.0.0.1", production.ports["amqp"], "troika", pika.PlainCredentials("guest", "guest")
    )
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(parameters)


def _user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_each_role_runs_as_its_own_user(production: Production) -> None:
    """Started by an ordinary user, all run as that one."""
    users = {name: _user_of(pid) for name, pid in production.pids().items() if name != SUPERVISOR}
    ours = [worker_name(*process) for process in PROCESSES]
    ours += ["audit", "canary", "sink"]
    if os.geteuid():
        assert set(users.values()) == {os.geteuid()}
        return
    assert 0 not in users.values()
    assert len({users[name] for name in ours}) == len(ours)
    children = {child.uids().real for pid in production.pids().values() for child in psutil.Process(pid).children()}
    assert children <= set(users.values())


def test_each_role_can_read_its_own_secrets_alone(production: Production) -> None:
    """As many as its settings name: an attacker in one process finds no key of another."""
    secrets = production.folder / "secrets"
    files = sorted(path for path in secrets.iterdir() if path.is_file())
    assert len(files) >= 8
    running = production.pids()

    def readable(name: str) -> set[str]:
        process = psutil.Process(running[name])
        account = Account(name, process.uids().real, process.gids().real, _groups_of(process.pid))
        found = run_as(account if os.geteuid() == 0 else None, [*READABLE, *map(str, files)]).stdout
        return {Path(line).name for line in found.splitlines()}

    def wanted(service: str, role: str) -> set[str]:
        given = environment_of(running[worker_name(service, role)])
        return {Path(given[name]).name for name in OWNERS.get((service, role), ()) if name.endswith("_FILE")}

    found = {worker_name(*place): readable(worker_name(*place)) for place in PROCESSES}
    expected = {worker_name(*place): wanted(*place) for place in PROCESSES}
    if os.geteuid():
        expected = {name: {path.name for path in files} for name in expected}
    assert found == expected


def _groups_of(pid: int) -> tuple[int, ...]:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Groups:")]
    return tuple(map(int, line.split()[1:]))


@pytest.mark.parametrize(
    "path", ["/-/registration/desk/metrics", "/-/events/desk/readyz", "/-/notifications/public/openapi.json"]
)
def test_what_is_for_operators_is_not_public(production: Production, path: str) -> None:
    for url in (production.ports.public_url, production.ports.desk_url):
        refused = requests.get(url + path, timeout=5)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    assert requests.get(f"http://127.0.0.1:{production.ports['operations']}{path}", timeout=5).status_code == 200


COORDINATORS = (
    "/console/overview",
    "/console/registrations",
    "/console/mail",
    "/v1/registrations",
    "/v1/forms",
    f"/v1/forms/{WEBINAR}/history",
    "/v1/partners",
    "/v1/mails",
    "/v1/overview",
    f"/v1/events/{WEBINAR}/roster",
)


@pytest.mark.parametrize("path", COORDINATORS)
def test_coordinators_path_is_on_their_own_host_alone(production: Production, path: str) -> None:
    key = (production.folder / "secrets" / "coordinator.txt").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    found = [requests.get(url + path, headers=headers, timeout=5, allow_redirects=False) for url in hosts(production)]
    assert [answer.status_code for answer in found] == [404, 200]


def hosts(production: Production) -> tuple[str, str]:
    """Addresses of the public host and of the coordinators' host."""
    return production.ports.public_url, production.ports.desk_url


@pytest.mark.parametrize("path", [f"/v1/forms/{WEBINAR}/submissions", f"/embed/{WEBINAR}"])
def test_no_form_is_sent_to_the_coordinators_host(production: Production, path: str) -> None:
    assert requests.post(production.ports.desk_url + path, json={}, timeout=5).status_code in (404, 405)


def test_person_confirms_on_the_public_host_and_is_shown_on_the_console(production: Production) -> None:
    """From a form without a proof of work to the list; no process logs the token of the link."""
    public, desk = hosts(production)
    address, name = "traveller@example.org", "Somebody Who Travels"
    answers = {"name": name, "email": address, "country": "CH", "time_zone": "Europe/Zurich", "consent": True}
    sent = requests.post(f"{public}/v1/forms/{WEBINAR}/submissions", json=answers, timeout=5)
    assert sent.status_code == 202, sent.text
    link = poll_until(lambda: confirmation_link(production, address), 30, what="the mail with the link")
    shown = requests.get(link, timeout=5)
    assert (shown.status_code, shown.headers["Referrer-Policy"]) == (200, "no-referrer")
    choices = dict.fromkeys(re.findall(r'name="(choice-[^"]+)" value="confirm"', shown.text), "confirm")
    chosen = requests.post(link, data={**choices, "action": "choose"}, timeout=5, allow_redirects=False)
    assert (len(choices), chosen.status_code) == (1, 303)

    browser = requests.Session()
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    key = (production.folder / "secrets" / "coordinator.txt").read_text().strip()
    entered = browser.post(f"{desk}/console/sign-in", data={"key": key}, timeout=5)
    assert (entered.status_code, entered.url) == (200, f"{desk}/console/overview")
    people = f"{desk}/console/registrations?q={address}"
    poll_until(lambda: name in browser.get(people, timeout=5).text, 30, what="the console shows the person")
    secrets = (link.rpartition("/")[2], key, address, sent.json()["receipt"])
    logs = "".join(file.read_text() for file in (production.folder / "logs").iterdir())
    assert [secret for secret in secrets if secret in logs] == []


def confirmation_link(production: Production, address: str) -> str:
    """The link to confirm by, from the mail to ``address``; empty as long as there is none."""
    inbox = f"http://127.0.0.1:{production.ports['inbox']}"
    for mail in requests.get(f"{inbox}/mails.json", params={"to": address}, timeout=5).json():
        content = requests.get(f"{inbox}/mails/{mail['id']}.eml", timeout=5).content
        return link_in(content, production.ports.public_url, "c")
    return ""


def doctor(production: Production, *words: str) -> dict[str, set[str]]:
    """Grades by check, as the doctor prints them, with no password."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.operations.doctor", "--json", *words],
        cwd=PROJECT,
        env=production.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    passwords = [*production.secret("databases.json").values(), *production.secret("broker.json").values()]
    assert [password for password in passwords if password in done.stdout + done.stderr] == []
    found: dict[str, set[str]] = {}
    for result in json.loads(done.stdout)["results"]:
        found.setdefault(result["check"], set()).add(result["grade"])
    return found


def test_doctor_finds_nothing_wrong_with_the_servers(production: Production) -> None:
    """Results about this machine, its backups and its alerts do not concern the installation."""
    found = doctor(production, *("--only=" + subject for subject in ("database", "broker", "keys", "network", "mail")))
    faults = {check for check, grades in found.items() if "failed" in grades} - {"network-prometheus"}
    assert faults == set()
    alone = {"database-standby", "database-archive", "broker-members", "broker-alarms"}
    assert {check for check, grades in found.items() if "warning" in grades} - {"network-prometheus"} <= alone
    not_asked = {check for check, grades in found.items() if "not asked" in grades}
    assert not_asked == {"network-certificates", "mail-mx", "mail-spf", "mail-dkim", "mail-dmarc"}


def test_doctor_finds_a_key_that_others_can_read_and_is_not_the_databases(production: Production) -> None:
    key = production.folder / "secrets" / "vault.key"
    content, mode = key.read_text(), key.stat().st_mode
    key.write_text("ab" * 32 + "\n")
    key.chmod(0o644)
    try:
        found = doctor(production, "--only=keys-files", "--only=keys-fingerprints")
    finally:
        key.write_text(content)
        key.chmod(mode)
    assert found == {"keys-files": {"failed"}, "keys-fingerprints": {"ok", "failed"}}


def test_gateway_refuses_what_is_too_large_before_it_costs_anything(production: Production) -> None:
    address = f"{production.ports.public_url}/v1/forms/upr-webinar-10/registrations"
    answer = requests.post(address, data=b"x" * 300_000, headers={"Content-Type": "application/json"}, timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")


def test_service_that_is_away_is_answered_for_by_the_gateway(production: Production) -> None:
    """503 with the time to try again, not a bare 502; and it finds the service again by itself."""
    address = f"{production.ports.public_url}/v1/forms/upr-webinar-10"
    production.hold("registration-forms")
    poll_until(lambda: "registration-forms" not in production.pids(), 30, what="the end of registration-forms")
    answer = requests.get(address, timeout=5)
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "unavailable", "5")
    assert answer.headers["Content-Type"] == "application/problem+json"
    production.release("registration-forms")
    poll_until(lambda: is_ready(address), 30, what="the form answers again")


def test_killed_process_is_restarted_and_the_others_continue(production: Production) -> None:
    before = production.pids()
    killed = production.kill("events-relay")
    poll_until(lambda: production.pids().get("events-relay", killed) != killed, 10, what="events-relay runs again")
    after = production.pids()
    assert {name: pid for name, pid in after.items() if name != "events-relay"} == {
        name: pid for name, pid in before.items() if name != "events-relay"
    }
    address = f"http://127.0.0.1:{production.ports['events-relay']}/readyz"
    poll_until(lambda: is_ready(address), 20, what="events-relay is ready")


def test_second_start_is_refused(production: Production) -> None:
    done = production.command("up")
    assert done.returncode == 1
    assert "It runs already" in done.stderr


def test_difference_in_the_databases_raises_its_alert(production: Production) -> None:
    """A seat is counted that no one has: the audit sees it, exactly its alert rises, and goes once it is mended."""
    address = production.database_url("registration")
    miscount = "UPDATE seat SET waiting = waiting + %s WHERE form = 'join-working-group'"
    poll_until(lambda: production.firing() == set(), 30, what="silence after the start")
    with psycopg.connect(address, autocommit=True) as administrator:
        assert administrator.execute(miscount, [1]).rowcount == 1
        await_alerts(lambda: production.firing() == {("TroikaAuditDifference", "A2")}, production, "the audit's alert")
        administrator.execute(miscount, [-1])
    await_no_alerts(production)


def test_people_who_were_not_notified_raise_their_alert(production: Production, visitors: Visitors) -> None:
    """Of five people the reminder was missed: exactly their alert rises, and goes once they are off the list."""
    address = production.database_url("notifications")
    poll_until(lambda: len(visitors.accepted) >= NOT_NOTIFIED, 60, what="enough people have submitted")
    poll_until(lambda: production.firing() == set(), 30, what="silence before")
    with psycopg.connect(address, autocommit=True) as administrator:
        poll_until(lambda: administrator.execute(KNOWN).fetchone() == (True,), 60, what="the mails know enough people")
        assert administrator.execute(MISS).rowcount == NOT_NOTIFIED
        raised = {("TroikaPeopleNotNotified", "")}
        await_alerts(lambda: production.firing() == raised, production, "the alert of people who were not notified")
        administrator.execute("DELETE FROM mail WHERE state = 'missed'")
    await_no_alerts(production)


def test_refusals_raise_their_alert(production: Production) -> None:
    """Requests that have waited too long on their way are refused; many of them raise exactly that alert."""
    address = f"http://127.0.0.1:{production.ports['registration-forms']}/v1/forms/{WEBINAR}"
    poll_until(lambda: production.firing() == set(), 30, what="silence before")

    def is_noticed() -> bool:
        answer = requests.get(address, headers={"X-Request-Start": "t=0"}, timeout=5)
        assert (answer.status_code, answer.headers["Retry-After"].isdigit()) == (503, True)
        return production.firing() == {("TroikaRefusing", "registration-forms")}

    await_alerts(is_noticed, production, "the alert of refusals")
    await_no_alerts(production)


def test_alerts_rise_with_their_fault_and_go_with_it(production: Production, visitors: Visitors) -> None:
    """A healthy time is silent; then each fault, the mail relay's beside the others since its alert takes longest."""
    poll_until(lambda: production.firing() == set(), 30, what="silence after the start")
    quiet_until = time.monotonic() + QUIET_S
    while time.monotonic() < quiet_until:
        assert production.firing() == set()
        time.sleep(0.5)
    assert len(visitors.accepted) > QUIET_S
    production.hold("sink")
    suffer(production, RELAY_AND_CONSUMER)
    suffer(production, BROKER)
    await_alerts(lambda: {name for name, _ in production.firing()} == MAIL_RELAY_IS_HELD, production, "no mail goes")
    production.release("sink")
    suffer(production, DATABASE_AND_SENDER)
    await_no_alerts(production)


def test_everyone_who_was_accepted_has_had_one_mail(production: Production, visitors: Visitors) -> None:
    """Through all of these faults."""
    visitors.__exit__()
    inbox = f"http://127.0.0.1:{production.ports['inbox']}/mails.json"
    accepted = sorted(visitors.accepted)

    def arrived() -> list[str]:
        return sorted(mail["to"] for mail in requests.get(inbox, timeout=5).json())

    with psycopg.connect(production.database_url("notifications"), autocommit=True) as administrator:
        # one that was tried five times while the relay was held may wait a quarter of an hour for its next attempt
        administrator.execute("UPDATE mail SET due_at = now() WHERE state = 'deferred'")
    try:
        poll_until(lambda: set(accepted) <= set(arrived()), 60, every_s=0.5)
    except AssertionError:
        raise AssertionError(f"not a mail for each; unsent: {production.unsent_mails()}") from None
    assert [address for address in arrived() if address in set(accepted)] == accepted


def test_nothing_is_left_after_the_end(production: Production) -> None:
    ports, pids = production.ports, production.pids()
    assert {"supervisor", "rabbitmq", "postgres", "gateway", "prometheus"} <= set(pids)
    assert len(ports.taken()) >= 15
    printed = production.must("down")
    assert printed == "Stopped. Nothing is left.\n"
    assert not production.folder.exists()
    assert [port for port in ports.taken() if is_taken(port)] == []
    assert [process.pid for process in production.run.processes() if process.pid in pids.values()] == []
    assert production.must("down") == f"Nothing runs in {production.folder}.\n"
