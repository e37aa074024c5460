"""The processes ``decide`` and ``tend``: their loops, until they are asked to stop.

``decide`` decides submissions, and between batches processes confirmed imports, one batch of rows per transaction.
``tend`` does what is due by time: offers expire, reservations end, those who wait are promoted, people are reminded of
missing details, and what was kept long enough is deleted. ``tend`` does nothing of it while this process's clock
differs from the database's, and ends and deletes nothing after both have jumped. It holds no private key.
"""

# size: constructs the loops of every feature

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.cleanup import RULES
from services.registration.forms.changes import end_reservations
from services.registration.importing import store
from services.registration.importing.model import Fate, PeopleImport, PreparedRow, RowFault
from services.registration.importing.rows import FATES, REFUSALS, entry_of, refused
from services.registration.importing.store import make_vault
from services.registration.intake import queue
from services.registration.intake.decider import Decider
from services.registration.intake.desk_items import CoordinatorEntry, DeskAct
from services.registration.intake.mailboxes import overdue_mails, total_budget
from services.registration.intake.queue import backlog, publish_key
from services.registration.intake.reading import DeciderKeys
from services.registration.intake.storing import Entered
from services.registration.people.counting import fold_counts
from services.registration.people.decisions import end_lapsed, expire_offers
from services.registration.people.details import remind_of_details
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from services.registration.people.waiting_list import count_to_decide, promote_due, promoting
from services.registration.privacy.retention import retaining
from services.registration.settings import RegistrationSettings
from services.registration.telemetry import (
    confirmation_mail_oldest_overdue_age_seconds,
    confirmation_mails_budget,
    confirmation_mails_last_hour,
    confirmation_mails_overdue,
    forms_with_seats_to_decide,
    submission_oldest_undecided_age_seconds,
    submissions_parked,
    submissions_undecided,
)
from shared.db.cleanup import Cleanup
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.runner import Stop
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Vault

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
"""At one batch: then the import stops, and the decider continues without it."""


