"""Events and working groups as messages: they match their contract and hold the public part only."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.events.event.model import EventStatus
from services.events.network.messages import event_message, working_group_message
from services.events.network.model import WorkingGroup
from shared.i18n.languages import LANGUAGES, Text
from shared.messaging.contracts.payloads import EventData
from shared.messaging.contracts.registry import read
from shared.runtime.logs import caused_by
from tests.unit.events.builders import START, an_event

AT = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)


def test_event_message_keeps_the_contract() -> None:
    event = an_event(EventStatus.CONFIRMED, asked_groups=("*",), join_url="https://meet.example.org/10", revision=3)
    content = read(event_message("published", event, AT))
    assert content["revision"] == 3
    assert content["starts_at"] == START
    assert content["asked_groups"] == ["*"]
    assert content["join_url"] == "https://meet.example.org/10"


def test_event_message_has_exactly_the_fields_of_the_contract() -> None:
    message = event_message("changed", an_event(internal_note="for us alone"), AT)
    assert set(message.data) == set(EventData().fields)
    assert message.type == "org.troika.event.changed.v1"


def test_event_message_without_a_date_keeps_the_contract() -> None:
    content = read(event_message("changed", an_event(EventStatus.POSTPONED), AT))
    assert content["starts_at"] is None


def test_working_group_message_keeps_the_contract() -> None:
    message = working_group_message(WorkingGroup(id="health", title=Text.of("Health"), revision=2), AT)
    assert read(message) == {"id": "health", "title": Text.of("Health"), "active": True, "revision": 2}
    assert (message.subject, message.time) == ("health", AT)


def test_messages_carry_the_cause_and_their_own_ids() -> None:
    with caused_by("a-request-id", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"):
        first, second = (event_message("published", an_event(), AT) for _ in range(2))
    assert first.correlation_id == "a-request-id"
    assert first.traceparent.startswith("00-aaaa")
    assert first.id != second.id


@pytest.mark.parametrize(("field", "length"), [("title", 200), ("summary", 2000), ("place", 200)])
def test_event_message_with_the_longest_texts_keeps_the_contract(field: str, length: int) -> None:
    longest = "x" * length if field == "place" else Text.of(dict.fromkeys(LANGUAGES, "x" * length))
    changes: dict[str, Any] = {field: longest}
    event = an_event(EventStatus.TENTATIVE, **changes)
    assert read(event_message("published", event, AT))[field] == longest
