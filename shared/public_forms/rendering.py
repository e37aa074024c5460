"""Renders the questions of a form as accessible HTML that works without a script.

Native controls only; the label stands above, the help and the error are tied to the control, everything
that must be known is said in text. What people typed is escaped by Jinja on its way back to the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from shared.i18n.languages import locale_of
from shared.i18n.phrases import labelled
from shared.public_forms.choices import options_of, zone_options
from shared.public_forms.definition import Field, FormDefinition
from shared.public_forms.public import is_answerable
from shared.public_forms.texts import engine_texts
from shared.public_forms.validation import FieldError

MOST_RADIOS = 6
"""With more choices than this a list to open is easier to use than buttons."""

TEMPLATE_OF_KIND = {
    "text": "input.html",
    "email": "input.html",
    "number": "input.html",
    "date": "input.html",
    "long_text": "textarea.html",
    "yes_no": "choices.html",
    "some_of": "choices.html",
    "consent": "consent.html",
    "time_zone": "zones.html",
}


@dataclass(frozen=True, slots=True)
class FieldView:
    """What a template needs of one field. ``error`` is ``""`` when nothing is wrong; a ``fixed`` answer stays."""

    field: Field
    label: str
    help: str
    condition: str
    error: str
    value: Any
    template: str
    fixed: bool = False

    @property
    def control_id(self) -> str:
        """The id that a link in the error summary leads to."""
        return control_id(self.field.name)

    @property
    def described_by(self) -> str:
        """Ids of the texts that explain the control."""
        parts = (("help", self.help), ("only", self.condition), ("error", "always"))
        return " ".join(f"{self.field.name}-{part}" for part, text in parts if text)


def control_id(field_name: str) -> str:
    """The id of the (first) control of a field."""
    return f"field-{field_name}"


def render_fields(
    definition: FormDefinition,
    language: str,
    *,
    values: Mapping[str, Any] | None = None,
    errors: Sequence[FieldError] = (),
    fixed: Mapping[str, str] | None = None,
) -> Markup:
    """All questions of ``definition``, in order, without the ``form`` element around them.

    Args:
        values: answers to show, by field name, as JSON carries them (also wrong ones, as they were sent).
        errors: faults to show at their fields.
        fixed: answers of one line that are known already: shown, and not to be changed.
    """
    shown = [field for field in definition.fields if is_answerable(field)]
    known = fixed or {}
    given = {**(values or {}), **known}
    views = [_view(definition, field, language, given, errors) for field in shown]
    views = [replace(view, fixed=True) if view.field.name in known else view for view in views]
    return _render("fields.html", language, views=views)


def render_summary(definition: FormDefinition, language: str, errors: Sequence[FieldError]) -> Markup:
    """The summary of faults with a link to each field; an empty, hidden one when there are none."""
    fields = {f"/{field.name}": field for field in definition.fields}
    rows = [_summary_row(fields.get(error.pointer), error.message, language) for error in errors]
    return _render("summary.html", language, rows=rows, label=labelled("{label}", "", language))


def _summary_row(field: Field | None, message: str, language: str) -> tuple[str, str, str]:
    """(id to go to, label with its colon, message); the label of a consent is a sentence of its own and is left out."""
    if field is None:
        return "", "", message
    label = "" if field.kind == "consent" else labelled(field.label.in_language(language), "", language)
    return control_id(field.name), label, message


def answers_for_display(
    definition: FormDefinition, values: Mapping[str, Any], language: str
) -> tuple[tuple[str, str], ...]:
    """(label, answer) of each clear answer in the order of the form, as text for a person to read."""
    return _display([field for field in definition.fields if not field.sealed], values, language)


def sealed_for_display(
    definition: FormDefinition, values: Mapping[str, Any], language: str
) -> tuple[tuple[str, str], ...]:
    """The same of answers that were sealed, for somebody who may read them."""
    return _display([field for field in definition.fields if field.sealed], values, language)


def _display(fields: Sequence[Field], values: Mapping[str, Any], language: str) -> tuple[tuple[str, str], ...]:
    shown = [field for field in fields if field.name in values]
    return tuple((f.label.in_language(language), _as_text(f, values[f.name], language)) for f in shown)


def _as_text(field: Field, value: Any, language: str) -> str:
    if isinstance(value, bool):
        return engine_texts().text("answer.yes" if value else "answer.no", language)
    if field.kind == "time_zone":
        return str(value).replace("_", " ")
    labels = dict(options_of(field, language))
    chosen = value if isinstance(value, list) else [value]
    return ", ".join(labels.get(str(item), str(item)) for item in chosen)


def _view(
    definition: FormDefinition,
    field: Field,
    language: str,
    values: Mapping[str, Any],
    errors: Sequence[FieldError],
) -> FieldView:
    return FieldView(
        field=field,
        label=field.label.in_language(language),
        help=field.help.in_language(language),
        condition=_condition_text(definition, field, language),
        error=next((error.message for error in errors if error.pointer == f"/{field.name}"), ""),
        value=_showable(field, values.get(field.name)),
        template=template_of(field),
    )


def _showable(field: Field, value: Any) -> Any:
    """``value`` if the field's control can hold it at all: it may be anything that somebody sent."""
    if field.kind == "some_of":
        return value if isinstance(value, list) else []
    return value if isinstance(value, str | bool | int | float) else ""


def template_of(field: Field) -> str:
    """The template that shows a field's control."""
    if field.kind == "one_of" and len(field.options) <= MOST_RADIOS:
        return "choices.html"
    return TEMPLATE_OF_KIND.get(field.kind, "select.html")


def _condition_text(definition: FormDefinition, field: Field, language: str) -> str:
    """The sentence that says when a field is to be answered, for people without the script."""
    condition = field.shown_when
    if condition is None:
        return ""
    asked = definition.field(condition.field)
    label = asked.label.in_language(language)
    if condition.equals is None:
        return engine_texts().text("only-if-any", language, field=label)
    value = _as_text(asked, condition.equals, language)
    return engine_texts().text("only-if", language, field=label, value=value)


def _choices(field: Field, language: str) -> list[tuple[Any, str]]:
    if field.kind == "yes_no":
        texts = engine_texts()
        return [(True, texts.text("answer.yes", language)), (False, texts.text("answer.no", language))]
    return list(options_of(field, language))


def _render(template: str, language: str, **values: Any) -> Markup:
    def text(key: str) -> str:
        return engine_texts().text(key, language)

    page = _environment().get_template(template)
    html = page.render(
        **values, language=language, text=text, choices=_choices, zones=zone_options, locale=locale_of(language)
    )
    return Markup(html)  # noqa: S704 - the output of an autoescaping template


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("shared.public_forms"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
