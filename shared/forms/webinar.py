"""The standard form of a webinar, made from data and the few things that differ from one to the next."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.forms.definition import FormDefinition, parse_definition, with_options

TextInput = str | Mapping[str, str]
"""One text for every language, or texts by language."""


def webinar_form(
    slug: str,
    title: TextInput,
    *,
    intro: TextInput = "",
    working_groups: Sequence[tuple[str, str]] = (),
    version: int = 1,
) -> FormDefinition:
    """The registration form of a webinar.

    Args:
        slug: of the form, which is the event's id.
        working_groups: (slug, name) of each group that can be chosen, in the order shown. Without any, the
            question is not shown.
        version: rises when the questions change.

    Raises:
        ValueError: slug, title or version cannot be used; says what is wrong.
    """
    mapping = {**_standard(), "slug": slug, "title": title, "intro": intro, "version": version}
    return with_options(parse_definition(mapping), "working_group", working_groups)


@cache
def _standard() -> dict[str, Any]:
    """The questions every webinar has."""
    path = Path(__file__).parent / "standard" / "webinar.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
