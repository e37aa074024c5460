"""A field of the console's longer forms, and what somebody typed into all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.events.domain.rules import RulesBroken
from shared.i18n.languages import LANGUAGE_NAMES

Choices = Sequence[tuple[str, str]]
"""Code and words of each."""

CHANGED_SINCE_OPENED = (
    "Another person changed this after you opened it. Under each field you see what is stored now, where it "
    "differs from what you typed. Compare, and save again."
)
"""Notice of a form whose content is older than what is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. ``look`` is ``text``, ``area``, ``local`` (a local time), ``day``, ``clock``, ``select``, ``checks``,
    ``tick`` or ``languages`` (a text in each language, each in a field of its own, such as ``title.fr``, with ``rows``
    lines).

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
    rows: int = 1

    @property
    def labels(self) -> dict[str, str]:
        """The label of each field that a browser sends for it, by name; of one in languages, with the language."""
        if self.look != "languages":
            return {self.name: self.label}
        return {f"{self.name}.{code}": f"{self.label} ({language})" for code, language in LANGUAGE_NAMES.items()}

    @property
    def first(self) -> str:
        """The name of its first field, which is that of English for a text in languages."""
        return next(iter(self.labels))


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
    focus: the field that has the cursor at first; empty for none.
    """

    values: Mapping[str, str | Sequence[str]]
    faults: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""


class SentForm(Protocol):
    """What a browser sends; Werkzeug's ``MultiDict`` is one."""

    def get(self, key: str, default: str, /) -> str: ...

    def getlist(self, key: str, /) -> list[str]: ...


def typed_in(form: SentForm, sections: Iterable[Section]) -> dict[str, str | Sequence[str]]:
    """What ``form`` holds of the fields of ``sections``: without blank ends, lines as they are stored."""
    return {
        name: [cleaned(value) for value in form.getlist(name)] if one.look == "checks" else cleaned(form.get(name, ""))
        for section in sections
        for one in section.fields
        for name in one.labels
    }


def labels_of(sections: Iterable[Section]) -> dict[str, str]:
    """The label of each field that a browser sends, by name, in the order of the page."""
    return {name: label for section in sections for one in section.fields for name, label in one.labels.items()}


def cleaned(text: str) -> str:
    """``text`` without blank ends, its lines as they are stored, without NUL, which no database holds."""
    return text.replace("\r\n", "\n").replace("\0", "").strip()


def missing_in(values: Mapping[str, str | Sequence[str]], sections: Iterable[Section]) -> dict[str, str]:
    """A sentence for each field that has to be filled in and is not; of a text in languages, in English."""
    needed = (one for section in sections for one in section.fields if one.required and not values[one.first])
    return {one.first: _asked_for(one) for one in needed}


def _asked_for(one: Field) -> str:
    verb, name = "Choose" if one.look == "select" else "Give", one.label.lower()
    return f"{verb} the {name} in English." if one.look == "languages" else f"{verb} the {name}."


def in_order(faults: Mapping[str, str], sections: Iterable[Section]) -> dict[str, str]:
    """``faults`` in the order in which the fields stand on the page."""
    names = list(labels_of(sections))
    return dict(sorted(faults.items(), key=lambda fault: names.index(fault[0]) if fault[0] in names else len(names)))


def faults_of(error: RulesBroken, sections: Iterable[Section], names: Mapping[str, str]) -> dict[str, str]:
    """A sentence for each field of which a rule is broken, the first if there are several.

    Args:
        error: what the domain says.
        sections: of the form.
        names: fields of the form by those of the domain, where they are called otherwise.
    """
    labels, firsts = labels_of(sections), {one.name: one.first for section in sections for one in section.fields}
    found: dict[str, str] = {}
    for rule in error.broken:
        name = names.get(rule.field, rule.field)
        name = firsts.get(name, name)
        found.setdefault(name, f"{labels.get(name, name)} {rule.detail}.")
    return found
