"""Attacks that try to suppress someone's confirmation mail: tags, full lists, used-up quotas, other sites."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from services.registration.cleanup import MUTE_LASTS
from services.registration.embed.strings import page_texts
from services.registration.intake.facts import UNVERIFIED_A_DAY
from services.registration.intake.mail_lines import (
    CONFIRMATION_MAILS_AN_HOUR as BUDGET,
)
from services.registration.intake.mail_lines import (
    LITTLE,
    PER_DOMAIN_AN_HOUR,
    PER_NETWORK_A_DAY,
    PER_NETWORK_OVER_ALL_A_DAY,
    PER_VERIFIED_MAILBOX,
    RESERVE,
)
from services.registration.intake.mailboxes import take_due_mails
from services.registration.web import build_app
from services.registration.workers import make_decider
from tests.integration.registration.test_kinds import filled
from tests.integration.registration.test_kinds import installation as installation
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.clock import agreeing
from tests.support.proofs_of_work import keys_of, minted
from tests.support.registration_service import RegistrationService

VICTIM = "carol@victim.example.org"
OWN_NETWORK = "198.51.100.9"
ATTACKER = "203.0.113.1"
PARTNER_ORIGIN = "https://partner.example.org"
OF_ATTACKER = "domain_ref IN (SELECT sha256(network || '*') FROM waiting_network)"
WITH_NETWORK = "SELECT count(*) FROM waiting_network WHERE network <> decode(repeat('00', 32), 'hex')"
EVIL = "https://evil.example.org"


@pytest.fixture
def service(service: RegistrationService) -> Iterator[RegistrationService]:
    """The service, which may show forms that were read a minute ago: hundreds of requests follow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
        yield service


def submit(service: RegistrationService, email: str, network: str, number: int = 0, **more: Any) -> None:
    """Submit the webinar's form from a client network."""
    content = answers(number, email=email, **more)
    assert service.submit(content, headers={"X-Forwarded-For": network}).status_code == 202


def test_tags_of_a_mailbox_do_not_keep_its_owner_waiting(service: RegistrationService) -> None:
    """Of a mailbox's addresses the plain one comes first, and each that has no link yet before the others."""
    for number in range(40):
        submit(service, f"carol+{number}@victim.example.org", f"203.0.113.{number}", number)
    service.decide()
    submit(service, VICTIM, OWN_NETWORK)
    service.clock.advance(timedelta(minutes=6))
    service.decide()
    assert service.mailed()[1:] == [VICTIM]


@pytest.mark.parametrize("networks", [1, 10])
def test_full_list_keeps_no_mail_from_the_owner(service: RegistrationService, networks: int) -> None:
    """Behind the link they can enter their answers, although theirs are not among those that are kept."""
    for number in range(10):
        network = OWN_NETWORK if networks == 1 else f"203.0.113.{number}"
        submit(service, VICTIM, network, name=f"False {number}")
    service.decide()
    assert service.mailed() == [VICTIM]
    service.clock.advance(timedelta(minutes=6))
    service.decide()
    before = len(service.mailed())
    service.clock.advance(timedelta(hours=1))
    submit(service, VICTIM, OWN_NETWORK, name="Carol")
    service.decide()
    assert len(service.mailed()) == before + 1


def use_up(service: RegistrationService, network: str = ATTACKER) -> None:
    """Cause all mails to the victim's domain that one client network may cause in a day."""
    for number in range(PER_NETWORK_A_DAY):
        submit(service, f"false-{number}@victim.example.org", network, number)
    service.decide()
    assert len(service.mailed()) == PER_NETWORK_A_DAY


