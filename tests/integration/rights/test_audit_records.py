"""The audit log: each action with its actor, unchangeable, shown to those who may read it."""

import json
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from services.registration.consumers import COPIES, effects
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import decode
from shared.messaging.inbox import apply_batch
from tests.integration.rights.conftest import Browser, House, as_holder, sign_in

TEXTS = {"en": {"subject": "Rooms", "text": "The rooms are known."}}
SERVICES = ("events", "registration", "notifications")
DONE_BY_MARY = """
    INSERT INTO audit_record (done_at, done_by, action, kind, subject, detail)
    VALUES ('2020-03-04', 'Mary', %s, '', '', '{}')
"""
EVENT = {"kind": "webinar", "title": "Mine", "time_zone": "Europe/Zurich", "mode": "online"}
WATCHER = "somebody who watches"


@pytest.fixture(scope="module")
def coordinator(house: House) -> dict[str, str]:
    """Headers of a coordinator called Ada."""
    return as_holder(house.give_key("Ada", "coordinator"))


@pytest.fixture(scope="module")
def operator(house: House) -> dict[str, str]:
    """Headers of someone who watches."""
    return as_holder(house.give_key(WATCHER, "operator"))


def records(house: House, service: str, headers: dict[str, str], **query: str) -> list[tuple[Any, ...]]:
    """Who, action, kind and detail, oldest first."""
    answer = house.apps[service].get(f"/v1/service-audit/{service}", query_string=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items = answer.get_json()["items"]
    return [(line["who"], line["action"], line["kind"], line["detail"]) for line in reversed(items)]


def test_life_of_a_bulletin_is_in_the_audit_log(
    house: House, coordinator: dict[str, str], operator: dict[str, str]
) -> None:
    mail = house.apps["notifications"]
    for texts in (TEXTS, TEXTS):
        drafted = mail.post("/v1/bulletins", json={"segment": {}, "texts": texts}, headers=coordinator).get_json()
        path, tag = f"/v1/bulletins/{drafted['id']}", {**coordinator, "If-Match": f'"{drafted["revision"]}"'}
    changed = {"en": {"subject": "Rooms", "text": "They are known by now."}}
    assert mail.patch(path, json={"texts": changed}, headers=tag).status_code == 200
    assert mail.delete(path, headers={**coordinator, "If-Match": '"2"'}).status_code == 204
    assert records(house, "notifications", operator, who="Ada") == [
        ("Ada", "bulletin-drafted", "bulletin", {}),
        ("Ada", "bulletin-drafted", "bulletin", {}),
        ("Ada", "bulletin-changed", "bulletin", {"revision": 2}),
        ("Ada", "bulletin-discarded", "bulletin", {"number": 2}),
    ]


def test_who_keeps_somebody_from_bulletins_is_known_and_the_person_is_not(
    house: House, operator: dict[str, str]
) -> None:
    mail, person, keeper = house.apps["notifications"], "ab" * 32, as_holder(house.give_key("Grace", "coordinator"))
    for _ in range(2):
        assert mail.post("/v1/suppressions", json={"person_ref": person}, headers=keeper).status_code == 204
    [kept] = mail.get("/v1/suppressions", headers=keeper).get_json()["items"]
    assert (kept["said_by"], kept["who"]) == ("coordinator", "Grace")
    assert mail.delete(f"/v1/suppressions/{person}", headers=keeper).status_code == 204
    assert records(house, "notifications", operator, who="Grace") == [
        ("Grace", "suppression-added", "", {}),
        ("Grace", "suppression-taken-back", "", {}),
    ]


def test_file_is_written_down_before_it_is_read_with_what_it_was_limited_to(
    house: House, coordinator: dict[str, str], operator: dict[str, str]
) -> None:
    query = {"form": "upr-webinar-10", "q": "participant-7@example.org", "since": "2020-01-01"}
    people = house.apps["registration"]
    headers = {**coordinator, "Accept": "text/csv"}
    assert people.get("/v1/registrations", query_string=query, headers=headers).text.startswith("\ufeffid,form,")
    browser = house.browser()
    sign_in(browser, house.give_key("Edith", "coordinator"))
    assert browser.get("/console/registrations.csv?country=CH").text.startswith("\ufeffid,form,")
    asked = {"form": "upr-webinar-10", "since": "2020-01-01", "search": "yes"}
    assert records(house, "registration", operator, action="file-taken") == [
        ("Ada", "file-taken", "registrations", asked),
        ("Edith", "file-taken", "registrations", {"country": "CH"}),
    ]
    assert records(house, "registration", operator, who="Edith", action="signed-in") == [
        ("Edith", "signed-in", "", {"with": "key"})
    ]


def test_changes_that_stand_elsewhere_are_in_the_trail_too(
    house: House, coordinator: dict[str, str], operator: dict[str, str]
) -> None:
    forms = house.apps["registration"]
    seen = forms.get("/v1/forms/upr-webinar-10/history", headers=coordinator)
    assert seen.status_code == 200
    [(revision,)] = house.rows("registration", "SELECT revision FROM form WHERE slug = 'upr-webinar-10'")
    tag = {**coordinator, "If-Match": f'"{revision}"'}
    assert forms.patch("/v1/forms/upr-webinar-10", json={"capacity": 40}, headers=tag).status_code == 200
    [(who, action, kind, detail)] = records(house, "registration", operator, action="form-changed")
    assert (who, action, kind, detail["after"]["capacity"]) == ("Ada", "form-changed", "form", 40)


def test_pages_of_the_trail_follow_each_other_without_a_gap(house: House, operator: dict[str, str]) -> None:
    for number in range(7):
        house.rows("events", DONE_BY_MARY, f"number-{number}")
    found: list[str] = []
    cursor = ""
    for _ in range(4):
        query = {"who": "Mary", "limit": "2", "cursor": cursor}
        page = house.apps["events"].get("/v1/service-audit/events", query_string=query, headers=operator).get_json()
        found += [line["action"] for line in page["items"]]
        cursor = page["next"]
    assert (found, cursor) == ([f"number-{number}" for number in reversed(range(7))], "")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_record SET done_by = 'x'", "DELETE FROM audit_record", "TRUNCATE audit_record"]
)
def test_actions_are_only_ever_added(house: House, service: str, statement: str) -> None:
    house.rows(service, DONE_BY_MARY.replace("2020-03-04", "now"), "number-0")
    with pytest.raises(psycopg.errors.RaiseException, match="records of the audit log are only ever added"):
        house.rows(service, statement)


