"""A wrong clock erases, expires and prunes nothing: of one process, which is then not ready, and of the whole host."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from services.registration.people.messages import RegistrationMessages
from services.registration.wiring import MIGRATIONS
from services.registration.workers import Tending
from shared.db.engine import open_engine
from shared.db.highest_time import confirm_time
from shared.db.readiness import CheckedClock, readiness
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.relay import OutboxCleanup
from shared.runtime.clock import Clock, system_clock
from shared.runtime.metrics import clock_difference_seconds, final_work_refused_total, time_jump_seconds
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
REFUSED = ("pruning", "promotion")
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


class Host:
    """A host whose clock and database jump together; its processes run again and again."""

    def __init__(self, engine: Engine) -> None:
        self.work, self.offset = UnitOfWork(engine, "registration"), timedelta()

    def now(self) -> datetime:
        return system_clock() + self.offset

    def run_for(self, hours: float = 0) -> None:
        """Run at once, and then twice in each hour and a half."""
        self.run_once()
        for _ in range(int(hours / 0.75)):
            self.offset += timedelta(minutes=45)
            self.run_once()

    def run_once(self) -> None:
        OutboxCleanup(self.work, "registration", self._checked()).run_once()
        Tending(self.work, self._checked(), MESSAGES).tick()

    def _checked(self) -> CheckedClock:
        return CheckedClock(self.now, self.work, "registration", lambda _: self.now())

    def everything(self) -> Sequence[int]:
        with self.work.transaction() as connection:
            return tuple(connection.execute(text(EVERYTHING)).one())


EIGHT_DAYS, LONG = timedelta(days=8), timedelta(days=400)


def make_due(engine: Engine, now: datetime) -> None:
    """Everything is due by the time to which the host has jumped, also after two hours, and after a jump back."""
    past = {"past": now - LONG}
    with engine.begin() as connection:
        connection.execute(text("UPDATE candidate SET received_at = :past, mailed_at = :past"), past)
        connection.execute(text("UPDATE outbox SET stored_at = :past, published_at = :past"), past)
        connection.execute(text("UPDATE submission SET received_at = :past"), past)


def jumps() -> float:
    return float(time_jump_seconds.labels("registration")._value.get())


@pytest.mark.parametrize("by", [EIGHT_DAYS, LONG, timedelta(hours=2), -EIGHT_DAYS], ids=str)
def test_jump_of_the_whole_host_deletes_nothing_for_a_day(
    engine: Engine, by: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(engine)
    host.run_for()
    before = host.everything()
    host.offset += by
    make_due(engine, host.now())
    host.run_for(hours=23)
    assert host.everything() == before
    assert before[:2] == (PEOPLE, PEOPLE)
    assert jumps() > 0
    lines = [record.message for record in caplog.records if "jumped:" in record.message]
    assert lines == ["the time has jumped: nothing is deleted, expired or given up"]


@pytest.mark.parametrize("hours", [24.75, 0], ids=["a day of running", "confirmed"])
def test_work_is_done_after_a_day_or_once_an_operator_confirms(
    engine: Engine, hours: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Also the control: by then everything is due. What nothing can restore is announced, and goes a day later."""
    host = Host(engine)
    host.run_for()
    host.offset += LONG
    host.run_for(hours)
    if not hours:
        with host.work.transaction() as connection:
            confirm_time(connection, host.now())
        host.run_for()
    candidates, messages, received, receipts, links = host.everything()
    assert (candidates, messages, received, receipts, links > 0) == (PEOPLE, PEOPLE, 1, 0, True)
    assert jumps() == 0
    announced = {record.table: record.count for record in caplog.records if "announced" in record.message}  # type: ignore[attr-defined]
    assert {"candidate": PEOPLE, "outbox": PEOPLE}.items() <= announced.items()
    host.run_for(hours=23)
    assert host.everything() == (candidates, messages, received, receipts, links)
    host.run_for(hours=1.5)
    assert host.everything() == (0, 0, received, 0, 0)


def test_clock_that_returns_after_a_minute_ends_the_wait(engine: Engine) -> None:
    host = Host(engine)
    host.run_for()
    before = host.everything()
    host.offset += EIGHT_DAYS
    host.run_for()
    host.offset -= EIGHT_DAYS
    host.run_for()
    assert jumps() == 0
    assert host.everything() == before


def test_people_of_a_minute_in_the_past_have_two_days_to_confirm(engine: Engine) -> None:
    """What was stored while the clock was behind looks old when it is right again."""
    host = Host(engine)
    host.run_for()
    host.offset -= EIGHT_DAYS
    host.run_for()
    with engine.begin() as connection:
        connection.execute(text("UPDATE candidate SET received_at = :past, mailed_at = :past"), {"past": host.now()})
    host.offset += EIGHT_DAYS
    host.run_for(hours=47)
    assert host.everything()[0] == PEOPLE


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
    assert readiness(work, MIGRATIONS, clock.problem)() == problems


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
