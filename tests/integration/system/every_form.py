"""Every form of the sample filled in, with a unique word in each field that can hold one."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.registration.forms.standard_forms import standard_form
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field
from tests.support.proposals import FORM as PROPOSAL

FORMS = {
    "upr-webinar-10": "webinar",
    "geneva-delegation": "delegation",
    "join-working-group": "working_group",
    "review-press-conference": "attendance",
    "council-session-interest": "interest",
    PROPOSAL: "proposal",
}
GROUPS = (("civil-liberties", "Civil liberties"),)
BY_CHOICE = ("one_of", "some_of", "working_group", "country", "time_zone", "language", "yes_no", "consent", "number")
"""Kinds whose answers are of a few: none is a person's own. What is sealed of them is searched for by its field's name
in test_sealed_dump.py."""

_FIRST_DAY = date(2041, 1, 3)
_GIVEN = {"country": "CH", "time_zone": "Europe/Zurich", "language": "en", "yes_no": True, "consent": True}
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Place:
    """One field of one form."""

    form: str
    field: str
    sealed: bool = False

    def __str__(self) -> str:
        return f"{self.form}.{self.field}"


@dataclass(frozen=True, slots=True)
class Filled:
    """Attributes:
    answers: as they are sent.
    details: as they are given on the own page, after the confirmation; none if the form leaves nothing for then.
    words: what can be searched for, by its field.
    """

    form: str
    answers: Mapping[str, Any]
    details: Mapping[str, Any]
    words: Mapping[Place, str]


def fill(form: str) -> Filled:
    """The form with this name, every one of its fields answered."""
    answers, details, words = dict[str, Any](), dict[str, Any](), dict[Place, str]()
    for number, field in enumerate(_definition(form).fields):
        place = Place(form, field.name, field.sealed)
        word = "cnry" + hashlib.sha256(str(place).encode()).hexdigest()[:10]
        answer = _answer(field, word, number)
        (details if field.after_confirmation else answers)[field.name] = answer
        if field.lines_of:
            answers[field.lines_of] += f"\n{answer}"
        if field.kind.name not in BY_CHOICE:
            words[place] = answer.partition("@")[0]
    return Filled(form, answers, details, words)


def odd_requests(filled: Filled) -> Iterator[tuple[str, dict[str, str]]]:
    """Requests that are refused for what is in them: each field with an answer that it cannot have, and broken ones."""
    word = next(iter(filled.words.values()))
    for name in filled.answers:
        yield json.dumps({**filled.answers, name: {"x": word}}), _JSON
        yield json.dumps({**filled.answers, name: f"{word}\n{word}" * 400}), _JSON
    yield json.dumps({**filled.answers, word: word}), _JSON
    if filled.details:
        yield json.dumps({**filled.answers, **filled.details}), _JSON  # too early
    yield json.dumps(filled.answers)[:-2], _JSON
    yield json.dumps(filled.answers), {**_JSON, "Idempotency-Key": f"{word} with space"}
    yield json.dumps(filled.answers), {"Content-Type": "text/plain"}


def odd_details(filled: Filled) -> Iterator[Mapping[str, Any]]:
    """Details that are refused for what is in them: each field with an answer that it cannot have."""
    for name in filled.details:
        word = filled.words.get(Place(filled.form, name, sealed=True), "")
        yield {**filled.details, name: f"{word} is none of its answers " * 40}


def _definition(form: str) -> FormDefinition:
    return standard_form(FORMS[form], form, form, working_groups=GROUPS)


def _answer(field: Field, word: str, number: int) -> Any:
    if field.kind.name == "email":
        return f"{word}@example.org"
    if field.kind.name == "date":
        return (_FIRST_DAY + timedelta(days=10 * number)).isoformat()
    if field.kind.name == "number":
        return int(field.minimum or 1) + 1
    if field.kind.name in ("one_of", "some_of", "working_group"):
        value = field.options[0].value
        return [value] if field.kind.name == "some_of" else value
    return _GIVEN.get(field.kind.name, word)
