"""Names that travel beside the answers of a form. No field may have one of them."""

from collections.abc import Mapping
from typing import Any

TRANSPORT_FIELDS = frozenset(
    {"partner", "lang", "website", "idempotency_key", "theme", "parent", "accent", "radius", "font", "altcha"}
)
"""``website`` is the trap for programs that fill in everything: people never see it, so it stays empty."""


def split_transport(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Transport values and answers of one submission, apart.

    Returns:
        (what travels beside the answers, the answers), each as a new dict.
    """
    beside = {key: value for key, value in raw.items() if key in TRANSPORT_FIELDS}
    answers = {key: value for key, value in raw.items() if key not in TRANSPORT_FIELDS}
    return beside, answers
