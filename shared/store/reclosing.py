"""Closes rows anew by the newest key of a vault while everybody goes on reading and writing them.

Whoever writes at the same time is never waited for: a row that is locked is left for the next pass. So no circle of
waiting can come about, whatever order others lock their rows in. Until the last row is done both keys open everything,
and an interrupted run is taken up by the next one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import TextClause

from shared.core.sealing import Unsealable, Vault
from shared.store.unit_of_work import UnitOfWork

AT_ONCE = 200
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class ClosedRows:
    """Statements on a table that holds one closed value a row.

    Attributes:
        read: ``(id, closed)`` of at most ``:most`` rows whose id follows ``:after`` (empty: from the first), in order.
        take: the same of those of ``:ids`` that nobody has locked, and locks them.
        put: ``:closed`` in place of the value of the row ``:id``.
    """

    read: TextClause
    take: TextClause
    put: TextClause


@dataclass(slots=True)
class Reclosing:
    """One run.

    Attributes:
        work: on the database.
        rows: of the table.
        keys: of the vault, newest first.
        wait: how to wait for so many seconds for rows that somebody else has in hand.
        changed: rows that were closed by another key before.
        unopened: ids of rows that open by none of the keys; they are left as they are.
    """

    work: UnitOfWork
    rows: ClosedRows
    keys: Sequence[bytes]
    wait: Callable[[float], object]
    changed: int = 0
    unopened: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Pass over the table until no row is left that another key opens."""
        while True:
            found = settled = 0
            for ids in self._old():
                found += len(ids)
                settled += self._close(ids)
            if not found:
                return
            if settled < found:
                self.wait(PAUSE_S)

    def _old(self) -> Iterator[list[str]]:
        """Ids of the rows that the newest key does not open, a bite at a time, over the whole table."""
        newest, after = Vault(list(self.keys[:1])), ""
        while True:
            with self.work.transaction() as connection:
                read = connection.execute(self.rows.read, {"after": after, "most": AT_ONCE}).all()
            if not read:
                return
            after = str(read[-1][0])
            old = [str(row) for row, closed in read if not _opens(newest, str(row), bytes(closed))]
            if left := [row for row in old if row not in self.unopened]:
                yield left

    def _close(self, ids: list[str]) -> int:
        """Close those of the rows that nobody else has in hand; returns how many need no other look."""
        vault, new, before = Vault(list(self.keys)), [], len(self.unopened)
        with self.work.transaction() as connection:
            for row, closed in connection.execute(self.rows.take, {"ids": ids}):
                try:
                    content = vault.open(bytes(closed), row=str(row))
                except Unsealable:
                    self.unopened.add(str(row))
                    continue
                new.append({"id": str(row), "closed": vault.close(content, row=str(row))})
            if new:
                connection.execute(self.rows.put, new)
        self.changed += len(new)
        return len(new) + len(self.unopened) - before


def _opens(vault: Vault, row: str, closed: bytes) -> bool:
    try:
        vault.open(closed, row=row)
    except Unsealable:
        return False
    return True
