"""The keys database: wrapped private keys of forms and tombstones, for an installation with several hosts.

It is a separate database, with separate logins and backups: a copy of registration's database holds no private key. A
row is never deleted, and a row whose key was destroyed never changes again; a trigger enforces both. A desk may insert
a row with a key and call ``destroy_form_key``; only an operator's login may replace or rewrap a key.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from services.registration.sealing.key_store import KeyGone, KeyState, KeyWrapping, fingerprint
from shared.db.readiness import database_problem
from shared.db.unit_of_work import UnitOfWork
from shared.security.sealing import new_key

VARIABLE = "TROIKA_KEYS_DATABASE_URL"

_WRAPPED = text("SELECT wrapped FROM form_private_key WHERE form = :form AND wrapped IS NOT NULL")
_LOCKED = text("SELECT wrapped FROM form_private_key WHERE form = :form AND wrapped IS NOT NULL FOR UPDATE")
_ALL_LOCKED = text("SELECT form, wrapped FROM form_private_key WHERE wrapped IS NOT NULL ORDER BY form FOR UPDATE")
_TOMBSTONE = text("SELECT 1 FROM form_private_key WHERE form = :form AND destroyed_at IS NOT NULL")
_INSERT = text("""
    INSERT INTO form_private_key (form, wrapped, fingerprints) VALUES (:form, :wrapped, :fingerprints)
    ON CONFLICT (form) DO NOTHING
""")
_UPDATE = text("""
    UPDATE form_private_key SET wrapped = :wrapped, fingerprints = :fingerprints, changed_at = now() WHERE form = :form
""")
_DESTROY = text("SELECT destroy_form_key(:form, CAST(:when AS timestamptz))")
_STATES = text("SELECT form, wrapped, destroyed_at FROM form_private_key ORDER BY form")


class KeyDatabase:
    """The store of an installation whose desk runs on several hosts; each change locks the rows that it changes.

    Args:
        work: the unit of work on the keys database.
        master_keys: the master keys, newest first; the first wraps, all of them unwrap.
        newest: the revision of the schema that this program needs.
    """

    def __init__(self, work: UnitOfWork, master_keys: Sequence[bytes], newest: str) -> None:
        self._work = work
        self._newest = newest
        self.wrapping = KeyWrapping(master_keys)
        self.variable = VARIABLE

    def problem(self) -> str:
        """Return why the database cannot be used: PostgreSQL or the schema is too old; empty if it can.

        Raises:
            Unavailable: it is down.
        """
        return database_problem(self._work, self._newest)

    def wrapped(self, form: str) -> bytes:
        """Return the wrapped keys of ``form``.

        Raises:
            KeyGone: it has none.
            Unavailable: the database is down.
        """
        with self._work.single_statement() as connection:
            found = connection.execute(_WRAPPED, {"form": form}).scalar()
        if found is None:
            raise KeyGone(form)
        return bytes(found)

    def is_destroyed(self, form: str) -> bool:
        """Return whether the form's key was destroyed."""
        with self._work.single_statement() as connection:
            return connection.execute(_TOMBSTONE, {"form": form}).scalar() is not None

    def make(self, form: str) -> None:
        """Make and commit a private key for ``form``; does nothing if it has or had one."""
        with self._work.transaction() as connection:
            connection.execute(_INSERT, self._row(form, [new_key()]))

    def put(self, form: str, wrapped: bytes) -> bool:
        """Store keys as wrapped by another store, unless the form has or had a key; returns whether they were stored.

        Raises:
            KeyGone: none of the master keys unwraps them.
        """
        keys = self.wrapping.unwrap(form, wrapped)
        row = self._row(form, keys) | {"wrapped": wrapped}
        with self._work.transaction() as connection:
            return connection.execute(_INSERT, row).rowcount == 1

    def begin_replacement(self, form: str) -> list[bytes]:
        """Put a new key before the present one, unless an interrupted replacement has done so; returns both.

        Raises:
            KeyGone: it has none.
        """
        with self._work.transaction() as connection:
            keys = self._locked(connection, form)
            if len(keys) == 1:
                keys = [new_key(), *keys]
                connection.execute(_UPDATE, self._row(form, keys))
            return keys

    def end_replacement(self, form: str, keys: Sequence[bytes]) -> None:
        """Keep only the newest key: data sealed to the other one is lost.

        Args:
            form: the slug of the form.
            keys: what :meth:`begin_replacement` gave; nothing happens if the row holds others now.

        Raises:
            KeyGone: it has none.
        """
        with self._work.transaction() as connection:
            if self._locked(connection, form) == list(keys):
                connection.execute(_UPDATE, self._row(form, keys[:1]))

    def rewrap(self) -> int:
        """Wrap all keys with the newest master key, so that older ones can be deleted; returns the number of forms.

        Raises:
            KeyGone: none of the master keys unwraps the key of a form, which it names; nothing was changed.
        """
        with self._work.transaction() as connection:
            found = connection.execute(_ALL_LOCKED).all()
            for form, wrapped in found:
                connection.execute(_UPDATE, self._row(form, self.wrapping.unwrap(form, bytes(wrapped))))
        return len(found)

    def destroy(self, form: str, when: str) -> None:
        """Write the tombstone and delete the form's key, if there is one; the form never gets another.

        Args:
            form: the slug of the form.
            when: the time for the tombstone, ISO 8601; a tombstone that exists keeps its own.
        """
        with self._work.transaction() as connection:
            connection.execute(_DESTROY, {"form": form, "when": when})

    def states(self) -> list[KeyState]:
        """Return the state of every form that has or had a key, by slug."""
        with self._work.transaction() as connection:
            found = connection.execute(_STATES).all()
        return [
            KeyState(
                form, self._count(form, wrapped), destroyed_at.isoformat(timespec="seconds") if destroyed_at else ""
            )
            for form, wrapped, destroyed_at in found
        ]

    def _count(self, form: str, wrapped: bytes | None) -> int:
        try:
            return 0 if wrapped is None else len(self.wrapping.unwrap(form, bytes(wrapped)))
        except KeyGone:
            return 0

    def _locked(self, connection: Connection, form: str) -> list[bytes]:
        found = connection.execute(_LOCKED, {"form": form}).scalar()
        if found is None:
            raise KeyGone(form)
        return self.wrapping.unwrap(form, bytes(found))

    def _row(self, form: str, keys: Sequence[bytes]) -> dict[str, object]:
        return {
            "form": form,
            "wrapped": self.wrapping.wrap(form, keys),
            "fingerprints": [fingerprint(key) for key in keys],
        }
