"""The standard forms, made from data and the few things that differ from one to the next."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.public_forms.definition import FormDefinition, parse_definition, with_options

TextInput = str | Mapping[str, str]
"""One text for every language, or texts by language."""

FOLDER = Path(__file__).parent / "standard"
STANDARD_KINDS = ("webinar", "delegation", "working_group", "attendance", "interest")
GROUP_FIELD = "working_group"


def standard_form(
    kind: str,
    slug: str,
    title: TextInput,
    *,
    intro: TextInput = "",
    working_groups: Sequence[tuple[str, str]] = (),
    version: int = 1,
) -> FormDefinition:
    """The standard form of a kind.

    Args:
        kind: one of ``STANDARD_KINDS``.
        slug: of the form.
        intro: in place of the one that the kind has.
        working_groups: (slug, name) of each group that can be chosen, in the order shown. Without any, the
            question is not shown.
        version: rises when the questions change.

    Raises:
        ValueError: kind, slug, title or version cannot be used; says what is wrong.
    """
    if kind not in STANDARD_KINDS:
        raise ValueError(f"kind: must be one of {', '.join(STANDARD_KINDS)}")
    own = {"slug": slug, "title": title, "version": version} | ({"intro": intro} if intro else {})
    return with_working_groups(parse_definition({**_standard(kind), **own}), working_groups)


def with_working_groups(definition: FormDefinition, groups: Sequence[tuple[str, str]]) -> FormDefinition:
    """Return the questions with ``groups`` (slug, name) to choose from, if they ask for a working group."""
    if not any(field.name == GROUP_FIELD for field in definition.fields):
        return definition
    return with_options(definition, GROUP_FIELD, groups)


@cache
def _standard(kind: str) -> dict[str, Any]:
    """The questions every form of a kind has."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{kind}.yaml").read_text(encoding="utf-8"))
    return found
