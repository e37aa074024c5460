"""Reads the text of a cell as an answer, as JSON would carry it.

The form's check decides whether an answer is allowed. Choices are found by their value, by their label in any language,
or by the table of the mapping. Days and times are never guessed: an ambiguous one is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Any

from shared.i18n.catalogue import names_of_languages
from shared.i18n.languages import LANGUAGE_NAMES, LANGUAGES, named_language
from shared.public_forms.fields import Field, engine_texts, folded

MAX_CHOICE = 200
"""Characters of a cell by which a mapping of values names it: a longer text is named by its beginning."""

LANGUAGE_FIELD = "language"
"""The question whose answer is the language of the person's mails."""

AMBIGUOUS = "ambiguous-date"
_SLASHED = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[/.\-](\d{1,2})[/.\-](\d{1,2})")
_CLOCK = re.compile(r"[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(.*)")
_OFFSET = re.compile(r"(?:GMT|UTC)?\s*(?:([+-])(\d{1,2}):?(\d{2})?)?|Z")
_HOURS_OF_ZONE = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
}  # fmt: skip
"""Zones that Google Forms abbreviates: those of RFC 5322, section 4.3, and of Europe. Others can mean several."""
_SEPARATORS = (re.compile(r"[;\n|]"), re.compile(r"[;\n|,،、，]"))
_YES = {"x", "✓", "✔", "y", "wahr", "ok"}
_NO = {"n", "-", "✗"}

Read = Callable[[str], Any]


