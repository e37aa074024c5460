"""The standard forms of each kind: their questions, which of them are sealed, and the order of dates."""

import json
from datetime import date
from typing import Any

import pytest

from services.registration.forms.standard_forms import standard_form
from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import FormDefinition, parse_definition, to_mapping, to_public
from shared.public_forms.kinds.choices import SOME_OF
from shared.public_forms.validation import validate
from shared.vocabulary.form_kinds import FORM_KINDS

GROUPS = (("housing", "Housing"), ("health", "Health"))


def form(kind: str) -> FormDefinition:
    """The standard form of ``kind``."""
    return standard_form(kind, "a-form", "A form", working_groups=GROUPS)


def answers(**others: Any) -> dict[str, Any]:
    """Just enough for a form with a name."""
    return {"name": "A Participant", "email": "participant@example.org", "consent": True, **others}


def codes(kind: str, raw: dict[str, Any], language: str = "en") -> dict[str, str]:
    """Code of each fault by its pointer."""
    return {error.pointer: error.code for error in validate(form(kind), raw, language).errors}


@pytest.mark.parametrize("kind", FORM_KINDS)
def test_form_is_in_every_language(kind: str) -> None:
    for field in form(kind).fields:
        assert {language for language, _ in field.label.by_language} == set(LANGUAGES), field.name
        for option in field.options:
            assert all(option.label.in_language(language) for language in LANGUAGES)


@pytest.mark.parametrize("kind", FORM_KINDS)
def test_form_that_went_through_json_is_equal(kind: str) -> None:
    assert parse_definition(json.loads(json.dumps(to_mapping(form(kind))))) == form(kind)


@pytest.mark.parametrize(
    ("kind", "sealed"),
    [
        ("webinar", {"access_needs"}),
        ("attendance", {"access_needs"}),
        ("working_group", set()),
        ("interest", set()),
        ("proposal", set()),
        (
            "delegation",
            {
                "arrives_on",
                "leaves_on",
                "nationality",
                "visa_letter",
                "passport_number",
                "passport_expires_on",
                "emergency_contact",
                "hotel",
                "hotel_nights",
                "diet",
                "access_needs",
            },
        ),
    ],
)
def test_what_could_endanger_someone_is_sealed(kind: str, sealed: set[str]) -> None:
    assert {field.name for field in form(kind).fields if field.sealed} == sealed


def test_proposal_asks_about_days_only_where_there_are_some() -> None:
    days = [date(2020, 5, 6), date(2020, 5, 7)]
    assert [field.name for field in form("proposal").fields if field.kind is SOME_OF] == []
    asked = [
        field for field in standard_form("proposal", "a-form", "A form", days=days).fields if field.kind is SOME_OF
    ]
    assert [(field.name, [option.value for option in field.options]) for field in asked] == [
        ("preferred_days", ["2020-05-06", "2020-05-07"]),
        ("unavailable_days", ["2020-05-06", "2020-05-07"]),
    ]
    assert {option.label.in_language("fr") for option in asked[0].options} == {
        "mercredi 6 mai 2020",
        "jeudi 7 mai 2020",
    }


def test_interest_asks_no_more_than_it_needs() -> None:
    assert [field.name for field in form("interest").fields] == ["email", "language", "consent"]
    assert codes("interest", {"email": "participant@example.org", "consent": True}) == {}


@pytest.mark.parametrize("kind", [kind for kind in FORM_KINDS if kind != "interest"])
def test_every_other_form_needs_a_name(kind: str) -> None:
    proposed = {"working_group": "housing", "title": "A side event", "summary": "Of what", "attendance": 20}
    without = {name: answer for name, answer in answers(**proposed).items() if name != "name"}
    known = {field.name for field in form(kind).fields}
    assert codes(kind, {name: answer for name, answer in without.items() if name in known}) == {"/name": "required"}


def test_joining_needs_a_group() -> None:
    assert codes("working_group", answers()) == {"/working_group": "required"}
    assert codes("working_group", answers(working_group="housing", contribution=["brief"])) == {}


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2020-05-09", "2020-05-13", {}),
        ("2020-05-09", "2020-05-09", {}),
        ("2020-05-09", "2020-05-08", {"/leaves_on": "before-other"}),
        ("2020-05-09", None, {}),
        (None, "2020-05-08", {}),
        ("never", "2020-05-08", {"/arrives_on": "bad-date"}),
    ],
)
def test_last_day_is_not_before_the_first(first: str | None, last: str | None, found: dict[str, str]) -> None:
    days = {name: day for name, day in {"arrives_on": first, "leaves_on": last}.items() if day}
    assert codes("delegation", answers(**days)) == found


@pytest.mark.parametrize("language", LANGUAGES)
def test_fault_names_the_other_day_in_the_language_of_the_page(language: str) -> None:
    raw = answers(arrives_on="2020-05-09", leaves_on="2020-05-08")
    [fault] = validate(form("delegation"), raw, language).errors
    assert form("delegation").field("arrives_on").label.in_language(language) in fault.message


def test_passport_is_asked_for_a_visa_letter_alone() -> None:
    without = validate(form("delegation"), answers(visa_letter=False, passport_number="X1"))
    wanted = validate(form("delegation"), answers(visa_letter=True, passport_number="X1"))
    assert (without.sealed, wanted.sealed) == ({"visa_letter": False}, {"visa_letter": True, "passport_number": "X1"})


def test_day_is_a_date_and_names_what_it_follows() -> None:
    fields = {field["name"]: field for field in to_public(form("delegation"), "en")["fields"]}
    assert (fields["leaves_on"]["kind"], fields["leaves_on"]["not_before"]) == ("date", "arrives_on")


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("", {}),
        (" bo  EXAMPLE \n\n", {}),
        ("Ana Example\nBo Example", {}),
        ("Ana Example\nSomeone Else", {"/named_speakers": "not-a-line"}),
        ("Ana", {"/named_speakers": "not-a-line"}),
    ],
)
def test_only_speakers_agree_to_be_named(named: str, found: dict[str, str]) -> None:
    given = {"speakers": "Ana Example\nBo Example", "named_speakers": named}
    assert codes("proposal", answers(title="A side event", summary="Of what", attendance=20, **given)) == found


def test_naming_speakers_without_speakers_is_refused() -> None:
    given = answers(title="A side event", summary="Of what", attendance=20, named_speakers="Ana Example")
    assert codes("proposal", given) == {"/named_speakers": "not-asked"}


@pytest.mark.parametrize("other", ["name", "later", "nothing"])
@pytest.mark.parametrize(("kind", "reference"), [("long_text", "lines_of"), ("date", "not_before")])
def test_field_refers_to_an_earlier_one_of_its_kind(kind: str, reference: str, other: str) -> None:
    fields = [
        {"name": "name", "kind": "text", "label": "Name", "required": True},
        {"name": "email", "kind": "email", "label": "E-mail", "required": True},
        {"name": "some", "kind": kind, "label": "Some", reference: other},
        {"name": "later", "kind": kind, "label": "Later"},
    ]
    with pytest.raises(ValueError, match=f"/fields/2/{reference}"):
        parse_definition({"slug": "a", "kind": "webinar", "title": "A", "version": 1, "fields": fields})
