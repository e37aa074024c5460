"""Seats decided by coordinators: reserved, offered, given out of order or beyond the capacity."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.registration.intake.form_view import view_form
from services.registration.own.commands import send_own
from tests.integration.registration.test_decisions import identity, text_of
from tests.integration.registration.test_promotion import change
from tests.support.clients import WEBINAR, address_of, answers, rows
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]
PAGE = f"/console/registrations/forms/{WEBINAR}/seats"
GROUP = """INSERT INTO working_group_copy (id, revision, title) VALUES ('housing', 1, '{"en": "Housing"}')"""
SOME_CAPACITY = "UPDATE seat SET capacity = %s"
HISTORY = """
    SELECT c.status, c.reason, c.capacity_then, c.changed_by FROM registration_change c
    JOIN registration r ON r.id = c.registration_id WHERE r.email = %s ORDER BY c.revision
"""


@pytest.fixture
def desk(service: RegistrationService, coordinator: Headers) -> "Desk":
    """A coordinator of the webinar, and a working group."""
    rows(service.url, GROUP)
    return Desk(service, coordinator)


class Desk:
    """What a coordinator does with the seats of the webinar."""

    def __init__(self, service: RegistrationService, headers: Headers) -> None:
        self.service, self.client, self.headers = service, service.client, headers

    def seats(self) -> dict[str, Any]:
        """As the interface shows them."""
        shown: dict[str, Any] = self.client.get(f"/v1/forms/{WEBINAR}/seats", headers=self.headers).get_json()
        return shown

    def change(self, **what: Any) -> Any:
        """Change settings of the form."""
        return change(self.client, self.headers, self.seats()["revision"], **what)

    def ask(self, method: str, number: int, path: str = "", **content: Any) -> Any:
        """Decide about a participant, as they are now."""
        where = f"/v1/registrations/{identity(self.service.installation, number)}"
        seen = self.client.get(where, headers=self.headers).headers["ETag"]
        headers = {**self.headers, "If-Match": seen}
        return self.client.open(
            where + path, method=method, headers=headers, json=None if method == "DELETE" else content
        )

    def offer(self, number: int, **what: Any) -> tuple[int, str]:
        """Offer a seat; returns the status, and the code of a refusal or until when it is valid."""
        answer = self.ask("PUT", number, "/offer", **what)
        content = answer.get_json()
        return answer.status_code, content.get("code") or content["offer_expires_at"]

    def why(self) -> dict[int, str]:
        """Why each participant waits."""
        waiting = self.seats()["waiting"]
        return {int(one["registration"]["name"].split()[1]): one["why"] for one in waiting}

    def history(self, number: int) -> list[tuple[Any, ...]]:
        """(status, reason, capacity then, by) of each step of a participant."""
        return rows(self.service.url, HISTORY, address_of(number))

    def passed_over(self, number: int) -> list[str]:
        """Why a participant got no seat each time, newest first."""
        where = f"/v1/registrations/{identity(self.service.installation, number)}"
        shown = self.client.get(where, headers=self.headers).get_json()["while_waiting"]
        return [line["withheld"] for line in shown]


def reserved(seats: int, until: datetime | None = None, **what: str) -> dict[str, Any]:
    """A reservation, by default for representatives."""
    ends = {} if until is None else {"until": until.isoformat()}
    return {"reserved_for": "representative", "seats": seats, **what, **ends}


def test_reserved_seats_are_kept_until_their_time_is_over(service: RegistrationService, desk: Desk) -> None:
    """Representatives first: they pass those who wait; a changed answer moves no one's seat; then the rest is free."""
    service.capacity(3)
    until = datetime.now(UTC) + timedelta(days=2)
    wanted = [reserved(2, until), reserved(1, reserved_for="working_group", value="housing")]
    assert desk.change(reservations=wanted).status_code == 200
    housing: dict[str, Any] = {"working_group": "housing", "representative": True}
    assert service.enrol_all([answers(1), answers(2)]) == ["waitlisted", "waitlisted"]
    assert (desk.why(), desk.seats()["free"]) == ({1: "reserved", 2: "reserved"}, 0)
    assert service.enrol_all([answers(3, **housing)]) == ["confirmed"]  # one of both: two are left, one is kept
    assert [(one["taken"], one["left"]) for one in desk.seats()["reservations"]] == [(1, 1), (1, 0)]
    assert service.states()[1] == ("confirmed", 1)
    service.change(service.own_token(3), "answers", name="Participant 3", working_group="", representative="")
    kept = [(one["taken"], one["left"]) for one in desk.seats()["reservations"]]
    assert (service.states()[3][0], kept) == ("confirmed", [(0, 2), (0, 1)])
    service.change(service.own_token(2), "answers", name="Participant 2", **housing)
    assert (service.states()[2], desk.seats()["free"]) == (("confirmed", 2), 0)
    service.cancel(1)
    assert service.enrol_all([answers(4), answers(5)]) == ["waitlisted", "waitlisted"]
    service.tend(until - timedelta(seconds=1))
    assert service.states()[4][0] == "waitlisted"
    service.tend(until)
    assert (service.states()[4][0], service.states()[5][0]) == ("confirmed", "waitlisted")
    [kept_on] = desk.seats()["reservations"]
    history = desk.client.get(f"/v1/forms/{WEBINAR}/history", headers=desk.headers).get_json()["items"][0]
    assert (kept_on["value"], history["changed_by"], history["promoted"]) == ("housing", "(by time)", 1)


