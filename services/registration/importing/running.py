"""Goes through confirmed imports, a batch of rows in each transaction, between the decider's own batches.

A batch and the note that it is done are one transaction, so a process that is killed leaves nothing half done, and the
next one goes on with the first batch that is not. Sealed answers are encrypted before they come here.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.importing import store
from services.registration.importing.model import Fate, PeopleImport, PreparedRow, RowFault
from services.registration.importing.rows import FATES, REFUSALS, entry_of, refused
from services.registration.intake import queue
from services.registration.intake.decider import Decider
from services.registration.intake.items import CoordinatorEntry, DeskAct
from services.registration.intake.storing import Entered
from services.registration.people.references import References
from shared.core.sealing import Vault
from shared.store.checked_clock import CheckedClock
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
"""At one batch: then the import stops, and the decider goes on without it."""


@dataclass(frozen=True, slots=True)
class ImportRun:
    """Imports people.

    Attributes:
        work: on the service's database.
        clock: of the process, compared with the database's.
        decider: registers people.
        references: what stands for addresses and people.
        vault: opens the rows.
    """

    work: UnitOfWork
    clock: CheckedClock
    decider: Decider
    references: References
    vault: Vault = field(repr=False)

    def run_once(self) -> int:
        """Import one batch; returns how many rows it had, 0 if nothing is to do.

        Raises:
            Unavailable: the database is away; nothing is lost.
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
        """Count the attempt, in a transaction of its own; the id of what is to be done, empty for nothing."""
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
        return self.clock.final_now("import", connection) if queue.try_lead(connection) else None

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
        note_deed(connection, Deed(who, "people-imported", "import", people.id, detail), now)
