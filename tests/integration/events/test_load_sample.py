"""Loading a folder: all or nothing, and only real changes are published."""

import shutil
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from services.events.__main__ import command_line
from services.events.event.model import Event, EventStatus, Readers
from services.events.event.service import show_event
from services.events.loading.folder import read_folder
from services.events.loading.moving import Loaded, moved
from services.events.loading.service import load_sample
from services.events.local_time import to_local
from services.events.network.service import list_series, list_working_groups
from services.events.network.store import all_consultations
from services.events.wiring import MIGRATIONS
from shared.db.migrate import migrate
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import decode
from shared.runtime.errors import SettingsError
from tests.integration.events.builders import WEBINAR, rows
from tests.integration.events.conftest import SAMPLE
from tests.support.clock import FrozenClock
from tests.support.migrations import current_revision

EVERYTHING = """
    SELECT 'event', id, revision::text FROM event UNION ALL SELECT 'series', id, revision::text FROM series
    UNION ALL SELECT 'group', id, revision::text FROM working_group UNION ALL SELECT 'consultation', id, '' FROM
    consultation UNION ALL SELECT 'message', type, subject FROM outbox ORDER BY 1, 2, 3
"""


def _published(work: UnitOfWork) -> list[tuple[str, str]]:
    facts = "SELECT type, subject FROM outbox WHERE type NOT LIKE '%-audit.%' ORDER BY id"
    return [tuple(row) for row in rows(work, facts)]


def test_first_load_stores_all_and_publishes_all_but_drafts(loaded: UnitOfWork, sample: Loaded) -> None:
    assert list_series(loaded) == list(sample.series)
    assert sorted(list_working_groups(loaded), key=lambda group: group.id) == sorted(
        sample.working_groups, key=lambda group: group.id
    )
    with loaded.transaction() as connection:
        consultations = all_consultations(connection)
    assert {item.id: item for item in consultations} == {item.id: item for item in sample.consultations}
    for event in sample.events:
        assert show_event(loaded, event.id, Readers.COORDINATORS) == event
    assert Counter(kind for kind, _ in _published(loaded)) == {
        "org.troika.working-group.changed.v1": len(sample.working_groups),
        "org.troika.hotel.changed.v1": len(sample.hotels),
        "org.troika.resource.published.v1": sum(resource.published for resource in sample.resources),
        "org.troika.event.published.v1": sum(event.status is not EventStatus.DRAFT for event in sample.events),
    }


def test_stored_messages_keep_their_contract(loaded: UnitOfWork) -> None:
    bodies = [bytes(body) for (body,) in rows(loaded, "SELECT body FROM outbox")]
    assert all(read(decode(body)) for body in bodies)


def test_second_load_changes_and_publishes_nothing(loaded: UnitOfWork, clock: FrozenClock, sample: Loaded) -> None:
    before = rows(loaded, EVERYTHING)
    assert load_sample(loaded, clock, sample).messages == 0
    assert rows(loaded, EVERYTHING) == before


def test_a_real_change_is_published_once_with_a_new_revision(
    loaded: UnitOfWork, clock: FrozenClock, sample: Loaded
) -> None:
    later = moved(sample, timedelta(weeks=1))
    undated = sum(event.starts_at is None for event in sample.events)
    hotels = sum(hotel.allotments != () for hotel in sample.hotels)
    assert load_sample(loaded, clock, later).messages == len(sample.events) - undated + hotels
    webinar = show_event(loaded, WEBINAR, Readers.COORDINATORS)
    assert webinar.revision == 2
    assert ("org.troika.event.changed.v1", WEBINAR) in _published(loaded)


def test_an_internal_note_is_stored_and_not_published(loaded: UnitOfWork, clock: FrozenClock, sample: Loaded) -> None:
    noted = tuple(replace(event, internal_note="Ask for a room") for event in sample.events)
    assert load_sample(loaded, clock, replace(sample, events=noted)).messages == 0
    assert show_event(loaded, WEBINAR, Readers.COORDINATORS).internal_note == "Ask for a room"


def test_a_broken_folder_changes_nothing(loaded: UnitOfWork, clock: FrozenClock, tmp_path: Path) -> None:
    before = rows(loaded, EVERYTHING)
    folder = tmp_path / "broken"
    shutil.copytree(SAMPLE, folder)
    events = (folder / "events.yaml").read_text()
    (folder / "events.yaml").write_text(events.replace("2020-03-04 14:00", "2020-13-04 14:00"))
    with pytest.raises(SettingsError) as caught:
        load_sample(loaded, clock, read_folder(folder))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["starts"]
    assert rows(loaded, EVERYTHING) == before


def test_a_status_that_cannot_follow_changes_nothing_at_all(
    loaded: UnitOfWork, clock: FrozenClock, sample: Loaded
) -> None:
    before = rows(loaded, EVERYTHING)
    renamed = tuple(replace(group, title=Text.of(f"{group.title} again")) for group in sample.working_groups)
    drafts = tuple(replace(event, status=EventStatus.DRAFT) for event in sample.events)
    with pytest.raises(SettingsError) as caught:
        load_sample(loaded, clock, replace(sample, working_groups=renamed, events=drafts))
    assert len(caught.value.problems) == sum(event.status is not EventStatus.DRAFT for event in sample.events)
    assert rows(loaded, EVERYTHING) == before


@pytest.mark.parametrize("weeks", [0, 1])
def test_the_load_command_moves_the_webinar_to_its_next_wednesday(
    work: UnitOfWork, environment: dict[str, str], weeks: int
) -> None:
    arguments = ["load", str(SAMPLE), "--move-to-next", WEBINAR, "--weeks-later", str(weeks)]
    first = CliRunner().invoke(command_line(), arguments, env=environment, catch_exceptions=False)
    again = CliRunner().invoke(command_line(), arguments, env=environment, catch_exceptions=False)
    contents = "5 events, 1 series, 12 working groups, 2 consultations, 4 resources, 2 hotels, 4 rooms"
    assert first.output == f"{contents}; 22 changes to publish\n"
    assert again.output == f"{contents}; 0 changes to publish\n"
    webinar = show_event(work, WEBINAR, Readers.COORDINATORS)
    assert webinar.starts_at is not None
    local = to_local(webinar.starts_at, webinar.time_zone)
    assert (local.weekday(), local.hour) == (2, 14)
    assert timedelta(weeks=weeks) < webinar.starts_at - datetime.now(UTC) < timedelta(weeks=weeks, days=8)


def test_the_schema_has_a_column_for_each_field_of_an_event(engine: Engine, work: UnitOfWork) -> None:
    columns = rows(work, "SELECT column_name FROM information_schema.columns WHERE table_name = 'event'")
    assert {name for (name,) in columns} == {field.name for field in fields(Event)} | {"changed_at", "digest"}
    assert migrate(engine, MIGRATIONS, {}).revision == current_revision(engine)
