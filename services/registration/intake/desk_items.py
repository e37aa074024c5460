"""Commands of coordinators, each beside the function that reads it. Values only.

The desk decides who may send them. No one else can: it takes the right to write the column ``submission.entered_by``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from services.registration.intake.model import FormContent
from services.registration.intake.received import Command, Received, always
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


def _act(one: Received) -> DeskAct:
    if one.row.entered_by is None:
        raise ValueError("a command of the desk without its coordinator")
    return DeskAct(one.row.entered_by, str(one.content["reason"]))


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


def _named(one: Received, name: str) -> NamedRegistration:
    values = one.content[name]
    identity = str(values["id"])
    return NamedRegistration(identity, int(values["revision"]), one.links.named[identity])


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


def _correct(one: Received) -> Correct:
    row, given = one.row, one.given()
    target, fields = _named(one, "target"), frozenset(map(str, one.content["fields"]))
    address = one.address_of(given.email)
    return Correct(row.number, row.received_at, target, given, fields, address, _act(one))


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


def _enter(one: Received) -> Enter:
    row, given = one.row, one.given()
    address = one.address_of(given.email)
    person = one.person_of(given.email, given.name, given.title)
    return Enter(row.number, row.form, row.received_at, given, address, person, _act(one))


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


def _merge(one: Received) -> Merge:
    row, given = one.row, one.given()
    kept, other, fields = _named(one, "kept"), _named(one, "other"), frozenset(map(str, one.content["fields"]))
    address, sealed_of_other = one.address_of(given.email), bool(one.content.get("sealed_of_other"))
    return Merge(row.number, row.received_at, kept, other, given, fields, address, sealed_of_other, _act(one))


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


DeskItem = Correct | Enter | Merge

DESK_COMMANDS: tuple[Command[DeskItem], ...] = (
    Command(ENTER, (), (), always, _enter),
    Command(CORRECT, (), ("target",), always, _correct),
    Command(MERGE, (), ("kept", "other"), always, _merge),
)


def refs_of_desk(item: DeskItem) -> list[bytes]:
    """Addresses that have to be read for a coordinator's command."""
    match item:
        case Enter():
            named: tuple[NamedRegistration, ...] = ()
        case Correct():
            named = (item.target,)
        case Merge():
            named = (item.kept, item.other)
        case _:
            assert_never(item)
    return [item.address.ref, *(registration.address for registration in named if registration.address is not None)]
