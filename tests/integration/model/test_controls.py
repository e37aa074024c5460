"""Negative controls: without one of the guards, the model finds an error. Only this test can remove one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import IntegrityError

from services.events.attendance import service as attendance
from services.events.attendance.store import Registered
from services.registration.forms import service
from services.registration.forms.seats import Seats
from services.registration.forms.store import StoredForm, save_seats
from services.registration.intake import deciding, due_mails, facts_store, mailboxes, plan_writer, queue
from services.registration.people import messages
from services.registration.people import store as registrations
from services.registration.people.messages import RegistrationMessages
from services.registration.privacy import retention
from shared.db import readiness
from shared.messaging import inbox
from tests.integration.model.databases import ModelDatabases
from tests.integration.model.machine import Machine
from tests.integration.model.test_model import SHORT

SEARCH = settings(SHORT, max_examples=400, phases=(Phase.generate,), report_multiple_bugs=False)
"""Finding it is enough: no one needs the shortest history."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Attributes:
    module: where it is.
    name: of what is replaced.
    broken: what takes its place, made from it.
    """

    module: Any
    name: str
    broken: Callable[[Any], Any]


def _forget_to_promote(_: object) -> Callable[..., list[object]]:
    def save(
        connection: Connection,
        messages: RegistrationMessages,
        form: StoredForm,
        seats: Seats,
        now: datetime,
        reason: str,
    ) -> list[object]:
        save_seats(connection, form.slug, seats)
        return []

    return save


def _always_older(find: Callable[[Connection, str], Registered]) -> Callable[[Connection, str], Registered]:
    return lambda connection, identity: replace(find(connection, identity), revision=0)


GUARDS = {
    "seats are given in order": Guard(
        registrations,
        "_NEXT_IN_LINE",
        lambda sql: text(sql.text.replace("r.submission LIMIT", "r.submission DESC LIMIT")),
    ),
    "no one is registered at once without a proof of work": Guard(deciding, "_use_proof", lambda _: lambda *_: True),
    "the next in line gets what is given back": Guard(plan_writer, "promote_waiting", _forget_to_promote),
    "submissions received before an erasure are dropped": Guard(facts_store, "erased_before", lambda _: lambda *_: {}),
    "a batch that was broken off is counted": Guard(
        queue, "_COUNT", lambda _: text("SELECT CAST(:numbers AS bigint[])")
    ),
    "mails to a mailbox are spaced": Guard(mailboxes, "next_mail_at", lambda _: lambda _step, sent_at: sent_at),
    "a confirmation link ends": Guard(due_mails, "LINK_LIFETIME", lambda lasts: lasts + timedelta(days=1)),
    "cancelling ends the links": Guard(messages, "end_links", lambda _: lambda *_: None),
    "a message is known again": Guard(
        inbox, "_ENTER", lambda _: text("SELECT unnest(CAST(:ids AS uuid[]))::text WHERE :consumer <> ''")
    ),
    "an older state of a registration changes nothing": Guard(attendance, "lock_registration", _always_older),
    "a wrong clock deletes nothing": Guard(readiness, "MAX_DIFFERENCE", lambda _: timedelta(days=999)),
    "no one is deleted unannounced": Guard(
        retention, "_DUE_PEOPLE", lambda sql: text(sql.text.partition(" AND EXISTS")[0] + " LIMIT :limit) due")
    ),
    "an older state of an event changes nothing": Guard(
        service, "_EVENT", lambda sql: text(sql.text.replace("WHERE event_copy.revision < excluded.revision", ""))
    ),
}


QUICKLY_FOUND = (
    "no one is registered at once without a proof of work",
    "submissions received before an erasure are dropped",
    "an older state of a registration changes nothing",
)
"""Those of `make test`, which shows that the model can find something; `make chaos` takes out all."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each guard that is taken out."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", GUARDS if metafunc.config.getoption("chaos") == "full" else QUICKLY_FOUND)


def test_statements_without_their_guard_have_the_same_parameters() -> None:
    """Most controls run in `make chaos` alone, so a renamed parameter would be noticed late."""
    for name, guard in GUARDS.items():
        whole = getattr(guard.module, guard.name)
        if isinstance(whole, TextClause):
            assert set(guard.broken(whole).compile().params) <= set(whole.compile().params), name


@pytest.mark.timeout(900)
def test_model_finds_a_missing_guard(
    machine: type[Machine], databases: ModelDatabases, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    guard = GUARDS[name]
    whole = getattr(guard.module, guard.name)
    broken = guard.broken(whole)
    assert str(broken) != str(whole), "the guard is not where it was"
    monkeypatch.setattr(guard.module, guard.name, broken)
    databases.engines["registration"].dispose()  # its sessions have prepared the whole statement
    with pytest.raises((AssertionError, IntegrityError), match="Failing test case") as found:
        run_state_machine_as_test(machine, settings=SEARCH)
    databases.engines["registration"].dispose()
    print(f"{name}: {str(found.value).splitlines()[0]}")
