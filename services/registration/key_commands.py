"""``python -m services.registration keys list | replace | wrap | copy | destroy``: operators manage the keys of forms.

Imports are inside the functions: every worker loads this module, and none needs what the commands import.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace as replace_values
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.registration.settings import KEYS_DATABASE, read_settings
from shared.cli.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.cli.settings import OPERATOR

if TYPE_CHECKING:
    from services.registration.sealing.key_service import KeyOrder, SubmissionQueue
    from services.registration.sealing.key_store import FormKeys
    from services.registration.settings import RegistrationSettings
    from shared.db.unit_of_work import UnitOfWork


@click.group(cls=OperatorGroup)
def keys() -> None:
    """The keys that forms' sealed answers are encrypted to."""


@keys.command("list", in_quarantine=InQuarantine.READS)
def list_keys() -> None:
    """List the state of every form that has or had a key, and report where the database expects another key."""
    from services.registration.sealing.key_service import key_faults

    words = {0: "unwrapped by none of the master keys", 1: "in use"}
    with _key_tools() as (work, form_keys, _):
        for state in form_keys.store.states():
            how = f"destroyed {state.destroyed}" if state.destroyed else words.get(state.keys, "is being replaced")
            click.echo(f"{state.form}: {how}")
        for fault in key_faults(work, form_keys):
            click.echo(fault, err=True)


@keys.command(in_quarantine=InQuarantine.REFUSED)
@click.argument("form")
@click.option("--lost", is_flag=True, help="The old key is lost: continue. Data sealed to it can never be read.")
def replace(form: str, *, lost: bool) -> None:
    """Give FORM a new key and re-encrypt its answers, while people register. Run again if it was interrupted."""
    from services.registration.sealing.key_service import SETTLE_S, replace_form_key

    click.echo(f"A new key is made. Waiting {SETTLE_S:.0f} seconds for processes that have read the old one.")
    with _key_tools() as (work, form_keys, settings):
        _require_fit(work, settings)
        with _plain_errors():
            done = replace_form_key(work, form_keys, _order(form, is_lost=lost), _queue(), time.sleep)
    click.echo(f"{done.changed} registrations and candidates re-encrypted. The old key is deleted.")
    if done.lost:
        click.echo(f"Sealed answers of {done.lost} registrations and candidates are lost: no key opens them.")


@keys.command(in_quarantine=InQuarantine.REFUSED)
def wrap() -> None:
    """Wrap every key with the newest master key; then the older master keys may go."""
    from shared.cli.keys import retire

    with _key_tools() as (work, form_keys, settings):
        _require_fit(work, settings)
        with _plain_errors():
            count = form_keys.store.rewrap()
        retire(work, settings.held_keys)
    click.echo(f"{count} keys wrapped by the newest master key.")


@keys.command(in_quarantine=InQuarantine.REFUSED)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def copy(folder: Path) -> None:
    """Copy the keys in FOLDER into the keys database; this can be repeated. FOLDER is not changed.

    Stop the desk before, and start it with the keys database afterwards: changes that it makes in FOLDER in between are
    not in the database. Nothing is copied while the two contradict each other.
    """
    from services.registration.sealing.key_folder import KeyFolder
    from services.registration.sealing.key_service import key_faults
    from services.registration.sealing.key_store import copy_keys

    with _key_tools() as (work, form_keys, settings):
        if not settings.keys_database_url:
            raise click.ClickException(f"{KEYS_DATABASE} is not set: it names the database to copy to")
        _require_fit(work, settings)
        done = copy_keys(KeyFolder(folder, settings.master_keys), form_keys.store)
        click.echo(f"{done.keys} keys and {done.tombstones} tombstones copied; {done.same} were there already.")
        if faults := key_faults(work, form_keys):
            raise click.ClickException("\n".join(faults))


