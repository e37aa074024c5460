"""Lists of sealed answers: opened for one reason, logged once, shown to the same reader until they expire.

Nothing that was opened is stored: each view opens the answers again, two hundred people at a time, and forgets them
with the response. A list is about the people of the time at which it was opened; a person who no longer has the status
by which they were chosen, or was erased, is left out of it from then on.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from services.registration.access.service import any_is_new
from services.registration.forms.drafts import questions_added
from services.registration.forms.store import find_form
from services.registration.sealed_lists.approval_messages import publish_approval
from services.registration.sealed_lists.purposes import (
    EVERYTHING,
    PURPOSES,
    Answers,
    CountTable,
    fields_for,
)
from services.registration.sealed_lists.second_person import ONE_DAY, TOGETHER, OpenedAlone, needs_second_person
from services.registration.sealed_lists.store import (
    Contents,
    ListEntry,
    ListPlan,
    ListRequest,
    SealedEntry,
    SealedList,
    choose_people,
    count_sealed,
    find_list,
    insert_list,
    is_key_destroyed,
    kept_rooms,
    lock_readings,
    open_lists,
    opened_alone,
    people_opened_alone,
    read_entries,
    rooms_left,
)
from services.registration.sealing.encryption import open_answers
from services.registration.sealing.key_store import FormKeys, KeyGone
from services.registration.sealing.service import KEY_GONE, READ_ALL, Approval, ask, checked_reason, new_approval
from services.registration.telemetry import SEALED_ANSWERS_READ
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.definition import parse_definition
from shared.public_forms.fields import Field
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id
from shared.runtime.logs import record_security_event
from shared.security.sealing import Unsealable

log = logging.getLogger(__name__)

MAX_PEOPLE = 10_000
"""On one list: their opened answers are in memory at once while it is sorted, about 1 KB each."""

CHUNK = 200
"""People whose answers are opened in one batch: some 30 ms, after which the process serves other requests."""

LIST_LIFETIME = timedelta(hours=24)
"""How long its reader can open a list again."""

STATUS = "confirmed"
"""Of the people on a list, unless another one is asked for."""

NEW_READER = "a second person approved this list for the access that you had before: ask for a new list"


@dataclass(frozen=True, slots=True)
class SealedListsContext:
    """Opens lists and shows them.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        keys: the private keys of the forms.
        one_reader: whether lists need no approval, because the network has a single person who reads sealed answers.
    """

    work: UnitOfWork
    clock: Clock
    keys: FormKeys
    one_reader: bool = False

    def plan(self, request: ListRequest) -> ListPlan:
        """Return whom a list would be about and what it would open. Nothing is opened, nothing logged.

        Raises:
            DomainError: ``form-unknown``; ``purpose-unknown``: the form does not serve it; ``too-many-people``.
        """
        with self.work.transaction() as connection:
            return self._plan(connection, request)

    def open(self, request: ListRequest) -> SealedList | Approval:
        """Open a list and log it, or ask for a second person's approval where it opens too much for one.

        Raises:
            DomainError: as :meth:`plan`; ``reason-needed``; ``no-answers``: no answer would be opened;
                ``sealed-gone``: the form's key has been destroyed.
        """
        reason, now = checked_reason(request.reason), self.clock()
        with self.work.transaction() as connection:
            lock_readings(connection)  # two parts at once are the whole list too
            plan = self._plan(connection, request)
            self._require_key(connection, plan.form.slug)
            if not plan.people:
                raise DomainError("no-answers", "no one who matches these filters has given a sealed answer")
            filters = {**request.filters, "names": "yes" if plan.with_names else "no"}
            if plan.needs_second and not self.one_reader:
                asked = new_approval(READ_ALL, plan.form.slug, request.reader, reason, now)
                names = [field.name for field in plan.fields]
                asked = replace(asked, filters=filters, people=plan.people, purpose=plan.purpose.name, fields=names)
                ask(connection, asked)
                publish_approval(connection, asked, now)
                return asked
            names = [field.name for field in plan.fields]
            opened = SealedList(
                new_id(), plan.form.slug, plan.purpose.name, names, filters, plan.people, request.reader, reason, now,
                now + LIST_LIFETIME,
            )  # fmt: skip
            insert_list(connection, opened)
        return opened

    def open_approved(self, connection: Connection, approval: Approval) -> SealedList:
        """Open the list for the requester, in the transaction in which a second person approves it."""
        form, fields = find_form(connection, approval.form), approval.fields
        if fields is None:  # requested before 0.2.0
            fields = [field.name for field in parse_definition(form.definition).fields if field.sealed] if form else []
        now = self.clock()
        opened = SealedList(
            approval.id, approval.form, approval.purpose or EVERYTHING, fields, approval.filters, approval.people,
            approval.asked_by, approval.reason, now, now + LIST_LIFETIME, approval.decided_by,
        )  # fmt: skip
        self._require_key(connection, approval.form)
        insert_list(connection, opened)
        return opened

    def sealed_people(self, form: str) -> int:
        """Return how many registrations of a form have sealed answers."""
        with self.work.transaction() as connection:
            return count_sealed(connection, form)

    def lists_of(self, reader: str) -> Sequence[SealedList]:
        """Return the lists that ``reader`` can open now."""
        with self.work.transaction() as connection:
            return open_lists(connection, reader, self.clock())

    def show(
        self,
        list_id: str,
        reader: str,
        may_touch: Callable[[str], bool],
        condition: Callable[[Sequence[Field]], Callable[[Answers], bool]] | None = None,
    ) -> Contents:
        """Open the answers of a list again.

        Args:
            list_id: the id of the list, UUID text.
            reader: the reader who asks.
            may_touch: whether the reader's key is good for a form.
            condition: a function that makes a condition on the answers from the questions that are opened.

        Raises:
            DomainError: ``not-found``: there is none of this reader's; ``list-expired``; ``new-access``: it was
                approved for a reader of this name, who may be another person now; ``sealed-gone``.
        """
        with self.work.transaction() as connection:
            opened = find_list(connection, list_id)
            if opened is None or opened.reader != reader or not may_touch(opened.form):
                raise DomainError("not-found")
            now = self.clock()
            if now >= opened.expires_at:
                raise DomainError("list-expired", "this list has expired: open a new one, with a reason")
            if opened.approved_by is not None and any_is_new(connection, (reader,), now):
                raise DomainError("new-access", NEW_READER)
            self._require_key(connection, opened.form)
            form = find_form(connection, opened.form)
        if form is None:
            raise DomainError("not-found")
        _record(opened)
        fields = tuple(field for field in parse_definition(form.definition).fields if field.name in opened.fields)
        fulfils = condition(fields) if condition else None
        return self._contents(opened, form.title, fields, fulfils)

    def _contents(
        self, opened: SealedList, title: str, fields: tuple[Field, ...], fulfils: Callable[[Answers], bool] | None
    ) -> Contents:
        purpose = PURPOSES[opened.purpose]
        entries, unreadable = [], 0
        for entry in self._opened(opened):
            if entry.answers is None:
                unreadable += 1
            elif purpose.concerns(entry.answers) and (fulfils is None or fulfils(entry.answers)):
                entries.append(entry)
        known = [entry.answers for entry in entries if entry.answers is not None]
        asked = {field.name: field for field in fields}
        counts = (*purpose.count(asked, known), *self._rooms_left(asked, known))
        entries.sort(key=lambda entry: (purpose.order(entry.answers or {}), (entry.name or "").casefold()))
        shown = entries if opened.filters.get("names") == "yes" else []
        return Contents(opened, title, purpose, fields, shown, counts, len(entries), unreadable)

    def _rooms_left(self, asked: Mapping[str, Field], known: Sequence[Answers]) -> Iterable[CountTable]:
        with self.work.transaction() as connection:
            return list(rooms_left(asked, known, kept_rooms(connection)))

    def _opened(self, opened: SealedList) -> Iterator[ListEntry]:
        status, only = str(opened.filters.get("status", "")), frozenset(opened.fields)
        for start in range(0, len(opened.people), CHUNK):
            with self.work.transaction() as connection:
                chunk = read_entries(connection, opened.form, opened.people[start : start + CHUNK], status)
            private_keys = self._keys_of(opened.form)
            for entry in chunk:
                answers = _answers(private_keys, opened.form, entry, only)
                yield ListEntry(entry.registration_id, entry.name, entry.organisation, entry.working_group, answers)

    def _keys_of(self, form: str) -> Sequence[bytes]:
        """Reads the keys once a chunk: a key that another host destroys is out of use from the next chunk on."""
        try:
            return self.keys.private_keys(form)
        except KeyGone:
            raise DomainError("sealed-gone", KEY_GONE) from None

    def _plan(self, connection: Connection, request: ListRequest) -> ListPlan:
        form, purpose = find_form(connection, request.wanted.form), PURPOSES.get(request.purpose)
        if form is None:
            raise DomainError("form-unknown")
        definition = parse_definition(form.definition)
        fields = fields_for(purpose, definition, request.chosen) if purpose else ()
        if purpose is None or not fields:
            raise DomainError("purpose-unknown", "this form has no question that such a list would open")
        people, without = choose_people(connection, request.wanted, MAX_PEOPLE + 1)
        if len(people) > MAX_PEOPLE:
            raise DomainError("too-many-people", f"a list holds {MAX_PEOPLE:,} people: choose fewer by the filters")
        with_names = purpose.names.wanted(asked=request.names)
        now = self.clock()
        today, lately = (
            opened_alone(connection, form.slug, request.reader, now - period) for period in (ONE_DAY, TOGETHER)
        )
        opened = OpenedAlone(today, lately, people_opened_alone(connection, request.reader, now - ONE_DAY))
        added = questions_added(connection, form.slug, now - TOGETHER)
        second = needs_second_person(purpose, fields, people, definition, opened, added)
        return ListPlan(form, definition, purpose, fields, people, without, with_names, second)

    def _require_key(self, connection: Connection, form: str) -> None:
        if is_key_destroyed(connection, form):
            raise DomainError("sealed-gone", KEY_GONE)
        self._keys_of(form)


def _answers(
    private_keys: Sequence[bytes], form: str, entry: SealedEntry, only: frozenset[str]
) -> dict[str, Any] | None:
    try:
        return open_answers(private_keys, form, entry.bound_to, entry.sealed, only)
    except Unsealable:
        log.error("sealed answers do not open by the form's key", extra={"registration": entry.registration_id})
        return None


def _record(opened: SealedList) -> None:
    record_security_event(SEALED_ANSWERS_READ, holder=opened.reader, list=opened.id, form=opened.form)
