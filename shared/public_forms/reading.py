"""Reads the mapping of a form definition, and collects every fault with its place instead of stopping at the first."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.i18n.languages import LANGUAGES, Text
from shared.messaging.contracts.payloads import FORM_KINDS
from shared.public_forms.fields import (
    ADDRESS_FIELD,
    MAX_OPTION_LIMIT,
    MAX_OPTIONS,
    TRANSPORT_FIELDS,
    Condition,
    Field,
    FieldKind,
    Option,
    engine_texts,
)
from shared.public_forms.kinds import KINDS
from shared.public_forms.kinds.text import EMAIL, TEXT

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
OPTION_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TOKEN = re.compile(r"[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)*")
MAX_TEXT = 4000
"""Characters of a text of the definition."""
FIELD_KEYS = (
    "name",
    "kind",
    "label",
    "help",
    "required",
    "options",
    "shown_when",
    "sealed",
    "after_confirmation",
    "retention_days",
    "min",
    "max",
    "autocomplete",
    "not_before",
    "lines_of",
)
OPTION_KEYS = ("value", "label", "limit")


def read_field(raw: object, position: int, problems: list[str]) -> Field | None:
    """Read one field.

    Args:
        raw: its mapping.
        position: of the field in the form, from 1, to name it when its own name cannot be read.
        problems: what is wrong is added to it.

    Returns:
        the field, or None when it is too broken to continue with.
    """
    name = raw.get("name") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(name, str) or not NAME.fullmatch(name):
        problems.append(f"fields[{position}].name: must be a-z, 0-9 and _, starting with a letter, at most 60")
        return None
    where = f"fields.{name}"
    problems.extend(f"{where}: unknown key {key!r}" for key in raw if key not in FIELD_KEYS)
    kind = KINDS.get(str(raw.get("kind")))
    if kind is None:
        problems.append(f"{where}.kind: must be one of {', '.join(sorted(KINDS))}")
        return None
    return Field(
        name=name,
        kind=kind,
        label=read_text(raw.get("label"), f"{where}.label", problems, required=True),
        help=read_text(raw.get("help"), f"{where}.help", problems),
        required=_read_flag(raw, "required", where, problems),
        options=_read_options(raw.get("options"), kind, where, problems),
        shown_when=_read_condition(raw.get("shown_when"), where, problems),
        sealed=_read_sealed(raw, kind, where, problems),
        after_confirmation=_read_flag(raw, "after_confirmation", where, problems),
        retention_days=_read_days(raw.get("retention_days"), where, problems),
        minimum=_read_limit(raw, "min", kind, where, problems),
        maximum=_read_limit(raw, "max", kind, where, problems),
        autocomplete=_read_token(raw.get("autocomplete") or kind.autocomplete, where, problems),
        not_before=_read_not_before(raw.get("not_before", ""), kind, where, problems),
        lines_of=_read_lines_of(raw.get("lines_of", ""), kind, where, problems),
    )


def _read_flag(raw: Mapping[str, Any], key: str, where: str, problems: list[str], *, default: bool = False) -> bool:
    value = raw.get(key, default)
    if not isinstance(value, bool):
        problems.append(f"{where}.{key}: must be true or false")
    return value is True


def _read_sealed(raw: Mapping[str, Any], kind: FieldKind, where: str, problems: list[str]) -> bool:
    sealed = _read_flag(raw, "sealed", where, problems, default=kind.sealing == "by-default")
    if sealed and kind.sealing == "never":
        problems.append(f"{where}.sealed: a field of kind {kind.name} is never sealed")
    return sealed


def _read_options(raw: object, kind: FieldKind, where: str, problems: list[str]) -> tuple[Option, ...]:
    """The choices, of a kind whose choices a definition can list."""
    if raw is None or raw == []:
        if kind.options == "listed":
            problems.append(f"{where}.options: at least one choice is needed")
        return ()
    if kind.options not in ("listed", "offered") or not isinstance(raw, list) or len(raw) > MAX_OPTIONS:
        problems.append(f"{where}.options: must be a list of at most {MAX_OPTIONS} for a field with choices")
        return ()
    options = tuple(_read_option(item, f"{where}.options[{n}]", problems) for n, item in enumerate(raw, 1))
    if len({option.value for option in options}) < len(options):
        problems.append(f"{where}.options: a value is used twice")
    return options


def _read_option(raw: object, where: str, problems: list[str]) -> Option:
    value = raw.get("value") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(value, str) or not OPTION_VALUE.fullmatch(value):
        problems.append(f"{where}.value: must be letters, digits, '.', '_' or '-', at most 100")
        return Option("", Text())
    problems.extend(f"{where}: unknown key {key!r}" for key in raw if key not in OPTION_KEYS)
    label = read_text(raw.get("label"), f"{where}.label", problems, required=True)
    return Option(value, label, _read_option_limit(raw.get("limit"), where, problems))


def _read_option_limit(raw: object, where: str, problems: list[str]) -> int | None:
    if raw is None or (isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= MAX_OPTION_LIMIT):
        return raw
    problems.append(f"{where}.limit: must be a whole number of people from 0 to {MAX_OPTION_LIMIT}")
    return None


def _read_condition(raw: object, where: str, problems: list[str]) -> Condition | None:
    """``{field: name}`` or ``{field: name, equals: value}``."""
    if raw is None:
        return None
    valid = isinstance(raw, Mapping) and set(raw) <= {"field", "equals"} and isinstance(raw.get("field"), str)
    if not isinstance(raw, Mapping) or not valid or not isinstance(raw.get("equals"), str | bool | None):
        problems.append(f"{where}.shown_when: must be {{field: name}} or {{field: name, equals: value}}")
        return None
    return Condition(raw["field"], raw.get("equals"))


def _read_days(raw: object, where: str, problems: list[str]) -> int | None:
    if raw is None or (isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= 3650):
        return raw
    problems.append(f"{where}.retention_days: must be a whole number of days from 0 to 3650")
    return None


def _read_limit(raw: Mapping[str, Any], key: str, kind: FieldKind, where: str, problems: list[str]) -> Any:
    """A length, a value or a day, as the kind has it; kinds without limits may give none."""
    limit = raw.get(key)
    if isinstance(limit, date):  # YAML reads an unquoted day as a date
        limit = limit.isoformat()
    if limit is None or kind.accepts_limit(limit):
        return limit
    problems.append(f"{where}.{key}: {limit!r} does not fit a field of kind {kind.name}")
    return None


def _read_not_before(raw: object, kind: FieldKind, where: str, problems: list[str]) -> str:
    """The name of another field; whether there is one of this kind is checked when all fields are read."""
    if raw == "" or (isinstance(raw, str) and kind.ordered):
        return raw
    problems.append(f"{where}.not_before: must name a date field, in a date field")
    return ""


def _read_lines_of(raw: object, kind: FieldKind, where: str, problems: list[str]) -> str:
    """The name of another field; whether there is one of this kind is checked when all fields are read."""
    if raw == "" or (isinstance(raw, str) and kind.max_length is not None):
        return raw
    problems.append(f"{where}.lines_of: must name a field with a text, in a field of the same kind")
    return ""


def _read_token(raw: object, where: str, problems: list[str]) -> str:
    if raw == "" or (isinstance(raw, str) and TOKEN.fullmatch(raw)):
        return raw
    problems.append(f"{where}.autocomplete: must be tokens of the HTML attribute")
    return ""


def read_text(raw: object, where: str, problems: list[str], *, required: bool = False) -> Text:
    """Read a text: a string, a mapping of languages, or ``{key: …}`` for the project's own translations.

    Args:
        raw: as in the definition.
        where: its place there.
        problems: what is wrong is added to it, with the place.
        required: whether its absence is wrong.

    Returns:
        the text; an empty one if it cannot be read.
    """
    if isinstance(raw, Mapping) and set(raw) == {"key"}:
        return _known_text(raw["key"], where, problems)
    texts = {"": raw} if isinstance(raw, str) else raw
    if not texts or texts == {"": ""}:
        if required:
            problems.append(f"{where}: a text is needed")
        return Text()
    if not isinstance(texts, Mapping) or not all(_is_text(value) for value in texts.values()):
        problems.append(f"{where}: must be a text, or texts by language, at most {MAX_TEXT} characters")
        return Text()
    problems.extend(f"{where}: unknown language {code!r}" for code in texts if code not in ("", *LANGUAGES))
    return Text(tuple(sorted((str(code), text) for code, text in texts.items())))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT


def _known_text(key: object, where: str, problems: list[str]) -> Text:
    """The project's translations of ``key``."""
    texts = engine_texts()
    if not texts.has(str(key)):
        problems.append(f"{where}: no translation is called {key!r}")
        return Text()
    return Text(tuple((language, texts.text(str(key), language)) for language in sorted(LANGUAGES)))


SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG = 80
MAX_FIELDS = 100
ALWAYS_ASKED = (("name", TEXT), (ADDRESS_FIELD, EMAIL))
ALWAYS_ASKED_OF = {"interest": ((ADDRESS_FIELD, EMAIL),)}
"""Fields every form has, by kind where one differs: a person who only wants to be informed need not give a name."""

FORM_KEYS = ("slug", "kind", "title", "intro", "version", "fields")


def read_definition(mapping: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Field, ...], list[str]]:
    """Read a definition.

    Args:
        mapping: from YAML or JSONB.

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
    if found["kind"] not in FORM_KINDS:
        problems.append(f"kind: must be one of {', '.join(sorted(FORM_KINDS))}")
    _check_together(fields, ALWAYS_ASKED_OF.get(str(found["kind"]), ALWAYS_ASKED), problems)
    return found, tuple(fields), problems


def _read_slug(slug: object, problems: list[str]) -> str:
    """The slug if an address can contain it."""
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
    """Only choices that can be counted have a limit: those of a clear field with its own choices."""
    if field.sealed or field.kind.options != "listed":
        problems.append(
            f"fields.{field.name}.options: only choices of a one_of or some_of that is not sealed are limited"
        )


def _check_condition(field: Field, earlier: Mapping[str, Field], problems: list[str]) -> None:
    """A condition may only refer to an earlier field, and to a value that this field can have."""
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
