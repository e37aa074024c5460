"""Forms for all published side events in one action: previewed, created once, nothing else changed."""

import json
from datetime import timedelta
from typing import Any

from tests.integration.registration.test_kinds import installation as installation
from tests.support.clients import rows
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]
API, PAGE = "/v1/side-event-forms", "/console/registrations/side-event-forms"
ADD = """
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, ends_at, time_zone, status, mode, city)
    VALUES (%s, 1, 'side_event', %s::jsonb, '{}', %s, %s, 'Europe/Zurich', %s, 'in_person', 'Geneva')
"""


def _side_event(
    service: RegistrationService,
    name: str,
    days: float,
    status: str = "confirmed",
    title: dict[str, str] | None = None,
) -> None:
    start = service.clock() + timedelta(days=days)
    called = json.dumps(title or {"en": f"About {name}", "fr": f"De {name}"})
    rows(service.url, ADD, name, called, start, start + timedelta(hours=1), status)


def test_forms_are_made_for_all_side_events_that_have_none(service: RegistrationService, coordinator: Headers) -> None:
    def ask(method: str, path: str = API, **more: Any) -> Any:
        return service.client.open(
            path, method=method, headers={**coordinator, "Sec-Fetch-Site": "same-origin"}, **more
        )

    for name, days in (("homes", 9), ("water", 8), ("too-late", 1), ("past", -1)):
        _side_event(service, name, days)
    _side_event(service, "off", 9, "cancelled")
    assert [one["id"] for one in ask("GET").get_json()["items"]] == ["too-late", "water", "homes"]
    assert ask("POST", json={"events": [{"event": "off"}]}).status_code == 404
    assert ask("POST", json={"events": None, "partners": ["nobody"]}).status_code == 422
    wanted = {"events": [{"event": "homes", "capacity": 30}, {"event": "too-late"}], "partners": ["example-partner"]}
    tried = ask("POST", f"{API}?dry_run=true", json=wanted).get_json()
    assert [(one["event"], one["form"], bool(one["problem"])) for one in tried["items"]] == [
        ("too-late", None, True),
        ("homes", "homes", False),
    ]
    assert service.client.get("/v1/forms/homes").status_code == 404
    assert ask("POST", json=wanted).get_json() == {**tried, "dry_run": False}
    form = service.client.get("/v1/forms/homes?lang=fr")
    assert (form.status_code, form.get_json()["title"]) == (200, "Inscription : De homes")
    made = (
        "SELECT kind, event_id, closes_hours_before, capacity FROM form JOIN seat ON seat.form = slug WHERE slug = %s"
    )
    assert rows(service.url, made, "homes") == [("attendance", "homes", 48, 30)]
    assert [one["id"] for one in ask("GET").get_json()["items"]] == ["too-late", "water"]
    assert ask("POST", json=wanted).status_code == 404


def test_page_shows_what_it_makes_first(service: RegistrationService, coordinator: Headers) -> None:
    headers = {**coordinator, "Sec-Fetch-Site": "same-origin"}
    _side_event(service, "homes", 9)
    _side_event(service, "water", 8)
    assert service.client.post("/v1/form-drafts/water", json={"content": {}}, headers=headers).status_code == 201
    page = service.client.get(PAGE, headers=headers).text
    assert ('value="homes" checked' in page, 'value="water" disabled' in page) == (True, True)
    typed = {"event": ["homes"], "seats-homes": "40"}
    shown = service.client.post(PAGE, data=typed, headers=headers).text
    assert ("1 form is published" in shown, "40 seats" in shown) == (True, True)
    wrong = service.client.post(PAGE, data={**typed, "seats-homes": "many"}, headers=headers)
    assert (wrong.status_code, service.client.post(PAGE, data={}, headers=headers).status_code) == (422, 422)
    made = service.client.post(PAGE, data={**typed, "go": "do"}, headers=headers)
    assert (made.status_code, made.headers["Location"]) == (303, f"{PAGE}?made=1")
    assert service.client.get("/v1/forms/homes").status_code == 200
    assert service.client.post(PAGE, data={**typed, "go": "do"}, headers=headers).status_code == 409


def test_event_without_a_title_in_english_gets_a_form(service: RegistrationService, coordinator: Headers) -> None:
    _side_event(service, "homes", 9, title={"ar": "السكن"})
    headers = {**coordinator, "Sec-Fetch-Site": "same-origin"}
    service.client.post(API, json={"events": [{"event": "homes"}]}, headers=headers)
    titles = [service.client.get(f"/v1/forms/homes?lang={code}").get_json()["title"] for code in ("ar", "en")]
    assert titles == ["التسجيل في السكن", "Register for السكن"]
