"""Retention: sealed answers go after 14 days, answers with their own period after that, people after 90 days."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.registration.__main__ import command_line
from services.registration.privacy.retention import METRICS, kept_forms, overdue, steps
from services.registration.sealing.model import field_names
from services.registration.telemetry import retention_done_total, retention_overdue, retention_unannounced
from services.registration.workers import Tending
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import SettingsError
from shared.runtime.metrics import housekeeping_held
from shared.security.retention import BATCH_SIZE, Retaining, RetentionStep
from tests.integration.registration.test_kinds import enrol
from tests.support.clients import rows
from tests.support.clock import FrozenClock, agreeing
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_a_minute_ago
from tests.support.web import load_folder

FORM = "geneva-delegation"
SEALED = {"visa_letter": True, "passport_number": "P1234567", "diet": "vegetarian"}
CLEAR = {"side_events": "Housing in cities"}
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def with_traveller(with_all_forms: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """With someone who has given a sealed and a clear answer, a month before the event ends: to be copied."""
    made = with_all_forms.copy(tmp_path_factory.mktemp("traveller"))
    with open_a_minute_ago(made) as service:
        enrol(service, FORM, **SEALED, **CLEAR)
    return made


@pytest.fixture
def installation(with_traveller: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test."""
    return with_traveller.copy(tmp_path)


