"""A valid request to each route, so that the response depends on the caller alone."""

from typing import Any

from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import ServicesUnderTest
from tests.support.clients import WEBINAR

_UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"
_TEXTS = {"en": {"subject": "News", "text": "There are news."}}
_REASON = "request of 12 March, case 17"
_EVENT = {"kind": "webinar", "title": "Mine", "time_zone": "Europe/Zurich", "mode": "online"}
_RESOURCE = {"kind": "brief", "title": "Brief", "url": "https://example.org/brief"}
_HOURS = {"starts_at": "2020-05-06T07:00:00Z", "ends_at": "2020-05-06T09:00:00Z"}
_ROOM = {"title": "Made", "city": "Geneva", "capacity": 9, "time_zone": "Europe/Zurich", "open": [_HOURS]}
_DAY = {"first_on": "2020-07-01", "starts": "09:00", "ends": "10:00"}
_SLOTS = {**_DAY, "length_minutes": 60, "time_zone": "Europe/Zurich"}


def _multipart(**parts: str) -> str:
    """A form with a file, as text: the part called ``file`` is one."""
    names = {name: f'name="{name}"' + ('; filename="people.csv"' if name == "file" else "") for name in parts}
    each = [f"--parts\r\nContent-Disposition: form-data; {names[name]}\r\n\r\n{parts[name]}\r\n" for name in parts]
    return "".join(each) + "--parts--\r\n"


