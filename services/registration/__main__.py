"""``python -m services.registration web | relay | consume | migrate | load | keys … | retention | parked … | …``."""

from pathlib import Path

import click

from services.registration.key_commands import keys
from services.registration.retention_command import retention
from services.registration.settings import read_settings
from services.registration.wiring import NAME, describe
from shared.process.commands import main, make_command_line
from shared.process.settings import OPERATOR
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork


def command_line() -> click.Group:
    """All commands of the service."""
    group = make_command_line(describe())

    @group.command()
    @click.argument("folder", type=click.Path(path_type=Path))
    @click.option("--origin", "origins", multiple=True, help="partner=https://origin in place of the folder's.")
    def load(folder: Path, origins: tuple[str, ...]) -> None:
        """Load forms and partners from FOLDER; a broken folder changes nothing."""
        # here alone: keys and the reading of folders take 10 MB, and no worker needs them
        from services.registration.keys import build_form_keys
        from services.registration.usecases.load_forms import load_forms
        from shared.process.rekeying import require_fit
        from shared.store.key_checks import KeyChecks

        settings = read_settings(OPERATOR)
        engine = open_engine(settings.common.database_url)
        work = UnitOfWork(engine, NAME)
        require_fit(KeyChecks(work, settings.held_keys, NAME))
        moved = dict(pair.split("=", 1) for pair in origins)
        forms, partners = load_forms(work, build_form_keys(settings), folder, moved)
        engine.dispose()
        click.echo(f"{forms} forms, {partners} partners")

    group.add_command(keys)
    group.add_command(retention)
    return group


if __name__ == "__main__":
    main(command_line())
