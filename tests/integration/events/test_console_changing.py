"""Changing an event in the console: the audience before, the change after, and unambiguous local times."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import consume, mail_message, registered, registration_message, rows
from tests.support.clock import FrozenClock
from tests.support.signed_in import enter

OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
REVIEW = "upr-review"
NOVEMBER = {"starts": "2020-11-09T09:00", "ends": "2020-11-09T12:30", "status": "confirmed"}
STATE = f"SELECT status, revision FROM event WHERE id = '{REVIEW}'"
Post = Callable[..., TestResponse]


@pytest.fixture
def signed_in(loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]) -> FlaskClient:
    """A coordinator in front of the console."""
    enter(client, keys["coordinator"])
    return client


def _path(action: str) -> str:
    return f"/console/events/{REVIEW}/change/{action}"


def _seen(page: TestResponse) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def test_a_date_is_changed_in_three_steps(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    people = [registered(n, event_id=REVIEW, language="fr" if n < 3 else "en") for n in range(1, 8)]
    consume(loaded, [registration_message(known) for known in people])
    first = signed_in.get(_path("reschedule"))
    assert 'value="2020-05-11T09:00"' in first.text
    second = signed_in.post(_path("reschedule"), data=NOVEMBER | {"seen": _seen(first)}, headers=OWN_SITE)
    assert "7 people will be notified: 7 confirmed." in second.text
    assert "Registrations by language: English 5, French 2." in second.text
    assert rows(loaded, STATE) == [("tentative", 1)]
    third = signed_in.post(_path("reschedule"), data=NOVEMBER | {"seen": _seen(second), "go": "do"}, headers=OWN_SITE)
    done = f"/console/events/{REVIEW}?done=reschedule"
    assert (third.status_code, third.headers["Location"]) == (303, done)
    assert rows(loaded, STATE) == [("confirmed", 2)]
    page = signed_in.get(third.headers["Location"]).text
    assert "The date is changed." in page
    assert "Mon 9 Nov 2020" in page.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("starts", "sentence"),
    [
        ("2020-03-29T02:30", "02:30 on 2020-03-29 in Europe/Zurich does not exist: clocks go forward over it"),
        ("2020-10-25T02:30", "02:30 on 2020-10-25 in Europe/Zurich exists twice: clocks go back that day"),
        ("2020-11-10T09:00", "The end must be later than the start."),
        ("soon", "Enter a day and a time."),
        ("", "Enter a day and a time."),
    ],
)
def test_a_time_that_cannot_be_is_named(signed_in: FlaskClient, loaded: UnitOfWork, starts: str, sentence: str) -> None:
    seen = _seen(signed_in.get(_path("reschedule")))
    for go in ("", "do"):
        wrong = NOVEMBER | {"starts": starts, "seen": seen, "go": go}
        answer = signed_in.post(_path("reschedule"), data=wrong, headers=OWN_SITE)
        assert (answer.status_code, sentence in answer.text) == (422, True)
    assert rows(loaded, STATE) == [("tentative", 1)]


def test_postponing_shows_whom_it_reaches_at_once(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    page = signed_in.get(_path("postpone"))
    assert "No one has to be notified." in page.text
    done = signed_in.post(_path("postpone"), data={"seen": _seen(page), "go": "do"}, headers=OWN_SITE)
    assert (done.status_code, rows(loaded, STATE)) == (303, [("postponed", 2)])
    after = signed_in.get(done.headers["Location"]).text
    assert "The event is postponed. No one has to be notified." in after
    assert "by mail" not in after
    buttons = re.findall(r"/change/(\w+)", signed_in.get(f"/console/events/{REVIEW}").text)
    assert buttons == ["reschedule", "attendance", "cancel"]


def test_the_page_afterwards_names_as_many_people_as_the_preview(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    consume(loaded, [registration_message(registered(n, event_id=REVIEW)) for n in (1, 2)])
    page = signed_in.get(_path("postpone"))
    assert "2 people will be notified: 2 confirmed." in page.text
    done = signed_in.post(_path("postpone"), data={"seen": _seen(page), "go": "do"}, headers=OWN_SITE)
    sentence = "The event is postponed. 2 people will be notified at "
    assert sentence in signed_in.get(done.headers["Location"]).text


def test_a_change_that_is_put_back_in_time_causes_no_mail(
    signed_in: FlaskClient, loaded: UnitOfWork, clock: FrozenClock
) -> None:
    consume(loaded, [registration_message(registered(n, event_id=REVIEW)) for n in (1, 2)])
    _do(signed_in, "cancel")
    clock.advance(timedelta(seconds=59))
    preview = signed_in.post(
        _path("revive"), data={"status": "tentative", "seen": _seen(signed_in.get(_path("revive")))}, headers=OWN_SITE
    )
    assert "This undoes a change whose mails have not been made: no one is notified." in preview.text
    done = _do(signed_in, "revive", status="tentative")
    clock.advance(timedelta(hours=1))
    page = signed_in.get(done).text
    assert "The event is revived. Undone in time: no one is notified." in page
    assert page.count("Together with the change above.") == 1
    assert "will be notified" not in page


def test_mails_that_were_sent_about_a_change_are_counted_on_the_page(
    signed_in: FlaskClient, loaded: UnitOfWork, clock: FrozenClock
) -> None:
    consume(loaded, [registration_message(registered(n, event_id=REVIEW)) for n in (1, 2)])
    done = _do(signed_in, "cancel")
    clock.advance(timedelta(minutes=1))
    assert "No mail about this has been sent." in signed_in.get(done).text
    mails = [mail_message(80 + n, n, clock(), "event-cancelled", event=REVIEW, revision=2) for n in (1, 2)]
    consume(loaded, [*mails, mails[0], mail_message(90, 1, clock(), "reminder-1-day", event=REVIEW, revision=2)])
    assert "2 mails about this were sent." in signed_in.get(done).text


def _do(signed_in: FlaskClient, action: str, **wish: str) -> str:
    """Take a step; returns the address of the page afterwards."""
    wish |= {"seen": _seen(signed_in.get(_path(action))), "go": "do"}
    return signed_in.post(_path(action), data=wish, headers=OWN_SITE).headers["Location"]


def test_marking_an_event_as_held_notifies_no_one(
    signed_in: FlaskClient, loaded: UnitOfWork, clock: FrozenClock
) -> None:
    consume(loaded, [registration_message(registered(1, event_id=REVIEW))])
    seen = _seen(signed_in.get(_path("confirm")))
    signed_in.post(_path("confirm"), data={"seen": seen, "go": "do"}, headers=OWN_SITE)
    shown = [_path("hold") in signed_in.get(f"/console/events/{REVIEW}").text]
    clock.set(datetime(2020, 5, 12, tzinfo=UTC))
    shown.append(_path("hold") in signed_in.get(f"/console/events/{REVIEW}").text)
    assert shown == [False, True]  # only what has begun can have taken place
    page = signed_in.get(_path("hold"))
    assert "No one has to be notified." in page.text
    done = signed_in.post(_path("hold"), data={"seen": _seen(page), "go": "do"}, headers=OWN_SITE)
    assert "The event is marked as held. No one has to be notified." in signed_in.get(done.headers["Location"]).text


def test_who_was_slower_is_asked_again(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    seen = _seen(signed_in.get(_path("confirm")))
    assert signed_in.post(_path("confirm"), data={"seen": seen, "go": "do"}, headers=OWN_SITE).status_code == 303
    late = signed_in.post(_path("cancel"), data={"seen": seen, "go": "do"}, headers=OWN_SITE)
    assert (late.status_code, "This event was changed after you opened the page" in late.text) == (412, True)
    assert rows(loaded, STATE) == [("confirmed", 2)]


def test_attendance_from_afar_reaches_those_who_wait_for_it(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    consume(loaded, [registration_message(registered(1, event_id=REVIEW, form_kind="interest"))])
    wish = {"mode": "hybrid", "city": "Geneva", "seen": _seen(signed_in.get(_path("attendance")))}
    assert "1 person will be notified." in signed_in.post(_path("attendance"), data=wish, headers=OWN_SITE).text
    without_city = signed_in.post(_path("attendance"), data=wish | {"city": ""}, headers=OWN_SITE)
    assert "Enter the city" in without_city.text


def test_impossible_changes_are_explained(signed_in: FlaskClient) -> None:
    answer = signed_in.get(_path("hold"))
    assert (answer.status_code, "This cannot be done" in answer.text) == (409, True)
    assert signed_in.get(_path("explode")).status_code == 404


def test_a_viewer_sees_no_buttons_and_changes_nothing(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    enter(client, keys["viewer"])
    assert "/change/" not in client.get(f"/console/events/{REVIEW}").text
    assert client.get(_path("confirm")).status_code == 403
    assert client.post(_path("confirm"), data={"go": "do"}, headers=OWN_SITE).status_code == 403


def test_another_site_changes_nothing(signed_in: FlaskClient, loaded: UnitOfWork) -> None:
    wish = {"seen": _seen(signed_in.get(_path("confirm"))), "go": "do"}
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert signed_in.post(_path("confirm"), data=wish, headers=foreign).status_code == 403
    assert rows(loaded, STATE) == [("tentative", 1)]


def test_preview_states_that_the_date_has_passed(
    signed_in: FlaskClient, loaded: UnitOfWork, clock: FrozenClock
) -> None:
    def take(action: str, **fields: str) -> str:
        """The preview of an action; then it is done."""
        seen = {"seen": _seen(signed_in.get(_path(action)))}
        shown = signed_in.post(_path(action), data=fields | seen, headers=OWN_SITE).text
        done = signed_in.post(_path(action), data=fields | seen | {"go": "do"}, headers=OWN_SITE)
        assert done.status_code == 303
        clock.advance(timedelta(minutes=1))
        return shown

    consume(loaded, [registration_message(registered(1, event_id=REVIEW))])
    clock.set(datetime(2020, 5, 12, tzinfo=UTC))
    both, new = "The date has passed, before and after the change: no mails are sent.", "The date after the change has"
    past = {"starts": "2020-05-11T09:00", "ends": "2020-05-11T12:30", "status": "confirmed"}
    shown = [take("confirm"), take("postpone"), take("reschedule", **past), take("reschedule", **NOVEMBER)]
    assert [both in page for page in shown] == [True, False, False, False]
    assert [new in page for page in shown] == [False, False, True, False]
    assert ["1 person will be notified" in page for page in shown] == [False, True, True, True]
