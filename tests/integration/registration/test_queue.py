"""The queue and its decider on a real PostgreSQL, each with its process's login."""

import base64
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from services.registration.intake import decider as decider_module
from services.registration.intake import queue
from services.registration.intake.decider import Decider
from services.registration.intake.deciding import decide
from services.registration.intake.form_view import view_form
from services.registration.intake.model import Act, Choice, read_results
from services.registration.intake.queue import publish_key
from services.registration.intake.reading import DeciderKeys
from services.registration.intake.service import Envelope, Intake
from services.registration.own.commands import send_choices, send_own, wait_for_outcome
from services.registration.own.service import show_own, show_waiting
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from shared.db.engine import open_engine
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.validation import validate
from shared.runtime.clock import Clock, system_clock
from shared.runtime.errors import DomainError
from shared.security.sealing import new_key, open_sealed, public_key_of
from tests.support.clients import rows
from tests.support.installation import TestInstallation

SLUG = "upr-webinar-10"
ANSWERS: dict[str, Any] = {"name": "A. B.", "email": "a@example.org", "country": "CH", "consent": True}


NAME = "01900000-0000-7000-8000-000000000001"
"""Of a decider that is started again and again."""


class Desk:
    """Submits as the forms process and decides as the decider."""

    def __init__(self, installation: TestInstallation) -> None:
        self.url = installation.urls["registration"]
        self.engines: list[Engine] = []
        self.decider_key, self.notifications_private = new_key(), new_key()
        self.references = References(new_key())
        self.messages = RegistrationMessages(
            public_key_of(self.notifications_private), public_key_of(self.notifications_private)
        )
        self.web = self.work_of(installation, "web")
        self.intake = Intake(self.web, new_key())
        self.work = self.work_of(installation, "decide")
        publish_key(self.work, [self.decider_key], datetime.now(UTC))
        self.decider = self.new_decider()

    def work_of(self, installation: TestInstallation, process: str) -> UnitOfWork:
        engine = open_engine(installation.url("registration", process))
        self.engines.append(engine)
        return UnitOfWork(engine, "registration")

    def new_decider(self, clock: Clock = system_clock, name: str = "") -> Decider:
        checked = CheckedClock(clock, self.work, "registration")
        return Decider(self.work, checked, DeciderKeys([self.decider_key], self.references), self.messages, name)

    def submit(self, key: str = "", **changes: Any) -> str:
        view = view_form(self.web, SLUG, datetime.now(UTC))
        answers = validate(view.definition, ANSWERS | changes)
        assert answers.ok, answers.errors
        envelope = Envelope(None, "en", key, bytes(32))
        return self.intake.submit(view, answers, envelope, datetime.now(UTC)).receipt

    def decide_all(self) -> None:
        while self.decider.run_once():
            pass

    def messages_of(self, kind: str) -> list[dict[str, Any]]:
        found = rows(self.url, "SELECT convert_from(body, 'UTF8')::jsonb FROM outbox ORDER BY id")
        return [one for (one,) in found if one["type"].endswith(kind)]

    def token(self, kind: str = "confirmation.wanted.v1") -> str:
        """Of the link in the newest mail that a message of this kind asks for."""
        sealed = self.messages_of(kind)[-1]["data"]["sealed"]
        return str(open_sealed([self.notifications_private], base64.b64decode(sealed))["token"])


@pytest.fixture
def desk(installation: TestInstallation) -> Iterator[Desk]:
    made = Desk(installation)
    yield made
    for engine in made.engines:
        engine.dispose()


def test_submission_becomes_a_candidate_and_a_mail(desk: Desk) -> None:
    receipt = desk.submit()
    before = desk.intake.receipt(receipt)
    desk.decide_all()
    after = desk.intake.receipt(receipt)
    assert before is not None
    assert after is not None
    assert (before.state, after.outcome) == ("received", "check-your-mail")
    assert rows(desk.url, "SELECT body IS NULL, network IS NULL FROM submission") == [(True, True)]
    assert len(rows(desk.url, "SELECT 1 FROM candidate")) == 1
    assert len(desk.messages_of("confirmation.wanted.v1")) == 1
    assert rows(desk.url, "SELECT confirmed FROM seat WHERE form = %s", SLUG) == [(0,)]
    desk.decide_all()
    assert len(desk.messages_of("confirmation.wanted.v1")) == 1