@dataclass(frozen=True, slots=True)
class ImportRun:
    """Imports people.

    Attributes:
        work: the unit of work on the service's database.
        clock: the clock of this process, compared with the database's.
        decider: the decider, which registers people.
        references: the maker of the keyed references of addresses and people.
        vault: the vault that decrypts the rows.
    """

    work: UnitOfWork
    clock: CheckedClock
    decider: Decider
    references: References
    vault: Vault = field(repr=False)

    def run_once(self) -> int:
        """Import one batch; returns how many rows it had, 0 if nothing is to do.

        Raises:
            Unavailable: the database is down; nothing is lost.
        """
        begun = self._begin()
        if not begun:
            return 0
        with self.work.transaction() as connection:
            now = self._time(connection)
            people = store.lock_running(connection) if now is not None else None
            if now is None or people is None:
                store.take_back_attempt(connection, begun)  # another process decides: nothing was tried
                return 0
            batch = store.next_batch(connection, self.vault, people.id)
            if batch is None:
                self._finish(connection, people, now)
                return 1
            done = self._register(connection, people, batch[1], now)
            store.finish_batch(connection, self.vault, people.id, batch[0], done)
            counts = Counter(people.counts) + Counter(row.fate.value for row in done)
            store.store_counts(connection, people.id, dict(counts))
        return len(done)

    def _begin(self) -> str:
        """Count the attempt in a separate transaction; returns the id of the import to run, empty for none."""
        with self.work.transaction() as connection:
            now = self._time(connection)
            people = store.lock_running(connection) if now is not None else None
            if now is None or people is None:
                return ""
            if store.begin_attempt(connection, people.id) <= MAX_ATTEMPTS:
                return people.id
            store.store_finished(connection, people.id, "failed", now, "a batch of rows could not be stored")
            log.error("an import has failed several times and is stopped", extra={"import_id": people.id})
            return ""

    def _time(self, connection: Connection) -> datetime | None:
        return self.clock.compared_now("import", connection) if queue.try_lead(connection) else None

    def _register(
        self, connection: Connection, people: PeopleImport, rows: list[PreparedRow], now: datetime
    ) -> list[PreparedRow]:
        entries = {row.line: self._entry(people, row, now) for row in rows}
        wanted = [entry for entry in entries.values() if entry is not None]
        erased = store.erased_since(connection, people.form, people.created_at)
        by = DeskAct(people.confirmed_by or people.created_by, "imported from a file", people.choice.mail)
        kept = [entry for entry in wanted if entry.address.ref not in erased]
        results = self.decider.enter(connection, kept, by, now, change=people.choice.changes)
        return [self._done(row, entries[row.line], results) for row in rows]

    def _entry(self, people: PeopleImport, row: PreparedRow, now: datetime) -> CoordinatorEntry | None:
        entry = entry_of(self.references, people.form, row, now)
        if entry is None:
            return None
        waits = entry.waits or people.choice.seats == "waiting-list"
        by, reason = people.confirmed_by, people.choice.reason
        consent = {
            name: {**given, "imported_by": by, "imported_because": reason}
            for name, given in entry.content.consent.items()
        }
        return replace(entry, waits=waits, content=replace(entry.content, consent=consent))

    def _done(self, row: PreparedRow, entry: CoordinatorEntry | None, results: dict[int, Entered]) -> PreparedRow:
        """What became of a row, without anything that it held."""
        bare = PreparedRow(row.line, row.fate, faults=row.faults, twin=row.twin)
        if entry is None:
            return bare
        result = results.get(entry.number)
        if result is None:
            gone = RowFault("", "erased", "This person was erased after the file was uploaded.")
            return replace(bare, fate=Fate.REFUSED, faults=(gone,))
        return refused(bare, result) if result in REFUSALS else replace(bare, fate=FATES[result])

    def _finish(self, connection: Connection, people: PeopleImport, now: datetime) -> None:
        store.store_finished(connection, people.id, "done", now)
        detail = {"form": people.form, "rows": dict(people.counts)}
        who = people.confirmed_by or people.created_by
        add_audit_record(connection, AuditRecord(who, "people-imported", "import", people.id, detail), now)


IDLE_PAUSES_S = (0.025, 0.05, 0.1, 0.2)
"""Pauses while there is nothing to do, seconds; the last one repeats."""

OUTAGE_PAUSE_S = 1.0

OTHER_WORK_EVERY_S = 1.0
"""How often an idle worker polls for due mails and for imports, seconds. It polls for submissions, for which a person
waits, at each tick; polling for all three each time takes three times the CPU."""

GAUGES_EVERY_S = 10.0
"""How often the backlog is read for the metrics, seconds."""


def make_decider(settings: RegistrationSettings, work: UnitOfWork, clock: CheckedClock) -> Decider:
    """Return the decider of this process; its public key is published before this returns.

    Raises:
        SettingsError: the newest key does not open what is sealed to it.
        Unavailable: the database is down.
    """
    publish_key(work, settings.decider_keys, clock())
    keys = DeciderKeys(settings.decider_keys, References(settings.person_keys[0]))
    messages = RegistrationMessages(settings.notifications_key, settings.events_key)
    return Decider(
        work,
        clock,
        keys,
        messages,
        mails_an_hour=settings.confirmation_mails_an_hour,
        unverified_a_day=settings.unverified_a_day,
        seat_held_days=settings.seat_held_days,
    )


def make_import_run(
    settings: RegistrationSettings, work: UnitOfWork, clock: CheckedClock, decider: Decider
) -> ImportRun:
    """Return what imports people between the batches of ``decider``."""
    person_key = settings.person_keys[0]
    return ImportRun(work, clock, decider, References(person_key), make_vault(person_key))


