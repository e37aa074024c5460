"""The list of checks, the report, and the exit code."""

import inspect
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.compose.settings_files import Servers, write_settings
from deploy.local.secrets import Secrets, make_keys
from deploy.operations.doctor.__main__ import document, exit_code, main, written
from deploy.operations.doctor.finding import FOLDER, from_folder
from deploy.operations.doctor.grading import CheckResult, Grade, GradedHost, failed, ok, warning
from deploy.operations.doctor.registry import CHECKS, HostCheck, Need, run_checks
from deploy.servers.logins import service_roles
from shared.messaging.topology import user_names
from shared.runtime.settings import connection_parameters
from tests.unit.deploy.doctor.fakes import SECRET, check, host, named, probes

LINES = [(CHECKS[0], result) for result in (ok("a", "b"), warning("c", "d", "e"), failed("f", "g", "h"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings as Compose, systemd and the chart have them."""
    place = tmp_path_factory.mktemp("settings")
    keys = place / "prepare" / "keys"
    make_keys(keys)
    given = {"TROIKA_PUBLIC_URL": "https://register.example.org", "SMTP_URL": "smtps://mail.example.org"}
    write_settings(place, Secrets(keys, ""), given, Servers("127.0.0.1:1", "", "127.0.0.1:1", "amqp"))
    return place


def test_nothing_that_is_printed_controls_a_terminal() -> None:
    """A record of DNS may hold anything."""
    [line] = written(CHECKS[0], ok("example.org", "v=spf1 \x1b]0;title\x07\n-all"))
    assert line.isprintable()


def test_names_are_unique_and_every_check_has_a_meaning() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert [check.name for check in CHECKS if not re.fullmatch(r"[A-Z][^|\n]+\.", check.meaning)] == []


def test_every_function_of_a_check_is_in_the_list() -> None:
    modules = {inspect.getmodule(check.run) for check in CHECKS}
    functions = {one for module in modules for name, one in vars(module).items() if name.startswith("check_")}
    assert functions == {check.run for check in CHECKS}


def test_check_without_its_settings_is_skipped_and_names_them() -> None:
    needy = [check for check in CHECKS if check.need is not Need.NOTHING]
    results = [result for _check, result in run_checks(host(), probes(), needy)]
    assert [(result.grade, bool(result.do)) for result in results] == [(Grade.NOT_ASKED, True)] * len(needy)


@pytest.mark.parametrize(("number", "code"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_exit_code_is_that_of_the_worst(number: int, code: int) -> None:
    assert exit_code(LINES[:number]) == code


def test_line_and_document() -> None:
    first, second = written(*LINES[1])
    assert (first.split(), second.split()) == (["warning", "settings-insecure", "c:", "d"], ["→", "e"])
    found = json.loads(json.dumps(document("here", LINES)))
    assert (found["grade"], len(found["results"])) == ("failed", 3)
    assert found["results"][1] == {
        "check": "settings-insecure",
        "grade": "warning",
        "about": "c",
        "found": "d",
        "do": "e",
    }


def test_settings_in_folders_are_found(folder: Path) -> None:
    graded = from_folder(folder, {"TROIKA_MAIL_FROM": "upr@example.org"})
    logins = {connection_parameters(one.url)["user"] for one in graded.databases}
    others = ("_work", "troika_keys")
    assert logins >= {name for name in service_roles() if not any(part in name for part in others)} | {"troika_audit"}
    assert {broker.login for broker in graded.brokers} == set(user_names())
    assert graded.value("TROIKA_PUBLIC_URL") == "https://register.example.org"
    assert graded.value("SMTP_URL") == "smtps://mail.example.org"
    assert {(one.service, one.process) for one in graded.key_files} >= {("registration", "decide"), ("", "operator")}
    assert graded.secret_folder == folder
    assert "troika_monitor" in graded.monitor_url


def run(folder: Path, *words: str) -> Result:
    """As an operator types it."""
    return CliRunner().invoke(main, words, env={FOLDER: str(folder), "TROIKA_SETTINGS": None, "TROIKA_UP_FOLDER": None})


def test_report_names_faults_and_holds_no_secret(folder: Path) -> None:
    done = run(folder, "--only", "database", "--only", "broker-logins", "--json")
    assert done.exit_code == 2, done.output
    found = {one["check"]: one["grade"] for one in json.loads(done.output)["results"]}
    assert (found["database-logins"], found["database-schema"], found["broker-logins"]) == (
        "failed",
        "not asked",
        "failed",
    )
    secrets = [path.read_text().strip() for path in (folder / "prepare" / "keys").glob("*.key")]
    secrets += json.loads((folder / "prepare" / "keys" / "databases.json").read_text()).values()
    assert [secret for secret in secrets if secret in done.output] == []


def test_folder_that_is_not_there_and_check_that_is_unknown(tmp_path: Path, folder: Path) -> None:
    away, unknown = run(tmp_path / "away", "--only", "host"), run(folder, "--only", "weather")
    assert [(done.exit_code, "Error" in done.output) for done in (away, unknown)] == [(2, True), (2, True)]


def test_setting_that_is_not_understood_is_a_fault() -> None:
    (result,) = check("mail-relay", named(SMTP_URL="mail.example.org"), probes())
    assert (result.grade, result.do) == (Grade.FAILED, "Check SMTP_URL")


def test_settings_do_not_show_their_secrets() -> None:
    graded: GradedHost = host(values={"SMTP_URL": f"smtps://a:{SECRET}@mail.example.org"}, monitor_url=SECRET)
    assert SECRET not in repr(graded)


def test_what_a_check_is() -> None:
    check = HostCheck("mail-relay", Need.RELAY, lambda _host, _probes: [CheckResult(Grade.OK, "a", "b")])
    assert (check.subject, check.meaning) == ("mail", "")
