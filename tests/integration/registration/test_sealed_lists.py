"""Lists of sealed answers: one purpose, one reason, one log entry; they expire; all people need two readers."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from services.registration.forms.standard_forms import standard_form
from services.registration.sealed_lists.purposes import PURPOSES, served_by
from services.registration.sealed_lists.second_person import ONE_DAY
from services.registration.sealing.service import APPROVED_WITHIN
from services.registration.sealing.store import find_public_key
from shared.i18n.when import compact_instant
from shared.runtime.ids import new_token, token_hash
from tests.integration.registration.test_kinds import enrol
from tests.integration.registration.test_sealed import SEALED, everything_in
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_registration

FORM = "geneva-delegation"
LISTS, APPROVALS = "/v1/sealed-lists", "/v1/sealed-approvals"
PAGES = "/console/registrations/sealed-lists"
REASON = "The hotel needs the names by Friday"
FORMULA = '=HYPERLINK("https://example.org")'
OPENED = {
    "arrivals": {"arrives_on", "leaves_on"},
    "rooming": {"hotel", "hotel_nights", "arrives_on", "leaves_on"},
    "visa-letters": {
        "visa_letter",
        "nationality",
        "passport_number",
        "passport_expires_on",
        "arrives_on",
        "leaves_on",
    },
    "catering": {"diet"},
    "access": {"access_needs"},
}
"""By purpose: what it opens on the form of the delegation, and nothing else."""

NEW_ACCESS = """
    WITH new AS (
        INSERT INTO access_holder (id, name, roles, key_hashes, revoked, revision, changed_at)
        VALUES (gen_random_uuid(), %s, '{coordinator}', '{}', false, 1, now()) RETURNING id
    )
    INSERT INTO invitation (id, token_hash, holder_id, purpose, invited_by, created_at, expires_at, used_at)
    SELECT id, sha256(id::text::bytea), id, 'invited', 'reader', now(), now(), now() FROM new RETURNING holder_id
"""
UNREAD = "The organiser has not opened these answers."
Headers = dict[str, Any]


@pytest.fixture
def keys(service: RegistrationService, coordinator: Headers) -> dict[str, Headers]:
    """Headers of people by name: two readers, a coordinator who reads nothing, a reader of another form."""
    holders = {
        "reader": {"roles": ["sealed-reader", "coordinator"]},
        "second": {"roles": ["sealed-reader"]},
        "desk": {"roles": ["coordinator"]},
        "elsewhere": {"roles": ["sealed-reader", "coordinator"], "forms": ["review-press-conference"]},
        "viewer": {"roles": ["viewer", "operator"]},
    }
    tokens = {name: new_token() for name in holders}
    file = service.installation.secrets.folder / "access.json"
    entries = [
        {"name": name, "key_sha256": token_hash(tokens[name]).hex(), **holder} for name, holder in holders.items()
    ]
    file.write_text(json.dumps([*json.loads(file.read_text()), *entries]))
    return {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}


@pytest.fixture(scope="module")
def with_travellers(with_all_forms: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Two people with a room, one of whom wants a visa letter; one without a room; one without these answers."""
    installation = with_all_forms.copy(tmp_path_factory.mktemp("travellers"))
    first = {"hotel": "block", "hotel_nights": 2, "arrives_on": "2031-07-09", "leaves_on": "2031-07-11"}
    later = {"hotel": "block", "hotel_nights": 3, "arrives_on": "2031-07-10", "leaves_on": "2031-07-13"}
    alone = {"hotel": "own", "arrives_on": "2031-07-10", "leaves_on": "2031-07-10"}
    with open_registration(installation) as service:
        enrol(service, FORM, name=FORMULA, email="first@example.org", diet="Vegan.", **first)
        enrol(service, FORM, **{**SEALED, **later, "diet": "vegan"}, name="Later", email="later@example.org")
        enrol(service, FORM, name="Alone", email="alone@example.org", access_needs="Captions, please", **alone)
        enrol(service, FORM, name="Silent", email="silent@example.org")
    return installation


