"""A stored row as its command is read: what its link opens, and the kinds of command. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from services.registration.intake.model import FormContent, content_from_json
from services.registration.people.model import AddressRefs


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A claimed row, its body still sealed; hashes are 32 bytes. ``entered_by`` is the coordinator who sent it."""

    number: int
    kind: str
    form: str
    revision: int
    token_hash: bytes | None
    fingerprint: bytes
    network: bytes | None
    challenge: bytes | None
    code: str
    decider_key: bytes
    received_at: datetime
    body: bytes = field(repr=False)
    entered_by: str | None = None


@dataclass(frozen=True, slots=True)
class LinkOwner:
    """The person for whom a link opens something.

    Attributes:
        registration: the id of the registration that the link opens; None for a confirmation link.
        expires_at: the end of a confirmation link; None for the others.
        purpose: the purpose of the link, see ``people.model``.
    """

    address: AddressRefs
    registration: str | None
    expires_at: datetime | None
    purpose: str

    def has_link_at(self, at: datetime) -> bool:
        """Whether the link opened something at that time; links of registrations do as long as they are there."""
        return self.expires_at is None or self.expires_at > at


@dataclass(frozen=True, slots=True)
class UndoLink:
    """What an undo link opens.

    Attributes:
        former: the id of the former address.
        refs: the keyed hashes of the former address and of the present one.
    """

    former: str
    registration: str
    form: str
    expires_at: datetime
    refs: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Links:
    """What the links of a part of a batch open, by the hash of their tokens.

    ``named`` are the hashes of the addresses of the registrations that commands of the desk name, by id; None if the
    address is gone.
    """

    owners: Mapping[bytes, LinkOwner]
    undo: Mapping[bytes, UndoLink]
    named: Mapping[str, bytes | None] = field(default_factory=dict)

    def former_at(self, row: QueuedRow) -> str | None:
        """The former address that the undo link of ``row`` opened when it was received; None if it opened none."""
        link = self.undo.get(row.token_hash or b"")
        return link.former if link is not None and link.expires_at > row.received_at else None

    def undo_of(self, former: str | None) -> UndoLink | None:
        """The link that restores a former address, by its id; None if there is none."""
        return next((link for link in self.undo.values() if link.former == former), None)


@dataclass(frozen=True, slots=True)
class Received:
    """A stored command, opened, with what its link opens.

    Attributes:
        content: the opened content.
        links: the links of its part of the batch.
        address: the address to which its link was mailed; None without a link, or if the link opened nothing when the
            command was received.
        registration: the id of its link's registration; None for a confirmation link, or if the link opens nothing.
        address_of: a function that makes the keyed hashes of an address.
        person_of: a function that makes the keyed hash of an address, a name and the title of a proposal.
    """

    row: QueuedRow
    content: Mapping[str, Any]
    links: Links
    address: AddressRefs | None
    registration: str | None
    address_of: Callable[[str], AddressRefs]
    person_of: Callable[[str, str | None, str | None], bytes]

    def given(self) -> FormContent:
        """The answers in it."""
        return content_from_json(self.content["given"])


Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Command(Generic[Item_co]):
    """A kind of command: all that depends on its name.

    Attributes:
        name: the name in the column ``submission.kind``; that of a coordinator's command begins with ``desk-``.
        links: the purposes of the links by which it can be sent; empty if no link is needed.
        names: the members of its content that name a registration by id and revision.
        ends_links: whether it may end links, or change the address of a registration, so that it is a part of its own.
        read: a function that makes the item; raises ValueError, KeyError or TypeError if the content cannot be read.
    """

    name: str
    links: tuple[str, ...]
    names: tuple[str, ...]
    ends_links: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Received], Item_co]


def never(_content: Mapping[str, Any]) -> bool:
    """A command of this kind ends no links."""
    return False


def always(_content: Mapping[str, Any]) -> bool:
    """Each command of this kind may end links."""
    return True
