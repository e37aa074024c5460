"""What a coordinator has typed about a form or one of its questions, as part of a draft's content, and back.

The condition of a question is an earlier question and the answer that it must have, typed as the form shows it or as it
is stored. What the earlier question can never be answered with is refused here: with such a condition the question
would never be asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from services.registration.forms.standard_forms import DAY_FIELDS, standard_questions
from shared.i18n.languages import LANGUAGE_NAMES, LANGUAGES, NO_TEXT, Text
from shared.public_forms.fields import Field, FieldKind, engine_texts, folded
from shared.public_forms.kinds import KINDS
from shared.public_forms.reading import RESERVED_NAMES
from shared.runtime.ids import free_slug, slug_from

MAX_NAMED = 30
"""Choices that a refusal names."""

Groups = Sequence[tuple[str, Text]]
"""Short name and title of each working group that forms offer."""


def read_condition(
    given: Mapping[str, str], earlier: Sequence[Any], groups: Groups
) -> tuple[dict[str, Any] | None, str]:
    """Return the condition that was typed, None for a question that is always asked, and what is wrong with it.

    Args:
        given: the page's values.
        earlier: the questions before this one, of which a condition may name one.
        groups: the choices of a question about the working group.
    """
    name, typed = given.get("when_field", ""), given.get("when_equals", "").strip()
    if not name:
        return None, ""
    if not typed:
        return {"field": name}, ""
    asked = next(
        (question for question in earlier if isinstance(question, Mapping) and question.get("name") == name), {}
    )
    kind = KINDS.get(str(asked.get("kind")))
    if kind is not None and kind.data_type == "boolean":
        answer = kind.parse(typed)
        fault = "" if isinstance(answer, bool) else f"“{label_of(asked)}” is answered with yes or no"
        return {"field": name, "equals": answer}, fault
    choices = list(_choices(asked, kind, groups)) if kind is not None else []
    answer = next((value for value, label in choices if folded(typed) in (folded(value), folded(label))), "")
    fault = _not_a_choice(typed, asked, choices) if choices and not answer else ""
    return {"field": name, "equals": answer or typed}, fault


def _choices(asked: Mapping[str, Any], kind: FieldKind, groups: Groups) -> Iterator[tuple[str, str]]:
    """Each choice of a draft's question with its label, first of all in English, then in the other languages."""
    listed = [option for option in asked.get("options") or () if isinstance(option, Mapping)]
    for language in LANGUAGES:
        if kind.options == "listed" or listed:
            yield from (
                (str(option.get("value", "")), words_of(option.get("label")).get(language, "")) for option in listed
            )
        elif kind.options == "offered":
            yield from ((slug, title.in_language(language)) for slug, title in groups)
        else:
            yield from kind.choices(Field(str(asked.get("name")), kind, NO_TEXT), language)


def _not_a_choice(typed: str, asked: Mapping[str, Any], choices: Sequence[tuple[str, str]]) -> str:
    named = dict(reversed(choices))  # the first label of a choice is the English one
    few = ", ".join(sorted(label or value for value, label in named.items()))
    choose = f". Type one of: {few}" if len(named) <= MAX_NAMED else ""
    return f"“{typed}” is not a choice of “{label_of(asked)}”{choose}"


OFFERED_LANGUAGES = tuple(LANGUAGE_NAMES)
FLAGS = ("required", "sealed", "after_confirmation")
NUMBERS = ("retention_days", "min", "max")
COUNTS = ("people_per_address", "closes_hours_before", "promotion_notice_minutes", "person_days", "capacity")
"""Settings that are whole numbers; the last one only of a new form."""

MAX_MADE_NAME = 40
"""Characters of the short name of a question that is made from its text."""

KIND_WORDS: Mapping[str, str] = {
    "text": "Short text",
    "long_text": "Long text",
    "email": "E-mail address",
    "phone": "Telephone number",
    "one_of": "One of several choices",
    "some_of": "Several of several choices",
    "yes_no": "Yes or no",
    "consent": "Consent",
    "number": "Number",
    "date": "Day",
    "country": "Country",
    "language": "Language",
    "time_zone": "Time zone",
    "working_group": "Working group",
}


