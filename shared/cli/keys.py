"""Commands for keys: key rotation (``rekey``) while all processes keep running, and ``key-checks list | accept``."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import click

from shared.cli.operator_command import operator_work
from shared.cli.recovery import operator_name
from shared.cli.settings import CommonSettings, read_key_file, read_public_key
from shared.db.engine import open_engine
from shared.db.readiness import read_database_time
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.settings import SettingsEnv
from shared.security.keys import HeldKey, KeyChecks, KeyKind, KeyRule, accept_keys, known_keys, retire_older
from shared.security.sealing import EncryptedRows, ReEncryption


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Each of ``rows`` (all equally long, the first may be headings) as a line, its cells below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield from ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def rotate_keys(
    settings: CommonSettings, tables: Mapping[str, EncryptedRows], keys: Sequence[bytes], checked: Sequence[HeldKey]
) -> None:
    """Re-encrypt rows and print how many there were; exit code 1 if there are rows that no key opens.

    Args:
        settings: the settings of the process.
        tables: the statements on each table of the service's database, by a plural name of its rows for the printed
            line.
        keys: newest first; older ones only decrypt.
        checked: keys of the process, compared first. Afterwards no data needs their older ones.
    """
    engine = open_engine(settings.database_url, application=f"troika-{settings.service}-{settings.process}")
    try:
        work = operator_work(engine, settings.service)
        require_fit(KeyChecks(work, checked, settings.service))
        for name, rows in tables.items():
            _re_encrypt(ReEncryption(work, rows, keys, time.sleep), name)
        retire(work, checked)
    finally:
        engine.dispose()
    click.echo("The newest key alone opens all of them.")


def require_fit(checks: KeyChecks) -> None:
    """Do nothing if the keys of a command are those of the database.

    Raises:
        ClickException: one is not; the message names it and the remedy.
    """
    if faults := checks.faults():
        raise click.ClickException("\n".join(faults.values()))


def retire(work: UnitOfWork, checked: Sequence[HeldKey]) -> None:
    """Record that only the newest of the data encryption keys are needed from now on."""
    with work.transaction() as connection:
        for held in checked:
            if held.kind.rule is KeyRule.DATA:
                retire_older(connection, held, read_database_time(connection))


def _re_encrypt(run: ReEncryption, what: str) -> None:
    run.run()
    click.echo(f"{run.changed} {what} re-encrypted.")
    if run.unopened:
        raise click.ClickException(f"None of the keys opens {len(run.unopened)} of them; these were not changed.")


HEADINGS = ("key", "check value", "known since", "setting")


def list_checks(settings: CommonSettings, kinds: Sequence[KeyKind]) -> None:
    """Print the check values that the service's database knows; they reveal nothing about a key."""
    engine = open_engine(settings.database_url)
    try:
        with operator_work(engine, settings.service).transaction() as connection:
            known = known_keys(connection, [kind.name for kind in kinds])
    finally:
        engine.dispose()
    lines = [
        (kind.name, key.value, f"{key.added_at:%Y-%m-%d %H:%M}", kind.variable)
        for kind in kinds
        for key in known[kind.name]
    ]
    for line in aligned([HEADINGS, *lines]):
        click.echo(line)


def accept(settings: CommonSettings, kind: KeyKind, *, yes: bool) -> None:
    """Accept the keys of ``kind`` in the environment, after asking for confirmation.

    Raises:
        SettingsError: the key's setting is missing or wrong.
    """
    env = SettingsEnv(settings.process)
    is_public = kind.variable.endswith("_PUBLIC_KEY")
    keys = (read_public_key(env, kind),) if is_public else read_key_file(env, kind)
    env.seal()
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
    click.echo(f"{kind.name}: {', '.join(held.values)}. Restart the processes that use it.")
