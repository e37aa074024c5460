"""Keeps who proposed a side event closed: at rest under the service's own key, on its way to notifications alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.events.domain.proposal import Proposal
from shared.core.sealing import Vault, keyed_hash, seal_to
from shared.public_forms.addresses import address_key


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

    def close(self, contact: dict[str, Any], proposal_id: str) -> tuple[bytes, bytes | None]:
        """``{name, address, token, speakers}`` as it is stored: who proposed it, and the speakers if there are any.

        Two boxes, since the speakers go earlier, and whatever lets them go has no key.
        """
        vault, speakers = self._vault(), {"speakers": contact["speakers"]}
        person = {name: value for name, value in contact.items() if name not in speakers}
        names = vault.close(speakers, row=proposal_id) if contact["speakers"] else None
        return vault.close(person, row=proposal_id), names

    def opened(self, closed: tuple[bytes, bytes | None], proposal_id: str) -> dict[str, Any]:
        """What ``close`` closed; without speakers once these are gone.

        Raises:
            Unsealable: no key opens it.
        """
        contact, names = closed
        vault = self._vault()
        speakers = {"speakers": []} if names is None else vault.open(names, row=proposal_id)
        return speakers | vault.open(contact, row=proposal_id)

    def sealed(self, closed: tuple[bytes, bytes | None], proposal: Proposal) -> bytes:
        """The sealed part of a message about ``proposal``, made from its stored contact.

        Raises:
            Unsealable: no key opens the contact.
        """
        contact = self._vault().open(closed[0], row=proposal.id)
        told = {name: contact[name] for name in ("name", "address", "token")}
        return seal_to(self.notifications_key, told | {"title": proposal.title, "note": proposal.note})

    def contact_keys(self) -> list[bytes]:
        """What closes contacts, newest first; what a key of references closed is readable until it is closed anew."""
        return [*self.vault_keys, *(keyed_hash(key, "vault", "contact") for key in self.keys)]

    def _vault(self) -> Vault:
        return Vault(self.contact_keys())