@pytest.mark.parametrize("network", [ATTACKER, "2001:db8:0:{:x}::1"], ids=["IPv4", "IPv6 /48"])
def test_one_network_cannot_use_up_the_mails_of_a_domain(service: RegistrationService, network: str) -> None:
    """One customer may have a whole /48 prefix: its networks count as one."""
    for number in range(PER_DOMAIN_AN_HOUR):
        submit(service, f"false-{number}@victim.example.org", network.format(number), number)
    service.decide()
    assert len(service.mailed()) == PER_NETWORK_A_DAY
    submit(service, VICTIM, OWN_NETWORK)
    service.decide()
    assert service.mailed()[-1] == VICTIM


@pytest.mark.parametrize("network", [ATTACKER, "2001:db8:0:{:x}::1"], ids=["IPv4", "IPv6 /48"])
def test_one_network_cannot_fill_the_list_of_an_address(service: RegistrationService, network: str) -> None:
    for number in range(10):
        submit(service, VICTIM, network.format(number), name=f"False {number}")
    submit(service, VICTIM, OWN_NETWORK, name="Carol")
    service.decide()
    assert [one.content.name for one in service.waiting(VICTIM).pending] == ["False 0", "False 1", "Carol"]


@pytest.mark.parametrize("again", [False, True], ids=["before", "before and after"])
def test_network_that_is_used_up_does_not_hold_back_the_mail_to_a_victim(
    service: RegistrationService, again: bool
) -> None:
    """They ask for it from their own network, on the form or for their registrations: it counts for that network."""
    use_up(service)
    staff = [f"staff-{number}@victim.example.org" for number in range(10)]
    for email in (VICTIM, *staff):
        submit(service, email, ATTACKER)
    service.decide()
    assert len(service.mailed()) == PER_NETWORK_A_DAY
    if again:
        rows(service.url, "UPDATE mailbox SET next_mail_at = next_mail_at + interval '1 hour'")  # as spacing does
    service.clock.advance(seconds=1)
    submit(service, VICTIM, OWN_NETWORK)
    for email in staff:
        asked = service.client.post("/my", data={"email": email}, headers={"X-Forwarded-For": OWN_NETWORK})
        assert asked.status_code == 303
    service.decide()
    if again:
        service.clock.advance(seconds=1)
        for email in (VICTIM, *staff):
            submit(service, email, ATTACKER, name="Once more")
        service.decide()
        assert len(service.mailed()) == PER_NETWORK_A_DAY
        service.clock.advance(timedelta(hours=1))
        service.decide()
    assert sorted(service.mailed()[PER_NETWORK_A_DAY:]) == [VICTIM, *staff]


def test_network_of_a_mail_that_was_sent_causes_no_other(service: RegistrationService) -> None:
    """A later submission from a network that is used up waits, although the one before came from another."""
    use_up(service)
    submit(service, VICTIM, OWN_NETWORK)
    service.decide()
    rows(service.url, "UPDATE mailbox SET next_mail_at = next_mail_at - interval '1 hour'")
    service.clock.advance(seconds=1)
    submit(service, VICTIM, ATTACKER, name="False")
    service.decide()
    assert service.mailed()[PER_NETWORK_A_DAY:] == [VICTIM]


def test_reserve_of_a_domain_goes_to_a_victim_whom_another_network_has_named(service: RegistrationService) -> None:
    """The domain's mails of the hour are used up, and the false submission stands in the line of its own network."""
    for number in range(PER_DOMAIN_AN_HOUR):
        submit(service, f"false-{number}@victim.example.org", f"203.0.113.{number % 4}", number)
    service.decide()
    submit(service, VICTIM, ATTACKER)
    service.decide()
    assert len(service.mailed()) == PER_DOMAIN_AN_HOUR
    service.clock.advance(seconds=1)
    submit(service, VICTIM, OWN_NETWORK)
    service.decide()
    assert service.mailed()[PER_DOMAIN_AN_HOUR:] == [VICTIM]


