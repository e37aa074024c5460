"""The waiting list: free seats go to those who wait, in the transaction that frees them, or when time alone does.

Time frees one where it was withheld because the event was postponed, for instance. Each decision is recorded, with
the reason why those who go on waiting got no seat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.forms.changes import Promote
from services.registration.forms.seats import Promotion, Seats, decide_promotion, promote
from services.registration.forms.store import StoredForm, find_form, lock_seats, save_seats
from services.registration.people.messages import PROMOTED, RegistrationMessages, fact_about
from services.registration.people.store import Person, next_in_line, store_change, store_confirmed
from shared.store.unit_of_work import UnitOfWork

_NOTE = text("""
    INSERT INTO promotion (form, decided_at, cause, capacity, free, waiting, promoted, withheld)
    VALUES (:form, :decided_at, :cause, :capacity, :free, :waiting, :promoted, :withheld)
""")
_WHILE_WAITING = text("""
    SELECT p.decided_at, p.cause, p.capacity, p.free, p.waiting, p.promoted, p.withheld
    FROM promotion p
    WHERE p.form = :form AND p.decided_at >= :since AND (CAST(:until AS timestamptz) IS NULL OR p.decided_at < :until)
    ORDER BY p.id DESC LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class PromotionLine:
    """One decision about a form's waiting list.

    Attributes:
        cause: what may have freed a seat.
        capacity: then in force; None for no limit.
        free: seats that were free before anybody was promoted; None for no limit.
        waiting: how many waited before.
        promoted: how many of them got a seat, from the front of the line but for ``out-of-turn``.
        withheld: why the others did not: ``no-free-seat``, ``too-late``, ``not-taking-place`` or ``out-of-turn``;
            empty if nobody was left.
    """

    decided_at: datetime
    cause: str
    capacity: int | None
    free: int | None
    waiting: int
    promoted: int
    withheld: str


def note_promotion(connection: Connection, form: str, line: PromotionLine) -> None:
    """Add a line."""
    values = {name: getattr(line, name) for name in PromotionLine.__slots__}
    connection.execute(_NOTE, {**values, "form": form})


def promotions_between(
    connection: Connection, form: str, since: datetime, until: datetime | None, most: int
) -> Sequence[PromotionLine]:
    """Up to ``most`` decisions about a form's waiting list, from ``since`` on and before ``until``, newest first."""
    values = {"form": form, "since": since, "until": until, "most": most}
    return [PromotionLine(*row) for row in connection.execute(_WHILE_WAITING, values)]


_WAITING = text("""
    SELECT form FROM seat WHERE waiting > 0 AND (capacity IS NULL OR capacity > confirmed) ORDER BY form
""")


def promote_waiting(
    connection: Connection,
    messages: RegistrationMessages,
    form: StoredForm,
    seats: Seats,
    now: datetime,
    reason: str,
) -> list[Person]:
    """Confirm as many of those who wait as the one inequality allows, in order of receipt, and store the seats.

    What was decided is recorded, for those who go on waiting too.

    Args:
        connection: of a transaction that holds the lock on the form's seats.
        messages: of the service.
        form: as it was locked.
        seats: as they are after whatever freed one.
        now: the time.
        reason: why somebody is promoted, for the history that coordinators see.

    Returns:
        who was confirmed, as they were before.
    """
    decided = decide_promotion(form.opening, seats, form.notice, now)
    waiting = next_in_line(connection, form.slug, decided.count) if decided.count else []
    facts = []
    for person in waiting:
        fact = fact_about(PROMOTED, person, status="confirmed", revision=person.registration.revision + 1)
        store_confirmed(connection, fact.registration, seats.capacity, now)
        store_change(connection, fact.registration, reason, now, seats.capacity)
        facts.append(fact)
    messages.add(connection, facts, now)
    if seats.waiting:
        note_promotion(connection, form.slug, _line(seats, decided, waiting, reason, now))
    save_seats(connection, form.slug, promote(seats, len(waiting)))
    return waiting


def _line(seats: Seats, decided: Promotion, promoted: list[Person], cause: str, now: datetime) -> PromotionLine:
    return PromotionLine(
        decided_at=now,
        cause=cause,
        capacity=seats.capacity,
        free=seats.free,
        waiting=seats.waiting,
        promoted=len(promoted),
        withheld=decided.withheld,
    )


def promoting(messages: RegistrationMessages) -> Promote:
    """Return :func:`promote_waiting` with the messages of the service, as changes of a form call it."""
    return lambda connection, form, seats, now, reason: promote_waiting(connection, messages, form, seats, now, reason)


def promote_due(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """Give free seats to those who wait on each form, in a transaction for each.

    Args:
        work: on the service's database. The caller calls again and again.
        messages: of the service.
        now: of a checked clock.
    """
    with work.transaction() as connection:
        forms = list(connection.execute(_WAITING).scalars())
    for slug in forms:
        with work.transaction() as connection:
            lock_seats(connection, slug)
            form = find_form(connection, slug)
            if form is not None and decide_promotion(form.opening, form.seats, form.notice, now).count:
                promote_waiting(connection, messages, form, form.seats, now, "a free seat could be given again")
