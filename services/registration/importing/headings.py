"""Headings of columns: those of well-known exports, usual ones in the six languages, and where they are in a file.

The exports are Google Forms (CSV of responses, and the linked sheet), Eventbrite's attendee report, pretix' list of
order positions (pretix/base/exporters/orderlist.py), Indico's list of registrations
(indico/modules/events/registration/util.py) and Zoom's registration reports. Zoom's time of registration is left out:
it has no time zone, and in some reports names the month.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.registration.importing.model import LANGUAGE, RECEIVED_AT, STATUS, TIME_ZONE
from shared.public_forms.fields import ADDRESS_FIELD, folded


@dataclass(frozen=True, slots=True)
class KnownExport:
    """An export that is recognised: all of ``needs`` are among its headings, in folded form."""

    name: str
    needs: frozenset[str]
    targets: Mapping[str, str]
    date_order: str = ""


EXPORTS = (
    KnownExport(
        "pretix",
        frozenset({"order code", "position id", "attendee name", "attendee email"}),
        {
            "attendee name": "name",
            "attendee email": "email",
            "company": "organisation",
            "country": "country",
            "status": STATUS,
            "order date": RECEIVED_AT,
            "order locale": LANGUAGE,
        },
    ),
    KnownExport(
        "Eventbrite",
        frozenset({"order #", "order date", "first name", "email"}),
        {
            "first name": "name",
            "last name": "name",
            "surname": "name",
            "email": "email",
            "company": "organisation",
            "attendee status": STATUS,
            "order date": RECEIVED_AT,
        },
    ),
    *(
        KnownExport(
            "Indico",
            frozenset({"id", "name", *state}),
            {
                "name": "name",
                "email address": "email",
                "affiliation": "organisation",
                "registration date": RECEIVED_AT,
                state[0]: STATUS,
            },
        )
        for state in (("registration state",), ("state", "registration date"))
    ),
    *(
        KnownExport(
            "Zoom",
            frozenset({"first name", "email", *state}),
            {
                "first name": "name",
                "last name": "name",
                "email": "email",
                "organization": "organisation",
                "country/region": "country",
                "country/region name": "country",
                state[0]: STATUS,
            },
        )
        for state in (("approval status",), ("status", "registration time"))
    ),
    KnownExport(
        "Google Forms",
        frozenset({"timestamp", "email address"}),
        {"timestamp": RECEIVED_AT, "email address": "email"},
    ),
    KnownExport(
        "Google Forms",
        frozenset({"timestamp", "username"}),
        {"timestamp": RECEIVED_AT, "username": "email"},
    ),
)

COMMON_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "email": ("e-mail", "email", "mail", "e-mail address", "email address", "your email", "correo electrónico",
              "adresse e-mail", "courriel", "электронная почта", "البريد الإلكتروني", "电子邮件", "邮箱"),
    "name": ("name", "full name", "your name", "your full name", "first name", "last name", "given name",
             "family name", "surname", "nom", "prénom", "nombre", "apellidos", "имя", "фамилия", "الاسم", "姓名"),
    "organisation": ("organisation", "organization", "company", "affiliation", "organización", "организация"),
    STATUS: ("status", "attendee status", "registration status", "registration state", "approval status"),
    RECEIVED_AT: ("timestamp", "received at", "registered at", "registration date", "date received"),
    LANGUAGE: ("language", "langue", "idioma", "язык", "اللغة", "语言"),
    TIME_ZONE: ("time zone", "timezone"),
}  # fmt: skip

_STATUS_WORDS = frozenset(
    {
        "status", "state", "approval", "approved", "estado", "situación", "aprobación", "statut", "état", "approbation",
        "статус", "состояние", "одобрение", "подтверждение", "الحالة", "حالة", "الموافقة", "موافقة",
    }
)  # fmt: skip
_STATUS_SIGNS = ("状态", "审批", "批准", "审核")
_OF_ADDRESSES = frozenset({"province", "region", "country", "zip"})
"""Beside them, a state is a part of a country."""


def may_be_status(heading: str) -> bool:
    """Whether a heading contains a usual word for a status, a state or an approval, in one of the six languages."""
    words = set(re.findall(r"\w+", folded(heading)))
    if any(sign in heading for sign in _STATUS_SIGNS):
        return True
    return bool(words & _STATUS_WORDS) and not words & _OF_ADDRESSES


_TARGETS = {folded(word): target for target, words in COMMON_HEADINGS.items() for word in words}


def are_headings(cells: Iterable[str]) -> bool:
    """Whether a row names the column of the address and another usual one; no cell of it is an address."""
    texts = [folded(cell) for cell in cells]
    targets = {_TARGETS[text] for text in texts if text in _TARGETS}
    return ADDRESS_FIELD in targets and len(targets) > 1 and not any("@" in text for text in texts)
