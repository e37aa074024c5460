"""What is asked of each route: a request that its view takes seriously, so that who asks decides, and not what."""

from typing import Any

from tests.integration.routes.every import Route
from tests.integration.routes.house import House
from tests.support.clients import WEBINAR

_TEXTS = {"en": {"subject": "News", "text": "There are news."}}
_REASON = "request of 12 March, case 17"
_EVENT = {"kind": "webinar", "title": "Mine", "time_zone": "Europe/Zurich", "mode": "online"}
_RESOURCE = {"kind": "brief", "title": "Brief", "url": "https://example.org/brief"}

CONTENT: dict[str, dict[str, Any]] = {
    "events POST /console/new-event": {"data": {**_EVENT, "title.en": "Mine", "id": "made-by-a-page"}},
    "events POST /v1/events": {"json": {**_EVENT, "id": "made-by-a-program"}},
    "events POST /v1/events/<event_id>/notes": {"json": {"words": "Call the hotel."}},
    "events POST /v1/resources": {"json": {**_RESOURCE, "id": "made-by-a-program", "event": WEBINAR}},
    "notifications POST /v1/bulletins": {"json": {"segment": {}, "texts": _TEXTS}},
    "notifications POST /v1/bulletins/<uuid:bulletin_id>/send": {"json": {"expected": 1, "mark": "x"}},
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
    "registration POST /console/registrations/marked": {"data": {"act": "cancelled"}},
    "registration POST /my": {"data": {"email": "somebody@example.org"}},
    "notifications POST /v1/webhooks": {
        "json": {"partner": "example-partner", "url": "https://hooks.example.org/another"}
    },
    "notifications PATCH /v1/webhooks/<uuid:webhook_id>": {"json": {"on": True}},
    "registration PATCH /v1/registrations/<uuid:registration_id>": {"json": {"status": "confirmed"}},
    "registration POST /v1/registrations/<uuid:registration_id>/sealed": {"json": {"reason": "Her visa letter"}},
}
"""By route: what is sent, where an empty request would be refused before anybody looks whose key it is."""


TOKENS = {"/c/": "confirmation_token", "/v/": "view_token", "/j/": "join_token", "/r/undo/": "undo_token"}
"""By the beginning of a rule: the value that stands for its token, where it is no person's own."""


def request_of(route: Route) -> dict[str, Any]:
    """Content and headers of the request."""
    return {"headers": {} if route.is_safe else {"If-Match": "*"}, **CONTENT.get(str(route), {})}


def path_of(house: House, route: Route) -> str:
    """The address in the house."""
    values = house.values[route.service]
    if route.rule.endswith("/erasure"):
        values = {**values, "registration_id": values["erased_id"]}
    for folder, name in TOKENS.items():
        if route.rule.startswith(folder):
            values = {**values, "token": values[name]}
    return route.path(house.apps[route.service], values)
