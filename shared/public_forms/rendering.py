"""Renders the questions of a form as accessible HTML that works without a script.

Native controls only; the label is above, the help and the error are tied to the control, and all necessary information
is text. What people typed is escaped by Jinja on its way back to the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from shared.i18n.catalogue import labelled
from shared.i18n.languages import locale_of
from shared.public_forms.definition import Field, FormDefinition
from shared.public_forms.fields import Condition, Widget, engine_texts
from shared.public_forms.kinds.choices import zone_options
from shared.public_forms.validation import FieldError


@dataclass(frozen=True, slots=True)
class FieldView:
    """What a template needs of one field.

    Attributes:
        condition: the sentence that explains when to answer the field, ``""`` for always.
        sent_when: the value that a browser sends when that is so; ``""`` for any.
        error: ``""`` when nothing is wrong.
        fixed: the answer stays.
    """

    field: Field
    label: str
    help: str
    condition: str
    sent_when: str
    error: str
    value: Any
    widget: Widget
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
    """Return the id of the (first) control of a field."""
    return f"field-{field_name}"


def render_fields(
    definition: FormDefinition,
    language: str,
    *,
    values: Mapping[str, Any] | None = None,
    errors: Sequence[FieldError] = (),
    fixed: Mapping[str, str] | None = None,
) -> Markup:
    """Return all questions as HTML, in order, without the ``form`` element around them.

    Args:
        definition: the questions.
        language: the language of their texts.
        values: answers to show, by field name, as JSON carries them (also wrong ones, as they were sent).
        errors: faults to show at their fields.
        fixed: answers of one line that are known already: shown, and not to be changed.
    """
    shown = [field for field in definition.fields if field.is_answerable]
    known = fixed or {}
    given = {**(values or {}), **known}
    views = [_view(definition, field, language, given, errors) for field in shown]
    views = [replace(view, fixed=True) if view.field.name in known else view for view in views]
    return _render("fields.html", language, views=views)


def render_summary(definition: FormDefinition, language: str, errors: Sequence[FieldError]) -> Markup:
    """Return the summary of faults with a link to each field; an empty, hidden one when there are none.

    Args:
        definition: the questions.
        language: the language of their texts.
        errors: the faults that ``validate`` returned.
    """
    fields = {f"/{field.name}": field for field in definition.fields}
    rows = [_summary_row(fields.get(error.pointer), error.message, language) for error in errors]
    return _render("summary.html", language, rows=rows, label=labelled("{label}", "", language))


def _summary_row(field: Field | None, message: str, language: str) -> tuple[str, str, str]:
    """(id to go to, label with its colon, message); the label of a consent is a whole sentence and is left out."""
    if field is None:
        return "", "", message
    label = "" if field.kind.is_consent else labelled(field.label.in_language(language), "", language)
    return control_id(field.name), label, message


def answers_for_display(
    definition: FormDefinition, values: Mapping[str, Any], language: str
) -> tuple[tuple[str, str], ...]:
    """Return (label, answer) of each clear answer in the order of the form, as text for a person to read.

    Args:
        definition: the questions.
        values: answers by field name; others are left out.
        language: the language of the reader.
    """
    return _display([field for field in definition.fields if not field.sealed], values, language)


def withdrawn_answers(definition: FormDefinition, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (name, answer) of answers to questions that the form no longer asks."""
    asked = {field.name for field in definition.fields}
    return tuple((name, _plain(values[name])) for name in sorted(values) if name not in asked)


def _plain(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)


def sealed_for_display(
    definition: FormDefinition, values: Mapping[str, Any], language: str
) -> tuple[tuple[str, str], ...]:
    """Return the same of answers that were sealed, for a person who may read them."""
    return _display([field for field in definition.fields if field.sealed], values, language)


def _display(fields: Sequence[Field], values: Mapping[str, Any], language: str) -> tuple[tuple[str, str], ...]:
    shown = [field for field in fields if field.name in values]
    return tuple((f.label.in_language(language), f.kind.display(f, values[f.name], language)) for f in shown)


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
        sent_when=_sent_when(definition, field.shown_when),
        error=next((error.message for error in errors if error.pointer == f"/{field.name}"), ""),
        value=_showable(field, values.get(field.name)),
        widget=field.kind.widget(field),
    )


def _showable(field: Field, value: Any) -> Any:
    """``value`` if the field's control can hold it at all: it may be anything that a client sent."""
    if field.kind.data_type == "list":
        return value if isinstance(value, list) else []
    return value if isinstance(value, str | bool | int | float) else ""


def _condition_text(definition: FormDefinition, field: Field, language: str) -> str:
    """The sentence that explains when to answer a field, for people without the script."""
    condition = field.shown_when
    if condition is None:
        return ""
    asked = definition.field(condition.field)
    label = asked.label.in_language(language)
    if condition.equals is None:
        return engine_texts().text("only-if-any", language, field=label)
    value = asked.kind.display(asked, condition.equals, language)
    return engine_texts().text("only-if", language, field=label, value=value)


def _sent_when(definition: FormDefinition, condition: Condition | None) -> str:
    if condition is None or condition.equals is None:
        return ""
    return definition.field(condition.field).kind.encode(condition.equals)


def _render(template: str, language: str, **values: Any) -> Markup:
    def text(key: str) -> str:
        return engine_texts().text(key, language)

    page = _environment().get_template(template)
    html = page.render(**values, language=language, text=text, zones=zone_options, locale=locale_of(language))
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
