"""People who get no bulletins: by reference, never by address."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from werkzeug.exceptions import NotFound

from services.notifications.api.bulletin_schemas import PERSON, SuppressionListSchema, SuppressionQuery, SuppressSchema
from services.notifications.api.bulletins import Tools
from services.notifications.usecases.unsubscribe import resubscribe, suppressions, unsubscribe
from shared.web.access import holder, needs_all_forms
from shared.web.operations import Blueprint
from shared.web.paging import page_of, position_in


def suppressions_blueprint(tools: Tools) -> Any:
    """Routes below ``/v1/suppressions``."""
    blueprint = Blueprint("suppressions", __name__, url_prefix="/v1/suppressions", description="Who gets no bulletins")

    @blueprint.get("")
    @blueprint.arguments(SuppressionQuery, location="query")
    @blueprint.response(200, SuppressionListSchema)
    @needs_all_forms("coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """People who get no bulletins."""
        after = position_in(query["cursor"], 1, _person)
        found = suppressions(tools.work, after or "", query["limit"])
        page = page_of(found, query["limit"], lambda entry: [entry.person_ref])
        return {"items": [asdict(entry) for entry in page.items], "next": page.next}

    @blueprint.post("")
    @blueprint.arguments(SuppressSchema)
    @blueprint.response(204)
    @needs_all_forms("coordinator")
    def add(content: dict[str, Any]) -> None:
        """Send this person no bulletins. Repeating it changes nothing."""
        unsubscribe(tools.work, tools.clock, content["person_ref"], holder().name)

    @blueprint.delete("/<string:person_ref>")
    @blueprint.response(204)
    @needs_all_forms("coordinator")
    def remove(person_ref: str) -> None:
        """Send this person bulletins again."""
        if not re.fullmatch(PERSON, person_ref):
            raise NotFound
        resubscribe(tools.work, tools.clock, person_ref, holder().name)

    return blueprint


def _person(key: Sequence[str]) -> str:
    if not re.fullmatch(PERSON, key[0]):
        raise ValueError("no reference of a person")
    return key[0]
