"""The decider: one worker at a time opens what is stored, decides it in order, and writes the outcome.

Leadership is a lock on a table inside each transaction, so any number of standby workers may run, also behind a
transaction pooler, and a worker that hangs loses the lock with its transaction. An advisory lock would be open to every
login. The decider must never open a sealed
answer, or decide twice.
"""

# size: one transaction that reads, decides and writes; each import is one of its steps

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy import Connection

from services.registration.intake import facts_store, plan_store, queue
from services.registration.intake.deciding import decide
from services.registration.intake.desk_items import CoordinatorEntry, DeskAct, Enter
from services.registration.intake.due_mails import DueMails
from services.registration.intake.facts import (
    UNVERIFIED_A_DAY,
    BatchPlan,
    Facts,
)
from services.registration.intake.items import Addressed, Confirm, Item, Submission, UndoAddress, refs_of
from services.registration.intake.mail_lines import CONFIRMATION_MAILS_AN_HOUR
from services.registration.intake.model import ActResult, Result, SubmissionOutcome
from services.registration.intake.plan_writer import PlanWriter
from services.registration.intake.reading import (
    DeciderKeys,
    OpenedRow,
    decided_for,
    find_named,
    open_rows,
    owner_of,
    parts_of,
    read_items,
)
from services.registration.intake.received import Links, QueuedRow
from services.registration.intake.storing import Entered, enter
from services.registration.people.lapsing import SEAT_HELD_DAYS
from services.registration.people.messages import (
    RegistrationMessages,
)
from services.registration.privacy.erasure import erase_by_link
from services.registration.telemetry import submissions_decided_total
from shared.calendar.entries import personal_key
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.ids import new_id
from shared.vocabulary.form_kinds import FORM_KINDS


