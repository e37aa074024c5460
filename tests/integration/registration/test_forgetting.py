"""A form without partners may delete its ended registrations after some days; others keep all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from services.registration.__main__ import command_line
from services.registration.privacy.erasure import erase_kept
from services.registration.telemetry import retention_overdue, retention_unannounced
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import SettingsError
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.locks import holding
from tests.support.registration_service import RegistrationService
from tests.support.web import load_folder

DAYS = 2
CANARY = """\
- slug: canary
  kind: webinar
  title: Nothing to register for
  fields: standard/webinar
  partners: [{partner}]
  keep_days: {days}
"""


@pytest.fixture
def ended(service: RegistrationService) -> FlaskClient:
    """Of three people two have a seat, and one has cancelled."""
    service.register(1, 2, 3)
    service.cancel(2)
    return service.client


def keep(installation: TestInstallation) -> None:
    """Set a short period on the form."""
    rows(installation.urls["registration"], f"UPDATE form SET partners = '{{}}', keep_days = {DAYS}")


def histories(installation: TestInstallation) -> int:
    """How many registrations have one."""
    statement = "SELECT count(DISTINCT registration_id) FROM registration_change"
    return int(rows(installation.urls["registration"], statement)[0][0])


def test_cancelled_is_deleted_after_its_days(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """Not a second before; with its history, and in the other services too; people with a seat stay."""
    keep(installation)
    service.announce_and_tend(service.clock() + timedelta(days=DAYS))
    assert sorted(service.states()) == [1, 2, 3]
    service.announce_and_tend(service.clock() + timedelta(days=DAYS, seconds=1))
    assert (sorted(service.states()), histories(installation)) == ([1, 3], 2)
    assert len(service.messages("person.erased.v1")) == 1
    assert rows(installation.urls["registration"], "SELECT confirmed, waiting FROM seat") == [(2, 0)]


def test_days_count_from_the_end_and_not_from_the_beginning(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """Someone who cancels after a month is kept as long as anyone."""
    keep(installation)
    service.clock.advance(timedelta(days=4))
    service.cancel(1)
    service.announce_and_tend(service.clock() + timedelta(days=DAYS))
    assert 1 in service.states()
    service.announce_and_tend(service.clock() + timedelta(days=DAYS, seconds=1))
    assert 1 not in service.states()


def entries(installation: TestInstallation) -> list[tuple[str, str, str, int]]:
    """(who, action, step, count) of the audit log about retention."""
    found = rows(
        installation.urls["registration"],
        "SELECT done_by, action, detail FROM audit_record WHERE detail ? 'step' ORDER BY id",
    )
    return [(who, action, detail["step"], detail["count"]) for who, action, detail in found]


def test_deletion_is_announced_a_day_before(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """In the audit log; what was announced less than a day before stays until then."""
    keep(installation)
    due = service.clock() + timedelta(days=DAYS, seconds=1)
    service.tend(due - timedelta(hours=23))
    service.tend(due)
    assert 2 in service.states()
    assert entries(installation) == [("retention", "retention-announced", "ended", 1)]
    service.tend(due + timedelta(hours=1))
    assert 2 not in service.states()
    assert entries(installation)[1:] == [("retention", "retention-done", "ended", 1)]


def test_time_that_jumps_deletes_nothing_until_an_operator_confirms(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often ``tend`` runs; the gauges show what waits."""
    keep(installation)
    for hours in (0, 30):
        service.tend(service.clock() + timedelta(days=DAYS + 2, hours=hours))
        assert 2 in service.states()
        assert retention_unannounced.labels("registration", "ended")._value.get() == 1
        assert retention_overdue.labels("registration", "ended")._value.get() == 1
    url, past = installation.urls["registration"], datetime.now(UTC) - timedelta(days=DAYS + 1)
    rows(url, "UPDATE registration SET accepted_at = %s", past - timedelta(days=1))
    rows(url, "UPDATE registration_change SET changed_at = %s", past)
    environment = installation.environment("registration", "recover") | {"TROIKA_OPERATOR": "Op Erator"}
    listed = CliRunner().invoke(command_line(), ["retention"], env=environment).output
    assert f"{DAYS} days after it ended" in listed
    form = rows(url, "SELECT slug FROM form")[0][0]
    assert CliRunner().invoke(command_line(), ["confirm-time", "--yes"], env=environment).exit_code == 0
    done = CliRunner().invoke(command_line(), ["retention", "confirm", form, "--yes"], env=environment)
    assert (done.exit_code, "1 ended confirmed" in done.output) == (0, True), done.output
    service.tend(datetime.now(UTC))
    assert sorted(service.states()) == [1, 3]
    assert entries(installation) == [
        ("Op Erator", "retention-confirmed", "ended", 1),
        ("retention", "retention-done", "ended", 1),
    ]


