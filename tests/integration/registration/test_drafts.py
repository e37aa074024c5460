"""Coordinators create and change forms as drafts: nothing is public before publishing, and old answers stay."""

import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.integration.registration.test_kinds import filled
from tests.integration.registration.test_kinds import installation as installation
from tests.support.clients import WEBINAR, rows, submissions_path
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]
SLUG = "housing-workshop"
PATH = f"/v1/form-drafts/{SLUG}"
QUESTIONS: list[dict[str, Any]] = [
    {"name": "name", "kind": "text", "label": {"key": "name.label"}, "required": True},
    {"name": "email", "kind": "email", "label": {"key": "email.label"}, "required": True},
    {
        "name": "session",
        "kind": "one_of",
        "label": {"en": "Which session?", "fr": "Quelle séance ?"},
        "options": [{"value": "morning", "label": "Morning", "limit": 2}, {"value": "evening", "label": "Evening"}],
    },
    {
        "name": "note",
        "kind": "long_text",
        "label": "What for?",
        "shown_when": {"field": "session", "equals": "evening"},
    },
    {"name": "diet", "kind": "long_text", "label": "Diet", "sealed": True},
    {"name": "consent", "kind": "consent", "label": {"key": "consent.label"}, "required": True},
]
CONTENT: dict[str, Any] = {
    "kind": "webinar",
    "title": {"en": "Housing workshop", "fr": "Atelier"},
    "intro": {"en": "Welcome.", "fr": "Bienvenue."},
    "event": WEBINAR,
    "capacity": 30,
    "partners": ["example-partner"],
    "fields": QUESTIONS,
}


class Desk:
    """A coordinator's program."""

    def __init__(self, service: RegistrationService, headers: Headers) -> None:
        self._client, self._headers = service.client, headers

    def ask(self, method: str, path: str, content: Any = None, seen: int | None = None) -> TestResponse:
        """One request; ``seen`` is the revision."""
        headers = {**self._headers, **({"If-Match": f'"{seen}"'} if seen is not None else {})}
        return self._client.open(path, method=method, json=content, headers=headers)


@pytest.fixture
def desk(service: RegistrationService, coordinator: Headers) -> Desk:
    """On an installation with the forms of the sample."""
    return Desk(service, coordinator)


def publish(desk: Desk, content: dict[str, Any]) -> None:
    """Make a form or change it."""
    started = desk.ask("POST", PATH, {"content": content})
    assert started.status_code == 201, started.text
    published = desk.ask("POST", f"{PATH}/publish", seen=1)
    assert published.status_code == 200, published.text


def test_new_form_is_public_once_it_is_published(service: RegistrationService, desk: Desk) -> None:
    started = desk.ask("POST", PATH, {"content": CONTENT})
    assert (started.status_code, started.headers["ETag"], started.headers["Location"]) == (201, '"1"', PATH)
    effect = started.get_json()["effect"]
    assert (effect["problems"], effect["is_new"], effect["people"]) == ([], True, False)
    assert effect["added"] == [field["name"] for field in QUESTIONS]
    assert service.client.get(f"/v1/forms/{SLUG}").status_code == 404
    assert [one["slug"] for one in desk.ask("GET", "/v1/form-drafts").get_json()["items"]] == [SLUG]
    assert desk.ask("POST", f"{PATH}/publish").status_code == 428
    assert desk.ask("POST", f"{PATH}/publish", seen=1).get_json() == {"slug": SLUG, "revision": 1}
    assert desk.ask("GET", PATH).status_code == 404
    shown = service.client.get(f"/v1/forms/{SLUG}?lang=fr").get_json()
    assert (shown["title"], shown["intro"], shown["open"]) == ("Atelier", "Bienvenue.", True)
    service.enrol(filled(email="a@example.org", session="morning", diet="none"), SLUG)
    assert rows(service.url, "SELECT answers, sealed IS NOT NULL FROM registration") == [({"session": "morning"}, True)]
    assert service.messages("form.changed")[-1]["data"]["id"] == SLUG
    assert rows(service.url, "SELECT done_by, action, subject FROM audit_record") == [
        ("a coordinator", "form-published", SLUG)
    ]


