"""Standard forms: the questions of each kind of form, and how days and working groups fill them."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from shared.i18n.languages import LANGUAGES, Text
from shared.i18n.when import day_text
from shared.public_forms.definition import FormDefinition, parse_definition, with_options
from shared.runtime.yaml_source import read_yaml
from shared.vocabulary.form_kinds import FORM_KINDS

TextInput = str | Mapping[str, str]
"""One text for every language, or texts by language."""

FOLDER = Path(__file__).parent / "standard"
GROUP_FIELD = "working_group"
DAY_FIELDS = ("preferred_days", "unavailable_days")
"""Questions of a proposal whose choices are the days on which side events can be."""


def standard_form(
    kind: str,
    slug: str,
    title: TextInput,
    *,
    intro: TextInput = "",
    working_groups: Sequence[tuple[str, Text | str]] = (),
    days: Sequence[date] = (),
) -> FormDefinition:
    """Return the standard form of a kind.

    Args:
        kind: one of ``FORM_KINDS``.
        slug: the slug of the form.
        intro: the introduction, in place of the one that the kind has.
        working_groups: the (slug, name) of each group that can be chosen, in the order shown. Without any, the
            question is not shown.
        days: the days on which side events can be; without any, a proposal is not asked about days.

    Raises:
        ValueError: kind, slug or title cannot be used; the message names the fault.
    """
    if kind not in FORM_KINDS:
        raise ValueError(f"kind: must be one of {', '.join(FORM_KINDS)}")
    own = {"slug": slug, "title": title, "version": 1} | ({"intro": intro} if intro else {})
    standard = _standard(kind)
    fields = [field for field in (_with_days(field, days) for field in standard["fields"]) if field is not None]
    return with_working_groups(parse_definition({**standard, **own, "fields": fields}), working_groups)


def _with_days(field: Mapping[str, Any], days: Sequence[date]) -> Mapping[str, Any] | None:
    """A question with the days that can be chosen; None for one about days where there are none."""
    if field["name"] not in DAY_FIELDS:
        return field
    choices = [
        {"value": day.isoformat(), "label": {language: day_text(day, language) for language in LANGUAGES}}
        for day in days
    ]
    return {**field, "options": choices} if choices else None


def with_working_groups(definition: FormDefinition, groups: Sequence[tuple[str, Text | str]]) -> FormDefinition:
    """Return the questions with ``groups`` (slug, name) to choose from, if they ask for a working group."""
    if not any(field.name == GROUP_FIELD for field in definition.fields):
        return definition
    return with_options(definition, GROUP_FIELD, groups)


def standard_questions(kind: str) -> list[Mapping[str, Any]]:
    """The questions of a kind as a definition describes them, with the project's own translations named by key."""
    found: list[Mapping[str, Any]] = _standard(kind)["fields"]
    return found


@cache
def _standard(kind: str) -> dict[str, Any]:
    """The questions every form of a kind has."""
    found: dict[str, Any] = read_yaml(FOLDER / f"{kind}.yaml", dict).data
    return found
