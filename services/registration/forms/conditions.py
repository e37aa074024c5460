"""The condition of a question, as a coordinator types it: an earlier question and the answer that it must have.

The answer is typed as the form shows it or as it is stored. What the earlier question can never be answered with is
refused here: with such a condition the question would never be asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.registration.forms.designer_fields import label_of, words_of
from shared.i18n.content import NO_TEXT, Text
from shared.i18n.languages import LANGUAGES
from shared.public_forms.fields import Field, FieldKind
from shared.public_forms.kinds import KINDS

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
    asked = next((one for one in earlier if isinstance(one, Mapping) and one.get("name") == name), {})
    kind = KINDS.get(str(asked.get("kind")))
    if kind is not None and kind.data_type == "boolean":
        answer = kind.parse(typed)
        fault = "" if isinstance(answer, bool) else f"“{label_of(asked)}” is answered with yes or no"
        return {"field": name, "equals": answer}, fault
    choices = list(_choices(asked, kind, groups)) if kind is not None else []
    answer = next((value for value, label in choices if _folded(typed) in (_folded(value), _folded(label))), "")
    fault = _not_a_choice(typed, asked, choices) if choices and not answer else ""
    return {"field": name, "equals": answer or typed}, fault


def _choices(asked: Mapping[str, Any], kind: FieldKind, groups: Groups) -> Iterator[tuple[str, str]]:
    """Each choice of a draft's question with its label, first of all in English, then in the other languages."""
    listed = [one for one in asked.get("options") or () if isinstance(one, Mapping)]
    for language in LANGUAGES:
        if kind.options == "listed" or listed:
            yield from ((str(one.get("value", "")), words_of(one.get("label")).get(language, "")) for one in listed)
        elif kind.options == "offered":
            yield from ((slug, title.in_language(language)) for slug, title in groups)
        else:
            yield from kind.choices(Field(str(asked.get("name")), kind, NO_TEXT), language)


def _not_a_choice(typed: str, asked: Mapping[str, Any], choices: Sequence[tuple[str, str]]) -> str:
    named = dict(reversed(choices))  # the first label of a choice is the English one
    few = ", ".join(sorted(label or value for value, label in named.items()))
    choose = f". Type one of: {few}" if len(named) <= MAX_NAMED else ""
    return f"“{typed}” is not a choice of “{label_of(asked)}”{choose}"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
