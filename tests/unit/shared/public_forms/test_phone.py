"""Telephone numbers: all common notations become one, and anything else is refused."""

import pytest

from shared.i18n.languages import LANGUAGES
from shared.public_forms.rendering import render_fields, sealed_for_display
from shared.public_forms.validation import validate
from tests.unit.shared.public_forms.samples import answered, form_with
from tests.unit.shared.public_forms.test_rendering import elements

FORM = form_with({"name": "phone", "kind": "phone"})


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+41 22 917 90 00", "+41229179000"),
        ("+41 (0)22 917 90 00", "+41229179000"),
        ("+41-22-917-90-00", "+41229179000"),
        ("+41.22.917.90.00", "+41229179000"),
        ("+41/22/917 90 00", "+41229179000"),
        (" 0041 22 917 90 00 ", "+41229179000"),
        ("\uff0b41 22 917 90 00", "+41229179000"),
        ("+\u0664\u0661 \u0662\u0662 \u0669\u0661\u0667 \u0669\u0660 \u0660\u0660", "+41229179000"),
        ("\u0660\u0660\u0664\u0661 \u0662\u0662 \u0669\u0661\u0667 \u0669\u0660 \u0660\u0660", "+41229179000"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+39 06 6988 3145", "+390669883145"),
        ("+1 (202) 555-0123", "+12025550123"),
        ("+254 20 762 1234", "+254207621234"),
        ("+86 10 6512 3456", "+861065123456"),
        ("+\u00a041\u00a022\u202f917 90 00", "+41229179000"),
        ("+41 22\u200e 917 90 00", "+41229179000"),
        ("\u202a+41 22 917 90 00\u202c", "+41229179000"),
        ("\u200e+41\u221222\u2212917\ufe6390\u204300\ufeff", "+41229179000"),
        ("tel:+41-22-917-90-00", "+41229179000"),
        ("\u2066TEL: 0041 22 917 90 00\u2069", "+41229179000"),
        ("\uff10\uff10\uff14\uff11 22 917\u201390\u201300", "+41229179000"),
    ],
)
def test_number_is_stored_in_one_writing(written: str, stored: str) -> None:
    found = validate(FORM, answered(phone=written))
    assert (found.errors, found.sealed) == ((), {"phone": stored})


@pytest.mark.parametrize(
    "written",
    [
        "fr",
        "none",
        "022 917 90 00",
        "+41",
        "+41 22",
        "+999 123 4567",
        "+41 22 917 90 00 ext. 5",
        "+41 22 917 90 00 #5",
        "+1 800 FLOWERS",
        "++41 22 917 90 00",
        "+41 22 917 90 00, +41 22 917 90 01",
        "+41 22 917 90 00 \u043c\u043e\u0431",
        "+",
        "00",
        "tel:",
        "tel:022 917 90 00",
        "tel:+41229179000;ext=5",
    ],
)
def test_what_cannot_be_called_is_refused(written: str) -> None:
    [error] = validate(FORM, answered(phone=written)).errors
    assert (error.pointer, error.code) == ("/phone", "bad-phone")
    assert "+41 22 917 90 00" in error.message


@pytest.mark.parametrize("wrong", [41229179000, ["+41 22 917 90 00"], True])
def test_answer_that_is_no_text_is_refused(wrong: object) -> None:
    assert [error.code for error in validate(FORM, answered(phone=wrong)).errors] == ["not-text"]


def test_number_is_sealed_unless_the_definition_states_otherwise() -> None:
    clear = form_with({"name": "phone", "kind": "phone", "sealed": False})
    assert validate(clear, answered(phone="+41 22 917 90 00")).values["phone"] == "+41229179000"
    assert FORM.field("phone").sealed


@pytest.mark.parametrize("language", LANGUAGES)
def test_number_is_shown_as_people_write_it(language: str) -> None:
    assert sealed_for_display(FORM, {"phone": "+41229179000"}, language) == (("Phone", "+41 22 917 90 00"),)
    assert sealed_for_display(FORM, {"phone": "no number"}, language) == (("Phone", "no number"),)


def test_browser_offers_the_persons_own_number_unless_it_is_someone_elses() -> None:
    other = form_with({"name": "phone", "kind": "phone", "autocomplete": "off"})
    for form, token in ((FORM, "tel"), (other, "off")):
        [control] = [attrs for _, attrs in elements(render_fields(form, "en"), "input") if attrs["name"] == "phone"]
        assert (control["type"], control["autocomplete"], control["dir"]) == ("tel", token, "ltr")
