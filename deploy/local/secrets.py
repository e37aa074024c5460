"""Makes the secrets of an installation once, in a separate folder, and names them to the processes.

Each process gets only what is its own: the key that opens what is sealed to notifications is named to its consumer
alone, and no relay holds any key.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.runtime.errors import SettingsError
from shared.runtime.ids import new_token
from shared.security.sealing import new_key, public_key_of, read_keys
from shared.security.signatures import verifying_key_of

PUBLIC_KEY = "TROIKA_NOTIFICATIONS_PUBLIC_KEY"
EVENTS_PUBLIC_KEY = "TROIKA_EVENTS_PUBLIC_KEY"
REGISTRATION_PUBLIC_KEY = "TROIKA_REGISTRATION_PUBLIC_KEY"
SIGNING_PUBLIC_KEY = "TROIKA_SIGNING_PUBLIC_KEY"
PUBLIC_KEYS = {
    SIGNING_PUBLIC_KEY: "signing.key",
    PUBLIC_KEY: "notifications.key",
    EVENTS_PUBLIC_KEY: "events.key",
    REGISTRATION_PUBLIC_KEY: "registration.key",
}
"""Settings that hold a public key, and the file of the private one."""

_SIGN_IN = ("TROIKA_ACCESS_FILE", "TROIKA_SIGNING_KEY_FILE")
_CONSOLE = ("TROIKA_ACCESS_FILE", SIGNING_PUBLIC_KEY)
_FORMS = ("TROIKA_MASTER_KEY_FILE", "TROIKA_FORM_KEYS")
_MAILED = (PUBLIC_KEY, EVENTS_PUBLIC_KEY)
_PROPOSALS = ("TROIKA_EVENTS_KEY_FILE", PUBLIC_KEY, REGISTRATION_PUBLIC_KEY)
_RECIPIENTS = "TROIKA_NOTIFICATIONS_VAULT_FILE"
_WEBHOOKS = "TROIKA_WEBHOOK_KEY_FILE"
_UNSUBSCRIBE = "TROIKA_UNSUBSCRIBE_KEY_FILE"

OWNERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("registration", "web"): (*_SIGN_IN, *_FORMS, "TROIKA_PERSON_KEY_FILE", "TROIKA_INTAKE_KEY_FILE", *_MAILED),
    ("registration", "forms"): ("TROIKA_INTAKE_KEY_FILE",),
    ("registration", "own"): ("TROIKA_INTAKE_KEY_FILE",),
    ("registration", "desk"): (*_SIGN_IN, *_FORMS, "TROIKA_PERSON_KEY_FILE", *_MAILED),
    ("registration", "decide"): ("TROIKA_DECIDER_KEY_FILE", "TROIKA_PERSON_KEY_FILE", *_MAILED),
    ("registration", "tend"): _MAILED,
    ("registration", "consume"): ("TROIKA_REGISTRATION_KEY_FILE",),
    ("registration", "operator"): _FORMS,
    ("events", "web"): (*_CONSOLE, *_PROPOSALS),
    ("events", "desk"): (*_CONSOLE, *_PROPOSALS),
    ("events", "consume"): ("TROIKA_EVENTS_KEY_FILE", "TROIKA_PROPOSAL_KEY_FILE"),
    ("events", "rekey"): ("TROIKA_EVENTS_KEY_FILE",),
    ("notifications", "web"): (*_CONSOLE, _RECIPIENTS, _WEBHOOKS, _UNSUBSCRIBE),
    ("notifications", "public"): (_UNSUBSCRIBE,),
    ("notifications", "desk"): (*_CONSOLE, _RECIPIENTS, _WEBHOOKS),
    ("notifications", "consume"): ("TROIKA_NOTIFICATIONS_KEY_FILE", _RECIPIENTS),
    ("notifications", "send"): (_RECIPIENTS, _UNSUBSCRIBE),
    ("notifications", "deliver"): (_WEBHOOKS,),
    ("notifications", "rekey"): (_RECIPIENTS,),
}
"""Settings that name secrets, by service and kind of process; other processes have none."""

FORM_KEYS, KEYS_DATABASE = "TROIKA_FORM_KEYS", "TROIKA_KEYS_DATABASE_URL"
"""The folder of wrapped keys of forms, or the keys database that takes its place."""

KEY_FILES = (
    "signing",
    "person",
    "intake",
    "decider",
    "master",
    "proposal",
    "events",
    "registration",
    "notifications",
    "vault",
    "webhook",
    "unsubscribe",
)


def reads_access_file(service: str, process: str) -> bool:
    """Whether a kind of process serves people and programs with keys."""
    return "TROIKA_ACCESS_FILE" in OWNERS.get((service, process), ())


def enters_keys_database(service: str, process: str) -> bool:
    """Whether a kind of process has access to the keys database, if there is one: it unwraps keys, or migrates it."""
    return FORM_KEYS in OWNERS.get((service, process), ()) or (service, process) == ("registration", "migrate")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Attributes:
    folder: the folder of all files, readable only by its owner.
    coordinator_key: the key for the console and the interfaces, in plain text (only a local installation keeps it so).
    """

    folder: Path
    coordinator_key: str

    def files(self) -> dict[str, Path]:
        """Every file (and the folder of form keys) by the setting that names it."""
        return {
            "TROIKA_ACCESS_FILE": self.folder / "access.json",
            "TROIKA_SIGNING_KEY_FILE": self.folder / "signing.key",
            "TROIKA_PERSON_KEY_FILE": self.folder / "person.key",
            "TROIKA_INTAKE_KEY_FILE": self.folder / "intake.key",
            "TROIKA_DECIDER_KEY_FILE": self.folder / "decider.key",
            "TROIKA_MASTER_KEY_FILE": self.folder / "master.key",
            "TROIKA_FORM_KEYS": self.folder / "form-keys",
            "TROIKA_PROPOSAL_KEY_FILE": self.folder / "proposal.key",
            "TROIKA_EVENTS_KEY_FILE": self.folder / "events.key",
            "TROIKA_REGISTRATION_KEY_FILE": self.folder / "registration.key",
            "TROIKA_NOTIFICATIONS_KEY_FILE": self.folder / "notifications.key",
            "TROIKA_NOTIFICATIONS_VAULT_FILE": self.folder / "vault.key",
            "TROIKA_WEBHOOK_KEY_FILE": self.folder / "webhook.key",
            "TROIKA_UNSUBSCRIBE_KEY_FILE": self.folder / "unsubscribe.key",
        }

    def of(self, service: str, process: str) -> dict[str, str]:
        """The part of the environment of one kind of process that names secrets and keys: those that it works with."""
        named = OWNERS.get((service, process), ())
        found = {name: str(path.resolve()) for name, path in self.files().items() if name in named}
        public = {name: self.folder / file for name, file in PUBLIC_KEYS.items() if name in named}
        return found | {name: ",".join(key.hex() for key in public_halves(name, path)) for name, path in public.items()}


