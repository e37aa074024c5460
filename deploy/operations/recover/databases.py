"""The three databases of an installation in quarantine, each read and changed with the login of its owner."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from shared.db.engine import open_engine
from shared.db.quarantine import Quarantine, end_quarantine, let_settle, name_plan, read_quarantine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.halts import read_halted
from shared.security.audit_log import AuditRecord, add_audit_record

REGISTRATION, EVENTS, NOTIFICATIONS = SERVICES = ("registration", "events", "notifications")

APPLIED = " applied"
"""Follows the digest of a plan in the quarantine once all of it was done."""

STATEMENT_MS = 300_000
"""The longest statement reads a whole table."""


@dataclass(frozen=True, slots=True)
class ComparedDatabases:
    """Attributes:
    engines: the engine of each database, by service.
    operator: who recovers, for the audit logs.
    """

    engines: Mapping[str, Engine]
    operator: str

    def work(self, service: str) -> UnitOfWork:
        """A unit of work on a service's database."""
        return UnitOfWork(self.engines[service], service)

    def rows(self, service: str, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement, in a separate transaction."""
        with self.work(service).transaction() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def change(self, service: str, statement: str, **values: Any) -> int:
        """How many rows a statement has changed, in a separate transaction."""
        with self.work(service).transaction() as connection:
            return connection.execute(text(statement), values).rowcount

    def quarantines(self) -> dict[str, Quarantine]:
        """The quarantine of each database that is in one."""
        found = {}
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                one = read_quarantine(connection)
            if one is not None:
                found[service] = one
        return found

    def halted(self) -> dict[str, str]:
        """Why each halted queue is halted: until it is resumed its messages do not arrive."""
        found: dict[str, str] = {}
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                found |= {halt.queue: halt.reason for halt in read_halted(connection)}
        return found

    def settle(self, *, settling: bool) -> None:
        """Let relays and consumers of all services run, or stop them again."""
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                let_settle(connection, settling=settling)

    def begin_plan(self, digest: str) -> None:
        """Note in each database which plan is being applied."""
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                name_plan(connection, digest)

    def finish_plan(self, digest: str) -> None:
        """Note in each database that all of a plan was done."""
        self.begin_plan(digest + APPLIED)

    def end(self, now: datetime, detail: Mapping[str, Any]) -> None:
        """End all quarantines, each with an entry of the audit log."""
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                if end_quarantine(connection):
                    add_audit_record(
                        connection, AuditRecord(self.operator, "quarantine-ended", "service", service, detail), now
                    )

    def record(self, action: str, now: datetime, detail: Mapping[str, Any]) -> None:
        """Add a record to each service's audit log."""
        for service in SERVICES:
            with self.work(service).transaction() as connection:
                add_audit_record(connection, AuditRecord(self.operator, action, "service", service, detail), now)


@contextmanager
def open_databases(urls: Mapping[str, str], operator: str) -> Iterator[ComparedDatabases]:
    """The databases behind ``urls``, by service; closed again at the end.

    Raises:
        Unavailable: later, where one is used and does not answer.
    """
    engines = {
        service: open_engine(urls[service], application="troika-recover", statement_timeout_ms=STATEMENT_MS)
        for service in SERVICES
    }
    try:
        yield ComparedDatabases(engines, operator)
    finally:
        for engine in engines.values():
            engine.dispose()
