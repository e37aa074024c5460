"""Maps the rows of a table to the answers of a form, checks each, and predicts its outcome: the dry run.

The dry run writes nothing. What is sealed is encrypted as soon as it is read.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.registration.forms.model import COLUMNS
from services.registration.forms.store import StoredForm
from services.registration.importing.cell_reading import (
    CellUnreadable,
    Read,
    read_instant,
    read_language,
    read_status,
    unknown_texts,
)
from services.registration.importing.cell_reading import reader_of as value_reader
from services.registration.importing.model import (
    LANGUAGE,
    RECEIVED_AT,
    STATUS,
    TIME_ZONE,
    ColumnMapping,
    Fate,
    FileLine,
    PreparedRow,
    RowFault,
)
from services.registration.intake.desk_items import CoordinatorEntry, DeskAct
from services.registration.intake.facts import BatchPlan, Facts
from services.registration.intake.facts_store import preview_facts
from services.registration.intake.model import FormContent, changed_fields, content_from_json, content_to_json
from services.registration.intake.storing import Entered, changed_content, enter
from services.registration.people.references import References
from services.registration.sealing.encryption import seal_answers
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.when import known_zone
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import ADDRESS_FIELD, folded
from shared.public_forms.validation import validate
from shared.runtime.clock import FIRST_YEAR, parse_rfc3339, rfc3339
from shared.runtime.ids import new_id
from shared.vocabulary.form_kinds import PROPOSAL

REASONS = {
    "ambiguous-date": "The date is ambiguous: choose which comes first, day or month.",
    "unknown-status": "This status is not known.",
    "not-a-choice": "This is not one of the choices.",
    "bad-date": "This is not a date.",
    "future": "This time is in the future.",
    "too-early": f"This time is before {FIRST_YEAR}.",
    "extra-cells": "The row has more cells than the header row.",
    "unknown-zone": "The time zone of this time is not known: write an offset such as +02:00, or leave the column out.",
    "bad-zone": "This is not a time zone.",
}

LEFT_OUT = {
    "cancelled": "Cancelled or withdrawn.",
    "denied": "Not accepted.",
    "undecided": "Not decided yet.",
    "unpaid": "Not paid yet.",
}
"""Why a row is left out, by the meaning of its status."""

YIELD_EVERY = 100
"""Rows after which the process yields to its other requests."""


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads rows of one import.

    Attributes:
        import_id: the id of the import, which binds sealed answers to their row.
        definition: the definition of the form, with the existing working groups.
        asked: the same definition, in which nothing is required that no column has.
        mapping: the mapping of the columns.
        headings: the headings of the table.
        public_key: the public key of the form's sealed answers, 32 bytes; None without.
        now: the time; no row was received later.
    """

    import_id: str
    definition: FormDefinition
    asked: FormDefinition
    mapping: ColumnMapping
    headings: tuple[str, ...]
    public_key: bytes | None
    now: datetime
    readers: Mapping[str, Read]
    places: Mapping[str, tuple[int, ...]]

    def read(self, line: FileLine) -> PreparedRow:
        """Return the row as it would be imported, or why it is refused. Its fate is not decided yet: ``confirmed``."""
        faults: list[RowFault] = []
        if len(line.cells) > len(self.headings):
            faults.append(RowFault("", "extra-cells", REASONS["extra-cells"]))
        place = self._own(line, STATUS, read_status, faults) or "seat"
        if place in LEFT_OUT:
            why = RowFault(self._heading(STATUS), place, LEFT_OUT[place], places=self.places[STATUS])
            return PreparedRow(line.number, Fate.LEFT_OUT, cells=line.cells, faults=(why,))
        received = self._own(line, RECEIVED_AT, self._instant, faults)
        language = self._own(line, LANGUAGE, read_language, faults) or self.mapping.language
        zone = self._own(line, TIME_ZONE, _read_zone, faults)
        raw = self._answers(line, faults)
        checked = validate(self.asked, raw)
        bad = {fault.heading for fault in faults}
        for error in checked.errors:
            name = error.pointer.removeprefix("/")
            if error.code == "not-asked" and name not in self.places:
                continue  # a consent that the form does not ask of this person: it is not given
            heading = self._heading(name)
            if heading not in bad:
                unknown = self._unknown(line, name, raw) if error.code == "not-a-choice" else ()
                faults.append(RowFault(heading, error.code, error.message, unknown, self.places.get(name, ())))
        if faults:
            return PreparedRow(line.number, Fate.REFUSED, cells=line.cells, faults=tuple(faults))
        content = self._content(line, checked.values, checked.sealed, language, zone)
        return PreparedRow(
            line.number,
            Fate.CONFIRMED,
            content_to_json(content),
            tuple(name for name in checked.values if name != ADDRESS_FIELD),
            rfc3339(received) if received else "",
            place == "wait",
        )

    def _own(self, line: FileLine, target: str, read: Any, faults: list[RowFault]) -> Any:
        text = self._text(line, target)
        if not text:
            return None
        try:
            return read(text)
        except CellUnreadable as error:
            faults.append(self._unreadable(target, error))
            return None

    def _instant(self, text: str) -> datetime:
        found = read_instant(text, self.mapping.date_order)
        if found.year < FIRST_YEAR:
            raise CellUnreadable("too-early")
        if found > self.now:
            raise CellUnreadable("future")
        return found

    def _answers(self, line: FileLine, faults: list[RowFault]) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for name, read in self.readers.items():
            text = self._text(line, name)
            if text:
                try:
                    answers[name] = read(text)
                except CellUnreadable as error:
                    faults.append(self._unreadable(name, error))
        for consent in self.definition.consents:
            if consent.required and consent.name not in self.places:
                answers[consent.name] = True  # the coordinator who confirms the import states how they agreed
        return answers

    def _unreadable(self, target: str, error: CellUnreadable) -> RowFault:
        reason = REASONS.get(error.code, error.code)
        return RowFault(self._heading(target), error.code, reason, places=self.places.get(target, ()))

    def _unknown(self, line: FileLine, name: str, raw: Mapping[str, Any]) -> tuple[str, ...]:
        return unknown_texts(self.definition.field(name), self._text(line, name), raw.get(name))

    def _text(self, line: FileLine, target: str) -> str:
        return " ".join(text for place in self.places.get(target, ()) if (text := line.cells[place].strip()))

    def _heading(self, target: str) -> str:
        return ", ".join(self.headings[place] for place in self.places.get(target, ()))

    def _content(
        self, line: FileLine, values: Mapping[str, Any], sealed: Mapping[str, Any], language: str, zone: str | None
    ) -> FormContent:
        reference = hashlib.sha256(f"import/{self.import_id}/{line.number}".encode()).hexdigest()
        given = bool(sealed) and self.public_key is not None
        return FormContent(
            email=values["email"],
            language=str(values.get("language") or language),
            name=values.get("name"),
            organisation=values.get("organisation"),
            working_group=values.get("working_group"),
            representative=bool(values.get("representative")),
            country=values.get("country"),
            time_zone=values.get("time_zone") or zone,
            answers={name: value for name, value in values.items() if name not in COLUMNS},
            sealed=self._sealed(sealed, reference) if given else None,
            sealed_for=(reference,) if given else (),
            consent=self._consent(values, language),
            title=values.get("title") if self.definition.kind == PROPOSAL else None,
        )

    def _sealed(self, sealed: Mapping[str, Any], reference: str) -> bytes:
        every = {field.name: sealed.get(field.name) for field in self.definition.fields if field.sealed}
        assert self.public_key is not None
        return seal_answers(self.public_key, self.definition.slug, reference, every)

    def _consent(self, values: Mapping[str, Any], language: str) -> dict[str, dict[str, object]]:
        return {
            field.name: {
                "wording": field.label.in_language(language),
                "language": language,
                "version": self.definition.version,
            }
            for field in self.definition.consents
            if values.get(field.name)
        }


