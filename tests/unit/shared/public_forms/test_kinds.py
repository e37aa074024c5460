"""Every kind of field has every behaviour, and the parts of a form that depend on kinds agree."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import pytest
from werkzeug.datastructures import MultiDict

from services.registration.embed.snippets import NARROW_PX, estimate_height
from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import FormDefinition, json_schema, parse_definition, to_mapping
from shared.public_forms.fields import Field, FieldKind
from shared.public_forms.kinds import KINDS, by_name
from shared.public_forms.kinds.choices import FURTHER_CITIES, zone_options
from shared.public_forms.rendering import render_fields
from shared.public_forms.validation import FieldError, from_form_encoded, validate
from tests.architecture.sources import text_of
from tests.support.processes import PROJECT
from tests.unit.shared.public_forms.samples import answered, form_with
from tests.unit.shared.public_forms.test_rendering import elements

OPTIONS = [{"value": "a", "label": "First"}, {"value": "b", "label": "Second"}]


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What is known of one kind.

    Attributes:
        sent: values of a browser's form.
        stored: the answer that comes of them.
        shown: the same for an English reader.
        cell: the same in a file.
        wrong: JSON that is refused.
        code: of that fault.
        more: what the definition needs besides.
        limit: a value of ``min``; None if there can be none.
        equals: the value of a condition; None if there can be none.
    """

    sent: tuple[str, ...]
    stored: Any
    shown: str
    cell: object
    wrong: Any
    code: str
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    limit: Any = None
    equals: str | bool | None = None


ADDRESS, DAY = "a@example.org", "2020-05-11"
CHOICES = {"options": OPTIONS}
SAMPLES = {
    "text": Sample((" A word ",), "A word", "A word", "A word", 5, "not-text", limit=2, equals="A word"),
    "long_text": Sample(("A\r\nB",), "A\nB", "A\nB", "A\nB", "\x00", "control-characters", limit=2, equals="A"),
    "email": Sample(
        ("a@Example.org",), ADDRESS, ADDRESS, ADDRESS, "a", "bad-address", limit=2, equals=ADDRESS
    ),
    "phone": Sample(
        ("+41 (0)22 917 90 00",), "+41229179000", "+41 22 917 90 00", "+41 22 917 90 00", "022 917 90 00", "bad-phone"
    ),
    "number": Sample(("1,5",), 1.5, "1.5", 1.5, "x", "not-a-number", limit=-2.5),
    "date": Sample(
        (DAY,), DAY, DAY, DAY, "2020-02-30", "bad-date", limit="2020-01-01", equals=DAY
    ),
    "yes_no": Sample(("yes",), True, "Yes", True, "perhaps", "not-yes-or-no", equals=False),
    "consent": Sample(("on",), True, "Yes", True, 1, "not-yes-or-no", equals=True),
    "one_of": Sample(("b",), "b", "Second", "Second", "c", "not-a-choice", CHOICES, equals="a"),
    "some_of": Sample(
        ("b", "a"), ["a", "b"], "First, Second", "First; Second", ["c"], "not-a-choice", CHOICES, equals="b"
    ),
    "working_group": Sample(("a",), "a", "First", "First", "c", "not-a-choice", CHOICES, equals="b"),
    "country": Sample(("KE",), "KE", "Kenya", "KE", "XX", "not-a-choice", equals="CH"),
    "time_zone": Sample(
        ("America/New_York",), "America/New_York", "America/New York", "America/New_York", "Mars", "not-a-choice",
        equals="Africa/Nairobi",
    ),
    "language": Sample(("fr",), "fr", "Français", "fr", "tlh", "not-a-choice", equals="ru"),
}  # fmt: skip
TYPES: Mapping[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "boolean": (bool,), "list": (list,)}
LIMITS: tuple[Any, ...] = (2, -2.5, "2020-01-01", True, "x", 100_000_000, [])

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=str)


def form_of(kind: FieldKind, **more: Any) -> FormDefinition:
    """A form with a field ``x`` of the kind."""
    return form_with({"name": "x", "kind": kind.name, **SAMPLES[kind.name].more, **more})


