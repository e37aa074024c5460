"""``python -m services.registration keys list | replace | wrap | destroy``: what administrators do with forms' keys.

What it needs is imported where it is used: no worker needs it, and each of them reads this module.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from services.registration.settings import read_settings
from shared.process.settings import OPERATOR


@click.group()
def keys() -> None:
    """The keys that forms' sealed answers are closed by."""


@keys.command("list")
def list_keys() -> None:
    """Every form that has or had a key, and how it stands with it."""
    from services.registration.keys import build_form_keys

    words = {0: "opened by none of the master keys", 1: "in use"}
    for state in build_form_keys(read_settings(OPERATOR)).folder.states():
        how = f"destroyed {state.destroyed}" if state.destroyed else words.get(state.keys, "is being replaced")
        click.echo(f"{state.form}: {how}")


@keys.command()
@click.argument("form")
def replace(form: str) -> None:
    """Give FORM a new key and seal its answers anew, while people register. Run again if it was interrupted."""
    from services.registration.keys import build_form_keys
    from services.registration.usecases.replace_form_key import SETTLE_S, replace_form_key
    from shared.process.rekeying import require_fit
    from shared.store.engine import open_engine
    from shared.store.key_checks import KeyChecks
    from shared.store.unit_of_work import UnitOfWork

    def wait(seconds: float) -> None:
        click.echo(f"The new key is in use. Waiting {seconds:.0f} seconds for whoever has read the old one.")
        time.sleep(seconds)  # nothing tells when the last of them has stored what they sealed; their limits do

    settings = read_settings(OPERATOR)
    engine = open_engine(settings.common.database_url)
    work = UnitOfWork(engine, "registration")
    try:
        require_fit(KeyChecks(work, settings.held_keys, "registration"))
        with _told_plainly():
            count = replace_form_key(work, build_form_keys(settings), form, wait, SETTLE_S)
    finally:
        engine.dispose()
    click.echo(f"{count} registrations sealed anew. The old key is gone.")


@keys.command()
def wrap() -> None:
    """Wrap every key by the newest master key; then the older master keys may go."""
    from services.registration.keys import build_form_keys
    from shared.process.rekeying import require_fit, retire
    from shared.store.engine import open_engine
    from shared.store.key_checks import KeyChecks
    from shared.store.unit_of_work import UnitOfWork

    settings = read_settings(OPERATOR)
    engine = open_engine(settings.common.database_url)
    work = UnitOfWork(engine, "registration")
    try:
        require_fit(KeyChecks(work, settings.held_keys, "registration"))
        with _told_plainly():
            count = build_form_keys(settings).folder.wrap_anew()
        retire(work, settings.held_keys)
    finally:
        engine.dispose()
    click.echo(f"{count} keys wrapped by the newest master key.")


@keys.command()
@click.argument("form")
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(form: str, *, yes: bool) -> None:
    """Destroy the key of FORM: its sealed answers are gone, from backups too, and it never gets another key."""
    from services.registration.keys import build_form_keys
    from shared.core.clock import system_clock

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("say --yes where nobody can be asked")
    if not yes:
        click.confirm(f"Nobody will ever read the sealed answers of {form} again. Destroy its key?", abort=True)
    with _told_plainly():
        build_form_keys(read_settings(OPERATOR)).folder.destroy(form, system_clock().isoformat(timespec="seconds"))
    click.echo(f"The key of {form} is destroyed.")


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Exit code 1 and a sentence."""
    from services.registration.store.form_keys import KeyGone
    from shared.core.sealing import Unsealable

    try:
        yield
    except KeyGone as form:
        raise click.ClickException(f"{form} has no key that a master key opens") from None
    except Unsealable:
        raise click.ClickException("an answer opens by neither key; both are kept") from None
