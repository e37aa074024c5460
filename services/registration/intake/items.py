"""What a batch consists of: submissions, commands that links sent, and commands of coordinators. Values only.

Each is beside the function that reads it; those of owners are in ``owner_items``, of coordinators in ``desk_items``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from services.registration.intake.desk_items import DESK_COMMANDS, DeskItem, refs_of_desk
from services.registration.intake.model import Act, Choice, FormContent, content_from_json
from services.registration.intake.owner_items import (
    OWNER_COMMANDS,
    ChangeAddress,
    OwnerItem,
    refs_of_owner,
)
from services.registration.intake.received import Command, Links, Received, always, never
from services.registration.people.model import CONFIRMATION, OWN, VIEW, AddressRefs


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


def _submission(one: Received) -> Submission:
    row, content = one.row, content_from_json(one.content)
    address = one.address_of(content.email)
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
        person=one.person_of(content.email, content.name, content.title),
        proven_by=row.token_hash if one.address is not None and one.address.ref == address.ref else None,
    )


@dataclass(frozen=True, slots=True)
class Confirm:
    """The owner of an address has sent their choices by a confirmation link.

    Attributes:
        address: the address to which the link was mailed; None if the link opens nothing any more.
    """

    number: int
    address: AddressRefs | None
    choices: Sequence[Choice]


def _confirm(one: Received) -> Confirm:
    return Confirm(one.row.number, one.address, [_choice(choice) for choice in one.content["choices"]])


def _choice(values: Mapping[str, Any]) -> Choice:
    registration = values.get("registration")
    replaced = None if registration is None else str(registration)
    return Choice(str(values["candidate"]), Act(values["act"]), replaced, str(values["form"]))


def _uses_address(content: Mapping[str, Any]) -> bool:
    choices = content.get("choices")
    return isinstance(choices, list) and any(
        isinstance(choice, dict) and choice.get("act") == Act.USE_ADDRESS for choice in choices
    )


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


def _send_link(one: Received) -> SendLink:
    wanted = one.registration or str(one.content.get("registration", ""))  # "" by a read-only link that has ended
    return SendLink(one.row.number, one.address, wanted, spaced=one.registration is not None)


@dataclass(frozen=True, slots=True)
class Mute:
    """The owner of an address wants no more (or again) mail about submissions they did not make.

    ``registration`` is that of the managing link; None for a confirmation link.
    """

    number: int
    address: AddressRefs | None
    muted: bool
    registration: str | None = None


def _mute(one: Received, *, muted: bool) -> Mute:
    return Mute(one.row.number, one.address, muted, one.registration)


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


def _request_list(one: Received) -> RequestList:
    email, language = str(one.content["email"]), str(one.content["language"])
    return RequestList(one.row.number, one.address_of(email), email, language, one.row.network)


@dataclass(frozen=True, slots=True)
class UndoAddress:
    """The owner of a former address takes the change back; ``former`` is None if the link opens nothing any more."""

    number: int
    former: str | None
    form: str = ""


def _undo_address(one: Received) -> UndoAddress:
    return UndoAddress(one.row.number, one.links.former_at(one.row), one.row.form)


Item = Submission | Confirm | UndoAddress | SendLink | Mute | RequestList | OwnerItem | DeskItem

OwnersAct = OwnerItem | Mute
"""What only a managing link can send, or the button of a link to the meeting: its registration has an owner."""

_ALL: tuple[Command[Item], ...] = (
    Command("submission", (CONFIRMATION,), (), never, _submission),
    Command("confirm", (CONFIRMATION,), (), _uses_address, _confirm),
    Command("undo-address", (), (), always, _undo_address),
    Command("mute", (CONFIRMATION,), (), never, partial(_mute, muted=True)),
    Command("unmute", (CONFIRMATION, OWN), (), never, partial(_mute, muted=False)),
    Command("send-link", (CONFIRMATION, VIEW), (), never, _send_link),
    Command("send-list", (), (), never, _request_list),
    *OWNER_COMMANDS,
    *DESK_COMMANDS,
)

COMMANDS = {command.name: command for command in _ALL}
"""By name; any other name is of no command, and its row is parked."""

Addressed = Submission | RequestList | ChangeAddress | DeskItem
"""What names an address: it is not done if the address is blocked, or was erased after it was received."""


def refs_of(item: Item, links: Links) -> list[bytes]:
    """Addresses that have to be read for an item."""
    if isinstance(item, Submission):
        return [item.address.ref]
    if isinstance(item, DeskItem):
        return refs_of_desk(item)
    if isinstance(item, OwnerItem):
        return refs_of_owner(item, links)
    if isinstance(item, UndoAddress):
        link = links.undo_of(item.former)
        return [] if link is None else list(link.refs)
    return [] if item.address is None else [item.address.ref]
