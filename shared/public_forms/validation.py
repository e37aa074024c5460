"""Validation: what a browser or a program sent becomes clean answers, or errors that a page and a program can show.

One marshmallow schema a form, made once. This is on the path of every registration: measured at well under 0.15 ms of
processor time for the webinar form. What a browser sends without a script is first converted to the types that JSON
has, so that one check serves both.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Protocol, cast

from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import Field as SchemaField

from shared.public_forms.definition import Field, FormDefinition
from shared.public_forms.fields import Check, engine_texts, folded


class Submitted(Protocol):
    """A form body: what werkzeug's ``MultiDict`` offers."""

    def keys(self) -> Any:
        """The names, each once."""

    def getlist(self, key: str) -> list[str]:
        """All values of one name."""


def from_form_encoded(definition: FormDefinition, submitted: Submitted) -> dict[str, Any]:
    """Return the answers in a form body as JSON would carry them; transport and unknown fields are kept as text.

    Empty answers are left out. What cannot be read as its kind stays text, and a name that came several times
    where one answer is asked stays a list, so that the check refuses it with its own message.

    Args:
        definition: whose kinds define how each value is read.
        submitted: names and texts, as they came.

    Returns:
        a new dict, by field name.
    """
    fields = {field.name: field for field in definition.fields}
    answers: dict[str, Any] = {}
    for name in submitted.keys():  # noqa: SIM118 - a MultiDict iterates its own way
        given = [value for value in submitted.getlist(name) if value != ""]
        if given:
            answers[name] = _answer(fields.get(name), given)
    return answers


def _answer(field: Field | None, given: list[str]) -> Any:
    """The value of one name."""
    if field is None:
        return given if len(given) > 1 else given[0]
    if field.kind.data_type == "list":
        return [field.kind.parse(value) for value in given]
    return given if len(given) > 1 else field.kind.parse(given[0])


