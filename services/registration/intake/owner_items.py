"""Commands about a registration that its owner sends by a link, each beside the function that reads it. Values only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

from services.registration.intake.model import FormContent
from services.registration.intake.received import Command, Links, Received, always, never
from services.registration.people.model import JOIN, OWN, AddressRefs

MAX_ADDRESSES_ASKED = 5
"""How many addresses one registration may request within ``REQUESTS_COUNTED``: it limits the mail to others."""

REQUESTS_COUNTED = timedelta(days=14)
"""From the first request: as long as a change can wait for its confirmation."""

UNDO_FOR = timedelta(days=7)
"""How long the owner of the former address can take the change back; the address is kept as long."""


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


def _change(one: Received) -> ChangeAnswers:
    given = one.given()
    return ChangeAnswers(
        number=one.row.number,
        received_at=one.row.received_at,
        registration=one.registration,
        revision=int(one.content["revision"]),
        given=given,
        fields=frozenset(map(str, one.content["fields"])),
        details=bool(one.content["details"]),
        person=one.person_of(given.email, given.name, given.title),
    )


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person gives their place back by their managing link; ``registration`` is None if it opens nothing any more.

    ``revision`` is the one that was seen; None if the sender did not send it.
    """

    number: int
    registration: str | None
    revision: int | None = None


def _cancel(one: Received) -> Cancel:
    return Cancel(one.row.number, one.registration, one.content.get("revision"))


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """A person accepts or declines the seat they were offered; ``registration`` is None if the link opens nothing."""

    number: int
    registration: str | None
    accepted: bool
    received_at: datetime


def _answer_offer(one: Received, *, accepted: bool) -> AnswerOffer:
    return AnswerOffer(one.row.number, one.registration, accepted, one.row.received_at)


@dataclass(frozen=True, slots=True)
class RenewLinks:
    """A person wants all links of their registration to end, and new ones by mail."""

    number: int
    registration: str | None


def _renew_links(one: Received) -> RenewLinks:
    return RenewLinks(one.row.number, one.registration)


@dataclass(frozen=True, slots=True)
class Verify:
    """A person pressed the button to join behind a link that was mailed to the address of a registration."""

    number: int
    registration: str | None


def _verify(one: Received) -> Verify:
    return Verify(one.row.number, one.registration)


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


def _change_address(one: Received) -> ChangeAddress:
    row, email = one.row, str(one.content["email"])
    address = one.address_of(email)
    return ChangeAddress(row.number, one.registration, email, address, row.code, row.received_at, row.network)


def _erase(one: Received) -> NoReturn:
    raise ValueError(f"an erasure is no part of a batch: {one.row.number}")


OwnerItem = ChangeAnswers | Cancel | AnswerOffer | RenewLinks | Verify | ChangeAddress

OWNER_COMMANDS: tuple[Command[OwnerItem], ...] = (
    Command("verify", (OWN, JOIN), (), never, _verify),
    Command("change", (OWN,), (), never, _change),
    Command("cancel", (OWN,), (), never, _cancel),
    Command("accept-seat", (OWN,), (), never, partial(_answer_offer, accepted=True)),
    Command("decline-seat", (OWN,), (), never, partial(_answer_offer, accepted=False)),
    Command("renew-links", (OWN,), (), always, _renew_links),
    Command("change-address", (OWN,), (), never, _change_address),
    Command("erase", (OWN,), (), never, _erase),
)


def refs_of_owner(item: OwnerItem, links: Links) -> list[bytes]:
    """Addresses that have to be read for a command of an owner."""
    own = [owner.address.ref for owner in links.owners.values() if owner.registration == item.registration]
    return [*own, item.address.ref] if isinstance(item, ChangeAddress) else own
