"""The decider: one worker at a time opens what is stored, decides it in order, and writes the outcome.

Leadership is a lock on a table inside each transaction, so any number of standby workers may run, also behind a
transaction pooler, and a worker that hangs loses the lock with its transaction. An advisory lock would be open to every
login. The decider must never open a sealed
answer, or decide twice.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.store import find_form
from services.registration.intake import facts_store, mailboxes, plan_store, queue
from services.registration.intake.deciding import decide
from services.registration.intake.desk_items import CoordinatorEntry, DeskAct, Enter
from services.registration.intake.facts import (
    UNVERIFIED_A_DAY,
    BatchPlan,
    ChangedRegistration,
    Facts,
    LiveRegistration,
    MovedRegistration,
    NewRegistration,
)
from services.registration.intake.items import Addressed, Confirm, Item, Submission, UndoAddress, refs_of
from services.registration.intake.mail_lines import CONFIRMATION_MAILS_AN_HOUR
from services.registration.intake.model import ActResult, Result, SubmissionOutcome, without_cause
from services.registration.intake.owner_items import UNDO_FOR
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
    CANCELLED,
    CHANGED,
    LINK_REQUESTED,
    NEW,
    OFFER_ENDED,
    PROMOTED,
    Fact,
    RegistrationMessages,
    address_changed,
    address_corrected,
    address_restored,
    confirmation_wanted,
    fact_about,
)
from services.registration.people.model import CONFIRMATION, LIVE, UNDO_ADDRESS, Registration
from services.registration.people.store import Person, asked_recently, end_lapse, find_person, store_answers
from services.registration.people.waiting_list import promote_if_possible, promote_waiting
from services.registration.privacy.erasure import erase_by_link
from services.registration.telemetry import submissions_decided_total
from shared.calendar.entries import personal_key
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.errors import Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.ids import link_hash, new_id, new_token
from shared.vocabulary.form_kinds import FORM_KINDS

LINK_LIFETIME = timedelta(days=7)
MAILS_AT_ONCE = 500


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
        self._mails_an_hour, self._name = mails_an_hour, name or new_id()
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
            mailed = self._send_links() + self._send_mails() if mails or numbers else 0
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
        self._write(connection, facts, plan, now)

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
        self._write(connection, facts, plan, now)
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

    def _write(self, connection: Connection, facts: Facts, plan: BatchPlan, now: datetime) -> None:
        plan_store.write_used_challenges(connection, plan, now)
        plan_store.write_unverified(connection, plan, now)
        mailboxes.record_acts(connection, _acted(plan), now)  # first: a change may give the person another key
        plan_store.write_candidates(connection, plan)
        plan_store.write_merged(connection, plan, now)  # before changes: the other may take over name and address
        new = {registration.id for registration in plan.registered}
        store_answers(connection, _answered_rows(facts, plan), now)
        plan_store.write_changes(
            connection,
            [self._changed_row(registration) for registration in plan.changed if registration.id not in new],
            now,
        )
        plan_store.write_cancelled(connection, plan, "cancelled by link", now)  # first: they may register again
        plan_store.write_registrations(
            connection, [self._registered_row(facts, registration) for registration in plan.registered], now
        )
        plan_store.write_changes(
            connection,
            [self._changed_row(registration) for registration in plan.changed if registration.id in new],
            now,
        )
        plan_store.write_seats(connection, facts, plan.seats_changed)
        plan_store.write_address_changes(connection, plan)
        moved_away = self._move(connection, plan, now)
        mailboxes.record_verified(connection, plan.verified.values(), now)
        mailboxes.want_mails(connection, plan.mails, now)
        plan_store.write_owners(connection, plan.owners, now)
        end_lapse(connection, _kept(plan), [address.ref for address in plan.verified.values()])
        plan_store.end_confirmation_links(connection, [registration.id for registration in plan.links_renewed], now)
        mailboxes.record_mailed(connection, plan.mailed, now)
        mailboxes.want_links(connection, plan.links_spaced, now)
        for address, muted in plan.muted.values():
            mailboxes.set_muted(connection, address, muted, now)
        self._publish(connection, facts, plan, now)
        outbox.add(connection, moved_away)
        for slug in sorted(plan.freed | plan.reconsidered):
            self._promote(connection, slug, now, freed=slug in plan.freed)
        plan_store.store_outcomes(connection, plan, now)

    def _move(self, connection: Connection, plan: BatchPlan, now: datetime) -> list[Message]:
        """Store the new addresses; returns the messages to those before. An undo link of an undo is sent to no one."""
        persons = {registration.id: find_person(connection, registration.id) for registration in plan.moved}
        minted = [(registration, new_token()) for registration in plan.moved]
        links = [
            plan_store.FormerLink(
                *(registration.former, registration.id, registration.revision),
                None if registration.before is None else without_cause(registration.before),
                link_hash(token, UNDO_ADDRESS),
            )
            for registration, token in minted
        ]
        plan_store.write_moved(connection, plan, links, now)
        key = self._messages.notifications_key
        return [
            _left_message(key, person, registration, token, now)
            for registration, token in minted
            if (person := persons[registration.id]) is not None
        ]

    def _promote(self, connection: Connection, slug: str, now: datetime, *, freed: bool) -> None:
        form = find_form(connection, slug)
        if form is None or not form.seats.in_line:
            return
        if freed:
            promote_waiting(connection, self._messages, form, form.seats, now, "a seat was given back")
        else:
            promote_if_possible(connection, self._messages, form, now, "a reservation expired")

    def _registered_row(self, facts: Facts, new: NewRegistration) -> dict[str, Any]:
        event = facts.forms[new.form].event
        return plan_store.registration_row(new, event, self._keys.references.organisation(new.content.organisation))

    def _changed_row(self, changed: ChangedRegistration) -> dict[str, Any]:
        return plan_store.change_row(changed, self._keys.references.organisation(changed.content.organisation))

    def _publish(self, connection: Connection, facts: Facts, plan: BatchPlan, now: datetime) -> None:
        places = facts_store.places_in_line(connection, plan.registered)
        recent = asked_recently(connection, [registration.id for registration in plan.links_wanted], now)
        wanted = {registration.id: registration for registration in plan.links_wanted if registration.id not in recent}
        new = [
            self._new_fact(facts, registration, places.get(registration.id), now) for registration in plan.registered
        ]
        moved = {registration.id for registration in plan.moved}
        known: Sequence[tuple[str, LiveRegistration | ChangedRegistration | MovedRegistration]] = [
            *(
                (CHANGED, registration) for registration in plan.changed if registration.id not in moved
            ),  # one mail for both
            *((CHANGED, registration) for registration in plan.moved),
            *((PROMOTED, registration) for registration in plan.accepted),
            *((OFFER_ENDED, registration) for registration in plan.declined),
            *((CANCELLED, registration) for registration in plan.cancelled),
            *((LINK_REQUESTED, registration) for registration in wanted.values()),
        ]
        facts_known = [
            fact for key, registration in known if (fact := _known_fact(connection, key, registration)) is not None
        ]
        cancelled = {
            registration.id for registration in plan.cancelled
        }  # by this batch: that ends all links, and mails a new one
        left = [registration for registration in plan.links_renewed if registration.id not in cancelled]
        renewed = [_known_fact(connection, LINK_REQUESTED, registration) for registration in left]
        ending = [replace(fact, ends_links=True) for fact in renewed if fact is not None]
        merged = [_known_fact(connection, CANCELLED, merge.ended) for merge in plan.merged]
        unmailed = [replace(fact, mailed=False) for fact in merged if fact is not None]
        self._messages.add(connection, [*new, *facts_known, *ending, *unmailed], now)

    def _new_fact(self, facts: Facts, new: NewRegistration, place: int | None, now: datetime) -> Fact:
        content, form = new.content, facts.forms[new.form]
        registration = Registration(
            id=new.id,
            form=new.form,
            form_kind=form.opening.kind,
            event_id=form.event,
            status=new.status,
            position=place,
            revision=1,
            person_ref=new.address.ref.hex(),
            working_group=content.working_group,
            representative=content.representative,
            organisation_id=self._keys.references.organisation(content.organisation),
            country=content.country,
            language=content.language,
            partner=content.partner,
            accepted_at=now,
            verified=new.verified,
            attend=form.attend,
            lapses_at=new.lapses_at,
        )
        return Fact(
            NEW[new.status],
            registration,
            content.name,
            content.email,
            content.time_zone,
            content.cause if any(content.cause) else None,
            organisation=content.organisation,
            answers=content.answers,
            by_coordinator=new.act is not None,
            mailed=not new.spaced and (new.act is None or new.act.mailed),
            promotion_mode=form.seats.mode if new.status == "waitlisted" else None,
        )

    def _send_mails(self) -> int:
        """Add the confirmation mails that are due to the outbox, each with a new link."""
        with self._work.transaction() as connection:
            if not queue.try_lead(connection):
                return 0
            now = self._clock.compared_now("confirmation-mails", connection)
            if now is None:
                return 0
            due = mailboxes.take_due_mails(connection, now, MAILS_AT_ONCE, self._mails_an_hour)
            if not due:
                return 0
            minted = [(mail, new_id(), new_token()) for mail in due]
            links = [
                mailboxes.MintedLink(identity, link_hash(token, CONFIRMATION), mail) for mail, identity, token in minted
            ]
            mailboxes.store_links(connection, links, now, LINK_LIFETIME)
            outbox.add(
                connection,
                [
                    confirmation_wanted(
                        self._messages.notifications_key,
                        identity,
                        token,
                        mail.email,
                        mail.language,
                        now,
                        pending=mail.pending,
                    )
                    for mail, identity, token in minted
                ],
            )
        reach("decide.mailed")
        return len(due)

    def _send_links(self) -> int:
        """Add messages with the managing links that were requested by read-only links and are due to the outbox.

        In a transaction of their own: they go out although confirmation mails cannot.
        """
        with self._work.transaction() as connection:
            if not queue.try_lead(connection):
                return 0
            now = self._clock.final_now("managing-links", connection)
            if now is None:
                return 0
            due = mailboxes.take_due_links(connection, now, MAILS_AT_ONCE)
            people = [person for identity in due if (person := find_person(connection, identity)) is not None]
            live = [person for person in people if person.registration.status in LIVE]
            self._messages.add(connection, [fact_about(LINK_REQUESTED, person) for person in live], now)
        return len(live)


TIMED_OUT = "timed out"


def _acted(plan: BatchPlan) -> list[str]:
    """Return registrations of which the owner has used a link that was mailed to them.

    Who has only wished for new links gets them by mail, so the spacing goes on.
    """
    renewed = {registration.id for registration in plan.links_renewed}
    own: list[ChangedRegistration | LiveRegistration] = [
        *(registration for registration in plan.changed if registration.act is None),
        *plan.cancelled,
        *plan.accepted,
        *plan.declined,
    ]
    return [
        identity for identity in [*plan.owners, *(registration.id for registration in own)] if identity not in renewed
    ]


def _kept(plan: BatchPlan) -> list[str]:
    """Return registrations that do not lapse from now on: their owner or a coordinator has acted."""
    changed = [*(registration.id for registration in plan.changed), *(registration.id for registration in plan.moved)]
    return [*plan.owners, *plan.kept, *changed]


def _answered_rows(facts: Facts, plan: BatchPlan) -> list[dict[str, Any]]:
    """Rows for :func:`store_answers`."""
    reasons = ((plan.accepted, "the person accepted the offer"), (plan.declined, "the person declined the offer"))
    return [
        {
            "id": registration.id,
            "revision": registration.revision,
            "status": registration.status,
            "capacity": facts.forms[registration.form].seats.capacity if registration.status == "confirmed" else None,
            "reason": reason,
        }
        for answered, reason in reasons
        for registration in answered
    ]


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


def _left_message(key: bytes, before: Person, moved: MovedRegistration, token: str, now: datetime) -> Message:
    """Return the message to the former address. A person who never verified it cannot undo the change."""
    if moved.restored:
        return address_restored(key, before, moved.former, now)
    if moved.act is None:
        return address_changed(key, before, moved.former, token, now, now + UNDO_FOR)
    return address_corrected(key, before, moved.former, token, now, now + UNDO_FOR)


def _is_erasure(rows: Sequence[QueuedRow]) -> bool:
    """Whether it is a command to erase, which must be the only item of its batch.

    Its content is not needed, so it never fails.
    """
    return bool(rows) and rows[0].kind == "erase"


def _erased_forms(item: Addressed) -> tuple[str, ...]:
    """Return the forms whose erasures also cover this item; the empty string means all forms."""
    return ("", item.form) if isinstance(item, Submission | Enter) else ("",)


def _known_fact(
    connection: Connection, key: str, one: LiveRegistration | ChangedRegistration | MovedRegistration
) -> Fact | None:
    """A message about a registration that was there before, as it is now."""
    person = find_person(connection, one.id)
    if person is None:
        return None
    return fact_about(key, person, revision=one.revision, status=one.status)
