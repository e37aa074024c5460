"""The decider: one worker at a time opens what is stored, decides it in order, and writes the outcome.

Leadership is an advisory lock inside each transaction, so any number may stand by, also behind a transaction pooler,
and whoever hangs loses it with its transaction. What it must never do: open a sealed answer, or decide twice.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.store import find_form
from services.registration.intake import decider_store as store
from services.registration.intake import mailboxes, queue
from services.registration.intake.contents import content_from_json
from services.registration.intake.deciding import decide
from services.registration.intake.model import (
    Act,
    Cancel,
    ChangedRegistration,
    Choice,
    Confirm,
    Content,
    Facts,
    Item,
    LiveRegistration,
    Mute,
    NewRegistration,
    Plan,
    SendLink,
    Submission,
)
from services.registration.people.messages import (
    CANCELLED,
    CHANGED,
    LINK_REQUESTED,
    NEW,
    Fact,
    RegistrationMessages,
    confirmation_wanted,
    fact_about,
)
from services.registration.people.model import AddressRefs, Registration
from services.registration.people.references import References
from services.registration.people.store import find_person
from services.registration.people.waiting_list import promote_waiting
from services.registration.privacy.erasure import erase_by_link
from shared.core.errors import Unavailable
from shared.core.failpoints import reach
from shared.core.ids import new_id, new_token
from shared.core.links import CONFIRMATION, link_hash
from shared.core.metrics import submissions_decided_total
from shared.core.sealing import Unsealable, open_sealed
from shared.store import outbox
from shared.store.checked_clock import CheckedClock
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

LINK_LIFETIME = timedelta(days=7)
MAILS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DeciderKeys:
    """Attributes:
    private: of the decider, newest first, 32 bytes each.
    references: what stands for addresses and people.
    """

    private: Sequence[bytes] = field(repr=False)
    references: References


class Decider:
    """Decides batches and sends the confirmation mails that are due.

    Args:
        work: on the service's database.
        clock: of the process, compared with the database's.
        keys: of the decider.
        messages: of the service.
        name: UUID text that no other process has; a new one by default.
    """

    def __init__(
        self,
        work: UnitOfWork,
        clock: CheckedClock,
        keys: DeciderKeys,
        messages: RegistrationMessages,
        name: str = "",
    ) -> None:
        self._work, self._clock, self._keys, self._messages = work, clock, keys, messages
        self._name = name or new_id()
        self._outage = False

    def run_once(self) -> int:
        """Decide one batch, then send the mails that are due; returns how many submissions and mails.

        Raises:
            Unavailable: the database is away; nothing is lost, and no attempt is counted.
        """
        try:
            numbers = self._begin()
            done = self._try(numbers) if numbers else 0
            mailed = self._send_mails()
        except Unavailable as error:
            self._outage = error.reason != TIMED_OUT
            raise
        self._outage = False
        return done + mailed

    def _begin(self) -> list[int]:
        with self._work.transaction() as connection:
            if not queue.try_lead(connection):
                return []
            now = self._clock.final_now("decide", connection)
            if now is None:
                return []
            numbers = queue.begin_attempt(connection, now, self._name, count_left_over=not self._outage)
        if numbers:
            reach("decide.claimed")
        return numbers

    def _try(self, numbers: Sequence[int]) -> int:
        """Decide the batch in one transaction. What it raises leaves the attempt behind, to be counted next time."""
        with self._work.transaction() as connection:
            if not queue.try_lead(connection):
                return 0
            now = self._clock.final_now("decide", connection)
            if now is None:
                queue.end_attempt(connection)  # the clock's fault, not that of a submission
                return 0
            rows = queue.read_rows(connection, numbers)
            self._decide(connection, rows, now)
            queue.end_attempt(connection)
            reach("decide.decided")
        reach("decide.committed")
        for row in rows:
            submissions_decided_total.labels(row.kind).inc()
        return len(rows)

    def _decide(self, connection: Connection, rows: Sequence[queue.QueuedRow], now: datetime) -> None:
        if rows and rows[0].kind == "erase":
            self._decide_erasure(connection, rows[0], now)
            return
        hashes = [row.token_hash for row in rows if row.token_hash is not None]
        links = store.find_links(connection, hashes)
        items = self._open(connection, rows, links)
        addresses = [address for item in items for address in _addresses(item, links)]
        forms = {item.form for item in items if isinstance(item, Submission)}
        challenges = [item.challenge for item in items if isinstance(item, Submission) and item.challenge is not None]
        facts = store.read_facts(connection, forms, addresses, challenges, now)
        self._drop_erased(connection, facts, items, sorted({one.ref for one in addresses}))
        plan = decide(facts, items, new_id, now)
        self._write(connection, facts, plan, now)

    def _decide_erasure(self, connection: Connection, row: queue.QueuedRow, now: datetime) -> None:
        links = store.find_links(connection, [row.token_hash] if row.token_hash else [])
        owner = links.get(row.token_hash or b"")
        if owner is not None and owner.registration is not None:
            erase_by_link(connection, self._messages, owner.registration, now, row.number)
        store.settle(connection, Plan(results={row.number: []}), now)

    def _open(
        self, connection: Connection, rows: Sequence[queue.QueuedRow], links: dict[bytes, store.LinkOwner]
    ) -> list[Item]:
        """The rows as items; what cannot be read is parked, and its neighbours go on."""
        items: list[Item] = []
        for row in rows:
            try:
                content = open_sealed(list(self._keys.private), row.body)
                items.append(self._item(row, content, links.get(row.token_hash or b"")))
            except (Unsealable, ValueError, KeyError, TypeError) as error:
                queue.park(connection, row.number, f"it cannot be read: {type(error).__name__}")
                log.error("a submission cannot be read and is parked", extra={"number": row.number})
        return items

    def _item(self, row: queue.QueuedRow, content: dict[str, Any], owner: store.LinkOwner | None) -> Item:
        address = owner.address if owner is not None and owner.has_link_at(row.received_at) else None
        if row.kind == "submission":
            return self._submission(row, content_from_json(content), address)
        if row.kind == "confirm":
            return Confirm(row.number, address, [_choice(one) for one in content["choices"]])
        if row.kind == "cancel":
            return Cancel(row.number, owner.registration if owner else None, content.get("revision"))
        if row.kind == "send-link":
            return SendLink(row.number, address, str(content["registration"]))
        return Mute(row.number, address, muted=row.kind == "mute")

    def _submission(self, row: queue.QueuedRow, content: Content, owner: AddressRefs | None) -> Submission:
        address = self._keys.references.address(content.email)
        return Submission(
            number=row.number,
            form=row.form,
            revision=row.revision,
            received_at=row.received_at,
            code=row.code,
            fingerprint=row.fingerprint,
            network=row.network,
            challenge=row.challenge,
            content=content,
            address=address,
            person=self._keys.references.person(content.email, content.name),
            proven_by=row.token_hash if owner is not None and owner.ref == address.ref else None,
        )

    def _drop_erased(self, connection: Connection, facts: Facts, items: list[Item], refs: Sequence[bytes]) -> None:
        """What was received before its address was erased is treated as blocked: answered as ever, and not kept."""
        before = store.erased_before(connection, refs)
        facts.dropped = frozenset(
            item.number
            for item in items
            if isinstance(item, Submission)
            and item.number <= max(before.get((item.address.ref, form), 0) for form in ("", item.form))
        )

    def _write(self, connection: Connection, facts: Facts, plan: Plan, now: datetime) -> None:
        store.write_used_challenges(connection, plan, now)
        store.write_candidates(connection, plan)
        new = {one.id for one in plan.registered}
        store.write_changes(connection, [self._changed_row(one) for one in plan.changed if one.id not in new], now)
        store.write_cancelled(connection, plan, "cancelled by link", now)  # first: they may register again
        store.write_registrations(connection, [self._registered_row(facts, one) for one in plan.registered], now)
        store.write_changes(connection, [self._changed_row(one) for one in plan.changed if one.id in new], now)
        store.write_seats(connection, facts, plan.seats_changed)
        mailboxes.note_verified(connection, plan.verified.values(), now)
        mailboxes.want_mails(connection, plan.mails, now)
        for address, muted in plan.muted.values():
            mailboxes.set_muted(connection, address, muted, now)
        self._publish(connection, facts, plan, now)
        for slug in sorted(plan.freed):
            self._promote(connection, slug, now)
        store.settle(connection, plan, now)

    def _promote(self, connection: Connection, slug: str, now: datetime) -> None:
        form = find_form(connection, slug)
        if form is not None and form.seats.waiting:
            promote_waiting(connection, self._messages, form, form.seats, now, "a seat was given back")

    def _registered_row(self, facts: Facts, new: NewRegistration) -> dict[str, Any]:
        event = facts.forms[new.form].event
        return store.registration_row(new, event, self._keys.references.organisation(new.content.organisation))

    def _changed_row(self, changed: ChangedRegistration) -> dict[str, Any]:
        return store.change_row(changed, self._keys.references.organisation(changed.content.organisation))

    def _publish(self, connection: Connection, facts: Facts, plan: Plan, now: datetime) -> None:
        places = store.places_in_line(connection, plan.registered)
        new = [self._new_fact(facts, one, places.get(one.id), now) for one in plan.registered]
        known: Sequence[tuple[str, LiveRegistration | ChangedRegistration]] = [
            *((CHANGED, one) for one in plan.changed),
            *((CANCELLED, one) for one in plan.cancelled),
            *((LINK_REQUESTED, one) for one in plan.links_wanted),
        ]
        facts_known = [fact for key, one in known if (fact := _known_fact(connection, key, one)) is not None]
        self._messages.add(connection, [*new, *facts_known], now)

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
        )
        return Fact(NEW[new.status], registration, content.name, content.email, content.time_zone, content.cause)

    def _send_mails(self) -> int:
        """Hand the confirmation mails that are due to the outbox, each with a link of its own."""
        with self._work.transaction() as connection:
            if not queue.try_lead(connection):
                return 0
            now = self._clock.final_now("confirmation-mails", connection)
            if now is None:
                return 0
            due = mailboxes.take_due_mails(connection, now, MAILS_AT_ONCE)
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
                        self._messages.notifications_key, identity, token, mail.email, mail.language, now
                    )
                    for mail, identity, token in minted
                ],
            )
        reach("decide.mailed")
        return len(due)


TIMED_OUT = "timed out"


def _choice(values: dict[str, Any]) -> Choice:
    registration = values.get("registration")
    replaced = None if registration is None else str(registration)
    return Choice(str(values["candidate"]), Act(values["act"]), replaced, str(values["form"]))


def _addresses(item: Item, links: dict[bytes, store.LinkOwner]) -> list[AddressRefs]:
    """Addresses that have to be read for an item."""
    if isinstance(item, Submission):
        return [item.address]
    if isinstance(item, Cancel):
        return [owner.address for owner in links.values() if owner.registration == item.registration]
    return [] if item.address is None else [item.address]


def _known_fact(connection: Connection, key: str, one: LiveRegistration | ChangedRegistration) -> Fact | None:
    """A message about a registration that was there before, as it is now."""
    person = find_person(connection, one.id)
    if person is None:
        return None
    return fact_about(key, person, revision=one.revision, status=one.status)
