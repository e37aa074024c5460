"""What stands for an address, a person at it and an organisation wherever they are compared: hashes under one key."""

from dataclasses import dataclass, field
from uuid import UUID

from services.registration.people.model import AddressRefs
from shared.core.sealing import keyed_hash
from shared.public_forms.addresses import address_key, canonical_mailbox, mail_domain


@dataclass(frozen=True, slots=True)
class References:
    """Makes references; ``key`` is 32 bytes and never leaves the service."""

    key: bytes = field(repr=False)

    def address(self, email: str) -> AddressRefs:
        """Return what stands for an address where it is compared."""
        domain = mail_domain(email)
        return AddressRefs(
            ref=keyed_hash(self.key, "person", address_key(email)),
            mailbox=keyed_hash(self.key, "mailbox", canonical_mailbox(email)),
            domain=keyed_hash(self.key, "domain", domain) if domain else b"",
        )

    def person(self, email: str, name: str | None, title: str | None = None) -> bytes:
        """Return what stands for one person at an address, however the name is spaced and cased.

        ``title`` is that of a proposal: it tells several of one person apart.
        """
        parts = [address_key(email), _folded(name or ""), *([] if title is None else [_folded(title)])]
        return keyed_hash(self.key, "person at address", "\0".join(parts))

    def organisation(self, name: str | None) -> str | None:
        """Return a stable id (UUID text) for an organisation's name, however it is spaced and cased; None for none."""
        if not name:
            return None
        return str(UUID(bytes=keyed_hash(self.key, "organisation", _folded(name))[:16], version=5))


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