def public_halves(name: str, file: Path) -> list[bytes]:
    """What the setting ``name`` of ``PUBLIC_KEYS`` holds, made from the private keys in ``file``, newest first.

    A sealed box is made for the newest key alone; a signature is verified with each.
    """
    keys = read_keys(file)
    if name == SIGNING_PUBLIC_KEY:
        return [verifying_key_of(key) for key in keys]
    return [public_key_of(keys[0])]


def make_keys(folder: Path) -> None:
    """The keys of all processes in ``folder``; missing ones are created, existing ones kept."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "form-keys").mkdir(exist_ok=True)
    (folder / "form-keys").chmod(0o700)
    for name in KEY_FILES:
        _write_once(folder / f"{name}.key", new_key().hex() + "\n")


def make_secrets(folder: Path) -> Secrets:
    """The same with a coordinator's key, which is kept in plain text: only a local installation has it so."""
    make_keys(folder)
    _write_once(folder / "coordinator.txt", new_token() + "\n")
    key = (folder / "coordinator.txt").read_text().strip()
    holder = {
        "name": "a coordinator",
        "roles": ["coordinator", "viewer", "sealed-reader", "operator", "administrator"],
        "key_sha256": hashlib.sha256(key.encode()).hexdigest(),
    }
    _write_once(folder / "access.json", json.dumps([holder], indent=2) + "\n")
    return Secrets(folder, key)


def read_secrets(folder: Path) -> Secrets:
    """The secrets that ``make_secrets`` has made, for commands beside running processes: nothing is made or changed.

    Raises:
        SettingsError: one of them is missing, or may not be read.
    """
    found = Secrets(folder, "")
    missing = [str(path) for path in found.files().values() if not path.exists()]
    if missing:
        raise SettingsError([f"{', '.join(missing)}: missing, or not readable by this user"])
    return found


def _write_once(path: Path, content: str) -> None:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(content)
