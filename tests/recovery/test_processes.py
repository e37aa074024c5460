"""The command on running processes: an older database of notifications, from the start of quarantine to its end."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from deploy.operations.recover.settings import variable
from deploy.shape import WORKERS
from shared.db.roles import migrator
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.installation import FreshDatabases, make_installation
from tests.support.participants import confirm_in_time
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.stack import Stack, assert_audited, settle
from tests.support.waiting import poll_until
from tests.support.web import start_web

RESTORED = "INSERT INTO quarantine (reason, backup_at) VALUES ('the disk failed', now() - interval '1 minute')"


def _register(stack: Stack, *numbers: int) -> None:
    assert stack.web is not None
    for number in numbers:
        assert requests.post(stack.web.url + SUBMISSIONS, json=answers(number), timeout=20).status_code == 202
        confirm_in_time(stack.web.url, stack.mail_folder, str(answers(number)["email"]))


def _run(stack: Stack, *arguments: str, code: int = 0) -> str:
    """The output of ``troika recover``."""
    installation = stack.installation
    environment = {variable(one): installation.urls.of(one, migrator(one)) for one in ("registration", "events")}
    environment[variable("notifications")] = installation.urls.of("notifications", migrator("notifications"))
    environment |= installation.secrets.of("registration", "tend")
    environment |= {
        "TROIKA_NOTIFICATIONS_VAULT_FILE": str(installation.secrets.folder / "vault.key"),
        "TROIKA_MAIL_FROM": "upr@example.org",
        "TROIKA_OPERATOR": "Op Erator",
    }
    name = f"recover-{arguments[0]}-{time.monotonic_ns()}"
    program = stack.processes.start(name, ["deploy.operations.recover", *arguments], env=environment)
    assert program.wait(200) == code, program.log_text()
    return program.log_text()


@pytest.mark.timeout(500)
def test_older_notifications_on_running_processes(
    postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    stack = Stack(processes, make_installation(postgres, tmp_path))
    stack.start(capacity=100)
    _register(stack, 0, 1, 2)
    settle(stack, 3)
    mailing = [name for name in stack.programs if name.startswith("notifications-")]
    for name in mailing:
        stack.programs[name].kill()
    older = stack.installation.urls.with_a_copy_of("notifications")["notifications"]
    for name in mailing:
        stack.programs[name].start_again()
    _register(stack, 3, 4)
    settle(stack, 5)
    went = stack.copies()
    for name in [name for name in stack.programs if name != "sink"]:
        stack.programs[name].kill()
    assert stack.web is not None
    stack.web.program.kill()

    urls = FreshDatabases(postgres)
    urls.update({**stack.installation.urls, "notifications": older})
    stack.installation = replace(stack.installation, urls=urls)
    rows(urls["notifications"], RESTORED)
    assert "Refused: not in quarantine: registration, events" in _run(
        stack, "plan", "--out", str(tmp_path / "no.json"), code=1
    )
    assert _run(stack, "begin", "--reason", "notifications restored") == "in quarantine\n"
    for service, role in WORKERS:
        environment = stack.environment(service, role)
        processes.start(f"again-{service}-{role}", stack.command(service, role), env=environment)
    stack.web = start_web(processes, stack.installation, workers=1, name="again-registration-web")
    refused = requests.post(stack.web.url + SUBMISSIONS, json=answers(9), timeout=20)
    assert (refused.status_code, refused.json()["code"]) == (503, "quarantine")

    plan = tmp_path / "plan.json"
    printed = _run(stack, "plan", "--out", str(plan))
    assert "2 mails were sent that notifications does not know: marked, not sent again" in printed
    assert plan.stat().st_mode & 0o777 == 0o600
    assert "no plan was applied" in _run(stack, "end", code=1)
    began_s = time.monotonic()
    printed = _run(stack, "apply", "--plan", str(plan), "--within", "120")
    print(printed, f"{time.monotonic() - began_s:.1f} s")
    assert "The audit is clean" in printed
    assert stack.copies() == went
    assert "forms are open" in _run(stack, "end")

    def accepts() -> bool:
        assert stack.web is not None
        return requests.post(stack.web.url + SUBMISSIONS, json=answers(5), timeout=20).status_code == 202

    poll_until(accepts, 20, what="forms are open")
    confirm_in_time(stack.web.url, stack.mail_folder, str(answers(5)["email"]))
    poll_until(lambda: sum(stack.copies().values()) == sum(went.values()) + 2, 60, what="mails go again")
    assert max(stack.copies().values()) == 1
    receipts = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"
    assert_audited(stack, [str(row[0]) for row in stack.sql("registration", receipts)])
    done_by = "SELECT done_by, action FROM audit_record WHERE action ~ '^(quarantine|recovery)-' ORDER BY id"
    assert stack.sql("notifications", done_by) == [("Op Erator", "recovery-applied"), ("Op Erator", "quarantine-ended")]
