"""Checks that an installation's keys fit restored databases: by check values, and by opening some rows.

Opened rows are only counted; no content leaves this module.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.secrets import PUBLIC_KEYS, Secrets, public_halves
from deploy.operations.backup.form_keys import FormKeyPlace
from deploy.operations.backup.keys_archive import ArchiveProblem
from deploy.operations.backup.postgres import LoneServer
from services.events.settings import KEY_KINDS as OF_EVENTS
from services.notifications.settings import KEY_KINDS as OF_NOTIFICATIONS
from services.registration.sealing.encryption import open_answers
from services.registration.sealing.key_database import KeyDatabase
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_store import FormKeys, KeyGone
from services.registration.settings import KEY_KINDS as OF_REGISTRATION
from services.registration.wiring import KEYS, KEYS_MIGRATIONS
from shared.db.engine import open_engine
from shared.db.readiness import newest_revision
from shared.db.unit_of_work import UnitOfWork
from shared.security.keys import HeldKey, KeyKind, KnownKey, missing_keys
from shared.security.sealing import Unsealable, Vault, read_keys

KINDS: Mapping[str, Sequence[KeyKind]] = {
    "registration": OF_REGISTRATION,
    "events": OF_EVENTS,
    "notifications": OF_NOTIFICATIONS,
}
"""Keys by the database that holds their check values."""

SAMPLE = 50
"""Rows of each table that are opened."""

_KNOWN = "SELECT name, value, added_at FROM key_check"
_ANSWERS = """
    SELECT r.form, r.sealed, r.sealed_for FROM registration r JOIN form_key k ON k.form = r.form
    WHERE r.sealed IS NOT NULL AND k.destroyed_at IS NULL ORDER BY random() LIMIT %s
"""
_RECIPIENTS = "SELECT subject::text, closed FROM recipient WHERE closed IS NOT NULL ORDER BY random() LIMIT %s"


@dataclass(frozen=True, slots=True)
class Opened:
    """How many rows of a kind were tried, and how many of them opened."""

    what: str
    tried: int
    opened: int

    def __str__(self) -> str:
        """One line for operators."""
        return f"{self.what}: {self.opened} of {self.tried} opened"


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Attributes:
    keys: folder of the key files, ``master.key`` and so on.
    form_keys: where the wrapped keys of forms are.
    """

    keys: Path
    form_keys: FormKeyPlace

    @property
    def is_there(self) -> bool:
        """Whether there are keys to compare."""
        return (self.keys / "master.key").exists()


def wrong_keys(server: LoneServer, place: KeyPlace) -> list[str]:
    """Keys that do not match the check values of the databases; empty if all match."""
    return [fault for service, kinds in KINDS.items() for fault in _wrong(server, service, kinds, place.keys)]


def open_sample(server: LoneServer, place: KeyPlace) -> list[Opened]:
    """Open some sealed answers and some recipients, drawn at random."""
    return [_opened("sealed answers", _answers(server, place)), _opened("recipients", _recipients(server, place))]


def _wrong(server: LoneServer, service: str, kinds: Sequence[KeyKind], folder: Path) -> Iterator[str]:
    with server.connect(service) as connection:
        rows = connection.execute(_KNOWN).fetchall()
    at = datetime.now(UTC)
    for kind in kinds:
        known = [KnownKey(str(value), added) for name, value, added in rows if name == kind.name]
        held = _held(kind, folder)
        if known and held is None:
            yield f"{service}: the key {kind.name} is missing in {folder}"
        elif held is not None and (missing := missing_keys(held, known, at)):
            yield f"{service}: the key {kind.name} is not that of the database, which needs {', '.join(missing)}"


def _held(kind: KeyKind, folder: Path) -> HeldKey | None:
    """The keys of a kind as the processes of this installation hold them; None without its file."""
    public = PUBLIC_KEYS.get(kind.variable)
    file = folder / public if public else Secrets(folder, "").files()[kind.variable]
    if not file.exists():
        return None
    return HeldKey(kind, public_halves(kind.variable, file) if public else read_keys(file))


@contextmanager
def _opened_store(place: KeyPlace) -> Iterator[FormKeys]:
    master_keys = read_keys(place.keys / "master.key")
    if not place.form_keys.url:
        yield FormKeys(KeyFolder(place.form_keys.folder, master_keys))
        return
    engine = open_engine(place.form_keys.url, pool_size=1, application="troika-drill")
    try:
        store = KeyDatabase(UnitOfWork(engine, KEYS), master_keys, newest_revision(KEYS_MIGRATIONS))
        if problem := store.problem():
            raise ArchiveProblem(f"{store.variable}: {problem}")
        yield FormKeys(store)
    finally:
        engine.dispose()


def _answers(server: LoneServer, place: KeyPlace) -> Iterator[bool]:
    """Whether each answer opened; answers whose key was destroyed since the backup are not tried."""
    with server.connect("registration") as connection:
        rows = connection.execute(_ANSWERS, [SAMPLE]).fetchall()
    with _opened_store(place) as keys:
        for form, sealed, bound_to in rows:
            if keys.store.is_destroyed(str(form)):
                continue
            try:
                open_answers(keys.private_keys(str(form)), str(form), list(bound_to), bytes(sealed))
            except (Unsealable, KeyGone):
                yield False
            else:
                yield True


def _recipients(server: LoneServer, place: KeyPlace) -> Iterator[bool]:
    vault = Vault(read_keys(place.keys / "vault.key"))
    with server.connect("notifications") as connection:
        rows = connection.execute(_RECIPIENTS, [SAMPLE]).fetchall()
    for subject, closed in rows:
        try:
            vault.open(bytes(closed), row=str(subject))
        except Unsealable:
            yield False
        else:
            yield True


def _opened(what: str, results: Iterator[bool]) -> Opened:
    found = list(results)
    return Opened(what, len(found), sum(found))