def test_notice_ends_with_the_days_of_the_form(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """Days that a form gets back take nothing on the word of an old notice, and the gauge falls while it has none."""
    keep(installation)
    due = service.clock() + timedelta(days=DAYS, seconds=1)
    service.tend(due - timedelta(hours=30))
    rows(installation.urls["registration"], "UPDATE form SET keep_days = NULL")
    service.tend(due - timedelta(hours=29))
    keep(installation)
    service.tend(due)
    assert 2 in service.states()
    assert retention_unannounced.labels("registration", "ended")._value.get() == 1
    rows(installation.urls["registration"], "UPDATE form SET keep_days = NULL")
    service.tend(due)
    assert retention_unannounced.labels("registration", "ended")._value.get() == 0


def test_person_deleted_by_a_concurrent_tend_is_not_erased_again(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """The one found whom to erase, the other deleted the whole registration: no error."""
    engine = open_engine(installation.url("registration", "tend"))
    assert not erase_kept(UnitOfWork(engine, "registration"), service.outgoing, service.clock(), str(uuid4()))
    engine.dispose()


def test_two_tends_delete_each_registration_once(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """The second skips what the first has locked, and waits for no one."""
    keep(installation)
    due = service.clock() + timedelta(days=DAYS, seconds=1)
    service.tend(due - timedelta(hours=25))
    with holding(installation.urls["registration"], "SELECT FROM registration WHERE status = 'cancelled' FOR UPDATE"):
        service.tend(due)
        assert 2 in service.states()
    service.tend(due)
    assert 2 not in service.states()


def test_form_without_a_period_keeps_a_record_of_everyone(
    service: RegistrationService, ended: FlaskClient, installation: TestInstallation
) -> None:
    """No one's, once people have been kept as long as they are anywhere; it counts."""
    end = service.clock() + timedelta(days=1)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s, ends_at = %s", end, end)
    for days in (89, 93):  # all are announced, and go
        service.tend(service.clock() + timedelta(days=days))
    counted = "SELECT count(*), count(email) FROM registration"
    assert rows(installation.urls["registration"], counted) == [(3, 0)]


def write(folder: Path, days: object, partner: str = "") -> Path:
    """A folder with one form."""
    (folder / "forms.yaml").write_text(CANARY.format(days=days, partner=partner))
    (folder / "partners.yaml").write_text(
        "- {slug: a-partner, name: A partner, origins: ['https://partner.example.org']}\n"
    )
    return folder


def test_days_are_loaded_with_the_form(installation: TestInstallation, tmp_path: Path) -> None:
    """And loading them again changes them; the standard forms have none."""
    for days in (1, 30):
        load_folder(installation, write(tmp_path, days))
        kept = rows(installation.urls["registration"], "SELECT slug, keep_days FROM form ORDER BY slug")
        assert kept == [("canary", days), ("upr-webinar-10", None)]


@pytest.mark.parametrize(
    ("days", "partner", "fault"),
    [
        (0, "", "forms.yaml:6: keep_days"),
        (4000, "", "forms.yaml:6: keep_days"),
        ("soon", "", "forms.yaml:6: keep_days"),
        (2, "a-partner", "forms.yaml:6: keep_days: only a form that no partner shows"),
    ],
)
def test_days_that_cannot_be_are_named(
    installation: TestInstallation, tmp_path: Path, days: object, partner: str, fault: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, write(tmp_path, days, partner))
    [problem] = caught.value.problems
    assert problem.startswith(fault)


def test_database_refuses_days_for_a_form_of_partners(installation: TestInstallation) -> None:
    """Someone changes it concurrently with the loader."""
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(installation.urls["registration"], "UPDATE form SET keep_days = 2")