CONTENT: dict[str, dict[str, Any]] = {
    "events POST /console/new-event": {"data": {**_EVENT, "title.en": "Mine", "id": "made-by-a-page"}},
    "events POST /v1/events": {"json": {**_EVENT, "id": "made-by-a-program"}},
    "events POST /v1/events/<event_id>/notes": {"json": {"words": "Call the hotel."}},
    "events POST /v1/resources": {"json": {**_RESOURCE, "id": "made-by-a-program", "event": WEBINAR}},
    "events POST /v1/working-groups": {"json": {"title": "Made by a program"}},
    "events POST /v1/series": {"json": {"title": "Made by a program"}},
    "events POST /v1/group-contacts": {
        "json": {"working_group": "housing", "kind": "phone", "held_on": "2020-03-02"},
    },
    "events POST /v1/consultations": {"json": {"host_kind": "embassy", "city": "Geneva", "presentations": 1}},
    "events POST /v1/hotels": {"json": {"name": "Made by a program", "city": "Geneva", "rooms": 1}},
    "events POST /v1/rooms": {"json": _ROOM},
    "events POST /v1/slots": {"json": _SLOTS},
    "registration POST /v1/side-event-forms": {"json": {"events": None}},
    "notifications POST /v1/bulletins": {"json": {"segment": {}, "texts": _TEXTS}},
    "notifications POST /v1/bulletins/<uuid:bulletin_id>/send": {"json": {"expected": 1, "mark": "x"}},
    "notifications POST /v1/bulletins/<uuid:bulletin_id>/test": {"json": {"address": "coordinator@example.org"}},
    "notifications POST /v1/suppressions": {"json": {"person_ref": "cd" * 32}},
    "registration POST /v1/registrations/<uuid:registration_id>/erasure": {"json": {"reason": "asked"}},
    "registration POST /console/registrations/<uuid:registration_id>/erasure": {"data": {"reason": "asked"}},
    "registration POST /v1/person-export/registration": {"json": {"email": "somebody@example.org", "reason": _REASON}},
    "events POST /v1/person-export/events": {"json": {"person_refs": [], "reason": _REASON}},
    "notifications POST /v1/person-export/notifications": {
        "json": {"person_refs": [], "subjects": [], "reason": _REASON}
    },
    "registration POST /v1/partners": {"json": {"slug": "made-by-a-program", "name": "Made"}},
    "registration POST /v1/partners/<slug>/origins": {"json": {"origin": "https://another.example.org"}},
    "events POST /console/side-events/marked": {"data": {"decision": "accept"}},
    "registration POST /console/registrations/marked": {"data": {"act": "cancelled"}},
    "registration POST /v1/registrations/tags": {"json": {"ids": [_UNKNOWN_ID], "add": ["vip"]}},
    "registration POST /v1/registrations/<uuid:registration_id>/notes": {"json": {"words": "Called."}},
    "registration POST /v1/registrations/<uuid:registration_id>/correction": {
        "json": {"reason": "mistyped", "dry_run": True}
    },
    "registration POST /v1/registrations/<uuid:registration_id>/merge": {
        "json": {"other": _UNKNOWN_ID, "other_revision": 1}
    },
    "registration POST /console/registrations/<uuid:registration_id>/correct": {"data": {"desk-seen": "1"}},
    "registration POST /v1/forms/<slug>/registrations": {"json": {"reason": "invited", "answers": {}}},
    "registration POST /v1/registrations/views": {"json": {"name": "Mine", "query": {}}},
    "registration POST /console/registrations/forms/<slug>/seats": {"data": {"seen": "1"}},
    "registration PUT /v1/registrations/<uuid:registration_id>/offer": {"json": {}},
    "registration POST /v1/imports": {
        "query_string": {"form": WEBINAR},
        "data": "email\na@example.org\n",
        "content_type": "text/csv",
    },
    "registration PUT /v1/imports/<uuid:import_id>/mapping": {"json": {"columns": {"email": "email"}}},
    "registration POST /v1/imports/<uuid:import_id>/confirm": {"json": {"reason": _REASON}},
    "registration POST /console/registrations/imports": {
        "data": _multipart(form=WEBINAR, file="email\na@example.org\n"),
        "content_type": "multipart/form-data; boundary=parts",
    },
    "registration POST /v1/access": {
        "json": {"name": "Invited", "email": "invited@example.org", "roles": ["administrator"]}
    },
    "registration POST /my": {"data": {"email": "somebody@example.org"}},
    "notifications POST /v1/webhooks": {
        "json": {"partner": "example-partner", "url": "https://hooks.example.org/another"}
    },
    "notifications PATCH /v1/webhooks/<uuid:webhook_id>": {"json": {"on": True}},
    "registration PATCH /v1/registrations/<uuid:registration_id>": {"json": {"status": "confirmed"}},
    "registration POST /v1/sealed-lists": {"json": {"purpose": "access", "form": WEBINAR, "reason": _REASON}},
    "registration POST /console/registrations/sealed-lists": {
        "data": {"purpose": "access", "form": WEBINAR, "reason": _REASON}
    },
    "registration POST /v1/sealed-approvals": {"json": {"form": WEBINAR, "reason": _REASON}},
    "registration POST /v1/sealed-approvals/<uuid:approval_id>": {"json": {"decision": "approved"}},
    "registration POST /console/registrations/sealed-approvals/<uuid:approval_id>": {"data": {"decision": "approved"}},
    "registration POST /v1/registrations/<uuid:registration_id>/sealed": {"json": {"reason": "Her visa letter"}},
}
"""By route: what is sent, where an empty request would be refused before the key is checked."""


TOKENS = {"/c/": "confirmation_token", "/v/": "view_token", "/j/": "join_token", "/r/undo/": "undo_token"}
"""By the prefix of a rule: the value of its token, where it is no person's own."""


def request_of(route: Route) -> dict[str, Any]:
    """Content and headers of the request."""
    content: dict[str, Any] = {"json": {}} if route.method in ("PATCH", "PUT") else {}
    return {"headers": {} if route.is_safe else {"If-Match": "*"}, **CONTENT.get(str(route), content)}


def path_of(services: ServicesUnderTest, route: Route) -> str:
    """The path with the values of the services."""
    values = services.values[route.service]
    if route.rule.endswith("/erasure"):
        values = {**values, "registration_id": values["erased_id"]}
    for folder, name in TOKENS.items():
        if route.rule.startswith(folder):
            values = {**values, "token": values[name]}
    return route.path(services.apps[route.service], values)
