"""Fields: values that describe one question of a form, the texts of the form engine, and cleaning of typed text.

A kind is an object of :class:`FieldKind`, and :mod:`shared.public_forms.kinds` lists all of them. Everything that
depends on a kind is one of its attributes: no code compares kinds, and no attribute has a default that a new kind could
miss.

Text is trimmed and put into normal form. Control characters are refused (header and log injection), and so are lone
surrogates (they cannot be stored) and the marks that change the direction of what follows (a name could make the rest
of a page read backwards). The two plain direction marks and the joiners stay: Arabic, Hebrew, Persian and many other
texts need them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unicodedata import category, is_normalized, normalize

from marshmallow import ValidationError

from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import NO_TEXT, Text

ENGINE_TEXTS = Catalogue(Path(__file__).parent / "translations")
"""The catalogue of the form engine: labels of standard fields, hints, error messages."""


def engine_texts() -> Catalogue:
    """Return the catalogue of the form engine."""
    return ENGINE_TEXTS


CONTROL_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufff9-\ufffb]")
CONTROL_MANY_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufff9-\ufffb]")
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
LINE_END = re.compile("\r\n?|[\u2028\u2029]")
BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs without a shape: the fillers of Korean letters, and the empty pattern of Braille."""

SEEN = "LNPS"
"""Categories of signs that can be seen alone: letters, numbers, punctuation, symbols. A mark needs one of them."""

MAX_SHRINKING = 4
"""Composition never makes a text shorter than a quarter: a longer one is refused before work is done on it."""


class Unclean(ValueError):
    """The text is refused; ``code`` is the reason: ``too-long``, ``control-characters`` or ``direction-marks``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""``Default_Ignorable_Code_Point`` of Unicode 16 (DerivedCoreProperties.txt): what is shown as nothing."""


def without_ignorable(text: str) -> str:
    """``text`` without what is shown as nothing: joiners, direction marks, variation selectors, tags."""
    return text if text.isascii() else _IGNORABLE.sub("", text)


def folded(text: str) -> str:
    """``text`` for comparison: equal for texts that differ only in spaces, case, width, or what cannot be seen.

    It is the case folding of Unicode for identifiers (NFKC_Casefold, Unicode 3.13.4 D, toNFKC_Casefold), with single
    spaces. It is for comparison only: what is stored and shown is the text as it was typed.
    """
    if not text.isascii():
        text = normalize("NFKC", normalize("NFKC", without_ignorable(text)).casefold())
    return " ".join(text.split()).casefold()


def clean_line(text: str, longest: int) -> str:
    """``text`` as one trimmed line in Unicode normal form C, at most ``longest`` characters.

    Raises:
        Unclean: too long, or holds something that is refused.
    """
    return _clean(text, longest, CONTROL_ONE_LINE)


def clean_lines(text: str, longest: int) -> str:
    """The same for a text of several lines; line ends become line feeds.

    Raises:
        Unclean: too long, or holds something that is refused.
    """
    return _clean(LINE_END.sub("\n", text[: longest * MAX_SHRINKING + 1]), longest, CONTROL_MANY_LINES)


def _clean(text: str, longest: int, control: re.Pattern[str]) -> str:
    text = text.strip()
    if len(text) > longest * MAX_SHRINKING:
        raise Unclean("too-long")
    if control.search(text):
        raise Unclean("control-characters")
    if not text.isascii():
        if DIRECTION.search(text):
            raise Unclean("direction-marks")
        text = text if is_normalized("NFC", text) else normalize("NFC", text)
        if not any(category(sign)[0] in SEEN and sign not in BLANK for sign in text):
            return ""  # nothing that can be seen
    if len(text) > longest:
        raise Unclean("too-long")
    return text


TRANSPORT_FIELDS = frozenset(
    {"partner", "lang", "website", "idempotency_key", "theme", "parent", "accent", "radius", "font", "altcha"}
)
"""``website`` is the trap for programs that fill in everything: people never see it, so it stays empty."""


