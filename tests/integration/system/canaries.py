"""A unique word in every field of a form, to search for wherever it must not be."""

import json
from typing import Any

CANARIES = {
    "name": "canaryname7f3a",
    "email": "canaryaddress7f3a@example.org",
    "organisation": "canaryorganisation7f3a",
    "access_needs": "canaryneeds7f3a",
    "questions": "canaryquestion7f3a",
}
ANSWERS: dict[str, Any] = {
    **CANARIES,
    "country": "CH",
    "time_zone": "Europe/Zurich",
    "language": "en",
    "consent": True,
    "partner": "example-partner",
}

_JSON = {"Content-Type": "application/json"}
ODD_REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    (json.dumps({**ANSWERS, "country": "canaryname7f3a"}), _JSON),
    (json.dumps({**ANSWERS, "canaryname7f3a": 1}), _JSON),
    (json.dumps(ANSWERS)[:-2], _JSON),
    (json.dumps({**ANSWERS, "email": "canaryaddress7f3a"}), _JSON),
    (json.dumps(ANSWERS), {**_JSON, "Idempotency-Key": "canaryname7f3a with space"}),
    (json.dumps(ANSWERS), {"Content-Type": "text/plain"}),
)
"""Requests that are refused for the data in them: what refuses them must not repeat it to a log."""