def test_running_form_changes_and_its_old_answers_stay(service: RegistrationService, desk: Desk) -> None:
    publish(desk, CONTENT)
    identity = service.enrol(filled(email="a@example.org", session="evening", note="Rent"), SLUG)
    content = desk.ask("POST", PATH).get_json()["content"]
    assert {name: content[name] for name in ("kind", "event", "capacity", "partners")} == {
        name: CONTENT[name] for name in ("kind", "event", "capacity", "partners")
    }
    names = [field["name"] for field in content["fields"]]
    assert names == [field["name"] for field in QUESTIONS]
    content["fields"] = [field for field in content["fields"] if field["name"] != "note"]
    content["fields"].insert(3, {"name": "city", "kind": "text", "label": "City"})
    content["title"] = "Housing workshop II"
    changed = desk.ask("PUT", PATH, {"content": content}, seen=1)
    assert changed.headers["ETag"] == '"2"'
    effect = changed.get_json()["effect"]
    assert (effect["added"], effect["removed"], effect["changed"]) == (["city"], ["note"], [])
    assert (effect["settings"], effect["people"]) == (["title"], True)
    assert desk.ask("POST", f"{PATH}/publish", seen=2).get_json()["revision"] == 2
    page = desk.ask("GET", f"/console/registrations/{identity}").text
    assert ("Evening" in page, "Rent" in page) == (True, True)
    assert desk.ask("GET", f"/v1/registrations/{identity}").get_json()["answers"] == {
        "session": "evening",
        "note": "Rent",
    }
    line, first = desk.ask("GET", f"/v1/forms/{SLUG}/history").get_json()["items"]
    assert (line["revision"], line["after"]["title"]) == (2, "Housing workshop II")
    assert first | {"changed_at": ""} == {
        "revision": 1,
        "changed_at": "",
        "changed_by": "a coordinator",
        "before": {},
        "after": {"questions": [field["name"] for field in QUESTIONS]},
        "promoted": 0,
    }
    page = desk.ask("GET", f"/console/registrations/forms/{SLUG}").text
    assert "added city; removed note" in page
    assert f"Published for the first time, with {len(QUESTIONS)} questions." in page
    actions = desk.ask("GET", "/v1/service-audit/registration").get_json()["items"]
    assert sorted(one["action"] for one in actions if one["kind"] == "form") == [
        "form-changed",
        *["form-published"] * 2,
    ]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"event": "no-such-event"}, "/event: no event no-such-event is announced"),
        ({"partners": ["nobody"]}, "/partners/0: there is no partner nobody"),
        ({"title": {"fr": "Atelier"}}, "/title: the title in English (en) is required"),
        ({"kind": "party"}, "/kind: must be one of"),
        ({"fields": QUESTIONS[1:]}, "every form needs a required field 'name'"),
        ({"fields": [*QUESTIONS, {"name": "x", "kind": "one_of", "label": "X"}]}, "/fields/6/options: at least one"),
        ({"fields": []}, "/fields: "),
        ({"surprise": 1}, "/surprise: is not known here"),
        ({"capacity": -1}, "/capacity: must be a whole number"),
        ({"keep_days": 3}, "/keep_days: only a form that no partner shows"),
    ],
)
def test_incomplete_draft_is_kept_and_not_published(
    service: RegistrationService, desk: Desk, wrong: dict[str, Any], problem: str
) -> None:
    started = desk.ask("POST", PATH, {"content": {**CONTENT, **wrong}})
    assert started.status_code == 201
    assert any(problem in one for one in started.get_json()["effect"]["problems"]), started.text
    refused = desk.ask("POST", f"{PATH}/publish", seen=1)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "invalid")
    assert refused.get_json()["errors"][0]["pointer"].startswith("/content")
    assert rows(service.url, "SELECT count(*)::int FROM form WHERE slug = %s", SLUG) == [(0,)]


