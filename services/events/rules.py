"""Validation of domain values: all broken rules at once, each with its field and a stable code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.i18n.languages import DEFAULT, LANGUAGES, Text
from shared.runtime.errors import DomainError

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""Lower-case Latin words and digits joined by single hyphens: safe in addresses and routing keys."""
SLUG_LENGTH = 80
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that no text in a database can contain: NUL, and halves of UTF-16 pairs, which JSON can express."""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that does not hold: the field concerned, a code for programs, a sentence for people."""

    field: str
    code: str
    detail: str


class RulesBroken(DomainError):
    """A value would break rules; ``broken`` lists all of them, code and detail are those of the first."""

    def __init__(self, broken: tuple[BrokenRule, ...]) -> None:
        super().__init__(broken[0].code, f"{broken[0].field} {broken[0].detail}")
        self.broken = broken


def enforce(rules: Iterable[BrokenRule | None]) -> None:
    """Do nothing if every entry of ``rules`` is None.

    Raises:
        RulesBroken: with all entries that are not None, in their order.
    """
    if broken := tuple(rule for rule in rules if rule is not None):
        raise RulesBroken(broken)


def rules_under(field: str, error: RulesBroken) -> RulesBroken:
    """The rules that a part of ``field`` breaks, as rules of the field itself."""
    return RulesBroken(
        tuple(BrokenRule(field, rule.code, f"{rule.field.replace('_', ' ')} {rule.detail}") for rule in error.broken)
    )


def slug_rule(field: str, value: str) -> BrokenRule | None:
    """``value`` must be a slug of at most 80 characters."""
    if len(value) <= SLUG_LENGTH and SLUG.fullmatch(value):
        return None
    return BrokenRule(field, "not-a-slug", "must be lower-case letters and digits joined by hyphens, at most 80")


def text_rule(field: str, value: str, *, least: int, most: int) -> BrokenRule | None:
    """``value`` must have from ``least`` to ``most`` characters, no spaces at the ends, and no character that cannot be
    stored."""
    if UNSTORABLE.search(value):
        return BrokenRule(field, "text-characters", "must not contain NUL or half a character")
    if least <= len(value) <= most and value == value.strip():
        return None
    return BrokenRule(field, "text-length", f"must have {least} to {most} characters, without blanks at the ends")


def content_rule(field: str, value: Text, *, least: int, most: int) -> BrokenRule | None:
    """``value`` must obey ``text_rule`` in each language it has; with ``least`` above 0 it has at least one.

    A fault of a translation names the language: ``title.fr``.
    """
    texts = value.as_mapping
    if unknown := sorted(set(texts).difference(LANGUAGES)):
        return BrokenRule(field, "unknown-language", f"has a text in {unknown[0]!r}, which is not a supported language")
    if not texts:
        return text_rule(field, "", least=least, most=most)
    fields = {code: field if code == DEFAULT else f"{field}.{code}" for code in texts}
    return next(filter(None, (text_rule(fields[code], texts[code], least=1, most=most) for code in texts)), None)


def number_rule(field: str, value: int, *, least: int) -> BrokenRule | None:
    """``value`` must be at least ``least``."""
    return None if value >= least else BrokenRule(field, "number-too-small", f"must be at least {least}")
