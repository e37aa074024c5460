"""What coordinators do with an import: upload a file, map its columns, read the dry run, confirm, stop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.registration.forms.service import check_slug, working_groups
from services.registration.forms.standard_forms import with_working_groups
from services.registration.forms.store import StoredForm, find_form
from services.registration.importing import store
from services.registration.importing.mapping import (
    ProposedMapping,
    check_choice,
    check_mapping,
    mapping_from_json,
    mapping_to_json,
    propose,
    seen_form,
)
from services.registration.importing.model import (
    BATCH_ROWS,
    ColumnMapping,
    Fate,
    FileRefused,
    FileTable,
    ImportChoice,
    PeopleImport,
    PreparedRow,
    count_fates,
)
from services.registration.importing.rows import RowChecker, make_reader, read_rows
from services.registration.importing.table_reading import read_table
from services.registration.people.references import References
from services.registration.sealing.store import find_public_key
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.definition import FormDefinition, parse_definition
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Vault

MAX_LISTED = 100
OPEN_STATES = ("uploaded", "checked")


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import with its file as it is read.

    Attributes:
        form: the form of the import, as it is now.
        definition: the definition of the form, with the existing working groups.
        table: the table in the file; None once that is deleted.
        how: the encoding and delimiter that were chosen; an empty one is detected.
        proposal: the mapping to begin with.
    """

    people: PeopleImport
    form: StoredForm
    definition: FormDefinition
    table: FileTable | None = None
    how: Mapping[str, str] = field(default_factory=dict)
    proposal: ProposedMapping | None = None


