"""A process whose clock is wrong erases, expires and prunes nothing, reports it, and is not ready."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from services.registration.people.messages import RegistrationMessages
from services.registration.wiring import MIGRATIONS
from services.registration.workers import Tending
from shared.db.engine import open_engine
from shared.db.readiness import CheckedClock, readiness
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.relay import OutboxCleanup
from shared.runtime.clock import Clock, system_clock
from shared.runtime.metrics import clock_difference_seconds, final_work_refused_total
from shared.security.sealing import new_key, public_key_of
from tests.integration.registration.conftest import client as client
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import service as service
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.deciding import decide_all, make_decider
from tests.support.installation import TestInstallation

PEOPLE = 30
MESSAGES = RegistrationMessages(public_key_of(new_key()), public_key_of(new_key()))
REFUSED = ("pruning", "tending")
EVERYTHING = """
    SELECT (SELECT count(*) FROM candidate), (SELECT count(*) FROM outbox), (SELECT count(*) FROM inbox),
        (SELECT count(*) FROM submission), (SELECT count(*) FROM confirmation_link)
"""
INBOX = text("INSERT INTO inbox (consumer, message_id) VALUES ('registration.copies', gen_random_uuid())")


@pytest.fixture
def engine(client: FlaskClient, installation: TestInstallation) -> Iterator[Engine]:
    """A database with candidates whose owners have not confirmed, and messages published and received."""
    rows(installation.urls["registration"], "UPDATE form SET verification = 'email'")
    for number in range(PEOPLE):
        sent = {"Idempotency-Key": f"a-key-of-somebody-{number}"}
        assert client.post(SUBMISSIONS, json=answers(number), headers=sent).status_code == 202
    engine = open_engine(installation.urls["registration"])
    work = UnitOfWork(engine, "registration")
    decide_all(make_decider(installation, work, CheckedClock(system_clock, work, "registration")))
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET published_at = stored_at"))
        connection.execute(INBOX)
    yield engine
    engine.dispose()


def ahead(by: timedelta) -> Clock:
    """A clock that is wrong by so much."""
    return lambda: system_clock() + by


def run_once(engine: Engine, clock: Clock) -> None:
    """What a relay and a ``tend`` with ``clock`` do."""
    work = UnitOfWork(engine, "registration")
    checked = CheckedClock(clock, work, "registration")
    OutboxCleanup(work, "registration", checked).run_once()
    Tending(work, checked, MESSAGES).tick()


@pytest.mark.parametrize("by", [timedelta(days=400), timedelta(seconds=3), timedelta(days=-400)], ids=str)
def test_process_with_a_wrong_clock_deletes_nothing(
    engine: Engine, by: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.connect() as connection:
        before = connection.execute(text(EVERYTHING)).one()
    counters = [final_work_refused_total.labels("registration", work) for work in REFUSED]
    refused = [counter._value.get() for counter in counters]
    run_once(engine, ahead(by))
    with engine.connect() as connection:
        assert connection.execute(text(EVERYTHING)).one() == before
    assert before[:2] == (PEOPLE, PEOPLE)
    assert [counter._value.get() for counter in counters] == [count + 1 for count in refused]
    assert clock_difference_seconds.labels("registration")._value.get() == pytest.approx(by.total_seconds(), abs=1)
    works = {record.work for record in caplog.records if "refused" in record.message}  # type: ignore[attr-defined]
    assert works == set(REFUSED)


def test_control_the_same_work_is_done_where_both_clocks_agree(engine: Engine) -> None:
    """400 days later by both: no candidate, receipt or link is left, and old messages are gone."""
    later, work = ahead(timedelta(days=400)), UnitOfWork(engine, "registration")
    clock = CheckedClock(later, work, "registration", lambda _: later())
    OutboxCleanup(work, "registration", clock).run_once()
    Tending(work, clock, MESSAGES).tick()
    with engine.connect() as connection:
        candidates, messages, _received, receipts, links = connection.execute(text(EVERYTHING)).one()
    assert (candidates, messages, receipts, links) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("by_s", "problems"),
    [
        (0, []),
        (1.5, []),
        (-1.5, []),
        (90, ["clock: 90 s ahead of the database's; synchronise this host's time"]),
        (-90, ["clock: 90 s behind the database's; synchronise this host's time"]),
    ],
)
def test_process_with_a_wrong_clock_is_not_ready(engine: Engine, by_s: float, problems: list[str]) -> None:
    work = UnitOfWork(engine, "registration")
    clock = CheckedClock(ahead(timedelta(seconds=by_s)), work, "registration")
    assert readiness(work, MIGRATIONS, clock)() == problems


def test_clock_that_jumps_after_the_comparison_changes_nothing(engine: Engine) -> None:
    """The time that was compared is the time that is used."""
    times = iter([timedelta(), timedelta(days=400), timedelta(days=-400)])
    work = UnitOfWork(engine, "registration")
    clock = CheckedClock(lambda: system_clock() + next(times), work, "registration")
    now = clock.final_now("a test")
    assert now is not None
    assert abs(now - system_clock()) < timedelta(seconds=30)
    assert clock.final_now("a test") is None
    assert clock.final_now("a test") is None


def test_row_that_one_wrong_clock_marked_is_not_pruned(engine: Engine) -> None:
    """A relay with a clock 400 days behind has published what was stored shortly before."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET published_at = published_at - interval '400 days'"))
    run_once(engine, system_clock)
    with engine.connect() as connection:
        assert connection.execute(text(EVERYTHING)).one()[1] == PEOPLE
