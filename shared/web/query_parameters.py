"""Query parameters of the interface: unknown ones are refused, and a day may stand where an instant may.

A misspelt filter must never be ignored: the caller would be given everything, and act on it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from typing import Any

import marshmallow as ma
from flask import Flask, Response, current_app, request

from shared.core.clock import parse_rfc3339
from shared.core.parameter_advice import unknown_parameter_advice
from shared.web.access import policy_of
from shared.web.problems import problem

MAX_FAULTS = 10
"""Unknown parameters that are answered: a request line holds a thousand names."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def refuse_unknown_parameters(app: Flask) -> None:
    """Answer 422 where a request has a query parameter that its operation does not declare, or one of them twice.

    Register it after the guard, so that only callers who may call an operation learn its parameters. Pages are exempt
    (links to them carry what other sites append), and so are the operations that take a form from a partner's page.
    """

    @app.before_request
    def check_parameters() -> Response | None:
        if not request.args or request.endpoint is None:
            return None
        view = current_app.view_functions[request.endpoint]
        known = known_parameters(view)
        if known is None or _takes_forms(view):
            return None
        errors = list(islice(_faults(known), MAX_FAULTS))
        return problem(422, "invalid", "Unprocessable Entity", errors=errors) if errors else None


@cache
def known_parameters(view: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the query parameters that ``view`` declares; None if it is not an operation of the interface.

    One that ends with a dot is the beginning of names (``beginnings`` of a schema); the view itself reads these.
    """
    operation = getattr(view, "_apidoc", None)
    if operation is None:
        return None
    declared = operation.get("arguments", {}).get("parameters", [])
    schemas = [one["schema"] for one in declared if one["in"] == "query" and "schema" in one]
    return tuple(name for schema in schemas for name in (*_names(schema), *getattr(schema, "beginnings", ())))


def _names(schema: ma.Schema | type[ma.Schema]) -> Iterator[str]:
    made = schema() if isinstance(schema, type) else schema
    for name, field in made.load_fields.items():
        yield field.data_key or name


def _takes_forms(view: Callable[..., Any]) -> bool:
    policy = policy_of(view)
    return request.method not in ("GET", "HEAD") and policy is not None and policy.kind == "public"


def _faults(known: tuple[str, ...]) -> Iterator[dict[str, str]]:
    beginnings = tuple(name for name in known if name.endswith("."))
    for name, values in request.args.lists():
        if name not in known and not name.startswith(beginnings):
            yield _fault(name, "unknown-parameter", unknown_parameter_advice(name, known))
        elif len(values) > 1:
            yield _fault(name, "repeated-parameter", "Given more than once")


def _fault(name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name.replace('~', '~0').replace('/', '~1')}", "code": code, "message": message}


class DayOrInstant(ma.fields.String):
    """A plain date (``2026-05-11``, a ``date``) or an RFC 3339 instant with an offset (an aware ``datetime``)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else parse_rfc3339(text)
        except (ValueError, OverflowError):
            raise ma.ValidationError(
                "Neither a date (2026-05-11) nor an instant with an offset (2026-05-11T09:00:00Z)"
            ) from None


def lower_bound(given: date | datetime | None) -> datetime | None:
    """The instant from which ``given`` counts: itself, or the beginning of the day in UTC; None for no bound."""
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given, time.min, UTC)


def upper_bound(given: date | datetime | None) -> datetime | None:
    """The instant before which ``given`` counts: itself, or the end of the day in UTC, so that the day is included.

    Returns:
        None for no bound, as after the last day of the calendar.
    """
    if given is None or isinstance(given, datetime):
        return given
    return None if given == date.max else lower_bound(given + timedelta(days=1))
