"""Forms and answers that tests share."""

from typing import Any

from services.registration.forms.standard_forms import standard_form
from shared.public_forms.definition import FormDefinition, parse_definition

GROUPS = [("housing", "Housing"), ("privacy", "Privacy and surveillance")]


def webinar() -> FormDefinition:
    """The standard webinar form with two working groups."""
    return standard_form("webinar", "upr-webinar-10", "UPR Webinar Wednesday #10", working_groups=GROUPS)


def complete() -> dict[str, Any]:
    """An answer to every question of ``webinar``."""
    return {
        "name": "A participant",
        "email": "participant@example.org",
        "organisation": "An organisation",
        "working_group": "housing",
        "representative": True,
        "country": "KE",
        "time_zone": "Africa/Nairobi",
        "language": "fr",
        "access_needs": "captions",
        "questions": "What happens in Geneva?",
        "consent": True,
    }


def minimal() -> dict[str, Any]:
    """Only what must be answered."""
    return {"name": "A participant", "email": "participant@example.org", "consent": True}


def form_with(*fields: dict[str, Any]) -> FormDefinition:
    """A form with name, e-mail and the fields given; labels are made up where they are missing."""
    always: list[dict[str, Any]] = [
        {"name": "name", "kind": "text", "label": "Name", "required": True},
        {"name": "email", "kind": "email", "label": "E-mail", "required": True},
    ]
    labelled = [{"label": field["name"].title(), **field} for field in fields]
    return parse_definition({"slug": "a-form", "kind": "webinar", "title": "A form", "fields": [*always, *labelled]})


def answered(**answers: Any) -> dict[str, Any]:
    """Name, e-mail and the answers given."""
    return {"name": "A participant", "email": "participant@example.org", **answers}
