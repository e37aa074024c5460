"""Texts of the console: times with their zone, words for codes."""

from datetime import UTC, datetime

import pytest

from services.console_words import NO_BREAK
from services.events import console as wording
from services.events.attendance.model import ChangeAudience
from services.events.console import KINDS, MODES, STATUSES, last_span_of, span_of
from services.events.desk.change_pages import languages_sentence
from services.events.event.model import EventKind, EventStatus, Mode
from tests.unit.events.builders import an_event


def _plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


def test_span_shows_its_zone_and_utc() -> None:
    span = span_of(an_event())
    assert span is not None
    assert _plain(span.local) == "Wed 4 Mar 2020, 14:00 to 15:00"
    assert span.zone == "New York time (EST, UTC−5)"
    assert _plain(span.utc) == "Wed 4 Mar 2020, 19:00 to 20:00 UTC"
    assert span.iso == "2020-03-04T19:00:00Z"


def test_span_over_midnight_in_utc_names_both_days_there() -> None:
    late = datetime(2020, 3, 4, 23, 30, tzinfo=UTC)
    event = an_event(starts_at=late, ends_at=datetime(2020, 3, 5, 0, 30, tzinfo=UTC))
    span = span_of(event)
    assert span is not None
    assert _plain(span.local) == "Wed 4 Mar 2020, 18:30 to 19:30"
    assert _plain(span.utc) == "Wed 4 Mar 2020, 23:30 to Thu 5 Mar 2020, 00:30 UTC"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("Asia/Kathmandu", "Kathmandu time (UTC+5:45)"), ("UTC", "UTC")],
)
def test_span_names_zones_without_letters_by_offset(zone: str, shown: str) -> None:
    span = span_of(an_event(time_zone=zone))
    assert span is not None
    assert span.zone == shown


def test_span_of_a_postponed_event_is_its_last_date() -> None:
    dated = an_event()
    event = an_event(EventStatus.POSTPONED, last_starts_at=dated.starts_at, last_ends_at=dated.ends_at)
    assert span_of(event) is None
    assert last_span_of(event) == span_of(dated)


def test_every_code_of_the_domain_has_words() -> None:
    assert set(KINDS) == set(EventKind)
    assert set(STATUSES) == set(EventStatus)
    assert set(MODES) == set(Mode)


def test_countries_and_languages_have_names_and_unknown_codes_stay() -> None:
    assert [wording.country_name(code) for code in ("CH", "XQ")] == ["Switzerland", "XQ"]
    assert [wording.language_name(code) for code in ("es", "pt-BR", "not a language")] == [
        "Spanish",
        "Portuguese (Brazil)",
        "not a language",
    ]


def test_registrations_are_counted_by_language() -> None:
    """They may be more than the people who are notified."""
    audience = ChangeAudience(people=1, by_status={"confirmed": 2}, by_language={"fr": 1, "en": 1})
    assert languages_sentence(audience) == "Registrations by language: English 1, French 1."
    assert languages_sentence(ChangeAudience()) == ""
