"""Messages become recipients and mails: one mail each, whatever their order and number."""

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
from tests.integration.notifications.office import ADDRESS, EVENT, PERSON, Office, outcome_kinds

HISTORY = (("waitlisted", 1), ("promoted", 2), ("changed", 3), ("cancelled", 4))

EVERY = 7
"""Of the 720 orders one in seven: each message stands at each position, before and after each other."""


def history(office: Office, registration_id: str) -> list[Message]:
    """All that can be told of one registration: waited, asked for its link, was promoted, changed, asked, cancelled."""
    told = [office.told(key, registration_id, revision) for key, revision in HISTORY]
    links = [
        office.told("link-requested", registration_id, 1, status="waitlisted", position=3, occurred_at=_later(1)),
        office.told("link-requested", registration_id, 3, occurred_at=_later(2), sealed={"token": "a-later-token"}),
    ]
    return told + links


def _later(minutes: int) -> str:
    return f"2020-03-02T09:{minutes:02}:00Z"


def outcome(office: Office, registration_id: str) -> tuple[list[tuple[object, ...]], tuple[object, ...]]:
    """The mails and the entry of a registration, without what differs from run to run."""
    mails = office.rows(f"SELECT kind, revision, state, lane, recipient FROM mail WHERE subject = '{registration_id}'")
    (entry,) = office.rows(f"SELECT * FROM recipient WHERE subject = '{registration_id}'")
    personal = office.vault.open(entry["closed"], row=registration_id)
    kept = [entry[name] for name in ("status", "revision", "position", "person_ref", "language", "event")]
    return sorted(tuple(mail.values()) for mail in mails), (*kept, *personal.values())


def test_confirmation_makes_one_mail_and_a_closed_entry(office: Office) -> None:
    registration_id = new_id()
    occurred_at = office.clock()
    office.pass_time(seconds=2)
    told = office.told("confirmed", registration_id, occurred_at="2020-03-02T09:00:00Z")
    assert office.hear(told) == ["done"]
    mail = office.mail()
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
    assert (mail["cause_at"], mail["created_at"], mail["due_at"]) == (occurred_at, office.clock(), office.clock())
    assert mail["correlation_id"] == "a-correlation"


def test_nothing_personal_is_readable_in_the_database(office: Office) -> None:
    registration_id = new_id()
    canaries = {"name": "Canary Q", "address": "canary@example.org", "token": "canary-token", "time_zone": "Asia/Dili"}
    canaries["title"] = "Canary title"
    office.hear(office.told("confirmed", registration_id, sealed=canaries))
    (entry,), mail = office.rows("SELECT closed FROM recipient"), office.mail()
    opened = office.vault.open(entry["closed"], row=registration_id) | office.vault.open(mail["closed"], row=mail["id"])
    assert opened == canaries | {"view": "a-view", "join": "a-join"}
    stored = str(office.rows("SELECT recipient::text FROM recipient")) + str(office.rows("SELECT mail::text FROM mail"))
    assert EVENT in stored
    for canary in canaries.values():
        assert canary not in stored
        assert canary.encode().hex() not in stored


def test_same_message_twice_makes_one_mail(office: Office) -> None:
    told = office.told("confirmed", new_id())
    assert office.hear(told, told) == ["done", "duplicate"]
    assert office.hear(told) == ["duplicate"]
    assert len(office.mails()) == 1


def test_same_fact_under_another_message_id_makes_one_mail(office: Office) -> None:
    told = office.told("confirmed", new_id())
    assert office.hear(told, replace(told, id=new_id())) == ["done", "done"]
    assert len(office.mails()) == 1


def test_link_asked_for_twice_makes_two_mails_and_the_later_read_only_link_is_kept(office: Office) -> None:
    """Also where the earlier request is heard of last; both are about the same revision. Each mail has its own link."""
    registration_id = new_id()
    office.hear(office.told("confirmed", registration_id))
    for seconds in (2, 1):
        told = office.told(
            "link-requested",
            registration_id,
            occurred_at=f"2020-03-02T09:01:{seconds:02}Z",
            sealed={"token": f"token-{seconds}", "view": f"view-{seconds}"},
        )
        assert office.hear(told, replace(told, id=new_id())) == ["done", "done"]
    assert [(mail["kind"], mail["state"]) for mail in office.mails()] == [
        ("confirmation", "queued"),
        ("link", "queued"),
        ("link", "queued"),
    ]
    (entry,) = office.rows("SELECT closed, revision, status FROM recipient")
    kept = office.vault.open(entry["closed"], row=registration_id)
    assert (kept["view"], "token" in kept) == ("view-2", False)
    tokens = [office.vault.open(mail["closed"], row=mail["id"])["token"] for mail in office.mails()]
    assert tokens == ["a-token", "token-2", "token-1"]
    assert (entry["revision"], entry["status"]) == (1, "confirmed")


