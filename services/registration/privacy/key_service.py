"""Make, compare, replace and destroy the keys of forms.

A private key is on the disk before its public key is in the database, and the public key leaves the database before
the private key is deleted: whatever is interrupted, nothing is sealed to a key that nobody holds.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.registration.privacy.form_keys import FormKeys, KeyGone
from services.registration.privacy.sealing import public_half, reseal
from services.registration.privacy.store import (
    find_public_key,
    lock_sealed,
    mark_destroyed,
    public_keys,
    publish_key,
    put_sealed,
    replace_key,
)
from shared.core.clock import Clock
from shared.core.errors import SettingsError
from shared.core.metrics import key_wrong
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

SETTLE_S = 120.0
"""Longer than any process seals to a public key after another has taken its place: form pages are kept for up to a
minute while the database is short of connections, and a request and its statement end within seconds."""

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A change of a form's key that an operator orders: which form, who it is for the audit log, and the clock."""

    form: str
    who: str
    clock: Clock


def make_keys(work: UnitOfWork, keys: FormKeys, forms: Collection[str]) -> None:
    """Make private keys for those of ``forms`` that never had one; :func:`publish_keys` follows in a transaction.

    Raises:
        SettingsError: a form's public key is known, and its private key is not in the folder: wherever it is, another
            one must not take its place unseen. Nothing was made.
    """
    with work.transaction() as connection:
        known = public_keys(connection)
    faults = _faults(keys, {form: key for form, key in known.items() if form in forms})
    if faults:
        raise SettingsError(faults)
    for form in forms:
        if form not in known:
            keys.folder.make(form)


def publish_keys(connection: Connection, keys: FormKeys, forms: Collection[str], now: datetime) -> None:
    """Store the public keys of those of ``forms`` that have none yet; a destroyed key is marked so."""
    for form in forms:
        if keys.folder.is_destroyed(form):
            mark_destroyed(connection, form, now)
        else:
            publish_key(connection, form, public_half(keys.private_keys(form)[0]), now)


def key_faults(work: UnitOfWork, keys: FormKeys) -> list[str]:
    """Return a sentence for each form whose answers are sealed to a key that this folder does not hold."""
    with work.transaction() as connection:
        known = public_keys(connection)
    return _faults(keys, known)


def key_problem(work: UnitOfWork, keys: FormKeys, service: str) -> str:
    """Return the same as one text, for a probe, and set the gauge of wrong keys; empty if all fit."""
    faults = key_faults(work, keys)
    key_wrong.labels(service, "form").set(bool(faults))
    return "\n".join(faults)


def replace_form_key(
    work: UnitOfWork, keys: FormKeys, order: KeyOrder, wait: Callable[[float], object], settle_s: float = SETTLE_S
) -> int:
    """Replace the key of a form while people register; returns how many registrations were sealed anew.

    An interrupted run is taken up by the next: until the end the folder holds both private keys.

    Args:
        work: on the service's database.
        keys: of all forms.
        order: which form, and who orders it.
        wait: how to wait, for so many seconds.
        settle_s: longer than anybody takes between reading the public key and storing what they sealed to it.

    Raises:
        KeyGone: the form has no key, or it is being destroyed.
        Unsealable: an answer opens by neither key; nothing was lost, and both keys are kept.
    """
    private_keys = keys.folder.begin_replacement(order.form)
    public_key = public_half(private_keys[0])
    with work.transaction() as connection:
        replace_key(connection, order.form, public_key, order.clock())
        if find_public_key(connection, order.form) != public_key:
            raise KeyGone(order.form)
    wait(settle_s)
    total = 0
    while changed := _reseal_all(work, order.form, private_keys):
        total += changed
    with work.transaction() as connection:
        note_deed(connection, Deed(order.who, "form-key-replaced", "form", order.form), order.clock())
    keys.folder.end_replacement(order.form)
    return total


def destroy_form_key(work: UnitOfWork, keys: FormKeys, order: KeyOrder) -> None:
    """Destroy the key of a form: no answer is sealed any more, then none can be opened any more.

    Raises:
        KeyGone: it has none.
    """
    now = order.clock()
    with work.transaction() as connection:
        if is_marked := mark_destroyed(connection, order.form, now):
            note_deed(connection, Deed(order.who, "form-key-destroyed", "form", order.form), now)
    if not is_marked and not keys.folder.path(order.form).exists():
        raise KeyGone(order.form)
    keys.folder.destroy(order.form, now.isoformat(timespec="seconds"))


def _faults(keys: FormKeys, known: Mapping[str, bytes | None]) -> list[str]:
    return [
        f"form key {form} (TROIKA_FORM_KEYS): {fault}"
        for form, public_key in known.items()
        if public_key is not None and (fault := _fault(keys, form, public_key))
    ]


def _fault(keys: FormKeys, form: str, public_key: bytes) -> str:
    """Why answers that are sealed to ``public_key`` could not be opened; empty if they can."""
    try:
        private_keys = keys.private_keys(form)
    except KeyGone:
        if keys.folder.is_destroyed(form):
            return "it was destroyed, and this database does not know: run keys destroy again"
        return "its file is missing, or no master key unwraps it: put it back"
    if public_key not in map(public_half, private_keys):
        return "its file holds another key than this database's: put the right one back"
    return ""


def _reseal_all(work: UnitOfWork, form: str, private_keys: Sequence[bytes]) -> int:
    """Go over all registrations of a form in short transactions; returns how many were sealed to the older key."""
    after, changed = "", 0
    while True:
        with work.transaction() as connection:
            rows = lock_sealed(connection, form, after, AT_ONCE)
            for row, sealed in rows:
                if (anew := reseal(private_keys, form, sealed)) is not None:
                    put_sealed(connection, row, anew)
                    changed += 1
        if not rows:
            return changed
        after = rows[-1][0]