def test_alternating_networks_cause_no_more_mails_than_each_of_them_may(service: RegistrationService) -> None:
    """Each mail counts for one of the networks from which it was asked for."""
    addresses = [f"false-{number}@victim.example.org" for number in range(2 * PER_NETWORK_A_DAY + 10)]
    for network, some in ((ATTACKER, addresses), ("203.0.113.2", addresses), (ATTACKER, addresses[-10:])):
        for email in some:
            submit(service, email, network)
        service.decide()
    service.clock.advance(timedelta(hours=2))
    service.decide()
    assert len(service.mailed()) == 2 * PER_NETWORK_A_DAY


def test_networks_of_a_mailbox_are_kept_for_a_day_and_without_them_it_has_no_advantage(
    service: RegistrationService,
) -> None:
    """All mailboxes without one count as those of one network."""
    addresses = {f"false-{number}@victim.example.org" for number in range(2 * PER_NETWORK_A_DAY + 10)}
    for email in addresses:
        submit(service, email, ATTACKER)
    service.decide()
    service.clock.advance(timedelta(days=1))
    service.tend()
    assert rows(service.url, WITH_NETWORK) == [(len(addresses),)]
    service.clock.advance(timedelta(hours=1))
    service.tend()
    assert rows(service.url, WITH_NETWORK) == [(0,)]
    service.decide()
    assert len(service.mailed()) == 2 * PER_NETWORK_A_DAY
    left = min(addresses - set(service.mailed()))
    submit(service, left, OWN_NETWORK)
    service.decide()
    assert service.mailed()[2 * PER_NETWORK_A_DAY :] == [left]


def test_mail_that_is_held_back_delays_a_managing_link_by_an_hour(service: RegistrationService) -> None:
    """Of a person whose address is not verified: the form has sent no mail that confirms it."""
    rows(service.url, "UPDATE form SET verification = 'none'")
    submit(service, VICTIM, OWN_NETWORK, altcha=minted(keys_of(service.installation), WEBINAR, service.clock()))
    service.decide()
    view = next(box["view"] for box in service.boxes("registration.confirmed") if box["address"] == VICTIM)
    use_up(service)
    submit(service, VICTIM, ATTACKER, name="False")
    service.decide()
    service.clock.advance(timedelta(minutes=6))
    assert service.client.post(f"/v/{view}", data={"action": "send-link"}).status_code == 303
    for wait, facts in ((0, 1), (58, 1), (2, 2)):
        service.clock.advance(timedelta(minutes=wait))
        service.decide()
        assert len(service.facts()) == facts
    assert (service.facts()[-1][0], VICTIM in service.mailed()) == ("link-requested", False)


def test_managing_link_goes_although_confirmation_mails_fail(service: RegistrationService) -> None:
    """Such as by a statement that takes too long: it is another transaction."""
    rows(service.url, "UPDATE form SET verification = 'none'")
    submit(service, VICTIM, OWN_NETWORK, altcha=minted(keys_of(service.installation), WEBINAR, service.clock()))
    service.decide()
    view = next(box["view"] for box in service.boxes("registration.confirmed") if box["address"] == VICTIM)
    service.clock.advance(timedelta(minutes=6))
    assert service.client.post(f"/v/{view}", data={"action": "send-link"}).status_code == 303
    submit(service, "someone@victim.example.org", ATTACKER)
    rows(service.url, "ALTER TABLE mail_count RENAME TO away")
    with pytest.raises(ProgrammingError):
        service.decide()
    assert (service.facts()[-1][0], service.mailed()) == ("link-requested", [])


def test_mailbox_whose_owner_acts_is_not_limited_by_its_network(service: RegistrationService) -> None:
    """Such as that of a canary, which registers and confirms all day from one address."""
    for number in range(PER_NETWORK_A_DAY + 20):
        service.clock.advance(timedelta(minutes=15))
        submit(service, VICTIM, OWN_NETWORK, number, name=f"Canary {number}")
        service.decide()
        assert len(service.mailed()) == number + 1
        service.confirm(VICTIM)


