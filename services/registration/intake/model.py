"""Submissions, candidates and commands by link, the facts that decide about them, and the plan that is written.

Values only: ``deciding`` beside it makes the plan, the store reads facts and writes plans.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.registration.forms.opening import Opening, closed_reason
from services.registration.forms.seats import Seats
from services.registration.people.model import AddressRefs

MAX_CANDIDATES = 10
"""Candidates kept for one address on one form. A full list rejects newcomers and evicts nobody, so that nobody can push
out what the owner of the address has sent."""

MAX_CANDIDATES_PER_NETWORK = 2
"""Of those, from one client network: one sender cannot fill the list alone."""

CONFIRMABLE_AFTER_CLOSING = timedelta(hours=24)
"""How long after its first mail a candidate that was received before closing can be confirmed."""


class Outcome(StrEnum):
    """What became of a submission, as the receipt says it."""

    CHECK_YOUR_MAIL = "check-your-mail"
    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    FULL = "full"
    CLOSED = "closed"


class Result(StrEnum):
    """What became of one candidate, or of a registration, that a command by link names."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CHANGED = "changed"
    KEPT = "kept"
    DELETED = "deleted"
    FULL = "full"
    CLOSED = "closed"
    TOO_MANY = "too-many"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    EVENT_OVER = "event-over"
    CHANGED_MEANWHILE = "changed-meanwhile"
    MAILED = "mailed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Content:
    """What somebody typed into a form, checked.

    Attributes:
        name: None where the form asks for none.
        answers: clear answers that have no field of their own here.
        sealed: answers encrypted to the form's key; None without any.
        sealed_for: references of the submissions that the sealed answers are bound to.
        consent: wording, language and form version of each consent that was shown, by field name.
        cause: correlation id and trace context of the request.
    """

    email: str
    language: str
    name: str | None = None
    organisation: str | None = None
    working_group: str | None = None
    representative: bool = False
    country: str | None = None
    time_zone: str | None = None
    partner: str | None = None
    answers: Mapping[str, object] = field(default_factory=dict)
    sealed: bytes | None = None
    sealed_for: tuple[str, ...] = ()
    consent: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cause: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Submission:
    """A stored submission, opened.

    Attributes:
        number: its place in the order.
        revision: of the form, which the sender saw.
        network: keyed hash of the client network of the day, 32 bytes; None if it was not recorded.
        challenge: id of the proof-of-work challenge that was solved; None without proof.
        address: of the content.
        person: keyed hash of address and name: two colleagues with one mailbox differ in it.
        proven_by: the confirmation link through which it came, so that its address needs no mail; None otherwise.
    """

    number: int
    form: str
    revision: int
    received_at: datetime
    code: str
    fingerprint: bytes
    network: bytes | None
    challenge: bytes | None
    content: Content
    address: AddressRefs
    person: bytes
    proven_by: bytes | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A submission that waits until the owner of its address confirms it.

    Attributes:
        id: UUID text.
        proven: it came with a proof of work.
        mailed_at: when the first mail about it went; None before.
    """

    id: str
    number: int
    form: str
    received_at: datetime
    code: str
    fingerprint: bytes
    network: bytes | None
    proven: bool
    content: Content
    address: AddressRefs
    person: bytes
    mailed_at: datetime | None = None


class Act(StrEnum):
    """What the owner of an address can do with a candidate."""

    CONFIRM = "confirm"
    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the owner wants of one candidate.

    Attributes:
        registration: that the candidate replaces, where it replaces one.
        form: of the candidate, as the page said: the owner reads it again if the candidate is gone meanwhile.
    """

    candidate: str
    act: Act
    registration: str | None = None
    form: str = ""


