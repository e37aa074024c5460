"""From the public update of 27 February 2020 to the moved review: who gets which mail in each act, and how often.

Each act waits for exactly the mails it causes; one more, one fewer or one twice ends the story.
"""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.scenario.acts import (
    announce_gap,
    move_the_review,
    open_remote_attendance,
    people_register,
    propose_side_events,
    publish_recording,
    remind,
    reschedule_side_events,
    schedule_side_events,
)
from tests.scenario.delivered_mails import calendar_after
from tests.scenario.scenario_system import ScenarioSystem
from tests.support.audit_checks import assert_soon_clean

WEBINAR_AT = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)
REVIEW_AT = datetime(2020, 11, 9, 8, 0, tzinfo=UTC)
PRESS_AT = datetime(2020, 11, 9, 12, 0, tzinfo=UTC)


@pytest.mark.timeout(900)
def test_a_review_is_prepared_and_its_date_moves(system: ScenarioSystem) -> None:
    system.start(datetime(2020, 2, 27, 15, 0, tzinfo=UTC))
    cast = people_register(system)
    announce_gap(system, cast)
    remind(system, WEBINAR_AT, len(cast.webinar))
    publish_recording(system, WEBINAR_AT + timedelta(days=2), len(cast.webinar))
    open_remote_attendance(system, datetime(2020, 3, 9, 9, 0, tzinfo=UTC), len(cast.interested))
    proposals = propose_side_events(system, cast.groups[:6])
    schedule_side_events(system, proposals)
    move_the_review(system, datetime(2020, 3, 20, 9, 0, tzinfo=UTC), REVIEW_AT, PRESS_AT, cast)
    presenting = reschedule_side_events(system, datetime(2020, 3, 20, 12, 0, tzinfo=UTC), cast.groups[:6])
    print(system.summary())
    due = [(cast.webinar, WEBINAR_AT), (cast.travellers, REVIEW_AT), (cast.press, PRESS_AT)]
    due += [({address}, starts_at) for address, starts_at in presenting.items()]
    _every_calendar_is_right(system, due)
    assert_soon_clean(system.differences)


def _every_calendar_is_right(system: ScenarioSystem, due: list[tuple[set[str], datetime]]) -> None:
    """For any order and number of deliveries of someone's mails the calendar ends in the current state.

    Args:
        system: whose mails these are.
        due: who takes part, and when.
    """
    letters = system.letters()
    chance = random.Random(2020)
    print("Calendars after all mails once more, shuffled and doubled:")
    for address in sorted({letter.to for letter in letters}):
        own = [letter for letter in letters if letter.to == address] * 2
        chance.shuffle(own)
        expected = sorted(instant for people, instant in due if address in people)
        found = sorted(entry.starts_at for entry in calendar_after(own).values() if entry.starts_at)
        assert found == expected, address
        instants = ", ".join(f"{instant.astimezone(UTC):%d %b %H:%M} UTC" for instant in found)
        print(f"  {address:36} {instants or 'empty, as it should be'}")