def field_of(kind: FieldKind, **more: Any) -> Field:
    return form_of(kind, **more).field("x")


def answer_to(definition: FormDefinition, answer: Any) -> Any:
    """What is stored of an answer to ``x``, wherever it is stored."""
    found = validate(definition, answered(x=answer))
    assert found.errors == ()
    return {**found.values, **found.sealed}["x"]


def faults(definition: FormDefinition, **answers: Any) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in validate(definition, answered(**answers)).errors]


def test_every_kind_is_listed_by_name_with_a_sample() -> None:
    assert [name for name, kind in KINDS.items() if kind.name != name] == []
    assert sorted(KINDS) == sorted(SAMPLES)


@pytest.mark.parametrize("behaviour", [field.name for field in dataclasses.fields(FieldKind)])
def test_kind_without_a_behaviour_cannot_be_made(behaviour: str) -> None:
    whole = {field.name: getattr(KINDS["text"], field.name) for field in dataclasses.fields(FieldKind)}
    assert FieldKind(**whole).name == "text"
    del whole[behaviour]
    with pytest.raises(TypeError, match=behaviour):
        FieldKind(**whole)


def test_two_kinds_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        by_name(KINDS["text"], KINDS["date"], KINDS["text"])


@every_kind
def test_what_a_browser_sends_is_stored(kind: FieldKind) -> None:
    sample, definition = SAMPLES[kind.name], form_of(kind)
    raw = from_form_encoded(definition, MultiDict([("x", value) for value in sample.sent]))
    assert answer_to(definition, raw["x"]) == sample.stored
    assert answer_to(definition, sample.stored) == sample.stored
    assert isinstance(sample.stored, TYPES[kind.data_type])


@every_kind
def test_what_a_browser_would_send_for_an_answer_is_that_answer(kind: FieldKind) -> None:
    sample = SAMPLES[kind.name]
    for value in sample.stored if kind.data_type == "list" else [sample.stored]:
        assert kind.parse(kind.encode(value)) == value


@every_kind
def test_wrong_answer_is_refused_in_every_language(kind: FieldKind) -> None:
    sample, definition = SAMPLES[kind.name], form_of(kind)
    assert faults(definition, x=sample.wrong) == [("/x", sample.code)]
    for language in LANGUAGES:
        [error] = validate(definition, answered(x=sample.wrong), language).errors
        assert error.message
        assert "{" not in error.message


@every_kind
@pytest.mark.parametrize("wrong", [{}, {"a": 1}, [[]], [None], float("nan"), 10**400, "\ud800", "x" * 100_000, -0.0])
def test_no_json_breaks_a_check(kind: FieldKind, wrong: Any) -> None:
    validate(form_of(kind), answered(x=wrong))


THOUSANDS = (
    "1,000",
    "1.000",
    "1 000",
    "1\u202f000",
    "1'000",
    "\u0661\u066c\u0660\u0660\u0660",
    "1,000,000",
    "1,000.50",
)


@pytest.mark.parametrize("typed", THOUSANDS)
@pytest.mark.parametrize("limits", [{"min": 1, "max": 2000}, {"min": 1}, {"max": 2000.0}])
def test_separator_of_thousands_is_refused_where_the_limits_are_whole(limits: dict[str, Any], typed: str) -> None:
    """``1,000`` would be stored as 1 by the rule for decimal commas."""
    definition = form_of(KINDS["number"], **limits)
    raw = from_form_encoded(definition, MultiDict([("x", typed)]))
    [error] = validate(definition, answered(x=raw["x"])).errors
    assert (error.code, "1000" in error.message) == ("thousands-separator", True)


