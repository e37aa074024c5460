"""What the decision about a batch reads, and the plan that it writes. Values only: ``deciding`` makes the decisions."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.registration.forms.opening import Opening, closed_reason
from services.registration.forms.pools import Traits
from services.registration.forms.seats import Hold, OptionLimits, Seats, hold_of
from services.registration.intake.desk_items import DeskAct
from services.registration.intake.items import Addressed, Submission
from services.registration.intake.model import ActResult, FormContent, SubmissionOutcome
from services.registration.intake.owner_items import REQUESTS_COUNTED
from services.registration.people import lapsing
from services.registration.people.model import AddressRefs


@dataclass(frozen=True, slots=True)
class AddressRequests:
    """How many addresses a registration has requested since ``since``; None: none yet."""

    count: int = 0
    since: datetime | None = None

    def with_one_at(self, at: datetime) -> "AddressRequests":
        """Return the requests with one more at ``at``; the count starts again when the first is long ago."""
        if self.since is None or at >= self.since + REQUESTS_COUNTED:
            return AddressRequests(1, at)
        return AddressRequests(self.count + 1, self.since)


@dataclass(frozen=True, slots=True)
class AddressChange:
    """An address that waits until its owner confirms that a registration may use it.

    Attributes:
        id: the UUID text.
        registration: the id of the registration, which has one such change at most.
    """

    id: str
    registration: str
    form: str
    email: str
    address: AddressRefs
    code: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class FormerAddress:
    """An address that a registration had, kept while its owner can take the change back.

    Attributes:
        id: the UUID text.
        revision: the revision of the registration that gave it another address.
        content: the content of the registration before the change, without sealed answers; None for an address lost
            by an undo.
    """

    id: str
    registration: str
    revision: int
    email: str
    address: AddressRefs
    changed_at: datetime
    content: FormContent | None = None


@dataclass(frozen=True, slots=True)
class MovedRegistration:
    """A registration with another address.

    Attributes:
        email: the new address.
        address: the keyed hashes of the new address.
        person: the keyed hash of the new address and the name.
        revision: the revision after the change.
        former: the id of the row that stores the previous address.
        before: the content before the change, which an undo restores; None if this is an undo.
        act: the act of the coordinator who changed it; None for the owner of the address.
    """

    id: str
    form: str
    status: str
    revision: int
    email: str
    address: AddressRefs
    person: bytes
    former: str
    before: FormContent | None
    act: DeskAct | None = None

    @property
    def restored(self) -> bool:
        """Whether it is an undo."""
        return self.before is None


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A registration that the plan makes.

    Attributes:
        position: the position on the waiting list, from 1, never given twice; None with a seat.
        capacity: the capacity by which the seat was given; None without a seat, or without a limit.
        verified: whether the owner of the address has confirmed it.
        act: the act of the coordinator who entered it; None if no coordinator did.
        spaced: whether its mail waits until the spacing of the mailbox allows one.
        lapses_at: the time at which it is cancelled unless its owner has used a link; None for never.
    """

    id: str
    form: str
    number: int
    status: str
    position: int | None
    capacity: int | None
    content: FormContent
    address: AddressRefs
    person: bytes
    received_at: datetime
    verified: bool
    act: DeskAct | None = None
    spaced: bool = False
    lapses_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangedRegistration:
    """A live registration with new content; its place stays.

    Attributes:
        fields: the names of the answers that differ.
        sealed_given: whether sealed answers came with it.
        details_given: whether the answers are those that are asked for after the confirmation.
        act: the act of the coordinator who changed it; None for its owner.
        offered: whether a seat is held for the person.
        restores_to: the time of the change of address that an undo takes back; None for no undo.
    """

    id: str
    form: str
    status: str
    revision: int
    content: FormContent
    person: bytes
    fields: tuple[str, ...] = ()
    sealed_given: bool = False
    details_given: bool = False
    act: DeskAct | None = None
    offered: bool = False
    restores_to: datetime | None = None


MAX_CANDIDATES = 10
"""Candidates kept for one address on one form. A full list rejects new candidates and evicts none, so that no sender
can displace what the owner of the address has sent."""

MAX_CANDIDATES_PER_NETWORK = 2
"""Of those, from one client network: one sender cannot fill the list alone."""

UNVERIFIED_A_DAY = 10
"""Submissions that register people at once and whose owners have not acted, unless the settings have another number:
so many from one client network on one form, and so many of one domain on all forms. After that owners confirm by mail.
"""

UNVERIFIED_COUNTED = timedelta(days=1)
"""How long they count; the hash of the client network is deleted then."""

UNKNOWN_NETWORK = b"\x00" * 32
"""In place of the hash, where no client network is known."""

