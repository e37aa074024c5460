"""``key-checks list | accept``: which keys a database knows, and that one was replaced on purpose."""

import sys
from collections.abc import Sequence

import click

from shared.core.key_checks import HeldKey, KeyKind
from shared.core.key_files import KEY_BYTES
from shared.core.settings import Reader
from shared.process.aligned import aligned
from shared.process.operator_command import operator_work
from shared.process.recovery import operator_name
from shared.process.settings import CommonSettings, key_file
from shared.store.checked_clock import read_database_time
from shared.store.engine import open_engine
from shared.store.key_checks import accept_keys, known_keys

HEADINGS = ("key", "check value", "known since", "setting")


def list_checks(settings: CommonSettings, kinds: Sequence[KeyKind]) -> None:
    """Print the check values that the service's database knows; they give nothing of a key."""
    engine = open_engine(settings.database_url)
    try:
        with operator_work(engine, settings.service).transaction() as connection:
            known = known_keys(connection, [kind.name for kind in kinds])
    finally:
        engine.dispose()
    lines = [
        (kind.name, one.value, f"{one.added_at:%Y-%m-%d %H:%M}", kind.variable)
        for kind in kinds
        for one in known[kind.name]
    ]
    for line in aligned([HEADINGS, *lines]):
        click.echo(line)


def accept(settings: CommonSettings, kind: KeyKind, *, yes: bool) -> None:
    """Make the keys of ``kind`` in the environment the known ones, after a question.

    Raises:
        SettingsError: the key's setting is missing or wrong.
    """
    reader = Reader(process=settings.process)
    keys = reader.take(kind.variable, _public_key if kind.variable.endswith("_PUBLIC_KEY") else key_file)
    reader.finish()
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    if not yes:
        click.confirm(f"{kind.if_wrong} Is the key {kind.name} replaced on purpose?", abort=True)
    held = HeldKey(kind, keys)
    engine = open_engine(settings.database_url)
    try:
        with operator_work(engine, settings.service).transaction() as connection:
            accept_keys(connection, held, read_database_time(connection), operator_name())
    finally:
        engine.dispose()
    click.echo(f"{kind.name}: {', '.join(held.values)}. Restart the processes that hold it.")


def _public_key(text: str) -> tuple[bytes, ...]:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return (key,)