class CellUnreadable(ValueError):
    """A cell cannot be read; ``code`` is the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def reader_of(field: Field, chosen: Mapping[str, str], date_order: str) -> Read:
    """Return the function that reads the cells of a question; it is not called for empty cells.

    Args:
        field: the question.
        chosen: the choice that the text of a cell means, by the text in folded form.
        date_order: the order of dates, see :class:`services.registration.importing.model.ColumnMapping`.
    """
    kind = field.kind
    if kind.ordered:
        return lambda text: read_day(text, date_order).isoformat()
    if kind.data_type == "boolean":
        return _read_yes_or_no
    if field.name == LANGUAGE_FIELD:
        return lambda text: _mapped(text, chosen) or _language(text)
    known = _choices(field)
    if kind.data_type == "list":
        return lambda text: _read_several(text, lambda part: _mapped(part, chosen) or known.get(folded(part)))
    if known or chosen:
        return lambda text: _mapped(text, chosen) or known.get(folded(text), text.strip())
    return kind.parse


def _mapped(text: str, chosen: Mapping[str, str]) -> str | None:
    return chosen.get(folded(text)) or chosen.get(folded(text[:MAX_CHOICE])) if chosen else None


def has_choices(field: Field) -> bool:
    """Whether the mapping can have a table of values for a question."""
    return field.kind.data_type != "boolean" and bool(field.kind.choices(field, "en"))


def unknown_texts(field: Field, text: str, answer: Any) -> tuple[str, ...]:
    """Return the texts of a cell that are none of the choices, for a mapping to name; of several choices those unknown.

    Args:
        field: the question.
        text: the text of the cell.
        answer: the answer that was read from it.
    """
    if not isinstance(answer, list):
        return (text[:MAX_CHOICE],)
    values = {value for value, _ in field.kind.choices(field, "en")}
    return tuple(dict.fromkeys(part[:MAX_CHOICE] for part in answer if part not in values))


def _choices(field: Field) -> dict[str, str]:
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for value, label in field.kind.choices(field, language):
            found.setdefault(folded(label), value)
    return {**found, **{folded(str(value)): value for value in found.values()}}


def _read_several(text: str, find: Callable[[str], str | None]) -> list[str]:
    """Some choices in one cell, each once; a part that is none of them stays as it is.

    Separated by semicolons, bars or line ends; otherwise also by commas, which labels may contain. Where some parts
    are not known, the separators that leave the most known ones are taken.
    """
    if (whole := find(text)) is not None:
        return [whole]
    splits = [[part.strip() for part in separator.split(text) if part.strip()] for separator in _SEPARATORS]
    found = [[(part, find(part)) for part in parts] for parts in splits]
    complete = next((parts for parts in found if all(value is not None for _, value in parts)), None)
    best = complete or max(found, key=lambda one: (sum(value is not None for _, value in one), len(one) > 1))
    return list(dict.fromkeys(value or part for part, value in best))


@cache
def _choice_words() -> tuple[frozenset[str], frozenset[str]]:
    texts = engine_texts()
    yes = {folded(texts.text("answer.yes", language)) for language in LANGUAGES}
    no = {folded(texts.text("answer.no", language)) for language in LANGUAGES}
    return frozenset({*yes, *_YES, "yes", "true", "1", "on"}), frozenset({*no, *_NO, "no", "false", "0", "off"})


def _read_yes_or_no(text: str) -> bool | str:
    yes, no = _choice_words()
    answer = folded(text)
    return True if answer in yes else False if answer in no else text


@cache
def _language_names() -> dict[str, str]:
    return {folded(name): code for name, code in names_of_languages()}


def _language(text: str) -> str:
    return _language_names().get(folded(text)) or named_language(text.strip()) or text.strip()


def read_language(text: str) -> str:
    """Return the language that a cell names.

    Raises:
        CellUnreadable: none of the six.
    """
    found = _language(text)
    if found not in LANGUAGE_NAMES:
        raise CellUnreadable("not-a-choice")
    return found


def read_day(text: str, date_order: str) -> date:
    """Return the day that a cell begins with.

    Raises:
        CellUnreadable: ``bad-date``, or ``ambiguous-date`` where only ``date_order`` can decide what comes first.
    """
    stripped = text.strip()
    if found := _YEAR_FIRST.match(stripped):
        year, month, day = map(int, found.groups())
    elif found := _SLASHED.match(stripped):
        first, second, year = map(int, found.groups())
        dotted = "." in found[0]
        if not date_order and not dotted and first <= 12 and second <= 12 and first != second:
            raise CellUnreadable(AMBIGUOUS)
        month_first = (date_order == "mdy" and not dotted and first <= 12) or second > 12
        day, month = (second, first) if month_first else (first, second)
    else:
        raise CellUnreadable("bad-date")
    try:
        return date(year, month, day)
    except ValueError:
        raise CellUnreadable("bad-date") from None


def read_instant(text: str, date_order: str) -> datetime:
    """Return the instant in a cell; without an offset it is UTC, without a clock time the start of the day.

    Raises:
        CellUnreadable: see :func:`read_day`; ``unknown-zone`` for an abbreviation that is not known.
    """
    day = read_day(text, date_order)
    clock = _CLOCK.search(text.strip())
    if clock is None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    hour, minute, second, half, rest = clock.groups()
    zone = rest.strip()
    offset = _OFFSET.fullmatch(f"{_HOURS_OF_ZONE[zone]:+}" if zone in _HOURS_OF_ZONE else zone)
    if offset is None:
        raise CellUnreadable("unknown-zone" if zone.isalpha() else "bad-date")
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half[0] in "Pp" else 0)
    sign, by_hours, by_minutes = offset.groups()
    try:
        away = timedelta(hours=int(by_hours or 0), minutes=int(by_minutes or 0)) * (-1 if sign == "-" else 1)
        return datetime(day.year, day.month, day.day, hours, int(minute), int(second or 0), tzinfo=timezone(away))
    except ValueError:
        raise CellUnreadable("bad-date") from None


_STATUSES = {
    "wait": ("waitlisted", "waiting list", "waiting", "on waiting list", "waitlist", "liste d’attente",
             "lista de espera", "список ожидания", "قائمة الانتظار", "候补名单", "候补"),
    "seat": ("confirmed", "attending", "checked in", "paid", "registered", "going", "approved", "accepted", "completed",
             "complete", "confirmé", "approuvé", "accepté", "confirmado", "aprobado", "aceptado", "completado",
             "подтверждено", "одобрено", "завершено", "مؤكد", "مقبول", "مكتمل", "已确认", "已批准", "已通过", "已完成"),
    "cancelled": ("cancelled", "canceled", "not attending", "refunded", "deleted", "expired", "withdrawn", "revoked",
                  "cancelled by registrant", "canceled by registrant", "cancelled by self", "canceled by self",
                  "cancelled by host", "canceled by host", "annulé", "retiré", "cancelado", "retirado", "отменено",
                  "отозвано", "ملغى", "منسحب", "已取消", "已撤回"),
    "denied": ("denied", "rejected", "declined", "blocked", "denied/blocked", "refusé", "rejeté", "rechazado",
               "denegado", "отклонено", "отказано", "مرفوض", "已拒绝"),
    "undecided": ("pending", "pending approval", "awaiting approval", "en attente", "pendiente",
                  "ожидает", "на рассмотрении", "قيد الانتظار", "معلق", "待审批", "待审核", "待定"),
    "unpaid": ("unpaid", "not paid", "awaiting payment", "pending payment", "impayé", "non payé",
               "en attente de paiement", "no pagado", "pendiente de pago", "не оплачено", "ожидает оплаты", "غير مدفوع",
               "بانتظار الدفع", "未付款", "等待付款"),
}  # fmt: skip
"""Words of exports by what they mean. Indico: titles of ``RegistrationState``; Zoom: the lists of registrants."""


@cache
def _status_words() -> dict[str, str]:
    return {folded(word): meaning for meaning, words in _STATUSES.items() for word in words}


def read_status(text: str) -> str:
    """Return a person's place according to a cell: ``seat``, ``wait``, or why they have none.

    Raises:
        CellUnreadable: ``unknown-status``.
    """
    found = _status_words().get(folded(text))
    if found is None:
        raise CellUnreadable("unknown-status")
    return found