def test_preview_of_a_reservation_shows_its_effect(service: RegistrationService, desk: Desk) -> None:
    """On the page and by the interface, and what cannot be is refused."""
    service.capacity(2)
    service.enrol_all([answers(1)])
    fields = {"seen": "1", "mode": "by-hand", "hours": "24", "percent": "", "for": "representative:", "seats": "2"}
    headers = {**desk.headers, "Sec-Fetch-Site": "same-origin"}
    shown = text_of(desk.client.post(PAGE, data={**fields, "until": ""}, headers=headers).text)
    assert "0 seats are free then, and 1 reserved. 1 more is reserved as seats become free." in shown
    back = desk.client.post(PAGE, data={**fields, "until": "", "go": "back"}, headers=headers).text
    assert ('value="representative:" selected' in back, "What will happen" in back) == (True, False)
    assert desk.seats()["revision"] == 1
    done = desk.client.post(PAGE, data={**fields, "until": "", "go": "do"}, headers=headers)
    assert (done.status_code, desk.seats()["reserved"], desk.seats()["promotion_mode"]) == (303, 2, "by-hand")
    for go in ("", "do"):
        late = desk.client.post(PAGE, data={**fields, "hours": "36", "until": "", "go": go}, headers=headers)
        assert (late.status_code, 'maxlength="3" value="36"' in late.text) == (412, True)
        assert "It differs from the current version in: Hours to accept an offer." in late.text
    for wrong, code in (
        ([reserved(3)], "reserved-beyond-capacity"),
        ([reserved(1), reserved(1)], "reserved-twice"),
        ([reserved(1, value="housing")], "invalid"),
        ([reserved(1, reserved_for="partner")], "invalid"),
        ([reserved(1, reserved_for="partner", value="nobody")], "unknown-partner"),
        ([reserved(1, reserved_for="working_group", value="nobody")], "unknown-group"),
    ):
        assert desk.change(reservations=wrong).get_json()["code"] == code
    assert desk.change(capacity=None).get_json()["code"] == "reserved-beyond-capacity"
    seen = {"seen": str(desk.seats()["revision"]), "until": ""}
    refused = desk.client.post(PAGE, data={**fields, **seen, "seats": "99", "hours": "x"}, headers=headers)
    assert (refused.status_code, "more seats would be reserved than exist" in refused.text) == (422, True)


def test_buttons_of_the_seats_page_have_distinct_names(service: RegistrationService, desk: Desk) -> None:
    service.capacity(1)
    service.enrol_all([answers(1), answers(2)])
    page = desk.client.get(PAGE, headers=desk.headers).text.partition("<main")[2]
    buttons = [text_of(one) for one in re.findall(r"<button[^>]*>(.*?)</button>", page)]
    assert buttons == ["Preview for the marked people", "Preview these rules"]