def run_decider(settings: RegistrationSettings, work: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
    """Decide until ``stop``; while the database is down, wait for it."""
    decider: Decider | None = None
    imports: ImportRun | None = None
    idle, gauges_at, around_at = 0, 0.0, 0.0
    while not stop:
        try:
            if time.monotonic() >= gauges_at:  # before deciding: what ends the process must not hide the backlog
                set_intake_gauges(work, clock(), settings.confirmation_mails_an_hour)
                gauges_at = time.monotonic() + GAUGES_EVERY_S
            decider = decider or make_decider(settings, work, clock)
            imports = imports or make_import_run(settings, work, clock, decider)
            around = time.monotonic() >= around_at
            done = decider.run_once(mails=around) + (imports.run_once() if around else 0)
            if done or around:
                around_at = 0.0 if done else time.monotonic() + OTHER_WORK_EVERY_S
            idle = 0 if done else idle + 1
            pause_s = IDLE_PAUSES_S[min(idle, len(IDLE_PAUSES_S)) - 1] if idle else 0.0
        except Unavailable as error:
            log.warning("decide waits", extra={"reason": error.reason})
            pause_s = OUTAGE_PAUSE_S
        if pause_s:
            stop.wait(pause_s)


def set_intake_gauges(work: UnitOfWork, now: datetime, mails_an_hour: int) -> None:
    """Read the backlog of the intake and set its metrics.

    Every decider does so, also a standby: the age has to grow while the leader is stuck.

    Raises:
        Unavailable: the database is down; the metrics keep their values.
    """
    with work.transaction() as connection:
        undecided, oldest, parked = backlog(connection)
        overdue, due_since = overdue_mails(connection, now)
        sent, budget = total_budget(connection, now, mails_an_hour)
    submissions_undecided.set(undecided)
    submission_oldest_undecided_age_seconds.set(_age_s(oldest, now))
    submissions_parked.set(parked)
    confirmation_mails_overdue.set(overdue)
    confirmation_mails_last_hour.set(sent)
    confirmation_mails_budget.set(budget)
    confirmation_mail_oldest_overdue_age_seconds.set(_age_s(due_since, now))


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


TEND_EVERY_S = 5.0
TEND_AGAIN_S = 0.25
"""Where there was more than a batch to delete."""


class Tending:
    """The loop of one process; any number may run, and each skips the rows that another has locked.

    Args:
        work: the unit of work on the service's database.
        clock: the clock of this process, compared with the database's before each tick.
        messages: the writer of registration messages to the outbox.
    """

    def __init__(self, work: UnitOfWork, clock: CheckedClock, messages: RegistrationMessages) -> None:
        self._work, self._clock, self._messages = work, clock, messages
        self._cleanup = Cleanup(work, "registration", RULES)
        self._retention = retaining(messages)

    def run(self, stop: Stop) -> None:
        """Tick every ``EVERY_S`` seconds until ``stop``; while the database is down, wait for it."""
        while not stop:
            try:
                more = self.tick()
            except Unavailable as error:
                log.warning("tend waits", extra={"reason": error.reason})
                more = False
            stop.wait(TEND_AGAIN_S if more else TEND_EVERY_S)

    def tick(self) -> bool:
        """Do a batch of everything that is due, nothing while the clock is wrong; returns whether to continue at once.

        Raises:
            Unavailable: the database is down; the next tick continues.
        """
        now = self._clock.compared_now("promotion")
        if now is None:
            return False
        more = self._end_due()
        more = fold_counts(self._work) or more
        promote_due(self._work, self._messages, now)
        forms_with_seats_to_decide.set(count_to_decide(self._work, now))
        remind_of_details(self._work, self._messages, now)
        return more

    def _end_due(self) -> bool:
        """Delete and end what is due; nothing after a jump of the time."""
        now = self._clock.final_now("tending")
        if now is None:
            return False
        more = self._cleanup.run_once(now)
        expire_offers(self._work, self._messages, now)
        more = end_lapsed(self._work, self._messages, now) or more
        end_reservations(self._work, promoting(self._messages), now)
        self._retention.run_once(self._work, now)
        return more
