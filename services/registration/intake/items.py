"""What a batch consists of: submissions, commands that links sent, and commands of coordinators. Values only.

The desk decides who may send commands of coordinators. No one else can: it takes the right to write the column
``submission.entered_by``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.registration.intake.model import Choice, FormContent
from services.registration.people.model import AddressRefs

CORRECT, ENTER, MERGE = "desk-correct", "desk-enter", "desk-merge"


@dataclass(frozen=True, slots=True)
class DeskCommand:
    """A command of a coordinator.

    Attributes:
        kind: ``CORRECT``, ``ENTER`` or ``MERGE``.
        by: the name of the coordinator's key.
        language: the language of the registration, unless an answer names another.
        values: what else the decider needs to know, the reason among it.
    """

    kind: str
    by: str
    language: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeskAct:
    """What is recorded about an act of a coordinator.

    Attributes:
        by: the name of the coordinator's key.
        reason: the reason for the history; one of a closed list, so that it can name no one.
        mailed: whether the person gets a mail about it.
    """

    by: str
    reason: str
    mailed: bool = True


@dataclass(frozen=True, slots=True)
class NamedRegistration:
    """A registration that a command of the desk names.

    Attributes:
        id: the UUID text.
        revision: the revision that the coordinator has seen.
        address: the hash of its address now, 32 bytes; None if it is gone.
    """

    id: str
    revision: int
    address: bytes | None


@dataclass(frozen=True, slots=True)
class Correct:
    """A coordinator changes what was typed into a form.

    Attributes:
        target: the registration.
        given: the answers; their address is the one that the registration is to have.
        fields: the names of the clear answers that ``given`` replaces; all others stay.
        address: the keyed hashes of the address in ``given``.
    """

    number: int
    received_at: datetime
    target: NamedRegistration
    given: FormContent
    fields: frozenset[str]
    address: AddressRefs
    act: DeskAct


@dataclass(frozen=True, slots=True)
class Enter:
    """A coordinator enters a person on a form: a seat, or a place on the waiting list, without a verified address.

    Attributes:
        person: the keyed hash of address and name.
    """

    number: int
    form: str
    received_at: datetime
    content: FormContent
    address: AddressRefs
    person: bytes
    act: DeskAct


@dataclass(frozen=True, slots=True)
class Merge:
    """A coordinator makes one registration of two registrations of a person on a form.

    Attributes:
        kept: the one that stays, with its place.
        other: the one that ends.
        given: the answers that stay, with the address.
        fields: the names of the clear answers that ``given`` replaces.
        address: the keyed hashes of the address in ``given``.
        sealed_of_other: whether the sealed answers of ``other`` count where both have one to the same question.
    """

    number: int
    received_at: datetime
    kept: NamedRegistration
    other: NamedRegistration
    given: FormContent
    fields: frozenset[str]
    address: AddressRefs
    sealed_of_other: bool
    act: DeskAct


DeskItem = Correct | Enter | Merge

MAX_ADDRESSES_ASKED = 5
"""How many addresses one registration may request within ``REQUESTS_COUNTED``: it limits the mail to others."""

REQUESTS_COUNTED = timedelta(days=14)
"""From the first request: as long as a change can wait for its confirmation."""

UNDO_FOR = timedelta(days=7)
"""How long the owner of the former address can take the change back; the address is kept as long."""


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """A person asks by their managing link that their registration uses another address.

    Attributes:
        registration: the id of the registration that the link opens; None if it opens nothing any more.
        email: the new address, as it was typed.
        code: the code of the command, which both pages show.
        network: the keyed hash of the client network, 32 bytes; None if it is not known.
    """

    number: int
    registration: str | None
    email: str
    address: AddressRefs
    code: str
    received_at: datetime
    network: bytes | None = None


@dataclass(frozen=True, slots=True)
class UndoAddress:
    """The owner of a former address takes the change back; ``former`` is None if the link opens nothing any more."""

    number: int
    former: str | None
    form: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A stored submission, opened.

    Attributes:
        number: the place in the order of submissions.
        revision: the revision of the form that the sender saw.
        network: the keyed hash of the client network of the day, 32 bytes; None if it was not recorded.
        challenge: the id of the proof-of-work challenge that was solved; None without proof.
        address: the keyed hashes of the address in the content.
        person: the keyed hash of address and name: two colleagues with one mailbox differ in it.
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
    content: FormContent
    address: AddressRefs
    person: bytes
    proven_by: bytes | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """The owner of an address has sent their choices by a confirmation link.

    Attributes:
        address: the address to which the link was mailed; None if the link opens nothing any more.
    """

    number: int
    address: AddressRefs | None
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class ChangeAnswers:
    """A person changes their answers by their managing link; ``registration`` is None if it opens nothing any more.

    Attributes:
        revision: the revision of the registration that was seen.
        given: the answers, with the address and language of the registration as they were seen.
        fields: the names of the clear answers that ``given`` replaces; all others stay.
        details: whether these are the answers that are asked for after the confirmation.
        person: the keyed hash of address and name after the change.
    """

    number: int
    received_at: datetime
    registration: str | None
    revision: int
    given: FormContent
    fields: frozenset[str]
    details: bool
    person: bytes


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person gives their place back by their managing link; ``registration`` is None if it opens nothing any more.

    ``revision`` is the one that was seen; None if the sender did not send it.
    """

    number: int
    registration: str | None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """A person accepts or declines the seat they were offered; ``registration`` is None if the link opens nothing."""

    number: int
    registration: str | None
    accepted: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SendLink:
    """A person asks to have the managing link of a registration mailed to its address again.

    Attributes:
        address: the address of the link that was used; None if it opens nothing any more.
        spaced: whether a read-only link was used, which anyone may hold: then mails keep the spacing of the mailbox.
    """

    number: int
    address: AddressRefs | None
    registration: str
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class RenewLinks:
    """A person wants all links of their registration to end, and new ones by mail."""

    number: int
    registration: str | None