def test_offered_seat_is_held_until_its_person_answers(service: RegistrationService, desk: Desk) -> None:
    """Out of order with a reason; accepted, declined, expired, withdrawn or accepted by a coordinator."""
    service.capacity(1)
    desk.change(promotion_mode="by-hand")
    service.register(1, 2, 3, 4)
    assert desk.offer(2) == (409, "no-free-seat")
    service.cancel(1)
    assert (desk.why(), desk.offer(3)) == ({2: "by-hand", 3: "by-hand", 4: "by-hand"}, (409, "reason-missing"))
    status, expires = desk.offer(3, reason="speaker", hours=24)
    ends = datetime.fromisoformat(expires)
    assert (status, ends) == (200, service.clock() + timedelta(hours=24))
    assert (desk.why(), desk.seats()["offered"], desk.offer(2)) == (
        *({2: "no-free-seat", 3: "offered", 4: "no-free-seat"}, 1, (409, "no-free-seat")),
    )
    assert (desk.passed_over(2)[0], desk.passed_over(3)) == ("out-of-turn", [])  # 3 was not passed over: it is theirs
    token = service.own_token(3)
    page = service.client.get(f"/r/{token}?lang=en").text
    assert ("You have been offered a seat." in page, "accept-seat" in page) == (True, True)
    service.own(token, "accept-seat")
    service.own(token, "decline-seat")
    assert [line[:3] for line in desk.history(3)][1:] == [
        ("offered", "offered by a coordinator: they speak at the event", 1),
        ("confirmed", "the person accepted the offer", 1),
    ]
    assert "The offer has ended" in service.client.get(f"/r/{token}?lang=en&sent=1").text
    data = service.client.get(f"/r/{token}/my-data?lang=en").text
    assert "Moved from the waiting list to a seat" in data
    assert "A seat was offered" in data
    service.cancel(3)
    assert desk.offer(2)[0] == 200
    service.own(service.own_token(2), "decline-seat")
    assert "back to the waiting list" in service.client.get(f"/r/{service.own_token(2)}/my-data?lang=en").text
    assert (desk.why(), desk.seats()["in_line"]) == ({2: "offer-passed", 4: "by-hand"}, 1)
    assert desk.offer(4)[0] == 200  # the next in line: who has let an offer pass is out of it
    assert desk.ask("DELETE", 4, "/offer").status_code == 200
    assert desk.offer(2, reason="mistake")[0] == 200
    assert desk.ask("PATCH", 2, status="confirmed").status_code == 200
    assert [verb for verb, _ in service.facts()][4:] == [
        *("cancelled", "offered", "promoted", "cancelled", "offered", "offer-ended"),
        *("offered", "offer-ended", "offered", "promoted"),
    ]


def test_automatic_offers_continue_when_they_expire_by_a_right_clock(service: RegistrationService, desk: Desk) -> None:
    """Each in line is offered the seat in order; who lets it pass stays on the list and gets no automatic offer."""
    service.capacity(1)
    desk.change(promotion_mode="offers", offer_hours=12)
    service.register(1, 2, 3)
    service.cancel(1)
    assert (desk.why(), service.seats()) == ({2: "offered", 3: "no-free-seat"}, (0, 2))
    listed = service.client.get("/console/registrations?status=waitlisted", headers=desk.headers).text
    words = ("Seat offered</span>", "Held until", "No. 2 on the waiting list", "No. 1 on the waiting list")
    assert [listed.count(word) for word in words] == [1, 1, 1, 0]
    assert service.enrol_all([answers(4)]) == ["waitlisted"]
    first = service.clock() - timedelta(seconds=1)
    service.tend(first + timedelta(hours=12) - timedelta(seconds=1))
    assert desk.why()[2] == "offered"
    service.tend(first + timedelta(hours=12, seconds=1))
    assert desk.why() == {2: "offer-passed", 3: "offered", 4: "no-free-seat"}
    rows(
        service.url,
        "UPDATE registration SET offer_expires_at = now() - interval '1 hour' WHERE offer_expires_at IS NOT NULL",
    )
    service.own(service.own_token(3), "accept-seat")
    assert service.states()[3][0] == "waitlisted"  # it was too late, though nothing had ended the offer yet
    service.tend()
    assert desk.why() == {2: "offer-passed", 3: "offer-passed", 4: "offered"}
    offers = [one["data"] for one in service.messages("registration.offered")]
    assert [(one["revision"], one["status"], "offer_expires_at" in one) for one in offers] == [
        (2, "waitlisted", True)
    ] * 3