@dataclass(frozen=True, slots=True)
class Confirm:
    """The owner of an address has sent their choices by a confirmation link.

    Attributes:
        address: that the link was mailed to; None if the link opens nothing any more.
    """

    number: int
    address: AddressRefs | None
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Somebody gives their place back by their managing link; ``registration`` is None if it opens nothing any more.

    ``revision`` is the one that was seen; None if the sender did not say.
    """

    number: int
    registration: str | None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class SendLink:
    """The owner of an address wants the managing link of a registration once more."""

    number: int
    address: AddressRefs | None
    registration: str


@dataclass(frozen=True, slots=True)
class Mute:
    """The owner of an address wants no more (or again) mail about submissions they did not make."""

    number: int
    address: AddressRefs | None
    muted: bool


Item = Submission | Confirm | Cancel | SendLink | Mute


@dataclass(frozen=True, slots=True)
class FormState:
    """A form as it is under the lock on its seats.

    Attributes:
        verification: ``email`` or ``none``.
        people_per_address: live registrations that one address may have.
        event: slug of the event that it registers for; None for none.
        attend: slug of the event that everybody on this form should attend as well.
        opening_at: how it decided about being open when an earlier revision was shown, a moment ago; by revision.
    """

    opening: Opening
    seats: Seats
    verification: str
    people_per_address: int
    event: str | None = None
    attend: str | None = None
    opening_at: Mapping[int, Opening] = field(default_factory=dict)

    def accepts(self, submission: Submission) -> str:
        """Why ``submission`` came too late or too early, judged by when it was received and what its sender saw."""
        opening = self.opening_at.get(submission.revision, self.opening)
        return closed_reason(opening, submission.received_at)


@dataclass(frozen=True, slots=True)
class LiveRegistration:
    """A live registration as the decider sees it."""

    id: str
    form: str
    status: str
    revision: int
    person: bytes
    address: bytes
    content: Content


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A registration that the plan makes.

    Attributes:
        position: how many have waited on this form, with this one; None with a seat.
        capacity: by which the seat was given; None without a seat, or without a limit.
        verified: the owner of the address has confirmed it.
    """

    id: str
    form: str
    number: int
    status: str
    position: int | None
    capacity: int | None
    content: Content
    address: AddressRefs
    person: bytes
    received_at: datetime
    verified: bool


@dataclass(frozen=True, slots=True)
class ChangedRegistration:
    """A live registration with new content; its place stays."""

    id: str
    form: str
    status: str
    revision: int
    content: Content
    person: bytes


@dataclass(frozen=True, slots=True)
class MailWanted:
    """An address has something to confirm; ``network`` and ``proven`` decide who goes first when mails are short."""

    address: AddressRefs
    email: str
    language: str
    network: bytes | None
    proven: bool


@dataclass(frozen=True, slots=True)
class ActResult:
    """What became of one candidate or registration that a command names, or of answers that were entered by a link.

    ``candidate`` and ``code`` are of the candidate, if it was about one.
    """

    candidate: str
    form: str
    code: str
    result: Result


@dataclass(slots=True)
class Facts:
    """What was read under the locks; :func:`decide` keeps it up to date as it goes through the batch.

    Attributes:
        live: live registrations by form and address.
        candidates: by id; those of all addresses of the batch.
        blocked: addresses of which coordinators want no registration.
        dropped: numbers of submissions that were received before their address was erased.
        used: challenges that were used before.
        at_mailbox: how many live registrations a canonical mailbox has on a form: tags make no new mailbox.
    """

    forms: dict[str, FormState]
    live: dict[tuple[str, bytes], list[LiveRegistration]] = field(default_factory=dict)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    blocked: frozenset[bytes] = frozenset()
    dropped: frozenset[int] = frozenset()
    used: set[bytes] = field(default_factory=set)
    at_mailbox: Counter[tuple[str, bytes]] = field(default_factory=Counter)

    def rejects(self, item: Submission) -> bool:
        """Whether nothing is kept of a submission; its sender gets the outcome that anybody would get."""
        return item.address.ref in self.blocked or item.number in self.dropped

    def of(self, form: str, address: bytes) -> list[LiveRegistration]:
        """Live registrations of an address on a form."""
        return self.live.setdefault((form, address), [])

    def find(self, registration: str | None) -> LiveRegistration | None:
        """The live registration with this id, if it is among the facts."""
        if registration is None:
            return None
        return next((one for some in self.live.values() for one in some if one.id == registration), None)

    def pending(self, form: str, address: bytes) -> list[Candidate]:
        """Candidates of an address on a form, oldest first."""
        found = [one for one in self.candidates.values() if one.form == form and one.address.ref == address]
        return sorted(found, key=lambda one: one.number)


@dataclass(slots=True)
class Plan:
    """What to write.

    Attributes:
        outcomes: of submissions that anybody could have sent, by number.
        results: of what was sent by a link, by number: of commands in the order of their choices.
        deleted: ids of candidates that go.
        freed: forms on which a place was given back: who waits is promoted after the batch.
        verified: mailboxes whose owner has acted: the spacing of their mails starts anew.
    """

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    results: dict[int, list[ActResult]] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    registered: list[NewRegistration] = field(default_factory=list)
    changed: list[ChangedRegistration] = field(default_factory=list)
    cancelled: list[LiveRegistration] = field(default_factory=list)
    links_wanted: list[LiveRegistration] = field(default_factory=list)
    mails: list[MailWanted] = field(default_factory=list)
    challenges: list[tuple[bytes, str]] = field(default_factory=list)
    freed: set[str] = field(default_factory=set)
    seats_changed: set[str] = field(default_factory=set)
    verified: dict[bytes, AddressRefs] = field(default_factory=dict)
    muted: dict[bytes, tuple[AddressRefs, bool]] = field(default_factory=dict)
