"""When one reader opens too much of the sealed answers alone."""

import pytest

from services.registration.sealed_lists.purposes import CUSTOM, EVERYTHING, PURPOSES
from services.registration.sealed_lists.second_person import OpenedAlone, needs_second_person
from shared.public_forms.definition import parse_definition

NOTHING = OpenedAlone(frozenset(), frozenset(), frozenset())
FIELDS = (
    {"name": "name", "kind": "text", "label": "Name", "required": True},
    {"name": "email", "kind": "email", "label": "Address", "required": True},
    {"name": "access_needs", "kind": "long_text", "label": "What do you need?", "sealed": True},
)


@pytest.mark.parametrize(("purpose", "second"), [(EVERYTHING, True), ("access", False), (CUSTOM, False)])
def test_everything_needs_a_second_person_where_it_is_what_one_purpose_needs(purpose: str, second: bool) -> None:
    """There neither the half nor the whole of the questions needs one."""
    definition = parse_definition({"kind": "webinar", "slug": "x", "title": "X", "fields": [*FIELDS]})
    fields = [field for field in definition.fields if field.sealed]
    assert needs_second_person(PURPOSES[purpose], fields, ["a"], definition, NOTHING, ()) is second
