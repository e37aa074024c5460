"""NUL characters, which the database cannot store, in any input: an error at the field or a refusal, never a crash."""

import json
import re
from html.parser import HTMLParser

from flask import Flask
from flask.testing import FlaskClient

from tests.architecture.sources import python_files, text_of
from tests.integration.events.builders import WEBINAR
from tests.integration.events.side_events import Desk

NUL, HALF = "a\0b", "a\ud800b"
READ = re.compile(r"args\.get\(\s*\"(\w+)\"")
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
RESOURCE = {"id": "brief", "kind": "brief", "title": "Brief", "url": "https://example.org/brief", "event": WEBINAR}


class _Forms(HTMLParser):
    """The forms of a page that change something: (address, values by field)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._inside = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = values.get("method", "").lower() == "post"
            if self._inside:
                self.found.append((values.get("action", ""), {}))
        if not self._inside or not self.found:
            return
        fields = self.found[-1][1]
        if tag in ("input", "textarea", "button") and values.get("name"):
            fields.setdefault(values["name"], values.get("value", ""))
        if tag == "select" and values.get("name"):
            self._select = values["name"]
        if tag == "option" and self._select and ("selected" in values or values.get("value")):
            if "selected" in values:
                fields[self._select] = values.get("value", "")
            else:
                fields.setdefault(self._select, values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == "select":
            self._select = ""


def forms_on(client: FlaskClient, path: str, headers: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """The forms of a page, each with an address to send it to."""
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, path
    parser = _Forms()
    parser.feed(answer.text)
    return [(action.split("#")[0] or path, fields) for action, fields in parser.found]


def _good(rule: str, proposal: str) -> str:
    """A path that leads somewhere."""
    named = {"event_id": WEBINAR, "resource_id": "brief", "action": "attendance"}
    path = re.sub(r"<uuid:[^>]*>", proposal, re.sub(r"<any\([^>]*>", "postpone", re.sub(r"<int:[^>]*>", "1", rule)))
    return re.sub(r"<(\w+)>", lambda part: named.get(part[1], "x"), path)


def test_an_address_with_nul_is_refused(desk: Desk, app: Flask, client: FlaskClient) -> None:
    proposal, failed, tried = desk.propose("One"), [], 0
    asked = {name for path in python_files("services/events") for name in READ.findall(text_of(path))}
    spec = client.get("/-/events/openapi.json").get_json()["paths"]
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        inside = re.findall(r"<\w+>", rule.rule)
        paths = [_good(rule.rule.replace(part, "a%00b"), proposal) for part in inside]
        stated = spec.get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {}).get("get", {}).get("parameters", [])
        names = {one["name"] for one in stated if one["in"] == "query"} if rule.rule.startswith("/v1") else asked
        if "GET" in methods:
            paths += [f"{_good(rule.rule, proposal)}?{name}=a%00b" for name in names]
        for method, path in ((method, path) for path in paths for method in methods):
            headers = desk.headers | {"If-Match": "*"} | OWN_SITE
            answer = client.open(path, method=method, headers=headers, buffered=True)  # a file read to its end
            tried += 1
            if answer.status_code >= 500:
                failed.append((method, path))
    assert failed == []
    assert tried > 100


PAGES = (
    "/console/new-event",
    f"/console/events/{WEBINAR}",
    f"/console/events/{WEBINAR}/edit",
    f"/console/events/{WEBINAR}/new-resource",
    f"/console/events/{WEBINAR}/resources/brief",
    *(f"/console/events/{WEBINAR}/change/{action}" for action in ("postpone", "reschedule", "revive", "attendance")),
    "/console/side-events",
)


def test_a_field_of_a_page_with_nul_is_no_failure(desk: Desk, client: FlaskClient) -> None:
    assert client.post("/v1/resources", json=RESOURCE, headers=desk.headers).status_code == 201
    desk.propose("Two")
    placed, returned = desk.accepted("One"), desk.propose("Three")
    desk.decide(returned, "return", "Shorter, please.")
    failed, tried = [], 0
    for page in (*PAGES, f"/console/timetable/{placed}"):
        for address, fields in forms_on(client, page, desk.headers):
            for name in fields if "sign-out" not in address else ():
                answer = client.post(address, data=fields | {name: NUL}, headers=desk.headers | OWN_SITE)
                tried += 1
                if answer.status_code >= 500:
                    failed.append((address, name))
    assert failed == []
    assert tried > 60


def test_a_note_of_a_decision_loses_its_nul_as_other_texts_of_the_console_do(desk: Desk, client: FlaskClient) -> None:
    proposal = desk.propose("One")
    address = f"/console/side-events/{proposal}"
    decision = {"decision": "return", "note": NUL, "seen": "1"}
    sent = client.post(address, data=decision, headers=desk.headers | OWN_SITE)
    assert sent.status_code == 303
    assert client.get(f"/v1/proposals/{proposal}", headers=desk.headers).get_json()["note"] == "ab"


def test_who_misses_no_event_is_not_asked(desk: Desk, client: FlaskClient) -> None:
    statuses = [
        client.get("/console/geneva", query_string={"not_in": name}, headers=desk.headers).status_code
        for name in ("\0", NUL, "Not a name", WEBINAR)
    ]
    assert statuses == [400, 400, 400, 200]


def test_a_text_in_json_that_cannot_be_stored_is_a_fault(desk: Desk, client: FlaskClient) -> None:
    assert client.post("/v1/resources", json=RESOURCE, headers=desk.headers).status_code == 201
    proposal, event = (
        desk.accepted("One"),
        {"id": "x", "kind": "webinar", "time_zone": "Europe/Zurich", "mode": "online"},
    )
    tag = client.get(f"/v1/proposals/{proposal}", headers=desk.headers).headers["ETag"]
    texts = ("title", "summary", "city", "place", "internal_note", "join_url")
    tries: list[tuple[str, str, dict[str, str], tuple[str, ...], str]] = [
        ("POST", "/v1/events", event | {"title": "X"}, texts, "*"),
        ("PATCH", f"/v1/events/{WEBINAR}", {}, texts, "*"),
        ("POST", f"/v1/events/{WEBINAR}/notes", {}, ("words",), "*"),
        ("POST", "/v1/resources", RESOURCE | {"id": "other"}, ("title", "city", "language", "url"), "*"),
        ("PATCH", "/v1/resources/brief", {}, ("title", "city", "language", "url"), "*"),
        ("PATCH", f"/v1/proposals/{proposal}", {}, ("title", "summary"), tag),
        ("POST", f"/v1/proposals/{proposal}/decline", {}, ("note",), "*"),
    ]
    answers = {}
    for method, path, body, names, seen in tries:
        for name, value in ((name, value) for name in names for value in (NUL, HALF)):
            sent = json.dumps(body | {name: value})
            headers = desk.headers | {"If-Match": seen, "Content-Type": "application/json"}
            answers[method, path, name, value] = client.open(path, method=method, data=sent, headers=headers)
    assert {at: answer.status_code for at, answer in answers.items() if answer.status_code not in (409, 422)} == {}
    assert {answer.get_json()["code"] for answer in answers.values()} == {"invalid", "text-characters"}
