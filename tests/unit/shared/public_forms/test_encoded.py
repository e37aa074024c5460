"""Submissions of a browser without script are checked like JSON."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from shared.public_forms.validation import from_form_encoded, validate
from tests.support.form_encoding import to_form_encoded
from tests.unit.shared.public_forms.samples import answered, complete, form_with, minimal, webinar

WEBINAR = webinar()


def encoded(pairs: list[tuple[str, str]], definition: Any = WEBINAR) -> dict[str, Any]:
    return from_form_encoded(definition, MultiDict(pairs))


def test_encoded_answers_equal_json() -> None:
    assert encoded(to_form_encoded(complete())) == complete()


def test_checked_box_without_value_is_consent() -> None:
    assert encoded([("consent", "on")]) == {"consent": True}


def test_empty_answers_are_left_out() -> None:
    assert encoded([("name", ""), ("country", ""), ("email", "participant@example.org")]) == {
        "email": "participant@example.org"
    }


def test_name_sent_twice_is_refused_where_one_answer_is_asked() -> None:
    raw = encoded([*to_form_encoded(minimal()), ("name", "Another")])
    assert [(error.pointer, error.code) for error in validate(WEBINAR, raw).errors] == [("/name", "not-text")]


def test_unknown_and_transport_fields_are_kept() -> None:
    assert encoded([("x", "1"), ("partner", "example-partner")]) == {"x": "1", "partner": "example-partner"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        (" -3 ", -3),
        ("1,5", 1.5),
        ("2.25", 2.25),
        ("0,125", 0.125),
        ("\u0662\u0660", 20),
        ("\u06f2\u06f0", 20),
        ("\uff12\uff10", 20),
        ("-\u0662\u066b\u0665", -2.5),
        (" ", ""),
        ("five", "five"),
        ("1e9", "1e9"),
        ("\u00b2", "\u00b2"),
        ("1,000", "1,000"),
    ],
)
def test_number_is_read_from_its_text(text: str, number: Any) -> None:
    assert encoded([("x", text)], form_with({"name": "x", "kind": "number"})) == {"x": number}


def test_repeated_keys_are_a_list_where_several_answers_are_asked() -> None:
    options = [{"value": value, "label": value} for value in "abc"]
    form = form_with({"name": "x", "kind": "some_of", "options": options})
    assert encoded([("x", "a"), ("x", "b")], form) == {"x": ["a", "b"]}
    assert encoded([("x", "a")], form) == {"x": ["a"]}


SHOWN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@given(
    st.fixed_dictionaries(
        {"name": SHOWN, "email": st.sampled_from(["participant@example.org", "nobody"])},
        optional={
            "organisation": SHOWN,
            "working_group": st.sampled_from(["housing", "other"]),
            "representative": st.booleans(),
            "country": st.sampled_from(["KE", "XX"]),
            "questions": SHOWN,
            "consent": st.just(True),
        },
    )
)
def test_form_encoded_and_json_have_the_same_outcome(raw: dict[str, Any]) -> None:
    assert validate(WEBINAR, encoded(to_form_encoded(raw))) == validate(WEBINAR, raw)


def test_encoded_yes_and_no_are_read() -> None:
    form = form_with({"name": "x", "kind": "yes_no"})
    for text, value in (("yes", True), ("no", False)):
        assert encoded([*to_form_encoded(answered()), ("x", text)], form) == answered(x=value)