def test_queue_is_left_empty_of_attempts(desk: Desk) -> None:
    desk.submit()
    desk.decide_all()
    assert rows(desk.url, "SELECT 1 FROM decider_attempt") == []
    with desk.work.transaction() as connection:
        assert queue.backlog(connection) == (0, None, 0)


def test_confirming_by_link_takes_the_seat_and_publishes_it(desk: Desk) -> None:
    desk.submit()
    desk.decide_all()
    token = desk.token()
    waiting = show_waiting(desk.web, token, datetime.now(UTC))
    assert [one.content.name for one in waiting.pending] == ["A. B."]
    view = view_form(desk.web, SLUG, datetime.now(UTC))
    receipt = send_choices(desk.intake, view, waiting, [Choice(waiting.pending[0].id, Act.CONFIRM)])
    desk.decide_all()
    assert wait_for_outcome(desk.intake, receipt) == "confirmed"
    assert rows(desk.url, "SELECT confirmed FROM seat WHERE form = %s", SLUG) == [(1,)]
    assert rows(desk.url, "SELECT status, verified_at IS NOT NULL FROM registration") == [("confirmed", True)]
    assert rows(desk.url, "SELECT count(*) FROM candidate") == [(0,)]
    (message,) = desk.messages_of("registration.confirmed.v1")
    assert message["data"]["verified"] is True


def confirm_all(desk: Desk, token: str) -> list[str]:
    """Confirm everything that waits behind ``token``; returns what became of it."""
    waiting = show_waiting(desk.web, token, datetime.now(UTC))
    view = view_form(desk.web, SLUG, datetime.now(UTC))
    choices = [Choice(one.id, Act.CONFIRM) for one in waiting.pending]
    receipt = send_choices(desk.intake, view, waiting, choices)
    desk.decide_all()
    found = desk.intake.receipt(receipt)
    assert found is not None
    return [one.result for one in read_results(found.outcome)]


def test_own_link_cancels_and_erases(desk: Desk) -> None:
    desk.submit()
    desk.decide_all()
    confirm_all(desk, desk.token())
    own = desk.token("registration.confirmed.v1")

    def form(slug: str) -> Any:
        return view_form(desk.web, slug, datetime.now(UTC))

    shown, view = show_own(desk.web, own, form, datetime.now(UTC))
    assert (shown.person.name, shown.person.registration.status) == ("A. B.", "confirmed")
    send_own(desk.intake, view, own, "cancel", {"revision": shown.person.registration.revision})
    desk.decide_all()
    with pytest.raises(DomainError):  # cancelling by a link ends it; the mail about it has another one
        show_own(desk.web, own, form, datetime.now(UTC))
    own = desk.token("registration.cancelled.v1")
    assert show_own(desk.web, own, form, datetime.now(UTC))[0].person.registration.status == "cancelled"
    assert rows(desk.url, "SELECT confirmed FROM seat WHERE form = %s", SLUG) == [(0,)]
    desk.submit(name="Somebody Else")
    send_own(desk.intake, view, own, "erase")
    desk.decide_all()
    with pytest.raises(DomainError):
        show_own(desk.web, own, form, datetime.now(UTC))
    assert rows(desk.url, "SELECT name, email, erased_at IS NOT NULL FROM registration") == [(None, None, True)]
    assert rows(desk.url, "SELECT count(*) FROM candidate") == [(0,)]


def test_submission_that_cannot_be_read_is_parked_and_its_neighbours_are_decided(desk: Desk) -> None:
    desk.submit()
    rows(desk.url, "UPDATE submission SET body = %s RETURNING 1", b"not a box")
    desk.submit(name="C. D.")
    desk.decide_all()
    assert rows(desk.url, "SELECT state FROM submission ORDER BY id") == [("parked",), ("decided",)]


