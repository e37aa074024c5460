"""Messages become recipients and mails: one mail each, for any order of arrival."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.notifications.telemetry import mails_total
from shared.messaging.contracts.schemas import Message
from shared.runtime.errors import Poison
from shared.runtime.ids import new_id
from shared.security.sealing import new_key
from tests.integration.notifications.notification_service import (
    ADDRESS,
    EVENT,
    PERSON,
    NotificationService,
    outcome_kinds,
)

HISTORY = (("waitlisted", 1), ("promoted", 2), ("changed", 3), ("cancelled", 4))

EVERY = 7
"""Of the 720 orders one in seven: each message is at each position, before and after each other."""


def history(notifications: NotificationService, registration_id: str) -> list[Message]:
    """All messages about one registration: waited, asked for its link, was promoted, changed, asked, cancelled."""
    messages = [notifications.registration_message(key, registration_id, revision) for key, revision in HISTORY]
    links = [
        notifications.registration_message(
            "link-requested", registration_id, 1, status="waitlisted", position=3, occurred_at=_later(1)
        ),
        notifications.registration_message(
            "link-requested", registration_id, 3, occurred_at=_later(2), sealed={"token": "a-later-token"}
        ),
    ]
    return messages + links


def _later(minutes: int) -> str:
    return f"2020-03-02T09:{minutes:02}:00Z"


def outcome(
    notifications: NotificationService, registration_id: str
) -> tuple[list[tuple[object, ...]], tuple[object, ...]]:
    """The mails and the entry of a registration, without what differs from run to run."""
    mails = notifications.rows(
        f"SELECT kind, revision, state, lane, recipient FROM mail WHERE subject = '{registration_id}'"
    )
    (entry,) = notifications.rows(f"SELECT * FROM recipient WHERE subject = '{registration_id}'")
    personal = notifications.vault.open(entry["closed"], row=registration_id)
    kept = [entry[name] for name in ("status", "revision", "position", "person_ref", "language", "event")]
    return sorted(tuple(mail.values()) for mail in mails), (*kept, *personal.values())


def test_confirmation_makes_one_mail_and_a_closed_entry(notifications: NotificationService) -> None:
    registration_id = new_id()
    occurred_at = notifications.clock()
    notifications.pass_time(seconds=2)
    messages = notifications.registration_message("confirmed", registration_id, occurred_at="2020-03-02T09:00:00Z")
    assert notifications.consume(messages) == ["done"]
    mail = notifications.mail()
    assert {name: mail[name] for name in ("kind", "state", "lane", "revision", "recipient", "event")} == {
        "kind": "confirmation",
        "state": "queued",
        "lane": "transactional",
        "revision": 1,
        "recipient": PERSON,
        "event": EVENT,
    }
    assert str(mail["subject"]) == registration_id
    assert mail["message_id"] == f"<{mail['id']}@example.org>"
    assert (mail["cause_at"], mail["created_at"], mail["due_at"]) == (
        occurred_at,
        notifications.clock(),
        notifications.clock(),
    )
    assert mail["correlation_id"] == "a-correlation"


def test_nothing_personal_is_readable_in_the_database(notifications: NotificationService) -> None:
    registration_id = new_id()
    canaries = {"name": "Canary Q", "address": "canary@example.org", "token": "canary-token", "time_zone": "Asia/Dili"}
    canaries["title"] = "Canary title"
    notifications.consume(notifications.registration_message("confirmed", registration_id, sealed=canaries))
    (entry,), mail = notifications.rows("SELECT closed FROM recipient"), notifications.mail()
    opened = notifications.vault.open(entry["closed"], row=registration_id) | notifications.vault.open(
        mail["closed"], row=mail["id"]
    )
    assert opened == canaries | {"view": "a-view", "join": "a-join"}
    stored = str(notifications.rows("SELECT recipient::text FROM recipient")) + str(
        notifications.rows("SELECT mail::text FROM mail")
    )
    assert EVENT in stored
    for canary in canaries.values():
        assert canary not in stored
        assert canary.encode().hex() not in stored


def test_same_message_twice_makes_one_mail(notifications: NotificationService) -> None:
    messages = notifications.registration_message("confirmed", new_id())
    assert notifications.consume(messages, messages) == ["done", "duplicate"]
    assert notifications.consume(messages) == ["duplicate"]
    assert len(notifications.mails()) == 1


def test_same_fact_under_another_message_id_makes_one_mail(notifications: NotificationService) -> None:
    messages = notifications.registration_message("confirmed", new_id())
    assert notifications.consume(messages, replace(messages, id=new_id())) == ["done", "done"]
    assert len(notifications.mails()) == 1


def test_link_asked_for_twice_makes_two_mails_and_the_later_read_only_link_is_kept(
    notifications: NotificationService,
) -> None:
    """Also where the earlier request is consumed last; both are about the same revision. Each mail has its own link."""
    registration_id = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration_id))
    for seconds in (2, 1):
        messages = notifications.registration_message(
            "link-requested",
            registration_id,
            occurred_at=f"2020-03-02T09:01:{seconds:02}Z",
            sealed={"token": f"token-{seconds}", "view": f"view-{seconds}"},
        )
        assert notifications.consume(messages, replace(messages, id=new_id())) == ["done", "done"]
    assert [(mail["kind"], mail["state"]) for mail in notifications.mails()] == [
        ("confirmation", "queued"),
        ("link", "queued"),
        ("link", "queued"),
    ]
    (entry,) = notifications.rows("SELECT closed, revision, status FROM recipient")
    kept = notifications.vault.open(entry["closed"], row=registration_id)
    assert (kept["view"], "token" in kept) == ("view-2", False)
    tokens = [notifications.vault.open(mail["closed"], row=mail["id"])["token"] for mail in notifications.mails()]
    assert tokens == ["a-token", "token-2", "token-1"]
    assert (entry["revision"], entry["status"]) == (1, "confirmed")


def test_cancellation_calls_off_what_is_still_queued(notifications: NotificationService) -> None:
    counted = mails_total.labels("confirmation", "cancelled")
    before = counted._value.get()
    registration_id = new_id()
    notifications.consume(
        notifications.registration_message("confirmed", registration_id),
        notifications.registration_message("link-requested", registration_id),
    )
    notifications.consume(
        notifications.registration_message("changed", registration_id, 2),
        notifications.registration_message("cancelled", registration_id, 3),
    )
    assert notifications.states() == {
        "confirmation": "cancelled",
        "link": "cancelled",
        "changed": "cancelled",
        "cancelled-by-you": "queued",
    }
    assert counted._value.get() == before + 1


def test_registration_that_was_merged_ends_without_a_mail(notifications: NotificationService) -> None:
    """Alone, after its confirmation, and before it."""
    alone, known, late = new_id(), new_id(), new_id()
    for one in (known, late):
        messages = [
            notifications.registration_message("confirmed", one),
            notifications.registration_message("cancelled", one, 2, mailed=False),
        ]
        notifications.consume(*(messages if one == known else reversed(messages)))
    notifications.consume(notifications.registration_message("cancelled", alone, 2, mailed=False))
    assert {(mail["kind"], mail["state"]) for mail in notifications.mails()} == {
        ("confirmation", "cancelled"),
        ("cancelled-by-you", "cancelled"),
    }


def test_confirmation_after_its_cancellation_is_made_and_cancelled(notifications: NotificationService) -> None:
    registration_id = new_id()
    notifications.consume(notifications.registration_message("cancelled", registration_id, 2))
    notifications.consume(notifications.registration_message("confirmed", registration_id, 1))
    assert notifications.states() == {"cancelled-by-you": "queued", "confirmation": "cancelled"}


def test_other_registrations_mails_are_left_alone(notifications: NotificationService) -> None:
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    notifications.consume(notifications.registration_message("cancelled", new_id(), 2))
    assert notifications.states() == {"confirmation": "queued", "cancelled-by-you": "queued"}


def test_orders_of_a_history_end_the_same(notifications: NotificationService) -> None:
    ends = set()
    for order in itertools.islice(itertools.permutations(range(6)), 0, None, EVERY):
        registration_id = new_id()
        messages = history(notifications, registration_id)
        notifications.consume(*(messages[number] for number in order))
        ends.add(str(outcome(notifications, registration_id)))
    assert len(ends) == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, 5), max_size=14), cuts=st.integers(1, 4))
def test_any_order_and_any_duplicates_end_the_same(
    notifications: NotificationService, order: list[int], cuts: int
) -> None:
    first, second = new_id(), new_id()
    notifications.consume(*history(notifications, first))
    messages = history(notifications, second)
    ordered = [messages[number] for number in order] + messages[::-1]
    for start in range(0, len(ordered), cuts):
        batch = [replace(message, id=new_id()) for message in ordered[start : start + cuts]]
        assert notifications.consume(*batch) == ["done"] * len(batch)
    assert outcome(notifications, second) == outcome(notifications, first)


def test_many_registrations_at_once_end_as_each_alone(notifications: NotificationService) -> None:
    alone, together = [new_id() for _ in range(3)], [new_id() for _ in range(3)]
    for registration_id in alone:
        for message in history(notifications, registration_id):
            notifications.consume(message)
    histories = [history(notifications, registration_id) for registration_id in together]
    assert notifications.consume(*(messages[0] for messages in histories)) == ["done"] * 3
    assert notifications.consume(*(message for messages in histories for message in messages[1:])) == ["done"] * 15
    assert [outcome(notifications, one) for one in together] == [outcome(notifications, one) for one in alone]


def test_box_that_does_not_open_is_poison(notifications: NotificationService) -> None:
    other_keys = replace(notifications, private_key=new_key())
    (result,) = notifications.consume(other_keys.registration_message("confirmed", new_id()))
    assert isinstance(result, Poison)
    assert result.reason == "sealed part does not open"
    assert notifications.mails() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sealed": {"address": ""}}, "sealed part has no address or no link"),
        ({"sealed": {"token": None}}, "sealed part has no address or no link"),
        ({"sealed": {"name": 7}}, "sealed part: name is not text"),
    ],
)
def test_message_that_cannot_be_mailed_is_poison(
    notifications: NotificationService, changes: dict[str, Any], reason: str
) -> None:
    (result,) = notifications.consume(notifications.registration_message("confirmed", new_id(), **changes))
    assert isinstance(result, Poison)
    assert result.reason == reason
    assert ADDRESS not in result.reason


def test_registration_without_a_real_id_is_poison(notifications: NotificationService) -> None:
    with pytest.raises(Poison, match="registration_id"):
        notifications.consume(notifications.registration_message("confirmed", "x" * 36))


def test_poison_leaves_its_neighbours_alone(notifications: NotificationService) -> None:
    bad = notifications.registration_message("confirmed", new_id(), sealed={"address": ""})
    outcomes = notifications.consume(
        notifications.registration_message("confirmed", new_id()),
        bad,
        notifications.registration_message("confirmed", new_id()),
    )
    assert outcome_kinds(outcomes) == ["done", "Poison", "done"]
    assert len(notifications.mails()) == 2


def test_older_revision_of_an_event_changes_nothing(notifications: NotificationService) -> None:
    notifications.consume_event(revision=2, title="New")
    notifications.consume_event(revision=1, title="Old")
    notifications.consume_event(revision=2, title="Same revision")
    (row,) = notifications.rows("SELECT revision, content -> 'title' ->> 'en' AS title FROM event_copy")
    assert row == {"revision": 2, "title": "New"}