CONFIRMABLE_AFTER_CLOSING = timedelta(hours=24)
"""How long after its first mail a candidate that was received before closing can be confirmed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A submission that waits until the owner of its address confirms it.

    Attributes:
        id: the UUID text.
        proven: whether it came with a proof of work.
        mailed_at: the time at which the first mail about it went; None before.
    """

    id: str
    number: int
    form: str
    received_at: datetime
    code: str
    fingerprint: bytes
    network: bytes | None
    proven: bool
    content: FormContent
    address: AddressRefs
    person: bytes
    mailed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FormState:
    """A form as it is under the lock on its seats.

    Attributes:
        verification: ``email`` or ``none``.
        people_per_address: the number of live registrations that one address may have.
        event: the slug of the event that it registers for; None for none.
        attend: the slug of the event that everyone on this form should attend as well.
        options: the places of its choices that have a limit.
        opening_at: how it decided about being open when an earlier revision was shown, about a second ago; by revision.
    """

    opening: Opening
    seats: Seats
    verification: str
    people_per_address: int
    event: str | None = None
    attend: str | None = None
    options: OptionLimits = field(default_factory=OptionLimits)
    opening_at: Mapping[int, Opening] = field(default_factory=dict)

    def accepts(self, submission: Submission) -> str:
        """Why ``submission`` came too late or too early, judged by when it was received and what its sender saw."""
        opening = self.opening_at.get(submission.revision, self.opening)
        return closed_reason(opening, submission.received_at)


@dataclass(frozen=True, slots=True)
class LiveRegistration:
    """A live registration as the decider sees it.

    Attributes:
        requests: the requests for another address.
        returned: whether coordinators have returned the proposal, so that its person changes it.
        offer_expires_at: the end of the offer of a seat, for a person who waits; None for no offer.
        offer_passed: whether an offer was declined or has expired.
        domain: the reference of the domain of the address.
    """

    id: str
    form: str
    status: str
    revision: int
    person: bytes
    address: bytes
    content: FormContent
    requests: AddressRequests = field(default_factory=AddressRequests)
    returned: bool = False
    offer_expires_at: datetime | None = None
    offer_passed: bool = False
    domain: bytes = b""

    @property
    def hold(self) -> Hold:
        """State of a person who waits: in line, with an offer, or past one."""
        return hold_of(self.offer_expires_at, self.offer_passed)

    @property
    def who(self) -> Traits:
        """What decides which seats they may take."""
        return traits_of(self.content, self.domain)


def traits_of(content: FormContent, domain: bytes) -> Traits:
    """What decides which seats a person with these answers may take."""
    return Traits(content.working_group, content.partner, content.representative, domain)


@dataclass(frozen=True, slots=True)
class MailWanted:
    """An address has something to confirm; ``network`` and ``proven`` decide who goes first when mails are short."""

    address: AddressRefs
    email: str
    language: str
    network: bytes | None
    proven: bool


def _person_unknown(*_: object) -> bytes:
    raise AssertionError("these facts do not say what stands for a person")


@dataclass(slots=True)
class Facts:
    """What was read under the locks; :func:`decide` keeps it up to date as it goes through the batch.

    Attributes:
        live: the live registrations by form and address.
        candidates: the candidates of all addresses of the batch, by id.
        blocked: the addresses of which coordinators want no registration.
        dropped: the numbers of submissions that were received before their address was erased.
        used: the challenges that were used before.
        changes: the changes of address that wait, by id.
        former: the former addresses that can be restored, oldest first.
        ended: the cancelled registrations of which the address can be restored, by id.
        person_of: a function that returns the keyed hash of an address and a name, and for a proposal of its title too.
        at_mailbox: how many live registrations a canonical mailbox has on a form: tags make no new mailbox.
        unverified: how many submissions were registered at once without an act of an owner since, within a day: by form
            and client network, and by domain with an empty form.
        unverified_a_day: how many there may be.
        seat_held: how long a registration that no one has confirmed holds its place.
        mailed: the mailboxes that the spacing allows no mail to now.
    """

    forms: dict[str, FormState]
    live: dict[tuple[str, bytes], list[LiveRegistration]] = field(default_factory=dict)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    blocked: frozenset[bytes] = frozenset()
    dropped: frozenset[int] = frozenset()
    used: set[bytes] = field(default_factory=set)
    changes: dict[str, AddressChange] = field(default_factory=dict)
    former: list[FormerAddress] = field(default_factory=list)
    ended: dict[str, LiveRegistration] = field(default_factory=dict)
    person_of: Callable[[str, str | None, str | None], bytes] = field(default=_person_unknown)
    at_mailbox: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    unverified: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    unverified_a_day: int = UNVERIFIED_A_DAY
    seat_held: timedelta = timedelta(days=lapsing.SEAT_HELD_DAYS)
    mailed: set[bytes] = field(default_factory=set)

    def rejects(self, item: Addressed) -> bool:
        """Whether nothing is kept of what was sent; its sender gets the outcome that anyone would get."""
        return item.address.ref in self.blocked or item.number in self.dropped

    def has_unverified_left(self, item: Submission) -> bool:
        """Whether one more may be registered at once; a mail provider's domain has an empty reference and no quota."""
        of_domain = self.unverified["", item.address.domain] if item.address.domain else 0
        return max(of_domain, self.unverified[item.form, item.network or UNKNOWN_NETWORK]) < self.unverified_a_day

    def lapses_at(self, form: str, now: datetime) -> datetime | None:
        """When a registration made now without verification lapses; None if its owner would have less than a day."""
        return lapsing.lapses_at(now, self.seat_held, self.forms[form].opening.starts_at)

    def of(self, form: str, address: bytes) -> list[LiveRegistration]:
        """Live registrations of an address on a form."""
        return self.live.setdefault((form, address), [])

    def anywhere(self, address: bytes) -> list[LiveRegistration]:
        """Live registrations of an address on any form."""
        return [live for registrations in self.live.values() for live in registrations if live.address == address]

    def find(self, registration: str | None) -> LiveRegistration | None:
        """The live registration with this id, if it is among the facts."""
        if registration is None:
            return None
        return next(
            (live for registrations in self.live.values() for live in registrations if live.id == registration), None
        )

    def change_of(self, registration: str) -> AddressChange | None:
        """The change of address that waits for a registration; there is one at most."""
        return next((change for change in self.changes.values() if change.registration == registration), None)

    def waits_for(self, address: bytes) -> bool:
        """Whether anything waits for the owner of an address."""
        waiting = [candidate.address for candidate in self.candidates.values()] + [
            change.address for change in self.changes.values()
        ]
        return any(refs.ref == address for refs in waiting)

    def pending(self, form: str, address: bytes) -> list[Candidate]:
        """Candidates of an address on a form, oldest first."""
        found = [
            candidate
            for candidate in self.candidates.values()
            if candidate.form == form and candidate.address.ref == address
        ]
        return sorted(found, key=lambda one: one.number)


