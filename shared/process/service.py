"""What a service says of itself, so that its command line and its processes can be made from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from shared.core.key_checks import KeyKind
from shared.core.rights import Rights
from shared.process.settings import CommonSettings
from shared.store.cleanup import Rule
from shared.store.inbox import Effect
from shared.store.unit_of_work import UnitOfWork

KeyFaults = Callable[[], Mapping[str, str]]
"""Compares the keys of a process with those of its database: why it must not work, by name of the key."""


@dataclass(frozen=True, slots=True)
class SideDatabase:
    """A database that a service has beside its own.

    Attributes:
        name: of which its roles are named.
        url: for its owner.
        migrations: folder of its schema changes.
        rights: in it, by table and process.
    """

    name: str
    url: str = field(repr=False)
    migrations: Path
    rights: Rights


@dataclass(frozen=True, slots=True)
class Service:
    """Attributes:
    name: ``registration``, ``events`` or ``notifications``.
    migrations: folder of its schema changes.
    settings: reads and checks what a kind of process needs of the common settings, from the environment.
    rights: in its database, by table and process.
    effects: what it does with messages, by queue.
    rules: by which its relay deletes more than outbox and inbox; none if a process of its own does it.
    keys: the checks of the keys that a kind of process holds; None if none of the service's processes holds any.
    key_kinds: all keys of its processes.
    web_parts: web processes that do a part of what ``web`` does: help of their commands, by name.
    side_databases: databases that ``migrate`` brings up to date too, if the settings name them.
    erased: which of some subjects (UUID texts) were erased; None for a service that holds no people.
    """

    name: str
    migrations: Path
    settings: Callable[[str], CommonSettings]
    rights: Rights
    effects: Callable[[UnitOfWork], Mapping[str, Effect]]
    rules: Sequence[Rule] = ()
    erased: Callable[[Connection, Sequence[str]], set[str]] | None = None
    keys: Callable[[str, UnitOfWork], KeyFaults] | None = None
    key_kinds: Sequence[KeyKind] = ()
    web_parts: Mapping[str, str] = field(default_factory=dict)
    side_databases: Callable[[], Sequence[SideDatabase]] = list
