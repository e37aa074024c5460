"""The standard form by which a side event is proposed, made from data, the working groups and the days there are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import yaml

from shared.i18n.languages import LANGUAGES
from shared.i18n.when import day_text
from shared.public_forms.definition import FormDefinition, Option, Text, parse_definition, with_options

DAY_FIELDS = ("preferred_days", "unavailable_days")


def proposal_form(working_groups: Sequence[tuple[str, str]], days: Sequence[date]) -> FormDefinition:
    """The form of a proposal.

    Args:
        working_groups: (slug, name) of each group that can be chosen; without any, the question is not shown.
        days: on which side events can be; without any, nobody is asked about days.
    """
    asked = with_options(_standard(), "working_group", working_groups)
    choices = tuple(_option(day) for day in days)
    fields = (replace(field, options=choices) if field.name in DAY_FIELDS else field for field in asked.fields)
    return replace(asked, fields=tuple(field for field in fields if field.name not in DAY_FIELDS or choices))


def proposal_slug() -> str:
    """What the form is called."""
    return _standard().slug


def days_of_answers() -> Mapping[str, int]:
    """Days after the last day for which an answer is kept, by question, where the form gives it days of its own."""
    return {field.name: field.retention_days for field in _standard().fields if field.retention_days is not None}


def _option(day: date) -> Option:
    """A day, by its ISO 8601 form, as people write it in each language."""
    texts = sorted((language, day_text(day, language)) for language in LANGUAGES)
    return Option(day.isoformat(), Text(tuple(texts)))


@cache
def _standard() -> FormDefinition:
    path = Path(__file__).parent / "standard" / "proposal.yaml"
    mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in DAY_FIELDS:
        next(field for field in mapping["fields"] if field["name"] == name)["options"] = [
            {"value": "later", "label": "later"}
        ]
    return parse_definition(mapping)
