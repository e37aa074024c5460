"""Ways to break an installation's data, each with the one equation that must detect it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """Attributes:
    equation: that must find it, alone.
    name: of the case.
    what: the check of that equation that must find it, in its words.
    database: that is changed.
    statements: as an administrator.
    """

    equation: str
    name: str
    what: str
    database: str
    statements: tuple[str, ...]


def in_registration(equation: str, name: str, what: str, *statements: str) -> Break:
    return Break(equation, name, what, "registration", statements)


def in_events(equation: str, name: str, what: str, *statements: str) -> Break:
    return Break(equation, name, what, "events", statements)


def in_notifications(equation: str, name: str, what: str, *statements: str) -> Break:
    return Break(equation, name, what, "notifications", statements)


def in_bus(equation: str, name: str, what: str, *statements: str) -> Break:
    return Break(equation, name, what, "bus", statements)


def in_keys(equation: str, name: str, what: str, *statements: str) -> Break:
    return Break(equation, name, what, "keys", statements)