QUESTION_WORDS: Mapping[str, str] = {
    "name": "Short name",
    "kind": "Kind",
    "label": "Question",
    "help": "Help",
    "options": "Choices",
    "option_labels": "Texts of the choices",
    "required": "Required",
    "sealed": "Sealed",
    "after_confirmation": "Asked after the confirmation",
    "when_field": "Condition",
    "when_equals": "Answer in the condition",
    "min": "At least",
    "max": "At most",
    "retention_days": "Days until the answer is deleted",
}
"""Titles of what :func:`question_values` returns."""


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question in the list of a draft.

    Attributes:
        position: the place in the list, from 0.
        label: the label in English, or in another language if there is no English text.
        marks: what is special about it, in words.
        missing: the names of languages in which a text of it is missing.
    """

    position: int
    name: str
    kind: str
    label: str
    marks: Sequence[str]
    missing: Sequence[str]


def first_questions(kind: str) -> list[dict[str, Any]]:
    """The questions of the standard form of a kind; those about days are left for the coordinator to add."""
    return [dict(question) for question in standard_questions(kind) if question["name"] not in DAY_FIELDS]


def words_of(raw: Any) -> dict[str, str]:
    """A text of a draft by language; what is the same in every language is in English."""
    if isinstance(raw, str):
        return {"en": raw} if raw else {}
    if not isinstance(raw, Mapping):
        return {}
    if set(raw) == {"key"}:
        texts, key = engine_texts(), str(raw["key"])
        return {language: texts.text(key, language) for language in OFFERED_LANGUAGES} if texts.has(key) else {}
    return {("en" if code == "" else str(code)): str(text) for code, text in raw.items()}


def read_words(given: Mapping[str, str], prefix: str, before: Any) -> Any:
    """The text whose languages were typed as ``<prefix>.<language>``; ``before`` if nothing was changed."""
    typed = {
        language: text
        for language in OFFERED_LANGUAGES
        if (text := given.get(f"{prefix}.{language}", "").strip().replace("\r\n", "\n"))
    }
    if typed == words_of(before):
        return before
    return typed or None


def label_of(field: Mapping[str, Any]) -> str:
    """What a draft's question asks, in English where it can be; else its short name."""
    words = words_of(field.get("label"))
    return words.get("en") or next(iter(words.values()), "") or str(field.get("name", ""))


def question_rows(fields: Sequence[Any]) -> list[QuestionRow]:
    """The questions of a draft, as far as they can be read."""
    rows = []
    asked = {str(raw["name"]): raw for raw in fields if isinstance(raw, Mapping) and "name" in raw}
    for position, raw in enumerate(fields):
        field = raw if isinstance(raw, Mapping) else {}
        label = label_of(field)
        kind = str(field.get("kind", ""))
        rows.append(
            QuestionRow(
                position,
                str(field.get("name", "")),
                KIND_WORDS.get(kind, kind),
                label,
                _marks(field, asked),
                [LANGUAGE_NAMES[language] for language in OFFERED_LANGUAGES if _lacks(field, language)],
            )
        )
    return rows


def _marks(field: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]) -> list[str]:
    marks = ["Required"] if field.get("required") else []
    if condition := field.get("shown_when"):
        name = str(condition.get("field"))
        other = asked.get(name, {"name": name})
        marks.append(f"Only if “{label_of(other)}” is {_answered(other, condition.get('equals'))}")
    kind = KINDS.get(str(field.get("kind")))
    if field.get("sealed", kind is not None and kind.sealing == "by-default"):
        marks.append("Sealed")
    if field.get("after_confirmation"):
        marks.append("After the confirmation")
    if any(isinstance(option, Mapping) and option.get("limit") is not None for option in field.get("options") or ()):
        marks.append("Limited places")
    return marks


def _answered(asked: Mapping[str, Any], equals: Any) -> str:
    """The answer that a condition requires, in words."""
    if equals is None or isinstance(equals, bool):
        return "answered" if equals is None else "yes" if equals else "no"
    options = [option for option in asked.get("options") or () if isinstance(option, Mapping)]
    labels = {option.get("value"): words_of(option.get("label")).get("en") for option in options}
    return labels.get(equals) or str(equals)


def _lacks(field: Mapping[str, Any], language: str) -> bool:
    """Whether readers of a language get a text of this question in another one."""
    texts = [field.get("label"), field.get("help"), *(option.get("label") for option in field.get("options") or ())]
    return any(isinstance(raw, Mapping) and raw and language not in words_of(raw) for raw in texts) or any(
        isinstance(raw, str) and raw and language != "en" for raw in texts
    )