@pytest.fixture
def last_day(installation: TestInstallation) -> datetime:
    """The end of the event of everyone's form."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    rows(installation.urls["registration"], "UPDATE event_copy SET ends_at = %s, starts_at = %s", end, end)
    return end


def kept(installation: TestInstallation) -> list[tuple[bool, bool, bool]]:
    """(has sealed answers, has the clear answer, is someone's) of each registration on the form."""
    statement = f"""SELECT sealed IS NOT NULL, answers ? 'side_events', email IS NOT NULL
        FROM registration WHERE form = '{FORM}' ORDER BY id"""
    return [tuple(row) for row in rows(installation.urls["registration"], statement)]


def test_each_answer_is_deleted_on_its_day(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """Not a second before."""
    for days, before, after in (
        (14, (True, True, True), (False, True, True)),
        (90, (False, True, True), (False, False, False)),
    ):
        service.announce_and_tend(last_day + timedelta(days=days))
        assert kept(installation) == [before]
        service.announce_and_tend(last_day + timedelta(days=days) + SECOND)
        assert kept(installation) == [after]


def test_hour_takes_no_more_of_a_kind_than_is_ordinary(last_day: datetime, installation: TestInstallation) -> None:
    """Counted by seconds that no change of the time touches; other kinds and the next hour go on."""
    engine = open_engine(installation.urls["registration"])
    work, now, seconds = UnitOfWork(engine, "registration"), datetime.now(UTC), [0.0]
    left = {"people": 350, "sealed": 50}
    with work.transaction() as connection:
        (form,) = [form for form in kept_forms(connection) if form.slug == FORM]
    kept = {step.what: step for step in steps(form, now)}

    def taking(what: str) -> Callable[[UnitOfWork, datetime], int]:
        def take(_work: UnitOfWork, _now: datetime) -> int:
            taken = min(BATCH_SIZE, left[what])
            left[what] -= taken
            return taken

        return take

    limited = Retaining(
        "registration",
        METRICS,
        overdue,
        lambda _work, _now: [RetentionStep(what, kept[what].noticed, taking(what)) for what in left],
        max_per_hour=2 * BATCH_SIZE,
        monotonic=lambda: seconds[0],
    )
    seen = []
    for step_s in (0, 5, 5, 3590, 10, 5):
        seconds[0] += step_s
        limited.run_once(work, now + timedelta(seconds=seconds[0] + 5))
        held = housekeeping_held.labels("registration", "people", "limit")._value.get()
        seen.append((left["people"], left["sealed"], held))
    engine.dispose()
    assert seen == [(250, 0, 0), (150, 0, 0), (150, 0, 1), (150, 0, 1), (50, 0, 0), (0, 0, 0)]


def test_erasure_is_published_to_the_other_services(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    service.announce_and_tend(last_day + timedelta(days=90) + SECOND)
    types = [row[0] for row in rows(installation.urls["registration"], "SELECT type FROM outbox ORDER BY id")]
    assert types[-1] == "org.troika.person.erased.v1"


def test_counts_stay(service: RegistrationService, last_day: datetime, installation: TestInstallation) -> None:
    """Attendees of the event stay counted there."""
    seats = "SELECT confirmed, waiting FROM seat WHERE form = 'geneva-delegation'"
    before = rows(installation.urls["registration"], seats)
    service.announce_and_tend(last_day + timedelta(days=90) + SECOND)
    assert (rows(installation.urls["registration"], seats), before) == (before, [(1, 0)])


def test_answer_with_its_own_period_is_deleted_then(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """Also among those that an undo of a changed address would restore."""
    rows(
        installation.urls["registration"],
        """INSERT INTO former_address SELECT gen_random_uuid(), id, 2, sha256('token'), person_ref, mailbox_ref,
            domain_ref, email, received_at, received_at + interval '90 days', jsonb_build_object('answers', answers)
        FROM registration""",
    )
    rows(
        installation.urls["registration"],
        """UPDATE form SET definition = jsonb_set(definition, '{fields}', (SELECT jsonb_agg(
            CASE WHEN f ->> 'name' = 'side_events' THEN f || '{"retention_days": 3}' ELSE f END)
            FROM jsonb_array_elements(definition -> 'fields') f)) WHERE slug = 'geneva-delegation'""",
    )
    service.announce_and_tend(last_day + timedelta(days=3))
    assert kept(installation) == [(True, True, True)]
    service.announce_and_tend(last_day + timedelta(days=3) + SECOND)
    assert kept(installation) == [(True, False, True)]
    assert rows(installation.urls["registration"], "SELECT content FROM former_address") == [({"answers": {}},)]
    assert rows(installation.urls["registration"], "SELECT 1 FROM content_difference WHERE kind = 'registration'") == []


def test_cancelled_person_is_deleted_before_the_event(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """Days run from when their registration ended: they are no one's any more before the event."""
    ended = datetime.now(UTC)
    rows(
        installation.urls["registration"],
        "UPDATE registration SET status = 'cancelled', cancelled_at = %s, accepted_at = %s",
        ended,
        ended - timedelta(days=1),
    )
    rows(installation.urls["registration"], "UPDATE registration_change SET changed_at = %s", ended)
    service.announce_and_tend(ended + timedelta(days=14))
    assert kept(installation) == [(True, True, True)]
    service.announce_and_tend(ended + timedelta(days=14) + SECOND)
    assert kept(installation) == [(False, True, True)]


def test_date_that_was_typed_wrong_takes_no_one_who_has_just_come(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    rows(installation.urls["registration"], "UPDATE event_copy SET ends_at = %s", last_day - timedelta(days=400))
    service.tend(datetime.now(UTC))
    assert kept(installation) == [(True, True, True)]


@pytest.mark.parametrize("ends_at", [None, "2099-01-01T00:00:00+00:00"])
def test_nothing_goes_while_there_is_no_last_day(
    service: RegistrationService, last_day: datetime, installation: TestInstallation, ends_at: str | None
) -> None:
    rows(installation.urls["registration"], "UPDATE event_copy SET ends_at = %s", ends_at)
    service.announce_and_tend(last_day + timedelta(days=3650))
    assert kept(installation) == [(True, True, True)]


def test_form_without_an_event_ends_when_it_is_closed(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """While it is open its people stay, however long."""
    url = installation.urls["registration"]
    rows(url, f"UPDATE form SET event_id = NULL WHERE slug = '{FORM}'")
    service.announce_and_tend(last_day + timedelta(days=900))
    assert kept(installation) == [(True, True, True)]
    rows(url, f"UPDATE form SET open = false WHERE slug = '{FORM}'")
    line = f"""INSERT INTO form_change (form, revision, changed_at, changed_by, before, after, promoted)
        VALUES ('{FORM}', %s, %s, 'a coordinator', '{{}}', '{{}}', 0)"""
    rows(url, line, 1, last_day - timedelta(days=10))
    service.announce_and_tend(last_day + timedelta(days=4) + SECOND)
    assert kept(installation) == [(True, True, True)]  # it was published closed: closing it was no change
    rows(url, line, 2, last_day)
    service.announce_and_tend(last_day + timedelta(days=14) + SECOND)
    assert kept(installation) == [(False, True, True)]


def test_more_than_a_batch_is_deleted_batch_by_batch(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """A batch in a tick, the next at once, and then an hour of rest."""
    url = installation.urls["registration"]
    copies = f"""INSERT INTO registration SELECT (jsonb_populate_record(r, jsonb_build_object(
        'id', gen_random_uuid(), 'person_key', '\\x' || md5(n::text) || md5('x' || n)))).*
        FROM registration r, generate_series(1, {BATCH_SIZE}) n"""
    rows(url, copies)
    due, left = last_day + timedelta(days=14) + SECOND, []
    clock, work = FrozenClock(due - timedelta(hours=25)), service.work("tend")
    tending = Tending(work, agreeing(clock, work), service.outgoing)
    tending.tick()
    for number in range(2):
        clock.set(due + timedelta(seconds=5 * number))
        tending.tick()
        left.append(sum(sealed for sealed, _clear, _person in kept(installation)))
    assert left == [1, 0]


def test_what_is_overdue_is_shown_before_it_goes(service: RegistrationService, last_day: datetime) -> None:
    """A gauge that was set after deleting would never show a failure to delete."""
    gone = retention_done_total.labels("registration", "sealed")._value.get()
    service.announce_and_tend(last_day + timedelta(days=15) + SECOND)
    assert retention_overdue.labels("registration", "sealed")._value.get() == 1
    assert retention_done_total.labels("registration", "sealed")._value.get() == gone + 1
    service.announce_and_tend(last_day + timedelta(days=15) + SECOND)
    assert retention_overdue.labels("registration", "sealed")._value.get() == 0


def test_operator_sees_what_goes_when(last_day: datetime, installation: TestInstallation) -> None:
    environment = installation.environment("registration", "recover")
    done = CliRunner().invoke(command_line(), ["retention"], env=environment)
    [line, *_] = [line.split() for line in done.output.splitlines() if line.startswith(FORM)]
    goes = f"{last_day + timedelta(days=14):%Y-%m-%d}"
    assert (done.exit_code, line) == (0, [FORM, f"{last_day:%Y-%m-%d}", "sealed", goes, "0", "0"])


OWN_FORM = """\
- slug: own
  kind: interest
  title: Tell me more
  partners: []
  {days}
  fields:
    - {{name: email, kind: email, label: E-mail, required: true{email}}}
    - {{name: needs, kind: long_text, label: Needs, sealed: true{needs}}}
    - {{name: health, kind: long_text, label: Health, sealed: true{health}}}
    - {{name: idea, kind: long_text, label: Idea{idea}}}
    - {{name: consent, kind: consent, label: Consent, required: true}}
"""
NOTHING = {"days": "", "email": "", "needs": "", "health": "", "idea": ""}


def folder_with(folder: Path, **settings: str) -> Path:
    """A folder with one form, whose fields have these periods."""
    (folder / "forms.yaml").write_text(OWN_FORM.format(**{**NOTHING, **settings}))
    (folder / "partners.yaml").write_text("[]\n")
    return folder


def test_days_of_people_are_loaded_with_the_form(installation: TestInstallation, tmp_path: Path) -> None:
    for settings, days in (("", 90), ("person_days: 30", 30)):
        load_folder(installation, folder_with(tmp_path, days=settings))
        statement = "SELECT person_days FROM form WHERE slug = 'own'"
        assert rows(installation.urls["registration"], statement) == [(days,)]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"idea": ", retention_days: 91"}, "idea: is kept longer than the person, who is erased after 90"),
        ({"email": ", retention_days: 3"}, "email: is erased with the person and has no separate retention period"),
        ({"days": "person_days: 0"}, "must be a whole number from 1 to 3650"),
    ],
)
def test_days_that_cannot_be_kept_are_named(
    installation: TestInstallation, tmp_path: Path, settings: dict[str, str], fault: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, folder_with(tmp_path, **settings))
    [problem] = caught.value.problems
    assert problem.endswith(fault)


def test_each_sealed_answer_is_deleted_on_its_day(service: RegistrationService, last_day: datetime) -> None:
    """Without any key; an answer to a question that the form has no more goes with the first."""
    rows(
        service.url,
        """UPDATE form SET definition = jsonb_set(definition, '{fields}', (SELECT jsonb_agg(
            CASE f ->> 'name' WHEN 'passport_number' THEN f || '{"retention_days": 3}'
                WHEN 'diet' THEN f || '{"retention_days": 20}'
                WHEN 'hotel_nights' THEN f - 'shown_when' ELSE f END)
            FROM jsonb_array_elements(definition -> 'fields') f WHERE f ->> 'name' <> 'hotel')) WHERE slug = %s""",
        FORM,
    )

    def names() -> list[str]:
        return field_names(rows(service.url, "SELECT sealed FROM registration WHERE form = %s", FORM)[0][0])

    every = names()
    service.announce_and_tend(last_day + timedelta(days=3))
    assert names() == every
    for days, left in ((3, set(every) - {"passport_number", "hotel"}), (14, {"diet"}), (20, set())):
        service.announce_and_tend(last_day + timedelta(days=days) + SECOND)
        assert names() == sorted(left)
    assert kept(service.installation) == [(False, True, True)]


def test_standard_questions_state_ninety_days(installation: TestInstallation, tmp_path: Path) -> None:
    """So no form that has them may keep people for longer, or for less, than it states."""
    folder_with(tmp_path)
    (tmp_path / "forms.yaml").write_text(
        "- {slug: own, kind: webinar, title: T, fields: standard/webinar, partners: [], person_days: 30}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, tmp_path)
    [problem] = caught.value.problems
    assert problem.endswith(
        "the standard questions promise people 90 days: write your own questions for another period"
    )


def announced(installation: TestInstallation) -> list[tuple[str, str, int]]:
    """(action, step, count) of the audit log."""
    return [
        (action, detail["step"], detail["count"])
        for action, detail in rows(
            installation.urls["registration"],
            "SELECT action, detail FROM audit_record WHERE action LIKE 'retention-%%' ORDER BY id",
        )
    ]


def test_nothing_goes_that_was_announced_less_than_a_day_before(
    service: RegistrationService, last_day: datetime, installation: TestInstallation, caplog: pytest.LogCaptureFixture
) -> None:
    """Announced in the audit log with its number, then deleted after a day, and both are in the log."""
    due = last_day + timedelta(days=14) + SECOND
    service.tend(due - timedelta(hours=72) - 2 * SECOND)
    assert announced(installation) == []
    service.tend(due - timedelta(hours=23))
    assert announced(installation) == [("retention-announced", "sealed-14", 1)]
    service.tend(due)
    assert kept(installation) == [(True, True, True)]
    with caplog.at_level("INFO"):
        service.tend(due + timedelta(hours=1))
    assert kept(installation) == [(False, True, True)]
    assert announced(installation)[1:] == [("retention-done", "sealed-14", 1)]
    assert [record.message for record in caplog.records if record.name.endswith("retention")] == ["retention done"]


def test_time_that_jumps_erases_no_one_until_an_operator_confirms(
    service: RegistrationService, last_day: datetime, installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every clock at once, a year after the last run of ``tend``; it runs again and again."""
    for name, value in installation.environment("registration", "recover").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TROIKA_OPERATOR", "Op Erator")
    service.tend(datetime.now(UTC))
    for days in (400, 402):
        service.tend(last_day + timedelta(days=days))
        assert kept(installation) == [(True, True, True)]
        assert retention_unannounced.labels("registration", "people")._value.get() == 1
    service.tend(datetime.now(UTC))
    assert retention_unannounced.labels("registration", "people")._value.get() == 0
    assert announced(installation) == []
    refused = CliRunner().invoke(command_line(), ["retention", "confirm", FORM, "--yes"])
    assert (refused.exit_code, "the time has jumped" in refused.output) == (1, True), refused.output
    asked = CliRunner().invoke(command_line(), ["confirm-time"])
    assert (asked.exit_code, "the service ran until" in asked.output) == (2, True), asked.output
    right = CliRunner().invoke(command_line(), ["confirm-time", "--yes"])
    assert (right.exit_code, "registration: confirmed" in right.output) == (0, True), right.output
    nothing = CliRunner().invoke(command_line(), ["retention", "confirm", FORM, "--yes"])
    assert (nothing.exit_code, nothing.output) == (0, f"{FORM}: nothing is waiting.\n")
    past = datetime.now(UTC) - timedelta(days=400)
    url = installation.urls["registration"]
    rows(url, "UPDATE event_copy SET ends_at = %s, starts_at = %s", past, past)
    rows(url, "UPDATE registration SET accepted_at = %s", past - timedelta(days=1))
    unsure = CliRunner().invoke(command_line(), ["retention", "confirm", FORM])
    assert (unsure.exit_code, "1 sealed-14, 1 people are due" in unsure.output) == (2, True)
    done = CliRunner().invoke(command_line(), ["retention", "confirm", FORM, "--yes"])
    assert (done.exit_code, "1 sealed-14, 1 people confirmed" in done.output) == (0, True), done.output
    service.tend(datetime.now(UTC))
    assert kept(installation) == [(False, False, False)]
    assert announced(installation) == [
        ("retention-confirmed", "sealed-14", 1),
        ("retention-confirmed", "people", 1),
        ("retention-done", "sealed-14", 1),
        ("retention-done", "people", 1),
    ]
    who = rows(url, "SELECT DISTINCT action, done_by FROM audit_record ORDER BY action")
    assert who == [
        ("retention-confirmed", "Op Erator"),
        ("retention-done", "retention"),
        ("time-confirmed", "Op Erator"),
    ]


def test_notice_ends_when_the_event_is_moved(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """Moved back a month later, it is announced again: an old notice is not used."""
    url, due = installation.urls["registration"], last_day + timedelta(days=14) + SECOND
    service.tend(due - timedelta(hours=48))
    rows(url, "UPDATE event_copy SET ends_at = %s", last_day + timedelta(days=60))
    service.tend(due - timedelta(hours=24))
    rows(url, "UPDATE event_copy SET ends_at = %s", last_day)
    service.tend(due)
    assert kept(installation) == [(True, True, True)]
    assert retention_unannounced.labels("registration", "sealed")._value.get() == 1


def test_notice_after_a_reset_clock_starts_again(
    service: RegistrationService, last_day: datetime, installation: TestInstallation
) -> None:
    """The time was ten days ahead for a while when it was announced: a day has to pass from now on."""
    due = last_day + timedelta(days=14) + SECOND
    service.tend(due - timedelta(hours=1))
    service.tend(due - timedelta(hours=60))
    announced_at = rows(installation.urls["registration"], "SELECT announced_at FROM retention_notice")
    assert announced_at == [(due - timedelta(hours=60),)]