@pytest.mark.parametrize("limits", [{}, {"min": 0.5}, {"min": 0, "max": 2.5}])
@pytest.mark.parametrize("typed", ["1,125", "1.125", "\u0661\u066b\u0661\u0662\u0665"])
def test_three_decimals_are_taken_where_the_limits_are_not_whole(limits: dict[str, Any], typed: str) -> None:
    definition = form_of(KINDS["number"], **limits)
    raw = from_form_encoded(definition, MultiDict([("x", typed)]))
    assert answer_to(definition, raw["x"]) == 1.125


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("\u0662\u0660", 20),
        ("\uff12\uff10", 20),
        ("\u0662\u066b\u0665", 2.5),
        ("\u22125", -5),
        ("\u202a\uff0b7\u202c", 7),
    ],
)
def test_number_in_the_digits_of_any_script_is_read_from_text_too(typed: str, number: float) -> None:
    """The page's script sends it as it was typed."""
    definition = form_of(KINDS["number"])
    assert answer_to(definition, typed) == number
    assert answer_to(definition, from_form_encoded(definition, MultiDict([("x", typed)]))["x"]) == number


@pytest.mark.parametrize("typed", ["1,000,000", "1 000", "1,000.50"])
def test_thousands_that_are_no_decimal_number_are_refused_everywhere(typed: str) -> None:
    assert faults(form_of(KINDS["number"]), x=typed) == [("/x", "thousands-separator")]


@every_kind
def test_missing_answer_is_named(kind: FieldKind) -> None:
    assert faults(form_of(kind, required=True)) == [("/x", "consent-needed" if kind.is_consent else "required")]


@every_kind
@pytest.mark.parametrize("required", [False, True])
def test_json_schema_takes_what_the_check_takes(kind: FieldKind, required: bool) -> None:
    sample, definition = SAMPLES[kind.name], form_of(kind, required=required)
    schema = jsonschema_rs.validator_for(json_schema(definition), validate_formats=True)
    raw = from_form_encoded(definition, MultiDict([("x", value) for value in sample.sent]))
    assert schema.is_valid(answered(x=raw["x"]))
    assert schema.is_valid(answered(x=sample.stored))
    assert schema.is_valid(answered(x=None)) == (not required)
    if isinstance(sample.wrong, str) and kind.name in ("time_zone", "long_text"):
        return  # the list of zones and the rules of Unicode are in no schema
    assert not schema.is_valid(answered(x=sample.wrong))


@every_kind
def test_answer_is_shown_in_every_language(kind: FieldKind) -> None:
    sample, field = SAMPLES[kind.name], field_of(kind)
    assert kind.display(field, sample.stored, "en") == sample.shown
    assert all(kind.display(field, sample.stored, language) for language in LANGUAGES)
    assert kind.cell(field, sample.stored) == sample.cell


@every_kind
def test_control_is_named_labelled_and_filled(kind: FieldKind) -> None:
    sample, definition = SAMPLES[kind.name], form_of(kind, required=True)
    html = render_fields(definition, "en", values={"x": sample.stored}, errors=[FieldError("/x", "x", "wrong")])
    [question] = [attrs for _, attrs in elements(html, "div") if attrs.get("data-field") == "x"]
    controls = [attrs for _, attrs in elements(html, "input", "select", "textarea") if attrs["name"] == "x"]
    assert question["data-type"] == kind.data_type
    assert ("data-consent" in question) == kind.is_consent
    assert controls[0]["id"] == "field-x"
    assert controls[0].get("autocomplete", "") == kind.autocomplete
    filled = [attrs for _, attrs in elements(html, "option") if "selected" in attrs] + [
        one for one in controls if one.get("type") not in ("radio", "checkbox") or "checked" in one
    ]
    sent = [kind.encode(value) for value in (sample.stored if kind.data_type == "list" else [sample.stored])]
    assert [one["value"] for one in filled if one.get("value")] == sent or sample.stored in html
    assert estimate_height(definition, "en", NARROW_PX) > estimate_height(form_with(), "en", NARROW_PX)


INPUTS = re.compile(r"^input:is\((.*)\), select, textarea \{$", re.MULTILINE)


@every_kind
def test_control_of_one_line_has_the_style_of_the_others(kind: FieldKind) -> None:
    [styled] = INPUTS.findall(text_of(PROJECT / "shared/http/static/questions.css"))
    widget = kind.widget(field_of(kind))
    if widget.template == "input.html":
        assert f'[type="{widget.attributes["type"]}"]' in styled.split(", ")


