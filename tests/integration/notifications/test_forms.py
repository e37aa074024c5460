"""Mails of each kind of form; none quotes the form before its address is verified."""

from typing import Any

from shared.runtime.ids import new_id
from tests.integration.notifications.office import EVENT, Office
from tests.integration.notifications.review import texts_sent


def test_name_is_used_once_the_address_is_verified(office: Office) -> None:
    office.hear_event()
    office.hear(office.told("confirmed", new_id(), 2, verified=True))
    office.hear(office.told("confirmed", new_id(), 1, person_ref="01" * 32))
    assert [text.splitlines()[2] for _subject, text in texts_sent(office)] == ["Hello A participant,", "Hello,"]


def test_delegation_is_told_which_webinar_to_attend(office: Office) -> None:
    office.hear_event()
    office.hear_event(id="upr-review", kind="review", title="The review", mode="in_person", join_url=None)
    delegate: dict[str, Any] = {
        "form": "geneva-delegation",
        "form_kind": "delegation",
        "event": "upr-review",
        "attend": EVENT,
    }
    office.hear(office.told("confirmed", new_id(), **delegate))
    ((subject, text),) = texts_sent(office)
    assert subject == "You are on the list of the Geneva delegation: The review"
    asked = text[text.index("Please also attend") :]
    assert "UPR Webinar Wednesday #10" in asked
    assert "New York time (EST, UTC−5)" in asked
    assert "https://register.example.org/programme/upr-webinar-10?lang=en" in asked


def test_working_group_is_named_and_waits_until_it_was_heard_of(office: Office) -> None:
    member: dict[str, Any] = {"form": "join", "form_kind": "working_group", "event": None, "working_group": "housing"}
    office.hear(office.told("confirmed", new_id(), **member))
    assert texts_sent(office) == []
    assert office.mail()["state"] == "deferred"
    office.hear_group()
    office.pass_time(seconds=6)
    ((subject, text),) = texts_sent(office)
    assert subject == "You have joined a working group"
    assert "Housing" in text
