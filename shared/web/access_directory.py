"""Holders of the access file and of the database as one: the file comes first, and works while the database is away."""

import re
from dataclasses import dataclass
from uuid import UUID

from shared.core.clock import Clock
from shared.core.ids import token_hash
from shared.store.access_holders import AccessRow, find_by_id, find_by_key
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.holders import Holder

_KEY_HASH = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class AccessDirectory:
    """Finds who holds a key, or whom a cookie names.

    Attributes:
        file: the bootstrap and recovery entries, which the console does not change.
        work: on the service's database, with its copy of what registration publishes.
        clock: of the project.
    """

    file: AccessFile
    work: UnitOfWork
    clock: Clock

    def holder_of(self, key: str) -> Holder | None:
        """Who holds ``key``.

        Raises:
            Unavailable: it is not in the file, and the database is away.
        """
        return self.by_ref(token_hash(key).hex())

    def by_ref(self, ref: str) -> Holder | None:
        """Who is meant by a cookie: the hash of a key, or the id of somebody who signed in by passkey.

        Raises:
            Unavailable: it is not in the file, and the database is away.
        """
        if _KEY_HASH.match(ref):
            return self.file.by_ref(ref) or self._found(ref, by_key=True)
        return self._found(ref, by_key=False) if _is_id(ref) else None

    def _found(self, ref: str, *, by_key: bool) -> Holder | None:
        with self.work.transaction() as connection:
            row = find_by_key(connection, ref) if by_key else find_by_id(connection, ref)
        if row is None or (row.until is not None and self.clock() >= row.until):
            return None
        return holder_in(row, key_hash=ref if by_key else "")


def holder_in(row: AccessRow, *, key_hash: str = "") -> Holder:
    """The holder in a row, signed in by the key with this hash, or by passkey."""
    forms = None if row.forms is None else frozenset(row.forms)
    return Holder(row.name, frozenset(row.roles), key_hash, forms, row.until, row.partner, row.id)


def _is_id(ref: str) -> bool:
    try:
        return str(UUID(ref)) == ref
    except ValueError:
        return False
