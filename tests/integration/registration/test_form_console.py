"""Coordinators change forms in the console: the effect first, no overwritten change, from our own pages only."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.registration.test_form_changes import full as full
from tests.integration.registration.test_form_changes import try_it
from tests.integration.registration.test_promotion import change
from tests.integration.registration.test_sealed import with_roles
from tests.support.clients import WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]
PAGE = f"/console/registrations/forms/{WEBINAR}"
SETTINGS = {"capacity": "100", "opens": "", "closes": "", "alarm": "", "join": "15", "switch": "on", "seen": "1"}


def sent(client: FlaskClient, headers: Headers, **others: str) -> Any:
    """The form of the console's page, sent."""
    return client.post(PAGE, data={**SETTINGS, **others}, headers=headers)


def test_console_lists_forms_with_their_seats(full: FlaskClient, coordinator: Headers) -> None:
    page = full.get("/console/registrations/forms", headers=coordinator)
    cells = re.findall(r'class="number">([^<]*)</td>', page.text)
    assert (page.status_code, cells) == (200, ["1", "1", "3"])
    assert (">Open<" in page.text, "New people go on the waiting list" in page.text) == (True, True)


def test_preview_leads_back_to_what_was_typed(full: FlaskClient, coordinator: Headers) -> None:
    assert 'value="back"' in sent(full, coordinator, capacity="7").text
    page = sent(full, coordinator, capacity="7", go="back")
    assert (page.status_code, "What will happen" in page.text) == (200, False)
    assert re.search('id="capacity"[^>]* value="7"', page.text)


def test_console_shows_the_effect_before_it_changes(
    service: RegistrationService, full: FlaskClient, coordinator: Headers
) -> None:
    """Raising by two will confirm the first two; only the second button does it, and it names the revision seen."""
    shown = sent(full, coordinator, capacity="3")
    assert shown.status_code == 200
    assert "The first 2 people of the waiting list are confirmed at once and notified by mail." in shown.text
    assert service.states()[2] == ("waitlisted", 1)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
    done = full.post(PAGE, data={**fields, "go": "do"}, headers=coordinator)
    assert (done.status_code, done.headers["Location"]) == (303, f"{PAGE}?done=2")
    assert [service.states()[number][0] for number in (1, 2, 3, 4)] == ["confirmed"] * 3 + ["waitlisted"]
    after = full.get(done.headers["Location"], headers=coordinator).text
    assert "Seats: 1 → 3. 2 people of the waiting list got a seat." in after
    assert after.count("a coordinator</bdi>") == 1


def test_second_coordinator_sees_what_the_first_has_done(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    change(full, coordinator, 1, capacity=2)
    for step in ({"capacity": "9"}, {"capacity": "9", "go": "do"}):
        late = sent(full, coordinator, **step)
        assert (late.status_code, "Seats: 1 → 2. 1 person of the waiting list got a seat." in late.text) == (
            412,
            True,
        )
        assert 'name="seen" value="2"' in late.text
        assert re.findall(r'id="capacity"[^>]* value="(\d*)"', late.text) == ["9"]
        assert "What you typed is still here. It differs from the current version in: Number of seats." in late.text
    assert rows(installation.urls["registration"], "SELECT capacity FROM seat") == [(2,)]


def test_conflict_page_takes_what_no_one_typed_from_the_form(full: FlaskClient, coordinator: Headers) -> None:
    """Otherwise the next change would open a form again that a colleague has closed."""
    change(full, coordinator, 1, open=False)
    late = sent(full, coordinator, capacity="9")
    switches = re.findall(r'name="switch" value="(\w+)"', late.text)
    assert (late.status_code, switches) == (412, ["off", "on"])
    pressed = sent(full, coordinator, switch="off", go="switch")
    assert (pressed.status_code, "What you typed" in pressed.text) == (412, False)
    assert re.findall(r'id="capacity"[^>]* value="(\d*)"', pressed.text) == ["1"]


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("capacity", "-1", "whole number"),
        ("capacity", "1000001", "whole number"),
        ("capacity", "١٢", "whole number"),
        ("alarm", "40321", "whole number from 0 to 40,320, or leave it empty for no alarm"),
        ("join", "1441", "whole number from 0 to 1,440, or leave it empty for the start"),
        ("join", "-5", "whole number"),
        ("opens", "yesterday", "day and a time"),
        ("opens", "2020-03-08T02:30", "Clocks change"),
        ("closes", "2020-11-01T01:30", "Clocks change"),
        ("closes", "9999-12-31T23:59", "day and a time"),
        ("closes", "9999-12-30T12:00", "day and a time"),
        ("opens", "0001-01-01T12:00", "day and a time"),
    ],
)
def test_console_names_what_cannot_be_read(
    client: FlaskClient, coordinator: Headers, field: str, value: str, fault: str
) -> None:
    """Hours are those of the event's zone, New York here."""
    page = sent(client, coordinator, **{field: value})
    assert (page.status_code, fault in page.text, f'value="{value}"' in page.text) == (422, True, True)
    assert f'aria-describedby="{field}-help {field}-fault" aria-invalid="true"' in page.text


