"""What sealed answers are read for: a closed registry of purposes, each with the answers that it needs and no others.

The names of questions are those of the standard forms (``shared/public_forms/standard``). A form serves a purpose if it
asks the questions that the purpose needs, under these names and of these kinds. A form with other questions is read by
the purpose ``custom``, for which the reader chooses questions.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from services.registration.sealed_lists.counting import Answers, Count, by_answer, by_day, by_night, of_chosen
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field

CUSTOM, EVERYTHING = "custom", "everything"


class Names(Enum):
    """Whether the names of people stand beside their answers."""

    ALWAYS = "always"
    """The list is of no use without them."""
    USUALLY = "usually"
    """Unless the reader asks for numbers alone."""
    ON_REQUEST = "on-request"
    """Numbers alone, unless the reader asks for names too."""

    def wanted(self, *, asked: bool | None) -> bool:
        """Return whether names are shown, by what the reader asked for (None: nothing)."""
        if self is Names.ALWAYS:
            return True
        return asked if asked is not None else self is Names.USUALLY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Purpose:
    """A reason for which answers are opened together. Every attribute is required.

    Attributes:
        name: in addresses, the log and the public interface.
        title: for people.
        about: one sentence on what the list is for.
        needs: kinds by the name of the question; a form without one of them does not serve the purpose.
        also: names of questions that are opened where the form asks them.
        concerns: whether somebody with these answers belongs on the list.
        names: whether names stand beside the answers.
        order: sorts the list.
        count: makes the numbers.
    """

    name: str
    title: str
    about: str
    needs: Mapping[str, Sequence[str]]
    also: Sequence[str]
    concerns: Callable[[Answers], bool]
    names: Names
    order: Callable[[Answers], Any]
    count: Count

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def fields_of(self, definition: FormDefinition) -> tuple[Field, ...]:
        """Return the sealed questions that this purpose opens on a form; none if the form does not serve it."""
        sealed = {field.name: field for field in definition.fields if field.sealed}
        served = all(name in sealed and sealed[name].kind.name in kinds for name, kinds in self.needs.items())
        names = (*self.needs, *self.also) if served else ()
        return tuple(sealed[name] for name in names if name in sealed)


def _first_day(answers: Answers) -> Any:
    return str(answers.get("arrives_on") or "9999"), str(answers.get("leaves_on") or "9999")


def _any_of(*names: str) -> Callable[[Answers], bool]:
    return lambda answers: any(name in answers for name in names)


def _unsorted(_: Answers) -> Any:
    return ""


_TEXTS = ("long_text", "text", "one_of", "some_of")

ARRIVALS = Purpose(
    name="arrivals",
    title="Arrivals and departures",
    about="Who arrives and leaves on which day, for welcoming people and for badges.",
    needs={"arrives_on": ("date",), "leaves_on": ("date",)},
    also=(),
    concerns=_any_of("arrives_on", "leaves_on"),
    names=Names.USUALLY,
    order=_first_day,
    count=by_day,
)
ROOMING = Purpose(
    name="rooming",
    title="Rooming list",
    about="Who stays in which hotel and for how many nights, for the hotels.",
    needs={"hotel": ("one_of",)},
    also=("hotel_nights", "arrives_on", "leaves_on"),
    concerns=_any_of("hotel"),
    names=Names.USUALLY,
    order=lambda answers: (str(answers.get("hotel")), *_first_day(answers)),
    count=by_night,
)
VISA_LETTERS = Purpose(
    name="visa-letters",
    title="Visa letters",
    about="People who need a letter, with the details that it has to contain.",
    needs={"nationality": ("country",), "passport_number": ("text",), "passport_expires_on": ("date",)},
    also=("visa_letter", "arrives_on", "leaves_on"),
    concerns=lambda answers: answers.get("visa_letter", "passport_number" in answers) is True,
    names=Names.ALWAYS,
    order=_first_day,
    count=by_answer("nationality"),
)
CATERING = Purpose(
    name="catering",
    title="Catering",
    about="How many people have which diet.",
    needs={"diet": _TEXTS},
    also=(),
    concerns=_any_of("diet"),
    names=Names.ON_REQUEST,
    order=lambda answers: str(answers.get("diet")).casefold(),
    count=by_answer("diet"),
)
ACCESS = Purpose(
    name="access",
    title="Access needs",
    about="Captions, step-free access, interpretation and other needs.",
    needs={"access_needs": _TEXTS},
    also=(),
    concerns=_any_of("access_needs"),
    names=Names.USUALLY,
    order=lambda answers: str(answers.get("access_needs")).casefold(),
    count=by_answer("access_needs"),
)
OF_CHOICE = Purpose(
    name=CUSTOM,
    title="Questions of your choice",
    about="Only the questions that you choose are opened.",
    needs={},
    also=(),
    concerns=bool,
    names=Names.USUALLY,
    order=_unsorted,
    count=of_chosen,
)
ALL_ANSWERS = Purpose(
    name=EVERYTHING,
    title="All sealed answers",
    about="The whole list. A second person has to approve it.",
    needs={},
    also=(),
    concerns=bool,
    names=Names.ALWAYS,
    order=_unsorted,
    count=of_chosen,
)
PURPOSES: Mapping[str, Purpose] = {
    purpose.name: purpose for purpose in (ARRIVALS, ROOMING, VISA_LETTERS, CATERING, ACCESS, OF_CHOICE, ALL_ANSWERS)
}
"""All purposes, in the order in which they are offered."""


def served_by(definition: FormDefinition) -> list[Purpose]:
    """Return the purposes that a form serves; none if it asks nothing sealed."""
    sealed = any(field.sealed for field in definition.fields)
    return [one for one in PURPOSES.values() if one.fields_of(definition) or (sealed and not one.needs)]


def fields_for(purpose: Purpose, definition: FormDefinition, chosen: Sequence[str]) -> tuple[Field, ...]:
    """Return the sealed questions that are opened for a purpose on a form.

    Args:
        purpose: one of the registry.
        definition: of the form.
        chosen: names of questions, for ``custom`` alone.

    Returns:
        in the order of the form where the reader chooses; empty if the form does not serve the purpose.
    """
    sealed = [field for field in definition.fields if field.sealed]
    if purpose is ALL_ANSWERS:
        return tuple(sealed)
    if purpose is OF_CHOICE:
        return tuple(field for field in sealed if field.name in chosen)
    return purpose.fields_of(definition)


def needs_second_person(
    purpose: Purpose,
    fields: Sequence[Field],
    definition: FormDefinition,
    before: Sequence[tuple[str, Sequence[str]]],
    added: Collection[str] = (),
) -> bool:
    """Return whether it is the whole list: all sealed answers of a form, by its name or by choosing all of them.

    Whoever chooses them in parts has chosen them all with the last part. A question that was added lately makes no
    list a part: the reader may have added it, and nobody may have answered it.

    Args:
        purpose: of the list.
        fields: that it opens.
        definition: of the form.
        before: purpose and opened questions of the lists that the reader has opened alone, of this form, lately.
        added: names of questions that the form has got lately.
    """
    opened = {field.name for field in fields}.union(*(names for _, names in before))
    sealed = {field.name for field in definition.fields if field.sealed}
    whole = (sealed.difference(added) or sealed) <= opened
    chosen = CUSTOM in (purpose.name, *(name for name, _ in before))
    return purpose is ALL_ANSWERS or (whole and chosen)
