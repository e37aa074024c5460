"""A field of the console's longer forms, and what somebody typed into all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.events.domain.rules import RulesBroken

Choices = Sequence[tuple[str, str]]
"""Code and words of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. ``look`` is ``text``, ``area``, ``local`` (a local time), ``day``, ``clock``,
    ``select``, ``checks`` or ``tick``.

    ``groups`` are the choices of a select in parts, each under a name; a part without one stands alone.
    """

    name: str
    label: str
    look: str = "text"
    help: str = ""
    required: bool = False
    most: int = 200
    choices: Choices = ()
    groups: Sequence[tuple[str, Choices]] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together, under a name."""

    title: str
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class Typed:
    """Attributes:
    values: what was typed, by field, to be shown again; a list where several can be ticked.
    faults: a sentence by field.
    stored: what is stored now, where somebody else has changed it meanwhile, by field.
    """

    values: Mapping[str, str | Sequence[str]]
    faults: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)


class SentForm(Protocol):
    """What a browser sends; Werkzeug's ``MultiDict`` is one."""

    def get(self, key: str, default: str, /) -> str: ...

    def getlist(self, key: str, /) -> list[str]: ...


def typed_in(form: SentForm, sections: Iterable[Section]) -> dict[str, str | Sequence[str]]:
    """What ``form`` holds of the fields of ``sections``: without blank ends, lines as they are stored."""
    return {
        one.name: [cleaned(value) for value in form.getlist(one.name)]
        if one.look == "checks"
        else cleaned(form.get(one.name, ""))
        for section in sections
        for one in section.fields
    }


def cleaned(text: str) -> str:
    """``text`` without blank ends, its lines as they are stored, without NUL, which no database holds."""
    return text.replace("\r\n", "\n").replace("\0", "").strip()


def missing_in(values: Mapping[str, str | Sequence[str]], sections: Iterable[Section]) -> dict[str, str]:
    """A sentence for each field that has to be filled in and is not."""
    needed = (one for section in sections for one in section.fields if one.required and not values[one.name])
    return {one.name: f"{'Choose' if one.look == 'select' else 'Give'} the {one.label.lower()}." for one in needed}


def in_order(faults: Mapping[str, str], sections: Iterable[Section]) -> dict[str, str]:
    """``faults`` in the order in which the fields stand on the page."""
    names = [one.name for section in sections for one in section.fields]
    return dict(sorted(faults.items(), key=lambda fault: names.index(fault[0]) if fault[0] in names else len(names)))


def faults_of(error: RulesBroken, sections: Iterable[Section], names: Mapping[str, str]) -> dict[str, str]:
    """A sentence for each field of which a rule is broken, the first if there are several.

    Args:
        error: what the domain says.
        sections: of the form.
        names: fields of the form by those of the domain, where they are called otherwise.
    """
    labels = {one.name: one.label for section in sections for one in section.fields}
    found: dict[str, str] = {}
    for rule in error.broken:
        name = names.get(rule.field, rule.field)
        found.setdefault(name, f"{labels.get(name, name)} {rule.detail}.")
    return found
