"""`make audit` and its process: output, exit codes, metrics; an outage ends only the current run."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

from deploy.operations.audit.reading import open_sources
from deploy.operations.audit.reconcile import reconcile
from deploy.servers.audit_role import variable
from shared.runtime.ids import new_id
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT, ProcessGroup, Program
from tests.support.waiting import poll_until


def audit_environment(installation: TestInstallation) -> dict[str, str]:
    """Settings of the audit, for all databases of ``installation``."""
    return {variable(name): url for name, url in installation.urls.audit_urls().items()}


def audit(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One audit as a separate program."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.operations.audit", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def _lose_a_registration(installation: TestInstallation) -> str:
    """Someone to whom mails go has no registration; returns its id."""
    lost = new_id()
    rows(
        installation.urls["notifications"],
        """INSERT INTO recipient (subject, about, person_ref, form, form_kind, language, status, revision, occurred_at,
            closed, noted_at, heard_at)
        VALUES (%s, 'registration', repeat('ab', 32), 'a-form', 'webinar', 'en', 'confirmed', 1, now(),
            repeat('c', 40)::bytea, now(), now())""",
        lost,
    )
    return lost


def test_clean_installation_ends_with_zero(whole: TestInstallation) -> None:
    done = audit(audit_environment(whole))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Everything adds up."
    results = {line[:4].strip(): line[5:43].strip() for line in done.stdout.splitlines() if line.startswith("A")}
    assert results == {f"A{number}": "holds" for number in range(1, 15)}


def test_keys_database_that_is_not_named_or_away_leaves_the_rest_to_be_asked(whole: TestInstallation) -> None:
    environment = audit_environment(whole)
    for url in ("", f"postgresql://troika_audit@127.0.0.1:{free_port()}/keys"):
        done = audit({**environment, "TROIKA_AUDIT_KEYS_URL": url})
        assert (done.returncode, done.stderr) == (0, "")
        [line] = [line for line in done.stdout.splitlines() if line.startswith("A13")]
        assert line[5:].startswith("not asked: the keys database")


def test_difference_is_printed_and_ends_with_one(whole: TestInstallation) -> None:
    lost = _lose_a_registration(whole)
    done = audit(audit_environment(whole))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-3:] == [
        f"A2 {lost}: every recipient of mails is registered; expected nothing, found there",
        "",
        "1 differences.",
    ]


def test_without_an_installation_it_names_the_missing_settings(tmp_path: Path) -> None:
    done = audit({"TROIKA_UP_FOLDER": str(tmp_path / "up"), "TROIKA_DEMO_FOLDER": str(tmp_path / "demo")})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Nothing to look at. Name TROIKA_AUDIT_REGISTRATION_URL,")


def test_some_addresses_without_the_others_are_a_fault(whole: TestInstallation) -> None:
    environment = audit_environment(whole)
    del environment["TROIKA_AUDIT_EVENTS_URL"]
    done = audit(environment)
    fault = "TROIKA_AUDIT_EVENTS_URL: is required, and not set"
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, fault)


def test_rights_that_it_prints_are_those_that_it_needs(whole: TestInstallation, postgres: PostgresServer) -> None:
    """On a database where the login has none yet."""
    urls = whole.urls.audit_urls()
    name = urls["events"].rpartition("/")[2]
    with postgres.connect(name) as administrator:
        administrator.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM troika_audit")
        administrator.execute(f"REVOKE ALL ON DATABASE {name} FROM troika_audit")
        for statement in audit({}, "rights", "events").stdout.replace("DATABASE events", f"DATABASE {name}").split(";"):
            if statement.strip():
                administrator.execute(statement)
    with open_sources(urls, grace_s=0) as sources:
        assert reconcile(sources) == []


def test_process_shows_differences_and_outlives_an_outage(
    whole: TestInstallation, processes: ProcessGroup, postgres: PostgresServer
) -> None:
    """In its log and metrics, by ids and equations. Without access its runs end, and continue afterwards."""
    program, url = _start_watching(whole, processes)
    _wait_for(url, 'troika_audit_differences{equation="A2"} 0.0')
    lost = _lose_a_registration(whole)
    _wait_for(url, 'troika_audit_differences{equation="A2"} 1.0')
    assert '"subject": "' + lost + '"' in program.log_text()
    with postgres.connect() as administrator:
        administrator.execute("ALTER ROLE troika_audit NOLOGIN")
        rows(whole.urls["notifications"], "DELETE FROM recipient")
        poll_until(lambda: '"reason": "OperationalError"' in program.log_text(), 20, what="a run without an end")
        _wait_for(url, 'troika_audit_differences{equation="A2"} 1.0')
        administrator.execute("ALTER ROLE troika_audit LOGIN")
    _wait_for(url, 'troika_audit_differences{equation="A2"} 0.0')
    assert program.terminate() == 0


def test_process_that_never_finishes_a_run_reports_no_success(
    whole: TestInstallation, processes: ProcessGroup, postgres: PostgresServer
) -> None:
    """However often it is started: else a crash loop would be reported as a clean audit."""
    with postgres.connect() as administrator:
        administrator.execute("ALTER ROLE troika_audit NOLOGIN")
        program, url = _start_watching(whole, processes)
        poll_until(lambda: '"reason": "OperationalError"' in program.log_text(), 20, what="a run without an end")
        _wait_for(url, "troika_audit_last_success_timestamp_seconds 0.0")
        administrator.execute("ALTER ROLE troika_audit LOGIN")
    poll_until(lambda: _last_success(url) > time.time() - 60, 20, what="a run that was finished")


def _start_watching(installation: TestInstallation, processes: ProcessGroup) -> tuple[Program, str]:
    """The audit's process, which runs every second, and the address of its metrics."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {**audit_environment(installation), "TROIKA_METRICS_PORT": str(port)}
    command = "deploy.operations.audit watch --pace 300"
    return processes.start("audit", command, env=environment, ready_url=f"{url}/readyz"), url


def _last_success(url: str) -> float:
    """Unix time."""
    [line] = [
        line
        for line in requests.get(f"{url}/metrics", timeout=5).text.splitlines()
        if line.startswith("troika_audit_last_success_timestamp_seconds ")
    ]
    return float(line.split()[1])


def _wait_for(url: str, line: str) -> None:
    poll_until(lambda: line in requests.get(f"{url}/metrics", timeout=5).text, 20, what=line)
