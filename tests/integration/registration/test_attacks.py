"""Attacks on people, seats and mailboxes: what each must not achieve, and who must not suffer from it."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.registration.consumers import handle_mail
from services.registration.intake.facts import MAX_CANDIDATES
from services.registration.intake.model import Act, Choice
from shared.messaging.contracts.registry import read
from tests.contract.samples import sample_message
from tests.support.clients import COPY_KEY, WEBINAR, answers, rows
from tests.support.clock import FrozenClock
from tests.support.registration_service import RegistrationService

OWNER = "participant-1@example.org"
FALSE = {"name": "Participant 1", "organisation": "False Organisation", "country": "FR"}
OWN_NETWORK = {"X-Forwarded-For": "198.51.100.200"}


@pytest.fixture
def service(service: RegistrationService) -> Iterator[RegistrationService]:
    """The service, which may show forms that were read a minute ago: thousands of requests follow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
        yield service


def attack(service: RegistrationService, count: int, networks: int, first: int = 0) -> None:
    """Submit false answers with the owner's address, each different."""
    for number in range(first, first + count):
        headers = {"X-Forwarded-For": f"203.0.113.{1 + number % networks}"}
        content = answers(1, **FALSE, questions=f"false {number}")
        assert service.submit(content, headers=headers).status_code == 202


def enter(service: RegistrationService, token: str, content: dict[str, Any]) -> None:
    """*None of these: enter my answers now.*"""
    with service.deciding():
        answer = service.client.post(f"/c/{token}/forms/{WEBINAR}", data={**content, "consent": "on"})
    assert answer.status_code == 303, answer.text


@pytest.mark.parametrize("networks", [1, 20])
def test_false_submissions_around_the_owners_reach_no_coordinator(
    service: RegistrationService, coordinator: dict[str, Any], networks: int
) -> None:
    """The owner finds their own answers by the code, or enters them behind the link where the list was full."""
    attack(service, 20, networks)
    mine = answers(1, organisation="My Organisation", questions="mine")
    code = service.submit(mine, headers=OWN_NETWORK).get_json()["code"]
    attack(service, 20, networks, first=20)
    service.decide()
    [token] = [service.confirmation_token(OWNER)]
    assert service.mailed() == [OWNER]
    waiting = service.waiting(OWNER)
    assert len(waiting.pending) == (3 if networks == 1 else MAX_CANDIDATES)
    found = [one for one in waiting.pending if one.code == code and one.content.organisation == "My Organisation"]
    if found:
        assert service.choose(waiting, Choice(found[0].id, Act.CONFIRM)) == ["confirmed"]
    else:
        enter(service, token, mine)
    assert bool(found) == (networks == 1)
    people = service.client.get("/v1/registrations", headers=coordinator).get_json()["items"]
    read_by_coordinators = [(one["organisation"], one["country"], one["answers"]["questions"]) for one in people]
    assert read_by_coordinators == [("My Organisation", "CH", "mine")]


def test_false_submission_after_the_registration_changes_nothing_by_itself(service: RegistrationService) -> None:
    """It is a candidate that the owner sees as a difference, and leaves alone or refuses."""
    service.enrol(answers(1))
    attack(service, 5, 5)
    service.decide()
    waiting = service.waiting(OWNER)
    refused = [Choice(one.id, Act.REFUSE) for one in waiting.pending]
    assert service.choose(waiting, *refused) == ["deleted"] * 5
    assert rows(service.url, "SELECT country, revision FROM registration") == [("CH", 1)]


def copy_forms(service: RegistrationService, count: int) -> list[str]:
    """Forms like the webinar's."""
    copies = [f"copy-{number}" for number in range(count)]
    for slug in copies:
        rows(
            service.url,
            "INSERT INTO form SELECT (jsonb_populate_record(f, jsonb_build_object('slug', %s::text))).* FROM form f "
            "WHERE slug = %s",
            slug,
            WEBINAR,
        )
        rows(service.url, "INSERT INTO seat (form) VALUES (%s)", slug)
        rows(service.url, COPY_KEY + " LIMIT 1", slug)
    return copies


def test_candidates_of_strangers_on_many_forms_keep_no_owner_from_choosing(service: RegistrationService) -> None:
    """About one of more than a hundred, and about all others at once, with all that a browser sends along."""
    for form in [*copy_forms(service, 10), WEBINAR]:
        for number in range(MAX_CANDIDATES):
            content, network = answers(1, **FALSE, questions=f"false {number}"), f"203.0.113.{1 + number // 2}"
            assert service.submit(content, form, headers={"X-Forwarded-For": network}).status_code == 202
    service.decide()
    token = service.confirmation_token(OWNER)
    page = service.client.get(f"/c/{token}?lang=en").text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    first, *others = dict.fromkeys(re.findall(r'name="(choice-[^"]+)"', page))
    assert len(others) == 11 * MAX_CANDIDATES - 1
    assert service.press(token, **{**hidden, first: "confirm"}).status_code == 303
    assert service.press(token, **{**hidden, **dict.fromkeys(others, "refuse")}).status_code == 303
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert rows(service.url, "SELECT count(*) FROM registration") == [(1,)]


