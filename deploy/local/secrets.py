"""Makes the secrets of an installation once, in a folder of its own, and names them to the processes.

Each process gets only what is its own: the key that opens what is sealed to notifications is named to nobody else.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from shared.core.ids import new_token
from shared.core.sealing import new_key, public_key_of, read_keys

KEY_FILES = ("signing", "person", "master", "proposal", "notifications", "vault")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Attributes:
    folder: of all files, readable by its owner alone.
    coordinator_key: for the console and the interfaces, in plain text (only a local installation keeps it so).
    """

    folder: Path
    coordinator_key: str

    def common(self) -> dict[str, str]:
        """Environment of every process."""
        return {
            "TROIKA_ACCESS_FILE": str(self.folder / "access.json"),
            "TROIKA_SIGNING_KEY_FILE": str(self.folder / "signing.key"),
        }

    def registration(self) -> dict[str, str]:
        """Environment of the registration service's processes."""
        notifications = read_keys(self.folder / "notifications.key")[0]
        return {
            **self.common(),
            "TROIKA_PERSON_KEY_FILE": str(self.folder / "person.key"),
            "TROIKA_MASTER_KEY_FILE": str(self.folder / "master.key"),
            "TROIKA_FORM_KEYS": str(self.folder / "form-keys"),
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY": public_key_of(notifications).hex(),
        }

    def events(self) -> dict[str, str]:
        """Environment of the events service's processes."""
        notifications = read_keys(self.folder / "notifications.key")[0]
        return {
            **self.common(),
            "TROIKA_PROPOSAL_KEY_FILE": str(self.folder / "proposal.key"),
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY": public_key_of(notifications).hex(),
        }

    def notifications(self) -> dict[str, str]:
        """Environment of the notifications service's processes."""
        return {
            **self.common(),
            "TROIKA_NOTIFICATIONS_KEY_FILE": str(self.folder / "notifications.key"),
            "TROIKA_NOTIFICATIONS_VAULT_FILE": str(self.folder / "vault.key"),
        }


def make_secrets(folder: Path) -> Secrets:
    """The secrets in ``folder``; what is missing is made, what is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "form-keys").mkdir(exist_ok=True)
    for name in KEY_FILES:
        _write_once(folder / f"{name}.key", new_key().hex() + "\n")
    _write_once(folder / "coordinator.txt", new_token() + "\n")
    key = (folder / "coordinator.txt").read_text().strip()
    holder = {
        "name": "a coordinator",
        "roles": ["coordinator", "viewer", "sealed-reader", "operator"],
        "key_sha256": hashlib.sha256(key.encode()).hexdigest(),
    }
    _write_once(folder / "access.json", json.dumps([holder], indent=2) + "\n")
    return Secrets(folder, key)


def _write_once(path: Path, content: str) -> None:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(content)
