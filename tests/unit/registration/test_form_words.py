"""Words for changes of a form: plurals, the start itself, and names of partners."""

from datetime import UTC, datetime

import pytest

from services.registration.forms.changes import FormChangeLine
from services.registration.forms.console import local_words
from services.registration.forms.model import FormSettings
from services.registration.forms.wording import CLOSES, before_start, change_sentences, planned_sentences

PARTNERS = {"a-house": "A House of Rights"}


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "the start"), (1, "1 minute before the start"), (1440, "1,440 minutes before the start")],
)
def test_minutes_before_the_start(minutes: int, words: str) -> None:
    assert before_start(minutes) == words


def test_partners_are_called_by_their_names() -> None:
    then, after = datetime(2020, 3, 2, tzinfo=UTC), {"partners": ["a-house", "gone"]}
    line = FormChangeLine(2, then, "a coordinator", {"partners": []}, after, 0)
    assert change_sentences(line, PARTNERS) == ["Shown by: no partner → A House of Rights, gone."]


def test_join_that_opens_at_the_start_is_written_so() -> None:
    planned = planned_sentences(FormSettings(1, True), FormSettings(1, True, join_minutes_before=0), PARTNERS)
    assert planned == ["Joining online opens: 15 minutes before the start → at the start."]


def test_sentences_are_parted_by_one_space() -> None:
    assert "  " not in CLOSES


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "In UTC"),
        ("Europe/Zurich", "Local time in Geneva"),
        ("America/New_York", "Local time in New York"),
        ("Asia/Kathmandu", "Local time in Kathmandu"),
    ],
)
def test_zone_has_the_name_that_times_have(zone: str, words: str) -> None:
    assert local_words(zone, datetime(2020, 3, 2, tzinfo=UTC)) == words
