"""Keeps who proposed a side event closed: at rest under the service's own key, on its way to notifications alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.events.domain.proposal import Proposal
from shared.core.sealing import Vault, keyed_hash, seal_to
from shared.forms.addresses import address_key


@dataclass(frozen=True, slots=True)
class ProposalKeys:
    """Attributes:
    keys: of the service, 32 bytes each; the first makes all references.
    notifications_key: public X25519 key of notifications.
    vault_keys: close contacts, newest first; with none of them the first of ``keys`` does.
    """

    keys: Sequence[bytes] = field(repr=False)
    notifications_key: bytes
    vault_keys: Sequence[bytes] = field(default=(), repr=False)

    def person_ref(self, address: str) -> str:
        """The reference of an address: the same for the same mailbox, and nothing without the key."""
        return keyed_hash(self.keys[0], "person", address_key(address)).hex()

    def speaker_ref(self, name: str) -> str:
        """The reference of a speaker's name, however it is spaced and cased."""
        return keyed_hash(self.keys[0], "speaker", " ".join(name.split()).casefold()).hex()[:32]

    def idempotency_hash(self, key: str) -> bytes:
        """What is kept of an idempotency key."""
        return keyed_hash(self.keys[0], "idempotency", key)

    def fingerprint(self, content: bytes) -> bytes:
        """What is kept of a submission's content: nobody without the key can try guesses on it."""
        return keyed_hash(self.keys[0], "fingerprint", content.hex())

    def close(self, contact: dict[str, Any], proposal_id: str) -> bytes:
        """``{name, address, token, speakers}`` as it is stored."""
        return self._vault().close(contact, row=proposal_id)

    def opened(self, closed: bytes, proposal_id: str) -> dict[str, Any]:
        """What ``close`` closed.

        Raises:
            Unsealable: no key opens it.
        """
        return self._vault().open(closed, row=proposal_id)

    def sealed(self, closed: bytes, proposal: Proposal) -> bytes:
        """The sealed part of a message about ``proposal``, made from its stored contact.

        Raises:
            Unsealable: no key opens the contact.
        """
        contact = self.opened(closed, proposal.id)
        told = {name: contact[name] for name in ("name", "address", "token")}
        return seal_to(self.notifications_key, told | {"title": proposal.title, "note": proposal.note})

    def contact_keys(self) -> list[bytes]:
        """What closes contacts, newest first; what a key of references closed is readable until it is closed anew."""
        return [*self.vault_keys, *(keyed_hash(key, "vault", "contact") for key in self.keys)]

    def _vault(self) -> Vault:
        return Vault(self.contact_keys())