def split_transport(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Transport values and answers of one submission, separated.

    Returns:
        (what travels beside the answers, the answers), each as a new dict.
    """
    beside = {key: value for key, value in raw.items() if key in TRANSPORT_FIELDS}
    answers = {key: value for key, value in raw.items() if key not in TRANSPORT_FIELDS}
    return beside, answers


ADDRESS_FIELD = "email"
"""The field of every form that holds the address of the person who fills it in."""

MAX_NAME = 200
"""Characters of the answer to the field ``name``."""
MAX_OPTIONS = 500
MAX_OPTION_LIMIT = 100_000
"""Of one choice."""

Check = Callable[[Any], Any]
"""Takes a raw answer; returns the clean one, ``None`` if it is empty; raises ValidationError with a code."""

DataType = Literal["text", "number", "boolean", "list"]
"""How JSON carries an answer; ``list`` is one of texts."""

OptionSource = Literal["listed", "offered", "built-in", "none"]
"""Where the choices of a field come from: its definition must list them; they are filled in when a form is shown, and
the field is left out without any; the kind knows them; there are none."""

Sealing = Literal["by-choice", "by-default", "never"]
"""Whether answers are encrypted: if the definition requests it; unless it disables it; not at all."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: ``value`` is stored, ``label`` is shown.

    Attributes:
        limit: how many people may choose it; None for any number.
        full: whether the limit is reached. Not part of a definition, see
            :func:`shared.public_forms.definition.with_full_options`.
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
class Widget:
    """The control of a question.

    Attributes:
        template: file of this package's templates.
        attributes: the attributes of the ``input`` element; those that are None are left out.
        native_labels: each choice is written in the language that it names.
    """

    template: str
    attributes: Mapping[str, object]
    native_labels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FieldKind:
    """Everything that depends on the kind of a question. Every attribute is required; none may raise but ``check``.

    Attributes:
        name: the name of the kind in definitions and in the public interface.
        data_type: how JSON carries the answer.
        parse: the answer that one non-empty value of a form-encoded body spells, as JSON carries it; what cannot be
            read stays text for ``check`` to refuse. A ``list`` has each of its values parsed.
        encode: the opposite of ``parse``: what a browser would send for one value of an answer.
        options: where choices come from. Only those that the definition lists can have a limit.
        max_length: most characters of a text answer, which ``max`` can lower; None if there is no such limit.
        accepts_limit: whether a value can be the ``min`` or ``max`` of a definition.
        can_equal: whether the answer to a field can be a value, so that a condition may name it.
        ordered: whether answers come in an order that ``not_before`` can ask for; they sort as text.
        sealing: whether answers are encrypted.
        autocomplete: token of the HTML attribute, where the definition gives none.
        is_consent: the label is a sentence that a person agrees to; its wording is stored with the answer, which is not
            changed on the own page, and the fault of a required one that is missing is ``consent-needed``.
        check: makes the check of a field, with its limits built in. It is created once and called for every submission.
        json_schema: the JSON Schema (draft 2020-12) of an answer that is given.
        widget: the control of a field.
        choices: (value, label in a language) of what can be chosen, in the order shown; empty where nothing is listed.
        initial: the answer in an empty form of a language; None for none.
        display: an answer as text in a language: for mails, own pages, coordinators.
        cell: an answer as the value of a cell in a file, with English labels.
    """

    name: str
    data_type: DataType
    parse: Callable[[str], Any]
    encode: Callable[[Any], str]
    options: OptionSource
    max_length: int | None
    accepts_limit: Callable[[object], bool]
    can_equal: Callable[["Field", str | bool], bool]
    ordered: bool
    sealing: Sealing
    autocomplete: str
    is_consent: bool
    check: Callable[["Field"], Check]
    json_schema: Callable[["Field"], dict[str, Any]]
    widget: Callable[["Field"], Widget]
    choices: Callable[["Field", str], Sequence[tuple[Any, str]]]
    initial: Callable[[str], Any]
    display: Callable[["Field", Any, str], str]
    cell: Callable[["Field", Any], object]

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    Attributes:
        name: key of the answer, ``[a-z][a-z0-9_]*``.
        minimum: least length in characters (texts), least value (numbers) or earliest day (dates, ISO 8601).
        maximum: the same at the other end.
        sealed: the answer is encrypted and never shown to ordinary coordinators.
        retention_days: days the answer is kept after the last day of the event; ``None`` is the default rule.
        after_confirmation: asked on the own page only, once the owner of the address has confirmed: no one else can
            supply the answer.
        not_before: name of an earlier date field whose day this one may not come before.
        lines_of: name of an earlier field of the same kind, a text: this answer repeats some of its lines. Where a
            script runs, they are ticked in place of being typed again.
        autocomplete: token of the HTML attribute (WCAG 2.2, 1.3.5), ``""`` for none.
    """

    name: str
    kind: FieldKind
    label: Text
    help: Text = NO_TEXT
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
    lines_of: str = ""

    @property
    def full_options(self) -> frozenset[str]:
        """Values of the choices that no other person can have."""
        return frozenset(option.value for option in self.options if option.full)

    @property
    def max_length(self) -> int:
        """Most characters a text answer of this field may have; 0 if its kind has no such rule."""
        most = self.kind.max_length or 0
        if isinstance(self.maximum, int) and most:
            return min(self.maximum, most)
        return min(MAX_NAME, most) if self.name == "name" else most

    @property
    def is_answerable(self) -> bool:
        """Whether it can be shown at all: nothing can be chosen where nothing is offered."""
        return self.kind.options != "offered" or bool(self.options)


def parse_text(text: str) -> str:
    """Return the answer that is sent as it is."""
    return text


def encode_text(value: Any) -> str:
    """Return the value that is sent as it is."""
    return str(value)


def no_limits(limit: object) -> bool:
    """Refuse every ``min`` and ``max``."""
    return False


def never_equal(field: Field, wanted: str | bool) -> bool:
    """Refuse every value in a condition: only whether there is an answer can be asked."""
    return False


def equals_text(field: Field, wanted: str | bool) -> bool:
    """Allow any text in a condition."""
    return isinstance(wanted, str)


def no_choices(field: Field, language: str) -> tuple[tuple[Any, str], ...]:
    """Return no choices."""
    return ()


def no_initial(language: str) -> None:
    """Leave the field of an empty form empty."""


def display_text(field: Field, answer: Any, language: str) -> str:
    """Return an answer as it was typed."""
    return str(answer)


def cell_as_is(field: Field, answer: Any) -> object:
    """Return an answer as it is stored."""
    return answer


def cleaned(clean: Callable[[str, int], str], raw: Any, most: int) -> str:
    """Return a text cleaned by one of the functions above, such as ``clean_line``.

    Raises:
        ValidationError: with the code of what is wrong.
    """
    if not isinstance(raw, str):
        raise ValidationError("not-text")
    try:
        return clean(raw, most)
    except Unclean as error:
        raise ValidationError(error.code) from None


def text_schema(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of a text with a length."""
    least = field.minimum or (1 if field.required else 0)
    return {"type": "string", "maxLength": field.max_length} | ({"minLength": least} if least else {})
