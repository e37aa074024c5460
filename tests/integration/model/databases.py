"""The databases of all three services and of the bus, set back to the same programme before each history."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from services.events.desk.service import ANY, EventAction, change_event, create_event
from services.events.event.lifecycle import StepWish, step_of
from services.events.event.model import Event, EventKind, EventStatus, Mode
from services.registration.forms.model import JOIN_MINUTES_BEFORE
from services.registration.forms.standard_forms import standard_form
from services.registration.forms.store import save_form
from services.registration.intake.queue import publish_key
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging.contracts.registry import SERVICES
from shared.public_forms.definition import to_mapping
from shared.runtime.errors import Unavailable
from shared.security.sealing import Vault, public_key_of
from tests.integration.model.rules import EVENTS, FORMS, NOTICE
from tests.support.clock import WEBINAR_WEEK, FrozenClock
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer

PRIVATE_KEY, PERSON_KEY, VAULT_KEY = b"\1" * 32, b"\2" * 32, b"\3" * 32
INTAKE_KEY, DECIDER_KEY = b"\4" * 32, b"\5" * 32
REFERENCES, MESSAGES = (
    References(PERSON_KEY),
    RegistrationMessages(public_key_of(PRIVATE_KEY), public_key_of(PRIVATE_KEY)),
)
LASTS = timedelta(hours=2)

_TABLES = """
    SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY tablename
"""
_COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


class LostAnswer(UnitOfWork):
    """Commits, and then the connection breaks: the caller does not get the outcome."""

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """See :class:`shared.db.unit_of_work.UnitOfWork`."""
        with super().transaction() as connection:
            yield connection
        raise Unavailable("the answer was lost")

    @contextmanager
    def single_statement(self) -> Iterator[Any]:
        """See :class:`shared.db.unit_of_work.UnitOfWork`."""
        with super().single_statement() as connection:
            yield connection
        raise Unavailable("the answer was lost")


@dataclass(slots=True)
class ModelDatabases:
    """Attributes:
    clock: of all services; frozen until a step moves it.
    engines: by service.
    admin_connections: a superuser's connection to each database, in autocommit, to read and to set back.
    urls: of the databases, the embedded bus's too.
    """

    clock: FrozenClock
    engines: dict[str, Engine]
    admin_connections: dict[str, psycopg.Connection[tuple[Any, ...]]]
    urls: FreshDatabases
    vault: Vault
    pristine: dict[str, bytes]

    def work(self, service: str, *, lost: bool = False) -> UnitOfWork:
        """Transactions of a service; ``lost``: whose answers never arrive."""
        return (LostAnswer if lost else UnitOfWork)(self.engines[service], service)

    def rows(self, service: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What ``statement`` gives in a service's database."""
        return self.admin_connections[service].execute(statement, values or None).fetchall()

    def at_once(
        self, service: str, *statements: tuple[str, tuple[object, ...] | dict[str, Any]]
    ) -> list[list[tuple[Any, ...]]]:
        """The same of several statements with their values, in one round trip."""
        connection = self.admin_connections[service]
        with connection.pipeline():
            cursors = [connection.execute(statement, values) for statement, values in statements]
            return [cursor.fetchall() for cursor in cursors]

    def contents(self, service: str) -> list[tuple[Any, ...]]:
        """A digest of each table of a service's database."""
        tables = [name for (name,) in self.rows(service, _TABLES)]
        return [
            (name, *self.rows(service, f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM public.{name} t"))
            for name in tables
        ]

    def set_back(self) -> None:
        """The programme, no one registered, nothing on the bus, and the time at which all begins."""
        for name, statements in self.pristine.items():
            self.admin_connections[name].execute(statements)
        self.clock.set(WEBINAR_WEEK)

    def keep(self) -> None:
        """From now on :meth:`set_back` leads here."""
        for name, connection in self.admin_connections.items():
            tables = [row[0] for row in connection.execute(_TABLES)]
            connection.execute("CREATE SCHEMA pristine")
            self.pristine[name] = b";".join(_set_back(connection, table) for table in tables)

    def close(self) -> None:
        """Close all connections."""
        for engine in self.engines.values():
            engine.dispose()
        for connection in self.admin_connections.values():
            connection.close()


def open_databases(postgres: PostgresServer) -> ModelDatabases:
    """Fresh databases with the newest schema and nothing else in them."""
    urls = FreshDatabases(postgres)
    engines = {service: open_engine(urls[service], pool_size=1, pre_ping=False) for service in SERVICES}
    admin_connections = {name: postgres.connect(urls[name].rpartition("/")[2]) for name in (*SERVICES, "bus")}
    for connection in admin_connections.values():
        connection.execute("SET session_replication_role = replica")  # rows that are only ever added must go as well
    return ModelDatabases(FrozenClock(), engines, admin_connections, urls, Vault([VAULT_KEY]), {})


def store_programme(databases: ModelDatabases) -> None:
    """Store the forms and events of all histories; nothing of them has been published."""
    publish_key(databases.work("registration"), [DECIDER_KEY], databases.clock())
    with databases.work("registration").transaction() as connection:
        for slug, form in FORMS.items():
            save_form(connection, _columns(slug, form), form["capacity"])
    change = partial(change_event, databases.work("events"), databases.clock)
    for name, starts_at in EVENTS.items():
        event = Event(
            id=name,
            kind=EventKind.WEBINAR,
            title=Text.of(f"The {name}"),
            status=EventStatus.DRAFT,
            mode=Mode.ONLINE,
            time_zone="Europe/Zurich",
            starts_at=starts_at,
            ends_at=starts_at + LASTS,
        )
        create_event(databases.work("events"), databases.clock, event, "a coordinator")
        change(name, step_of(StepWish(name="announce")), {ANY}, EventAction("announce", "a coordinator"))


def _columns(slug: str, form: dict[str, Any]) -> dict[str, Any]:
    return {
        "slug": slug,
        "kind": form["kind"],
        "event_id": form["event"],
        "definition": to_mapping(standard_form(form["kind"], slug, slug)),
        "verification": form["verify"],
        "waiting_list": form["list"],
        "partners": [],
        "promotion_notice_minutes": NOTICE // timedelta(minutes=1),
        "closes_hours_before": 0,
        "attend": None,
        "alarm_minutes": None,
        "join_minutes_before": JOIN_MINUTES_BEFORE,
        "keep_days": None,
        "person_days": 90,
        "people_per_address": form["people"],
        "controller": None,
        "contact": None,
        "open_until": form["until"],
    }


def _set_back(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> bytes:
    """Statements that empty ``table`` and fill it as it is now."""
    name, kept = sql.Identifier("public", table), sql.Identifier("pristine", table)
    connection.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(kept, name))
    statement = sql.SQL("DELETE FROM {}").format(name)
    if connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(name)).fetchone():
        columns = sql.SQL(", ").join(
            sql.Identifier(row[0]) for row in connection.execute(_COLUMNS, [f"public.{table}"])
        )
        again = sql.SQL("; INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {}")
        statement += again.format(name, kept, columns=columns)
    return statement.as_bytes(connection)