@every_kind
def test_choices_have_labels_in_every_language(kind: FieldKind) -> None:
    for language in LANGUAGES:
        choices = kind.choices(field_of(kind), language)
        assert all(label for _, label in choices)
        assert bool(choices) or kind.options == "none" or kind.widget(field_of(kind)).template == "zones.html"


@every_kind
def test_definition_takes_the_limits_of_the_kind_alone(kind: FieldKind) -> None:
    limit = SAMPLES[kind.name].limit
    taken = [one for one in LIMITS if kind.accepts_limit(one)]
    assert (limit is not None) == (limit in taken)
    assert all(type(one) is not bool for one in taken)
    if limit is not None:
        assert field_of(kind, min=limit).minimum == limit
    else:
        with pytest.raises(ValueError, match="/fields/2/min: "):
            form_of(kind, min=2)


@every_kind
def test_condition_names_a_value_that_an_answer_can_be(kind: FieldKind) -> None:
    equals, field = SAMPLES[kind.name].equals, field_of(kind)
    of_another_type = "yes" if kind.data_type == "boolean" else True
    assert not kind.can_equal(field, of_another_type)
    assert kind.can_equal(field, SAMPLES[kind.name].sent[0]) <= (equals is not None)
    if equals is not None:
        assert kind.can_equal(field, equals)


@every_kind
@pytest.mark.parametrize("sealed", [None, True, False])
def test_answers_are_sealed_as_the_kind_allows(kind: FieldKind, sealed: bool | None) -> None:
    given_sealed = {} if sealed is None else {"sealed": sealed}
    if sealed and kind.sealing == "never":
        with pytest.raises(ValueError, match="/fields/2/sealed: "):
            form_of(kind, **given_sealed)
        return
    definition = form_of(kind, **given_sealed)
    assert definition.field("x").sealed == (kind.sealing == "by-default" if sealed is None else sealed)
    assert parse_definition(to_mapping(definition)) == definition
    answers = validate(definition, answered(x=SAMPLES[kind.name].stored))
    assert ("x" in answers.sealed, "x" in answers.values) == (
        definition.field("x").sealed,
        not definition.field("x").sealed,
    )


@every_kind
def test_order_of_answers_can_be_asked_for_where_there_is_one(kind: FieldKind) -> None:
    first = {"name": "first", "kind": kind.name, **SAMPLES[kind.name].more}
    second = {"name": "x", "kind": kind.name, "not_before": "first", **SAMPLES[kind.name].more}
    if kind.ordered:
        assert form_with(first, second).field("x").not_before == "first"
    else:
        with pytest.raises(ValueError, match="/fields/3/not_before: "):
            form_with(first, second)


@every_kind
def test_empty_form_has_answers_that_are_right(kind: FieldKind) -> None:
    for language in LANGUAGES:
        initial = form_of(kind).initial_answers(language)
        assert faults(form_of(kind), **initial) == []
    assert form_with({"name": "x", "kind": "language"}).initial_answers("ru") == {"x": "ru"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_time_zone_is_offered_under_one_name_of_a_place(language: str) -> None:
    names = [name for _, zones in zone_options(language) for _, _, name in zones]
    assert [name for name in names if "/" in name or "_" in name] == []
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("America/Argentina/Buenos_Aires", "Buenos Aires (Argentina)"),
        ("America/Indiana/Knox", "Knox, Indiana"),
        ("America/Indiana/Indianapolis", "Indianapolis"),
        ("America/New_York", "New York"),
    ],
)
def test_time_zone_of_three_parts_names_its_place_once(zone: str, name: str) -> None:
    assert [shown for _, zones in zone_options("en") for each, _, shown in zones if each == zone] == [name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_time_zone_of_geneva_names_geneva(language: str) -> None:
    """The IANA database names it after Zurich."""
    (shown,) = [name for _, zones in zone_options(language) for zone, _, name in zones if zone == "Europe/Zurich"]
    assert shown.endswith(f" ({FURTHER_CITIES['Europe/Zurich'][language]})")
