"""The check of answers: what is accepted, what is refused, and how a fault is reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import with_full_options, with_options
from shared.public_forms.fields import TRANSPORT_FIELDS, split_transport
from shared.public_forms.validation import FieldError, validate
from tests.unit.shared.public_forms.samples import answered, complete, form_with, minimal, webinar

WEBINAR = webinar()


def codes(definition: Any, raw: object) -> dict[str, str]:
    return {error.pointer: error.code for error in validate(definition, raw).errors}


def test_complete_answers_are_parted_into_clear_and_sealed() -> None:
    answers = validate(WEBINAR, complete())
    clear = {key: value for key, value in complete().items() if key != "access_needs"}
    assert (answers.values, answers.sealed, answers.errors) == (clear, {"access_needs": "captions"}, ())


def test_only_required_answers_are_enough() -> None:
    assert validate(WEBINAR, minimal()).values == minimal()


def test_missing_answers_are_each_named() -> None:
    assert codes(WEBINAR, {"name": "  ", "email": None}) == {
        "/name": "required",
        "/email": "required",
        "/consent": "consent-needed",
    }


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_body_that_is_no_object_has_the_pointer_of_the_whole(raw: object) -> None:
    assert codes(WEBINAR, raw) == {"": "not-an-object"}


def test_unknown_field_is_refused_with_an_escaped_pointer() -> None:
    assert codes(WEBINAR, minimal() | {"a/b~c": 1}) == {"/a~1b~0c": "unknown-field"}


def test_transport_fields_are_unknown_until_taken_out() -> None:
    raw = minimal() | {"partner": "example-partner", "lang": "fr", "website": ""}
    assert set(codes(WEBINAR, raw)) == {"/partner", "/lang", "/website"}
    beside, answers = split_transport(raw)
    assert (set(beside), codes(WEBINAR, answers)) == ({"partner", "lang", "website"}, {})
    assert set(beside) <= TRANSPORT_FIELDS


@pytest.mark.parametrize(
    ("field", "most"), [("name", 200), ("organisation", 200), ("access_needs", 2000), ("questions", 4000)]
)
def test_text_is_taken_up_to_its_limit_and_not_beyond(field: str, most: int) -> None:
    assert codes(WEBINAR, minimal() | {field: "é" * most}) == {}
    assert codes(WEBINAR, minimal() | {field: "é" * (most + 1)}) == {f"/{field}": "too-long"}
    assert codes(WEBINAR, minimal() | {field: "x" * 100_000}) == {f"/{field}": "too-long"}


def test_message_names_the_limit_in_the_language() -> None:
    [error] = validate(WEBINAR, minimal() | {"name": "x" * 201}, "fr").errors
    assert error == FieldError("/name", "too-long", "Ce texte est trop long. Maximum\u202f: 200 caractères.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_own_message(language: str) -> None:
    texts = {code: validate(WEBINAR, {}, code).errors[0].message for code in LANGUAGES}
    assert [code for code, text in texts.items() if text == texts[language]] == [language]


@pytest.mark.parametrize("bad", ["\x00", "\r\nBcc: x", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\t"])
def test_control_characters_in_one_line_are_refused(bad: str) -> None:
    assert codes(WEBINAR, minimal() | {"name": f"A{bad}B"}) == {"/name": "control-characters"}


def test_line_ends_of_a_long_text_become_line_feeds() -> None:
    found = validate(WEBINAR, minimal() | {"questions": "one\r\ntwo\rthree\u2028four\tfive"})
    assert found.values["questions"] == "one\ntwo\nthree\nfour\tfive"
    assert codes(WEBINAR, minimal() | {"questions": "a\x00b"}) == {"/questions": "control-characters"}


@pytest.mark.parametrize("mark", [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))])
@pytest.mark.parametrize("field", ["name", "questions"])
def test_marks_that_change_the_direction_are_refused(mark: str, field: str) -> None:
    assert codes(WEBINAR, minimal() | {field: f"A{mark}B"}) == {f"/{field}": "direction-marks"}


@pytest.mark.parametrize("name", ["محمد\u200fعلي", "می\u200cخواهم", "李 雷", "Ngũgĩ wa Thiong’o", "👩🏽\u200d⚖️"])
def test_names_of_the_world_are_kept(name: str) -> None:
    assert validate(WEBINAR, minimal() | {"name": name}).values["name"] == name


@pytest.mark.parametrize(
    "name", ["\u200b\u2060", "\u3164", "\uffa0 \u115f", "\u2800\u2800", "\ufe0f", "\u034f", "\u0301"]
)
def test_name_without_anything_that_can_be_seen_is_none(name: str) -> None:
    """In a list it would be a link that no one can find."""
    assert codes(WEBINAR, minimal() | {"name": name}) == {"/name": "required"}


def test_text_is_trimmed_and_composed() -> None:
    assert validate(WEBINAR, minimal() | {"name": "  Jose\u0301 \u00a0"}).values["name"] == "José"


@pytest.mark.parametrize(
    "email", ["nobody", "a@b", "a@@example.org", "a b@example.org", "a@example.org\x00", "é@example.org"]
)
def test_address_that_cannot_be_mailed_is_refused(email: str) -> None:
    assert list(codes(WEBINAR, minimal() | {"email": email})) == ["/email"]


def test_address_that_is_too_long_is_refused() -> None:
    assert codes(WEBINAR, minimal() | {"email": "a" * 250 + "@example.org"}) == {"/email": "too-long"}


def test_address_is_stored_with_its_domain_in_lower_case_ascii() -> None:
    assert validate(WEBINAR, minimal() | {"email": " A.B@Example.ORG "}).values["email"] == "A.B@example.org"
    assert validate(WEBINAR, minimal() | {"email": "a@bücher.example"}).values["email"] == "a@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("country", "XX", "not-a-choice"),
        ("country", ["KE"], "not-a-choice"),
        ("time_zone", "Mars/Olympus", "not-a-choice"),
        ("time_zone", "../etc/passwd", "not-a-choice"),
        ("language", "tlh", "not-a-choice"),
        ("working_group", "unheard-of", "not-a-choice"),
        ("name", 5, "not-text"),
        ("name", ["A"], "not-text"),
        ("consent", False, "consent-needed"),
        ("consent", "yes", "not-yes-or-no"),
    ],
)
def test_answer_of_the_wrong_kind_is_refused(field: str, value: Any, code: str) -> None:
    assert codes(WEBINAR, minimal() | {field: value}) == {f"/{field}": code}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ({"kind": "number", "min": 1, "max": 5}, 0, "too-small"),
        ({"kind": "number", "min": 1, "max": 5}, 6, "too-large"),
        ({"kind": "number"}, "5", "not-a-number"),
        ({"kind": "number"}, True, "not-a-number"),
        ({"kind": "number"}, float("nan"), "not-a-number"),
        ({"kind": "number"}, float("inf"), "not-a-number"),
        ({"kind": "number"}, 10**400, "too-large"),
        ({"kind": "date"}, "2020-02-30", "bad-date"),
        ({"kind": "date"}, "20200304", "bad-date"),
        ({"kind": "date", "min": "2020-03-01"}, "2020-02-29", "too-early"),
        ({"kind": "date", "max": "2020-03-01"}, "2020-03-02", "too-late"),
        ({"kind": "text", "min": 3}, "ab", "too-short"),
        ({"kind": "some_of", "options": [{"value": "a", "label": "A"}]}, "a", "not-a-choice"),
        ({"kind": "some_of", "options": [{"value": "a", "label": "A"}]}, ["b"], "not-a-choice"),
        ({"kind": "some_of", "options": [{"value": "a", "label": "A"}]}, [{}], "not-a-choice"),
        ({"kind": "yes_no"}, 1, "not-yes-or-no"),
    ],
)
def test_answer_outside_its_limits_is_refused(field: dict[str, Any], value: Any, code: str) -> None:
    assert codes(form_with({"name": "x", **field}), answered(x=value)) == {"/x": code}


def test_some_of_keeps_the_order_of_the_form_and_each_value_once() -> None:
    options = [{"value": value, "label": value} for value in "abc"]
    form = form_with({"name": "x", "kind": "some_of", "options": options})
    assert validate(form, answered(x=["c", "a", "c"])).values["x"] == ["a", "c"]


def test_answer_to_a_question_that_is_not_asked_is_refused_unless_empty() -> None:
    no_answers: tuple[Any, ...] = (None, "", [], False)
    for nothing in no_answers:
        answers = validate(WEBINAR, minimal() | {"representative": nothing})
        assert (answers.errors, answers.values) == ((), minimal())
    for answer in (True, "nonsense", 0, {"a": 1}, "no"):
        assert codes(WEBINAR, minimal() | {"representative": answer}) == {"/representative": "not-asked"}
    assert codes(WEBINAR, minimal() | {"working_group": "housing", "representative": "nonsense"}) == {
        "/representative": "not-yes-or-no"
    }


@pytest.mark.parametrize(("trip", "expected"), [(True, {"/nights": "required"}), (False, {}), (None, {})])
def test_required_field_is_required_only_when_its_condition_is_met(trip: bool | None, expected: Any) -> None:
    form = form_with(
        {"name": "trip", "kind": "yes_no"},
        {"name": "nights", "kind": "number", "required": True, "shown_when": {"field": "trip", "equals": True}},
    )
    assert codes(form, answered(trip=trip)) == expected


def test_condition_on_a_dropped_field_is_not_met() -> None:
    form = form_with(
        {"name": "a", "kind": "text"},
        {"name": "b", "kind": "text", "shown_when": {"field": "a", "equals": "x"}},
        {"name": "c", "kind": "text", "required": True, "shown_when": {"field": "b"}},
    )
    refused = codes(form, answered(a="other", b="y", c="z"))
    assert refused == {"/b": "not-asked", "/c": "not-asked"}
    assert codes(form, answered(a="x" * 5000, b="y", c="z")) == {"/a": "too-long"}, "one fault does not cause others"
    assert validate(form, answered(a="other", b="", c=None)).values == answered(a="other")
    assert codes(form, answered(a="x", b="y")) == {"/c": "required"}


def test_condition_on_a_sealed_field_works() -> None:
    form = form_with(
        {"name": "diet", "kind": "text", "sealed": True},
        {"name": "more", "kind": "text", "required": True, "shown_when": {"field": "diet"}},
    )
    assert codes(form, answered(diet="x")) == {"/more": "required"}


def test_choices_that_change_under_the_same_version_are_heeded() -> None:
    assert codes(WEBINAR, complete()) == {}
    changed = with_options(WEBINAR, "working_group", [("voting", "Voting rights")])
    assert codes(changed, complete()) == {"/working_group": "not-a-choice"}
    assert codes(WEBINAR, complete()) == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*complete(), "other"]) | st.text(max_size=8), json_values, max_size=12))
def test_any_json_object_gives_answers_or_errors_that_point_into_it(raw: dict[str, Any]) -> None:
    answers = validate(WEBINAR, raw)
    required = {"/name", "/email", "/consent"}
    sent = {"/" + key.replace("~", "~0").replace("/", "~1") for key in raw}
    assert {error.pointer for error in answers.errors} <= sent | required
    assert all(error.message and "{" not in error.message for error in answers.errors)
    if answers.ok:
        assert required <= {f"/{name}" for name in answers.values}


@given(st.text(max_size=300))
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    first = validate(WEBINAR, minimal() | {"questions": text})
    if first.ok and "questions" in first.values:
        assert validate(WEBINAR, minimal() | {"questions": first.values["questions"]}).values == first.values


@pytest.mark.parametrize(("kind", "chosen"), [("one_of", "morning"), ("some_of", ["evening", "morning"])])
def test_choice_that_is_full_is_refused_and_named(kind: str, chosen: Any) -> None:
    options = [{"value": "morning", "label": "Morning", "limit": 1}, {"value": "evening", "label": "Evening"}]
    definition = form_with({"name": "workshop", "kind": kind, "options": options})
    full = with_full_options(definition, ["workshop=morning"])
    assert codes(definition, answered(workshop=chosen)) == {}
    assert codes(full, answered(workshop=chosen)) == {"/workshop": "option-full"}
    assert codes(full, answered(workshop="evening" if kind == "one_of" else ["evening"])) == {}
    assert codes(full, answered()) == {}