MAX_CACHED = 256
MAX_ERRORS = 50
MAX_POINTER = 100


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault: where (JSON pointer, RFC 6901; ``""`` is the whole), a stable code, a sentence for a person."""

    pointer: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The outcome of a check. With errors the answers are what could be read, to fill the page again.

    Attributes:
        values: clear answers by field; values are text, bool, int, float or a list of texts.
        sealed: the answers to sealed fields, never to be stored in clear.
        errors: empty when everything is right.
    """

    values: dict[str, Any]
    sealed: dict[str, Any]
    errors: tuple[FieldError, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.errors


class Answer(SchemaField[Any]):
    """One answer, cleaned by the check made for its field. Empty counts as not given; messages are codes."""

    default_error_messages = {"required": "required", "null": "required", "validator_failed": "invalid"}  # noqa: RUF012

    def __init__(self, check: Check, *, required: bool) -> None:
        super().__init__(required=required, allow_none=not required)
        self._check = check

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = self._check(value)
        if found is None and self.required:
            raise ValidationError("required")
        return found


def schema_of(definition: FormDefinition) -> Schema:
    """Return a new schema. A field with a condition is not required in it: whether it is depends on other answers and
    is decided afterwards."""
    answers = {
        field.name: Answer(field.kind.check(field), required=field.required and field.shown_when is None)
        for field in definition.fields
    }
    made = Schema.from_dict(cast(Any, answers), name="FormAnswers")
    made.error_messages = {"unknown": "unknown-field", "type": "not-an-object"}
    return made(unknown=RAISE)


_cached: dict[tuple[str, int, int], tuple[FormDefinition, Schema]] = {}


def validate(definition: FormDefinition, raw: object, language: str = "en") -> Answers:
    """Check answers against a definition.

    An answer to a field whose condition is not met is refused, but an empty one (a browser without a script sends those
    of all fields) is left out. Transport fields are unknown here: take them out first with ``split_transport``.

    Args:
        definition: the questions that were asked.
        raw: parsed JSON, or what ``from_form_encoded`` returned.
        language: the language of the messages; English for any other than the project's.

    Returns:
        clean answers, clear and sealed ones apart, and at most ``MAX_ERRORS`` faults.
    """
    schema = _schema(definition)
    if not isinstance(raw, Mapping):
        return Answers({}, {}, (_error(None, "", "not-an-object", language),))
    codes: dict[str, list[str]] = {}
    try:
        found = schema.load(raw)
    except ValidationError as failure:
        found, codes = failure.valid_data, dict(cast(dict[str, list[str]], failure.messages))
    answered = {name for name, value in raw.items() if not _is_empty(value)}
    return _sorted_out(definition, cast(Mapping[str, Any], found), codes, answered, language)


def _is_empty(value: object) -> bool:
    """Whether ``value`` is what a form or a program sends for no answer; an unticked box is none."""
    return value is None or value is False or (isinstance(value, str | list) and not value)


def _schema(definition: FormDefinition) -> Schema:
    """The schema of ``definition``, rebuilt when a form of that slug and version has other choices.

    The steps of a form differ in the number of their fields.
    """
    key = (definition.slug, definition.version, len(definition.fields))
    cached = _cached.get(key)
    if cached is not None and cached[0] is definition:
        return cached[1]
    schema = cached[1] if cached is not None and cached[0] == definition else schema_of(definition)
    if len(_cached) >= MAX_CACHED:
        _cached.clear()
    _cached[key] = (definition, schema)
    return schema


def _sorted_out(
    definition: FormDefinition,
    found: Mapping[str, Any],
    codes: dict[str, list[str]],
    answered: Set[str],
    language: str,
) -> Answers:
    """Apply the conditions in the order of the form, then separate clear answers from sealed ones.

    Args:
        definition: the form.
        found: what could be read.
        codes: the codes of faults, by field.
        answered: names of the fields that have an answer, readable or not.
        language: the language of the messages.
    """
    values: dict[str, Any] = {}
    sealed: dict[str, Any] = {}
    errors: list[FieldError] = []
    wrong = set(codes)
    for field in definition.fields:
        name = field.name
        code = codes.pop(name, None)
        if field.shown_when is not None and not is_shown(field, values, sealed):
            if field.shown_when.field in wrong:
                wrong.add(name)  # whether it is asked is not known
            elif name in answered:
                errors.append(_about_other(definition, field, field.shown_when.field, "not-asked", language))
            continue
        value = found.get(name)
        if code is not None:
            errors.append(_error(field, f"/{name}", code[0], language))
        elif field.not_before and _is_before(value, found.get(field.not_before)):
            errors.append(_about_other(definition, field, field.not_before, "before-other", language))
            (sealed if field.sealed else values)[name] = value
        elif field.lines_of and not _are_lines_of(value, found.get(field.lines_of)):
            errors.append(_about_other(definition, field, field.lines_of, "not-a-line", language))
            (sealed if field.sealed else values)[name] = value
        elif field.full_options and _chosen(value) & field.full_options:
            errors.append(_error(field, f"/{name}", "option-full", language))
            values[name] = value
        elif value is not None:
            (sealed if field.sealed else values)[name] = value
        elif field.required:
            errors.append(_error(field, f"/{name}", "required", language))
    errors.extend(_error(None, pointer_to(key), "unknown-field", language) for key in codes)
    return Answers(values, sealed, tuple(errors[:MAX_ERRORS]))


def _chosen(value: Any) -> frozenset[str]:
    """The choices that an answer holds."""
    return frozenset(value if isinstance(value, list) else () if value is None else (value,))


def _is_before(value: Any, other: Any) -> bool:
    """Whether a day comes before another; ISO 8601 days sort as text."""
    return isinstance(value, str) and isinstance(other, str) and value < other


def _are_lines_of(value: Any, other: Any) -> bool:
    """Whether each line of a text is one of another's, however it is spaced and cased; empty ones are."""
    return not isinstance(value, str) or _lines(value) <= _lines(other if isinstance(other, str) else "")


def _lines(text: str) -> Set[str]:
    return {words for line in text.splitlines() if (words := folded(line))}


def _about_other(definition: FormDefinition, field: Field, other: str, code: str, language: str) -> FieldError:
    """An error of ``field`` whose sentence names the ``other`` field."""
    label = definition.field(other).label.in_language(language)
    return FieldError(f"/{field.name}", code, engine_texts().text(f"error.{code}", language, field=label))


def is_shown(field: Field, values: Mapping[str, Any], sealed: Mapping[str, Any]) -> bool:
    """Return whether a field is asked.

    Args:
        values: clear answers to the fields before it.
        sealed: sealed answers to those.
    """
    condition = field.shown_when
    if condition is None:
        return True
    answer = values.get(condition.field, sealed.get(condition.field))
    if condition.equals is None:
        return answer is not None and answer is not False
    return condition.equals in answer if isinstance(answer, list) else answer == condition.equals


_COUNTED = ("too-long", "too-short")
"""Errors that name a number of characters."""


def pointer_to(key: object) -> str:
    """Return the JSON pointer (RFC 6901) of a member called ``key``, cut to a length that cannot hurt a log."""
    return "/" + str(key)[:MAX_POINTER].replace("~", "~0").replace("/", "~1")


def _error(field: Field | None, pointer: str, code: str, language: str) -> FieldError:
    """An error with its sentence; it contains limits of the field."""
    limits = {"min": "", "max": ""}
    if field is not None:
        code = "consent-needed" if code == "required" and field.kind.is_consent else code
        most = field.max_length if code == "too-long" else field.maximum
        limits = {"min": str(field.minimum), "max": str(most)}
    if code in _COUNTED and field is not None:
        count = field.max_length if code == "too-long" else int(field.minimum or 0)
        return FieldError(pointer, code, engine_texts().plural(f"error.{code}", count, language, **limits))
    return FieldError(pointer, code, engine_texts().text(f"error.{code}", language, **limits))
