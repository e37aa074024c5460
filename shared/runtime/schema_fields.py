"""Fields of marshmallow schemas, for requests and for files: a fault states what is wanted, ``must have …``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, TypeVar

import marshmallow as ma

from shared.runtime.clock import FIRST_YEAR, LAST_YEAR

T = TypeVar("T")

Place = tuple[str | int, ...]
"""Location of a value in what is loaded: keys and list indexes from the top, ``("fields", 3, "label")``."""

_NO_NUL = ma.validate.Regexp(r"^[^\x00]*$", error="must not contain a NUL character")


class Parsed(ma.fields.Field[T]):
    """A value that ``parse`` makes of what is given; the message of its ValueError is the fault."""

    def __init__(self, parse: Callable[[Any], T], **more: Any) -> None:
        super().__init__(**more)
        self._parse = parse

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> T:
        try:
            return self._parse(value)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


def check_by(parse: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A validator that refuses what ``parse`` refuses by a ValueError."""

    def check(value: Any) -> None:
        try:
            parse(value)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None

    return check


def text_field(most: int = 200, description: str = "", *, least: int = 1, **more: Any) -> ma.fields.String:
    """A text of ``least`` to ``most`` characters."""
    length = ma.validate.Length(min=least, max=most, error=f"must have {least} to {most} characters")
    return ma.fields.String(validate=[length, _NO_NUL], metadata={"description": description}, **more)


def whole_field(least: int, most: int, **more: Any) -> ma.fields.Integer:
    """A whole number from ``least`` to ``most``."""
    wanted = f"must be a whole number from {least} to {most}"
    messages: dict[str, Any] = {"invalid": wanted, "too_large": wanted}
    return ma.fields.Integer(
        validate=ma.validate.Range(min=least, max=most, error=wanted), error_messages=messages, **more
    )


def one_of_field(values: Iterable[str], **more: Any) -> ma.fields.String:
    """One of ``values``; of an enumeration, its member."""
    choices = [str(value) for value in values]
    rule = ma.validate.OneOf(choices, error=f"must be one of {', '.join(choices)}")
    return ma.fields.String(validate=rule, post_load=values if isinstance(values, type) else str, **more)


def in_known_years(value: date) -> None:
    """A validator that refuses a day or an instant so far away that some time zone has no date for it."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ma.ValidationError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")


def at_most(count: int) -> Callable[[Any], Any]:
    """A ``pre_load`` that refuses a list of more than ``count`` items before one of them is read."""

    def check(given: Any) -> Any:
        if isinstance(given, list) and len(given) > count:
            raise ma.ValidationError(f"must have at most {count} items")
        return given

    return check


def raise_faults(faults: Iterable[tuple[Place, str]]) -> None:
    """Do nothing if there is none.

    Raises:
        ValidationError: with each fault at its place.
    """
    messages: dict[str | int, Any] = {}
    for place, message in faults:
        at = messages
        for step in place:
            at = at.setdefault(step, {})
        at.setdefault(ma.exceptions.SCHEMA, []).append(message)
    if messages:
        raise ma.ValidationError(messages)


def faults_in(messages: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Each of marshmallow's nested messages, ``{"fields": {3: {"label": […]}}}``, with its place."""
    if isinstance(messages, Mapping):
        for step, below in messages.items():
            yield from faults_in(below, place if step == ma.exceptions.SCHEMA else (*place, step))
    else:
        yield from ((place, str(message)) for message in messages)