@dataclass(frozen=True, slots=True)
class MergedRegistration:
    """A registration that has ended because another registration of the same person stays.

    Attributes:
        ended: the registration that has ended.
        kept: the id of the one that stays.
        act: the act of the coordinator who merged them.
    """

    ended: LiveRegistration
    kept: str
    act: DeskAct


@dataclass(slots=True)
class BatchPlan:
    """What to write for a batch.

    Attributes:
        outcomes: the outcomes of submissions that anyone could have sent, by number.
        results: the results of what was sent by a link, by number; those of a command are in the order of its choices.
        calendar_keys: the keys from which the UIDs of invitations are made, by number of a submission that got a seat
            at once.
        deleted: the ids of candidates to delete.
        links_wanted: the registrations whose managing link is mailed now.
        links_spaced: the registrations whose managing link is mailed as soon as the spacing of the mailbox allows it.
        links_renewed: the registrations of which all links end, and new ones are mailed.
        owners: the registrations whose address is verified, by the use of a link that was mailed to it.
        kept: the registrations that do not lapse, whatever else becomes of them: their owner has used a link, or a
            coordinator has entered, corrected or merged them.
        freed: the forms on which a place was given back: the next people in line are promoted after the batch.
        reconsidered: the forms with reserved seats on which people have come or changed: people in line may get a seat.
        accepted: the registrations whose person has accepted an offered seat.
        declined: the registrations whose person has declined an offered seat.
        unverified: the submissions that got the outcome of a registration at once.
        mailed: the owners of mailboxes that get the mail of such a registration now.
        verified: the mailboxes whose owner has acted: the spacing of their mails starts again.
        asked: the changes of address that wait from now on.
        address_requests: the number of addresses that a registration has requested, by its id.
        dropped_changes: the ids of pending changes of address to delete.
        dropped_former: the ids of former addresses to delete.
        moved: the registrations with another address.
        merged: the registrations that ended without a mail, since another one of the same person stays.
    """

    outcomes: dict[int, SubmissionOutcome] = field(default_factory=dict)
    results: dict[int, list[ActResult]] = field(default_factory=dict)
    calendar_keys: dict[int, str] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    registered: list[NewRegistration] = field(default_factory=list)
    changed: list[ChangedRegistration] = field(default_factory=list)
    cancelled: list[LiveRegistration] = field(default_factory=list)
    accepted: list[LiveRegistration] = field(default_factory=list)
    declined: list[LiveRegistration] = field(default_factory=list)
    links_wanted: list[LiveRegistration] = field(default_factory=list)
    links_spaced: list[tuple[LiveRegistration, AddressRefs]] = field(default_factory=list)
    links_renewed: list[LiveRegistration] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    mails: list[MailWanted] = field(default_factory=list)
    challenges: list[tuple[bytes, str]] = field(default_factory=list)
    freed: set[str] = field(default_factory=set)
    reconsidered: set[str] = field(default_factory=set)
    seats_changed: set[str] = field(default_factory=set)
    unverified: list[Submission] = field(default_factory=list)
    mailed: list[AddressRefs] = field(default_factory=list)
    verified: dict[bytes, AddressRefs] = field(default_factory=dict)
    muted: dict[bytes, tuple[AddressRefs, bool]] = field(default_factory=dict)
    asked: list[AddressChange] = field(default_factory=list)
    address_requests: dict[str, AddressRequests] = field(default_factory=dict)
    dropped_changes: list[str] = field(default_factory=list)
    dropped_former: list[str] = field(default_factory=list)
    moved: list[MovedRegistration] = field(default_factory=list)
    merged: list[MergedRegistration] = field(default_factory=list)
