"""Shadows: what is written for somebody who is answered as if they were new, and is not.

An address that is registered already, or blocked, or has registered too often today, would otherwise be answered sooner
than a new one: whoever sends one after the other and looks at the clock would learn which it is. So as much is written
for it, to tables of the same shape that nobody reads and that are soon emptied. A shadow holds nothing of a person:
each of their words is replaced by as much noise.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.registration.domain.intake import Arrival
from shared.core.ids import new_id


def disguised(arrival: Arrival) -> Arrival:
    """``arrival`` with noise in place of whatever says who it is or what they said, each as long as it was."""
    submission, registration, capacity = arrival
    unnamed = replace(
        registration,
        person_ref=secrets.token_hex(len(registration.person_ref) // 2),
        organisation_id=registration.organisation_id and new_id(),
        box=secrets.token_bytes(len(registration.box)),
    )
    silenced = replace(
        submission,
        person=unnamed,
        name=submission.name and _noise(submission.name),
        email=_noise(submission.email),
        organisation=submission.organisation and _noise(submission.organisation),
        answers=_silenced(submission.answers),
        sealed=submission.sealed and secrets.token_bytes(len(submission.sealed)),
        own_hash=secrets.token_bytes(len(submission.own_hash)),
        verify_hash=submission.verify_hash and secrets.token_bytes(len(submission.verify_hash)),
    )
    return silenced, unnamed, capacity


def _noise(text: str) -> str:
    """As many words of as many bytes: names are found by their words, so each costs an entry in an index."""
    return " ".join(_word(word) for word in text.split(" "))


def _word(text: str) -> str:
    """One word of as many bytes; drawn at once, so that a long text of short words costs no more than another."""
    size = len(text.encode())
    return secrets.token_hex((size + 1) // 2)[:size]


def _silenced(answers: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: _word(answer) if isinstance(answer, str) else _without_words(answer) for name, answer in answers.items()
    }


def _without_words(answer: object) -> Any:
    if isinstance(answer, list):
        return [_word(item) if isinstance(item, str) else 0 for item in answer]
    return False if isinstance(answer, bool) else 0
