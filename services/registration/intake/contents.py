"""Contents of submissions as JSON: on the way to the decider in a sealed box, and in the table of candidates."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from services.registration.intake.model import Content

_NAMES = frozenset(Content.__slots__)


def content_to_json(content: Content) -> dict[str, Any]:
    """Return ``content`` as JSON values; what is sealed stays sealed, in base64."""
    values = asdict(content)
    values["sealed"] = None if content.sealed is None else base64.b64encode(content.sealed).decode()
    return {name: value for name, value in values.items() if value not in (None, {}, "", False, ())}


def content_from_json(values: Mapping[str, Any]) -> Content:
    """Return the content that :func:`content_to_json` gave.

    Raises:
        ValueError: it has other members, or members of other types.
    """
    if not isinstance(values.get("email"), str) or not isinstance(values.get("language"), str):
        raise ValueError("content: email and language are required")
    if unknown := set(values) - _NAMES:
        raise ValueError(f"content: unknown members {sorted(unknown)}")
    given = dict(values)
    sealed = given.pop("sealed", None)
    cause = given.pop("cause", ("", ""))
    bound_to = tuple(str(one) for one in given.pop("sealed_for", ()))
    content = Content(**given, cause=(str(cause[0]), str(cause[1])), sealed_for=bound_to)
    return content if sealed is None else replace(content, sealed=base64.b64decode(sealed, validate=True))


def without_cause(content: Content) -> dict[str, Any]:
    """Return what the table of candidates holds: all but the request's ids and the sealed answers."""
    values = content_to_json(replace(content, sealed=None))
    values.pop("cause", None)
    return values
