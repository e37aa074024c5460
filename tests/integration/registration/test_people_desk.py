"""Coordinators' tags, notes, views of the list, columns, and spreadsheets."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from flask.testing import FlaskClient

from services.registration.people.console import PATH
from shared.runtime.ids import new_id
from tests.integration.registration.test_kinds import enrol
from tests.support.audit_checks import differences
from tests.support.clients import WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_a_minute_ago

Headers = dict[str, Any]
NOTE_ON = """
    INSERT INTO registration_note (id, registration_id, written_at, written_by, words)
    VALUES (gen_random_uuid(), %s, now(), 'a colleague', 'Hidden from others.') RETURNING id
"""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def with_people(with_all_forms: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Someone on two forms, and someone whose name is a formula: to be copied."""
    made = with_all_forms.copy(tmp_path_factory.mktemp("people"))
    with open_a_minute_ago(made) as service:
        enrol(service, WEBINAR, name="Ana Pérez", email="ana@example.org", questions="How?")
        enrol(service, "geneva-delegation", name="Ana Pérez", email="ana@example.org")
        enrol(service, WEBINAR, name="=cmd()", email="dee@example.org", questions="-1+1")
    return made


@pytest.fixture
def installation(with_people: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test."""
    return with_people.copy(tmp_path)


@pytest.fixture
def ids(installation: TestInstallation) -> dict[str, str]:
    """Of registrations, by form, and ``formula``."""
    named = "SELECT CASE name WHEN '=cmd()' THEN 'formula' ELSE form END, id::text FROM registration"
    return dict(rows(installation.urls["registration"], named))


def tags_of(service: RegistrationService, registration_id: str) -> list[str]:
    tags: list[str] = rows(service.url, "SELECT tags FROM registration WHERE id = %s", registration_id)[0][0]
    return tags


def found(client: FlaskClient, headers: Headers, query: str) -> list[str]:
    return [one["id"] for one in client.get(f"/v1/registrations?{query}", headers=headers).get_json()["items"]]


def test_tags_are_set_on_several_and_filtered_by(
    service: RegistrationService,
    client: FlaskClient,
    coordinator: Headers,
    ids: dict[str, str],
    installation: TestInstallation,
) -> None:
    """In the interface, on the list, in counts and files; for one and for all that are marked."""
    sent = {"ids": [ids[WEBINAR], ids["formula"]], "add": ["  VIP  Guest ", "speaker"]}
    assert len(client.post("/v1/registrations/tags", json=sent, headers=coordinator).get_json()["changed"]) == 2
    assert client.post("/v1/registrations/tags", json=sent, headers=coordinator).get_json() == {"changed": []}
    boxes = [f"{ids['formula']}:1"]
    shown = client.post(f"{PATH}/marked", data={"act": "untag", "marked": boxes}, headers=coordinator).text
    assert "Tags now: speaker, vip guest." in shown
    client.post(
        f"{PATH}/marked", data={"act": "untag", "marked": boxes, "tag": "VIP guest", "go": "do"}, headers=coordinator
    )
    assert found(client, coordinator, "tag=vip%20guest") == [ids[WEBINAR]]
    assert sorted(found(client, coordinator, "tag=speaker")) == sorted([ids[WEBINAR], ids["formula"]])
    assert client.get("/v1/registrations?tag=speaker&total=true", headers=coordinator).get_json()["total"] == 2
    assert client.get(f"{PATH}?tag=vip+guest", headers=coordinator).text.count("ana@example.org") == 1
    page = client.post(
        f"{PATH}/{ids[WEBINAR]}/tags",
        data={"add": "press", "remove": "speaker"},
        headers=coordinator,
        follow_redirects=True,
    )
    assert ("The tags are changed." in page.text, "press" in page.text) == (True, True)
    for refused in ("", "a,b", "x" * 41, "nul\0"):
        answer = client.post("/v1/registrations/tags", json={**sent, "add": [refused]}, headers=coordinator)
        assert answer.status_code in (400, 409, 422), refused
    actions = rows(service.url, "SELECT DISTINCT action, detail FROM audit_record WHERE action = 'registration-tagged'")
    assert actions == [("registration-tagged", {})]
    assert [one for one in differences(installation) if one.equation == "A5"] == [], "the audit knows what tags publish"


def test_tag_beyond_the_limit_is_refused_and_none_is_lost(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, ids: dict[str, str]
) -> None:
    """Of several none changes in the API, and the page says whose tags have not."""
    full, other = ids[WEBINAR], ids["formula"]
    every = [f"tag {number:02}" for number in range(20)]

    def tag(*tagged: str, **more: list[str]) -> tuple[int, str]:
        answer = client.post("/v1/registrations/tags", json={"ids": tagged, **more}, headers=coordinator)
        return answer.status_code, answer.get_json().get("detail", "")

    def stored() -> list[list[str]]:
        return [tags_of(service, full), tags_of(service, other)]

    assert (tag(full, add=every)[0], stored()) == (200, [every, []])
    alone = "a registration can have at most 20 tags; remove some first"
    assert tag(full, add=["aaa"]) == (409, alone)
    assert tag(full, other, add=["aaa"]) == (409, f"1 of 2 registrations would have more than 20 tags: {full}")
    page = client.post(f"{PATH}/{full}/tags", data={"add": "aaa"}, headers=coordinator)
    assert (page.status_code, f"This cannot be done: {alone}." in page.text) == (409, True)
    assert stored() == [every, []]
    sent = {"act": "tag", "tag": "aaa", "go": "do", "marked": [f"{full}:1", f"{other}:1"]}
    marked = client.post(f"{PATH}/marked", data=sent, headers=coordinator).text
    assert ("Done for 1 of 2." in marked, f"Not done: {alone}." in marked, stored()) == (True, True, [every, ["aaa"]])
    assert (tag(full, add=["aaa"], remove=["tag 07"])[0], len(tags_of(service, full))) == (200, 20)
    rows(service.url, "UPDATE registration SET tags = tags || '{x1,x2,x3}' WHERE id = %s", full)
    assert (tag(full, remove=["tag 08"])[0], len(tags_of(service, full))) == (200, 22)


def test_note_is_kept_once_though_the_button_is_pressed_twice(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, ids: dict[str, str]
) -> None:
    path = f"{PATH}/{ids[WEBINAR]}"
    [note_id] = re.findall(r'name="note_id" value="([^"]+)"', client.get(path, headers=coordinator).text)
    note = {"note_id": note_id, "words": "Called.\r\nCalls again."}
    kept = [client.post(f"{path}/notes", data=note, headers=coordinator) for _ in range(2)]
    assert [(answer.status_code, answer.location) for answer in kept] == [(303, f"{path}?done=noted")] * 2
    other = client.post(f"{path}/notes", data={**note, "words": "Other."}, headers=coordinator)
    assert (other.status_code, "This cannot be done: another note has this id." in other.text) == (409, True)
    assert client.post(f"{path}/notes", data={"words": "Other."}, headers=coordinator).status_code == 400
    assert rows(service.url, "SELECT words FROM registration_note") == [("Called.\nCalls again.",)]
    assert rows(service.url, "SELECT count(*) FROM audit_record WHERE action = 'note-written'") == [(1,)]
    shown = client.get(path, headers=coordinator).text
    assert shown.index("<span>This cannot be undone.</span>") < shown.index(f'name="delete" value="{note_id}"')
    deleted = client.post(f"{path}/notes", data={"delete": note_id}, headers=coordinator, follow_redirects=True)
    assert ("The note is deleted." in deleted.text, rows(service.url, "SELECT words FROM registration_note")) == (
        True,
        [],
    )


def test_note_takes_what_languages_need(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, ids: dict[str, str]
) -> None:
    """No-break spaces (French), direction marks (Arabic), joiners (emoji) and tabs; no other control characters."""
    words = "Mme\u00a0Pérez\u202f: oui\n\u200fنعم\u200e\ttab \U0001f469\u200d\U0001f4bb"
    path, notes = f"{PATH}/{ids[WEBINAR]}/notes", f"/v1/registrations/{ids[WEBINAR]}/notes"
    kept = client.post(path, data={"note_id": new_id(), "words": words}, headers=coordinator)
    assert (kept.status_code, rows(service.url, "SELECT words FROM registration_note")) == (303, [(words,)])
    assert client.post(notes, json={"words": words}, headers=coordinator).status_code == 201
    for refused in ("nul\0", "bell\x07", "escape\x1b[31m", "delete\x7f", "half \ud83d"):
        body = json.dumps({"words": refused})  # with escapes: no UTF-8 spells half a pair
        answer = client.post(notes, data=body, content_type="application/json", headers=coordinator)
        assert answer.status_code in (400, 409, 422), refused


def test_refused_words_are_shown_again_with_the_reason(
    client: FlaskClient, coordinator: Headers, ids: dict[str, str]
) -> None:
    """A note, tags of one person, a tag for those who are marked, and the name of a view."""
    path = f"{PATH}/{ids[WEBINAR]}"

    def missing(page: str, data: dict[str, Any], *texts: str) -> tuple[int, list[str]]:
        answer = client.post(page, data=data, headers=coordinator)
        return answer.status_code, [text for text in texts if text not in answer.text]

    note = {"note_id": new_id(), "words": "Ring\x07 <back>"}
    why = "This cannot be done: a note contains no control characters but tabs and line breaks."
    assert missing(f"{path}/notes", note, why, "Ring\x07 &lt;back&gt;</textarea>", 'id="tags"') == (409, [])
    long = {"note_id": new_id(), "words": "x" * 2001}
    assert missing(f"{path}/notes", long, "a note has 1 to 2000 characters.", "x" * 2001) == (409, [])
    client.post(f"{path}/tags", data={"add": "press"}, headers=coordinator)
    why = "a tag has 1 to 40 letters, digits, spaces or . &amp; / + - &#39; _"
    kept = 'name="remove" value="press" checked'
    tags = {"add": "it;s, vip", "remove": "press"}
    assert missing(f"{path}/tags", tags, f"This cannot be done: {why}.", 'value="it;s, vip"', kept) == (409, [])
    marked = [f"{ids[WEBINAR]}:1", f"{ids['formula']}:1"]
    sent = {"act": "tag", "tag": "it;s", "go": "do", "marked": marked}
    boxes = [f'name="marked" value="{one}"' for one in marked]
    assert missing(f"{PATH}/marked", sent, f"Nothing was changed: {why}.", 'value="it;s"', *boxes) == (409, [])
    view = {"form": WEBINAR, "status": "confirmed", "view-name": "Seats", "view-shared": "yes"}
    assert client.post(f"{PATH}/views", data=view, headers=coordinator).status_code == 303
    why = "The view was not saved: you have a view of that name."
    form = ('value="Seats"', 'name="view-shared" value="yes" checked', '<input type="hidden" name="status"')
    assert missing(f"{PATH}/views", view, why, "ana@example.org", *form) == (409, [])


def test_page_of_a_person_shows_everything_of_the_address(
    service: RegistrationService,
    client: FlaskClient,
    coordinator: Headers,
    ids: dict[str, str],
    installation: TestInstallation,
) -> None:
    """Other registrations, mails and notes on forms of the key; notes are exported and erased with the person."""
    mail = "INSERT INTO mail_log VALUES (gen_random_uuid(), 'bounced', %s, 'confirmation', now())"
    rows(service.url, mail, ids["geneva-delegation"])
    path = f"{PATH}/{ids[WEBINAR]}"
    note = {"note_id": new_id(), "words": "Prefers the <b>phone</b>."}
    written = client.post(f"{path}/notes", data=note, headers=coordinator, follow_redirects=True)
    assert "Prefers the &lt;b&gt;phone&lt;/b&gt;." in written.text
    other = client.get(f"{PATH}/{ids['geneva-delegation']}", headers=coordinator).text
    assert ("Prefers the" in other, "Bounced" in other, path in other) == (True, True, True)
    detail = client.get(f"/v1/registrations/{ids[WEBINAR]}", headers=coordinator).get_json()
    assert [one["form"] for one in detail["others"]] == ["geneva-delegation"]
    assert [(one["kind"], one["outcome"]) for one in detail["mails"]] == [("confirmation", "bounced")]
    content = {"email": "ana@example.org", "reason": "request of 12 March, case 17"}
    exported = client.post("/v1/person-export/registration", json=content, headers=coordinator).get_json()
    assert [note["words"] for note in exported["tables"]["registration_note"]] == ["Prefers the <b>phone</b>."]
    file = installation.secrets.folder / "access.json"
    file.write_text(file.read_text().replace('"roles"', f'"forms": ["{WEBINAR}"], "roles"'))
    limited = client.get(f"/v1/registrations/{ids[WEBINAR]}", headers=coordinator).get_json()
    assert (limited["others"], limited["mails"]) == ([], [])
    elsewhere = ids["geneva-delegation"]
    hidden = rows(service.url, NOTE_ON, elsewhere)[0][0]
    notes = f"/v1/registrations/{ids[WEBINAR]}/notes"
    assert [note["words"] for note in client.get(notes, headers=coordinator).get_json()["items"]] == [
        "Prefers the <b>phone</b>."
    ]
    assert client.delete(f"{notes}/{hidden}", headers=coordinator).status_code == 404
    for tagged in ([elsewhere], [ids[WEBINAR], elsewhere]):
        sent = {"ids": tagged, "add": ["watched"]}
        assert client.post("/v1/registrations/tags", json=sent, headers=coordinator).status_code == 404
    assert rows(service.url, "SELECT count(*) FROM registration WHERE tags @> '{watched}'") == [(0,)]
    rows(service.url, "DELETE FROM registration_note WHERE id = %s", hidden)
    client.post(f"/v1/registrations/{ids[WEBINAR]}/erasure", json={"reason": "asked"}, headers=coordinator)
    assert rows(service.url, "SELECT count(*) FROM registration_note") == [(0,)]


def test_view_keeps_filters_and_columns_and_no_word_searched_for(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, ids: dict[str, str]
) -> None:
    query = {"form": WEBINAR, "q": "ana", "answer.questions": "How", "columns": "status,answer.questions"}
    sent = {**query, "view-name": "  Questions  first ", "view-shared": "yes"}
    page = client.post(f"{PATH}/views", data=sent, headers=coordinator, follow_redirects=True).text
    assert ("Questions first" in page, "How?" in page, "-1+1" in page, ">Organisation</th>" in page) == (
        *(True, True, True),
        False,
    )
    assert page.index("The other coordinators lose this view as well.") < page.index('name="delete"')
    [view] = client.get("/v1/registrations/views", headers=coordinator).get_json()["items"]
    assert (view["query"], view["shared"]) == ({"form": WEBINAR, "columns": "status,answer.questions"}, True)
    again = {"name": "Questions first", "query": {"status": "confirmed"}}
    assert client.post("/v1/registrations/views", json=again, headers=coordinator).status_code == 409
    rows(service.url, "UPDATE list_view SET owner = 'a colleague'")
    assert client.delete(f"/v1/registrations/views/{view['id']}", headers=coordinator).status_code == 404
    assert "shared by" in client.get(PATH, headers=coordinator).text
    file = service.installation.secrets.folder / "access.json"
    every = file.read_text()
    for form, seen in (("geneva-delegation", False), (WEBINAR, True)):
        file.write_text(every.replace('"roles"', f'"forms": ["{form}"], "roles"'))
        listed = client.get("/v1/registrations/views", headers=coordinator).get_json()["items"]
        assert (bool(listed), "shared by" in client.get(PATH, headers=coordinator).text) == (seen, seen)
    file.write_text(every)
    rows(service.url, "UPDATE list_view SET shared = false")
    assert client.get("/v1/registrations/views", headers=coordinator).get_json()["items"] == []


def test_spreadsheet_has_titles_and_no_formula(client: FlaskClient, coordinator: Headers, ids: dict[str, str]) -> None:
    """By the page and the API; what people typed stays text."""
    accept = {**coordinator, "Accept": XLSX}
    by_page = client.get(f"{PATH}.xlsx?form={WEBINAR}&sort=accepted_at", headers=coordinator)
    by_api = client.get(f"/v1/registrations?form={WEBINAR}", headers=accept)
    sheets = [
        python_calamine.load_workbook(io.BytesIO(one.data)).get_sheet_by_index(0).to_python()
        for one in (by_page, by_api)
    ]
    assert sheets[0] == sheets[1]
    header, *people = sheets[0]
    assert (header[:4], header[-1]) == (["Reference", "Form", "Event", "Status"], "Questions for the speakers")
    assert [(row[5], row[-1]) for row in people] == [("Ana Pérez", "How?"), ("=cmd()", "-1+1")]
    assert b"<f>" not in by_page.data
    marked = client.post(f"{PATH}/marked", data={"act": "export", "marked": f"{ids['formula']}:1"}, headers=coordinator)
    [[_, person]] = [python_calamine.load_workbook(io.BytesIO(marked.data)).get_sheet_by_index(0).to_python()]
    assert person[5] == "=cmd()"


def test_answers_to_a_question_with_the_name_of_a_column_are_in_files(
    service: RegistrationService, client: FlaskClient, coordinator: Headers
) -> None:
    """Beside what the registration has under that name: by the page and the API, all columns and chosen ones."""
    draft = f"/v1/form-drafts/{WEBINAR}"
    content = client.post(draft, headers=coordinator).get_json()["content"]
    content["fields"][-1:-1] = [
        {"name": "position", "kind": "text", "label": "Job title"},
        {"name": "status", "kind": "text", "label": "Marital status"},
    ]
    client.put(draft, json={"content": content}, headers={**coordinator, "If-Match": '"1"'})
    published = client.post(f"{draft}/publish", headers={**coordinator, "If-Match": '"2"'})
    assert published.status_code == 200, published.text
    enrol(service, WEBINAR, position="Lawyer", status="Single")

    def read(path: str, **headers: str) -> list[list[str]]:
        with client.get(path, headers={**coordinator, **headers}) as answer:
            return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))

    people = f"form={WEBINAR}&q=participant"
    api = f"/v1/registrations?{people}"
    for header, person in (read(f"{PATH}.csv?{people}"), read(api, Accept="text/csv")):
        named = dict(zip(header, person, strict=True))
        names = ("status", "answer.status", "position", "answer.position")
        assert [named[name] for name in names] == ["confirmed", "Single", "", "Lawyer"]
    chosen = read(f"{PATH}.csv?{people}&columns=answer.position")
    assert [row[1:] for row in chosen] == [
        ["name", "email", "answer.position"],
        ["A Participant", "participant@example.org", "Lawyer"],
    ]
    assert [row[1:] for row in read(f"{api}&fields=position,answer.status", Accept="text/csv")] == [
        ["position", "answer.status"],
        ["", "Single"],
    ]
    sheet = client.get(f"{PATH}.xlsx?{people}", headers=coordinator)
    titles, cells = python_calamine.load_workbook(io.BytesIO(sheet.data)).get_sheet_by_index(0).to_python()
    titled = dict(zip(titles, cells, strict=True))
    assert [titled[title] for title in ("Status", "Marital status", "Job title")] == ["confirmed", "Single", "Lawyer"]
