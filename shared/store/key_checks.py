"""Check values of a service's keys in its database: whoever holds a key compares it before using it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from shared.core.key_checks import HeldKey, KeyRule, KnownKey, missing_keys
from shared.core.metrics import key_wrong
from shared.store.checked_clock import DatabaseTime, read_database_time
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('key checks', 0))")
_KNOWN = text("""
    SELECT name, value, added_at FROM key_check WHERE name = ANY(:names) ORDER BY name, added_at DESC, value
""")
_ADD = text("""
    INSERT INTO key_check (name, value, added_at) VALUES (:name, :value, :now) ON CONFLICT (name, value) DO NOTHING
""")
_RENEW = text("""
    INSERT INTO key_check (name, value, added_at) VALUES (:name, :value, :now)
    ON CONFLICT (name, value) DO UPDATE SET added_at = excluded.added_at
""")
_KEEP = text("DELETE FROM key_check WHERE name = :name AND NOT value = ANY(:values)")


@dataclass(frozen=True, slots=True)
class KeyChecks:
    """The checks of one process.

    Attributes:
        work: on the service's database.
        held: keys of the process.
        service: named in what operators are told to do.
        database_time: reads the database server's time.
    """

    work: UnitOfWork
    held: Sequence[HeldKey] = field(repr=False)
    service: str
    database_time: DatabaseTime = read_database_time

    def faults(self) -> dict[str, str]:
        """Why the process must not work, by name of the key; introduces keys that are new beside known ones.

        Raises:
            Unavailable: the database is away, so nothing is known of the keys.
        """
        if not self.held:
            return {}
        with self.work.transaction() as connection:
            now = self.database_time(connection)
            known = known_keys(connection, [held.kind.name for held in self.held])
            if all(set(held.values) <= {one.value for one in known[held.kind.name]} for held in self.held):
                return self._faults(known, now)
        return self._introduce()

    def problem(self) -> str:
        """The same as one text, for a probe; empty if all keys fit."""
        return "\n".join(self.faults().values())

    def _introduce(self) -> dict[str, str]:
        """Compare again, alone, and store what is new: two first processes with different keys do not both fit."""
        with self.work.transaction() as connection:
            connection.execute(_LOCK)
            now = self.database_time(connection)
            known = known_keys(connection, [held.kind.name for held in self.held])
            faults = self._faults(known, now)
            if not faults:
                for held in self.held:
                    add_keys(connection, held, now)
        return faults

    def _faults(self, known: dict[str, list[KnownKey]], now: datetime) -> dict[str, str]:
        found = {}
        for held in self.held:
            missing = missing_keys(held, known[held.kind.name], now)
            key_wrong.labels(self.service, held.kind.name).set(bool(missing))
            if missing:
                found[held.kind.name] = self._fault(held, missing)
        return found

    def _fault(self, held: HeldKey, missing: Sequence[str]) -> str:
        kind = held.kind
        return (
            f"key {kind.name} ({kind.variable}): it is not the key of this database, which needs "
            f"{', '.join(missing)} and got {', '.join(held.values)}. {kind.if_wrong} Put the right key back; only if "
            f"it was replaced on purpose, run: python -m services.{self.service} key-checks accept {kind.name}"
        )


def known_keys(connection: Connection, names: Sequence[str]) -> dict[str, list[KnownKey]]:
    """The check values of keys by their names, newest first; an empty list for a key that nobody has introduced."""
    found: dict[str, list[KnownKey]] = {name: [] for name in names}
    for name, value, added_at in connection.execute(_KNOWN, {"names": list(names)}):
        found[name].append(KnownKey(value, added_at))
    return found


def add_keys(connection: Connection, held: HeldKey, now: datetime) -> None:
    """Introduce keys that are not known yet."""
    connection.execute(_ADD, _rows(held, now))


def accept_keys(connection: Connection, held: HeldKey, now: datetime, who: str) -> None:
    """Make the keys of ``held`` the known ones, whatever was known before; in the audit log.

    Of a key that only has to be current the older ones stay known for a while, so that processes can be restarted one
    after the other.

    Args:
        connection: of the caller's transaction.
        held: the keys that were put in place on purpose.
        now: of the database's clock.
        who: the operator, for the audit log.
    """
    connection.execute(_LOCK)
    name = held.kind.name
    before = [one.value for one in known_keys(connection, [name])[name]]
    if set(before) == set(held.values):
        return
    if held.kind.rule is not KeyRule.CURRENT:
        connection.execute(_KEEP, {"name": held.kind.name, "values": held.values})
    connection.execute(_RENEW, _rows(held, now))
    detail = {"before": sorted(before), "after": held.values}
    note_deed(connection, Deed(who, "key-accepted", "key", held.kind.name, detail), now)


def retire_older(connection: Connection, held: HeldKey, now: datetime) -> None:
    """Nothing stored needs any key of ``held`` but its newest: the others may leave the files."""
    newest = held.values[:1]
    connection.execute(_LOCK)
    connection.execute(_ADD, {"name": held.kind.name, "value": newest[0], "now": now})
    connection.execute(_KEEP, {"name": held.kind.name, "values": newest})


def _rows(held: HeldKey, now: datetime) -> list[dict[str, object]]:
    """The first key of a file is the newest: a microsecond tells their order."""
    moments = (now - timedelta(microseconds=place) for place in range(len(held.values)))
    return [{"name": held.kind.name, "value": value, "now": at} for value, at in zip(held.values, moments, strict=True)]
