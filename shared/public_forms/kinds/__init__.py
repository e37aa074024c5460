"""The closed list of kinds of field. A new kind is a module here and a line below.

A kind that lacks a behaviour, or a name that is used twice, is an error when this module is imported.
"""

from collections.abc import Mapping
from types import MappingProxyType

from shared.public_forms.fields import FieldKind
from shared.public_forms.kinds.choices import COUNTRY, LANGUAGE, ONE_OF, SOME_OF, TIME_ZONE, WORKING_GROUP
from shared.public_forms.kinds.text import EMAIL, LONG_TEXT, PHONE, TEXT
from shared.public_forms.kinds.values import CONSENT, DATE, NUMBER, YES_NO


def by_name(*kinds: FieldKind) -> Mapping[str, FieldKind]:
    """Return kinds by their names.

    Raises:
        ValueError: two have the same name.
    """
    named = {kind.name: kind for kind in kinds}
    if len(named) < len(kinds):
        raise ValueError("two kinds of field have the same name")
    return MappingProxyType(named)


KINDS = by_name(
    TEXT,
    LONG_TEXT,
    EMAIL,
    PHONE,
    NUMBER,
    DATE,
    YES_NO,
    ONE_OF,
    SOME_OF,
    COUNTRY,
    TIME_ZONE,
    LANGUAGE,
    CONSENT,
    WORKING_GROUP,
)
"""Every kind by its name."""