def test_reserve_of_a_domain_goes_to_networks_that_have_caused_no_mail(service: RegistrationService) -> None:
    for number in range(PER_DOMAIN_AN_HOUR):
        submit(service, f"false-{number}@victim.example.org", f"203.0.113.{number % 4}", number)
    service.decide()
    assert len(service.mailed()) == PER_DOMAIN_AN_HOUR
    submit(service, "one-more@victim.example.org", "203.0.113.1")
    submit(service, VICTIM, OWN_NETWORK)
    service.decide()
    assert service.mailed()[PER_DOMAIN_AN_HOUR:] == [VICTIM]
    for number in range(RESERVE + 10):
        submit(service, f"late-{number}@victim.example.org", f"192.0.2.{number}", number)
    service.decide()
    assert len(service.mailed()) == PER_DOMAIN_AN_HOUR + RESERVE


def test_network_causes_no_more_mails_over_all_domains_than_it_may(service: RegistrationService) -> None:
    """Also one that invents domains; ten more for each person who confirms."""
    submit(service, VICTIM, ATTACKER)
    service.decide()
    rows(service.url, f"UPDATE mail_count SET sent = {PER_NETWORK_OVER_ALL_A_DAY - 1} WHERE {OF_ATTACKER}")
    for number in range(12):
        submit(service, f"false@false-{number}.example", ATTACKER, number)
    service.decide()
    assert len(service.mailed()) == 2
    submit(service, "carol@gmail.com", OWN_NETWORK)
    service.decide()
    assert service.mailed()[2:] == ["carol@gmail.com"]
    service.confirm(VICTIM)
    service.decide()
    assert len(service.mailed()) == 3 + PER_VERIFIED_MAILBOX


def test_share_of_the_budget_is_for_networks_that_have_caused_little(service: RegistrationService) -> None:
    """And its last part for those with a proof of work. A receipt says that mails take longer, also in JSON."""
    rows(service.url, "UPDATE form SET verification = 'email'")
    submit(service, VICTIM, ATTACKER)
    service.decide()
    rows(service.url, f"UPDATE mail_count SET sent = {LITTLE} WHERE {OF_ATTACKER}")
    keys = keys_of(service.installation)
    said, held = [], []
    for part, used in enumerate((0.75, 0.9, 1.0)):
        rows(service.url, f"UPDATE mail_count SET sent = {round(used * BUDGET)} WHERE domain_ref = ''")
        submit(service, f"false@false-{part}.example", ATTACKER, altcha=minted(keys, WEBINAR, service.clock()))
        submit(service, f"plain@plain-{part}.example", f"192.0.2.{part}")
        proof = minted(keys, WEBINAR, service.clock())
        receipt = service.submit(
            answers(part, email=f"proven@proven-{part}.example", altcha=proof),
            headers={"X-Forwarded-For": f"198.51.100.{part}"},
        ).get_json()["receipt"]
        service.decide()
        service.clock.advance(timedelta(minutes=6))
        said.append(page_texts().text("receipt.mails-held", "en") in service.client.get(f"/receipts/{receipt}").text)
        held.append(service.client.get(f"/v1/receipts/{receipt}").get_json()["mails_held"])
    assert sorted(service.mailed()[1:]) == [
        "plain@plain-0.example",
        "proven@proven-0.example",
        "proven@proven-1.example",
    ]
    assert said == held == [True, True, True]
    rows(service.url, "UPDATE mail_count SET sent = 1")
    assert page_texts().text("receipt.mails-held", "en") not in service.client.get(f"/receipts/{receipt}").text
    assert service.client.get(f"/v1/receipts/{receipt}").get_json()["mails_held"] is False