@dataclass(frozen=True, slots=True)
class Verify:
    """A person pressed the button to join behind a link that was mailed to the address of a registration."""

    number: int
    registration: str | None


@dataclass(frozen=True, slots=True)
class Mute:
    """The owner of an address wants no more (or again) mail about submissions they did not make.

    ``registration`` is that of the managing link; None for a confirmation link.
    """

    number: int
    address: AddressRefs | None
    muted: bool
    registration: str | None = None


@dataclass(frozen=True, slots=True)
class RequestList:
    """A request, by anyone, to mail the link to all registrations of an address to that address.

    Attributes:
        email: the address as it was typed.
        network: the keyed hash of the client network of the day, 32 bytes; None if it was not recorded.
    """

    number: int
    address: AddressRefs
    email: str
    language: str
    network: bytes | None


@dataclass(frozen=True, slots=True)
class CoordinatorEntry:
    """A person whom a coordinator registers.

    Attributes:
        number: the number of the entry in its batch; it is stored as that of the submission, so it is below zero.
        received_at: the time by which people who wait are ordered.
        fields: the names of the clear answers that are given; of a registration that exists all others stay.
        waits: whether the person is put on the waiting list, even if seats are free.
    """

    number: int
    form: str
    received_at: datetime
    content: FormContent
    address: AddressRefs
    person: bytes
    fields: frozenset[str]
    waits: bool = False


Item = (
    Submission
    | Confirm
    | ChangeAnswers
    | Cancel
    | AnswerOffer
    | SendLink
    | RenewLinks
    | Verify
    | Mute
    | RequestList
    | ChangeAddress
    | UndoAddress
    | DeskItem
)


OwnersAct = ChangeAnswers | Cancel | AnswerOffer | RenewLinks | Verify | ChangeAddress | Mute
"""What only a managing link can send, or the button of a link to the meeting: its registration has an owner."""