@pytest.mark.parametrize("service", SERVICES)
def test_audit_log_is_for_those_who_watch_and_for_keys_to_all_forms(house: House, service: str) -> None:
    allowed = {
        name: house.apps[service].get(f"/v1/service-audit/{service}", headers=as_holder(key)).status_code
        for name, key in {
            "nobody": "no-key-of-anybody",
            "viewer": house.give_key("a viewer", "viewer"),
            "reader": house.give_key("a reader", "sealed-reader"),
            "partner": house.give_key("a partner", "partner", partner="example-partner"),
            "limited": house.give_key("a limited one", "coordinator", forms=["upr-webinar-10"]),
            "coordinator": house.give_key("another", "coordinator"),
        }.items()
    }
    assert allowed == {"nobody": 401, "viewer": 403, "reader": 403, "partner": 403, "limited": 403, "coordinator": 200}


def told_to_registration(house: House) -> None:
    """Let registration take in what the other services have published of their audit logs."""
    engine = open_engine(house.installation.urls["registration"])
    work = UnitOfWork(engine, "registration")
    for service in ("events", "notifications"):
        found = house.rows(service, "SELECT body FROM outbox WHERE type LIKE %s ORDER BY id", "%-audit.recorded%")
        messages = [decode(bytes(body)) for (body,) in found]
        checked = [replace(message, data=read(message)) for message in messages]
        assert set(apply_batch(work, COPIES, checked, effects([])[COPIES])) <= {"done", "duplicate"}
    engine.dispose()


def test_one_audit_log_holds_what_each_service_holds_and_is_searched(
    house: House, coordinator: dict[str, str], operator: dict[str, str]
) -> None:
    mail, events = house.apps["notifications"], house.apps["events"]
    ida = as_holder(house.give_key("Ida <b>", "coordinator"))
    drafted = mail.post("/v1/bulletins", json={"segment": {}, "texts": TEXTS}, headers=ida)
    made = events.post("/v1/events", json={**EVENT, "id": "audited"}, headers=ida)
    taken = house.apps["registration"].get("/v1/registrations", headers={**ida, "Accept": "text/csv"}, buffered=True)
    assert (drafted.status_code, made.status_code, taken.status_code) == (201, 201, 200)
    for _ in range(2):
        told_to_registration(house)
    desk = house.apps["registration"]

    def found(**query: str) -> list[tuple[str, str]]:
        answer = desk.get("/v1/audit-log", query_string=query, headers=operator)
        assert answer.status_code == 200, answer.text
        return [(entry["service"], entry["act"]) for entry in answer.get_json()["items"]]

    everything = [("registration", "file-taken"), ("events", "event-made"), ("notifications", "bulletin-drafted")]
    assert found(who="Ida <b>") == everything
    assert found(who="Ida <b>", service="events") == everything[1:2]
    assert found(who="Ida <b>", act="bulletin-drafted") == everything[2:]
    assert found(subject="audited", q="IDA") == everything[1:2]
    assert found(who="Ida <b>", since="2099-01-01T00:00:00Z") == []
    assert found(who="Ida <b>", until="2099-01-01T00:00:00Z", limit="1") == everything[:1]
    file = desk.get("/v1/audit-log", query_string={"who": "Ida <b>"}, headers={**operator, "Accept": "text/csv"})
    assert [line.split(",")[1] for line in file.text.splitlines()[1:]] == [service for service, _ in everything]
    for service in SERVICES:
        own = {(line[0], line[1]) for line in records(house, service, operator, limit="100")}
        of_service = desk.get("/v1/audit-log", query_string={"service": service, "limit": "100"}, headers=operator)
        union = {(line["who"], line["act"]) for line in of_service.get_json()["items"]}
        assert own - union <= {("Mary", f"number-{number}") for number in range(7)}, service


def test_page_of_the_audit_log_finds_and_escapes(house: House) -> None:
    browser: Browser = house.browser()
    sign_in(browser, house.give_key("O'Neil <b>", "operator"))
    page = browser.get("/console/audit-log", query_string={"who": "O'Neil <b>", "since": "2020-01-01"})
    assert (page.status_code, "Signed in" in page.text, "<b>" in page.text) == (200, True, False)
    for query in ({"who": "x\ny"}, {"since": "yesterday"}, {"service": "another"}):
        assert browser.get("/console/audit-log", query_string=query).status_code == 422
    assert browser.get("/console/audit-log", query_string={"cursor": json.dumps([])}).status_code == 400
    file = browser.get("/console/audit-log.csv", query_string={"who": "O'Neil <b>"}, buffered=True)
    assert (file.status_code, file.mimetype) == (200, "text/csv")
