"""A list that is made for reading, not kept in a table of its own: its route, with the words of every other list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response

from services.events.api.proposals import says
from services.events.api.tools import READERS
from services.events.setup.answering import list_answer
from services.events.setup.kinds import Fields, Listing, Values
from services.events.setup.schemas import item_schema, list_arguments, list_schema
from shared.web.access import needs_all_forms
from shared.web.csv_lines import MEDIA_TYPE, wants_csv
from shared.web.operations import Blueprint

Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionList:
    """One list.

    Attributes:
        name: for schemas, ``speaker``.
        part: in addresses, ``speakers``.
        about: a sentence for the interface's document.
        listing: what it can be asked.
        shown: fields of a row; ``id`` comes with them.
        rows: every row, before it is filtered; it may read less, by what is asked.
        taken: called before a file with all rows is made.
    """

    name: str
    part: str
    about: str
    listing: Listing
    shown: Fields
    rows: Callable[[Query], Sequence[Values]]
    taken: Callable[[], None] = lambda: None

    @property
    def editable(self) -> tuple[str, ...]:
        """Nothing here is changed."""
        return ()


def question_blueprint(asked: QuestionList) -> Any:
    """``/v1/<part>``, for coordinators and viewers."""
    blueprint = Blueprint(asked.part, __name__, url_prefix=f"/v1/{asked.part}", description=asked.about)
    _add_list(blueprint, asked)
    return blueprint


def _add_list(blueprint: Any, asked: QuestionList) -> None:
    item = item_schema(asked)

    @blueprint.get("")
    @blueprint.arguments(list_arguments(asked), location="query")
    @blueprint.response(200, list_schema(asked, item, {}))
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.doc(summary=f"{asked.about} With `group_by` their numbers alone")
    @says(blueprint, s400="The cursor is invalid", s401="No key", s403="The key's roles or forms do not allow it")
    @needs_all_forms(*READERS)
    def list_them(query: dict[str, Any]) -> Response:
        """As CSV if `Accept` asks for it, then all pages in one."""
        schema = item()
        rows = schema.dump(asked.rows(query), many=True)
        if wants_csv():
            asked.taken()
        return list_answer(asked, list(schema.fields), rows, query)
