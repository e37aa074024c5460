"""Roles, grants, and the rules for granting access. Pure: it never reads or writes anything."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from unicodedata import name as character_name
from unicodedata import normalize

ADMINISTRATOR, COORDINATOR, PARTNER = "administrator", "coordinator", "partner"
INVITED_FOR = timedelta(days=7)
"""How long the link of an invitation is valid."""

NEW_FOR = timedelta(days=3)
"""How long an access counts as new after its link was used: long enough for others to notice it."""

ROLE_WORDS = {
    "viewer": "Viewer: sees events, numbers and lists without names",
    "coordinator": "Coordinator: sets up events and forms, sees and changes registrations",
    "sealed-reader": "Reader of sealed answers: each reading needs a reason and is logged",
    "operator": "Operator: sees the audit log and the log of sealed readings",
    "administrator": "Administrator: invites colleagues, ends access and sessions",
    "partner": "Partner: sees only the embed codes and the numbers of one partner",
}
"""What each role means, for people who give it and people who are invited to it."""

_LOOKALIKE_SCRIPTS = {"LATIN", "GREEK", "CYRILLIC"}
_SHOWN_ALIKE = {
    "A": "АΑ", "B": "ВΒ", "C": "СϹ", "E": "ЕΕ", "G": "Ԍ", "H": "НΗ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Ν",
    "O": "ОΟ0", "P": "РΡ", "Q": "Ԛ", "S": "Ѕ", "T": "ТΤ", "W": "Ԝ", "X": "ХΧ", "Y": "УҮΥ", "Z": "Ζ",
    "a": "аα", "c": "сϲ", "d": "ԁ", "e": "е", "h": "һ", "i": "іιı", "j": "јϳ", "l": "IІΙӀӏ1|", "o": "оο", "p": "рρ",
    "q": "ԛ", "s": "ѕ", "u": "υ", "v": "ν", "w": "ԝ", "x": "х", "y": "уүγ",
}  # fmt: skip
"""Letters of Cyrillic and Greek, and digits, that most fonts show as a Latin letter (UTS 39, confusables.txt). A
table, because three scripts are enough: ``confusable_homoglyphs`` has a megabyte for all, PyICU has to be compiled."""
_AS_LATIN = str.maketrans({letter: latin for latin, letters in _SHOWN_ALIKE.items() for letter in letters})
_ADDRESS = re.compile(r"[:/\\@]|\bwww\.|[^\W\d_]{2,}[\w-]*\.[^\W\d_]{2,}", re.IGNORECASE)
"""A URL, a mailbox or a domain. Initials and titles (``J.R. Doe``, ``Dr. Doe``) are none."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person may do.

    Attributes:
        roles: the roles, at least one.
        forms: the forms to which it is limited; None for all.
        partner: the partner whose numbers the person may see, for the role ``partner`` and no other.
        until: the time at which it expires, aware; None for never.
    """

    roles: frozenset[str]
    forms: frozenset[str] | None = None
    partner: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The access of one holder, as the pages and the API show it.

    Attributes:
        id: the UUID text.
        keys: the number of access keys.
        passkeys: the number of passkeys.
        invited_until: the time at which an unused invitation expires; None without one.
        invited_by: the name of the person who sent the invitation, or the last one.
    """

    id: str
    name: str
    grant: Grant
    revision: int
    keys: int
    passkeys: int
    invited_until: datetime | None
    invited_by: str | None

    def state(self, now: datetime) -> str:
        """``active``, ``invited``, ``expired``, or ``without-sign-in``: the invitation ended without being used."""
        if self.grant.until is not None and now >= self.grant.until:
            return "expired"
        if self.keys or self.passkeys:
            return "active"
        return "invited" if self.invited_until is not None and now < self.invited_until else "without-sign-in"

    def is_administrator(self, now: datetime) -> bool:
        """Whether they can give and end access now."""
        return ADMINISTRATOR in self.grant.roles and self.state(now) == "active"


def is_readable(name: str) -> bool:
    """Whether a name is one line that shows what it is.

    Refused are invisible characters and words that mix Latin, Greek and Cyrillic letters (UTS 39), which make two names
    appear identical, and addresses of sites or mailboxes, which a mail program turns into links.
    """
    if not name.isprintable() or name != " ".join(name.split()) or _ADDRESS.search(normalize("NFKC", name)):
        return False
    return all(len(_LOOKALIKE_SCRIPTS & set(map(_script, word))) <= 1 for word in normalize("NFKC", name).split())


def appearance(name: str) -> str:
    """``name`` for comparison alone: equal for names that look the same though their letters differ."""
    return normalize("NFKC", normalize("NFKD", name).translate(_AS_LATIN)).casefold()


def _script(character: str) -> str:
    return character_name(character, "").partition(" ")[0]


def grant_obstacle(own: Grant, given: Grant) -> str:
    """Why a person with ``own`` may not give ``given``; empty if they may. No one can give more than they have."""
    if PARTNER in given.roles:
        if COORDINATOR not in own.roles or own.forms is not None:
            return "only a coordinator of all forms gives access to a partner's numbers"
    elif missing := sorted(given.roles - own.roles):
        return f"you do not have the role {missing[0]} yourself"
    elif own.forms is not None and (given.forms is None or not given.forms <= own.forms):
        return "your own access is limited to some forms, and this access would cover more"
    if own.until is not None and (given.until is None or given.until > own.until):
        return "it would last longer than your own access"
    return ""


def faults_of(grant: Grant, known_roles: Collection[str], now: datetime) -> dict[str, str]:
    """Faults of a grant, by field."""
    faults = {}
    if not grant.roles or not grant.roles <= set(known_roles):
        faults["roles"] = "Choose at least one role."
    elif PARTNER in grant.roles and (len(grant.roles) > 1 or grant.partner is None):
        faults["roles"] = "The partner role cannot be combined with others, and needs a partner."
    elif PARTNER not in grant.roles and grant.partner is not None:
        faults["partner"] = "A partner can be chosen only with the partner role."
    if ADMINISTRATOR in grant.roles and grant.forms is not None:
        faults["forms"] = "An administrator cannot be limited to some forms."
    if grant.until is not None and grant.until <= now:
        faults["until"] = "The last day must be in the future."
    return faults