def _read_zone(text: str) -> str:
    if known_zone(text.strip()) is None:
        raise CellUnreadable("bad-zone")
    return text.strip()


def make_reader(
    import_id: str,
    definition: FormDefinition,
    mapping: ColumnMapping,
    headings: Sequence[str],
    public_key: bytes | None,
    now: datetime,
) -> RowReader:
    """Return what reads the rows of a table; see :class:`RowReader`."""
    position = {heading: number for number, heading in enumerate(headings)}
    places: dict[str, tuple[int, ...]] = {}
    for heading, target in mapping.columns.items():
        if heading in position:
            places[target] = tuple(sorted((*places.get(target, ()), position[heading])))
    mapped = [field for field in definition.fields if field.name in places]
    asked = replace(
        definition,
        fields=tuple(
            field if field.name in places or field.kind.is_consent else replace(field, required=False)
            for field in definition.fields
        ),
    )
    chosen = {name: {folded(text): value for text, value in table.items()} for name, table in mapping.values.items()}
    readers = {field.name: value_reader(field, chosen.get(field.name, {}), mapping.date_order) for field in mapped}
    return RowReader(import_id, definition, asked, mapping, tuple(headings), public_key, now, readers, places)


def read_rows(reader: RowReader, lines: Sequence[FileLine]) -> Iterator[PreparedRow]:
    """Read rows in order; yields to other requests of the process every ``YIELD_EVERY`` rows."""
    for number, line in enumerate(lines):
        if number % YIELD_EVERY == 0:
            time.sleep(0)  # yields to other requests of the process
        yield reader.read(line)