@keys.command(in_quarantine=InQuarantine.REFUSED)
@click.argument("form")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--without-second-person", is_flag=True, help="No second person has approved. The audit log records this."
)
def destroy(form: str, *, yes: bool, without_second_person: bool) -> None:
    """Destroy the key of FORM: its sealed answers are gone, from backups too, and it never gets another key.

    Two people have to agree: one asks in the console, another one approves there. The form has to be closed, and what
    waits to be decided: it may be sealed to the key.
    """
    from services.registration.sealing.key_service import destroy_form_key

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    if not yes:
        click.confirm(f"The sealed answers of {form} can never be read again. Destroy its key?", abort=True)
    with _key_tools() as (work, form_keys, settings), _plain_errors():
        order = replace_values(_order(form), consent=_consent(work, settings, form, alone=without_second_person))
        destroy_form_key(work, form_keys, order, _queue(), time.sleep)
    click.echo(f"The key of {form} is destroyed.")


def _consent(work: "UnitOfWork", settings: "RegistrationSettings", form: str, *, alone: bool) -> "Mapping[str, str]":
    """Who else agreed, or why no second person had to; empty if one still has to."""
    from services.registration.sealing.service import consent_to_destroy
    from shared.runtime.clock import system_clock

    if alone:
        return {"second_person": "none: --without-second-person"}
    with work.transaction() as connection:
        found = consent_to_destroy(connection, form, system_clock())
    return found or ({"second_person": "none: TROIKA_SEALED_ONE_READER"} if settings.sealed_one_reader else {})


def _queue() -> "SubmissionQueue":
    from services.registration.forms.service import may_take_submissions
    from services.registration.intake.queue import undecided_submissions
    from services.registration.people.store import pause_decider
    from services.registration.sealing.key_service import SubmissionQueue

    return SubmissionQueue(may_take_submissions, undecided_submissions, pause_decider)


def _order(form: str, *, is_lost: bool = False) -> "KeyOrder":
    from services.registration.sealing.key_service import KeyOrder
    from shared.cli.recovery import operator_name
    from shared.runtime.clock import system_clock

    return KeyOrder(form, operator_name(), system_clock, is_lost)


@contextmanager
def _key_tools() -> "Iterator[tuple[UnitOfWork, FormKeys, RegistrationSettings]]":
    """The database, the store of keys and the settings of an operator."""
    from services.registration.key_stores import opened_form_keys
    from shared.db.engine import open_engine
    from shared.runtime.errors import Quarantined, Unavailable

    settings = read_settings(OPERATOR)
    engine = open_engine(settings.common.database_url)
    try:
        work = operator_work(engine, "registration")
        with opened_form_keys(settings) as form_keys:
            if problem := form_keys.store.problem():
                raise click.ClickException(f"{form_keys.store.variable}: {problem}")
            yield work, form_keys, settings
    except Quarantined:
        raise
    except Unavailable:
        raise click.ClickException("a database does not answer: run it again when it does") from None
    finally:
        engine.dispose()


def _require_fit(work: "UnitOfWork", settings: "RegistrationSettings") -> None:
    """Do nothing if the master key is that of the database."""
    from shared.cli.keys import require_fit
    from shared.security.keys import KeyChecks

    require_fit(KeyChecks(work, settings.held_keys, "registration"))


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Convert a refusal into exit code 1 and a sentence."""
    from services.registration.sealing.key_service import SecondPersonNeeded, StillOpen, StillUndecided
    from services.registration.sealing.key_store import KeyGone
    from shared.security.sealing import Unsealable

    try:
        yield
    except KeyGone as form:
        raise click.ClickException(f"{form} has no key that a master key opens") from None
    except SecondPersonNeeded as form:
        raise click.ClickException(
            f"a second person has to approve that the key of {form} is destroyed: it is kept. Ask in the console (the "
            "page of the form), or say --without-second-person, which the audit log shows"
        ) from None
    except StillUndecided as count:
        raise click.ClickException(
            f"{count} submissions are not decided, or parked (submissions list), and may need the old key: it is "
            "kept. Run it again once they are decided or dropped"
        ) from None
    except StillOpen as form:
        raise click.ClickException(
            f"{form} takes submissions, or will, that are sealed to the key: it is kept. Close the form first"
        ) from None
    except Unsealable:
        raise click.ClickException("an answer opens by neither key; both are kept") from None