class Decider:
    """Decides batches and sends the confirmation mails that are due.

    Args:
        work: the unit of work on the service's database.
        clock: the clock of this process, compared with the database's.
        keys: the decider's private keys and the keyed references.
        messages: the writer of registration messages to the outbox.
        name: a UUID text that no other process has; a new one by default.
        mails_an_hour: the hourly budget of confirmation mails to all domains together.
        unverified_a_day: the daily quota of forms without verification.
        seat_held_days: the days for which a registration on such a form holds its place until its owner uses a link.
    """

    def __init__(
        self,
        work: UnitOfWork,
        clock: CheckedClock,
        keys: DeciderKeys,
        messages: RegistrationMessages,
        name: str = "",
        mails_an_hour: int = CONFIRMATION_MAILS_AN_HOUR,
        unverified_a_day: int = UNVERIFIED_A_DAY,
        seat_held_days: int = SEAT_HELD_DAYS,
    ) -> None:
        self._work, self._clock, self._keys, self._messages = work, clock, keys, messages
        self._name = name or new_id()
        self._writer, self._due = PlanWriter(keys, messages), DueMails(work, clock, messages, mails_an_hour)
        self._unverified_a_day, self._seat_held = unverified_a_day, timedelta(days=seat_held_days)
        self._outage = False

    def run_once(self, *, mails: bool = True) -> int:
        """Decide one batch, then send the mails that are due; returns how many submissions and mails.

        Args:
            mails: False sends mails only after a batch was decided; mails that only become due by time then wait.

        Raises:
            Unavailable: the database is down; nothing is lost, and no attempt is counted.
        """
        try:
            numbers = self._begin()
            done = self._try(numbers) if numbers else 0
            mailed = self._due.send_links() + self._due.send_mails() if mails or numbers else 0
        except Unavailable as error:
            self._outage = error.reason != TIMED_OUT
            raise
        self._outage = False
        return done + mailed

    def _begin(self) -> list[int]:
        with self._work.transaction() as connection:
            if not queue.try_lead(connection):
                return []
            now = self._clock.compared_now("decide", connection)
            if now is None:
                return []
            numbers = queue.begin_attempt(connection, now, self._name, count_left_over=not self._outage)
        if numbers:
            reach("decide.claimed")
        return numbers

    def _try(self, numbers: Sequence[int]) -> int:
        """Decide the batch in one transaction. What it raises leaves the attempt behind, to be counted next time."""
        began_ns = time.time_ns()
        with ExitStack() as around, self._work.transaction() as connection:
            if not queue.try_lead(connection):
                queue.take_back_attempt(connection, self._name)
                return 0
            now = self._clock.compared_now("decide", connection)
            if now is None:
                queue.end_attempt(connection)  # the clock's fault, not that of a submission
                return 0
            rows = queue.read_rows(connection, numbers)
            opened = [] if _is_erasure(rows) else open_rows(connection, self._keys, rows)
            around.enter_context(decided_for(opened, began_ns))
            self._decide(connection, rows, opened, now)
            queue.end_attempt(connection)
            reach("decide.decided")
        reach("decide.committed")
        for row in rows:
            submissions_decided_total.labels(row.kind).inc()
        return len(rows)

    def _decide(
        self, connection: Connection, rows: Sequence[QueuedRow], opened: Sequence[OpenedRow], now: datetime
    ) -> None:
        if _is_erasure(rows):
            self._decide_erasure(connection, rows[0], now)
            return
        for part in parts_of(opened):
            self._decide_part(connection, part, now)

    def _decide_part(self, connection: Connection, part: Sequence[OpenedRow], now: datetime) -> None:
        hashes = [row.token_hash for row, _ in part if row.token_hash is not None]
        undo = facts_store.find_undo_links(connection, hashes)
        links = Links(facts_store.find_links(connection, hashes), undo, find_named(connection, part))
        items = read_items(connection, self._keys, part, links)
        refs = sorted({ref for item in items for ref in refs_of(item, links)})
        if any(isinstance(item, Confirm) for item in items):
            refs = facts_store.with_present_addresses(connection, refs)
        forms = {item.form for item in items if isinstance(item, Submission | Enter)}
        submissions = [item for item in items if isinstance(item, Submission)]
        facts = facts_store.read_facts(connection, forms, refs, submissions, now)
        facts.person_of = self._keys.references.person
        facts.unverified_a_day, facts.seat_held = self._unverified_a_day, self._seat_held
        former = [item.former for item in items if isinstance(item, UndoAddress)]
        undone = [link.registration for identity in former if (link := links.undo_of(identity)) is not None]
        facts_store.read_addresses(connection, facts, refs, undone)
        self._drop_erased(connection, facts, items, refs)
        plan = decide(facts, items, new_id, now)
        plan.calendar_keys = _calendar_keys(facts, items, plan)
        self._writer.write(connection, facts, plan, now)

    def enter(
        self, connection: Connection, entries: Sequence[CoordinatorEntry], by: DeskAct, now: datetime, *, change: bool
    ) -> dict[int, Entered]:
        """Register people for a coordinator, in the caller's transaction, under the same locks as every decision.

        Args:
            connection: the connection of a transaction that leads
                (:func:`services.registration.intake.queue.try_lead`).
            entries: the entries to register, all of one form.
            by: the coordinator.
            now: the time of a checked clock.
            change: whether answers of people who are registered already are changed.

        Returns:
            the outcome of each entry, by its number.
        """
        facts = facts_store.read_facts(
            connection,
            {entry.form for entry in entries},
            sorted({entry.address.ref for entry in entries}),
            [],
            now,
        )
        plan = BatchPlan()
        results = {entry.number: enter(facts, plan, entry, new_id, by, change=change) for entry in entries}
        self._writer.write(connection, facts, plan, now)
        return results

    def _decide_erasure(self, connection: Connection, row: QueuedRow, now: datetime) -> None:
        links = facts_store.find_links(connection, [row.token_hash] if row.token_hash else [])
        owner, result = owner_of(row, links), Result.GONE
        if owner is not None and owner.registration is not None:
            erase_by_link(connection, self._messages, owner.registration, now, row.number)
            result = Result.ERASED
        plan_store.store_outcomes(
            connection, BatchPlan(results={row.number: [ActResult("", row.form, "", result)]}), now
        )

    def _drop_erased(self, connection: Connection, facts: Facts, items: list[Item], refs: Sequence[bytes]) -> None:
        """What was received before its address was erased is treated as blocked: answered as ever, and not kept."""
        before = facts_store.erased_before(connection, refs)
        facts.dropped = frozenset(
            item.number
            for item in items
            if isinstance(item, Addressed)
            and item.number <= max(before.get((item.address.ref, form), 0) for form in _erased_forms(item))
        )


TIMED_OUT = "timed out"


def _calendar_keys(facts: Facts, items: Sequence[Item], plan: BatchPlan) -> dict[int, str]:
    """Return calendar keys: a hash of person and event; random where nothing about the person may be stored."""
    seated = [
        item
        for item in items
        if plan.outcomes.get(item.number) is SubmissionOutcome.CONFIRMED and isinstance(item, Submission)
    ]
    keys = {}
    for item in seated:
        form = facts.forms[item.form]
        if form.event is not None and FORM_KINDS[form.opening.kind].attends:
            dropped = item.number in facts.dropped
            keys[item.number] = token_hex(16) if dropped else personal_key(item.address.ref.hex(), form.event)
    return keys


def _is_erasure(rows: Sequence[QueuedRow]) -> bool:
    """Whether it is a command to erase, which must be the only item of its batch.

    Its content is not needed, so it never fails.
    """
    return bool(rows) and rows[0].kind == "erase"


def _erased_forms(item: Addressed) -> tuple[str, ...]:
    """Return the forms whose erasures also cover this item; the empty string means all forms."""
    return ("", item.form) if isinstance(item, Submission | Enter) else ("",)
