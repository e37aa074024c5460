"""Reading definitions: what is accepted, and that every fault is named."""

import json
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from services.registration.forms.designer_fields import read_question
from services.registration.own.answers_routes import CONTROL_FIELDS
from shared.public_forms.definition import parse_definition, to_mapping, to_public, with_full_options, with_options
from shared.public_forms.kinds import KINDS
from tests.unit.shared.public_forms.samples import form_with, webinar


def problems_of(mapping: Any) -> list[str]:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_definition(mapping)
    return str(caught.value).split("\n")


def test_definition_that_went_through_json_is_equal() -> None:
    definition = webinar()
    assert parse_definition(json.loads(json.dumps(to_mapping(definition)))) == definition


def test_limits_and_a_retention_of_zero_are_kept() -> None:
    zeros = {"min": 0, "max": 0, "retention_days": 0}
    definition = form_with({"name": "guests", "kind": "number", **zeros})
    stored = json.loads(json.dumps(to_mapping(definition)))
    assert {name: stored["fields"][-1].get(name) for name in zeros} == zeros
    assert parse_definition(stored) == definition


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
    assert [line.split(":")[0] for line in found] == [
        "/fields",
        "/fields/2/name",
        "/fields/3/kind",
        "/fields/4/name",
        "/fields/5/options",
        "/fields/6/min",
        "/fields/7/colour",
        "/fields/7/label",
        "/fields/7/shown_when",
        "/kind",
        "/slug",
        "/title",
        "/version",
    ]


@pytest.mark.parametrize(
    ("wrong", "faults"),
    [
        ("words", ["/fields/2: must be a mapping of keys to values"]),
        ({"name": "x", "kind": ["text"], "label": "X"}, [f"/fields/2/kind: must be one of {', '.join(sorted(KINDS))}"]),
        ({"name": "x", "kind": "text", "label": {"key": "x"}}, ["/fields/2/label: no translation is called 'x'"]),
        ({"name": "x", "kind": "text", "label": {"de": "X"}}, ["/fields/2/label: unknown language 'de'"]),
        (
            {"name": "x", "kind": "one_of", "label": "X", "options": [{"value": "a b", "label": "A"}, "b"]},
            [
                "/fields/2/options/0/value: must be letters, digits, '.', '_' or '-', at most 100",
                "/fields/2/options/1: must be a mapping of keys to values",
            ],
        ),
        (
            {"name": "x", "kind": "text", "label": "X", "shown_when": {"field": "name", "equals": 3}},
            ["/fields/2/shown_when/equals: must be a text, true or false"],
        ),
        (
            {"name": "x", "kind": "text", "label": "X", "options": [{"value": "a", "label": "A"}]},
            ["/fields/2/options: a field of kind text has no choices of its own"],
        ),
        ({"name": "x", "kind": "date", "label": "X", "sealed": "no"}, ["/fields/2/sealed: must be true or false"]),
    ],
)
def test_fault_of_a_field_is_named_once_at_its_place(wrong: Any, faults: list[str]) -> None:
    mapping = to_mapping(form_with())
    assert problems_of({**mapping, "fields": [*mapping["fields"], wrong]}) == faults


@pytest.mark.parametrize("name", ["action", "dataset", "elements", "remove", *CONTROL_FIELDS])
def test_name_that_the_page_or_its_script_needs_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="/fields/2/name: the name is reserved"):
        form_with({"name": name, "kind": "text"})


def test_short_name_that_is_made_from_a_text_is_never_a_reserved_one() -> None:
    given = MultiDict({"kind": "text", "label.en": "Action"})
    made, fault = read_question(given, {}, None, [{"name": "action_2"}])
    assert (made["name"], fault) == ("action_3", "")


def with_questions(count: int) -> dict[str, Any]:
    mapping = to_mapping(form_with())
    more = [{"name": f"q{number}", "kind": "text", "label": "Q"} for number in range(count - len(mapping["fields"]))]
    return {**mapping, "fields": [*mapping["fields"], *more]}


def test_form_has_a_hundred_questions_and_no_more() -> None:
    assert len(parse_definition(with_questions(100)).fields) == 100
    assert problems_of(with_questions(101)) == ["/fields: must have at most 100 items"]


def test_questions_and_choices_are_counted_before_they_are_read() -> None:
    """Each would have a different fault."""
    assert problems_of({**to_mapping(form_with()), "fields": [{}] * 100_000}) == [
        "/fields: must have at most 100 items"
    ]
    with pytest.raises(ValueError, match="must have at most 500 items") as caught:
        form_with({"name": "x", "kind": "one_of", "options": [{}] * 501})
    assert [line.partition(":")[0] for line in str(caught.value).split("\n")] == ["/fields/2/options"] * 2


def test_definition_that_was_read_before_is_equal_and_one_that_differs_is_not() -> None:
    """The last ones that were read are kept."""
    mapping = to_mapping(webinar())
    assert parse_definition(mapping) is parse_definition(json.loads(json.dumps(mapping)))
    assert parse_definition({**mapping, "version": 2}).version == 2
    assert problems_of({**mapping, "kind": "\ud800"})[0].startswith("/kind: must be one of")


@pytest.mark.parametrize("mapping", [None, [], "form"])
def test_definition_that_is_no_mapping_is_refused(mapping: Any) -> None:
    assert problems_of(mapping) == ["/: must be a mapping of keys to values"]


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
    with pytest.raises(ValueError, match="/fields/3/shown_when: 'a' can never hold"):
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


def test_limit_of_a_choice_is_kept_and_shown_to_no_one() -> None:
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
    with pytest.raises(ValueError, match=r"/options/0/limit: must be a whole number from 0 to 100000"):
        form_with(field)


@pytest.mark.parametrize("changes", [{"sealed": True}, {"kind": "working_group"}])
def test_choice_that_cannot_be_counted_has_no_limit(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="only choices of a one_of or some_of"):
        form_with(workshops(morning=1) | changes)
