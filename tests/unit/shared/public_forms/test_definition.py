"""Reading definitions: what is accepted, and that every fault is named."""

import json
from typing import Any

import pytest

from shared.public_forms.definition import parse_definition, to_mapping, to_public, with_full_options, with_options
from tests.unit.shared.public_forms.samples import form_with, webinar


def problems_of(mapping: Any) -> list[str]:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_definition(mapping)
    return str(caught.value).split("\n")


def test_definition_that_went_through_json_is_equal() -> None:
    definition = webinar()
    assert parse_definition(json.loads(json.dumps(to_mapping(definition)))) == definition


def test_definition_with_many_faults_names_each() -> None:
    fields = [
        {"name": "name", "kind": "text", "label": "Name", "required": True},
        {"name": "email", "kind": "text", "label": "E-mail", "required": True},
        {"name": "Bad Name", "kind": "text", "label": "x"},
        {"name": "colour", "kind": "rainbow", "label": "x"},
        {"name": "partner", "kind": "text", "label": "x"},
        {"name": "choice", "kind": "one_of", "label": "x"},
        {"name": "day", "kind": "date", "label": "x", "min": "tomorrow"},
        {"name": "late", "kind": "text", "label": "", "shown_when": {"field": "later"}, "colour": "red"},
    ]
    found = problems_of({"slug": "Bad Slug", "kind": "party", "title": "", "version": 0, "fields": fields})
    assert sorted(line.split(":")[0] for line in found) == [
        "fields.choice.options",
        "fields.colour.kind",
        "fields.day.min",
        "fields.email",
        "fields.late",
        "fields.late.label",
        "fields.late.shown_when",
        "fields.partner",
        "fields[3].name",
        "kind",
        "slug",
        "title",
        "version",
    ]


@pytest.mark.parametrize("mapping", [None, [], "form"])
def test_definition_that_is_no_mapping_is_refused(mapping: Any) -> None:
    assert problems_of(mapping) == ["form: must be a mapping"]


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ({"name": "a", "kind": "yes_no"}, {"field": "a", "equals": "yes"}),
        ({"name": "a", "kind": "text"}, {"field": "a", "equals": True}),
        ({"name": "a", "kind": "number"}, {"field": "a", "equals": "1"}),
        ({"name": "a", "kind": "one_of", "options": [{"value": "x", "label": "X"}]}, {"field": "a", "equals": "y"}),
    ],
)
def test_condition_that_can_never_be_met_is_refused(asked: dict[str, Any], condition: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fields\.b\.shown_when"):
        form_with(asked, {"name": "b", "kind": "text", "shown_when": condition})


def test_options_of_an_unknown_field_are_refused() -> None:
    with pytest.raises(KeyError):
        with_options(webinar(), "nothing", [])


def test_public_definition_has_texts_of_the_language() -> None:
    public = to_public(webinar(), "fr")
    email = public["fields"][1]
    assert (public["language"], public["direction"], email["label"]) == ("fr", "ltr", "Adresse électronique")
    assert email["max"] == 254
    assert json.loads(json.dumps(public)) == public


def test_public_definition_without_working_groups_leaves_the_question_out() -> None:
    names = [field["name"] for field in to_public(with_options(webinar(), "working_group", []), "en")["fields"]]
    assert "working_group" not in names
    assert "email" in names


def workshops(**limits: int) -> dict[str, Any]:
    """A field with two choices, and these limits."""
    values = ("morning", "evening")
    options = [
        {"value": one, "label": one.title(), **({"limit": limits[one]} if one in limits else {})} for one in values
    ]
    return {"name": "workshop", "kind": "some_of", "options": options}


def test_limit_of_a_choice_is_kept_and_shown_to_nobody() -> None:
    definition = form_with(workshops(morning=20))
    assert [one.limit for one in definition.field("workshop").options] == [20, None]
    assert parse_definition(json.loads(json.dumps(to_mapping(definition)))) == definition
    full = with_full_options(definition, ["workshop=morning", "other=evening"])
    [*_, field] = to_public(full, "en")["fields"]
    assert field["options"] == [
        {"value": "morning", "label": "Morning", "full": True},
        {"value": "evening", "label": "Evening"},
    ]
    assert to_mapping(full) == to_mapping(definition)
    assert with_full_options(full, ()) == definition


@pytest.mark.parametrize("limit", [-1, 1.5, "20", True, 100_001])
def test_limit_of_a_choice_is_a_number_of_people(limit: Any) -> None:
    field = workshops(morning=limit)
    with pytest.raises(ValueError, match=r"options\[1\]\.limit: must be a whole number of people"):
        form_with(field)


@pytest.mark.parametrize("changes", [{"sealed": True}, {"kind": "working_group"}])
def test_choice_that_cannot_be_counted_has_no_limit(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="only choices of a one_of or some_of"):
        form_with(workshops(morning=1) | changes)