@pytest.fixture
def offered_until(service: RegistrationService, desk: Desk) -> datetime:
    """The second of three participants is offered the only seat, until then; the third is next in line."""
    service.capacity(1)
    desk.change(promotion_mode="offers", offer_hours=12)
    service.register(1, 2, 3)
    service.cancel(1)
    return service.clock() + timedelta(hours=12)


def accept_undecided(service: RegistrationService, number: int) -> str:
    """Store that a participant accepts the seat, while no decider runs; returns the receipt."""
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    return send_own(service.intake, view, service.own_token(number), "accept-seat")


def test_seat_accepted_in_time_is_given_although_the_offer_expires_before_it_is_decided(
    service: RegistrationService, desk: Desk, offered_until: datetime
) -> None:
    accept_undecided(service, 2)
    service.tend(offered_until + timedelta(hours=23))
    assert desk.why() == {2: "offered", 3: "no-free-seat"}
    service.decide()
    assert (service.states()[2][0], desk.why()) == ("confirmed", {3: "no-free-seat"})


def test_offer_waits_a_day_for_its_answer_that_is_parked_and_no_other_offer_does(
    service: RegistrationService, desk: Desk, offered_until: datetime
) -> None:
    accept_undecided(service, 2)
    rows(service.url, "UPDATE submission SET state = 'parked', parked_reason = 'a test' WHERE state = 'received'")
    service.tend(offered_until + timedelta(hours=23))
    assert desk.why() == {2: "offered", 3: "no-free-seat"}
    service.tend(offered_until + timedelta(days=1))
    assert desk.why() == {2: "offer-passed", 3: "offered"}
    rows(service.url, "UPDATE registration SET offer_expires_at = now() WHERE offer_expires_at IS NOT NULL")
    accept_undecided(service, 3)
    service.tend(service.clock() + timedelta(minutes=10))
    assert desk.why() == {2: "offer-passed", 3: "offer-passed"}  # it was too late


def test_seat_beyond_the_capacity_needs_a_reason(service: RegistrationService, desk: Desk) -> None:
    """It is in the audit log, and the page shows by how many the form is over; no one is promoted in that time."""
    service.capacity(1)
    service.register(1, 2, 3)
    assert desk.ask("PATCH", 3, status="confirmed").get_json()["code"] == "no-free-seat"
    assert desk.ask("PATCH", 3, status="confirmed", reason="because").status_code == 422
    assert desk.ask("PATCH", 3, status="confirmed", reason="speaker").status_code == 200
    why = "confirmed by a coordinator: they speak at the event (1 beyond the capacity)"
    assert (desk.history(3)[1], desk.seats()["beyond"]) == (("confirmed", why, 2, "a coordinator"), 1)
    assert "1 seat is taken beyond the capacity" in text_of(desk.client.get(PAGE, headers=desk.headers).text)
    service.cancel(1)
    assert service.states()[2] == ("waitlisted", 1)


def test_mail_domain_gets_no_more_than_its_share(service: RegistrationService, desk: Desk) -> None:
    """Those of other domains pass, in order; several are offered what is left in one go."""
    service.capacity(4)
    desk.change(domain_percent=50)
    mine = [answers(number, email=f"person-{number}@ngo.example.org") for number in (1, 2, 3)]
    others = [answers(number, email=f"person-{number}@other-{number}.example") for number in (4, 5, 6)]
    assert service.enrol_all(mine) == ["confirmed", "confirmed", "waitlisted"]
    assert desk.why() == {3: "domain-share"}
    service.enrol_all(others)
    assert {number: state[0] for number, state in service.states().items()} == {
        **dict.fromkeys((1, 2, 4, 5), "confirmed"),
        **dict.fromkeys((3, 6), "waitlisted"),
    }
    marked = [one["registration"] for one in desk.seats()["waiting"]]
    fields = {"act": "confirmed", "back": PAGE, "marked": [f"{one['id']}:{one['revision']}" for one in marked]}
    headers = {**desk.headers, "Sec-Fetch-Site": "same-origin"}
    decide = "/console/registrations/marked"
    assert "a reason is needed" in desk.client.post(decide, data=fields, headers=headers).text
    done = desk.client.post(decide, data={**fields, "reason": "agreed", "go": "do"}, headers=headers)
    assert ("Done for 2 of 2" in text_of(done.text), desk.seats()["beyond"]) == (True, 2)