@dataclass(frozen=True, slots=True)
class ImportContext:
    """Dependencies of the imports by coordinators.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        references: the maker of the keyed hashes of addresses and people.
        vault: the vault that encrypts files and rows as long as they are stored.
    """

    work: UnitOfWork
    clock: Clock
    references: References
    vault: Vault = field(repr=False)

    def upload(self, form: str, data: bytes, by: str) -> str:
        """Store a file for an import into a form; returns the id of the import.

        Raises:
            DomainError: ``form-unknown``, or ``file-refused`` with what is wrong and where.
        """
        check_slug(form)
        self.form(form)
        table, identity, now = _read(data, {}), new_id(), self.clock()
        with self.work.transaction() as connection:
            store.add_import(connection, identity, form, len(table.lines), by, now)
            store.add_file(connection, self.vault, identity, data, {}, now)
            detail = {"form": form, "rows": len(table.lines)}
            add_audit_record(connection, AuditRecord(by, "people-file-uploaded", "import", identity, detail), now)
        return identity

    def imports(self, forms: Sequence[str] | None) -> list[PeopleImport]:
        """The newest imports into ``forms``, None for all."""
        with self.work.transaction() as connection:
            return store.list_imports(connection, forms, MAX_LISTED)

    def find(self, identity: str) -> PeopleImport:
        """An import.

        Raises:
            DomainError: ``not-found``.
        """
        with self.work.transaction() as connection:
            found = store.find_import(connection, identity)
        if found is None:
            raise DomainError("not-found", "there is no such import")
        return found

    def view(self, identity: str, how: Mapping[str, str] | None = None) -> ImportView:
        """Return an import with its file, read as it was last or with the encoding and delimiter of ``how``.

        Raises:
            DomainError: ``not-found``; ``file-refused`` where it cannot be read so.
        """
        people = self.find(identity)
        form, definition = self.form(people.form)
        with self.work.transaction() as connection:
            stored = store.find_file(connection, self.vault, identity)
            last = mapping_from_json(store.last_mapping(connection, people.form))
        if stored is None:
            return ImportView(people, form, definition)
        data, before = stored
        used = before if how is None else dict(how)
        table = _read(data, used)
        return ImportView(people, form, definition, table, used, propose(table.headings, definition, last))

    def check(
        self, identity: str, mapping: ColumnMapping, by: str, revision: int, how: Mapping[str, str] | None = None
    ) -> PeopleImport:
        """Apply a mapping and store the fate of each row; nothing else is written.

        Args:
            identity: the id of the import.
            mapping: the mapping of its columns.
            by: the name of the coordinator's key.
            revision: the revision that the coordinator has seen.
            how: the encoding and delimiter; None for those used before.

        Raises:
            DomainError: ``not-found``, ``edit-conflict``, ``file-gone``, ``file-refused``, ``bad-mapping``.
        """
        view = self.view(identity, how)
        self._require(view.people, OPEN_STATES, revision)
        if view.table is None:
            raise DomainError("file-gone", "the file is deleted: upload it again")
        check_mapping(mapping, view.table.headings, view.definition)
        rows = self._checked(view, view.table, mapping)
        batches = [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]
        now, expected = self.clock(), count_fates(rows)
        with self.work.transaction() as connection:
            people = store.lock_import(connection, identity)
            self._require(people, OPEN_STATES, revision)
            stored = store.find_file(connection, self.vault, identity)
            if how is not None and stored is not None and dict(how) != stored[1]:
                store.delete_file(connection, identity)
                store.add_file(connection, self.vault, identity, stored[0], how, view.people.created_at)
            store.replace_batches(connection, self.vault, identity, batches, view.people.created_at)
            seen = seen_form(view.form, now)
            store.store_checked(connection, identity, mapping_to_json(mapping), seen, rows)
            add_audit_record(
                connection, AuditRecord(by, "people-import-checked", "import", identity, {"rows": expected}), now
            )
        return self.find(identity)

    def _checked(self, view: ImportView, table: FileTable, mapping: ColumnMapping) -> list[PreparedRow]:
        slug, now = view.people.form, self.clock()
        with self.work.transaction() as connection:
            key = find_public_key(connection, slug)
        sealed = [
            field.name for field in view.definition.fields if field.sealed and field.name in mapping.columns.values()
        ]
        if sealed and key is None:
            raise DomainError("bad-mapping", f"the form cannot keep sealed answers now: leave out {', '.join(sealed)}")
        reader = make_reader(view.people.id, view.definition, mapping, table.headings, key, now)
        read = list(read_rows(reader, table.lines))
        return list(RowChecker(self.work, self.references, view.form, now).check(read))

    def confirm(self, identity: str, choice: ImportChoice, by: str, revision: int) -> PeopleImport:
        """Start an import that was checked. It runs in the background.

        Raises:
            DomainError: ``not-found``, ``edit-conflict``, ``form-changed`` (check again), ``bad-choice``,
                ``nothing-to-import``, ``event-over``, ``not-taking-place``.
        """
        now = self.clock()
        with self.work.transaction() as connection:
            people = self._require(store.lock_import(connection, identity), ("checked",), revision)
            form = find_form(connection, people.form)
            assert form is not None
            if seen_form(form, now) != people.seen_form:
                raise DomainError("form-changed", "the form was changed after the dry run: check again")
            check_choice(choice, people, form, now)
            store.store_confirmed(connection, identity, choice, by, now)
            store.delete_file(connection, identity)
            detail = {"form": people.form, "rows": people.rows, "seats": choice.seats, "mail": choice.mail}
            add_audit_record(connection, AuditRecord(by, "people-import-confirmed", "import", identity, detail), now)
        return self.find(identity)

    def cancel(self, identity: str, by: str) -> PeopleImport:
        """Stop an import; people whom it has already registered stay registered.

        Raises:
            DomainError: ``not-found``, ``import-over``.
        """
        now = self.clock()
        with self.work.transaction() as connection:
            people = store.lock_import(connection, identity)
            if people is None:
                raise DomainError("not-found", "there is no such import")
            if people.state in ("done", "cancelled"):
                raise DomainError("import-over", "the import has ended")
            store.store_finished(connection, identity, "cancelled", now)
            store.delete_batches(connection, identity)
            store.delete_file(connection, identity)
            detail = {"form": people.form, "rows": dict(people.counts)}
            add_audit_record(connection, AuditRecord(by, "people-import-cancelled", "import", identity, detail), now)
        return self.find(identity)

    def resume(self, identity: str, by: str) -> PeopleImport:
        """Continue a failed import.

        Raises:
            DomainError: ``not-found``, ``not-failed``.
        """
        with self.work.transaction() as connection:
            people = store.lock_import(connection, identity)
            if people is None:
                raise DomainError("not-found", "there is no such import")
            if people.state != "failed":
                raise DomainError("not-failed", "the import has not failed")
            store.store_resumed(connection, identity)
            add_audit_record(connection, AuditRecord(by, "people-import-resumed", "import", identity), self.clock())
        return self.find(identity)

    def rows(self, identity: str, fate: str, first_batch: int) -> Iterator[tuple[int, PreparedRow]]:
        """Yield (number of the batch, row) of each row with a fate or a mark, from a batch on, in order of the file."""
        number = first_batch
        while True:
            with self.work.transaction() as connection:
                batch = store.next_rows(connection, self.vault, identity, fate, number)
            if batch is None:
                return
            yield from ((batch[0], row) for row in batch[1])
            number = batch[0] + 1

    def refused_rows(self, identity: str, by: str) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
        """The headings and the rows of the file of what is refused: its cells, then line, column and reason.

        That ``by`` takes it is written down first.
        """
        view = self.view(identity)
        with self.work.transaction() as connection:
            add_audit_record(
                connection, AuditRecord(by, "file-taken", "import", identity, {"form": view.people.form}), self.clock()
            )
        headings = view.table.headings if view.table is not None else ()
        return (*headings, "Line", "Column", "Reason"), self._refused(identity, len(headings))

    def _refused(self, identity: str, width: int) -> Iterator[tuple[str, ...]]:
        for _, row in self.rows(identity, Fate.REFUSED, 0):
            cells = (*row.cells[:width], *("",) * (width - len(row.cells[:width])))
            columns = ", ".join(fault.heading for fault in row.faults if fault.heading)
            yield (*cells, str(row.line), columns, " ".join(fault.reason for fault in row.faults))

    def form(self, slug: str) -> tuple[StoredForm, FormDefinition]:
        """A form, and its questions with the working groups that there are.

        Raises:
            DomainError: ``form-unknown``.
        """
        with self.work.transaction() as connection:
            form = find_form(connection, slug)
            if form is None:
                raise DomainError("form-unknown")
            groups = working_groups(connection)
        return form, with_working_groups(parse_definition(form.definition), groups)

    def _require(self, people: PeopleImport | None, states: Sequence[str], revision: int) -> PeopleImport:
        if people is None:
            raise DomainError("not-found", "there is no such import")
        if people.revision != revision or people.state not in states:
            raise DomainError("edit-conflict", "the import was changed: read it again")
        return people


def _read(data: bytes, how: Mapping[str, str]) -> FileTable:
    try:
        return read_table(data, how.get("encoding", ""), how.get("delimiter", ""))
    except FileRefused as refused:
        raise DomainError("file-refused", str(refused)) from None