def test_problem_of_a_question_has_its_pointer_and_the_page_its_name(desk: Desk) -> None:
    fields = [*QUESTIONS, {"name": "x", "kind": "one_of", "label": "X"}, {"kind": "text", "label": "Y"}]
    desk.ask("POST", PATH, {"content": {**CONTENT, "fields": fields}})
    errors = desk.ask("POST", f"{PATH}/publish", seen=1).get_json()["errors"]
    assert [one["pointer"] for one in errors] == ["/content/fields/6/options", "/content/fields/7/name"]
    page = desk.ask("GET", f"/console/registrations/form-drafts/{SLUG}").text
    assert re.findall(r'<li class="fault">(.*?)</li>', page) == [
        "Question x: options: at least one choice is needed",
        "Question 8: name: is required",
    ]


def test_what_no_database_holds_is_refused(service: RegistrationService, coordinator: Headers) -> None:
    for text in ("a\x00b", "\ud800"):
        body = json.dumps({"content": {**CONTENT, "contact": text}})
        refused = service.client.post(PATH, data=body, content_type="application/json", headers=coordinator)
        assert (refused.status_code, refused.get_json()["code"]) == (422, "invalid")


def test_question_that_was_answered_keeps_its_kind(service: RegistrationService, desk: Desk) -> None:
    publish(desk, CONTENT)
    service.enrol(filled(email="a@example.org", session="morning"), SLUG)
    content = desk.ask("POST", PATH).get_json()["content"]
    content["fields"][2] = {"name": "session", "kind": "number", "label": "Session"}
    del content["fields"][3]["shown_when"]
    content["fields"][4] = {"name": "diet", "kind": "long_text", "label": "Diet", "sealed": False}
    problems = desk.ask("PUT", PATH, {"content": content}, seen=1).get_json()["effect"]["problems"]
    assert [one.partition(":")[0] for one in problems] == ["/fields/2/kind", "/fields/4/sealed"]
    assert desk.ask("POST", f"{PATH}/publish", seen=2).status_code == 422


def test_limit_and_retention_of_zero_that_are_typed_are_published(
    service: RegistrationService, desk: Desk, coordinator: Headers
) -> None:
    desk.ask("POST", PATH, {"content": CONTENT})
    typed = {"seen": "1", "go": "save", "name": "guests", "kind": "number", "label.en": "Guests"}
    zeros = {"min": 0, "max": 0, "retention_days": 0}
    question = f"/console/registrations/form-drafts/{SLUG}/questions/new"
    saved = service.client.post(question, data=typed | dict.fromkeys(zeros, "0"), headers=coordinator)
    assert saved.status_code == 303, saved.text
    assert desk.ask("POST", f"{PATH}/publish", seen=2).status_code == 200
    fields = desk.ask("POST", PATH).get_json()["content"]["fields"]
    assert [{name: one.get(name) for name in zeros} for one in fields if one["name"] == "guests"] == [zeros]
    refused = service.submit(filled(email="a@example.org", session="morning", guests=-3), SLUG)
    assert (refused.status_code, [one["code"] for one in refused.get_json()["errors"]]) == (422, ["too-small"])


@pytest.mark.parametrize(("before", "shown", "status"), [(False, "waiting-list", 202), (True, "full", 409)])
def test_full_form_shows_the_public_whether_it_has_a_waiting_list_once_that_is_published(
    service: RegistrationService, desk: Desk, before: bool, shown: str, status: int
) -> None:
    publish(desk, {**CONTENT, "capacity": 1, "waiting_list": before})
    service.enrol(filled(email="a@example.org", session="morning"), SLUG)
    content = desk.ask("POST", PATH).get_json()["content"]
    desk.ask("PUT", PATH, {"content": {**content, "waiting_list": not before}}, seen=1)
    assert desk.ask("POST", f"{PATH}/publish", seen=2).status_code == 200
    assert service.client.get(f"/v1/forms/{SLUG}").get_json()["seats"] == shown
    sent = service.submit(filled(email="b@example.org", session="evening", note="Rent"), SLUG)
    assert sent.status_code == status, sent.text