def test_cancellation_calls_off_what_is_still_queued(office: Office) -> None:
    counted = mails_total.labels("confirmation", "cancelled")
    before = counted._value.get()
    registration_id = new_id()
    office.hear(office.told("confirmed", registration_id), office.told("link-requested", registration_id))
    office.hear(office.told("changed", registration_id, 2), office.told("cancelled", registration_id, 3))
    assert office.states() == {
        "confirmation": "cancelled",
        "link": "cancelled",
        "changed": "cancelled",
        "cancelled-by-you": "queued",
    }
    assert counted._value.get() == before + 1


def test_registration_that_was_merged_ends_without_a_mail(office: Office) -> None:
    """Alone, after its confirmation, and before it."""
    alone, known, late = new_id(), new_id(), new_id()
    for one in (known, late):
        told = [office.told("confirmed", one), office.told("cancelled", one, 2, mailed=False)]
        office.hear(*(told if one == known else reversed(told)))
    office.hear(office.told("cancelled", alone, 2, mailed=False))
    assert {(mail["kind"], mail["state"]) for mail in office.mails()} == {
        ("confirmation", "cancelled"),
        ("cancelled-by-you", "cancelled"),
    }


def test_confirmation_after_its_cancellation_is_made_and_cancelled(office: Office) -> None:
    registration_id = new_id()
    office.hear(office.told("cancelled", registration_id, 2))
    office.hear(office.told("confirmed", registration_id, 1))
    assert office.states() == {"cancelled-by-you": "queued", "confirmation": "cancelled"}


def test_other_registrations_mails_are_left_alone(office: Office) -> None:
    office.hear(office.told("confirmed", new_id()))
    office.hear(office.told("cancelled", new_id(), 2))
    assert office.states() == {"confirmation": "queued", "cancelled-by-you": "queued"}


def test_orders_of_a_history_end_the_same(office: Office) -> None:
    ends = set()
    for order in itertools.islice(itertools.permutations(range(6)), 0, None, EVERY):
        registration_id = new_id()
        messages = history(office, registration_id)
        office.hear(*(messages[number] for number in order))
        ends.add(str(outcome(office, registration_id)))
    assert len(ends) == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, 5), max_size=14), cuts=st.integers(1, 4))
def test_any_order_and_any_duplicates_end_the_same(office: Office, order: list[int], cuts: int) -> None:
    first, second = new_id(), new_id()
    office.hear(*history(office, first))
    messages = history(office, second)
    heard = [messages[number] for number in order] + messages[::-1]
    for start in range(0, len(heard), cuts):
        batch = [replace(message, id=new_id()) for message in heard[start : start + cuts]]
        assert office.hear(*batch) == ["done"] * len(batch)
    assert outcome(office, second) == outcome(office, first)


def test_many_registrations_at_once_end_as_each_alone(office: Office) -> None:
    alone, together = [new_id() for _ in range(3)], [new_id() for _ in range(3)]
    for registration_id in alone:
        for message in history(office, registration_id):
            office.hear(message)
    histories = [history(office, registration_id) for registration_id in together]
    assert office.hear(*(messages[0] for messages in histories)) == ["done"] * 3
    assert office.hear(*(message for messages in histories for message in messages[1:])) == ["done"] * 15
    assert [outcome(office, one) for one in together] == [outcome(office, one) for one in alone]


def test_box_that_does_not_open_is_poison(office: Office) -> None:
    stranger = replace(office, private_key=new_key())
    (verdict,) = office.hear(stranger.told("confirmed", new_id()))
    assert isinstance(verdict, Poison)
    assert verdict.reason == "sealed part does not open"
    assert office.mails() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sealed": {"address": ""}}, "sealed part has no address or no link"),
        ({"sealed": {"token": None}}, "sealed part has no address or no link"),
        ({"sealed": {"name": 7}}, "sealed part: name is not text"),
    ],
)
def test_message_that_cannot_be_mailed_is_poison(office: Office, changes: dict[str, Any], reason: str) -> None:
    (verdict,) = office.hear(office.told("confirmed", new_id(), **changes))
    assert isinstance(verdict, Poison)
    assert verdict.reason == reason
    assert ADDRESS not in verdict.reason


def test_registration_without_a_real_id_is_poison(office: Office) -> None:
    with pytest.raises(Poison, match="registration_id"):
        office.hear(office.told("confirmed", "x" * 36))


def test_poison_leaves_its_neighbours_alone(office: Office) -> None:
    bad = office.told("confirmed", new_id(), sealed={"address": ""})
    verdicts = office.hear(office.told("confirmed", new_id()), bad, office.told("confirmed", new_id()))
    assert outcome_kinds(verdicts) == ["done", "Poison", "done"]
    assert len(office.mails()) == 2


def test_older_revision_of_an_event_changes_nothing(office: Office) -> None:
    office.hear_event(revision=2, title="New")
    office.hear_event(revision=1, title="Old")
    office.hear_event(revision=2, title="Same revision")
    (row,) = office.rows("SELECT revision, content -> 'title' ->> 'en' AS title FROM event_copy")
    assert row == {"revision": 2, "title": "New"}
