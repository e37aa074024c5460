"""Opens what registration says of a proposal, keeps speakers' names encrypted, and seals notes for those who show them.

Each kind of process holds the part of the keys that it needs; what it lacks is empty.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.core.sealing import Unsealable, Vault, keyed_hash, open_sealed, seal_to


@dataclass(frozen=True, slots=True)
class ProposalKeys:
    """Attributes:
    events_keys: private keys of events, newest first: open proposals, and encrypt the names of speakers at rest.
    reference_keys: the first turns a speaker's name into a reference; of the consumers alone.
    notifications_key: public key of notifications; of the web processes alone, as is the next.
    registration_key: public key of registration.
    """

    events_keys: Sequence[bytes] = field(default=(), repr=False)
    reference_keys: Sequence[bytes] = field(default=(), repr=False)
    notifications_key: bytes = b""
    registration_key: bytes = b""

    def opened(self, sealed: str) -> dict[str, Any]:
        """The content of a sealed box in base64.

        Raises:
            Unsealable: no key opens it.
        """
        try:
            return open_sealed(list(self.events_keys), base64.b64decode(sealed, validate=True))
        except binascii.Error:
            raise Unsealable from None

    def speaker_ref(self, name: str) -> str:
        """The reference of a speaker's name, however it is spaced and cased."""
        return keyed_hash(self.reference_keys[0], "speaker", " ".join(name.split()).casefold()).hex()[:32]

    def encrypted_names(self, names: Mapping[str, str], proposal_id: str) -> bytes | None:
        """Names of speakers by their references as they are stored, bound to the proposal; None without speakers."""
        return self._vault().close({"speakers": dict(names)}, row=proposal_id) if names else None

    def names(self, encrypted: bytes | None, proposal_id: str) -> dict[str, str]:
        """What :meth:`encrypted_names` encrypted, in the order of the proposal.

        Raises:
            Unsealable: no key opens it.
        """
        if encrypted is None:
            return {}
        return dict(self._vault().open(bytes(encrypted), row=proposal_id)["speakers"])

    def sealed_notes(self, note: str) -> dict[str, str]:
        """The fields of a decision that hold the note, each for one service: ``note``, ``sealed``."""
        keys = {"note": self.registration_key, "sealed": self.notifications_key}
        return {name: base64.b64encode(seal_to(key, {"note": note})).decode() for name, key in keys.items()}

    def vault_keys(self) -> list[bytes]:
        """What encrypts names of speakers, newest first."""
        return [keyed_hash(key, "vault", "speakers") for key in self.events_keys]

    def _vault(self) -> Vault:
        return Vault(self.vault_keys())
