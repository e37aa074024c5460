"""``python -m services.events web | work | relay | consume | solve | migrate | load | export | rekey | …``."""

from datetime import timedelta
from pathlib import Path

import click

from services.events.loading.export import export_folder
from services.events.loading.folder import read_folder
from services.events.loading.moving import Loaded, LoadedRooms, moved, time_to_next
from services.events.loading.rooms import read_rooms
from services.events.loading.service import LoadReport, check_rooms, load_rooms, load_sample
from services.events.local_time import to_local
from services.events.scheduling.worker import ScheduleWorker
from services.events.settings import read_settings
from services.events.wiring import NAME, describe, proposal_keys
from shared.cli.commands import Loop, Worker, main, make_command_line
from shared.cli.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.cli.settings import OPERATOR, REKEY
from shared.db.engine import open_engine
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import system_clock
from shared.runtime.logs import caused_by
from shared.runtime.runner import Stop


def command_line() -> OperatorGroup:
    """All commands of the service."""
    group = make_command_line(describe(), Worker("solve", "Make timetables of side events on request.", solve))

    @group.command(in_quarantine=InQuarantine.REFUSED)
    @click.argument("folder", type=click.Path(path_type=Path))
    @click.option(
        "--move-to-next",
        "event_id",
        metavar="EVENT",
        help="Move all dates by whole weeks so that EVENT is on the next of its weekday after today, in its own zone.",
    )
    @click.option("--weeks-later", default=0, help="With --move-to-next: so many weeks after that.")
    def load(folder: Path, event_id: str | None, weeks_later: int) -> None:
        """Load events, series, groups, consultations and rooms from FOLDER; a folder with faults changes nothing."""
        loaded = read_folder(folder)
        by = _move_of(loaded, event_id, weeks_later)
        rooms = read_rooms(folder, by)
        engine = open_engine(read_settings(process=OPERATOR).common.database_url, statement_timeout_ms=0)
        try:
            report = _store(operator_work(engine, NAME), moved(loaded, by) if by else loaded, rooms)
        finally:
            engine.dispose()
        click.echo(
            f"{report.events} events, {report.series} series, {report.working_groups} working groups, "
            f"{report.consultations} consultations, {report.resources} resources, {report.hotels} hotels, "
            f"{len(rooms.rooms)} rooms; {report.messages} changes to publish"
        )

    _add_export(group)
    _add_rekey(group)
    return group


def _add_export(group: OperatorGroup) -> None:
    @group.command(in_quarantine=InQuarantine.READS)
    @click.argument("folder", type=click.Path(path_type=Path))
    def export(folder: Path) -> None:
        """Write events, series, groups, consultations, rooms and hotels into FOLDER, as load reads them."""
        engine = open_engine(read_settings(process=OPERATOR).common.database_url, statement_timeout_ms=0)
        try:
            sizes = export_folder(operator_work(engine, NAME), folder)
        finally:
            engine.dispose()
        click.echo(", ".join(sizes))


def _add_rekey(group: OperatorGroup) -> None:
    @group.command("rekey", in_quarantine=InQuarantine.REFUSED)
    def rekey_speakers() -> None:
        """Re-encrypt the names of speakers with the newest key, while proposals arrive. Run again if interrupted."""
        # imported here only: no worker needs it
        from services.events.side_events.store import ENCRYPTED_COLUMNS as ENCRYPTED
        from shared.cli.keys import rotate_keys

        settings = read_settings(process=REKEY)
        rotate_keys(settings.common, ENCRYPTED, proposal_keys(settings).vault_keys(), settings.held_keys)


def _store(work: UnitOfWork, loaded: Loaded, rooms: LoadedRooms) -> LoadReport:
    with caused_by():
        check_rooms(work, rooms)
        report = load_sample(work, system_clock, loaded)
        load_rooms(work, rooms)
    return report


def solve() -> Loop:
    """Return the loop of the solver."""

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        ScheduleWorker(unit, clock).run(stop)

    return work


def _move_of(loaded: Loaded, event_id: str | None, weeks_later: int) -> timedelta:
    """Return by how much the days of a folder are moved, so that rooms and events move together."""
    if event_id is None:
        return timedelta()
    to_next = time_to_next(loaded, event_id, _weekday_of(loaded, event_id), system_clock())
    return to_next + timedelta(weeks=weeks_later)


def _weekday_of(loaded: Loaded, event_id: str) -> int:
    """Return the event's own weekday, Monday is 0; for an event without a date any value, since it is refused later."""
    found = next((event for event in loaded.events if event.id == event_id), None)
    if found is None or found.starts_at is None:
        return 0
    return to_local(found.starts_at, found.time_zone).weekday()


if __name__ == "__main__":
    main(command_line())
