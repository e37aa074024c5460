"""``python -m services.registration``: ``web forms own desk work decide relay consume tend migrate load keys …``."""

from pathlib import Path

import click

from services.registration.commands import add_submission_commands, retention
from services.registration.key_commands import keys
from services.registration.rights import DECIDE, TEND
from services.registration.settings import read_settings
from services.registration.wiring import NAME, describe
from shared.process.commands import Loop, Worker, main, make_command_line
from shared.process.runner import Stop
from shared.process.settings import OPERATOR
from shared.store.checked_clock import CheckedClock
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork


def command_line() -> click.Group:
    """All commands of the service."""
    group = make_command_line(
        describe(),
        Worker(DECIDE, "Decide what is submitted; any number may run: one works, the others stand by.", decide),
        Worker(TEND, "Do what is due by time: promotion, retention, expiry.", tend),
    )

    @group.command()
    @click.argument("folder", type=click.Path(path_type=Path))
    @click.option("--origin", "origins", multiple=True, help="partner=https://origin in place of the folder's.")
    @click.option("--days-later", default=0, help="Move the days that proposals ask about by so many days.")
    def load(folder: Path, origins: tuple[str, ...], days_later: int) -> None:
        """Load forms and partners from FOLDER; a broken folder changes nothing."""
        # here alone: keys and the reading of folders take 10 MB, and no worker needs them
        from services.registration.forms.description import load_forms
        from services.registration.key_stores import opened_form_keys
        from shared.process.rekeying import require_fit
        from shared.store.key_checks import KeyChecks

        settings = read_settings(OPERATOR)
        engine = open_engine(settings.common.database_url)
        work = UnitOfWork(engine, NAME)
        require_fit(KeyChecks(work, settings.held_keys, NAME))
        moved = dict(pair.split("=", 1) for pair in origins)
        with opened_form_keys(settings) as form_keys:
            forms, partners = load_forms(work, form_keys, folder, moved, days_later=days_later)
        engine.dispose()
        click.echo(f"{forms} forms, {partners} partners")

    group.add_command(keys)
    group.add_command(retention)
    add_submission_commands(group, describe())
    return group


def decide() -> Loop:
    """Return the loop of the decider."""
    # here alone, as below: no other process needs it
    from services.registration.workers import run_decider

    settings = read_settings(DECIDE)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        run_decider(settings, unit, clock, stop)

    return work


def tend() -> Loop:
    """Return the loop of what is due by time."""
    from services.registration.people.messages import RegistrationMessages
    from services.registration.workers import Tending

    settings = read_settings(TEND)
    messages = RegistrationMessages(settings.notifications_key, settings.events_key)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        Tending(unit, clock, messages).run(stop)

    return work


if __name__ == "__main__":
    main(command_line())
