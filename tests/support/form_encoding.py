"""Form-encoded bodies as a browser sends them."""

from collections.abc import Mapping
from typing import Any


def to_form_encoded(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the pairs a browser would send for ``answers``, for fields of any kind."""
    pairs: list[tuple[str, str]] = []
    for name, answer in answers.items():
        for value in answer if isinstance(answer, list) else [answer]:
            pairs.append((name, {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)))
    return pairs
