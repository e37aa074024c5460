"""The dry run: what would become of each row as things stand. It writes nothing, and asks the rules of every entry."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.registration.forms.store import StoredForm
from services.registration.importing.model import Fate, PreparedRow, RowFault
from services.registration.importing.rows import YIELD_EVERY
from services.registration.intake.decider_store import preview_facts
from services.registration.intake.facts import Facts, Plan
from services.registration.intake.items import CoordinatorEntry, DeskAct
from services.registration.intake.model import changed_fields, content_from_json
from services.registration.intake.storing import Entered, changed_content, enter
from services.registration.people.references import References
from shared.core.clock import parse_rfc3339
from shared.core.ids import new_id
from shared.store.unit_of_work import UnitOfWork

READ_TOGETHER = 2000

PREVIEW = DeskAct("", "")
"""Stands for the coordinator: a check writes nothing."""

REFUSALS = {
    Entered.FULL: "There is no seat left, and no waiting list.",
    Entered.OPTION_FULL: "A choice in this row has no places left.",
    Entered.TOO_MANY: "The largest number of people for one address is registered with it already.",
    Entered.BLOCKED: "A coordinator has blocked this address.",
}
FATES = {
    Entered.CONFIRMED: Fate.CONFIRMED,
    Entered.WAITLISTED: Fate.WAITLISTED,
    Entered.SAME: Fate.SAME,
    Entered.KEPT: Fate.SAME,
    Entered.CHANGED: Fate.CHANGED,
}


@dataclass(frozen=True, slots=True)
class RowChecker:
    """Says the fate of rows.

    Attributes:
        work: on the service's database.
        references: what stands for addresses and people.
        form: that people are registered on.
        now: of the dry run.
    """

    work: UnitOfWork
    references: References
    form: StoredForm
    now: datetime

    def check(self, rows: Sequence[PreparedRow]) -> Iterator[PreparedRow]:
        """Yield each row with its fate, in order."""
        facts: Facts | None = None
        first_at: dict[bytes, int] = {}
        for start in range(0, len(rows), READ_TOGETHER):
            some = list(self._entries(rows[start : start + READ_TOGETHER]))
            refs = sorted({entry.address.ref for _, entry in some if entry is not None})
            with self.work.transaction() as connection:
                facts = preview_facts(connection, self.form, refs, facts)
            for row, entry in some:
                yield row if entry is None else self._fate(facts, row, entry, first_at)

    def _entries(self, rows: Iterable[PreparedRow]) -> Iterator[tuple[PreparedRow, CoordinatorEntry | None]]:
        for number, row in enumerate(rows):
            if number % YIELD_EVERY == 0:
                time.sleep(0)  # gives other requests of the process a turn
            yield row, entry_of(self.references, self.form.slug, row, self.now)

    def _fate(self, facts: Facts, row: PreparedRow, entry: CoordinatorEntry, first_at: dict[bytes, int]) -> PreparedRow:
        twin = first_at.setdefault(entry.person, row.line)
        if twin != row.line:
            return replace(row, fate=Fate.DUPLICATE, twin=twin, content=None)
        live = facts.of(entry.form, entry.address.ref)
        before = next((one for one in live if one.person == entry.person), None)
        changes = () if before is None else changed_fields(before.content, changed_content(before, entry))
        result = enter(facts, Plan(), entry, new_id, PREVIEW, change=True)
        if result in REFUSALS:
            return refused(row, result)
        return replace(row, fate=FATES[result], changes=changes)


def refused(row: PreparedRow, result: Entered) -> PreparedRow:
    """Return a row that is refused by a rule; it may be shown, and is not imported."""
    return replace(row, fate=Fate.REFUSED, content=None, faults=(RowFault("", result.value, REFUSALS[result]),))


def entry_of(references: References, form: str, row: PreparedRow, now: datetime) -> CoordinatorEntry | None:
    """Return a row as an entry; None for one that is not to be written.

    People of one file who came at the same time wait in the order of its lines, after those who came before.
    """
    if row.content is None:
        return None
    content = content_from_json(row.content)
    received = parse_rfc3339(row.received_at) if row.received_at else now
    return CoordinatorEntry(
        number=-row.line,
        form=form,
        received_at=received + timedelta(microseconds=row.line),
        content=content,
        address=references.address(content.email),
        person=references.person(content.email, content.name, content.title),
        fields=frozenset(row.fields),
        waits=row.waits,
    )


def count_fates(rows: Iterable[PreparedRow]) -> dict[str, int]:
    """Return how many rows have each fate."""
    return dict(Counter(row.fate.value for row in rows))