def test_budget_of_the_settings_limits_mails_and_is_that_of_receipts(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(service.url, "UPDATE form SET verification = 'email'")
    monkeypatch.setenv("TROIKA_CONFIRMATION_MAILS_AN_HOUR", "4")
    work = service.work("decide")
    decider = make_decider(service.settings("decide"), work, agreeing(service.clock, work))
    pages = build_app(service.settings("web"), service.engine, clock=service.clock).test_client()
    receipts = []
    for number in range(6):
        content = answers(number, email=f"someone@domain-{number}.example")
        sent = pages.post(SUBMISSIONS, json=content, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        receipts.append(sent.get_json()["receipt"])
    while decider.run_once():
        pass
    assert len(service.mailed()) == 4
    service.clock.advance(timedelta(minutes=6))
    held = [app.get(f"/v1/receipts/{receipts[-1]}").get_json()["mails_held"] for app in (pages, service.client)]
    assert held == [True, False]


def test_short_batch_of_mails_begins_with_those_that_have_a_proof_of_work(service: RegistrationService) -> None:
    """Also before older ones, at other domains and from other networks."""
    rows(service.url, "UPDATE form SET verification = 'email'")
    rows(service.url, "INSERT INTO mail_count VALUES ('', %s, %s)", service.clock(), BUDGET)
    for number in range(3):
        submit(service, f"plain@plain-{number}.example", f"192.0.2.{number}")
    submit_proven(service, "proven@proven.example", OWN_NETWORK)
    service.decide()
    assert service.mailed() == []
    rows(service.url, "TRUNCATE mail_count")
    with service.work("decide").transaction() as connection:
        [first] = take_due_mails(connection, service.clock(), 1, BUDGET)
    assert first.email == "proven@proven.example"


def test_tags_make_no_further_people_on_a_form_without_verification(service: RegistrationService) -> None:
    """As many as one mailbox may have are registered; the others wait for its owner. The mails are spaced."""
    rows(service.url, "UPDATE form SET verification = 'none'")
    for number in range(9):
        submit_proven(service, f"carol+{number}@victim.example.org", f"203.0.113.{number}", number)
    service.decide()
    assert rows(service.url, "SELECT count(*) FROM registration") == [(3,)]
    assert (len(service.facts()), len(service.mailed())) == (3, 0)
    assert mailed_now(service) == [True, False, False]
    for minutes, mails in ((4, 0), (2, 1), (29, 1), (2, 2)):
        service.clock.advance(timedelta(minutes=minutes))
        service.decide()
        assert len(service.mailed()) + len(service.facts()) - 3 == mails


def submit_proven(service: RegistrationService, email: str, network: str, number: int = 0, **more: Any) -> None:
    """Submit the webinar's form with a proof of work."""
    proof = minted(keys_of(service.installation), WEBINAR, service.clock())
    submit(service, email, network, number, altcha=proof, **more)


def mailed_now(service: RegistrationService) -> list[bool]:
    """Of each new registration, whether its mail goes at once."""
    return [bool(one["data"]["mailed"]) for one in service.messages("registration.confirmed")]


def test_one_sender_takes_few_seats_of_a_form_without_verification(service: RegistrationService) -> None:
    """From one network, and for one domain from many: the other owners confirm, by a mail that names no event.

    An office behind one address goes on by mail; the owners who act free the quota, and so does a day.
    """
    rows(service.url, "UPDATE form SET verification = 'none'")
    for number in range(2 * UNVERIFIED_A_DAY):
        submit_proven(service, f"{number}@n{number}.example", ATTACKER, number)
        submit_proven(service, f"false-{number}@victim.example.org", f"198.51.100.{number}", number)
    service.decide()
    assert (service.seats()[0], len(service.mailed())) == (2 * UNVERIFIED_A_DAY, 2 * UNVERIFIED_A_DAY)
    submit_proven(service, "honest@other.example", OWN_NETWORK)
    submit_proven(service, VICTIM, OWN_NETWORK)
    service.decide()
    assert (service.seats()[0], service.mailed()[-1]) == (2 * UNVERIFIED_A_DAY + 1, VICTIM)
    own = next(box["token"] for box in service.boxes("registration.confirmed") if "@n" in box["address"])
    assert service.client.post(f"/r/{own}", data={"action": "cancel"}).status_code == 303
    service.decide()
    for number in range(100, 102):
        submit_proven(service, f"{number}@n{number}.example", ATTACKER, number)
    service.decide()
    assert service.seats()[0] == 2 * UNVERIFIED_A_DAY + 1  # one cancelled, one more
    service.clock.advance(timedelta(days=1, minutes=1))
    submit_proven(service, "tomorrow@victim.example.org", ATTACKER)
    service.decide()
    assert service.seats()[0] == 2 * UNVERIFIED_A_DAY + 2


def test_switched_off_mail_comes_again_after_a_while(service: RegistrationService) -> None:
    """People who have lost the page that switches it on again are not locked out for good."""
    group = filled(email=VICTIM, working_group="housing")

    def join(name: str) -> None:
        assert service.submit({**group, "name": name}, "join-working-group").status_code == 202
        service.decide()

    join("Carol")
    assert service.press(service.confirmation_token(VICTIM), action="mute").status_code == 303
    join("Once more")
    assert service.mailed() == [VICTIM]
    service.clock.advance(MUTE_LASTS + timedelta(hours=1))
    service.tend()
    join("Later")
    assert service.mailed() == [VICTIM, VICTIM]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": EVIL}, 403),
        ({"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": EVIL}, 403),
        ({"Origin": PARTNER_ORIGIN, "Sec-Fetch-Site": "cross-site"}, 202),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 202),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 202),
        ({"Origin": "null"}, 202),
        ({}, 202),
    ],
)
def test_only_our_pages_those_of_partners_and_programs_send_forms(
    service: RegistrationService, headers: dict[str, str], status: int
) -> None:
    """Another site would make a victim's browser send false answers from the victim's own network."""
    rows(service.url, "UPDATE partner SET origins = %s", [PARTNER_ORIGIN])
    for content_type in ("json", "data"):
        content: Any = {content_type: answers(1, consent="on" if content_type == "data" else True)}
        assert service.client.post(SUBMISSIONS, headers=headers, **content).status_code == status
    prefilled = service.client.post(f"/embed/{WEBINAR}", data=answers(1), headers=headers)
    assert prefilled.status_code == (200 if status == 202 else 403)


