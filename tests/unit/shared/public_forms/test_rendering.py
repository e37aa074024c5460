"""The HTML of questions: labelled for screen readers, and safe for any input."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import with_options
from shared.public_forms.rendering import answers_for_display, render_fields, render_summary
from shared.public_forms.validation import FieldError, validate
from tests.unit.shared.public_forms.samples import complete, form_with, webinar

WEBINAR = webinar()
ATTACK = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>"
Elements = list[tuple[str, dict[str, str | None]]]


class Reader(HTMLParser):
    """Collects the elements and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: Elements = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def elements(html: str, *tags: str) -> Elements:
    return [(tag, attrs) for tag, attrs in Reader(html).elements if not tags or tag in tags]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_control_has_a_label_and_existing_descriptions(language: str) -> None:
    html = render_fields(WEBINAR, language)
    ids = [str(attrs["id"]) for _, attrs in elements(html) if "id" in attrs]
    labelled = {attrs["for"] for _, attrs in elements(html, "label")}
    assert len(ids) == len(set(ids))
    for _, attrs in elements(html, "input", "select", "textarea"):
        assert attrs["id"] in labelled
    for _, attrs in elements(html):
        assert set(str(attrs.get("aria-describedby") or "").split()) <= set(ids)


def test_required_is_stated_in_text() -> None:
    assert render_fields(WEBINAR, "es").count("(obligatorio)") == 3


def test_faults_are_marked_at_the_field_and_linked_from_the_summary() -> None:
    errors = validate(WEBINAR, {"email": "nobody"}).errors
    html = render_fields(WEBINAR, "en", values={"email": "nobody"}, errors=errors)
    invalid = [attrs["name"] for _, attrs in elements(html, "input") if "aria-invalid" in attrs]
    summary = render_summary(WEBINAR, "en", errors)
    links = [attrs["href"] for _, attrs in elements(summary, "a")]
    assert invalid == ["name", "email", "consent"]
    assert links == ["#field-name", "#field-email", "#field-consent"]
    assert elements(summary, "div")[0][1]["role"] == "alert"
    assert {link.removeprefix("#") for link in map(str, links)} <= {a.get("id") for _, a in elements(html)}


def test_summary_without_faults_is_hidden() -> None:
    assert "hidden" in elements(render_summary(WEBINAR, "en", ()), "div")[0][1]


def test_conditional_field_is_there_with_its_condition_in_words() -> None:
    html = render_fields(WEBINAR, "en")
    [asked] = [attrs for _, attrs in elements(html, "div") if attrs.get("data-field") == "representative"]
    assert (asked["data-shown-when"], "hidden" in asked) == ("working_group", False)
    assert "Only if you answered “Working group”." in html


def test_condition_with_a_value_names_it() -> None:
    form = form_with(
        {"name": "trip", "kind": "yes_no"},
        {"name": "nights", "kind": "number", "shown_when": {"field": "trip", "equals": True}},
    )
    html = render_fields(form, "en")
    [asked] = [attrs for _, attrs in elements(html, "div") if attrs.get("data-field") == "nights"]
    assert asked["data-shown-equals"] == "yes"
    assert "Only if your answer to “Trip” is “Yes”." in html


def test_answers_come_back_to_the_page() -> None:
    html = render_fields(WEBINAR, "en", values=complete())
    chosen = [attrs["value"] for _, attrs in elements(html, "option") if "selected" in attrs]
    checked = [(attrs["name"], attrs["value"]) for _, attrs in elements(html, "input") if "checked" in attrs]
    assert chosen == ["housing", "KE", "Africa/Nairobi", "fr"]
    assert checked == [("representative", "yes"), ("consent", "yes")]


def test_old_time_zone_name_comes_back_too() -> None:
    html = render_fields(WEBINAR, "en", values={"time_zone": "Asia/Calcutta"})
    assert [attrs["value"] for _, attrs in elements(html, "option") if "selected" in attrs] == ["Asia/Calcutta"]


def test_what_was_typed_is_escaped_everywhere() -> None:
    values: dict[str, Any] = dict.fromkeys(complete(), ATTACK)
    errors = [FieldError(f"/{name}", "x", ATTACK) for name in complete()] + [FieldError("/" + ATTACK, "x", ATTACK)]
    plain = {tag for tag, _ in elements(render_fields(WEBINAR, "en") + render_summary(WEBINAR, "en", ()))}
    html = render_fields(WEBINAR, "en", values=values, errors=errors) + render_summary(WEBINAR, "en", errors)
    assert {tag for tag, _ in elements(html)} - plain == {"a", "li", "span"} - plain
    assert [value for tag, attrs in elements(html, "input") for value in [attrs["value"]] if value == ATTACK]
    assert not [name for _, attrs in elements(html) for name in attrs if name.startswith("on")]


def test_names_of_working_groups_and_labels_are_escaped() -> None:
    form = with_options(WEBINAR, "working_group", [("x", ATTACK)])
    assert "script" not in {tag for tag, _ in elements(render_fields(form, "en"))}
    labelled = form_with({"name": "x", "kind": "text", "label": ATTACK, "help": ATTACK})
    assert "script" not in {tag for tag, _ in elements(render_fields(labelled, "en"))}


@given(
    st.dictionaries(
        st.sampled_from([*complete()]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text()),
    )
)
def test_anything_that_was_sent_can_be_shown_again(values: dict[str, Any]) -> None:
    render_fields(WEBINAR, "ar", values=values, errors=validate(WEBINAR, values).errors)


def test_no_style_or_handler_is_in_the_markup() -> None:
    attributes = {name for _, attrs in elements(render_fields(WEBINAR, "en")) for name in attrs}
    assert "id" in attributes
    assert not {name for name in attributes if name == "style" or name.startswith("on")}


def test_answers_are_shown_in_words_without_sealed_ones() -> None:
    shown = answers_for_display(WEBINAR, complete(), "fr")
    assert dict(shown)["Pays"] == "Kenya"
    assert dict(shown)["Groupe de travail"] == "Housing"
    assert "captions" not in [answer for _, answer in shown]
