"""Two writers of the same person at the same time: neither undoes the other's change."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg

from services.registration.intake.form_view import view_form
from services.registration.intake.model import Act, Choice
from services.registration.own.commands import send_choices
from services.registration.privacy.retention import retaining
from tests.support.clients import WEBINAR, answers, rows
from tests.support.registration_service import RegistrationService
from tests.support.waiting import poll_until

ADDRESS = "participant-1@example.org"
OTHER_FORM = "another-form"
LOCK_WAITS = """
    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND a.datname = current_database()"""


@contextmanager
def held_up_decider(service: RegistrationService, lock: str) -> Iterator[None]:
    """A decider waits inside a batch for what the statement ``lock`` locks; afterwards it has gone on and ended."""
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(service.url.replace("postgresql+psycopg", "postgresql")) as connection,
    ):
        connection.execute(lock)
        deciding = pool.submit(service.decide)
        poll_until(lambda: waiting_for_locks(service.url) == 1, what="the decider waits")
        yield
    deciding.result()


def waiting_for_locks(url: str) -> int:
    """How many connections wait for a lock."""
    [(count,)] = rows(url, LOCK_WAITS)
    return int(count)


def send(service: RegistrationService, act: Act, registration: str | None = None) -> None:
    """Send a choice about the one candidate; it is not decided yet."""
    waiting = service.waiting(ADDRESS)
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    send_choices(service.intake, view, waiting, [Choice(waiting.pending[0].id, act, registration)])


def move_to_another_form(service: RegistrationService) -> None:
    """The existing registrations are on a separate form, with other seats."""
    rows(
        service.url,
        f"""CREATE TEMPORARY TABLE copy AS SELECT * FROM form;
            UPDATE copy SET slug = '{OTHER_FORM}';
            INSERT INTO form SELECT * FROM copy;
            INSERT INTO seat (form, capacity) VALUES ('{OTHER_FORM}', 100);
            UPDATE registration SET form = '{OTHER_FORM}'""",
    )


def test_erased_person_is_not_registered_by_a_concurrent_confirmation(
    service: RegistrationService, coordinator: dict[str, Any]
) -> None:
    """The decider has read their candidate, and waits for seats of a form that the erasure does not lock."""
    service.register(1)
    service.cancel(1)
    move_to_another_form(service)
    service.submit(answers(1))
    service.decide()
    send(service, Act.CONFIRM)
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")

    def erase() -> int:
        wanted = {"reason": "asked", "scope": "address"}
        path = f"/v1/registrations/{identity}/erasure"
        return int(service.client.post(path, json=wanted, headers=coordinator).status_code)

    with ThreadPoolExecutor(1) as pool:
        with held_up_decider(service, f"SELECT FROM seat WHERE form = '{WEBINAR}' FOR UPDATE"):
            erasing = pool.submit(erase)
            poll_until(lambda: erasing.done() or waiting_for_locks(service.url) == 2, what="it waits too, or has ended")
        assert erasing.result() == 200
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert rows(service.url, "SELECT count(*) FROM registration WHERE email IS NOT NULL") == [(0,)]


def test_answers_that_retention_drops_are_not_written_back(service: RegistrationService) -> None:
    """Retention skips what the decider has locked, and takes it in its next tick."""
    service.enrol(answers(1, access_needs="a ramp"))
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    service.submit(answers(1, country="FR"))
    service.decide()
    send(service, Act.REPLACE, identity)
    last_day = service.clock() + timedelta(days=30)
    rows(service.url, "UPDATE event_copy SET starts_at = %s, ends_at = %s", last_day, last_day)
    due, tend = last_day + timedelta(days=14, seconds=1), service.work("tend")
    retaining(service.outgoing).run_once(tend, due - timedelta(hours=25))
    state = "SELECT country, sealed IS NOT NULL FROM registration"
    with held_up_decider(service, "LOCK TABLE blocked_address"):  # read after the registrations
        retaining(service.outgoing).run_once(tend, due)
        assert rows(service.url, state) == [("CH", True)]
    assert rows(service.url, state) == [("FR", True)]
    retaining(service.outgoing).run_once(tend, due)
    assert rows(service.url, state) == [("FR", False)]


def test_retention_leaves_alone_what_the_same_person_has_submitted_since(service: RegistrationService) -> None:
    """Their registration of last year goes; what waits for them, and what is not decided yet, is not lost."""
    service.register(1)
    service.cancel(1)
    move_to_another_form(service)
    service.submit(answers(1, name="This Year"))
    service.decide()
    service.submit(answers(1, name="Not Decided"))
    long_ago = service.clock() - timedelta(days=91)
    rows(service.url, "UPDATE registration SET accepted_at = %s, cancelled_at = %s", long_ago, long_ago)
    rows(service.url, "UPDATE registration_change SET changed_at = %s", long_ago)
    service.announce_and_tend(service.clock() + timedelta(minutes=1))
    assert rows(service.url, "SELECT erased_at IS NOT NULL FROM registration") == [(True,)]
    service.decide()
    assert rows(service.url, "SELECT content ->> 'name' FROM candidate ORDER BY submission") == [
        ("This Year",),
        ("Not Decided",),
    ]
    assert service.client.get(f"/c/{service.confirmation_token(ADDRESS)}").status_code == 200
