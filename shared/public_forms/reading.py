"""Reads the mapping of a form definition and collects every fault instead of stopping at the first."""

import re
from collections.abc import Mapping
from typing import Any

from shared.public_forms.field_reading import read_field, read_text
from shared.public_forms.fields import ADDRESS_FIELD, Field, FieldKind
from shared.public_forms.kinds.text import EMAIL, TEXT
from shared.public_forms.transport import TRANSPORT_FIELDS

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG = 80
MAX_FIELDS = 100
ALWAYS_ASKED = (("name", TEXT), (ADDRESS_FIELD, EMAIL))
ALWAYS_ASKED_OF = {"interest": ((ADDRESS_FIELD, EMAIL),)}
"""Fields every form has, by kind where one differs: whoever only wants to be told something need not say a name."""

FORM_KEYS = ("slug", "kind", "title", "intro", "version", "fields")


def read_definition(
    mapping: Mapping[str, Any], form_kinds: frozenset[str]
) -> tuple[dict[str, Any], tuple[Field, ...], list[str]]:
    """Read a definition.

    Args:
        mapping: from YAML or JSONB.
        form_kinds: names of the kinds of form.

    Returns:
        everything but the fields by name, the fields, and the list of what is wrong (empty if nothing is).
    """
    if not isinstance(mapping, Mapping):
        return {}, (), ["form: must be a mapping"]
    problems = [f"form: unknown key {key!r}" for key in mapping if key not in FORM_KEYS]
    fields = _read_fields(mapping.get("fields"), problems)
    found = {
        "slug": _read_slug(mapping.get("slug"), problems),
        "kind": mapping.get("kind"),
        "title": read_text(mapping.get("title"), "title", problems, required=True),
        "intro": read_text(mapping.get("intro"), "intro", problems),
        "version": _read_version(mapping.get("version", 1), problems),
    }
    if found["kind"] not in form_kinds:
        problems.append(f"kind: must be one of {', '.join(sorted(form_kinds))}")
    _check_together(fields, ALWAYS_ASKED_OF.get(str(found["kind"]), ALWAYS_ASKED), problems)
    return found, tuple(fields), problems


def _read_slug(slug: object, problems: list[str]) -> str:
    """The slug if it can stand in an address."""
    if isinstance(slug, str) and len(slug) <= MAX_SLUG and SLUG.fullmatch(slug):
        return slug
    problems.append("slug: must be lower-case letters, digits and single hyphens, at most 80")
    return ""


def _read_version(version: object, problems: list[str]) -> int:
    """The version if it is a whole number from 1."""
    if isinstance(version, int) and not isinstance(version, bool) and version >= 1:
        return version
    problems.append("version: must be a whole number from 1")
    return 1


def _read_fields(raw: object, problems: list[str]) -> list[Field]:
    """The fields that can be read; the others leave their problems."""
    if not isinstance(raw, list) or not raw:
        problems.append("fields: must be a list with at least name and email")
        return []
    if len(raw) > MAX_FIELDS:
        problems.append(f"fields: at most {MAX_FIELDS}")
    read = [read_field(item, position, problems) for position, item in enumerate(raw[:MAX_FIELDS], start=1)]
    return [field for field in read if field is not None]


def _check_together(fields: list[Field], always: tuple[tuple[str, FieldKind], ...], problems: list[str]) -> None:
    """Rules that need more than one field: those that are always there, repeated names, conditions, order of days."""
    for name, kind in always:
        if not any(one.name == name and one.kind is kind and one.required and not one.sealed for one in fields):
            problems.append(
                f"fields.{name}: every form needs a required field {name!r} of kind {kind.name} that is not sealed"
            )
    seen: dict[str, Field] = {}
    for field in fields:
        if field.name in seen:
            problems.append(f"fields.{field.name}: the name is used twice")
        if field.name in TRANSPORT_FIELDS:
            problems.append(f"fields.{field.name}: the name is reserved")
        _check_condition(field, seen, problems)
        _check_step(field, seen, problems)
        if any(option.limit is not None for option in field.options):
            _check_limits(field, problems)
        if field.not_before and (field.not_before not in seen or seen[field.not_before].kind is not field.kind):
            problems.append(f"fields.{field.name}.not_before: {field.not_before!r} is not an earlier date field")
        if field.lines_of and (field.lines_of not in seen or seen[field.lines_of].kind is not field.kind):
            problems.append(f"fields.{field.name}.lines_of: {field.lines_of!r} is not an earlier field of this kind")
        seen[field.name] = field


def _check_step(field: Field, earlier: Mapping[str, Field], problems: list[str]) -> None:
    """What is asked after the confirmation is sealed, and does not depend on the other step."""
    where = f"fields.{field.name}.after_confirmation"
    if field.after_confirmation and not field.sealed:
        problems.append(f"{where}: only a sealed field is asked after the confirmation")
    others = [field.shown_when.field if field.shown_when else "", field.not_before, field.lines_of]
    for other in filter(None, others):
        if other in earlier and earlier[other].after_confirmation != field.after_confirmation:
            problems.append(f"{where}: {other!r}, on which this field depends, is asked in the other step")


def _check_limits(field: Field, problems: list[str]) -> None:
    """Only choices that can be counted have a limit: those of a clear field with choices of its own."""
    if field.sealed or field.kind.options != "listed":
        problems.append(
            f"fields.{field.name}.options: only choices of a one_of or some_of that is not sealed are limited"
        )


def _check_condition(field: Field, earlier: Mapping[str, Field], problems: list[str]) -> None:
    """A condition may only look at an earlier field, and at a value that this field can have."""
    if field.shown_when is None:
        return
    where = f"fields.{field.name}.shown_when"
    asked = earlier.get(field.shown_when.field)
    wanted = field.shown_when.equals
    if field.name in ("name", ADDRESS_FIELD):
        problems.append(f"{where}: name and email are always asked")
    elif asked is None:
        problems.append(f"{where}: {field.shown_when.field!r} is not an earlier field")
    elif wanted is not None and not asked.kind.can_equal(asked, wanted):
        problems.append(f"{where}: {asked.name!r} can never hold {wanted!r}, or not be compared")
