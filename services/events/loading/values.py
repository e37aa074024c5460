"""What rows of several files have in common: days, zones, and values of the domain with their rules."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from services.events.domain.local_time import is_zone
from services.events.domain.rules import RulesBroken
from shared.core.yaml_source import Fields

T = TypeVar("T")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def made(row: Fields, make: Callable[..., T], values: Mapping[str, Any], key_of: Mapping[str, str]) -> T | None:
    """The value, unless a field is faulty or a rule is broken; a rule about a faulty field is not noted again.

    Args:
        row: read to its end.
        make: a value of the domain, made of ``values``.
        key_of: keys of the file by fields of the domain that are called otherwise.
    """
    row.finish()
    faulty = frozenset(row.faulty)
    try:
        value = make(**values)
    except RulesBroken as error:
        for rule in error.broken:
            if (key := key_of.get(rule.field, rule.field)) not in faulty:
                row.fault(rule.detail, key)
        return None
    return None if faulty else value


def a_zone(value: Any) -> str:
    """An IANA time zone.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not is_zone(value):
        raise ValueError("must be an IANA time zone such as Europe/Zurich")
    return value


def a_day(value: Any) -> date:
    """A day as ``2020-05-06``.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a day such as 2020-05-06")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a day that exists") from None