def test_form_that_people_have_registered_on_keeps_its_event_and_its_kind(
    service: RegistrationService, desk: Desk
) -> None:
    publish(desk, CONTENT)
    moved = {"event": "council-session-43", "kind": "attendance"}
    content = {**desk.ask("POST", PATH).get_json()["content"], **moved}
    assert desk.ask("PUT", PATH, {"content": content}, seen=1).get_json()["effect"]["problems"] == []
    service.enrol(filled(email="a@example.org", session="morning"), SLUG)
    assert desk.ask("GET", PATH).get_json()["effect"]["problems"] == [
        f"/event: people have registered for {WEBINAR}: change the date of the event, or make a new form",
        "/kind: people have registered on a form of the kind webinar: make a new form",
    ]
    refused = desk.ask("POST", f"{PATH}/publish", seen=2)
    assert (refused.status_code, [one["pointer"] for one in refused.get_json()["errors"]]) == (
        422,
        ["/content/event", "/content/kind"],
    )
    assert rows(service.url, "SELECT event_id, kind FROM form WHERE slug = %s", SLUG) == [(WEBINAR, "webinar")]


def test_two_who_work_on_one_form_do_not_overwrite_each_other(service: RegistrationService, desk: Desk) -> None:
    publish(desk, CONTENT)
    content = desk.ask("POST", PATH).get_json()["content"]
    again = desk.ask("POST", PATH)
    assert (again.status_code, again.get_json()["code"]) == (409, "already-exists")
    assert desk.ask("PUT", PATH, {"content": content}, seen=1).status_code == 200
    assert desk.ask("PUT", PATH, {"content": content}, seen=1).status_code == 412
    form = f"/v1/forms/{SLUG}"
    assert desk.ask("PATCH", form, {"capacity": 31}, seen=1).status_code == 200
    late = desk.ask("POST", f"{PATH}/publish", seen=2)
    assert (late.status_code, late.get_json()["code"]) == (412, "edit-conflict")
    assert [desk.ask("DELETE", PATH, seen=seen).status_code for seen in (None, 1, 2, 2)] == [428, 412, 204, 404]
    assert service.client.get(form).status_code == 200
    assert rows(service.url, "SELECT detail FROM audit_record WHERE action = 'form-draft-discarded'") == [
        ({"revision": 2},)
    ]


def test_draft_that_a_colleague_has_changed_is_not_discarded(
    service: RegistrationService, desk: Desk, coordinator: Headers
) -> None:
    """After the question whether to discard it was asked."""
    desk.ask("POST", PATH, {"content": CONTENT})
    page = f"/console/registrations/form-drafts/{SLUG}"

    def discard(**typed: str) -> tuple[int, bool]:
        answer = service.client.post(f"{page}/discard", data=typed, headers=coordinator)
        return answer.status_code, "was changed after you opened the page" in answer.text

    assert discard(seen="1") == (200, False)
    desk.ask("PUT", PATH, {"content": {**CONTENT, "contact": "Us"}}, seen=1)
    assert [discard(seen="1", go="do"), discard(seen="1")] == [(412, True)] * 2
    assert desk.ask("GET", PATH).get_json()["revision"] == 2
    assert (discard(seen="2", go="do")[0], desk.ask("GET", PATH).status_code) == (303, 404)


def test_draft_of_a_new_form_that_is_there_already_is_a_conflict(service: RegistrationService, desk: Desk) -> None:
    """Also where the second request names no content, although there is no form of that name to begin with."""
    assert desk.ask("POST", PATH, {"content": CONTENT}).status_code == 201
    again = desk.ask("POST", PATH)
    assert (again.status_code, again.get_json()["code"]) == (409, "already-exists")


def test_large_draft_is_taken_and_a_submission_so_large_is_not(service: RegistrationService, desk: Desk) -> None:
    large = {**CONTENT, "intro": {"en": "x" * 4000}, "contact": "y" * 100_000}
    assert desk.ask("POST", PATH, {"content": large}).status_code == 201
    sent = service.client.post(submissions_path("geneva-delegation"), json=filled(side_events="x" * 100_000))
    assert sent.status_code == 413