def question_values(field: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the fields on the page of a question."""
    condition = field.get("shown_when") or {}
    equals = condition.get("equals")
    kind = KINDS.get(str(field.get("kind")))
    options = [option for option in field.get("options") or () if isinstance(option, Mapping)]
    return {
        "name": field.get("name", ""),
        "kind": field.get("kind", "text"),
        "has_choices": kind is not None and kind.options == "listed",
        "is_consent": kind is not None and kind.is_consent,
        "label": words_of(field.get("label")),
        "help": words_of(field.get("help")),
        "required": bool(field.get("required")),
        "sealed": bool(field.get("sealed", kind is not None and kind.sealing == "by-default")),
        "after_confirmation": bool(field.get("after_confirmation")),
        "when_field": condition.get("field", ""),
        "when_equals": ("yes" if equals else "no") if isinstance(equals, bool) else equals or "",
        "options": "\n".join(_option_line(option) for option in options),
        "option_labels": {
            language: _lines([words_of(option.get("label")).get(language, "") for option in options])
            for language in OFFERED_LANGUAGES
        },
        **{name: "" if field.get(name) is None else field[name] for name in NUMBERS},
    }


def _option_line(option: Mapping[str, Any]) -> str:
    limit = option.get("limit")
    return f"{option.get('value', '')}{'' if limit is None else f' = {limit}'}"


def _lines(texts: Sequence[str]) -> str:
    return "\n".join(texts).rstrip()


def read_question(
    given: MultiDict[str, str],
    before: Mapping[str, Any],
    condition: Mapping[str, Any] | None,
    others: Sequence[Any],
) -> tuple[dict[str, Any], str]:
    """The question that was typed, and what is wrong with the lines of its choices; those are then as before.

    The draft's problems state whether it can be published.

    Args:
        given: the page's values.
        before: the question as it was; keys that the page does not show stay.
        condition: when it is asked; None for always.
        others: all questions of the form: a short name that is made from the text differs from theirs.
    """
    kind, label = given.get("kind", ""), read_words(given, "label", before.get("label"))
    fault = ""
    try:
        options = _read_options(given, before)
    except ValueError as error:
        options, fault = list(before.get("options") or ()), str(error)
    read: dict[str, Any] = {
        **before,
        "name": given.get("name", "").strip() or before.get("name") or _name_of(label, others),
        "kind": kind,
        "label": label,
        "help": read_words(given, "help", before.get("help")),
        "shown_when": condition,
        "options": options if kind in KINDS and KINDS[kind].options == "listed" else None,
        **{name: _read_number(given.get(name, ""), kind, name) for name in NUMBERS},
        **{name: name in given for name in FLAGS},
    }
    by_default = kind in KINDS and KINDS[kind].sealing == "by-default"
    kept = {name: value for name, value in read.items() if _is_given(value)}
    return kept | ({"sealed": False} if by_default and not read["sealed"] else {}), fault


def _is_given(value: Any) -> bool:
    """Whether a value is not the default; 0 is a limit, although it equals False."""
    return value is not None and value is not False and value not in ("", [])


def _name_of(label: Any, others: Sequence[Any]) -> str:
    """A short name from the English text of a question."""
    made = slug_from(words_of(label).get("en", ""), "_", MAX_MADE_NAME)
    made = f"q_{made}" if made[:1].isdigit() else made
    taken = {str(question.get("name")) for question in others if isinstance(question, Mapping)}
    return free_slug(made, taken | RESERVED_NAMES, "_")


def _read_options(given: Mapping[str, str], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The choices: a line for each with its short name and perhaps its places, and beside it a line in each language.

    Raises:
        ValueError: a language has more lines than there are choices.
    """
    known = {option.get("value"): option for option in before.get("options") or () if isinstance(option, Mapping)}
    labels = {language: given.get(f"options.{language}", "").rstrip().splitlines() for language in OFFERED_LANGUAGES}
    lines = given.get("options", "").strip("\r\n ").splitlines() or list(map(slug_from, labels["en"]))
    for language, texts in labels.items():
        if len(texts) > len(lines):
            raise ValueError(f"{LANGUAGE_NAMES[language]}: there are more lines than choices")
    found = []
    for number, line in enumerate(lines):
        value, _, places = (part.strip() for part in line.partition("="))
        typed = {language: texts[number].strip() for language, texts in labels.items() if number < len(texts)}
        typed = {language: text for language, text in typed.items() if text}
        label = known.get(value, {}).get("label")
        limit = _read_number(places, "number", "limit")
        option = {"value": value, "label": label if typed == words_of(label) else typed}
        found.append(option | ({} if limit is None else {"limit": limit}))
    return found


def _read_number(text: str, kind: str, name: str) -> int | float | str | None:
    """A number, or a day as text; what is neither stays as it was typed, for the draft's problems to name."""
    typed = text.strip()
    asks_a_day = kind in KINDS and KINDS[kind].ordered and name != "retention_days"
    if not typed or asks_a_day:
        return typed or None
    try:
        return int(typed)
    except ValueError:
        pass
    try:
        return float(typed)
    except ValueError:
        return typed


def read_settings(given: MultiDict[str, str], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``content`` with its settings replaced by those that were typed."""
    read: dict[str, Any] = {
        **content,
        "title": read_words(given, "title", content.get("title")),
        "intro": read_words(given, "intro", content.get("intro")),
        "event": given.get("event", ""),
        "attend": given.get("attend", ""),
        "open_until": given.get("open_until", ""),
        "verification": given.get("verification", "email"),
        "waiting_list": "waiting_list" in given,
        "partners": given.getlist("partners"),
        "controller": given.get("controller", "").strip(),
        "contact": given.get("contact", "").strip(),
        **{name: _read_number(given.get(name, ""), "number", name) for name in COUNTS if name in given},
    }
    return {name: value for name, value in read.items() if value not in (None, "", [])}
