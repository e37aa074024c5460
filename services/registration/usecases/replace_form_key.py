"""Replace the key of a form while people register on it: a new key, every sealed answer closed by it, the old one gone.

An interrupted run is taken up by the next: until the end both keys are in the file, so nothing is unreadable meanwhile.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from services.registration.store.form_keys import FormKeys
from services.registration.store.sealed import lock_sealed, put_sealed
from shared.core.sealing import Unsealable, Vault
from shared.store.unit_of_work import UnitOfWork

SETTLE_S = 30.0
"""Longer than any request takes from its sealed answers to the database's word: statements end after five seconds."""

AT_ONCE = 200


def replace_form_key(
    work: UnitOfWork, keys: FormKeys, form: str, wait: Callable[[float], object], settle_s: float
) -> int:
    """Returns how many registrations were sealed anew.

    Args:
        work: on the service's database.
        keys: of all forms.
        form: whose key is replaced.
        wait: how to wait, for so many seconds.
        settle_s: longer than anybody takes between reading the key file and storing what they sealed.

    Raises:
        KeyGone: it has no key.
        Unsealable: an answer opens by neither key; nothing was lost, and both keys are kept.
    """
    keys.folder.begin_replacement(form)
    both, newest = Vault(keys.folder.read(form)), Vault(keys.folder.read(form)[:1])
    wait(settle_s)
    total = 0
    while changed := _pass(work, form, both, newest):
        total += changed
    keys.folder.end_replacement(form)
    return total


def _pass(work: UnitOfWork, form: str, both: Vault, newest: Vault) -> int:
    """Over all registrations of the form, in short transactions; how many were still sealed by the old key."""
    after, changed = "", 0
    while True:
        with work.transaction() as connection:
            rows = lock_sealed(connection, form, after, AT_ONCE)
            changed += sum(_close_anew(connection, row, sealed, both, newest) for row, sealed in rows)
        if not rows:
            return changed
        after = rows[-1][0]


def _close_anew(connection: Connection, row: str, sealed: bytes, both: Vault, newest: Vault) -> bool:
    try:
        newest.open(sealed, row=row)
    except Unsealable:
        put_sealed(connection, row, newest.close(both.open(sealed, row=row), row=row))
        return True
    return False