def test_fourth_form_of_a_day_is_confirmed_by_mail(service: RegistrationService) -> None:
    """The spacing of mails restarts with each confirmation: no one who answers their mail waits for the next."""
    for number, form in enumerate([*copy_forms(service, 3), WEBINAR]):
        service.enrol(answers(1), form)
        assert service.mailed() == [OWNER] * (number + 1)
    assert rows(service.url, "SELECT count(*) FROM registration WHERE status = 'confirmed'") == [(4,)]


def test_three_anonymous_requests_suppress_no_ones_mail(service: RegistrationService) -> None:
    """All earlier submissions are behind one link; a later submission of the owner's too."""
    attack(service, 3, 3)
    service.decide()
    service.submit(answers(1, organisation="My Organisation"), headers=OWN_NETWORK)
    service.decide()
    assert [one.content.organisation for one in service.waiting(OWNER).pending][-1] == "My Organisation"
    service.clock.advance(timedelta(minutes=5))
    service.decide()
    assert service.mailed() == [OWNER] * 2


def test_invented_addresses_take_no_seat(service: RegistrationService) -> None:
    """Two hundred of them, from as many networks, and forty seats: those who confirm have them all."""
    service.capacity(40)
    for number in range(200):
        content = answers(number, email=f"invented-{number}@domain-{number % 20}.example.org")
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        assert service.submit(content, headers=headers).status_code == 202
    service.decide()
    assert service.seats() == (0, 0)
    assert rows(service.url, "SELECT word FROM seat") == [("open",)]
    honest = [answers(number, email=f"honest-{number}@domain.example.net") for number in range(41)]
    assert service.enrol_all(honest) == ["confirmed"] * 40 + ["waitlisted"]


@pytest.mark.parametrize(
    "addresses",
    [
        [f"victim+{number}@example.org" for number in range(60)],
        [f"{'victim'[: 1 + number % 5]}.{'victim'[1 + number % 5 :]}+{number}@gmail.com" for number in range(60)],
    ],
    ids=["tags", "tags and dots"],
)
def test_mailbox_gets_six_mails_a_day_under_however_many_names(
    service: RegistrationService, addresses: list[str]
) -> None:
    """At once, after 5 min, 30 min, 2 h, 6 h and 12 h; what is postponed is not dropped."""
    for number, address in enumerate(addresses):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        assert service.submit(answers(number, email=address), headers=headers).status_code == 202
    began, at = service.clock(), []
    for minutes in (0, 4, 5, 34, 35, 154, 155, 514, 515, 1234, 1235, 1439):  # a minute before each, and then
        service.clock.set(began + timedelta(minutes=minutes))
        before = len(rows(service.url, "SELECT 1 FROM confirmation_link"))
        service.decide()
        at += [minutes] * (len(rows(service.url, "SELECT 1 FROM confirmation_link")) - before)
    assert at == [0, 5, 35, 155, 515, 1235]
    assert len(set(service.mailed())) == 6
    assert rows(service.url, "SELECT count(*) FROM waiting_address") == [(54,)]
    service.clock.set(began + timedelta(minutes=1235 + 12 * 60))
    service.decide()
    assert len(service.mailed()) == 7


def submit_now(service: RegistrationService) -> None:
    """Submit at the time of the clock; the mail is minted then too."""
    service.submit(answers(1))
    rows(service.url, "UPDATE submission SET received_at = %s", service.clock())
    service.decide()


def sent(service: RegistrationService, at: datetime) -> None:
    """Notifications reports that it has sent the last confirmation mail."""
    [(link,)] = rows(service.url, "SELECT id::text FROM confirmation_link ORDER BY minted_at DESC LIMIT 1")
    message = sample_message("mail.sent.v1", about="confirmation", subject=link, occurred_at=at.isoformat())
    with service.work("consume").transaction() as connection:
        handle_mail(connection, _as_read(message))


def _as_read(message: Any) -> Any:
    content = read(message)
    return type(message)(message.id, message.type, message.source, message.subject, message.time, content)


@pytest.mark.parametrize(
    ("clicked_after", "result"),
    [(timedelta(hours=24), "confirmed"), (timedelta(hours=24, seconds=1), "closed")],
    ids=["within a day", "later"],
)
def test_mail_that_was_delayed_past_closing_can_still_be_confirmed(
    service: RegistrationService, clicked_after: timedelta, result: str
) -> None:
    """For a day from the mail, as long as the event has not begun."""
    clock: FrozenClock = service.clock
    submit_now(service)
    rows(service.url, "UPDATE form SET closes_at = %s", clock() + timedelta(hours=1))
    clock.advance(timedelta(hours=30))
    sent(service, clock())
    clock.advance(clicked_after)
    assert service.confirm(OWNER) == [result]