def test_submission_that_ends_the_decider_five_times_is_parked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A. B.", "Poison", "C. D."):
        desk.submit(name=name)

    def fail(*arguments: Any) -> Any:
        submission = arguments[1]
        if any(getattr(one, "content", None) and one.content.name == "Poison" for one in submission):
            raise RuntimeError("ends the process")
        return decide(*arguments)

    monkeypatch.setattr(decider_module, "decide", fail)
    for _ in range(12):
        with contextlib.suppress(RuntimeError):
            desk.new_decider(name=NAME).run_once()
    assert rows(desk.url, "SELECT state, attempts FROM submission ORDER BY id") == [
        ("decided", 4),
        ("parked", 5),
        ("decided", 4),
    ]
    monkeypatch.undo()
    with desk.work.transaction() as connection:
        assert len(queue.replay_parked(connection, None)) == 1
    desk.decide_all()
    assert rows(desk.url, "SELECT count(*) FROM submission WHERE state = 'decided'") == [(3,)]


def test_second_decider_is_on_standby(desk: Desk) -> None:
    desk.submit()
    with desk.work.transaction() as connection:
        assert queue.try_lead(connection)
        assert desk.new_decider().run_once() == 0
    assert desk.new_decider().run_once() == 2


def test_public_login_cannot_stop_the_decider(desk: Desk, installation: TestInstallation) -> None:
    """Not even where no superuser could close the functions, and it may take the advisory lock by which 0.1.0 leads; a
    process of 0.1.0 that leads is waited for."""
    forms, lock = desk.work_of(installation, "forms"), 7240018
    installation.urls.break_it("registration", "GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(bigint) TO PUBLIC")
    desk.submit()
    with forms.transaction() as public:
        public.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
        with pytest.raises(ProgrammingError, match="permission denied"), forms.transaction() as other:
            other.execute(text("LOCK TABLE decider_lead IN EXCLUSIVE MODE"))
        assert desk.decider.run_once() > 0
    desk.submit()
    with desk.work.transaction() as earlier:
        earlier.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
        assert desk.decider.run_once() == 0
    assert desk.decider.run_once() > 0


def test_attempt_of_another_decider_is_left_alone_until_it_is_abandoned(desk: Desk) -> None:
    desk.submit()
    started = datetime.now(UTC)
    with desk.work.transaction() as connection:
        assert queue.begin_attempt(connection, started, NAME, count_left_over=True) != []
    other = str(uuid4())
    soon, late = started + timedelta(seconds=1), started + queue.ABANDONED_AFTER + timedelta(milliseconds=1)
    for now, numbers, attempts in ((soon, 0, 0), (late, 1, 1)):
        with desk.work.transaction() as connection:
            assert len(queue.begin_attempt(connection, now, other, count_left_over=True)) == numbers
        assert rows(desk.url, "SELECT attempts FROM submission") == [(attempts,)]


def test_wrong_clock_decides_nothing_and_parks_nothing(desk: Desk) -> None:
    desk.submit()
    decider = desk.new_decider(lambda: datetime.now(UTC) + timedelta(days=400))
    for _ in range(queue.MAX_ATTEMPTS + 2):
        assert decider.run_once() == 0
    assert rows(desk.url, "SELECT state, attempts FROM submission") == [("received", 0)]
    desk.decide_all()
    assert rows(desk.url, "SELECT state FROM submission") == [("decided",)]


def test_same_key_is_stored_once(desk: Desk) -> None:
    first, second = desk.submit("a-key-of-the-client"), desk.submit("a-key-of-the-client")
    assert first == second
    assert rows(desk.url, "SELECT count(*) FROM submission") == [(1,)]


def test_attempt_before_which_another_process_leads_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an import does, batch by batch: no one's submission may be parked by it."""
    desk.submit()
    leading, lead = cycle((True, False, False)), queue.try_lead
    with monkeypatch.context() as patch:
        patch.setattr(queue, "try_lead", lambda connection: next(leading) and lead(connection))
        assert [desk.decider.run_once() for _ in range(queue.MAX_ATTEMPTS + 1)] == [0] * (queue.MAX_ATTEMPTS + 1)
    assert rows(desk.url, "SELECT state, attempts FROM submission") == [("received", 0)]
    assert desk.decider.run_once() > 0