READ_TOGETHER = 2000

PREVIEW = DeskAct("", "")
"""Name in place of the coordinator's: a check stores nothing."""

REFUSALS = {
    Entered.FULL: "There is no seat left, and no waiting list.",
    Entered.OPTION_FULL: "A choice in this row has no places left.",
    Entered.TOO_MANY: "This address already has as many people as the form allows.",
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
class _RowsBefore:
    """What the rows before were about.

    Attributes:
        first_at: the first line of each person.
        address_at: the first line of each address that was not refused.
        added: the people whom these rows register.
    """

    first_at: dict[bytes, int] = field(default_factory=dict)
    address_at: dict[bytes, int] = field(default_factory=dict)
    added: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RowChecker:
    """Determines the fate of rows.

    Attributes:
        work: the unit of work on the service's database.
        references: the maker of the keyed hashes of addresses and people.
        form: the form on which people are registered.
        now: the time of the dry run.
    """

    work: UnitOfWork
    references: References
    form: StoredForm
    now: datetime

    def check(self, rows: Sequence[PreparedRow]) -> Iterator[PreparedRow]:
        """Yield each row with its fate, in order."""
        facts: Facts | None = None
        before = _RowsBefore()
        for start in range(0, len(rows), READ_TOGETHER):
            some = list(self._entries(rows[start : start + READ_TOGETHER]))
            refs = sorted({entry.address.ref for _, entry in some if entry is not None})
            with self.work.transaction() as connection:
                facts = preview_facts(connection, self.form, refs, facts)
            for row, entry in some:
                yield row if entry is None else self._fate(facts, row, entry, before)

    def _entries(self, rows: Iterable[PreparedRow]) -> Iterator[tuple[PreparedRow, CoordinatorEntry | None]]:
        for number, row in enumerate(rows):
            if number % YIELD_EVERY == 0:
                time.sleep(0)  # yields to other requests of the process
            yield row, entry_of(self.references, self.form.slug, row, self.now)

    def _fate(self, facts: Facts, row: PreparedRow, entry: CoordinatorEntry, before: _RowsBefore) -> PreparedRow:
        twin = before.first_at.setdefault(entry.person, row.line)
        if twin != row.line:
            return replace(row, fate=Fate.DUPLICATE, twin=twin, content=None)
        live = list(facts.of(entry.form, entry.address.ref))
        known = next((registration for registration in live if registration.person == entry.person), None)
        changes = () if known is None else changed_fields(known.content, changed_content(known, entry))
        result = enter(facts, BatchPlan(), entry, new_id, PREVIEW, change=True)
        if result in REFUSALS:
            return refused(row, result)
        line = before.address_at.setdefault(entry.address.ref, row.line)
        decided = replace(row, fate=FATES[result], changes=changes)
        if known is not None:
            return decided
        registered = any(registration.person not in before.added for registration in live)
        before.added.add(entry.person)
        if self.form.kind == PROPOSAL:  # one person may make several
            return decided
        return replace(decided, address_registered=registered, address_line=line if line != row.line else 0)


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
