"""Reads the mapping of one field; faults are added to a list with the place where they stand."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from shared.public_forms.fields import (
    FIELD_KINDS,
    KINDS_WITH_OWN_OPTIONS,
    LONGEST,
    MAX_OPTION_LIMIT,
    MOST_OPTIONS,
    Condition,
    Field,
    FieldKind,
    Option,
    Text,
)
from shared.public_forms.text_reading import read_text

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
OPTION_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TOKEN = re.compile(r"[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)*")
TEXT_KEYS = frozenset({"name", "kind", "label", "help", "autocomplete"})
RULE_KEYS = frozenset(
    {
        "required",
        "options",
        "shown_when",
        "sealed",
        "after_confirmation",
        "retention_days",
        "min",
        "max",
        "not_before",
    }
)
KEYS = TEXT_KEYS | RULE_KEYS


def read_field(raw: object, position: int, problems: list[str]) -> Field | None:
    """The field described by ``raw``, or ``None`` when it is too broken to go on with (``problems`` say why).

    Args:
        position: of the field in the form, from 1, to name it when its own name cannot be read.
    """
    name = raw.get("name") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(name, str) or not NAME.fullmatch(name):
        problems.append(f"fields[{position}].name: must be a-z, 0-9 and _, starting with a letter, at most 60")
        return None
    where = f"fields.{name}"
    problems.extend(f"{where}: unknown key {key!r}" for key in raw if key not in KEYS)
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in FIELD_KINDS:
        problems.append(f"{where}.kind: must be one of {', '.join(sorted(FIELD_KINDS))}")
        return None
    return Field(
        name=name,
        kind=cast(FieldKind, kind),
        label=read_text(raw.get("label"), f"{where}.label", problems, required=True),
        help=read_text(raw.get("help"), f"{where}.help", problems),
        required=_read_flag(raw, "required", where, problems),
        options=_read_options(raw.get("options"), kind, where, problems),
        shown_when=_read_condition(raw.get("shown_when"), where, problems),
        sealed=_read_flag(raw, "sealed", where, problems),
        after_confirmation=_read_flag(raw, "after_confirmation", where, problems),
        retention_days=_read_days(raw.get("retention_days"), where, problems),
        minimum=_read_limit(raw, "min", kind, where, problems),
        maximum=_read_limit(raw, "max", kind, where, problems),
        autocomplete=_read_token(raw.get("autocomplete", ""), where, problems),
        not_before=_read_not_before(raw.get("not_before", ""), kind, where, problems),
    )


def _read_flag(raw: Mapping[str, Any], key: str, where: str, problems: list[str]) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        problems.append(f"{where}.{key}: must be true or false")
    return value is True


def _read_options(raw: object, kind: str, where: str, problems: list[str]) -> tuple[Option, ...]:
    """The choices; only kinds that have their own may give some, and all but working groups must."""
    if raw is None or raw == []:
        if kind in ("one_of", "some_of"):
            problems.append(f"{where}.options: at least one choice is needed")
        return ()
    if kind not in KINDS_WITH_OWN_OPTIONS or not isinstance(raw, list) or len(raw) > MOST_OPTIONS:
        problems.append(f"{where}.options: must be a list of at most {MOST_OPTIONS} for a field with choices")
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


def _read_limit(
    raw: Mapping[str, Any], key: str, kind: str, where: str, problems: list[str]
) -> int | float | str | None:
    """A length, a value or a day, as the kind has it; kinds without limits may give none."""
    limit = raw.get(key)
    if isinstance(limit, date):  # YAML reads an unquoted day as a date
        limit = limit.isoformat()
    if limit is None:
        return None
    if kind in LONGEST and isinstance(limit, int) and 0 <= limit <= LONGEST[kind]:
        return limit
    if kind == "number" and isinstance(limit, int | float) and not isinstance(limit, bool):
        return limit
    if kind == "date" and isinstance(limit, str) and _is_day(limit):
        return limit
    problems.append(f"{where}.{key}: {limit!r} does not fit a field of kind {kind}")
    return None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _read_not_before(raw: object, kind: str, where: str, problems: list[str]) -> str:
    """The name of another date; whether there is one is checked when all fields are read."""
    if raw == "" or (isinstance(raw, str) and kind == "date"):
        return raw
    problems.append(f"{where}.not_before: must name a date field, in a date field")
    return ""


def _read_token(raw: object, where: str, problems: list[str]) -> str:
    if raw == "" or (isinstance(raw, str) and TOKEN.fullmatch(raw)):
        return raw
    problems.append(f"{where}.autocomplete: must be tokens of the HTML attribute")
    return ""
