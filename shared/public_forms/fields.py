"""Values that describe one question of a form. They are plain data: immutable, comparable, hashable."""

from dataclasses import dataclass
from typing import Literal, get_args

FieldKind = Literal[
    "text",
    "long_text",
    "email",
    "number",
    "date",
    "yes_no",
    "one_of",
    "some_of",
    "country",
    "time_zone",
    "language",
    "consent",
    "working_group",
]
FIELD_KINDS: frozenset[str] = frozenset(get_args(FieldKind))

KINDS_WITH_OWN_OPTIONS = frozenset({"one_of", "some_of", "working_group"})
"""Kinds whose choices stand in the definition; the other lists (countries, zones) are the engine's."""

LONGEST: dict[str, int] = {"text": 500, "long_text": 4000, "email": 254}
"""Most characters a kind may ever hold. 254: RFC 5321 section 4.5.3.1.3 less the angle brackets."""

LONGEST_NAME = 200
MOST_OPTIONS = 500
MAX_OPTION_LIMIT = 100_000
"""Of one choice."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text in some languages, as (BCP 47 code, text) pairs in alphabetical order of the code.

    A text given in one language only is stored under the code ``""`` and shown in every language.
    """

    by_language: tuple[tuple[str, str], ...] = ()

    def in_language(self, language: str) -> str:
        """The text in ``language``, else the one without language, else English, else any, else ``""``."""
        texts = dict(self.by_language)
        for code in (language, "", "en"):
            if code in texts:
                return texts[code]
        return next(iter(texts.values()), "")

    def __bool__(self) -> bool:
        return bool(self.by_language)


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: ``value`` is stored, ``label`` is shown.

    Attributes:
        limit: how many people may choose it; None for any number.
        full: so many have. Not part of a definition, see :func:`shared.public_forms.definition.with_full_options`.
    """

    value: str
    label: Text
    limit: int | None = None
    full: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """When a field is asked: the earlier field ``field`` holds ``equals``, or anything if that is ``None``."""

    field: str
    equals: str | bool | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    Attributes:
        name: key of the answer, ``[a-z][a-z0-9_]*``.
        minimum: least length in characters (texts), least value (numbers) or earliest day (dates, ISO 8601).
        maximum: the same at the other end.
        sealed: the answer is encrypted and never shown to ordinary coordinators.
        retention_days: days the answer is kept after the last day of the event; ``None`` is the default rule.
        after_confirmation: asked on the own page only, once the owner of the address has confirmed: nobody else can
            supply the answer.
        not_before: name of an earlier date field whose day this one may not come before.
        autocomplete: token of the HTML attribute (WCAG 2.2, 1.3.5), ``""`` for none.
    """

    name: str
    kind: FieldKind
    label: Text
    help: Text = Text()
    required: bool = False
    options: tuple[Option, ...] = ()
    shown_when: Condition | None = None
    sealed: bool = False
    after_confirmation: bool = False
    retention_days: int | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    autocomplete: str = ""
    not_before: str = ""

    @property
    def full_options(self) -> frozenset[str]:
        """Values of the choices that nobody else can have."""
        return frozenset(option.value for option in self.options if option.full)

    @property
    def longest(self) -> int:
        """Most characters a text answer of this field may have."""
        if isinstance(self.maximum, int) and self.kind in LONGEST:
            return min(self.maximum, LONGEST[self.kind])
        return LONGEST_NAME if self.name == "name" else LONGEST.get(self.kind, LONGEST["text"])