def test_coordinator_sets_from_when_people_can_join(client: FlaskClient, coordinator: Headers) -> None:
    shown = sent(client, coordinator, join="45")
    assert "People with a seat can join online from 45 minutes before the start." in shown.text
    done = sent(client, coordinator, join="45", go="do")
    after = client.get(done.headers["Location"], headers=coordinator).text
    assert "Joining online opens: 15 minutes before the start → 45 minutes before the start." in after
    assert "From 45 minutes before the start" in after


def test_console_refuses_to_close_before_it_opens(client: FlaskClient, coordinator: Headers) -> None:
    page = sent(client, coordinator, opens="2031-03-04T12:00", closes="2031-03-04T12:00")
    assert (page.status_code, "must close later than it opens" in page.text) == (422, True)


def test_console_reads_hours_in_the_zone_of_the_event(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    assert sent(client, coordinator, opens="2031-01-04T12:00", go="do").status_code == 303
    opens_at = rows(installation.urls["registration"], "SELECT opens_at FROM form")[0][0]
    assert opens_at == datetime(2031, 1, 4, 17, tzinfo=UTC)
    assert 'value="2031-01-04T12:00"' in client.get(PAGE, headers=coordinator).text


def test_hours_that_were_not_touched_stay_to_the_second(client: FlaskClient, coordinator: Headers) -> None:
    """The page shows minutes; sending them back must not be a change."""
    change(client, coordinator, 1, closes_at="2031-01-04T12:00:31Z")
    shown = sent(client, coordinator, closes="2031-01-04T07:00", seen="2")
    assert "These are the current settings already." in shown.text


def test_button_closes_and_opens_at_once(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Opening takes hours away that would keep it closed."""
    for button, word in (("Close it now", "The form closes at once"), ("Open it now", "The form opens at once")):
        page = client.get(PAGE, headers=coordinator).text
        form = page[page.index('class="doings"') : page.index(button)]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        assert word in client.post(PAGE, data=fields, headers=coordinator).text
        assert client.post(PAGE, data={**fields, "go": "do"}, headers=coordinator).status_code == 303
        state = rows(installation.urls["registration"], "SELECT open, opens_at FROM form")
        assert state == [(button == "Open it now", None)]
        if button == "Close it now":
            change(client, coordinator, 2, opens_at="2031-01-04T12:00:00Z")


def test_console_form_comes_from_our_own_pages_alone(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Signed in by cookie, a form that another site sends is refused."""
    key = installation.secrets.coordinator_key
    entered = client.post("/console/sign-in", data={"key": key}, headers={"Sec-Fetch-Site": "same-origin"})
    assert entered.status_code == 303
    data = {**SETTINGS, "switch": "off", "go": "do"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        answer = client.post(PAGE, data=data, headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, site) == (status, site)
    assert client.post(PAGE, data=data, headers={"Origin": "https://other.example.org"}).status_code == 403


@pytest.mark.parametrize(("roles", "seen", "changed"), [(("viewer",), 200, 403), (("operator",), 403, 403)])
def test_viewer_sees_and_changes_nothing(
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    roles: tuple[str, ...],
    seen: int,
    changed: int,
) -> None:
    with_roles(installation, *roles)
    page = client.get(PAGE, headers=coordinator)
    words = ("Preview", "it now</button>", "Enter a person", "Import people", "Who has registered")
    assert (page.status_code, [word for word in words if word in page.text]) == (seen, [])
    assert client.get("/console/registrations/forms", headers=coordinator).status_code == seen
    assert sent(client, coordinator, switch="off", go="do").status_code == changed
    assert change(client, coordinator, 1, open=False).status_code == changed


def test_lowering_takes_no_seat_and_is_explained(full: FlaskClient, coordinator: Headers) -> None:
    change(full, coordinator, 1, capacity=3)
    page = sent(full, coordinator, capacity="1", seen="2").text
    assert "No one loses a seat. 2 more are taken than the new capacity" in page
    assert "1 person stays on the waiting list." in page


def test_preview_explains_why_no_one_is_promoted(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=30)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s", soon)
    page = sent(full, coordinator, capacity="9").text
    assert "It is too close to the start, so no one on the waiting list" in page
    assert try_it(full, coordinator, capacity=9)["effect"]["withheld"] == "too-late"


def test_console_sets_when_calendars_alert_people(full: FlaskClient, coordinator: Headers) -> None:
    """Shown before it is done, in the history and with the form; no one's seat moves."""
    shown = sent(full, coordinator, alarm="30", capacity="1")
    assert "Calendar alarm: as set in people&#39;s calendars → 30 minutes before the start." in shown.text
    assert "Nothing changes for participants now." in shown.text
    done = sent(full, coordinator, alarm="30", capacity="1", go="do")
    after = full.get(done.headers["Location"], headers=coordinator).text
    assert "Calendar alarm: as set in people&#39;s calendars → 30 minutes before the start." in after
    assert "<dt>Calendar alarm</dt><dd>30 minutes before the start</dd>" in after
    assert 'name="alarm" type="text" inputmode="numeric" autocomplete="off" maxlength="9" value="30"' in after
