"""Several people are confirmed or cancelled together: the effect on each is shown first, and each is notified."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.people.console import PATH
from tests.support.clients import WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]
MARKED = f"{PATH}/marked"


@pytest.fixture
def client(service: RegistrationService) -> FlaskClient:
    """With four people of whom two have the only seats."""
    rows(service.url, "UPDATE seat SET capacity = 2")
    for number in range(4):
        service.enrol(answers(number))
    return service.client


def marks(client: FlaskClient, headers: Headers) -> dict[str, str]:
    """The box of each person on the list, by the number in their address."""
    page = client.get(f"{PATH}?sort=accepted_at", headers=headers).text
    boxes = re.findall(r'name="marked" value="([^"]+)"', page)
    numbers = re.findall(r"participant-(\d+)@example\.org</span>", page)
    return dict(zip(numbers, boxes, strict=True))


def send(client: FlaskClient, headers: Headers, act: str, *marked: str, **more: str) -> Any:
    """The page about those who are marked."""
    return client.post(MARKED, data={"act": act, "marked": list(marked), **more}, headers=headers)


def statuses(service: RegistrationService) -> list[str]:
    """Of all, in order of arrival."""
    return [row[0] for row in rows(service.url, "SELECT status FROM registration ORDER BY id")]


def test_marked_are_cancelled_after_what_it_does_was_shown(
    service: RegistrationService, client: FlaskClient, coordinator: Headers
) -> None:
    boxes = marks(client, coordinator)
    shown = send(client, coordinator, "cancelled", boxes["0"], boxes["3"], back=f"{PATH}?form={WEBINAR}")
    assert "2 people, one after the other." in shown.text
    assert "The next person on the waiting list gets a seat at once." in shown.text
    assert f'href="{PATH}?form={WEBINAR}"' in shown.text
    assert statuses(service) == ["confirmed", "confirmed", "waitlisted", "waitlisted"]
    done = send(client, coordinator, "cancelled", boxes["0"], boxes["3"], go="do")
    assert "Done for 2 of 2." in done.text
    assert statuses(service) == ["cancelled", "confirmed", "confirmed", "cancelled"]
    verbs = [message["type"].rpartition("registration.")[2] for message in service.messages("registration.")]
    assert (verbs.count("cancelled.v1"), verbs.count("promoted.v1")) == (2, 1)


def test_marked_get_the_seats_that_there_are(
    service: RegistrationService, client: FlaskClient, coordinator: Headers
) -> None:
    """The second of two who are given the only free seat is refused with the reason."""
    boxes = marks(client, coordinator)
    refused = send(client, coordinator, "confirmed", boxes["2"], boxes["0"])
    assert refused.text.count("Not possible:") == 2
    rows(service.url, "UPDATE seat SET capacity = 3")
    done = send(client, coordinator, "confirmed", boxes["3"], boxes["2"], go="do")
    assert ("Done for 1 of 2." in done.text, done.text.count("Not done:")) == (True, 1)
    assert statuses(service) == ["confirmed", "confirmed", "waitlisted", "confirmed"]
    again = send(client, coordinator, "cancelled", boxes["3"])
    assert "it was changed after you marked it" in again.text


def test_refused_hours_and_an_empty_download_lead_on(
    service: RegistrationService, client: FlaskClient, coordinator: Headers
) -> None:
    """The marks and what was typed are still there, and nothing was done."""
    rows(service.url, "UPDATE seat SET capacity = 3")
    box = marks(client, coordinator)["2"]
    refused = send(client, coordinator, "offered", box, hours="999", go="do")
    assert (refused.status_code, refused.text.count(box), refused.text.count('value="999"')) == (409, 2, 2)
    assert "Nothing was changed: an offer is valid for 1 to" in refused.text
    assert statuses(service) == ["confirmed", "confirmed", "waitlisted", "waitlisted"]
    nothing = send(client, coordinator, "export", back=f"{PATH}?form={WEBINAR}")
    assert (nothing.status_code, f'href="{PATH}?form={WEBINAR}">Back to the list' in nothing.text) == (200, True)
    assert "not possible for the marked person" in send(client, coordinator, "withdrawn", box).text


def test_what_cannot_be_marked_is_refused(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, installation: TestInstallation
) -> None:
    box = marks(client, coordinator)["0"]
    assert "No one is marked." in send(client, coordinator, "confirmed").text
    for act, marked in (("erased", box), ("cancelled", "x:1"), ("cancelled", box.partition(":")[0])):
        assert send(client, coordinator, act, marked).status_code == 400
    unknown = f"01890000-0000-7000-8000-000000000000:{1}"
    assert send(client, coordinator, "cancelled", unknown).status_code == 404
    assert f'href="{PATH}"' in send(client, coordinator, "cancelled", box, back="https://example.org/").text
    file = installation.secrets.folder / "access.json"
    file.write_text(file.read_text().replace('"roles"', '"forms": ["another-form"], "roles"'))
    assert send(client, coordinator, "cancelled", box, go="do").status_code == 404
    assert statuses(service) == ["confirmed", "confirmed", "waitlisted", "waitlisted"]


def test_list_leads_to_a_bulletin_by_filters_or_by_who_fits(
    service: RegistrationService, client: FlaskClient, coordinator: Headers
) -> None:
    """What a segment can express is sent as filters; a search as the registrations found, without cancelled ones."""
    boxes = marks(client, coordinator)
    shown = client.get(f"{PATH}?form={WEBINAR}&sort=name", headers=coordinator).text
    assert f'href="{PATH}/write?form={WEBINAR}&amp;sort=name"' in shown
    assert 'formaction="/console/mail/bulletins/new"' in shown
    by_filters = {
        "": "",
        f"form={WEBINAR}&sort=name&status=waitlisted": f"?form={WEBINAR}&status=waitlisted",
        f"representative=false&not_registered_for={WEBINAR}": f"?representative=no&not_registered_for={WEBINAR}",
        "tag=speaker&status=confirmed": "?tag=speaker&status=confirmed",
    }
    for asked, query in by_filters.items():
        answer = client.get(f"{PATH}/write?{asked}", headers=coordinator)
        assert sorted(answer.location.partition("?")[2].split("&")) == sorted(query[1:].split("&"))
    send(client, coordinator, "cancelled", boxes["1"], go="do")
    page = client.get(f"{PATH}/write?q=participant", headers=coordinator).text
    (ids,) = re.findall(r'name="registration" value="([^"]+)"', page)
    assert set(ids.split()) == {boxes[number].partition(":")[0] for number in ("0", "2", "3")}
    assert "@" not in page.partition("<main")[2]
    for unknown in ("status=cancelled", "q=nobody"):
        assert (
            "None of these people can get a bulletin."
            in client.get(f"{PATH}/write?{unknown}", headers=coordinator).text
        )


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example.org/", "//elsewhere.example.org", "/console/mailing", "javascript:alert(1)"]
)
def test_way_back_leads_to_the_list_alone(client: FlaskClient, coordinator: Headers, back: str) -> None:
    page = send(client, coordinator, "cancelled", marks(client, coordinator)["0"], back=back)
    assert page.status_code == 200
    assert (f'"{back}"' in page.text, f'href="{PATH}"' in page.text) == (False, True)