def test_guest_list_that_is_closed_lets_no_one_in_by_a_late_mail(service: RegistrationService) -> None:
    service.submit(answers(1))
    service.decide()
    rows(service.url, "UPDATE form SET kind = 'attendance', closes_hours_before = 48")
    rows(service.url, "UPDATE event_copy SET starts_at = %s", service.clock() + timedelta(hours=48))
    assert service.confirm(OWNER) == ["closed"]


def test_bounced_mail_ends_its_candidates(service: RegistrationService) -> None:
    """Later submissions get another mail: the address may work again."""
    submit_now(service)
    [(link,)] = rows(service.url, "SELECT id::text FROM confirmation_link")
    message = sample_message("mail.bounced.v1", about="confirmation", subject=link)
    with service.work("consume").transaction() as connection:
        handle_mail(connection, _as_read(message))
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert rows(service.url, "SELECT count(became) FROM submission") == [(0,)]
    service.submit(answers(1, name="Later"))
    service.decide()
    with service.work("consume").transaction() as connection:
        rows(service.url, "UPDATE candidate SET received_at = received_at + interval '1 minute'")
        handle_mail(connection, _as_read(message))
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(1,)]


@pytest.mark.parametrize(("refused", "kept"), [(True, 0), (False, 1)], ids=["refused", "given up"])
def test_owner_whose_mail_could_not_be_delivered_gets_another_by_submitting_again(
    service: RegistrationService, refused: bool, kept: int
) -> None:
    """With the same answers too, within the spacing of the mailbox; the mail leads to a page that confirms.

    If the mail was given up for another reason than its recipient, the submission still waits.
    """
    submit_now(service)
    [(link,)] = rows(service.url, "SELECT id::text FROM confirmation_link")
    message = sample_message("mail.bounced.v1", about="confirmation", subject=link, refused=refused)
    with service.work("consume").transaction() as connection:
        handle_mail(connection, _as_read(message))
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(kept,)]
    submit_now(service)
    assert service.mailed() == [OWNER]
    service.clock.advance(timedelta(minutes=5))
    service.decide()
    assert service.mailed() == [OWNER] * 2
    assert service.confirm(OWNER) == ["confirmed"]


def test_two_colleagues_with_one_mailbox_are_both_registered(
    service: RegistrationService, coordinator: dict[str, Any]
) -> None:
    """*Another person at this address* is offered for the second; each has a separate registration."""
    names = ["A. B.", "C. D."]
    service.enrol(answers(1, email="info@example.org", name=names[0]))
    service.submit(answers(2, email="info@example.org", name=names[1]))
    service.decide()
    token = service.confirmation_token("info@example.org")
    page = service.confirm_by_page(token)
    assert page.status_code == 200
    people = service.client.get("/v1/registrations", headers=coordinator).get_json()["items"]
    assert [(one["name"], one["email"], one["status"]) for one in people] == [
        (name, "info@example.org", "confirmed") for name in names
    ]
    assert service.seats() == (2, 0)


def test_people_per_mailbox_are_limited_by_the_form(service: RegistrationService) -> None:
    for number in range(4):
        service.submit(answers(number, email="info@example.org"), headers={"X-Forwarded-For": f"203.0.113.{number}"})
    service.decide()
    assert service.confirm("info@example.org") == ["confirmed"] * 3 + ["too-many"]


def test_domain_that_is_attacked_gets_a_hundred_mails_an_hour_and_honest_people_theirs_first(
    service: RegistrationService,
) -> None:
    """Twenty honest people do not wait behind two hundred others: their networks have caused no mail yet."""
    _submit_for_one_domain(service, 300, networks=5)
    assert len(service.mailed()) == 100
    honest = [f"honest-{number}@example.org" for number in range(20)]
    for number, address in enumerate(honest):
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        assert service.submit(answers(number, email=address), headers=headers).status_code == 202
    service.clock.advance(timedelta(minutes=30))
    service.decide()
    assert set(service.mailed()[100:]) == set(honest)
    service.clock.advance(timedelta(minutes=50))
    service.decide()
    assert len(service.mailed()) == 200


def test_domain_gets_ten_more_mails_an_hour_for_each_mailbox_whose_owner_has_confirmed(
    service: RegistrationService,
) -> None:
    _submit_for_one_domain(service, 130, networks=50)
    first = service.mailed()
    assert len(first) == 100
    for address in first[:2]:
        assert service.confirm(address) == ["confirmed"]
    service.decide()
    assert len(service.mailed()) == 120


def _submit_for_one_domain(service: RegistrationService, count: int, networks: int) -> None:
    for number in range(count):
        headers = {"X-Forwarded-For": f"203.0.113.{number % networks}"}
        content = answers(number, email=f"participant-{number}@example.org")
        assert service.submit(content, headers=headers).status_code == 202
    service.decide()