@pytest.fixture
def installation(with_travellers: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test."""
    return with_travellers.copy(tmp_path)


@pytest.fixture
def travellers(service: RegistrationService) -> dict[str, str]:
    """Ids by the local part of the address."""
    return dict(rows(service.url, "SELECT split_part(email, '@', 1), id::text FROM registration"))


def opened(client: FlaskClient, headers: Headers, purpose: str, status: int = 201, **more: Any) -> Any:
    """The answer to opening a list."""
    asked = {"purpose": purpose, "form": FORM, "reason": REASON, **more}
    answer = client.post(LISTS, json=asked, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def table(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The rows of one table of numbers."""
    [found] = [one["rows"] for one in content["counts"] if one["name"] == name]
    return list(found)


def names(content: Mapping[str, Any]) -> list[str]:
    """Of the people on a list, in its order."""
    return [item["name"] for item in content["items"]]


@pytest.fixture
def log_text(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the service logs."""
    caplog.set_level("DEBUG")
    return caplog


def test_list_is_logged_once_and_open_to_its_reader_alone_until_it_expires(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers]
) -> None:
    """However often it is read. The log can be searched by each of those on it, and their own page shows them."""
    client = service.client
    own = f"/r/{service.managing_token('later@example.org')}/my-data"
    assert UNREAD in client.get(own).text
    content = opened(client, keys["reader"], "arrivals")
    assert names(content) == [FORMULA, "Alone", "Later"]
    path = f"{LISTS}/{content['id']}"
    for _ in range(3):
        read = client.get(path, headers=keys["reader"])
        assert (read.status_code, read.headers["Cache-Control"], read.get_json()) == (200, "no-store", content)
    assert [client.get(path, headers=keys[who]).status_code for who in ("second", "desk", "elsewhere")] == [
        404,
        403,
        404,
    ]
    [line] = client.get("/v1/sealed-readings", headers=keys["viewer"]).get_json()["items"]
    record = {
        name: line[name] for name in ("reader", "purpose", "form", "people", "fields", "reason", "registration_id")
    }
    assert record == {
        "reader": "reader",
        "purpose": "arrivals",
        "form": FORM,
        "people": 3,
        "fields": ["arrives_on", "leaves_on"],
        "reason": REASON,
        "registration_id": None,
    }
    for search, found in (
        (f"registration={travellers['later']}", 1),
        (f"registration={travellers['later'][:-4]}0000", 0),
        ("purpose=arrivals", 1),
        ("purpose=one-person", 0),
        ("reader=second", 0),
        ("form=upr-webinar-10", 0),
    ):
        items = client.get(f"/v1/sealed-readings?{search}", headers=keys["viewer"]).get_json()["items"]
        assert (search, len(items)) == (search, found)
    assert UNREAD not in client.get(own).text
    rows(
        service.url, "UPDATE registration SET email = 'later@xn--bcher-kva.example' WHERE id = %s", travellers["later"]
    )
    for email, found in (("later@BÜCHER.example", True), ("later@example.org", False)):
        page = client.get(f"/console/registrations/sealed-readings?person={email}", headers=keys["viewer"])
        assert (page.status_code, REASON in page.text) == (200, found)
    service.clock.advance(timedelta(hours=24))
    expired = client.get(path, headers=keys["reader"])
    assert (expired.status_code, expired.get_json()["code"]) == (410, "list-expired")


def test_purpose_opens_what_it_needs_and_nothing_else(service: RegistrationService, keys: dict[str, Headers]) -> None:
    client = service.client
    assert {one.name for one in served_by(standard_form("delegation", "x", "X"))} == set(PURPOSES)
    assert set(PURPOSES) == {*OPENED, "custom", "everything"}
    for purpose, fields in OPENED.items():
        service.clock.advance(ONE_DAY)
        content = opened(client, keys["reader"], purpose, names=True)
        given = {name for item in content["items"] for name in item["answers"]}
        assert (set(content["fields"]), given <= fields, bool(given)) == (fields, True, True), purpose
    opened(client, keys["reader"], "custom", 202, fields=["emergency_contact"])  # with those above it is all of them
    chosen = opened(client, keys["second"], "custom", fields=["emergency_contact"])
    assert [item["answers"] for item in chosen["items"]] == [{"emergency_contact": SEALED["emergency_contact"]}]


def test_questions_are_answered_in_one_call(service: RegistrationService, keys: dict[str, Headers]) -> None:
    """Who arrives after a day; how many rooms are taken in each night; how many need captions; what people eat."""
    client = service.client
    later = opened(client, keys["reader"], "arrivals", where={"arrives_on.from": "2031-07-10"})
    assert (names(later), later["matching"], later["people"]) == (["Alone", "Later"], 2, 3)
    assert table(opened(client, keys["reader"], "arrivals"), "days")[:2] == [
        {"day": "2031-07-09", "arriving": 1, "leaving": 0, "present": 1},
        {"day": "2031-07-10", "arriving": 2, "leaving": 1, "present": 3},
    ]
    nights = table(opened(client, keys["reader"], "rooming"), "nights")
    assert [tuple(row.values()) for row in nights] == [
        ("2031-07-09", 1),
        ("2031-07-10", 2),
        ("2031-07-11", 1),
        ("2031-07-12", 1),
    ]
    service.clock.advance(ONE_DAY)
    captions = opened(client, keys["reader"], "access", names=False, where={"access_needs.contains": "CAPTION"})
    assert (captions["matching"], captions["items"]) == (1, [])
    catering = opened(client, keys["reader"], "catering")
    assert (catering["items"], table(catering, "diet")) == ([], [{"answer": "Vegan.", "people": 2}])
    service.clock.advance(ONE_DAY)
    assert names(opened(client, keys["reader"], "visa-letters")) == ["Later"]
    opened(client, keys["reader"], "arrivals", 422, where={"passport_number": "P1"})
    opened(client, keys["reader"], "arrivals", 422, where={"arrives_on.from": "tomorrow"})


def test_list_is_about_people_with_a_seat_as_the_filters_choose_them(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers]
) -> None:
    """Cancelled people leave an open list; people who register later are not on it: the log does not name them."""
    client = service.client
    content = opened(client, keys["reader"], "arrivals")
    rows(
        service.url,
        "UPDATE registration SET status = 'cancelled', cancelled_at = now() WHERE id = %s",
        travellers["later"],
    )
    enrol(service, FORM, name="New", email="new@example.org", arrives_on="2031-07-09", leaves_on="2031-07-10")
    path = f"{LISTS}/{content['id']}"
    assert names(client.get(path, headers=keys["reader"]).get_json()) == [FORMULA, "Alone"]
    assert names(opened(client, keys["reader"], "arrivals")) == ["New", FORMULA, "Alone"]
    assert len(names(opened(client, keys["reader"], "arrivals", filters={"status": "any"}))) == 4
    assert names(opened(client, keys["reader"], "arrivals", filters={"q": "Alone"})) == ["Alone"]
    assert rows(service.url, "SELECT filters FROM sealed_reading ORDER BY id DESC LIMIT 1") == [
        ({"status": "confirmed", "search": "yes", "names": "yes"},)
    ]
    for wrong in ({"surprise": "x"}, {"status": "nobody"}, {"sort": "name"}, {"answer.diet": "vegan"}):
        opened(client, keys["reader"], "arrivals", 422, filters=wrong)


def test_copy_carries_a_watermark_and_no_formula(service: RegistrationService, keys: dict[str, Headers]) -> None:
    """Who took it, for what, when, until when; in its first lines, in its name, and in the page itself for printing."""
    client, now = service.client, service.clock()
    content = opened(client, keys["reader"], "arrivals")
    marks = ("Arrivals and departures", f"Taken by reader on {compact_instant(now)}", "Delete by ")
    for kind in ("csv", "xlsx"):
        answer = client.get(f"{PAGES}/{content['id']}/{kind}", headers=keys["reader"])
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert f"sealed-arrivals-{FORM}-reader-{now:%Y%m%dT%H%MZ}.{kind}" in answer.headers["Content-Disposition"]
        lines = answer.text.splitlines() if kind == "csv" else sheet(answer.data, "List")
        assert [mark in line for mark, line in zip(marks, lines, strict=False)] == [True] * 3
        [person] = [line for line in lines if "HYPERLINK" in line]
        assert "'=HYPERLINK" in person
    page = client.get(f"{PAGES}/{content['id']}", headers=keys["reader"]).text
    assert [mark in page for mark in marks] == [True] * 3
    actions = client.get("/v1/service-audit/registration?action=file-taken", headers=keys["viewer"]).get_json()["items"]
    assert [(one["who"], one["subject"], one["detail"]["kind"]) for one in actions] == [
        ("reader", content["id"], "xlsx"),
        ("reader", content["id"], "csv"),
    ]


def sheet(file: bytes, name: str) -> list[str]:
    """The rows of a sheet of a workbook, each as one line."""
    found = CalamineWorkbook.from_filelike(BytesIO(file)).get_sheet_by_name(name).to_python()
    return [" ".join(map(str, row)) for row in found]


def test_whole_list_needs_a_second_person(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers]
) -> None:
    """Also where someone chooses every question one by one. The requester can only withdraw; the database agrees."""
    client = service.client
    asked = opened(client, keys["reader"], "everything", 202)
    every = [field.name for field in standard_form("delegation", "x", "X").fields if field.sealed]
    assert opened(client, keys["reader"], "custom", 202, fields=every)["state"] == "waiting"
    assert rows(service.url, "SELECT count(*) FROM sealed_reading") == [(0,)]
    path, decide = f"{LISTS}/{asked['id']}", f"{APPROVALS}/{asked['id']}"
    for who, decision, status in (
        ("reader", "approved", 409),
        ("reader", "declined", 409),
        ("second", "withdrawn", 403),
        ("elsewhere", "approved", 404),
        ("viewer", "approved", 403),
    ):
        answer = client.post(decide, json={"decision": decision}, headers=keys[who])
        assert (who, answer.status_code) == (who, status)
    assert client.get(path, headers=keys["reader"]).status_code == 404
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(service.url, "UPDATE sealed_approval SET decision = 'approved', decided_by = asked_by, decided_at = now()")
    for name in ("desk", "reader"):
        [(holder,)] = rows(service.url, NEW_ACCESS, name)
        answer = client.post(decide, json={"decision": "approved"}, headers=keys["desk"])
        assert (answer.status_code, answer.get_json()["code"]) == (409, "new-access"), f"{name} may be made up"
        rows(service.url, "UPDATE access_holder SET revoked = true WHERE id = %s", holder)
        answer = client.post(decide, json={"decision": "approved"}, headers=keys["desk"])
        assert answer.status_code == 409, f"{name} may be made up although the access has ended"
        rows(service.url, "UPDATE invitation SET used_at = used_at - interval '73 hours' WHERE holder_id = %s", holder)
    assert client.post(decide, json={"decision": "approved"}, headers=keys["desk"]).status_code == 200
    whole = client.get(path, headers=keys["reader"]).get_json()
    assert (set(whole["fields"]), whole["approved_by"], len(whole["items"])) == (set(every), "desk", 3)
    assert client.get(path, headers=keys["second"]).status_code == 404
    [(holder,)] = rows(service.url, NEW_ACCESS, "reader")
    answer = client.get(path, headers=keys["reader"])
    assert (answer.status_code, answer.get_json()["code"]) == (409, "new-access"), "approved for another reader"
    rows(service.url, "UPDATE invitation SET used_at = used_at - interval '73 hours' WHERE holder_id = %s", holder)
    [line] = client.get("/v1/sealed-readings", headers=keys["viewer"]).get_json()["items"]
    assert [line[name] for name in ("reader", "approved_by", "purpose")] == ["reader", "desk", "everything"]
    assert client.post(decide, json={"decision": "declined"}, headers=keys["second"]).status_code == 409
    parts = []
    for some in (every[:5], every[5:-1]):
        parts.append(opened(client, keys["second"], "custom", fields=some)["state"])
        service.clock.advance(ONE_DAY)
    last = opened(client, keys["second"], "custom", 202, fields=every[-1:])
    assert (parts, last["state"]) == (["open", "open"], "waiting"), "the whole list in parts is the whole list"
    drafts = f"/v1/form-drafts/{FORM}"
    draft = client.post(drafts, headers=keys["desk"]).get_json()["content"]
    draft["fields"].insert(3, {"name": "decoy", "kind": "text", "label": "A question of the reader", "sealed": True})
    assert client.put(drafts, json={"content": draft}, headers={**keys["desk"], "If-Match": '"1"'}).status_code == 200
    published = client.post(f"{drafts}/publish", headers={**keys["desk"], "If-Match": '"2"'})
    assert published.status_code == 200, published.text
    assert opened(client, keys["reader"], "custom", 202, fields=every)["state"] == "waiting"
    late = opened(client, keys["reader"], "everything", 202)
    service.clock.advance(APPROVED_WITHIN)
    answer = client.post(f"{APPROVALS}/{late['id']}", json={"decision": "approved"}, headers=keys["desk"])
    assert (answer.status_code, answer.get_json()["code"]) == (409, "request-expired")


def test_lists_of_a_day_count_as_one_whatever_their_purpose(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers]
) -> None:
    """Up to half of the eleven questions, or what one purpose needs. An approval opens only what was asked for."""
    client, one_person = service.client, {"filters": {"q": "Later"}}
    for purpose in ("rooming", "arrivals", "catering"):
        assert opened(client, keys["reader"], purpose)["state"] == "open"
    asked = opened(client, keys["reader"], "access", 202, **one_person)
    assert (asked["state"], opened(client, keys["second"], "access")["state"]) == ("waiting", "open")
    assert opened(client, keys["second"], "visa-letters", 202)["state"] == "waiting", "six of its own, and one before"
    page = f"/console/registrations/sealed-approvals/{asked['id']}"
    assert "Access needs: " in client.get(page, headers=keys["desk"]).text
    decide = f"{APPROVALS}/{asked['id']}"
    answer = client.post(decide, json={"decision": "approved"}, headers=keys["desk"])
    assert (answer.status_code, answer.get_json()["purpose"], answer.get_json()["fields"]) == (
        *(200, "access"),
        ["access_needs"],
    )
    content = client.get(f"{LISTS}/{asked['id']}", headers=keys["reader"]).get_json()
    assert (content["purpose"], content["fields"], content["approved_by"]) == ("access", ["access_needs"], "desk")
    service.clock.advance(ONE_DAY)
    assert opened(client, keys["reader"], "visa-letters")["state"] == "open"
    every = [field.name for field in standard_form("delegation", "x", "X").fields if field.sealed]
    service.clock.advance(ONE_DAY)
    assert opened(client, keys["second"], "custom", 202, fields=every[1:7])["state"] == "waiting"
    assert opened(client, keys["second"], "custom", fields=every[:5])["state"] == "open"


def test_people_of_a_day_count_together_whatever_is_opened_of_them(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lists, one by one, and on other forms; each person once, and not those whom a second person approved."""
    monkeypatch.setattr("services.registration.sealed_lists.second_person.MAX_PEOPLE_ALONE", 2)
    client, later, third = service.client, {"q": "Later"}, {"q": "Alone"}
    asked = opened(client, keys["reader"], "arrivals", 202)
    assert (
        client.post(f"{APPROVALS}/{asked['id']}", json={"decision": "approved"}, headers=keys["desk"]).status_code
        == 200
    )
    for purpose in ("arrivals", "rooming"):
        assert opened(client, keys["reader"], purpose, filters=later)["state"] == "open"
    path = f"/v1/registrations/{travellers['first']}/sealed"
    assert client.post(path, json={"reason": REASON}, headers=keys["reader"]).status_code == 200
    rows(service.url, "UPDATE registration SET form = 'review-press-conference' WHERE id = %s", travellers["first"])
    assert opened(client, keys["reader"], "arrivals", 202, filters=third)["state"] == "waiting"
    assert opened(client, keys["reader"], "arrivals", filters=later)["state"] == "open"
    service.clock.advance(ONE_DAY)
    assert opened(client, keys["reader"], "arrivals", filters=third)["state"] == "open"


def test_reading_one_by_one_is_no_way_around_a_list(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.registration.sealing.service.MAX_ONE_BY_ONE", 2)

    def read(who: str, name: str) -> int:
        path = f"/v1/registrations/{travellers[name]}/sealed"
        return service.client.post(path, json={"reason": REASON}, headers=keys[who]).status_code

    first, repeated, third = ("first", "later"), ("first",), ("alone",)
    assert [read("reader", name) for name in (*first, *repeated, *third)] == [200, 200, 200, 429]
    assert (read("second", "alone"), rows(service.url, "SELECT count(*) FROM sealed_reading")) == (200, [(4,)])
    service.clock.advance(timedelta(hours=25))
    assert read("reader", "alone") == 200


def test_destroying_a_key_needs_a_second_person(
    service: RegistrationService, travellers: dict[str, str], keys: dict[str, Headers]
) -> None:
    """In the console as by a program; an open form blocks it, and the approval holds until it is closed."""
    client, page = service.client, f"/console/registrations/forms/{FORM}/destroy-key"
    content = opened(client, keys["reader"], "arrivals")
    assert "3 people can never be read again" in client.get(page, headers=keys["desk"]).text
    asked = client.post(page, data={"reason": REASON}, headers=keys["desk"])
    decide = re.sub(r"\?.*", "", asked.headers["Location"])
    assert client.post(decide, data={"decision": "approved"}, headers=keys["desk"]).status_code == 409
    refused = client.post(decide, data={"decision": "approved"}, headers=keys["second"])
    assert (refused.status_code, "close the form first" in refused.text) == (409, True)
    with service.work_of_web.transaction() as connection:
        assert find_public_key(connection, FORM) is not None
    rows(service.url, "UPDATE form SET open = false WHERE slug = %s", FORM)
    assert client.post(decide, data={"decision": "approved"}, headers=keys["second"]).status_code == 303
    gone = client.get(f"{LISTS}/{content['id']}", headers=keys["reader"])
    assert (gone.status_code, gone.get_json()["code"]) == (410, "sealed-gone")
    again = client.post(page, data={"reason": REASON}, headers=keys["desk"])
    assert again.status_code == 422
    [(who, detail)] = rows(service.url, "SELECT done_by, detail FROM audit_record WHERE action = 'form-key-destroyed'")
    assert (who, detail["asked_by"], detail["approved_by"]) == ("second", "desk", "second")


def test_nothing_that_was_opened_is_kept_anywhere(
    service: RegistrationService,
    travellers: dict[str, str],
    keys: dict[str, Headers],
    log_text: pytest.LogCaptureFixture,
) -> None:
    """After every way to read: neither in the database, nor in the log, nor in an address. What is clear is found."""
    client = service.client
    for purpose in OPENED:
        service.clock.advance(ONE_DAY)
        content = opened(client, keys["reader"], purpose, names=True)
        for part in ("", "/csv", "/xlsx"):
            answer = client.get(f"{PAGES}/{content['id']}{part}", headers=keys["reader"])
            assert (answer.status_code, len(answer.data) > 200) == (200, True)
    service.clock.advance(ONE_DAY)
    opened(client, keys["reader"], "visa-letters", where={"passport_number.contains": str(SEALED["passport_number"])})
    asked = opened(client, keys["reader"], "everything", 202)
    client.post(f"{APPROVALS}/{asked['id']}", json={"decision": "approved"}, headers=keys["second"])
    assert str(SEALED["passport_number"]) in client.get(f"{LISTS}/{asked['id']}", headers=keys["reader"]).text
    whole, logged = everything_in(service.url), log_text.text
    assert ("later@example.org" in whole, REASON in whole) == (True, True)
    for secret in (str(SEALED["passport_number"]), str(SEALED["emergency_contact"]), "2031-07-13", "2039-11-21"):
        assert [secret in text for text in (whole, logged)] == [False, False]
        assert secret.encode().hex() not in whole


def test_key_of_another_form_and_other_roles_open_nothing(
    client: FlaskClient, travellers: dict[str, str], keys: dict[str, Headers], service: RegistrationService
) -> None:
    asked = {"purpose": "arrivals", "form": FORM, "reason": REASON}
    for who in ("elsewhere", "desk", "viewer"):
        assert client.post(LISTS, json=asked, headers=keys[who]).status_code == 403
        assert client.post(PAGES, data=asked, headers=keys[who]).status_code == 403
        assert client.get(f"{PAGES}/new?form={FORM}", headers=keys[who]).status_code == 403
    for reason in ("", "because", "         ."):
        assert client.post(LISTS, json={**asked, "reason": reason}, headers=keys["reader"]).status_code == 422
        assert client.post(PAGES, data={**asked, "reason": reason}, headers=keys["reader"]).status_code == 422
    assert rows(service.url, "SELECT count(*) FROM sealed_reading") == [(0,)]
    done = client.post(PAGES, data=asked, headers=keys["reader"])
    assert "Later" in client.get(done.headers["Location"], headers=keys["reader"]).text
