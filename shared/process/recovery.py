"""What an operator's recovery commands share: settings, the service's database, and an entry in its audit log."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from shared.core.clock import Clock, system_clock
from shared.core.errors import Quarantined, Unavailable
from shared.process.operator_command import operator_work
from shared.process.service import Service
from shared.process.settings import CommonSettings
from shared.store.deeds import Deed, note_deed
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork

OPERATOR_VARIABLE = "TROIKA_OPERATOR"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Attributes:
    settings: of the command.
    work: on the service's database, as its operator.
    clock: of the project.
    operator: who runs the command, for the audit log.
    """

    settings: CommonSettings
    work: UnitOfWork
    clock: Clock
    operator: str

    def entry(self, action: str, kind: str, subject: str, **detail: Any) -> Deed:
        """An entry of the audit log: ``action`` in the past tense, done to ``subject``, which is a ``kind``."""
        return Deed(self.operator, action, kind, subject, {name: value for name, value in detail.items() if value})

    def record(self, entry: Deed) -> None:
        """Write ``entry`` to the audit log, in a transaction of its own."""
        with self.work.transaction() as connection:
            note_deed(connection, entry, self.clock())


@contextmanager
def recovery(service: Service, process: str) -> Iterator[Recovery]:
    """Open what a command of the kind ``process`` needs; a database or bus that is away ends it with a sentence."""
    settings = service.settings(process)
    engine = open_engine(settings.database_url, application=f"troika-{service.name}-{process}")
    try:
        yield Recovery(settings, operator_work(engine, service.name), system_clock, operator_name())
    except Quarantined:
        raise
    except Unavailable as error:
        raise click.ClickException(f"{error.reason}; nothing more was done, run the command again later") from None
    finally:
        engine.dispose()


def operator_name() -> str:
    """Who runs this command: what TROIKA_OPERATOR says, else the account that used sudo, else the account."""
    return os.environ.get(OPERATOR_VARIABLE) or os.environ.get("SUDO_USER") or getpass.getuser()