def test_key_for_one_form_erases_nothing_that_waits_on_others(
    service: RegistrationService, limited_coordinator: dict[str, str]
) -> None:
    """What waits on the key's own form goes with the person, also what is not decided yet."""
    person = {"email": VICTIM}
    identity = service.enrol(filled(**person), "review-press-conference")
    service.submit(filled(**person, name="Another"), "geneva-delegation")
    service.submit(filled(**person, name="Third"), "review-press-conference")
    service.decide()
    service.submit(filled(**person, name="Fourth"), "geneva-delegation")
    service.submit(filled(**person, name="Fifth"), "review-press-conference")
    wanted = {"reason": "asked", "scope": "address"}
    done = service.client.post(f"/v1/registrations/{identity}/erasure", json=wanted, headers=limited_coordinator)
    assert done.status_code == 200, done.text
    service.decide()
    assert {(one.form, one.content.name) for one in service.waiting(VICTIM).pending} == {
        ("geneva-delegation", "Another"),
        ("geneva-delegation", "Fourth"),
    }


@pytest.fixture
def limited_coordinator(service: RegistrationService) -> dict[str, str]:
    """Headers of a coordinator whose key is good for the press conference alone."""
    file = service.installation.secrets.folder / "access.json"
    [holder, *others] = json.loads(file.read_text())
    file.write_text(json.dumps([{**holder, "forms": ["review-press-conference"]}, *others]))
    return {"Authorization": f"Bearer {service.installation.secrets.coordinator_key}"}
